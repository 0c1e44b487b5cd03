//! Stochastic gradient ascent, plain or with momentum.

use serde::{Deserialize, Serialize};

use super::error::require_decay;
use super::{OptimizeError, Optimizer, Schedule, assert_lengths};

/// Gradient ascent: `params += step_size * velocity`.
///
/// Linear in the gradient, so noise of mean zero moves nothing on average. The step size has the units
/// of `params^2 / objective`: it must suit the model, which the other rules avoid.
///
/// ```
/// use jensen::optimize::{Sgd, Optimizer};
///
/// // maximise -(x - 3)^2 / 2
/// let (rule, mut params) = (Sgd::new(0.1), [0.0]);
/// let mut state = rule.init(&params);
/// for _ in 0..200 {
///     let grad = [3.0 - params[0]];
///     rule.ascend(&mut state, &grad, &mut params);
/// }
/// assert!((params[0] - 3.0).abs() < 0.01);
/// ```
///
/// *Source*: Robbins and Monro 1951; Polyak 1964 and, for [`Momentum::Nesterov`], Sutskever et al.
/// 2013, eq. 3-4, with the gradient taken at the shifted point that `params` then denotes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sgd {
    /// The step size, constant or falling.
    pub step_size: Schedule,
    /// The share of past gradients that carries over.
    pub momentum: Momentum,
}

/// How past gradients carry over into a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Momentum {
    /// Not at all: `velocity = grad`.
    None,
    /// `velocity = decay * velocity + grad`: in the long run steps of `step_size / (1 - decay)`.
    HeavyBall(f64),
    /// As the heavy ball, but the step is `grad + decay * velocity`, one look ahead.
    Nesterov(f64),
}

/// The state of [`Sgd`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SgdState {
    num_steps: u64,
    num_params: usize,
    velocity: Vec<f64>,
}

impl Sgd {
    /// Plain gradient ascent with this step size.
    pub fn new(step_size: impl Into<Schedule>) -> Self {
        Self { step_size: step_size.into(), momentum: Momentum::None }
    }
}

impl Default for Sgd {
    /// `0.01 / sqrt(1 + step / 100)`, no momentum.
    fn default() -> Self {
        Self::new(Schedule::inverse_sqrt(0.01, 100.0))
    }
}

impl Optimizer for Sgd {
    type State = SgdState;

    fn init(&self, params: &[f64]) -> SgdState {
        let len = if self.momentum == Momentum::None { 0 } else { params.len() };
        SgdState { num_steps: 0, num_params: params.len(), velocity: vec![0.0; len] }
    }

    fn ascend(&self, state: &mut SgdState, grad: &[f64], params: &mut [f64]) {
        assert_lengths(state.num_params, grad, params);
        let step = self.step_size.at(state.num_steps);
        state.num_steps += 1;
        if self.momentum != Momentum::None {
            // makes room once, for a state resumed from a run without momentum
            state.velocity.resize(params.len(), 0.0);
        }
        let pairs = params.iter_mut().zip(grad);
        match self.momentum {
            Momentum::None => {
                for (param, g) in pairs {
                    *param += step * g;
                }
            }
            Momentum::HeavyBall(decay) => {
                for ((param, g), velocity) in pairs.zip(&mut state.velocity) {
                    *velocity = decay * *velocity + g;
                    *param += step * *velocity;
                }
            }
            Momentum::Nesterov(decay) => {
                for ((param, g), velocity) in pairs.zip(&mut state.velocity) {
                    *velocity = decay * *velocity + g;
                    *param += step * (g + decay * *velocity);
                }
            }
        }
    }

    fn fits(&self, state: &SgdState, num_params: usize) -> bool {
        state.num_params == num_params && [0, num_params].contains(&state.velocity.len())
    }

    fn check(&self) -> Result<(), OptimizeError> {
        self.step_size.check()?;
        match self.momentum {
            Momentum::None => Ok(()),
            Momentum::HeavyBall(decay) | Momentum::Nesterov(decay) => require_decay("sgd.momentum", decay, "0.9"),
        }
    }
}
