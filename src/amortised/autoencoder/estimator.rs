//! [`Estimator`]: what training maximises, and by which gradient.

use super::error::AutoencoderError;
use super::family::Q;
use crate::estimate::{
    Annealing, AnyEstimator, ErasedState, Estimate, ExactKl, GradientEstimator, GumbelSoftmax, HybridKl,
    ImportanceWeightedRows, LeaveOneOut, LocalExpectation, PathWeight, Rebar, Space, StickingTheLanding, Task,
};
use crate::target::{DensityError, Target};

/// Temperature of relaxed classes.
const TEMPERATURE: f64 = 0.5;
/// Draws of a step where the gradient of the class compares draws.
const COMPARED: usize = 4;

/// What is maximised, and by which gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Estimator {
    /// `E_q[log p(x | z)] - beta KL`, the KL in closed form; for a standard normal prior.
    ExactKl {
        /// Weight of the KL.
        beta: f64,
        /// How the weight grows, by the step.
        annealing: Annealing,
        /// Nats of each latent that cost nothing.
        free_nats: f64,
        /// Gradient of the class, where the code has one.
        class_gradient: ClassGradient,
    },
    /// The bound by one draw of each row, for any prior of real latents.
    StickingTheLanding,
    /// The importance-weighted bound of this many draws of each row, doubly reparameterised; for codes of real latents.
    ImportanceWeighted {
        /// Draws under the logarithm.
        draws: usize,
    },
}

/// Gradient of the class of a code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClassGradient {
    /// Summed over all classes of each row.
    #[default]
    Exact,
    /// Score function, against three other draws.
    LeaveOneOut,
    /// Score function with the relaxed class as its baseline, at temperature 0.5.
    Rebar,
    /// The relaxed class, at temperature 0.5: biased.
    GumbelSoftmax,
}

impl Default for Estimator {
    /// The bound itself, its KL in closed form.
    fn default() -> Self {
        let class_gradient = ClassGradient::default();
        Estimator::ExactKl { beta: 1.0, annealing: Annealing::None, free_nats: 0.0, class_gradient }
    }
}

impl Estimator {
    /// Draws of a step.
    pub(super) fn num_draws(&self) -> usize {
        match *self {
            Estimator::ExactKl { class_gradient: ClassGradient::LeaveOneOut, .. } => COMPARED,
            Estimator::ImportanceWeighted { draws } => draws,
            _ => 1,
        }
    }

    /// The gradient of a step.
    pub(super) fn at(&self, step: u64) -> AtStep {
        match *self {
            Estimator::ExactKl { beta, annealing, free_nats, class_gradient } => {
                AtStep::Bound(ExactKl { beta: beta * annealing.at(step), free_nats }, class_gradient)
            }
            Estimator::StickingTheLanding => AtStep::Drawn,
            Estimator::ImportanceWeighted { .. } => {
                AtStep::Weighted(ImportanceWeightedRows { path: PathWeight::Doubly })
            }
        }
    }

    /// Refuses numbers that make no objective.
    pub(super) fn check(&self) -> Result<(), AutoencoderError> {
        let is_weight = |x: f64| x.is_finite() && x >= 0.0;
        match *self {
            Estimator::ExactKl { beta, free_nats, .. } if !(is_weight(beta) && is_weight(free_nats)) => {
                let words = format!("a beta of {beta} and {free_nats} free nats; give finite numbers of at least 0");
                Err(AutoencoderError::setting("estimator", words))
            }
            Estimator::ImportanceWeighted { draws: 0 } => {
                Err(AutoencoderError::setting("draws", "no draws under the logarithm; give at least one"))
            }
            _ => Ok(()),
        }
    }
}

/// An [`Estimator`] with the weight of a step.
#[derive(Clone, Copy)]
pub(super) enum AtStep {
    Bound(ExactKl, ClassGradient),
    Drawn,
    Weighted(ImportanceWeightedRows),
}

/// Lets `$then` see the estimator and the family that `$at_step` and `$q` stand for.
macro_rules! seen {
    ($at_step:expr, $q:expr, |$estimator:ident, $family:ident| $then:expr, $none:expr) => {{
        macro_rules! by {
            ($found:expr, $own:expr) => {{
                let ($estimator, $family) = (&$found, &**$own);
                $then
            }};
        }
        match ($at_step, $q) {
            (AtStep::Bound(kl, _), Q::Normal(q)) => by!(kl, q),
            (AtStep::Drawn, Q::Normal(q)) => by!(StickingTheLanding, q),
            (AtStep::Weighted(rows), Q::Normal(q)) => by!(rows, q),
            (&AtStep::Bound(kl, how), Q::Mixed(q)) => match how {
                ClassGradient::Exact => by!(HybridKl { kl, discrete: LocalExpectation }, q),
                ClassGradient::LeaveOneOut => by!(HybridKl { kl, discrete: LeaveOneOut }, q),
                ClassGradient::Rebar => by!(HybridKl { kl, discrete: Rebar { temperature: TEMPERATURE } }, q),
                ClassGradient::GumbelSoftmax => {
                    by!(HybridKl { kl, discrete: GumbelSoftmax { temperature: TEMPERATURE } }, q)
                }
            },
            (_, Q::Mixed(_)) => $none,
        }
    }};
}

impl GradientEstimator<Target, Q> for AtStep {
    type State = ErasedState;

    fn init(&self, target: &Target, q: &Q) -> ErasedState {
        seen!(self, q, |estimator, family| estimator.init_any(target, family), ErasedState::default())
    }

    fn estimate(
        &self,
        &Task { target, family: q, at }: &Task<Target, Q>,
        state: &mut ErasedState,
        space: &mut Space,
    ) -> Result<Estimate, DensityError> {
        let words = "a class in the code needs the KL in closed form; use `Estimator::ExactKl`";
        seen!(
            self,
            q,
            |estimator, family| estimator.estimate_any(&Task { target, family, at }, state, space),
            Err(DensityError::unsupported(words))
        )
    }

    fn fits(&self, state: &ErasedState, target: &Target, q: &Q) -> bool {
        seen!(self, q, |estimator, family| estimator.fits_any(state, target, family), true)
    }
}
