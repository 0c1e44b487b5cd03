//! RMSprop with a normaliser that excludes the current gradient.

use serde::{Deserialize, Serialize};

use super::error::{require_decay, require_positive};
use super::slices::bounded;
use super::{OptimizeError, Optimizer, Schedule, assert_lengths};

/// RMSprop: `params += step_size * grad / (root mean square of the gradients before it + eps)`.
///
/// With `v_hat` the mean of the past squared gradients, weighted by `decay^age`, and `t` the number of
/// gradients before this one, `ratio = clamp(grad / (sqrt(v_hat) + eps), -t^(1/4), t^(1/4))`,
/// `m = momentum * m + (1 - momentum) * ratio` and `params += step_size * m`. The first gradient only
/// fills `v_hat` and moves nothing.
///
/// ```
/// use jensen::optimize::{RmsProp, Optimizer};
///
/// // maximise -(x - 3)^2 / 2
/// let (rule, mut params) = (RmsProp::default(), [0.0]);
/// let mut state = rule.init(&params);
/// for _ in 0..3000 {
///     let grad = [3.0 - params[0]];
///     rule.ascend(&mut state, &grad, &mut params);
/// }
/// assert!((params[0] - 3.0).abs() < 0.05);
/// ```
///
/// *Source*: Tieleman and Hinton 2012, lecture 6.5, with the departure of ADOPT (Taniguchi et al. 2024,
/// the clipped algorithm): a window that contains the gradient it divides makes a log standard
/// deviation settle 7 % too wide at `decay = 0.9` and one draw per step, for ever. Given the past, the
/// normaliser here is a constant. The clamp bounds the step after a sudden jump of the gradient and
/// opens with time; the running means are corrected for their start, as in Adam. `decay = 0.9999`,
/// `momentum = 0.9` is ADOPT but for that correction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RmsProp {
    /// Step size: the typical move of one parameter in one step.
    pub step_size: Schedule,
    /// Decay of the running mean of squared gradients.
    pub decay: f64,
    /// Decay of the running mean of the normalised gradients; 0 for none.
    pub momentum: f64,
    /// Floor of the normaliser, in units of the gradient.
    pub eps: f64,
}

/// The state of [`RmsProp`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RmsPropState {
    num_steps: u64,
    decay_power: f64,
    mean_square: Vec<f64>,
    velocity: Vec<f64>,
}

impl RmsProp {
    /// RMSprop with this step size.
    pub fn new(step_size: impl Into<Schedule>) -> Self {
        Self { step_size: step_size.into(), decay: 0.99, momentum: 0.0, eps: 1e-8 }
    }
}

impl Default for RmsProp {
    /// `0.05 / sqrt(1 + step / 100)`, `decay = 0.99`, no momentum, `eps = 1e-8`.
    fn default() -> Self {
        Self::new(Schedule::inverse_sqrt(0.05, 100.0))
    }
}

impl Optimizer for RmsProp {
    type State = RmsPropState;

    fn init(&self, params: &[f64]) -> RmsPropState {
        let len = if self.momentum > 0.0 { params.len() } else { 0 };
        RmsPropState { num_steps: 0, decay_power: 1.0, mean_square: vec![0.0; params.len()], velocity: vec![0.0; len] }
    }

    fn ascend(&self, state: &mut RmsPropState, grad: &[f64], params: &mut [f64]) {
        assert_lengths(state.mean_square.len(), grad, params);
        let (decay, keep) = (self.decay, 1.0 - self.decay);
        if state.num_steps == 0 {
            for (square, g) in state.mean_square.iter_mut().zip(grad) {
                *square = keep * (g * g);
            }
        } else {
            self.move_params(state, grad, params);
        }
        state.num_steps += 1;
        state.decay_power *= decay;
    }

    fn fits(&self, state: &RmsPropState, num_params: usize) -> bool {
        state.mean_square.len() == num_params && [0, num_params].contains(&state.velocity.len())
    }

    fn check(&self) -> Result<(), OptimizeError> {
        self.step_size.check()?;
        require_decay("rmsprop.decay", self.decay, "0.99")?;
        require_decay("rmsprop.momentum", self.momentum, "0")?;
        require_positive("rmsprop.eps", self.eps, "1e-8")
    }
}

impl RmsProp {
    fn move_params(&self, state: &mut RmsPropState, grad: &[f64], params: &mut [f64]) {
        let step = self.step_size.at(state.num_steps - 1);
        let limit = (state.num_steps as f64).sqrt().sqrt();
        let correction = 1.0 / (1.0 - state.decay_power);
        let (decay, keep, eps) = (self.decay, 1.0 - self.decay, self.eps);
        let normalise = |square: &mut f64, g: f64| {
            let ratio = g / ((*square * correction).sqrt() + eps);
            *square = decay * *square + keep * (g * g);
            bounded(ratio, limit)
        };
        if self.momentum > 0.0 {
            // makes room once, for a state resumed from a run without momentum
            state.velocity.resize(params.len(), 0.0);
        }
        let pairs = params.iter_mut().zip(grad).zip(&mut state.mean_square);
        if self.momentum == 0.0 {
            for ((param, g), square) in pairs {
                *param += step * normalise(square, *g);
            }
        } else {
            let (held, fresh) = (self.momentum, 1.0 - self.momentum);
            for (((param, g), square), velocity) in pairs.zip(&mut state.velocity) {
                *velocity = held * *velocity + fresh * normalise(square, *g);
                *param += step * *velocity;
            }
        }
    }
}
