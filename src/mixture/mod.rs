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
mod saved;
mod selected;
mod start;
mod stochastic;
mod topics;
mod weights;

pub use ascent::CoordinateAscent;
pub use bernoulli::BernoulliColumns;
pub use builder::{MixtureFit, TriedStart, adjusted_rand};
pub use categorical::CategoricalColumn;
pub use component::{Component, Generative, SharedParams};
pub use error::MixtureError;
pub use fitted::{Assignments, ComponentLine, MixtureDraw, MixtureFitted, Score};
pub use gamma::GammaColumns;
pub use gaussian::{
    DiagonalGaussian, FullGaussian, FullStudentT, HierarchicalGaussian, NormalWishart, SphericalGaussian, TiedGaussian,
};
pub use k_means::KMeans;
pub use kind::Kind;
pub use multinomial::MultinomialColumns;
pub use pass::MixtureState;
pub use poisson::PoissonColumns;
pub use product::MixedColumns;
pub use rows::{BLOCK_ROWS, Block, LANES, Rows, Table, padded};
pub use selected::{SelectedBlocks, SelectedColumns};
pub use start::MixtureStart;
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
