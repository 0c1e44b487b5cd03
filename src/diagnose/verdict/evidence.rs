//! The evidence on which a verdict rests, and how its pieces are measured.

use super::EvenMeans;
use crate::posterior::{Integrated, Residual, Witness};
use serde::{Deserialize, Serialize};

/// What is known about a fit once it has stopped.
///
/// Values that are not finite are written as text (`"inf"`, `"-inf"`, `"NaN"`), which formats such
/// as JSON keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Tail shape of the importance weights of fresh draws, `-inf` for equal weights, NaN where q is a single point.
    #[serde(with = "crate::number")]
    pub k_hat: f64,
    /// Effective size of the importance-weighted draws over their number, between 0 and 1.
    #[serde(with = "crate::number")]
    pub effective_share: f64,
    /// The largest importance weight in units of their mean.
    #[serde(with = "crate::number")]
    pub largest_weight: f64,
    /// The largest Monte Carlo error of a weighted mean, in posterior sd, over the quantities outside of rows.
    #[serde(with = "crate::number")]
    pub mean_error: f64,
    /// The largest Monte Carlo error of a weighted sd, relative to it, over those whose sd can be had from draws.
    #[serde(with = "crate::number")]
    pub sd_error: f64,
    /// Names of the quantities whose sd a few large draws decide: it is not in `sd_error`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_sds: Vec<String>,
    /// The latents whose means symmetry protects, asked where the means alone might be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub even_means: Option<EvenMeans>,
    /// Number of fresh draws behind `k_hat`, those rejected included.
    pub num_draws: usize,
    /// Whether some latents are integers, for which mean-field is the only family.
    #[serde(default)]
    pub has_integers: bool,
    /// Whether the stopping rule, not a limit on steps or time, ended the optimisation.
    pub converged: bool,
    /// The reason for which the optimisation stopped, in words.
    pub stop_reason: String,
    /// Share of fresh draws at which the model has no finite log joint, between 0 and 1.
    #[serde(with = "crate::number")]
    pub rejected_share: f64,
    /// Largest difference of a latent's mean between two independent halves of the work, beyond
    /// Monte Carlo error, in posterior sd: [`halves_disagreement`].
    #[serde(with = "crate::number")]
    pub halves_disagreement: f64,
    /// Nats by which the best restart's bound exceeds the second best's, beyond Monte Carlo error:
    /// [`restarts_disagreement`]; nothing where there was one run.
    #[serde(with = "crate::number::maybe")]
    pub restarts_disagreement: Option<f64>,
    /// What the residual of a sparse Gaussian of many latents says; weights are not looked at where it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual: Option<Residual>,
    /// What weights of a few shared latents say, the others integrated out; those of all latents are not looked at where it
    /// is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrated: Option<Integrated>,
    /// What moved draws say, where they were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
}

/// Means of one latent in two independent halves.
///
/// The halves should be able to disagree: importance-weighted means over each half of the draws,
/// averages over separate stretches of iterates, or two runs with different randomness. Unweighted
/// draws of one q agree by construction.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct HalfMeans {
    /// The two means.
    pub means: [f64; 2],
    /// Their Monte Carlo standard errors; 0 where a mean is exact.
    pub mcse: [f64; 2],
    /// Standard deviation of the latent under the posterior.
    pub sd: f64,
}

/// Largest `(|mean_a - mean_b| - z * standard error of the difference) / sd` over latents, at
/// least 0.
///
/// Measured in sd because that is what shifts an interval: in units of its own standard error any
/// difference grows with the number of draws. What sampling explains is taken off first, or the
/// largest of many latents would never agree: `z = sqrt(2 ln(20 d))` is exceeded by any of `d`
/// exact differences with probability below 5 %. A latent of sd 0 (a point estimate) gives 0 where
/// its means agree and `+inf` where they do not; a NaN or a negative error or sd gives NaN, and so
/// does no latent at all. Means that differ by no more than rounding agree, whatever their errors are.
pub fn halves_disagreement(latents: &[HalfMeans]) -> f64 {
    let z = (2.0 * (20.0 * latents.len() as f64).ln()).sqrt();
    let mut worst = if latents.is_empty() { f64::NAN } else { 0.0 };
    for half in latents {
        let [error_a, error_b] = half.mcse;
        let excess = (half.means[0] - half.means[1]).abs() - z * error_a.hypot(error_b);
        let usable = error_a >= 0.0 && error_b >= 0.0 && half.sd >= 0.0 && !excess.is_nan();
        if !usable {
            return f64::NAN;
        }
        if excess > 0.0 && !differ_by_rounding(half.means[0], half.means[1]) {
            worst = (excess / half.sd).max(worst);
        }
    }
    worst
}

/// Nats by which the best bound exceeds the runner-up's beyond two standard errors of their
/// difference, at least 0; nothing for fewer than two restarts.
///
/// `restarts` holds each bound with its standard error. It is the runner-up that counts: a restart
/// that got stuck far below is no argument against a best solution that was found twice. A NaN
/// bound is a failed restart and counts as the worst; a best bound found beside failures only
/// gives `+inf`.
pub fn restarts_disagreement(restarts: &[(f64, f64)]) -> Option<f64> {
    if restarts.len() < 2 {
        return None;
    }
    let bound = |r: &(f64, f64)| if r.0.is_nan() { f64::NEG_INFINITY } else { r.0 };
    let mut sorted = restarts.to_vec();
    sorted.sort_by(|a, b| bound(b).total_cmp(&bound(a)));
    let (best, second) = (sorted[0], sorted[1]);
    if bound(&second) == f64::NEG_INFINITY {
        return Some(f64::INFINITY);
    }
    let excess = best.0 - second.0 - 2.0 * best.1.hypot(second.1);
    // `f64::max` would turn NaN into 0.
    Some(if excess < 0.0 || !excess.is_nan() && differ_by_rounding(best.0, second.0) { 0.0 } else { excess })
}

/// Whether two means are as near as rounding leaves equal ones.
///
/// A mean rounds by a few ulps of its own size where every number is the same or next to it, and its error is then zero or as
/// small: it says nothing of such a difference.
fn differ_by_rounding(a: f64, b: f64) -> bool {
    (a - b).abs() <= 8.0 * f64::EPSILON * (a.abs() + b.abs())
}
