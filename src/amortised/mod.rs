//! Automatic fits of models whose q is a network: training, and a verdict on what was learnt.
//!
//! | what is known | model | q | judged by |
//! |---|---|---|---|
//! | log p(x, z), latents in rows | [`Encoded`] | a [`Guide`](crate::family::Guide) with a density | bound, importance weights of each row |
//! | pairs of a simulator alone | [`SimulatedPosterior`] | a chain of normals | calibration on pairs it has not seen |
//! | log p(x, z), latents in rows | [`Adversarial`] | draws without a density | an [`ExactPosterior`], or nothing |
//!
//! [`AmortisedFit`] trains each of them.

mod adversarial;
pub mod autoencoder;
mod encoded;
mod fitted;
mod measured;
mod rows;
mod simulated;
mod training;

pub use adversarial::{Adversarial, ExactPosterior};
pub use encoded::Encoded;
pub use fitted::AmortisedFitted;
pub use measured::{Measured, MeasuredLine};
pub use simulated::{PairsError, PairsPart, Scale, SimulatedPosterior};
pub use training::{AmortisedFit, AmortisedModel, AmortisedSettings};
