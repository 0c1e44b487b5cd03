//! Layers: networks as plain functions of [`Vector`], and encoders and decoders made of them.
//!
//! A layer's weights are learnable numbers, of the model ([`LogJoint::parameter`]) or of q
//! ([`Guided::parameter_from`](crate::family::Guided::parameter_from)); [`Perceptron`] declares and applies a stack of
//! them, [`Encoder`] is a Gaussian q(z | x), and [`Vae`] a variational autoencoder as model and guide.
//!
//! [`LogJoint::parameter`]: crate::model::LogJoint::parameter

mod perceptron;
mod start;
mod vae;

pub use perceptron::{Encoder, Network, Perceptron};
pub use start::Start;
pub use vae::{Generator, Likelihood, Vae};

use crate::program::Vector;

/// What follows a dense layer, element by element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// `max(x, 0)`.
    #[default]
    Relu,
    /// `tanh(x)`.
    Tanh,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `ln(1 + e^x)`.
    Softplus,
    /// `x Phi(x)`, with the standard normal distribution function.
    Gelu,
}

impl Activation {
    /// The function of every element of `x`.
    pub fn apply(self, x: &Vector) -> Vector {
        match self {
            Activation::Identity => *x,
            Activation::Relu => x.map(|x| x.max(0.0)),
            Activation::Tanh => x.map(|x| x.tanh()),
            Activation::Sigmoid => x.map(|x| x.sigmoid()),
            Activation::Softplus => x.map(|x| x.softplus()),
            Activation::Gelu => x.map(|x| x * x.normal_cdf()),
        }
    }
}

/// `gain * (x - mean(x)) / sqrt(var(x) + 1e-5) + shift`, with mean and population variance over the elements.
///
/// *Source*: Ba, Kiros and Hinton 2016, "Layer normalization", equation 4.
#[track_caller]
pub fn layer_norm(x: &Vector, gain: &Vector, shift: &Vector) -> Vector {
    let n = x.len() as f64;
    let mean = x.sum() / n;
    let centred = x.map(|x| x - mean);
    let sd = (centred.map(|x| x.square()).sum() / n + 1e-5).sqrt();
    centred.map(|x| x / sd).zip(gain, |x, gain| x * gain).zip(shift, |x, shift| x + shift)
}
