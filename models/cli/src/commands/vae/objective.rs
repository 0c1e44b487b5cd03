//! [`Objective`]: what training maximises, and by which gradient.

use super::family::Q;
use super::settings::Settings;
use crate::cli::vae_args::{ClassGradient, VaeEstimator};
use jensen::estimate::{
    Estimate, ExactKl, GradientEstimator, GumbelSoftmax, HybridKl, ImportanceWeightedRows, LeaveOneOut,
    LocalExpectation, PathWeight, Point, Rebar, Space, StickingTheLanding,
};
use jensen::target::{DensityError, Target};

/// Temperature of relaxed classes.
const TEMPERATURE: f64 = 0.5;
/// Draws of a step where the gradient of the class compares draws.
const COMPARED: usize = 4;

/// What is maximised.
#[derive(Debug, Clone, Copy)]
pub enum Objective {
    /// The bound, or one with a weighted KL, and the gradient of the class.
    Bound(ExactKl, ClassGradient),
    /// The bound by draws alone.
    Drawn,
    /// The importance-weighted bound.
    Weighted(ImportanceWeightedRows),
}

impl Objective {
    /// What `settings` asks for, and the draws of a step.
    pub fn new(settings: &Settings) -> (Self, usize) {
        match settings.estimator {
            VaeEstimator::ExactKl => {
                let draws = if settings.class_gradient == ClassGradient::LeaveOneOut { COMPARED } else { 1 };
                let kl = ExactKl { beta: settings.beta, free_nats: settings.free_nats };
                (Objective::Bound(kl, settings.class_gradient), draws)
            }
            VaeEstimator::StickingTheLanding => (Objective::Drawn, 1),
            VaeEstimator::Iwae => {
                (Objective::Weighted(ImportanceWeightedRows { path: PathWeight::Doubly }), settings.importance)
            }
        }
    }
}

impl GradientEstimator<Target, Q> for Objective {
    fn estimate(
        &self,
        target: &Target,
        family: &Q,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        macro_rules! by {
            ($estimator:expr, $family:expr) => {
                $estimator.estimate(target, &**$family, at, space, grad, grad_theta)
            };
        }
        match (self, family) {
            (Objective::Bound(kl, _), Q::Normal(f)) => by!(kl, f),
            (Objective::Drawn, Q::Normal(f)) => by!(StickingTheLanding, f),
            (Objective::Weighted(e), Q::Normal(f)) => by!(e, f),
            (Objective::Bound(kl, how), Q::Mixed(f)) => {
                let kl = *kl;
                match how {
                    ClassGradient::Exact => by!(HybridKl { kl, discrete: LocalExpectation }, f),
                    ClassGradient::LeaveOneOut => by!(HybridKl { kl, discrete: LeaveOneOut }, f),
                    ClassGradient::Rebar => by!(HybridKl { kl, discrete: Rebar { temperature: TEMPERATURE } }, f),
                    ClassGradient::GumbelSoftmax => {
                        by!(HybridKl { kl, discrete: GumbelSoftmax { temperature: TEMPERATURE } }, f)
                    }
                }
            }
            (_, Q::Mixed(_)) => Err(DensityError("a class in the code needs --estimator exact-kl".into())),
        }
    }
}
