//! [`Perceptron`]: a stack of dense layers, also as an [`Encoder`].

use super::{Activation, Encode, Encoder, InitialWeights};
use crate::family::Guided;
use crate::model::LogJoint;
use crate::program::Vector;
use crate::streams::Streams;

/// Dense layers of the given sizes, input first, with an activation between two of them and none after the last.
///
/// ```
/// use jensen::layers::{Activation, Perceptron};
///
/// let decoder = Perceptron::new(&[8, 128, 64]).activation(Activation::Tanh);
/// # let _ = decoder;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Perceptron {
    sizes: Vec<usize>,
    activation: Activation,
    start: InitialWeights,
    seed: u64,
}

/// Declared layers, ready to be applied.
#[derive(Clone, Debug)]
pub struct Network {
    layers: Vec<(Vector, Vector)>,
    activation: Activation,
}

impl Perceptron {
    /// Layers of these sizes with relu, weights after He, seed 0.
    pub fn new(sizes: &[usize]) -> Perceptron {
        Perceptron { sizes: sizes.to_vec(), activation: Activation::Relu, start: InitialWeights::He, seed: 0 }
    }

    /// Chooses the activation of the hidden layers.
    #[must_use]
    pub fn activation(self, activation: Activation) -> Perceptron {
        Perceptron { activation, ..self }
    }

    /// Other random weights to start from; used by [`of_guide`](Self::of_guide) alone.
    #[must_use]
    pub fn start(self, start: InitialWeights, seed: u64) -> Perceptron {
        Perceptron { start, seed, ..self }
    }

    /// Declares weights `NAME.weights0`, `[output][input]`, and biases `NAME.bias0`, .. as parameters of a model.
    ///
    /// Models hold no start: [`InitialWeights::theta`] makes one for the fit.
    #[track_caller]
    pub fn of_model(&self, p: &LogJoint, name: &str) -> Network {
        self.declare(|k, outputs, inputs| {
            let weights = p.parameter(&format!("{name}.weights{k}"), &[outputs, inputs]);
            (weights, p.parameter(&format!("{name}.bias{k}"), &[outputs]))
        })
    }

    /// Declares the same as parameters of q, with their start.
    #[track_caller]
    pub fn of_guide(&self, q: &Guided, name: &str) -> Network {
        self.declare(|k, outputs, inputs| {
            let start = self.start.weights(outputs, inputs, Streams::new(self.seed).purpose(k as u32 + 1));
            let weights = q.parameter_from(&format!("{name}.weights{k}"), &start);
            (weights, q.parameter(&format!("{name}.bias{k}"), &[outputs]))
        })
    }

    /// A linear layer of `outputs` numbers on top of the last one, with random weights of its own.
    pub(super) fn head(&self, outputs: usize, number: u64) -> Perceptron {
        let sizes = vec![self.sizes.last().copied().unwrap_or(0), outputs];
        let seed = self.seed.wrapping_mul(31).wrapping_add(number);
        Perceptron { sizes, activation: self.activation, start: self.start, seed }
    }

    /// The activation between two layers.
    pub(super) fn between(&self) -> Activation {
        self.activation
    }

    fn declare(&self, one: impl Fn(usize, usize, usize) -> (Vector, Vector)) -> Network {
        let layers = self.sizes.windows(2).enumerate().map(|(k, s)| one(k, s[1], s[0])).collect();
        Network { layers, activation: self.activation }
    }
}

impl Network {
    /// Whether it has no layers, and returns its input.
    pub(super) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The last layer's values for the input `x`.
    #[track_caller]
    pub fn apply(&self, x: &Vector) -> Vector {
        let mut x = *x;
        for (k, (weights, bias)) in self.layers.iter().enumerate() {
            let before = if k == 0 { x } else { self.activation.apply(&x) };
            x = before.dense(weights, bias);
        }
        x
    }
}

/// Hidden layers, and on top of the last one a linear layer for the location and one for the log standard deviation.
///
/// No hidden layers make both linear. Parameters `encoder.*`, `mean.*` and `ln_sd.*`.
impl Encoder for Perceptron {
    fn declare(&self, q: &Guided, num_latents: usize) -> Encode {
        let (trunk, inputs) = (self.of_guide(q, "encoder"), self.sizes.last().copied().unwrap_or(0));
        let head = |name: &str, number: u64| {
            let head = Perceptron::new(&[inputs, num_latents]).start(self.start, self.seed.wrapping_add(number));
            head.of_guide(q, name)
        };
        let (mean, ln_sd) = (head("mean", 1), head("ln_sd", 2));
        Box::new(move |x| {
            let mut h = trunk.apply(x);
            if !trunk.layers.is_empty() {
                h = trunk.activation.apply(&h);
            }
            (mean.apply(&h), ln_sd.apply(&h))
        })
    }
}
