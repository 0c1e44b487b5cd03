//! Adam: momentum over a running root mean square.

use serde::{Deserialize, Serialize};

use super::error::{require_decay, require_positive};
use super::{OptimizeError, Optimizer, Schedule, assert_lengths};

/// Adam: `params += step_size * m_hat / (sqrt(v_hat) + eps)`.
///
/// `m = b1 m + (1 - b1) grad`, `v = b2 v + (1 - b2) grad^2`, and the hats divide by `1 - b1^t` and
/// `1 - b2^t`.
///
/// The normaliser contains the current gradient with weight `1 - b2`: under noise of skewness `k` the
/// iterates settle where the mean gradient is about `k (1 - b2) / 2` noise standard deviations in place
/// of zero. A standard deviation fitted with one draw per step comes out wide by 0.1 % with the default
/// `b2`, by 1 % with 0.99 and by 4 to 7 % with 0.9; more draws shrink this. Keep `b2` high, or use
/// [`RmsProp`](super::RmsProp), whose normaliser excludes the current gradient.
///
/// ```
/// use jensen::optimize::{Adam, Optimizer};
///
/// // maximise -(x - 3)^2 / 2
/// let (rule, mut params) = (Adam::new(0.05), [0.0]);
/// let mut state = rule.init(&params);
/// for _ in 0..1000 {
///     let grad = [3.0 - params[0]];
///     rule.ascend(&mut state, &grad, &mut params);
/// }
/// assert!((params[0] - 3.0).abs() < 0.01);
/// ```
///
/// *Source*: Kingma and Ba 2015, Algorithm 1, in the order of operations of the end of its section 2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adam {
    /// Step size: about the largest move of one parameter in one step.
    pub step_size: Schedule,
    /// Decay of the running mean of gradients.
    pub b1: f64,
    /// Decay of the running mean of squared gradients.
    pub b2: f64,
    /// Floor of the normaliser, in units of the gradient.
    pub eps: f64,
}

/// The state of [`Adam`] and [`AdamW`](super::AdamW).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdamState {
    pub(super) num_steps: u64,
    b1_power: f64,
    b2_power: f64,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Adam {
    /// Adam with this step size and the published decays.
    pub fn new(step_size: impl Into<Schedule>) -> Self {
        Self { step_size: step_size.into(), b1: 0.9, b2: 0.999, eps: 1e-8 }
    }
}

impl Default for Adam {
    /// `0.1 / sqrt(1 + step / 100)`, `b1 = 0.9`, `b2 = 0.999`, `eps = 1e-8`.
    fn default() -> Self {
        Self::new(Schedule::inverse_sqrt(0.1, 100.0))
    }
}

/// The loop over the parameters, for the machine's widest registers; nothing is fused, so all give the same bits.
struct Ascend<'a> {
    b1: f64,
    b2: f64,
    scale: f64,
    floor: f64,
    grad: &'a [f64],
    first: &'a mut [f64],
    second: &'a mut [f64],
    params: &'a mut [f64],
}

impl pulp::WithSimd for Ascend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Ascend { b1, b2, scale, floor, grad, first, second, params } = self;
        let n = params.len();
        let (grad, first, second) = (&grad[..n], &mut first[..n], &mut second[..n]);
        let (c1, c2) = (1.0 - b1, 1.0 - b2);
        for i in 0..n {
            let g = grad[i];
            first[i] = b1 * first[i] + c1 * g;
            second[i] = b2 * second[i] + c2 * (g * g);
            params[i] += scale * first[i] / (second[i].sqrt() + floor);
        }
    }
}

impl Optimizer for Adam {
    type State = AdamState;

    fn init(&self, params: &[f64]) -> AdamState {
        let zeros = vec![0.0; params.len()];
        AdamState { num_steps: 0, b1_power: 1.0, b2_power: 1.0, first: zeros.clone(), second: zeros }
    }

    fn ascend(&self, state: &mut AdamState, grad: &[f64], params: &mut [f64]) {
        assert_lengths(state.first.len(), grad, params);
        let step = self.step_size.at(state.num_steps);
        state.num_steps += 1;
        state.b1_power *= self.b1;
        state.b2_power *= self.b2;
        // the two corrections are moved out of the loop, into the step and the floor
        let correction = (1.0 - state.b2_power).sqrt();
        let scale = step * correction / (1.0 - state.b1_power);
        let floor = self.eps * correction;
        let AdamState { first, second, .. } = state;
        pulp::Arch::new().dispatch(Ascend { b1: self.b1, b2: self.b2, scale, floor, grad, first, second, params });
    }

    fn fits(&self, state: &AdamState, num_params: usize) -> bool {
        state.first.len() == num_params && state.second.len() == num_params
    }

    fn check(&self) -> Result<(), OptimizeError> {
        self.step_size.check()?;
        require_decay("adam.b1", self.b1, "0.9")?;
        require_decay("adam.b2", self.b2, "0.999")?;
        require_positive("adam.eps", self.eps, "1e-8")
    }
}
