//! [`GatedCell`]: a gated recurrent cell.

use super::Activation;
use crate::family::Guided;
use crate::model::LogJoint;
use crate::program::Vector;

/// Weights and biases of a gated recurrent cell: `(weights, bias)` of the reset gate, the update gate and the candidate.
#[derive(Clone, Debug)]
pub struct GatedCell {
    /// Weights and biases of the input, `[state][input]` and `[state]`, for the three gates.
    pub input: [(Vector, Vector); 3],
    /// Weights and biases of the state, `[state][state]` and `[state]`, for the three gates.
    pub state: [(Vector, Vector); 3],
}

/// The names of the three parts.
const GATES: [&str; 3] = ["reset", "update", "candidate"];

impl GatedCell {
    /// Declares `NAME.reset.input.weights`, `NAME.reset.input.bias`, `NAME.reset.state.weights`, .. in a model.
    #[track_caller]
    pub fn of_model(p: &LogJoint, name: &str, num_inputs: usize, num_states: usize) -> GatedCell {
        GatedCell::declare(name, num_inputs, num_states, |name, shape| p.parameter(name, shape))
    }

    /// Declares the same as parameters of q; weights start at `start(outputs, inputs, k)` with `k` from 0 to 5.
    #[track_caller]
    pub fn of_guide(
        q: &Guided,
        name: &str,
        num_inputs: usize,
        num_states: usize,
        start: impl Fn(usize, usize, usize) -> Vec<f64>,
    ) -> GatedCell {
        let mut k = 0;
        GatedCell::declare(name, num_inputs, num_states, |name, shape| match shape {
            [outputs, inputs] => {
                k += 1;
                q.parameter_from(name, &start(*outputs, *inputs, k - 1))
            }
            _ => q.parameter(name, shape),
        })
    }

    fn declare(
        name: &str,
        num_inputs: usize,
        num_states: usize,
        mut parameter: impl FnMut(&str, &[usize]) -> Vector,
    ) -> GatedCell {
        let mut one = |part: &str, inputs: usize| {
            GATES.map(|gate| {
                let weights = parameter(&format!("{name}.{gate}.{part}.weights"), &[num_states, inputs]);
                (weights, parameter(&format!("{name}.{gate}.{part}.bias"), &[num_states]))
            })
        };
        GatedCell { input: one("input", num_inputs), state: one("state", num_states) }
    }

    /// The next state: `(1 - u) c + u h` with `r = sigmoid(input_0 x + state_0 h)`, `u = sigmoid(input_1 x + state_1 h)`,
    /// `c = tanh(input_2 x + r (state_2 h))`.
    ///
    /// *Source*: Cho et al. 2014, "Learning phrase representations", equations 5 to 8; the reset gate after the product with
    /// the weights, as in many programs.
    #[track_caller]
    pub fn step(&self, x: &Vector, h: &Vector) -> Vector {
        let of = |v: &Vector, (weights, bias): &(Vector, Vector)| v.dense(weights, bias);
        let gate = |k: usize| {
            let sum = of(x, &self.input[k]).zip(&of(h, &self.state[k]), |a, b| a + b);
            Activation::Sigmoid.apply(&sum)
        };
        let (reset, update) = (gate(0), gate(1));
        let kept = reset.zip(&of(h, &self.state[2]), |r, h| r * h);
        let candidate = Activation::Tanh.apply(&of(x, &self.input[2]).zip(&kept, |a, b| a + b));
        let change = h.zip(&candidate, |h, c| h - c);
        candidate.zip(&update.zip(&change, |u, d| u * d), |c, d| c + d)
    }
}
