//! Importance weights of draws, and the evidence by them.

use super::MonteCarlo;
use super::defence::Defence;
use super::statistics::mean;
use crate::algorithm::FitError;
use crate::diagnose::psis::{MIN_DRAWS, Psis, PsisError, log_evidence, psis};
use crate::diagnose::verdict::are_even;
use crate::numerics::log_sum_exp;

/// Importance weights of all draws.
pub(super) struct Weighted {
    pub k_hat: f64,
    /// Log density of the law of the draws.
    pub log_density: Vec<f64>,
    pub log_weights: Vec<f64>,
    pub effective_size: f64,
    /// The largest plain weight over their mean.
    pub largest: f64,
    /// Whether they are so even that the shape of their tail is beside the point: [`are_even`], and never of a flow.
    pub is_even: bool,
    pub log_evidence: MonteCarlo,
    /// What each draw adds to the evidence, relative to it: one on average.
    pub influence: Vec<f64>,
}

impl Weighted {
    /// The weights of draws of q, some of them of `defence` with the density `log_t` there; one without a finite log p has
    /// weight zero.
    pub fn new(log_p: &[f64], log_q: &[f64], log_t: &[f64], defence: Option<&Defence>) -> Result<Self, FitError> {
        if log_p.iter().all(|l| !l.is_finite()) {
            return Err(FitError::NotFinite {
                place: "fresh draws of q".into(),
                times: log_p.len(),
                detail: String::new(),
            });
        }
        let unusable = |e: PsisError| FitError::unsupported("weights", format!("{e} (log q is not finite there)"));
        let log_density = defence.map_or_else(|| log_q.to_vec(), |defence| defence.log_density(log_q, log_t));
        let ratios = log_ratios(log_p, &log_density);
        let Weights { k_hat, log_weights, effective_size, largest, log_evidence } =
            Weights::of(&ratios).map_err(unusable)?;
        let n = log_weights.len() as f64;
        let influence = log_weights.iter().map(|l| n * l.exp()).collect();
        let is_even = are_even(effective_size / n, largest);
        let plain =
            Weighted { k_hat, log_density, log_weights, effective_size, largest, is_even, log_evidence, influence };
        Ok(if defence.is_some() { plain.with_control(log_q, &ratios) } else { plain })
    }

    /// The evidence of a mixture's draws, from plain weights with q's own density as a control variate.
    ///
    /// The mixture's weights are bounded by those of its part with tails, so that smoothing them has nothing to gain. The
    /// ratio `c = q / g` of q's density to the mixture's has mean one over the draws, and the mean of `w - b (c - 1)`, with the
    /// slope `b` of a regression of the weights on it, has no larger variance than that of `w` alone: none at all where q is the
    /// posterior.
    ///
    /// *Source*: Owen and Zhou 2000, "Safe and effective importance sampling", section 4.
    fn with_control(self, log_q: &[f64], log_ratios: &[f64]) -> Self {
        let n = log_q.len() as f64;
        let max = log_ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = log_ratios.iter().map(|r| (r - max).exp()).collect();
        let control: Vec<f64> = log_q.iter().zip(&self.log_density).map(|(q, g)| (q - g).exp()).collect();
        let (w, c) = (mean(&weights), mean(&control));
        let products = weights.iter().zip(&control).map(|(a, b)| (a - w) * (b - c)).sum::<f64>();
        let squares = control.iter().map(|b| (b - c).powi(2)).sum::<f64>();
        let slope = if squares > 0.0 { products / squares } else { 0.0 };
        let evidence = w - slope * (c - 1.0);
        if evidence.is_nan() || evidence <= 0.0 {
            return self;
        }
        let adds = weights.iter().zip(&control).map(|(a, b)| (a - slope * (b - 1.0)) / evidence);
        let influence: Vec<f64> = adds.collect();
        let mcse = MonteCarlo::mean_of(&influence).mcse * ((n - 1.0) / (n - 2.0).max(1.0)).sqrt();
        Weighted { log_evidence: MonteCarlo { value: max + evidence.ln(), mcse }, influence, ..self }
    }
}

/// Weights of log ratios.
struct Weights {
    k_hat: f64,
    log_weights: Vec<f64>,
    effective_size: f64,
    largest: f64,
    log_evidence: MonteCarlo,
}

impl Weights {
    /// Plain weights where they are nearly even ([`are_even`]), and smoothed ones elsewhere.
    ///
    /// Smoothing takes the variance of a heavy tail for a small bias. Where the weights are nearly even there is no
    /// such variance, and the largest of them need not look like the tail of any generalised Pareto distribution: of the best
    /// Gaussian for a skewed latent they are a few draws above a plateau, the fitted shape is 3 to 4, and the quantiles that
    /// replace the tail move the log evidence by ten times its plain error.
    fn of(log_ratios: &[f64]) -> Result<Self, PsisError> {
        let raw = log_evidence(log_ratios)?;
        let total = log_sum_exp(log_ratios);
        let log_weights: Vec<f64> = log_ratios.iter().map(|l| l - total).collect();
        let effective_size = 1.0 / log_weights.iter().map(|l| (2.0 * l).exp()).sum::<f64>();
        let n = log_ratios.len() as f64;
        let largest = n * log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max).exp();
        let log_evidence = MonteCarlo { value: raw.estimate, mcse: raw.mcse };
        let plain = Weights { k_hat: f64::NAN, log_weights, effective_size, largest, log_evidence };
        if log_ratios.len() < MIN_DRAWS {
            return Ok(plain);
        }
        let Psis { k_hat, log_weights, effective_size, log_evidence, .. } = psis(log_ratios)?;
        if are_even(plain.effective_size / n, largest) {
            return Ok(Weights { k_hat, ..plain });
        }
        let log_evidence = MonteCarlo { value: log_evidence.estimate, mcse: log_evidence.mcse };
        Ok(Weights { k_hat, log_weights, effective_size, largest, log_evidence })
    }
}

/// The weights of some of the draws; zeros where no weight is usable.
pub(super) fn weights_of(log_p: &[f64], log_density: &[f64]) -> Vec<f64> {
    let ratios = log_ratios(log_p, log_density);
    match Weights::of(&ratios) {
        Ok(weighted) => weighted.log_weights.iter().map(|l| l.exp()).collect(),
        Err(_) => {
            let max = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            ratios.iter().map(|r| if max.is_finite() { (r - max).exp() } else { 0.0 }).collect()
        }
    }
}

/// Log ratios, with weight zero for draws that are rejected.
fn log_ratios(log_p: &[f64], log_density: &[f64]) -> Vec<f64> {
    let ratio = |(p, g): (&f64, &f64)| if p.is_finite() { p - g } else { f64::NEG_INFINITY };
    log_p.iter().zip(log_density).map(ratio).collect()
}
