//! Gradient estimators: one file each, to be read beside its paper.
//!
//! An estimator draws from q, asks the target for densities (and gradients), and estimates the gradient of an objective
//! in the parameters of q and of the model. What it keeps from step to step is its state, which a fit saves.

mod annealing;
mod any;
mod control_variate;
mod design;
mod discrete;
mod exact_kl;
mod groups;
mod hybrid;
mod hybrid_kl;
mod importance;
mod importance_rows;
mod measure_valued;
mod mixed;
mod multi_sample;
mod pathwise;
mod price;
mod residual_stein;
mod score;
mod scratch;
mod semi_amortised;
mod space;
mod sticking;

pub use annealing::Annealing;
pub use any::{AnyEstimator, ErasedState};
pub use control_variate::{ControlVariate, Curvature};
pub use design::Design;
pub use discrete::{
    Arm, Arms, Carms, DisArm, DiscreteGradient, DoubleControl, Enumerate, GumbelSoftmax, IndeCateR, Lanes,
    LearnedRebar, LeaveOneOut, LocalDisArm, LocalExpectation, Rebar, Relax, Relaxation, Rodeo, Shape, StraightThrough,
    UnorderedSet,
};
pub use exact_kl::{ExactKl, standard_kl};
pub use hybrid::{Hybrid, RealGradient};
pub use hybrid_kl::HybridKl;
pub use importance::{ImportanceWeightedScore, Vimco, WakePhase};
pub use importance_rows::{ImportanceWeightedRows, PathWeight};
pub use measure_valued::MeasureValued;
pub use mixed::Mixed;
pub use multi_sample::{DoublyReparameterized, MultiSamplePathwise};
pub use pathwise::{Entropy, Pathwise};
pub use price::Price;
pub use residual_stein::ResidualStein;
pub use score::{Baseline, Overdispersed, RaoBlackwell, ScoreFunction};
pub use scratch::Scratch;
pub use semi_amortised::{SemiAmortised, refine};
pub use space::{Space, Terms};
pub use sticking::StickingTheLanding;

use serde::{Serialize, de::DeserializeOwned};

use crate::model::{Layout, RowSet};
use crate::streams::Streams;
use crate::target::DensityError;
use space::{all_finite, chosen_draws, lanes_finite, ln_accepted, scale_draws, weighted_sum};

/// Where a gradient is estimated, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// Parameters of q.
    pub params: &'a [f64],
    /// Learnable parameters of the model.
    pub theta: &'a [f64],
    /// Rows of the pass.
    pub rows: &'a RowSet,
    /// Randomness of this step.
    pub streams: Streams,
    /// Monte Carlo draws.
    pub num_draws: usize,
    /// How the noise of the draws is spread.
    pub design: Design,
}

/// What an estimator is asked for: the gradient of an objective of this target and this family, at a point.
#[derive(Debug)]
pub struct Task<'a, T: ?Sized, F: ?Sized> {
    /// The density that q approximates.
    pub target: &'a T,
    /// The family whose parameters the gradient is in.
    pub family: &'a F,
    /// The point at which the gradient is asked for: parameters, rows, randomness, draws.
    pub at: Point<'a>,
}

impl<T: ?Sized, F: ?Sized> Clone for Task<'_, T, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized, F: ?Sized> Copy for Task<'_, T, F> {}

/// The value that came with a gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The objective's estimate at the point.
    pub value: f64,
    /// Draws whose density or gradient was not finite: the objective is that of q restricted to the others
    /// ([`Accepted`](crate::objective::Accepted)).
    pub rejected: usize,
    /// Evaluations of the density, one for each draw.
    pub evaluations: usize,
}

/// A way of estimating the gradient of an objective.
///
/// ```
/// use jensen::estimate::{Estimate, GradientEstimator, Space, Task};
/// use jensen::family::Reparam;
/// use jensen::target::{DensityError, Differentiable};
///
/// /// `1/S sum_s (d T / d params)' grad_z log p(z_s)`: the gradient of `E_q[log p]`, without the entropy.
/// struct Energy;
///
/// impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for Energy {
///     type State = ();
///
///     fn init(&self, _: &T, _: &F) {}
///
///     fn estimate(&self, of: &Task<T, F>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
///         space.draw(of)?;
///         space.differentiate(of)?;
///         let rejected = space.reject();
///         let evaluations = of.at.num_draws + space.add_theta(of, rejected)?;
///         space.weigh();
///         space.pullback(of);
///         Ok(Estimate { value: space.bound(of, rejected, Some(0.0)), rejected, evaluations })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` estimates no gradient of the parameters of `{F}`",
    label = "this estimator and this family do not go together",
    note = "the estimator's documentation names its families; `ScoreFunction` is for every family, and `Pathwise` for every one with a transform of noise"
)]
pub trait GradientEstimator<T: ?Sized, F: ?Sized>: Sync {
    /// What it keeps from step to step: `()` for nothing, [`Scratch`] for buffers that hold nothing between steps.
    ///
    /// Everything that moves a later number belongs here, so that a saved fit goes on to the same bits. An estimator that
    /// learns reads its state before it writes what this step has taught: given the past its gradient stays unbiased.
    type State: Clone + Serialize + DeserializeOwned + Send + 'static;

    /// The state before the first step.
    fn init(&self, target: &T, family: &F) -> Self::State;

    /// Overwrites `space.grad` and `space.grad_theta` with the gradient in the parameters of q and in theta, and returns
    /// the objective's value.
    ///
    /// [`Space::draw`], [`Space::sample`] and [`Space::resize`] set both to zeros of the right length, to which the functions
    /// of `Space` and of families add.
    ///
    /// # Errors
    /// When the target can never be evaluated, or fewer draws are asked for than the estimator needs.
    fn estimate(&self, of: &Task<T, F>, state: &mut Self::State, space: &mut Space) -> Result<Estimate, DensityError>;

    /// Whether it can go on from `state`, which may have been saved, or be that of another model.
    fn fits(&self, _state: &Self::State, _target: &T, _family: &F) -> bool {
        true
    }
}

/// Refuses a design other than independent draws.
fn independent(estimator: &str, at: &Point) -> Result<(), DensityError> {
    match at.design {
        Design::Independent => Ok(()),
        other => Err(DensityError::setting(format!(
            "{estimator} needs independent draws, and the design is {other:?}; use `Design::Independent`"
        ))),
    }
}

/// Refuses parameters theta, of which an estimator from values alone has no gradient.
fn no_theta(estimator: &str, layout: &Layout) -> Result<(), DensityError> {
    match layout.num_parameters {
        0 => Ok(()),
        _ => Err(DensityError::unsupported(format!(
            "{estimator} has no gradient for the model's parameters theta; use a pathwise estimator"
        ))),
    }
}

/// The worded error for an estimator that needs more draws.
fn too_few_draws(estimator: &str, needed: usize, found: usize) -> DensityError {
    DensityError::setting(format!(
        "{estimator} needs at least {needed} draws a step, not {found}; raise the number of draws"
    ))
}
