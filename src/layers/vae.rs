//! [`Vae`]: the variational autoencoder.

use super::{Activation, Encoder, Network, Perceptron, Start};
use crate::dist::{bernoulli_logit, normal};
use crate::family::{Guide, Guided};
use crate::model::{Layout, LogJoint, Model};
use crate::program::{Matrix, Real};
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
/// [`ExactKl`](crate::estimate::ExactKl) takes the KL in closed form, with a weight beta and free nats; other estimators
/// average the prior's part over the draws.
///
/// *Source*: Kingma and Welling 2014, "Auto-encoding variational Bayes", appendix C.
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

    /// The decoder alone, for `num_rows` codes: the same theta, z with its prior, and no data.
    pub fn generator(&self, num_rows: usize) -> Generator {
        Generator { vae: self.clone(), num_rows }
    }

    /// Declares theta: the decoder, and the standard deviation of a Gaussian likelihood.
    fn declare(&self, p: &LogJoint) -> (Network, Option<Real>) {
        let decoder = self.decoder.of_model(p, "decoder");
        let sd = match self.likelihood {
            Likelihood::Bernoulli => None,
            Likelihood::Gaussian => Some(p.parameter("ln_sd", &[]).at(0).exp()),
        };
        (decoder, sd)
    }
}

/// `z_i ~ N(0, I)` and the derived `x`, the mean of x_i given z_i: what a [`Vae`] decodes.
///
/// ```
/// use jensen::layers::{Likelihood, Vae};
/// use jensen::model::{Draws, RowSet};
/// use jensen::program::Matrix;
/// use jensen::target::{LogDensity, Target};
///
/// let vae = Vae::new(Matrix::new([0.0, 1.0, 1.0], 3)?, 2, &[4], Likelihood::Bernoulli);
/// let decoder = Target::new(&vae.generator(1))?;
/// let z = Draws { num_draws: 1, num_rows: 1, row_latents: vec![0.5, -1.0], ..Draws::default() };
/// let theta = vae.theta(decoder.layout());
/// let decoded = decoder.constrained_rows(&theta, &z, &RowSet::all());
/// assert!(decoded.named("x[2]").is_some_and(|p| 0.0 < p[0] && p[0] < 1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Generator {
    vae: Vae,
    num_rows: usize,
}

impl Model for Generator {
    fn log_joint(&self, p: &LogJoint) {
        let (decoder, _) = self.vae.declare(p);
        p.rows(self.num_rows, |i| {
            let out = decoder.apply(&i.draws("z", normal(0.0, 1.0), self.vae.num_latents));
            p.derive(
                "x",
                match self.vae.likelihood {
                    Likelihood::Bernoulli => Activation::Sigmoid.apply(&out),
                    Likelihood::Gaussian => out,
                },
            );
        });
    }
}

impl Model for Vae {
    fn log_joint(&self, p: &LogJoint) {
        let (decoder, sd) = self.declare(p);
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
