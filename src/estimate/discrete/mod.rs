//! Gradients in the probabilities of integer latents.
//!
//! Each method says at which values of the integers the density is to be known for one draw of everything else (its
//! *lanes*), and turns those densities into a gradient. The same method serves a family of integers alone and, in
//! [`Hybrid`](super::Hybrid), the integers beside real latents.

mod antithetic;
mod arms;
mod carms;
mod counts;
mod double_cv;
mod enumerate;
mod indecater;
mod lanes;
mod leave_one_out;
mod local_disarm;
mod local_expectation;
mod multiples;
mod rebar;
mod relaxed;
mod rodeo;
mod slopes;
mod soft;
mod strata;
mod temperature;
mod unordered_set;

pub use antithetic::{Arm, DisArm};
pub use arms::Arms;
pub use carms::Carms;
pub use double_cv::DoubleControl;
pub use enumerate::Enumerate;
pub use indecater::IndeCateR;
pub use lanes::{Lanes, Relaxation, Shape};
pub use leave_one_out::LeaveOneOut;
pub use local_disarm::LocalDisArm;
pub use local_expectation::LocalExpectation;
pub use rebar::{LearnedRebar, Rebar, Relax};
pub use relaxed::{GumbelSoftmax, StraightThrough};
pub use rodeo::Rodeo;
pub use unordered_set::UnorderedSet;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::score::refuse_theta;
use super::{Estimate, GradientEstimator, Point, Space, Task, ln_accepted};
use crate::family::{Discrete, Family};
use crate::model::RowSet;
use crate::target::{DensityError, LogDensity};

/// A gradient in the parameters of a family of integers, from the densities at several values of them.
///
/// A draw of which any lane that can occur has no finite density is rejected.
pub trait DiscreteGradient<G: ?Sized>: Sync {
    /// What it learns from step to step, as that of a [`GradientEstimator`]; the default is that before the first step.
    type State: Clone + Default + Serialize + DeserializeOwned + Send + 'static;

    /// How many lanes each draw is evaluated in.
    ///
    /// # Errors
    /// When the method does not fit the family, or would need too many lanes or more draws.
    fn shape(&self, family: &G, rows: &RowSet, num_draws: usize) -> Result<Shape, DensityError>;

    /// Overwrites the integers of `lanes.z` and `lanes.probability`; `at.params` are those of the integers.
    fn set(&self, family: &G, at: &Point, state: &mut Self::State, lanes: &mut Lanes);

    /// Adds the gradient in the parameters of the integers to `grad`, and returns the mean over the accepted draws of
    /// `E_G[signal - log G]` or of an unbiased estimate of it.
    fn add_gradient(&self, family: &G, at: &Point, state: &mut Self::State, lanes: &mut Lanes, grad: &mut [f64])
    -> f64;
}

/// State of an estimator with a gradient of integers: what that has learned, and the lanes of a step.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LanesState<S> {
    pub(super) learned: S,
    #[serde(skip)]
    pub(super) lanes: Lanes,
}

/// The gradient of a density of integers alone.
fn estimate<T, G, D>(
    method: &D,
    of: &Task<T, G>,
    LanesState { learned, lanes }: &mut LanesState<D::State>,
    space: &mut Space,
) -> Result<Estimate, DensityError>
where
    T: LogDensity + ?Sized,
    G: Family + ?Sized,
    D: DiscreteGradient<G>,
{
    let Task { target, family, at } = *of;
    refuse_theta(target, "a gradient for integers alone")?;
    let shape = method.shape(family, at.rows, at.num_draws)?;
    space.clear(&at);
    lanes.resize(shape, target.layout(), &at);
    method.set(family, &at, learned, lanes);
    lanes.evaluate(target, &at, space.pass.data_weight)?;
    let rejected = lanes.reject(&[]);
    let evaluations = shape.evaluations_alone() * at.num_draws;
    if rejected == at.num_draws {
        return Ok(Estimate { value: f64::NAN, rejected, evaluations });
    }
    let value = method.add_gradient(family, &at, learned, lanes, &mut space.grad) + ln_accepted(&at, rejected);
    Ok(Estimate { value, rejected, evaluations })
}

impl Shape {
    /// Evaluations of one draw.
    pub(super) fn evaluations(self) -> usize {
        self.num_lanes + usize::from(self.relaxation != Relaxation::None)
    }

    /// Evaluations of one draw where there are no real latents.
    pub(super) fn evaluations_alone(self) -> usize {
        if self.relaxation == Relaxation::CornerAlone { self.num_lanes } else { self.evaluations() }
    }
}

macro_rules! estimators_of_integers {
    ($($method:ty),*) => { $(
        impl<T: LogDensity + ?Sized, G: Discrete + ?Sized> GradientEstimator<T, G> for $method {
            type State = LanesState<<$method as DiscreteGradient<G>>::State>;

            fn init(&self, _: &T, _: &G) -> Self::State {
                LanesState::default()
            }

            fn estimate(
                &self,
                of: &Task<T, G>,
                state: &mut Self::State,
                space: &mut Space,
            ) -> Result<Estimate, DensityError> {
                estimate(self, of, state, space)
            }
        }
    )* };
}
estimators_of_integers!(
    LocalExpectation,
    DisArm,
    LocalDisArm,
    Arm,
    Arms,
    Carms,
    DoubleControl,
    Rodeo,
    IndeCateR,
    GumbelSoftmax,
    StraightThrough,
    Rebar,
    LearnedRebar,
    Relax,
    UnorderedSet
);
