//! [`Vae`]: the variational autoencoder.

use super::{Activation, Encoder, Perceptron, Start};
use crate::dist::{bernoulli_logit, normal};
use crate::family::{Guide, Guided};
use crate::model::{Layout, LogJoint, Model};
use crate::program::Matrix;
use crate::streams::Streams;

/// How a row's numbers vary around the decoder's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Likelihood {
    /// Zeros and ones; the decoder gives logits.
    #[default]
    Bernoulli,
    /// Real numbers; the decoder gives means, and one log standard deviation is learnt for all, `ln_sd`.
    Gaussian,
}

/// `z_i ~ N(0, I)`, `x_i ~ p(x | decoder(z_i))`, with an [`Encoder`] for q(z_i | x_i): both a model and a guide.
///
/// The latent is the site `z`; the decoder's parameters are the model's theta, and start at [`Vae::theta`].
/// The prior's part of the bound is a Monte Carlo average over the draws; the entropy of q is exact.
///
/// *Source*: Kingma and Welling 2014, "Auto-encoding variational Bayes", appendix C; departure: their closed form of the
/// whole KL is not used.
#[derive(Clone, Debug)]
pub struct Vae {
    data: Matrix,
    num_latents: usize,
    likelihood: Likelihood,
    encoder: Encoder,
    decoder: Perceptron,
    start: Start,
    seed: u64,
}

impl Vae {
    /// An autoencoder of `data`'s rows with `num_latents` latents and hidden layers of these sizes on both sides.
    ///
    /// The decoder's hidden layers are the encoder's in reverse; none makes both linear.
    pub fn new(data: Matrix, num_latents: usize, hidden: &[usize], likelihood: Likelihood) -> Vae {
        let back: Vec<usize> = hidden.iter().rev().copied().collect();
        let sizes = [&[num_latents], &back[..], &[data.num_columns()]].concat();
        let encoder = Encoder::new(data.clone(), "z", num_latents, hidden);
        let decoder = Perceptron::new(&sizes);
        Vae { data, num_latents, likelihood, encoder, decoder, start: Start::He, seed: 0 }.start(Start::He, 0)
    }

    /// Another activation for both networks.
    #[must_use]
    pub fn activation(self, activation: Activation) -> Vae {
        Vae { encoder: self.encoder.activation(activation), decoder: self.decoder.activation(activation), ..self }
    }

    /// Other random weights to start from.
    #[must_use]
    pub fn start(self, start: Start, seed: u64) -> Vae {
        Vae { encoder: self.encoder.start(start, seed.wrapping_mul(2)), start, seed, ..self }
    }

    /// The start of the decoder's parameters.
    pub fn theta(&self, layout: &Layout) -> Vec<f64> {
        self.start.theta(layout, Streams::new(self.seed.wrapping_mul(2).wrapping_add(1)))
    }
}

impl Model for Vae {
    fn log_joint(&self, p: &LogJoint) {
        let decoder = self.decoder.of_model(p, "decoder");
        let sd = match self.likelihood {
            Likelihood::Bernoulli => None,
            Likelihood::Gaussian => Some(p.parameter("ln_sd", &[]).at(0).exp()),
        };
        p.rows(self.data.num_rows(), |i| {
            let z = i.draws("z", normal(0.0, 1.0), self.num_latents);
            let (x, out) = (self.data.at(i).to_vector(), decoder.apply(&z));
            match sd {
                None => i.observe_each(&x, &out, bernoulli_logit),
                Some(sd) => i.observe_each(&x, &out, |mean| normal(mean, sd)),
            }
        });
    }
}

impl Guide for Vae {
    fn draw(&self, q: &Guided) {
        self.encoder.draw(q);
    }
}
