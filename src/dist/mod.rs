//! Distributions: normalised log density, support and sampler.
//!
//! A distribution is a value with parameters that may be constants, latents or row values; its `log_density`
//! records ordinary arithmetic, so every distribution is differentiable in its value and its parameters.

/// The example in the documentation of a distribution: lines of a model `p`, which is recorded.
macro_rules! example {
    ($($line:literal,)+) => {
        concat!(
            "\n# Example\n\n```\nuse jensen::prelude::*;\n\nlet example = model(|p| {\n",
            $("    ", $line, "\n",)+
            "});\n# jensen::target::Target::new(&example).unwrap();\n```"
        )
    };
}

mod bernoulli;
mod binomial;
mod bounded;
mod categorical;
mod censored;
mod chains;
mod circular;
mod condition;
mod counts;
mod domain;
mod heavy_tailed;
mod hurdle;
mod judge;
mod lkj;
mod matrix;
mod mixture;
mod multivariate_normal;
mod normal;
mod normals;
mod ordered;
mod positive;
mod refusal;
mod rows;
mod scalar;
mod simplex;
mod support;
mod survival;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_programs;
#[cfg(test)]
mod testing_samples;
#[cfg(test)]
mod tests_continuous;
#[cfg(test)]
mod tests_domains;
#[cfg(test)]
mod tests_domains_table;
#[cfg(test)]
mod tests_reference;
mod truncated;
mod weighted;
mod wishart;
mod zero_inflated;

pub use bernoulli::{Bernoulli, BernoulliLogit, Geometric, bernoulli, bernoulli_logit, geometric};
pub use binomial::{BetaBinomial, Binomial, BinomialLogit, beta_binomial, binomial, binomial_logit};
pub use bounded::{Beta, Uniform, beta, uniform};
pub use categorical::{Categorical, CategoricalLogit, categorical, categorical_logit};
pub use censored::{Censored, censored, censored_above};
pub use chains::{GaussianChain, autoregressive, random_walk};
pub use circular::{VonMises, von_mises};
pub use counts::{
    NegativeBinomial, NegativeBinomialLog, Poisson, PoissonLog, negative_binomial, negative_binomial_log, poisson,
    poisson_log,
};
pub use domain::Parameter;
pub(crate) use domain::{density_of_data, density_of_latent};
pub use heavy_tailed::{
    Cauchy, Gumbel, HalfCauchy, HalfStudentT, Laplace, Logistic, StudentT, cauchy, gumbel, half_cauchy, half_student_t,
    laplace, logistic, student_t,
};
pub use hurdle::{Hurdle, hurdle};
pub use lkj::{LkjCholesky, lkj_cholesky};
pub use mixture::{Mixture, mixture, mixture_logit, mixture_of};
pub use multivariate_normal::{
    MultivariateNormal, multivariate_normal_cholesky, multivariate_normal_covariance, multivariate_normal_precision,
};
pub use normal::{HalfNormal, LogNormal, Normal, half_normal, log_normal, normal};
pub use normals::{Normals, normals};
pub use ordered::{OrderedLogistic, ordered_logistic};
pub use positive::{
    ChiSquared, Exponential, Gamma, InverseGamma, InverseGaussian, Pareto, Weibull, chi_squared, exponential, gamma,
    inverse_gamma, inverse_gaussian, pareto, weibull,
};
pub use simplex::{Dirichlet, Multinomial, dirichlet, multinomial};
pub use support::Support;
pub use survival::Survival;
pub use truncated::{Truncated, truncated};
pub use weighted::{WeightedDensity, weighted};
pub use wishart::{InverseWishart, Wishart, inverse_wishart, wishart};
pub use zero_inflated::{ZeroInflated, zero_inflated};

use std::panic::Location;

use crate::program::{Real, Vector};

/// A probability distribution over a [`Real`] or a [`Vector`].
pub trait Distribution: std::fmt::Debug + Send + Sync {
    /// What it is a distribution of: [`Real`] (integers included) or [`Vector`].
    type Value: Value;

    /// `ln p(x)` of parameters in their domains and a value in the support, with every normalising constant.
    ///
    /// Outside of them it may be anything.
    fn formula(&self, x: Self::Value) -> Real;

    /// Where the density is positive; decides how a latent is transformed, and which data are refused.
    fn support(&self) -> Support;

    /// The parameters that may be wrong, each with the set it must lie in.
    ///
    /// Constants and data outside are refused while the model is recorded; a draw at which a parameter is outside is
    /// rejected. What the arithmetic of the model keeps inside, such as the exponential of a latent as a scale, costs
    /// nothing.
    fn domains(&self) -> Vec<Parameter> {
        vec![]
    }

    /// Sets that data must lie in besides the support, where the density on its edge is zero or infinite.
    fn edges(&self, _x: Self::Value) -> Vec<Parameter> {
        vec![]
    }

    /// `ln p(x)`: the formula, minus infinity where `x` is outside of the support, and not a number where a parameter
    /// is outside of its domain.
    #[track_caller]
    fn log_density(&self, x: Self::Value) -> Real {
        domain::density(self, x, Location::caller())
    }

    /// The parameters, in the order in which [`Distribution::sample`] receives their values.
    fn parameters(&self) -> Vec<Real>;

    /// Location `m` and scale `s`, where the value is `m + s e` with an `e` whose distribution depends on neither; `None`
    /// for all others.
    ///
    /// A latent of such a distribution can be recorded in other coordinates, see [`Site::centring`](crate::model::Site).
    fn location_scale(&self) -> Option<(Real, Real)> {
        None
    }

    /// Location `m` and row-major lower triangular factor `L`, where the value is `m + L e` with an `e` whose distribution
    /// depends on neither; `None` for all others.
    fn location_factor(&self) -> Option<(Vector, Vector)> {
        None
    }

    /// One draw at parameter values `parameters`; overwrites `out` (one number for a [`Real`]).
    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]);
}

/// A value that a distribution can be over: a number or a vector.
pub trait Value: Copy {
    /// All numbers as the lanes of one [`Real`].
    #[doc(hidden)]
    fn lanes(self) -> Real;
    /// A value from its numbers.
    #[doc(hidden)]
    fn from_vector(vector: Vector) -> Self;
    /// The number of numbers in the value.
    fn num_elements(&self) -> usize;
}

impl Value for Real {
    fn lanes(self) -> Real {
        self
    }

    #[track_caller]
    fn from_vector(vector: Vector) -> Self {
        vector.at(0)
    }

    fn num_elements(&self) -> usize {
        1
    }
}

impl Value for Vector {
    fn lanes(self) -> Real {
        Vector::lanes(&self)
    }

    fn from_vector(vector: Vector) -> Self {
        vector
    }

    fn num_elements(&self) -> usize {
        self.len()
    }
}
