//! Layers: networks as plain functions of [`Vector`], and encoders and decoders made of them.
//!
//! A layer's weights are learnable numbers, of the model ([`LogJoint::parameter`]) or of q
//! ([`Guided::parameter_from`](crate::family::Guided::parameter_from)); [`Perceptron`] declares and applies a stack of
//! them, an [`Encoder`] makes a Gaussian q(z | x) of them, and [`Vae`] is a variational autoencoder as model and guide.
//!
//! [`LogJoint::parameter`]: crate::model::LogJoint::parameter

mod categorical_encoder;
mod encoder;
mod error;
mod functions;
mod implicit;
mod numbers;
mod perceptron;
mod prior_cluster;
mod recurrent;
mod start;
mod state_space;
mod text;
mod topics;
mod units;
mod vae;

pub use categorical_encoder::CategoricalEncoder;
pub use encoder::{Amortised, Encode, Encoder};
pub use error::LayerError;
pub use functions::{ImageShape, convolve, embed, layer_norm};
pub use implicit::{Contest, DensityRatio, ImplicitEncoder, LearntLogQ};
pub(crate) use numbers::{Dense, Numbers};
pub use perceptron::{Network, Perceptron};
pub use prior_cluster::PriorCluster;
pub use recurrent::GatedCell;
pub use start::InitialWeights;
pub use state_space::StateSpace;
pub use text::Text;
pub use topics::Topics;
pub use units::Units;
pub use vae::{Generator, Likelihood, Vae};

use crate::program::Vector;

/// What follows a dense layer, element by element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// Leaves its argument as it is, for the last layer.
    Identity,
    /// The rectifier, `max(x, 0)`.
    #[default]
    Relu,
    /// The hyperbolic tangent, `tanh(x)`.
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
