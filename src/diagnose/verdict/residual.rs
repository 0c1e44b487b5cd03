//! What the residual of a Gaussian of very many latents says.

use super::{Finding, LARGE_SHIFT, SMALL_SHIFT, Trust, against};
use crate::posterior::Residual;

/// Relative changes of standard deviations.
const SMALL_SPREAD: f64 = 0.1;
const LARGE_SPREAD: f64 = 0.3;

/// Relative change of all standard deviations together, of which each has too large an error.
const SMALL_MEAN_SPREAD: f64 = 0.05;

/// Fisher divergence, in nats, below which q is the posterior for all that is asked of it.
const SAME: f64 = 0.05;

/// Root mean square of a shared latent's residual, in its standard deviations, from which the best Gaussian may have its
/// mean of everything somewhere else than the posterior. On hierarchies of 60 to 10,000 groups, item responses and overdispersed
/// counts, whose shared means are within 0.3 sd of the truth, it is 0.68 to 0.81; on local levels with unknown variances and
/// stochastic volatility, whose means are 0.5 to 3 sd off, 0.99 to 1.05. It was checked on no others.
const CURVED: f64 = 0.9;

const AGAIN: &str = "run longer, from another start, or with more draws a step: q is not yet the best Gaussian";

/// Findings of a q whose latents are too many for weights of all of them together.
pub(super) fn judge(residual: &Residual) -> Vec<Finding> {
    let Residual { shift, shifted, spread, spread_of, mean_spread, curved, curved_of, divergence, .. } = residual;
    let mut out = Vec::new();
    let (found, limit) = against(*shift, if *shift <= SMALL_SHIFT { SMALL_SHIFT } else { LARGE_SHIFT });
    let words = format!("the residual puts the mean of {shifted} {found} sd beyond its error from q's (limit {limit})");
    out.push(Finding::by(*shift, [SMALL_SHIFT, LARGE_SHIFT], words, AGAIN));
    let (found, limit) = against(*spread, if *spread <= SMALL_SPREAD { SMALL_SPREAD } else { LARGE_SPREAD });
    let words =
        format!("the residual changes the sd of {spread_of} by a share of {found} beyond its error (limit {limit})");
    out.push(Finding::by(*spread, [SMALL_SPREAD, LARGE_SPREAD], words, AGAIN));
    let (found, limit) = against(*mean_spread, SMALL_MEAN_SPREAD);
    let words =
        format!("the residual changes all sds by a share of {found} on average, beyond its error (limit {limit})");
    out.push(Finding::by(*mean_spread, [SMALL_MEAN_SPREAD, LARGE_SPREAD], words, AGAIN));
    let n = residual.num_latents;
    if *divergence <= SAME {
        let words = format!(
            "the residual of all {n} latents is worth {divergence:.3} nats: q is the posterior wherever it was drawn"
        );
        out.push(Finding::new(Trust::Trust, words, ""));
        return out;
    }
    if residual.has_shared() && (curved.is_nan() || *curved > CURVED) {
        let words = format!(
            "{curved_of} is shared by most of {n} latents, and the posterior bends by {curved:.2} of its sd where q is \
             drawn, more than {CURVED}: the best Gaussian may have wrong means and sds of shared latents, and nothing here can \
             see it"
        );
        let advice = "compare with a run of the same model on a part of the data by another method, or integrate the many latents \
                      out in the model where that can be done";
        out.push(Finding::new(Trust::DoNotTrust, words, advice));
        return out;
    }
    let apart = match residual.shared.first() {
        Some(first) if residual.shared.len() == 1 => format!(" but that of {first}"),
        Some(first) => format!(" but those of {first} and other shared latents"),
        None => String::new(),
    };
    let words = format!(
        "q is the best Gaussian of {n} latents ({}), which no weights can judge together: its means may be used{apart}, and \
         no sds: those of scales and of other shared latents are often too small, by up to a third and more",
        residual.graph
    );
    out.push(Finding::new(
        Trust::TrustMeansOnly,
        words,
        "integrate the many latents out in the model for sds and the evidence",
    ));
    out
}
