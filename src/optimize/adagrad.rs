//! AdaGrad: each coordinate divided by the root of its sum of squares.

use serde::{Deserialize, Serialize};

use super::error::require_positive;
use super::{OptimizeError, Optimizer, Schedule, assert_lengths};

/// AdaGrad: `sum += grad^2`, then `params += step_size * grad / (sqrt(sum) + eps)`.
///
/// The steps fall as `t^(-1/2)` by themselves. The normaliser contains the current gradient with weight
/// `1 / t`, so what that shifts vanishes as the run goes on; it would not in a window of fixed length.
///
/// ```
/// use jensen::optimize::{AdaGrad, Optimizer};
///
/// // maximise -(x - 3)^2 / 2
/// let (rule, mut params) = (AdaGrad::default(), [0.0]);
/// let mut state = rule.init(&params);
/// for _ in 0..5000 {
///     let grad = [3.0 - params[0]];
///     rule.ascend(&mut state, &grad, &mut params);
/// }
/// assert!((params[0] - 3.0).abs() < 0.05);
/// ```
///
/// *Source*: Duchi, Hazan and Singer 2011, Figure 1, diagonal form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdaGrad {
    /// Step size: the move of each parameter in the first step.
    pub step_size: Schedule,
    /// Floor of the normaliser, in units of the gradient.
    pub eps: f64,
}

/// The state of [`AdaGrad`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdaGradState {
    num_steps: u64,
    sum_squares: Vec<f64>,
}

impl AdaGrad {
    /// AdaGrad with this step size.
    pub fn new(step_size: impl Into<Schedule>) -> Self {
        Self { step_size: step_size.into(), eps: 1e-8 }
    }
}

impl Default for AdaGrad {
    /// Step size 0.5, `eps = 1e-8`.
    fn default() -> Self {
        Self::new(0.5)
    }
}

impl Optimizer for AdaGrad {
    type State = AdaGradState;

    fn init(&self, params: &[f64]) -> AdaGradState {
        AdaGradState { num_steps: 0, sum_squares: vec![0.0; params.len()] }
    }

    fn ascend(&self, state: &mut AdaGradState, grad: &[f64], params: &mut [f64]) {
        assert_lengths(state.sum_squares.len(), grad, params);
        let (step, eps) = (self.step_size.at(state.num_steps), self.eps);
        state.num_steps += 1;
        for ((param, g), sum) in params.iter_mut().zip(grad).zip(&mut state.sum_squares) {
            *sum += g * g;
            *param += step * g / (sum.sqrt() + eps);
        }
    }

    fn fits(&self, state: &AdaGradState, num_params: usize) -> bool {
        state.sum_squares.len() == num_params
    }

    fn check(&self) -> Result<(), OptimizeError> {
        self.step_size.check()?;
        require_positive("adagrad.eps", self.eps, "1e-8")
    }
}
