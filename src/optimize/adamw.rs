//! Adam with decoupled weight decay.

use serde::{Deserialize, Serialize};

use super::error::require;
use super::{Adam, AdamState, OptimizeError, Optimizer, Schedule};

/// AdamW: `params *= 1 - step_size * weight_decay`, then a step of [`Adam`].
///
/// Weight decay pulls towards zero on purpose. For the weights of a network that is a regulariser; for
/// the parameters of a posterior it is a bias, of `weight_decay * param * noise sd / curvature`, in
/// whatever units the parameter has. It is therefore 0 unless asked for, which makes this rule Adam.
///
/// ```
/// use jensen::optimize::{AdamW, Optimizer};
///
/// // maximise -(x - 3)^2 / 2
/// let (rule, mut params) = (AdamW::default(), [0.0]);
/// let mut state = rule.init(&params);
/// for _ in 0..3000 {
///     let grad = [3.0 - params[0]];
///     rule.ascend(&mut state, &grad, &mut params);
/// }
/// assert!((params[0] - 3.0).abs() < 0.01);
/// ```
///
/// *Source*: Loshchilov and Hutter 2019, Algorithm 2; the decay is multiplied by the whole step size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdamW {
    /// The rule that takes the step.
    pub adam: Adam,
    /// Share of a parameter lost per unit of step size.
    pub weight_decay: f64,
}

impl AdamW {
    /// AdamW with this step size and weight decay.
    pub fn new(step_size: impl Into<Schedule>, weight_decay: f64) -> Self {
        Self { adam: Adam::new(step_size), weight_decay }
    }
}

impl Default for AdamW {
    /// The default of [`Adam`], with `weight_decay = 0`.
    fn default() -> Self {
        Self { adam: Adam::default(), weight_decay: 0.0 }
    }
}

impl Optimizer for AdamW {
    type State = AdamState;

    fn init(&self, params: &[f64]) -> AdamState {
        self.adam.init(params)
    }

    fn ascend(&self, state: &mut AdamState, grad: &[f64], params: &mut [f64]) {
        if self.weight_decay > 0.0 {
            let kept = 1.0 - self.adam.step_size.at(state.num_steps) * self.weight_decay;
            for param in params.iter_mut() {
                *param *= kept;
            }
        }
        self.adam.ascend(state, grad, params);
    }

    fn fits(&self, state: &AdamState, num_params: usize) -> bool {
        self.adam.fits(state, num_params)
    }

    fn check(&self) -> Result<(), OptimizeError> {
        self.adam.check()?;
        let range = 0.0..f64::INFINITY;
        require(range.contains(&self.weight_decay), "adamw.weight_decay", self.weight_decay, "zero or more", "0")
    }
}
