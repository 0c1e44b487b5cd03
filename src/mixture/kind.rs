//! All kinds of components in one type, so that a kind can be chosen at run time and saved.

use serde::{Deserialize, Serialize};

use super::component::{Component, Generative, SharedParams};
use super::saved::Checked;
use super::{
    BernoulliColumns, Block, CategoricalColumn, DiagonalGaussian, FullGaussian, FullStudentT, GammaColumns,
    HierarchicalGaussian, MixedColumns, MixtureError, MultinomialColumns, PoissonColumns, SphericalGaussian,
    TiedGaussian,
};
use crate::streams::Stream;

/// A kind of component chosen at run time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A Gaussian with a covariance of its own.
    Full(FullGaussian),
    /// Gaussians with covariances of their own and a learned prior in common.
    Hierarchical(HierarchicalGaussian),
    /// Gaussians that share one covariance.
    Tied(TiedGaussian),
    /// A Gaussian with independent columns.
    Diagonal(DiagonalGaussian),
    /// A Gaussian with one variance for all columns.
    Spherical(SphericalGaussian),
    /// Correlated columns with the tails of a Student-t.
    StudentT(FullStudentT),
    /// Columns of zeros and ones.
    Bernoulli(BernoulliColumns),
    /// A column of categories.
    Categorical(CategoricalColumn),
    /// Columns of counts that share a total.
    Multinomial(MultinomialColumns),
    /// Columns of counts.
    Poisson(PoissonColumns),
    /// Columns of positive numbers.
    Gamma(GammaColumns),
    /// Columns of different kinds.
    Product(MixedColumns),
}

macro_rules! from_kinds {
    ($($variant:ident($kind:ty)),* $(,)?) => {$(
        impl From<$kind> for Kind {
            fn from(kind: $kind) -> Self {
                Kind::$variant(kind)
            }
        }

        impl TryFrom<Kind> for $kind {
            type Error = Kind;

            /// The kind itself where it is this one, else the other back.
            fn try_from(kind: Kind) -> Result<Self, Kind> {
                if let Kind::$variant(kind) = kind { Ok(kind) } else { Err(kind) }
            }
        }
    )*};
}

from_kinds! {
    Full(FullGaussian),
    Hierarchical(HierarchicalGaussian),
    Tied(TiedGaussian),
    Diagonal(DiagonalGaussian),
    Spherical(SphericalGaussian),
    StudentT(FullStudentT),
    Bernoulli(BernoulliColumns),
    Categorical(CategoricalColumn),
    Multinomial(MultinomialColumns),
    Poisson(PoissonColumns),
    Gamma(GammaColumns),
    Product(MixedColumns),
}

/// Calls a method of whichever kind it is.
macro_rules! each {
    ($self:ident, $kind:ident => $call:expr) => {
        match $self {
            Kind::Full($kind) => $call,
            Kind::Hierarchical($kind) => $call,
            Kind::Tied($kind) => $call,
            Kind::Diagonal($kind) => $call,
            Kind::Spherical($kind) => $call,
            Kind::StudentT($kind) => $call,
            Kind::Bernoulli($kind) => $call,
            Kind::Categorical($kind) => $call,
            Kind::Multinomial($kind) => $call,
            Kind::Poisson($kind) => $call,
            Kind::Gamma($kind) => $call,
            Kind::Product($kind) => $call,
        }
    };
}

impl Kind {
    pub(super) fn num_values(&self) -> usize {
        self.value_names().len()
    }
}

impl Component for Kind {
    fn num_columns(&self) -> usize {
        each!(self, kind => kind.num_columns())
    }

    fn num_params(&self) -> usize {
        each!(self, kind => kind.num_params())
    }

    fn num_stats(&self) -> usize {
        each!(self, kind => kind.num_stats())
    }

    fn num_cache(&self) -> usize {
        each!(self, kind => kind.num_cache())
    }

    fn num_scratch(&self, stride: usize) -> usize {
        each!(self, kind => kind.num_scratch(stride))
    }

    fn check(&self, block: &Block) -> Result<(), MixtureError> {
        each!(self, kind => kind.check(block))
    }

    fn prior(&self, params: &mut [f64]) {
        each!(self, kind => kind.prior(params))
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        each!(self, kind => kind.prepare(params, cache))
    }

    fn log_base(&self, block: &Block, out: &mut [f64]) {
        each!(self, kind => kind.log_base(block, out))
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], scratch: &mut [f64]) {
        each!(self, kind => kind.log_density(cache, block, out, scratch))
    }

    fn accumulate(&self, cache: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], scratch: &mut [f64]) {
        each!(self, kind => kind.accumulate(cache, block, weights, stats, scratch))
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        each!(self, kind => kind.update(params, stats, rate))
    }

    fn kl(&self, params: &[f64], cache: &[f64]) -> f64 {
        each!(self, kind => kind.kl(params, cache))
    }

    fn centre(&self, params: &[f64], row: &mut [f64]) {
        each!(self, kind => kind.centre(params, row))
    }

    fn notes(&self) -> Vec<String> {
        each!(self, kind => kind.notes())
    }

    fn shared(&self) -> Option<&dyn SharedParams> {
        each!(self, kind => kind.shared())
    }
}

impl Generative for Kind {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        each!(self, kind => kind.predictive(params, block, out))
    }

    fn value_names(&self) -> Vec<String> {
        each!(self, kind => kind.value_names())
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        each!(self, kind => kind.expectation(params, values))
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        each!(self, kind => kind.draw(params, stream, values))
    }

    fn draw_all(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        each!(self, kind => kind.draw_all(params, stream, values))
    }

    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        each!(self, kind => kind.sample(values, stream, row))
    }
}

impl Checked for Kind {
    fn check_prior(&self) -> Result<(), MixtureError> {
        each!(self, kind => kind.check_prior())
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        each!(self, kind => kind.check_params(params))
    }
}
