//! Weights of log weights under a power, over the accepted draws.

use crate::numerics::{sum, sum_of};

/// The sum of the entries that are not `-inf`.
pub(super) fn sum_of_accepted(values: &[f64]) -> f64 {
    sum_of(values, &|x| if x == f64::NEG_INFINITY { 0.0 } else { x })
}

/// Overwrites `weights` with `softmax(power * values)` over the `accepted` entries that are not `-inf`, zero at the others,
/// and returns `ln(mean exp(power * values)) / power` over the same.
///
/// `shift` is the accepted entry at which `power * values` is largest; `values` has no `NaN`.
pub(super) fn tempered_weights(values: &[f64], power: f64, shift: f64, accepted: usize, weights: &mut [f64]) -> f64 {
    for (weight, x) in weights.iter_mut().zip(values) {
        *weight = if *x == f64::NEG_INFINITY { 0.0 } else { (power * (x - shift)).exp() };
    }
    let (total, num) = (sum(weights), accepted as f64);
    let scale = 1.0 / total;
    for weight in weights.iter_mut() {
        *weight *= scale;
    }
    let log_mean = if power.abs() > 0.25 {
        (total / num).ln()
    } else {
        // a small power would magnify the rounding of a total near num
        let excess = |x: f64| if x == f64::NEG_INFINITY { 0.0 } else { (power * (x - shift)).exp_m1() };
        (sum_of(values, &excess) / num).ln_1p()
    };
    shift + log_mean / power
}
