//! The importance-weighted bound.

use serde::{Deserialize, Serialize};

use super::weights::tempered_weights;
use super::{Accepted, Objective, TwiceDifferentiable, fault, is_sound};
use crate::numerics::largest;

/// The importance-weighted bound: `ln(mean_s exp(log_weights[s]))`, weights `softmax(log_weights)`.
///
/// Its expectation lies between the evidence lower bound and `log p(x)` and rises with the number of
/// draws. Entries of `-inf` are draws of weight zero, which is the same as the bound of the others plus ln(their share).
///
/// *Source*: Burda, Grosse and Salakhutdinov 2016, eq. 8 and, for the weights, eq. 13-14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportanceWeighted;

impl Objective for ImportanceWeighted {
    fn value_and_weights(&self, log_weights: &[f64], weights: &mut [f64]) -> f64 {
        if !is_sound(log_weights, weights) {
            return fault(weights);
        }
        let shift = largest(log_weights);
        if shift == f64::NEG_INFINITY {
            weights.fill(0.0);
            return shift;
        }
        let accepted = Accepted::among(log_weights);
        tempered_weights(log_weights, 1.0, shift, accepted.count, weights) + accepted.ln_share()
    }
}

impl TwiceDifferentiable for ImportanceWeighted {
    /// The weights: `d ln w_s / d log_weights_s = 1 - w_s`.
    fn path_shares(&self, _: &[f64], _: &mut [f64]) {}
}
