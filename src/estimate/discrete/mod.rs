//! Gradients in the probabilities of integer latents.
//!
//! Each method says at which values of the integers the density is to be known for one draw of everything else (its
//! *lanes*), and turns those densities into a gradient. The same method serves a family of integers alone and, in
//! [`Hybrid`](super::Hybrid), the integers beside real latents.

mod antithetic;
mod counts;
mod enumerate;
mod lanes;
mod leave_one_out;
mod local_expectation;
mod rebar;
mod relaxed;
mod soft;
mod temperature;
mod unordered_set;

pub use antithetic::{Arm, DisArm};
pub use enumerate::Enumerate;
pub use lanes::{Lanes, Relaxation, Shape};
pub use leave_one_out::LeaveOneOut;
pub use local_expectation::LocalExpectation;
pub use rebar::{LearnedRebar, Rebar, Relax};
pub use relaxed::{GumbelSoftmax, StraightThrough};
pub use unordered_set::UnorderedSet;

use super::score::refuse_theta;
use super::{Estimate, GradientEstimator, Point, Space, ln_accepted};
use crate::family::{Discrete, Family};
use crate::model::RowSet;
use crate::target::{DensityError, LogDensity};

/// A gradient in the parameters of a family of integers, from the densities at several values of them.
///
/// A draw of which any lane that can occur has no finite density is rejected.
pub trait DiscreteGradient<G: ?Sized>: Sync {
    /// How many lanes each draw is evaluated in.
    ///
    /// # Errors
    /// When the method does not fit the family, or would need too many lanes or more draws.
    fn shape(&self, family: &G, rows: &RowSet, num_draws: usize) -> Result<Shape, DensityError>;

    /// Overwrites the integers of `lanes.z` and `lanes.probability`; `at.params` are those of the integers.
    fn set(&self, family: &G, at: &Point, lanes: &mut Lanes);

    /// Adds the gradient in the parameters of the integers to `grad`, and returns the mean over the accepted draws of
    /// `E_G[signal - log G]` or of an unbiased estimate of it.
    fn add_gradient(&self, family: &G, at: &Point, lanes: &mut Lanes, grad: &mut [f64]) -> f64;
}

/// The gradient of a density of integers alone.
fn estimate<T, G, D>(
    method: &D,
    (target, family): (&T, &G),
    at: &Point,
    space: &mut Space,
    grad: &mut [f64],
) -> Result<Estimate, DensityError>
where
    T: LogDensity + ?Sized,
    G: Family + ?Sized,
    D: DiscreteGradient<G>,
{
    refuse_theta(target, "a gradient for integers alone")?;
    let shape = method.shape(family, at.rows, at.num_draws)?;
    let lanes = &mut space.lanes;
    lanes.fit(shape, target.layout(), at);
    with_memory(&mut space.memory, lanes, |lanes| method.set(family, at, lanes));
    lanes.evaluate(target, at, space.pass.data_weight)?;
    let rejected = lanes.reject(&[]);
    let value = match rejected < at.num_draws {
        true => with_memory(&mut space.memory, lanes, |lanes| method.add_gradient(family, at, lanes, grad)),
        false => f64::NAN,
    };
    Ok(Estimate { value: value + ln_accepted(at, rejected), rejected, evaluations: shape.evaluations() * at.num_draws })
}

/// Lends the lanes what an estimator remembers.
pub(super) fn with_memory<R>(memory: &mut Vec<f64>, lanes: &mut Lanes, step: impl FnOnce(&mut Lanes) -> R) -> R {
    std::mem::swap(memory, &mut lanes.memory);
    let done = step(lanes);
    std::mem::swap(memory, &mut lanes.memory);
    done
}

impl Shape {
    /// Evaluations of one draw.
    pub(super) fn evaluations(self) -> usize {
        self.num_lanes + usize::from(self.relaxation != Relaxation::None)
    }
}

macro_rules! estimators_of_integers {
    ($($method:ty),*) => { $(
        impl<T: LogDensity + ?Sized, G: Discrete + ?Sized> GradientEstimator<T, G> for $method {
            fn estimate(
                &self,
                target: &T,
                family: &G,
                at: &Point,
                space: &mut Space,
                grad: &mut [f64],
                _grad_theta: &mut [f64],
            ) -> Result<Estimate, DensityError> {
                estimate(self, (target, family), at, space, grad)
            }
        }
    )* };
}
estimators_of_integers!(
    LocalExpectation,
    DisArm,
    Arm,
    GumbelSoftmax,
    StraightThrough,
    Rebar,
    LearnedRebar,
    Relax,
    UnorderedSet
);
