//! The variational Renyi bound.

use serde::{Deserialize, Serialize};

use super::weights::tempered_weights;
use super::{Accepted, Elbo, Objective, ObjectiveError, TwiceDifferentiable, fault, is_sound};
use crate::numerics::largest;

/// The Renyi bound: `ln(mean_s exp((1 - alpha) log_weights[s])) / (1 - alpha)`, weights
/// `softmax((1 - alpha) log_weights)`.
///
/// It falls as `alpha` grows: 0 is [`ImportanceWeighted`](super::ImportanceWeighted), the limit at 1 is
/// [`Elbo`], which is used there. For many draws it tends to `log p(x) - D_alpha(q || posterior)`, below
/// `log p(x)` for `alpha > 0` and above it for `alpha < 0`. With entries of `-inf` it is the bound of q restricted to the
/// other draws, whatever `alpha` is. An `alpha` that is not finite is a fault like any other.
///
/// *Source*: Li and Turner 2016, sections 3 and 4. Computed relative to the largest exponent, and with
/// `expm1` and `ln_1p` where `1 - alpha` is small, so that it stays accurate however close to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Renyi {
    /// Order of the divergence; any finite number.
    pub alpha: f64,
}

impl Objective for Renyi {
    fn value_and_weights(&self, log_weights: &[f64], weights: &mut [f64]) -> f64 {
        if self.alpha == 1.0 {
            return Elbo.value_and_weights(log_weights, weights);
        }
        if !self.alpha.is_finite() || !is_sound(log_weights, weights) {
            return fault(weights);
        }
        let power = 1.0 - self.alpha;
        let accepted = Accepted::among(log_weights);
        if accepted.count == 0 {
            weights.fill(0.0);
            return f64::NEG_INFINITY;
        }
        // the accepted entry of the largest exponent, so that none overflows
        let finite = log_weights.iter().copied().filter(|l| *l != f64::NEG_INFINITY);
        let shift = if power > 0.0 { largest(log_weights) } else { finite.fold(f64::INFINITY, f64::min) };
        tempered_weights(log_weights, power, shift, accepted.count, weights) + accepted.ln_share()
    }
    fn check(&self) -> Result<(), ObjectiveError> {
        if self.alpha.is_finite() {
            return Ok(());
        }
        Err(ObjectiveError::new(
            "order",
            format!("a Renyi bound of order {}; choose a finite order, such as 0.5", self.alpha),
        ))
    }
}

impl TwiceDifferentiable for Renyi {
    /// `alpha + (1 - alpha) w_s`, as `d ln w_s / d log_weights_s = (1 - alpha) (1 - w_s)`.
    fn path_shares(&self, _: &[f64], weights: &mut [f64]) {
        weights.iter_mut().for_each(|w| *w = self.alpha + (1.0 - self.alpha) * *w);
    }
}
