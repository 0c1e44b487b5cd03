//! Objectives, which a fit maximises: functions of the log weights `l_s = log p(x, z_s) - log q(z_s)` of draws
//! `z_s ~ q`.
//!
//! This room knows slices only. One rule for odd entries holds for every objective:
//!
//! | an entry is | meaning | value | weights |
//! |---|---|---|---|
//! | finite | an ordinary draw | as defined | as defined |
//! | `-inf` | p vanishes there, or the draw was rejected | that of the other entries, plus ln(their share) | 0 at the entry |
//! | `NaN`, `+inf` | a fault of the density | `NaN` | all 0: no step is taken on a fault |
//!
//! With rejected draws every objective is that of q restricted to the accepted ones and renormalised, `q_A` of
//! [`Accepted`]: this q has a bound, where that of q itself is minus infinity, and ln(the accepted share) is what it pays
//! for leaving out the rest. If all entries are `-inf`, the value is. An empty slice has the value `NaN`.

mod accepted;
mod elbo;
mod importance_weighted;
mod renyi;
mod weights;

#[cfg(test)]
mod tests;

pub use crate::numerics::{log_mean_exp, log_sum_exp, mean_and_standard_error, sum};
pub use accepted::Accepted;
pub use elbo::Elbo;
pub use importance_weighted::ImportanceWeighted;
pub use renyi::Renyi;

/// A function of log weights, always maximised.
///
/// ```
/// use jensen::objective::{Elbo, ImportanceWeighted, Objective};
///
/// let log_weights = [0.0, 3_f64.ln()];
/// let mut weights = [0.0; 2];
/// let elbo = Elbo.value_and_weights(&log_weights, &mut weights);
/// assert_eq!(weights, [0.5, 0.5]);
/// let tighter = ImportanceWeighted.value_and_weights(&log_weights, &mut weights);
/// assert!((tighter - 2_f64.ln()).abs() < 1e-15 && tighter > elbo);
/// ```
pub trait Objective: Send + Sync {
    /// The value at `log_weights`; overwrites `weights[s]` with `d value / d log_weights[s]`.
    ///
    /// Both slices hold one entry per draw. Odd entries are treated as the table of this room says.
    ///
    /// # Panics
    /// If the slices differ in length.
    fn value_and_weights(&self, log_weights: &[f64], weights: &mut [f64]) -> f64;

    /// Refuses settings outside of their range, and says which would do.
    ///
    /// # Errors
    /// For the first setting out of range.
    fn check(&self) -> Result<(), ObjectiveError> {
        Ok(())
    }
}

/// An objective whose weights have derivatives, which a doubly-reparameterised gradient needs.
pub trait TwiceDifferentiable: Objective {
    /// Overwrites `weights`, which are those of [`value_and_weights`](Objective::value_and_weights), with
    /// `1 - d ln weights[s] / d log_weights[s]`: what the path of draw `s` counts once its score is reparameterised too.
    ///
    /// Anything finite will do where a weight is zero.
    ///
    /// # Panics
    /// If the slices differ in length.
    fn path_shares(&self, log_weights: &[f64], weights: &mut [f64]);
}

/// A setting of an objective outside of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct ObjectiveError {
    /// Name of the setting.
    pub name: &'static str,
    /// What is wrong with it, and what to try.
    pub reason: String,
}

impl ObjectiveError {
    /// The setting `name` is wrong for this reason.
    pub fn new(name: &'static str, reason: impl Into<String>) -> Self {
        ObjectiveError { name, reason: reason.into() }
    }
}

/// The answer to a fault: `NaN`, and weights of zero.
fn fault(weights: &mut [f64]) -> f64 {
    weights.fill(0.0);
    f64::NAN
}

/// Whether the entries have a value at all: there is one, and none is `NaN` or `+inf`.
fn is_sound(log_weights: &[f64], weights: &[f64]) -> bool {
    assert_eq!(log_weights.len(), weights.len(), "log_weights and weights differ in length");
    !log_weights.is_empty() && log_weights.iter().all(|l| *l < f64::INFINITY)
}
