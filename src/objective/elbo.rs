//! The evidence lower bound.

use serde::{Deserialize, Serialize};

use super::weights::sum_of_accepted;
use super::{Accepted, Objective, TwiceDifferentiable, fault, is_sound};

/// The evidence lower bound of q restricted to the accepted draws: `mean of the finite log_weights + ln(their share)`,
/// weights `1 / their number`.
///
/// Without entries of `-inf` it is the mean of all log weights. Its expectation is `log p(x) - KL(q_A || posterior)`, where
/// `q_A` is q on the set A on which p does not vanish, divided by q(A).
///
/// *Source*: Jordan et al. 1999, section 6; Kingma and Welling 2014, eq. 2, by Monte Carlo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Elbo;

impl Objective for Elbo {
    fn value_and_weights(&self, log_weights: &[f64], weights: &mut [f64]) -> f64 {
        if !is_sound(log_weights, weights) {
            return fault(weights);
        }
        let accepted = Accepted::among(log_weights);
        if accepted.count == 0 {
            weights.fill(0.0);
            return f64::NEG_INFINITY;
        }
        let num = accepted.count as f64;
        let share = 1.0 / num;
        for (weight, l) in weights.iter_mut().zip(log_weights) {
            *weight = if *l == f64::NEG_INFINITY { 0.0 } else { share };
        }
        sum_of_accepted(log_weights) / num + accepted.ln_share()
    }
}

impl TwiceDifferentiable for Elbo {
    /// One: the weights do not depend on the log weights.
    fn path_shares(&self, _: &[f64], weights: &mut [f64]) {
        weights.fill(1.0);
    }
}
