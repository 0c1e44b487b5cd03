//! [`SimulatedPosterior`]: q(z | x) learnt from pairs that a simulator has made.

use super::numbers::Numbers;
use super::{Activation, LayerError, Perceptron, Start};
use crate::dist::normal;
use crate::family::{Guide, Guided};
use crate::model::{Layout, LogJoint, Model};
use crate::program::Matrix;
use crate::streams::Streams;

/// `sum_i log q(z_i | x_i)` over simulated pairs, `q(z | x) = N(mean(x), diag(sd(x)^2))` by a network: the pairs are the data,
/// the network is theta, and nothing is latent.
///
/// With many pairs its maximum over all networks has the means and standard deviations of the posterior: it minimises
/// `KL(p(z | x) || q(z | x))`, averaged over the simulator's own data, and asks for no likelihood. Far from those data q is
/// whatever the network makes of it. Both a model and, of no latents, a guide.
///
/// *Source*: Bornschein and Bengio 2015, "Reweighted wake-sleep", equation 9, the sleep phase; Papamakarios and Murray 2016,
/// "Fast epsilon-free inference of simulation models", proposition 1, with one normal and the prior as the proposal.
#[derive(Clone, Debug)]
pub struct SimulatedPosterior {
    x: Matrix,
    z: Matrix,
    hidden: Vec<usize>,
    seed: u64,
}

impl SimulatedPosterior {
    /// A network with hidden layers of these sizes from rows of `x` to those of `z`, which were simulated together.
    ///
    /// # Errors
    /// When there are not as many rows of both.
    pub fn new(x: Matrix, z: Matrix, hidden: &[usize]) -> Result<SimulatedPosterior, String> {
        let (found, expected) = (x.num_rows(), z.num_rows());
        if found != expected {
            return Err(format!("{found} rows of x and {expected} of z; give a row of each for every simulation"));
        }
        Ok(SimulatedPosterior { x, z, hidden: hidden.to_vec(), seed: 0 })
    }

    /// Other random weights to start from.
    #[must_use]
    pub fn seed(self, seed: u64) -> SimulatedPosterior {
        SimulatedPosterior { seed, ..self }
    }

    /// The start of the network.
    pub fn theta(&self, layout: &Layout) -> Vec<f64> {
        Start::Glorot.theta(layout, Streams::new(self.seed).purpose(1))
    }

    /// Means and standard deviations of q at the observed `x`.
    ///
    /// # Errors
    /// When `x` is not as long as a row of the simulated data, or `layout` and `theta` are another model's.
    pub fn posterior(&self, layout: &Layout, theta: &[f64], x: &[f64]) -> Result<(Vec<f64>, Vec<f64>), LayerError> {
        let remedy = "give one observation, of as many numbers as a row of the simulated data";
        LayerError::unless_equal("x", x.len(), self.x.num_columns(), remedy)?;
        let mut h = x.to_vec();
        for (k, layer) in Numbers::new(layout, theta)?.perceptron("q", &self.sizes())?.into_iter().enumerate() {
            if k > 0 {
                h.iter_mut().for_each(|h| *h = h.tanh());
            }
            h = layer.apply(&h);
        }
        let ln_sd = h.split_off(self.z.num_columns());
        Ok((h, ln_sd.into_iter().map(f64::exp).collect()))
    }

    /// Numbers of each layer, the first and the last included.
    fn sizes(&self) -> Vec<usize> {
        [&[self.x.num_columns()], &self.hidden[..], &[2 * self.z.num_columns()]].concat()
    }
}

impl Model for SimulatedPosterior {
    fn log_joint(&self, p: &LogJoint) {
        let num = self.z.num_columns();
        let network = Perceptron::new(&self.sizes()).activation(Activation::Tanh).of_model(p, "q");
        p.rows(self.z.num_rows(), |i| {
            let (out, z) = (network.apply(&self.x.at(i).to_vector()), self.z.at(i));
            for k in 0..num {
                i.observe(z.at(k), normal(out.at(k), out.at(num + k).exp()));
            }
        });
    }
}

impl Guide for SimulatedPosterior {
    fn draw(&self, _: &Guided) {}
}
