//! The score-function gradient: no derivative of the density is needed.

use super::{Estimate, GradientEstimator, Point, Space, too_few_draws};
use crate::family::Family;
use crate::target::{DensityError, LogDensity};

/// What is taken off the learning signal `f_s = log p(z_s) - log q(z_s)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Baseline {
    /// Nothing.
    None,
    /// The mean of the other draws: `1/(S-1) sum_s (f_s - mean f) d log q(z_s) / d params`. Unbiased, needs two draws.
    #[default]
    LeaveOneOut,
}

/// `1/S sum_s (f_s - b_s) d log q(z_s) / d params` with `f_s = log p(z_s) - log q(z_s)`.
///
/// Needs only values of the density: discrete latents, branches, non-differentiable models. Unbiased when the
/// support of q does not depend on its parameters.
///
/// *Source*: Williams 1992; Ranganath, Gerrish and Blei 2014; leave-one-out: Kool, van Hoof and Welling 2019.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScoreFunction {
    /// What is taken off the learning signal.
    pub baseline: Baseline,
}

impl<T: LogDensity + ?Sized, F: Family + ?Sized> GradientEstimator<T, F> for ScoreFunction {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        _grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        if self.baseline == Baseline::LeaveOneOut && at.num_draws < 2 {
            return Err(too_few_draws("the score-function gradient with a leave-one-out baseline", 2, at.num_draws));
        }
        if target.layout().num_parameters > 0 {
            return Err(DensityError(
                "the score-function gradient has no gradient for the model's parameters theta; use a pathwise estimator"
                    .into(),
            ));
        }
        space.sample(family, target.layout(), at)?;
        target.log_density(at.theta, &space.z, at.rows, &mut space.pass)?;
        family.log_q(at.params, at.rows, &space.z, &mut space.log_q);
        let (mut sum, mut accepted) = (0.0, 0);
        for (w, (p, q)) in space.log_weights.iter_mut().zip(space.pass.log_density.iter().zip(&space.log_q)) {
            *w = p - q;
            if w.is_finite() {
                sum += *w;
                accepted += 1;
            }
        }
        let rejected = at.num_draws - accepted;
        let mean = sum / accepted as f64;
        for (weight, &f) in space.weights.iter_mut().zip(&space.log_weights) {
            *weight = match self.baseline {
                _ if !f.is_finite() => 0.0,
                Baseline::None => f / accepted as f64,
                Baseline::LeaveOneOut if accepted > 1 => (f - mean) / (accepted - 1) as f64,
                Baseline::LeaveOneOut => 0.0,
            };
        }
        family.score(at.params, space.unweighted.of(at.rows), &space.z, &space.weights, grad);
        Ok(Estimate { value: mean, rejected, evaluations: at.num_draws })
    }
}
