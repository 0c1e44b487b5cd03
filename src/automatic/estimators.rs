//! Estimators chosen by name.

use super::EstimatorChoice;
use crate::estimate::{
    Baseline, Entropy, Estimate, GradientEstimator, Pathwise, Point, ScoreFunction, Space, StickingTheLanding,
};
use crate::family::Reparam;
use crate::target::{DensityError, Differentiable};

/// An estimator chosen by name, for families with a transform.
#[derive(Clone, Copy, Debug)]
pub(super) enum AnyEstimator {
    Pathwise(Pathwise),
    Sticking(StickingTheLanding),
    Score(ScoreFunction),
}

impl AnyEstimator {
    /// The estimator called `choice`; sticking the landing for [`EstimatorChoice::Auto`].
    pub fn named(choice: EstimatorChoice) -> Self {
        match choice {
            EstimatorChoice::Pathwise => AnyEstimator::Pathwise(Pathwise { entropy: Entropy::ClosedForm }),
            EstimatorChoice::PathwiseMcEntropy => AnyEstimator::Pathwise(Pathwise { entropy: Entropy::MonteCarlo }),
            EstimatorChoice::Score => AnyEstimator::Score(ScoreFunction { baseline: Baseline::None }),
            EstimatorChoice::ScoreLoo => AnyEstimator::Score(ScoreFunction { baseline: Baseline::LeaveOneOut }),
            _ => AnyEstimator::Sticking(StickingTheLanding),
        }
    }
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for AnyEstimator {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        match self {
            AnyEstimator::Pathwise(e) => e.estimate(target, family, at, space, grad, grad_theta),
            AnyEstimator::Sticking(e) => e.estimate(target, family, at, space, grad, grad_theta),
            AnyEstimator::Score(e) => e.estimate(target, family, at, space, grad, grad_theta),
        }
    }
}

/// An estimator behind a reference.
pub(super) struct Borrowed<'a, E>(pub &'a E);

impl<T: ?Sized, F: ?Sized, E: GradientEstimator<T, F>> GradientEstimator<T, F> for Borrowed<'_, E> {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        self.0.estimate(target, family, at, space, grad, grad_theta)
    }
}
