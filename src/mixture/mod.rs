//! Conjugate mixtures, fitted by coordinate ascent or stochastic natural gradient.

mod ascent;
mod bernoulli;
mod builder;
mod categorical;
mod check;
mod chunks;
mod columns;
mod component;
mod error;
mod fitted;
mod gamma;
mod gaussian;
mod k_means;
mod kind;
mod lanes;
mod moments;
mod moves;
mod multinomial;
mod pass;
mod poisson;
mod product;
mod rows;
mod sample;
mod selected;
mod start;
mod stochastic;
mod topics;
mod weights;

pub use ascent::CoordinateAscent;
pub use bernoulli::Bernoulli;
pub use builder::{Mixture, StartReport, adjusted_rand};
pub use categorical::Categorical;
pub use component::Component;
pub use error::MixtureError;
pub use fitted::{Assignments, ComponentLine, Fitted, MixtureDraw, Score};
pub use gamma::Gamma;
pub use gaussian::{
    DiagonalGaussian, FullGaussian, HierarchicalGaussian, NormalWishart, SphericalGaussian, StudentT, TiedGaussian,
};
pub use k_means::KMeans;
pub use kind::Kind;
pub use multinomial::Multinomial;
pub use pass::MixtureState;
pub use poisson::Poisson;
pub use product::Product;
pub use rows::{BLOCK_ROWS, Block, LANES, Rows, Table, padded};
pub use selected::{SelectedBlocks, SelectedColumns};
pub use start::Start;
pub use stochastic::{StochasticMixture, StochasticSettings};
pub use topics::{TopicAscent, TopicState};
pub use weights::Weights;

/// The index of the largest entry, the first of equals.
pub(crate) fn largest(values: &[f64]) -> usize {
    let mut best = 0;
    for (i, v) in values.iter().enumerate() {
        if *v > values[best] {
            best = i;
        }
    }
    best
}
