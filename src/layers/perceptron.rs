//! [`Perceptron`]: a stack of dense layers; [`Encoder`]: a Gaussian q(z | x) by one.

use super::{Activation, Start};
use crate::family::{Guide, Guided};
use crate::model::LogJoint;
use crate::program::{Matrix, Vector};
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
    start: Start,
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
        Perceptron { sizes: sizes.to_vec(), activation: Activation::Relu, start: Start::He, seed: 0 }
    }

    /// Another activation.
    #[must_use]
    pub fn activation(self, activation: Activation) -> Perceptron {
        Perceptron { activation, ..self }
    }

    /// Other random weights to start from; used by [`of_guide`](Self::of_guide) alone.
    #[must_use]
    pub fn start(self, start: Start, seed: u64) -> Perceptron {
        Perceptron { start, seed, ..self }
    }

    /// Declares weights `NAME.weights0`, `[output][input]`, and biases `NAME.bias0`, .. as parameters of a model.
    ///
    /// Models hold no start: [`Start::theta`] makes one for the fit.
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

    /// What stands between two layers.
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

/// `q(z_i | x_i) = N(mean(x_i), sd(x_i)^2)`: means and log standard deviations are two linear layers on top of hidden ones.
///
/// A [`Guide`] for a site of `num_latents` real numbers in each row. Parameters `encoder.*`, `mean.*` and `ln_sd.*`.
#[derive(Clone, Debug)]
pub struct Encoder {
    data: Matrix,
    site: String,
    trunk: Perceptron,
    mean: Perceptron,
    ln_sd: Perceptron,
}

impl Encoder {
    /// An encoder of `data`'s rows for the site of this name, with hidden layers of these sizes; none makes it linear.
    pub fn new(data: Matrix, site: &str, num_latents: usize, hidden: &[usize]) -> Encoder {
        let sizes = [&[data.num_columns()], hidden].concat();
        let head = Perceptron::new(&[sizes.last().copied().unwrap_or(0), num_latents]);
        Encoder { data, site: site.into(), trunk: Perceptron::new(&sizes), mean: head.clone(), ln_sd: head }
            .start(Start::He, 0)
    }

    /// Another activation.
    #[must_use]
    pub fn activation(self, activation: Activation) -> Encoder {
        Encoder { trunk: self.trunk.activation(activation), ..self }
    }

    /// Other random weights to start from.
    #[must_use]
    pub fn start(self, start: Start, seed: u64) -> Encoder {
        let Encoder { trunk, mean, ln_sd, .. } = self;
        let seed = seed.wrapping_mul(3);
        let (mean, ln_sd) = (mean.start(start, seed.wrapping_add(1)), ln_sd.start(start, seed.wrapping_add(2)));
        Encoder { trunk: trunk.start(start, seed), mean, ln_sd, data: self.data, site: self.site }
    }
}

impl Guide for Encoder {
    fn draw(&self, q: &Guided) {
        let trunk = self.trunk.of_guide(q, "encoder");
        let (mean, ln_sd) = (self.mean.of_guide(q, "mean"), self.ln_sd.of_guide(q, "ln_sd"));
        q.rows(|i| {
            let mut h = trunk.apply(&self.data.at(i).to_vector());
            if !trunk.layers.is_empty() {
                h = trunk.activation.apply(&h);
            }
            i.normals(&self.site, &mean.apply(&h), &ln_sd.apply(&h).map(|s| s.exp()));
        });
    }
}
