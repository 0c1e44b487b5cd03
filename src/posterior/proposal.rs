//! [`Proposal`]: draws of q and around it, with their densities and importance weights.

use serde::{Deserialize, Serialize};

use super::Summary;
use super::defence::Defence;
use super::sampler::Sampler;
use super::statistics::summarise;
use super::weights::weights_of;
use crate::algorithm::{FitError, Solution};
use crate::family::Family;
use crate::streams::Streams;
use crate::target::{Constrained, LogDensity};

/// Fresh draws of the law of importance sampling, which weights turn into the posterior.
///
/// Where q is a Gaussian of real latents outside of rows alone, every second draw is of a multivariate Student-t with q's
/// centre and q's matrix of scales, and weights are `p / g` with the density `g` of the mixture of both: the draws reach
/// tails that q does not, and no weight is large because q is small. The Student-t has five degrees of freedom, or as many as
/// there are latents. Of a flow every second draw is the image of noise that is stretched in the same way. Of other families all
/// draws are q's own, and `g` is q.
///
/// Where the verdict trusts a fit, its table, draws and files are of the posterior, made from these by their weights; where it
/// does not, they are q's own among these. The bound, too, is of q's own.
///
/// ```
/// use jensen::prelude::*;
///
/// let fitted = jensen::fit(&model(|p| {
///     let mu = p.draw("mu", normal(0.0, 1.0));
///     p.observe(1.0, student_t(3.0, mu, 1.0));
/// }))?;
/// let q = fitted.proposal();
/// let draws = q.draws("mu").unwrap();
/// let weights: Vec<f64> = q.log_weights().iter().map(|l| l.exp()).collect();
/// assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
/// let mean: f64 = weights.iter().zip(draws).map(|(w, mu)| w * mu).sum();
/// assert!((mean - fitted.summary()[0].mean).abs() < 0.01);
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    pub(super) draws: Constrained,
    #[serde(with = "crate::number::list")]
    pub(super) log_p: Vec<f64>,
    #[serde(with = "crate::number::list")]
    pub(super) log_q: Vec<f64>,
    #[serde(with = "crate::number::list")]
    pub(super) log_weights: Vec<f64>,
    /// Density of the Student-t at the draws, where it does not follow from that of q.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "crate::number::list")]
    pub(super) log_t: Vec<f64>,
    /// The law of the draws that are not q's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) defence: Option<Defence>,
}

impl Proposal {
    /// `num_draws` fresh draws of the q at `solution`, all of them q's own, with the noise of `streams` at step 0.
    ///
    /// # Errors
    /// A solution that is not of this family and target, or a density that cannot be evaluated.
    pub fn draw(
        target: &dyn LogDensity,
        family: &dyn Family,
        solution: &Solution,
        streams: Streams,
        num_draws: usize,
    ) -> Result<Proposal, FitError> {
        let sampler = Sampler { target, family, solution, streams, defence: None, block: num_draws };
        let (mut draws, mut log_p, mut all_log_q) = (Constrained::default(), Vec::new(), Vec::new());
        sampler.each(0..num_draws, |first, z, log_q, pass| {
            draws.place(first, num_draws, &sampler.constrained(first, z)?);
            log_p.extend_from_slice(&pass.log_density[..log_q.len()]);
            all_log_q.extend_from_slice(log_q);
            Ok(())
        })?;
        let weights = weights_of(&log_p, &all_log_q);
        let total: f64 = weights.iter().sum();
        let log_weights = weights.iter().map(|w| if total > 0.0 { (w / total).ln() } else { f64::NEG_INFINITY });
        Ok(Proposal {
            draws,
            log_weights: log_weights.collect(),
            log_p,
            log_q: all_log_q,
            log_t: Vec::new(),
            defence: None,
        })
    }

    /// Number of draws.
    pub fn num_draws(&self) -> usize {
        self.log_p.len()
    }

    /// Whether a draw is q's own; the others are of a Student-t around q, or images of Student-t noise.
    pub fn is_of_q(&self, draw: usize) -> bool {
        self.defence.is_none() || Defence::is_of_q(draw)
    }

    /// q's own draws, of all quantities.
    pub fn of_q(&self) -> Constrained {
        let own: Vec<usize> = (0..self.num_draws()).filter(|d| self.is_of_q(*d)).collect();
        let lanes = self.draws.values.chunks_exact(self.num_draws().max(1));
        let values = lanes.flat_map(|lane| own.iter().map(|&d| lane[d])).collect();
        Constrained { names: self.draws.names.clone(), values, num_draws: own.len(), ..self.draws }
    }

    /// The draws of one quantity, in the model's space; `None` when there is none of that name.
    pub fn draws(&self, name: &str) -> Option<&[f64]> {
        self.draws.named(name)
    }

    /// All named draws, `[element][draw]`.
    pub fn constrained(&self) -> &Constrained {
        &self.draws
    }

    /// `log p(x, z)` of each draw.
    pub fn log_p(&self) -> &[f64] {
        &self.log_p
    }

    /// `log q(z)` of each draw.
    pub fn log_q(&self) -> &[f64] {
        &self.log_q
    }

    /// `log g(z)` of each draw, with the density `g` of the law that all of them together are of: that of q, or of the mixture.
    pub fn log_density(&self) -> Vec<f64> {
        self.defence
            .as_ref()
            .map_or_else(|| self.log_q.clone(), |defence| defence.log_density(&self.log_q, &self.log_t))
    }

    /// Importance weights `p / g` of the draws, normalised: `sum(exp(log_weights)) = 1`; `-inf` for a rejected draw.
    ///
    /// Their tail is smoothed unless they are nearly even.
    pub fn log_weights(&self) -> &[f64] {
        &self.log_weights
    }

    /// Mean, sd, Monte Carlo error and quantiles of every quantity under q, by q's own draws.
    pub fn summary(&self) -> Vec<Summary> {
        match self.defence {
            None => summarised(&self.draws, None),
            Some(_) => summarised(&self.of_q(), None),
        }
    }

    /// The same under the posterior, by the weights of all draws, whether or not they are to be trusted.
    pub fn weighted_summary(&self) -> Vec<Summary> {
        let weights: Vec<f64> = self.log_weights.iter().map(|l| l.exp()).collect();
        summarised(&self.draws, Some(&weights))
    }
}

fn summarised(draws: &Constrained, weights: Option<&[f64]>) -> Vec<Summary> {
    let lines = draws.names.iter().enumerate();
    // There is at least one draw, and weights have a positive sum: nothing is left out.
    lines.filter_map(|(k, name)| summarise(name, draws.element(k), weights).ok()).collect()
}
