//! [`Witness`]: whether the draws of a fit keep their spread when they are moved by a kernel that keeps the posterior.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::hamiltonian::{Moved, Whitening};
use super::resample::systematic;
use crate::algorithm::FitError;
use crate::model::{Draws, SiteKind};
use crate::streams::Streams;
use crate::target::Differentiable;

/// Draws that are moved.
const PARTICLES: usize = 400;

/// Trajectories of each, and as many where the first are in doubt: where the statistic is within `DOUBT` of its limit, on
/// either side, so that a second look makes no alarm more likely than one would.
const REPEATS: usize = 5;
const MOST_REPEATS: usize = 20;
const DOUBT: f64 = 1.0;

/// Chance of an alarm where the draws are of the posterior, whatever the number of latents, if the statistic were normal.
const FALSE_ALARMS: f64 = 0.005;

/// Latents up to which their correlations are taken into the moves: a step costs their square.
pub(super) const MOST_LATENTS: usize = 400;

/// What moved draws say that importance weights cannot: regions that q never visits have no draw to weigh.
///
/// Draws resampled by their weights are moved by short Hamiltonian trajectories. If they are of the posterior they stay so,
/// and no latent's spread changes. With `b` before and `a` after, for each latent as the model writes it (by its transform
/// where its support is bounded)
///
/// ```text
/// growth = ln(sd(a) / sd(b))
/// z = growth / se,   se^2 = var over draws of ((a - mean a)^2 / var a - (b - mean b)^2 / var b) / 2,  over n
/// ```
///
/// The draws are paired, so that what is common to both cancels; draws with the same origin count together. The largest `z`
/// over `d` latents is held against the normal quantile of `1 - 0.005 / d`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Witness {
    /// The largest growth of a spread, in its standard errors.
    #[serde(with = "crate::number")]
    pub z: f64,
    /// Where `z` becomes an alarm.
    #[serde(with = "crate::number")]
    pub limit: f64,
    /// The latent that grew the most.
    pub latent: String,
    /// `sd(after) / sd(before)` of that latent.
    #[serde(with = "crate::number")]
    pub growth: f64,
    /// Gradients of the log joint that were taken.
    pub evaluations: u64,
}

impl Witness {
    /// Whether the spread of some latent grew by more than chance explains.
    pub fn is_alarmed(&self) -> bool {
        self.z.is_nan() || self.z > self.limit
    }

    /// Moves draws of a fit, `[latent][draw]`, with the logarithms of their weights, in the coordinates of q's own draws; the
    /// moved draws, too.
    ///
    /// Weights are truncated at the root of their number times their mean, so that the draws that are moved do not all
    /// begin at one.
    ///
    /// *Source*: truncation of Ionides (2008). Moves of resampled draws are those of a sequential Monte Carlo sampler, Del
    /// Moral, Doucet and Jasra (2006), whose spread is looked at here.
    pub(super) fn call(
        target: &dyn Differentiable,
        theta: &[f64],
        whitening: &Whitening,
        (latents, log_weights): (&[f64], &[f64]),
        streams: Streams,
    ) -> Result<(Witness, Draws), FitError> {
        let num_draws = log_weights.len();
        let d = whitening.centre.len();
        let cap = -0.5 * (num_draws as f64).ln();
        let truncated: Vec<f64> = log_weights.iter().map(|l| l.min(cap)).collect();
        let origins = systematic(&truncated, PARTICLES, streams);
        let all = Draws { num_draws, latents: latents.to_vec(), ..Draws::default() };
        let before = all.select(origins.iter().map(|&o| o as usize));
        let mut moved = Moved::new(target, theta, whitening, before.clone(), streams)?;
        let (spread, limit) = (as_written(target, theta, &before), limit(d));
        let mut found = (f64::NAN, 0, f64::NAN);
        for repeat in 1..=MOST_REPEATS {
            moved.repeat()?;
            if repeat == REPEATS || repeat == MOST_REPEATS {
                found = largest(&spread, &as_written(target, theta, &moved.z), &origins);
                let is_in_doubt = (found.0 - limit).abs() < DOUBT;
                if !is_in_doubt {
                    break;
                }
            }
        }
        let (z, latent, growth) = found;
        let latent = target.layout().latent_names().get(latent).cloned().unwrap_or_else(|| format!("z[{latent}]"));
        Ok((Witness { z, limit, latent, growth, evaluations: moved.evaluations() }, moved.z))
    }
}

/// The normal quantile of `1 - FALSE_ALARMS / d`.
fn limit(d: usize) -> f64 {
    Normal::standard().inverse_cdf(1.0 - FALSE_ALARMS / d as f64)
}

/// The latents of draws without transforms that no support asks for, `[latent][draw]`: where the engine has chosen
/// coordinates, what the model writes is spread otherwise than they are.
fn as_written(target: &dyn Differentiable, theta: &[f64], z: &Draws) -> Vec<Vec<f64>> {
    let mut lanes: Vec<Vec<f64>> = z.latents.chunks_exact(z.num_draws).map(<[f64]>::to_vec).collect();
    let written = target.constrained(theta, z);
    for site in target.layout().sites_of(SiteKind::Latent).filter(|site| !site.centring.is_empty()) {
        for (lane, name) in lanes[site.offset..].iter_mut().zip(site.element_names()) {
            if let Some(values) = written.named(&name) {
                lane.copy_from_slice(values);
            }
        }
    }
    lanes
}

/// The largest growth in its standard errors, its latent, and the ratio of the standard deviations.
fn largest(before: &[Vec<f64>], after: &[Vec<f64>], origins: &[u32]) -> (f64, usize, f64) {
    let each = before.iter().zip(after).enumerate().map(|(k, (before, after))| {
        let (z, growth) = growth(before, after, origins);
        (z, k, growth)
    });
    each.fold((f64::NEG_INFINITY, 0, 1.0), |most, one| if one.0 > most.0 || one.0.is_nan() { one } else { most })
}

/// Growth of the spread of one latent in its standard errors, and the ratio of its standard deviations.
fn growth(before: &[f64], after: &[f64], origins: &[u32]) -> (f64, f64) {
    let n = before.len() as f64;
    let squares = |lane: &[f64]| -> (Vec<f64>, f64) {
        let mean = lane.iter().sum::<f64>() / n;
        let squares: Vec<f64> = lane.iter().map(|x| (x - mean).powi(2)).collect();
        let variance = squares.iter().sum::<f64>() / n;
        (squares, variance)
    };
    let ((b, var_b), (a, var_a)) = (squares(before), squares(after));
    let influence: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 0.5 * (a / var_a - b / var_b)).collect();
    let mut start = 0;
    let of_origin = origins.chunk_by(|x, y| x == y).map(|same| {
        let sum: f64 = influence[start..start + same.len()].iter().sum();
        start += same.len();
        sum
    });
    let se = of_origin.map(|sum| sum * sum).sum::<f64>().sqrt() / n;
    let ratio = (var_a / var_b).sqrt();
    (ratio.ln() / se, ratio)
}

#[cfg(test)]
mod tests;
