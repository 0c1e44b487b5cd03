//! DoG: distance over gradients, a step size that needs no tuning.

use serde::{Deserialize, Serialize};

use super::error::require_positive;
use super::slices::{squared_distance, squared_norm};
use super::{OptimizeError, Optimizer, Schedule, assert_lengths};

/// DoG: `params += step_size * max_distance / sqrt(sum_i |grad_i|^2) * grad`.
///
/// `max_distance` is the farthest `params` has been from its starting point, at first
/// `start * (1 + |params|)`. The iterates are noisy: use an [`Average`](super::Average) of them.
/// One normaliser serves all coordinates and contains the current gradient with weight `1 / t`, so what
/// that shifts vanishes as the run goes on.
///
/// ```
/// use jensen::optimize::{Dog, Optimizer};
///
/// // maximise -(x - 3)^2 / 2
/// let (rule, mut params) = (Dog::default(), [0.0]);
/// let mut state = rule.init(&params);
/// for _ in 0..2000 {
///     let grad = [3.0 - params[0]];
///     rule.ascend(&mut state, &grad, &mut params);
/// }
/// assert!((params[0] - 3.0).abs() < 0.05);
/// ```
///
/// *Source*: Ivgi, Hinder and Carmon 2023, eq. DoG; `step_size` is its constant `c`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dog {
    /// Multiplier of the step the rule finds; 1 in the paper.
    pub step_size: Schedule,
    /// First step, relative to `1 + |params|`: small, and without influence on the end.
    pub start: f64,
}

/// The state of [`Dog`] and [`Dowg`](super::Dowg).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DogState {
    num_steps: u64,
    max_distance: f64,
    sum_squares: f64,
    start: Vec<f64>,
}

impl DogState {
    /// Whether it is one of this many params.
    pub(super) fn is_of(&self, num_params: usize) -> bool {
        self.start.len() == num_params
    }

    /// The state before the first step from `params`, `start` as in [`Dog`].
    pub(super) fn new(start: f64, params: &[f64]) -> Self {
        let max_distance = start * (1.0 + squared_norm(params).sqrt());
        Self { num_steps: 0, max_distance, sum_squares: 0.0, start: params.to_vec() }
    }

    /// Records how far `params` has come and adds `weight(max_distance) * |grad|^2` to the sum.
    ///
    /// Returns the number of steps before this one, the largest distance and the root of the sum.
    pub(super) fn record(&mut self, grad: &[f64], params: &[f64], weight: impl Fn(f64) -> f64) -> (u64, f64, f64) {
        assert_lengths(self.start.len(), grad, params);
        self.max_distance = self.max_distance.max(squared_distance(params, &self.start).sqrt());
        self.sum_squares += weight(self.max_distance) * squared_norm(grad);
        self.num_steps += 1;
        (self.num_steps - 1, self.max_distance, self.sum_squares.sqrt())
    }
}

impl Default for Dog {
    /// The paper's constants: `step_size = 1`, `start = 1e-6`.
    fn default() -> Self {
        Self { step_size: Schedule::Constant(1.0), start: 1e-6 }
    }
}

impl Optimizer for Dog {
    type State = DogState;

    fn init(&self, params: &[f64]) -> DogState {
        DogState::new(self.start, params)
    }

    fn ascend(&self, state: &mut DogState, grad: &[f64], params: &mut [f64]) {
        let (num_steps, distance, root) = state.record(grad, params, |_| 1.0);
        add_scaled(self.step_size.at(num_steps) * distance, root, grad, params);
    }

    fn fits(&self, state: &DogState, num_params: usize) -> bool {
        state.is_of(num_params)
    }

    fn check(&self) -> Result<(), OptimizeError> {
        self.step_size.check()?;
        require_positive("dog.start", self.start, "1e-6")
    }
}

/// `params += numerator / root * grad`; no move while all gradients were zero (`root = 0`).
pub(super) fn add_scaled(numerator: f64, root: f64, grad: &[f64], params: &mut [f64]) {
    if root == 0.0 {
        return;
    }
    let step = numerator / root;
    for (param, g) in params.iter_mut().zip(grad) {
        *param += step * g;
    }
}
