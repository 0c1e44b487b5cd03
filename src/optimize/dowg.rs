//! DoWG: distance over weighted gradients.

use serde::{Deserialize, Serialize};

use super::dog::{DogState, add_scaled};
use super::error::require_positive;
use super::{OptimizeError, Optimizer, Schedule};

/// DoWG: `params += step_size * d_t^2 / sqrt(sum_i d_i^2 |grad_i|^2) * grad`.
///
/// `d_t` is the farthest `params` has been from its starting point by step `t`, at first
/// `start * (1 + |params|)`. Early gradients, taken far from the optimum, weigh less than in
/// [`Dog`](super::Dog), so the steps are larger. Average the iterates. Free of stationary bias for the
/// reason given there.
///
/// ```
/// use jensen::optimize::{Dowg, Optimizer};
///
/// // maximise -(x - 3)^2 / 2
/// let (rule, mut params) = (Dowg::default(), [0.0]);
/// let mut state = rule.init(&params);
/// for _ in 0..2000 {
///     let grad = [3.0 - params[0]];
///     rule.ascend(&mut state, &grad, &mut params);
/// }
/// assert!((params[0] - 3.0).abs() < 0.05);
/// ```
///
/// *Source*: Khaled, Mishchenko and Jin 2023, Algorithm 1; the starting distance is that of DoG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dowg {
    /// Multiplier of the step the rule finds; 1 in the paper.
    pub step_size: Schedule,
    /// First step, relative to `1 + |params|`.
    pub start: f64,
}

impl Default for Dowg {
    /// `step_size = 1`, `start = 1e-6`.
    fn default() -> Self {
        Self { step_size: Schedule::Constant(1.0), start: 1e-6 }
    }
}

impl Optimizer for Dowg {
    type State = DogState;

    fn init(&self, params: &[f64]) -> DogState {
        DogState::new(self.start, params)
    }

    fn ascend(&self, state: &mut DogState, grad: &[f64], params: &mut [f64]) {
        let (num_steps, distance, root) = state.record(grad, params, |d| d * d);
        add_scaled(self.step_size.at(num_steps) * distance * distance, root, grad, params);
    }

    fn fits(&self, state: &DogState, num_params: usize) -> bool {
        state.is_of(num_params)
    }

    fn check(&self) -> Result<(), OptimizeError> {
        self.step_size.check()?;
        require_positive("dowg.start", self.start, "1e-6")
    }
}
