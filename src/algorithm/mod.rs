//! Algorithms: anything that improves an approximation step by step.
//!
//! Stochastic gradients are one of them, not the frame for all: natural gradient, fixed draws with a
//! deterministic solver, Laplace and coordinate ascent implement the same three functions.

mod adversarial;
mod conditional;
mod density;
mod error;
#[cfg(feature = "argmin")]
mod fixed_draws;
mod gaussian;
mod laplace;
mod least_squares;
mod minibatch;
mod natural_gradient;
mod path;
mod places;
mod sparse;
mod start;
mod stochastic;
mod unusable;

pub use adversarial::{AdversarialState, AdversarialVi};
pub use conditional::{ConditionalFit, ConditionalFound, ConditionalStart};
pub(crate) use conditional::{Inside, Integral, Nodes};
pub(crate) use density::Density;
pub use error::{FitError, FitErrorKind, SolverFailure};
#[cfg(feature = "argmin")]
pub use fixed_draws::{
    ArgminPoint, FixedBound, FixedDesign, FixedDraws, FixedDrawsState, FromArgmin, HessianAt, Lbfgs, NewtonCg, Solve,
    Solved, fixed_noise, solve,
};
pub use gaussian::PathGaussian;
pub(crate) use laplace::curvature;
pub use laplace::{FullRankStart, LaplaceApproximation, LaplaceState};
pub use least_squares::{ExponentialFamily, LeastSquares, LeastSquaresState};
pub(crate) use minibatch::Chosen;
pub use minibatch::Minibatch;
pub use natural_gradient::{NaturalGradient, NaturalGradientState};
pub use path::{Pair, Path, PathEnd};
pub use places::PathPlace;
pub use sparse::{SparseNaturalGradient, SparseNaturalGradientState};
pub use start::{Explored, Found, StartSearch};
pub use stochastic::{StochasticState, StochasticVi};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::estimate::Terms;

/// An iterative method with an explicit state, so that a fit can be stopped, saved, inspected and continued.
pub trait Algorithm {
    /// Everything that changes; the same state always continues to the same bits.
    type State: Clone + Serialize + DeserializeOwned;

    /// What a finished fit gives.
    type Output;

    /// The state before the first step.
    ///
    /// # Errors
    /// When the settings are wrong or the target cannot be evaluated at the start.
    fn init(&self) -> Result<Self::State, FitError>;

    /// Moves `state` on by one step.
    ///
    /// # Errors
    /// When the fit cannot go on; the state is the last good one.
    fn step(&self, state: &mut Self::State) -> Result<Step, FitError>;

    /// The result as of `state`.
    fn output(&self, state: &Self::State) -> Self::Output;
}

/// Parameters found by a fit: of q, and of the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, serde::Deserialize)]
pub struct Solution {
    /// Parameters of the family.
    pub params: Vec<f64>,
    /// Learnable parameters theta of the model.
    pub theta: Vec<f64>,
}

/// What a step reports to observers and stopping rules.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// Number of the step, from one.
    pub index: u64,
    /// The step's estimate of the objective (maximised).
    pub objective: Option<f64>,
    /// Euclidean norm of the gradient that was followed.
    pub grad_norm: f64,
    /// Density evaluations of this step.
    pub evaluations: u64,
    /// Draws that were left out because their density was not finite.
    pub rejected: u64,
    /// The parts of the objective, where the step's estimator tells them apart.
    pub terms: Option<Terms>,
    /// A deterministic algorithm's own sign that it has arrived, with the statistic that says so.
    pub converged: Option<f64>,
}

impl Step {
    /// A step with a number and an objective.
    pub fn new(index: u64, objective: f64) -> Self {
        Step { index, objective: Some(objective), ..Step::default() }
    }
}
