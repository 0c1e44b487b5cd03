//! The score-function gradient: no derivative of the density is needed.

mod baseline;
mod control_variate;
mod overdispersed;
mod rao_blackwell;

pub use baseline::Baseline;
pub(super) use control_variate::Scores;
pub use overdispersed::Overdispersed;
pub(super) use rao_blackwell::Locals;
pub use rao_blackwell::RaoBlackwell;

use super::{Estimate, GradientEstimator, Point, Space, ln_accepted, too_few_draws};
use crate::family::Family;
use crate::target::{DensityError, LogDensity};

/// `1/S sum_s (f_s - b_s) d log q(z_s) / d params` with `f_s = log p(z_s) - log q(z_s)`.
///
/// Needs only values of the density: discrete latents, branches, non-differentiable models. Unbiased when the
/// support of q does not depend on its parameters, with every [`Baseline`]. *Assumes* independent draws, and no parameters
/// theta, whose gradient it does not have. *Cost*: one model value a draw.
///
/// *Rejected draws*: the objective is the bound of q restricted to the set A of finite densities
/// ([`Accepted`](crate::objective::Accepted)), whose gradient is `Cov(f, score | A)`. Over A the score has a mean, so that a
/// baseline is no longer free: with `n` of `S` draws accepted, the accepted ones count `(f_s - b) / n` and each
/// rejected one `(mean f - b) / (n + 1)`, where the mean is over the accepted ones. Since the score has mean zero over A and the
/// rest together, and `E[(S - n) / (n + 1)]` is the odds of a rejection up to a power of S, this is unbiased for every fixed `b`
/// unless whole steps are rejected: with one draw a step, only where `b` is the mean of `f`.
///
/// *Source*: Williams 1992; Ranganath, Gerrish and Blei 2014; leave-one-out: Kool, van Hoof and Welling 2019.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
        self.baseline.check(at.num_draws)?;
        refuse_theta(target, "the score-function gradient")?;
        space.sample(family, target.layout(), at)?;
        target.log_density(at.theta, &space.z, at.rows, &mut space.pass)?;
        family.log_q(at.params, at.rows, &space.z, &mut space.log_q);
        let (mean, accepted) = signals(space);
        match self.baseline {
            Baseline::ControlVariate => control_variate::add(family, at, space, accepted, grad),
            _ => {
                self.baseline.weigh(target.layout(), at.rows, mean, accepted, space);
                family.score(at.params, space.unweighted.of(at.rows), &space.z, &space.weights, grad);
            }
        }
        let rejected = at.num_draws - accepted;
        Ok(Estimate { value: mean + ln_accepted(at, rejected), rejected, evaluations: at.num_draws })
    }
}

/// Overwrites `log_weights` with `f_s`; returns the mean over the finite ones and their number.
pub(super) fn signals(space: &mut Space) -> (f64, usize) {
    let (mut sum, mut accepted) = (0.0, 0);
    for (w, (p, q)) in space.log_weights.iter_mut().zip(space.pass.log_density.iter().zip(&space.log_q)) {
        *w = p - q;
        if w.is_finite() {
            sum += *w;
            accepted += 1;
        }
    }
    (sum / accepted as f64, accepted)
}

/// Refuses a model with learnable parameters, which need the density's own derivative.
pub(super) fn refuse_theta<T: LogDensity + ?Sized>(target: &T, estimator: &str) -> Result<(), DensityError> {
    match target.layout().num_parameters {
        0 => Ok(()),
        _ => Err(DensityError(format!(
            "{estimator} has no gradient for the model's parameters theta; use a pathwise estimator, or `Hybrid` for \
             a model with real latents and integers"
        ))),
    }
}
