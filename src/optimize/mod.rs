//! Rules that move a parameter vector uphill, their step sizes, and averages of their iterates.
//!
//! This room knows slices only: it never sees a model, a family or a random number.
//! A rule is an immutable value; what changes from step to step lives in its `State`, which can be
//! saved and resumed bit for bit.
//!
//! **No rule may move the place where the mean gradient is zero.** A normaliser that contains the very
//! gradient it divides shrinks large gradients more than small ones; with skewed noise, such as that
//! of a log standard deviation under one draw, the iterates then settle beside the optimum and no
//! amount of averaging brings them back. Each rule says why it is free of this, and the tests of this
//! room fit a posterior that is known exactly with one draw per step. What remains at a finite step
//! size is the spread of the iterates on a curved objective, which makes a fitted standard deviation
//! narrow by a share of the order of the step size: let the step size fall.

mod adagrad;
mod adam;
mod adamw;
mod any;
mod average;
mod clip;
mod dog;
mod dowg;
mod error;
mod rmsprop;
mod schedule;
mod sgd;
mod slices;

#[cfg(test)]
mod tests;

pub use adagrad::{AdaGrad, AdaGradState};
pub use adam::{Adam, AdamState};
pub use adamw::AdamW;
pub use any::{AnyOptimizer, AnyState};
pub use average::{Average, AverageState};
pub use clip::{Clip, Clipped, ClippedState};
pub use dog::{Dog, DogState};
pub use dowg::Dowg;
pub use error::OptimizeError;
pub use rmsprop::{RmsProp, RmsPropState};
pub use schedule::Schedule;
pub use sgd::{Momentum, Sgd, SgdState};

use serde::{Serialize, de::DeserializeOwned};

/// A rule that moves `params` uphill along `grad`.
///
/// ```
/// use jensen::optimize::{Adam, Optimizer};
///
/// // maximise -(x - 3)^2 / 2
/// let (adam, mut params) = (Adam::default(), [0.0]);
/// let mut state = adam.init(&params);
/// for _ in 0..2000 {
///     let grad = [3.0 - params[0]];
///     adam.ascend(&mut state, &grad, &mut params);
/// }
/// assert!((params[0] - 3.0).abs() < 1e-3);
/// ```
pub trait Optimizer: Send + Sync {
    /// What the rule remembers between steps.
    type State: Clone + Serialize + DeserializeOwned + Send;

    /// The state before the first step from the starting point `params`.
    fn init(&self, params: &[f64]) -> Self::State;

    /// Takes one step: adds a multiple of a normalised `grad` to `params`, without heap allocation.
    ///
    /// The entries of `grad` must be finite: a rule does not hide a NaN, it reaches `params`. Entries
    /// above 1e150 in size overflow when squared; see [`Clipped`].
    ///
    /// # Panics
    /// If `grad` or `params` does not have the length given to [`init`](Optimizer::init).
    fn ascend(&self, state: &mut Self::State, grad: &[f64], params: &mut [f64]);

    /// Whether `state` can go on with `num_params` params: one that was saved, or is of another fit, may be of another length.
    fn fits(&self, _state: &Self::State, _num_params: usize) -> bool {
        true
    }

    /// Refuses settings outside their range, naming the setting, its value and one that works.
    ///
    /// # Errors
    /// [`OptimizeError::Setting`] for the first setting out of range.
    fn check(&self) -> Result<(), OptimizeError> {
        Ok(())
    }
}

impl<O: Optimizer + ?Sized> Optimizer for &O {
    type State = O::State;

    fn init(&self, params: &[f64]) -> Self::State {
        (**self).init(params)
    }

    fn ascend(&self, state: &mut Self::State, grad: &[f64], params: &mut [f64]) {
        (**self).ascend(state, grad, params);
    }

    fn fits(&self, state: &Self::State, num_params: usize) -> bool {
        (**self).fits(state, num_params)
    }

    fn check(&self) -> Result<(), OptimizeError> {
        (**self).check()
    }
}

/// The contract of [`Optimizer::ascend`] on lengths: a mismatch would otherwise cut loops short in silence.
fn assert_lengths(num_state: usize, grad: &[f64], params: &[f64]) {
    assert_eq!(grad.len(), params.len(), "grad and params differ in length");
    assert_eq!(num_state, params.len(), "the state belongs to params of another length");
}
