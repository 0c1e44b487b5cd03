//! The evidence lower bound.

use serde::{Deserialize, Serialize};

use super::{Objective, fault, is_sound, sum};

/// The evidence lower bound: `mean_s log_weights[s]`, weights `1 / num_draws`.
///
/// Its expectation is `log p(x) - KL(q || posterior)`. One entry of `-inf` makes it `-inf`, as it does
/// the bound itself; the weights of the other draws stay `1 / num_draws`.
///
/// *Source*: Jordan et al. 1999, section 6; Kingma and Welling 2014, eq. 2, by Monte Carlo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Elbo;

impl Objective for Elbo {
    fn value_and_weights(&self, log_weights: &[f64], weights: &mut [f64]) -> f64 {
        if !is_sound(log_weights, weights) {
            return fault(weights);
        }
        let num_draws = log_weights.len() as f64;
        let share = 1.0 / num_draws;
        for (weight, l) in weights.iter_mut().zip(log_weights) {
            *weight = if *l == f64::NEG_INFINITY { 0.0 } else { share };
        }
        sum(log_weights) / num_draws
    }
}
