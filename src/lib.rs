//! Variational inference: write log p(x, z) once, fit q(z | x), and be told whether to trust it.
//!
//! A [`Model`](model::Model) adds the terms of log p(x, z) to a [`LogJoint`](model::LogJoint), in ordinary arithmetic.
//! [`fit()`] records it, chooses a family and an algorithm, maximises the evidence lower bound
//!
//! ```text
//! ELBO(q) = E_q[log p(x, z) - log q(z)]  <=  log p(x)
//! ```
//!
//! and ends in a [`Posterior`](posterior::Posterior): draws, summaries, the bound with its standard error, a verdict.
//!
//! ```
//! use jensen::prelude::*;
//!
//! /// y_i ~ N(a + b x_i, s)
//! struct Line { x: Column, y: Column }
//!
//! impl Model for Line {
//!     fn log_joint(&self, p: &LogJoint) {
//!         let (a, b) = (p.draw("a", normal(0.0, 5.0)), p.draw("b", normal(0.0, 5.0)));
//!         let s = p.draw("s", half_normal(2.0));
//!         p.rows(self.y.len(), |i| i.observe(self.y.at(i), normal(a + b * self.x.at(i), s)));
//!     }
//! }
//!
//! let model = Line { x: Column::new([0.0, 1.0, 2.0, 3.0]), y: Column::new([0.9, 3.2, 4.8, 7.1]) };
//! let fitted = jensen::fit(&model)?;
//! let slope = &fitted.summary()[1];
//! assert!((slope.mean - 2.0).abs() < 0.5);
//! # Ok::<(), jensen::algorithm::FitError>(())
//! ```
//!
//! # Where to find what
//!
//! | to | look at |
//! |---|---|
//! | write a model | [`prelude`], [`model`], [`dist`], [`program`] |
//! | choose family, estimator, optimiser, seed, threads | [`Fit`], [`automatic`] |
//! | read a fit: draws, summaries, prediction, leave-one-out | [`Fitted`], [`posterior`] |
//! | cluster rows with a conjugate mixture | [`mixture`] |
//! | ask whether to trust it | [`diagnose`] |
//! | save it, or hand it to other tools | [`export`] |
//! | bring a density without a model | [`target::HandWritten`], [`target::ValueOnly`] |
//! | write your own q(z \| x) | [`family::Guide`], or [`family::Family`] and [`family::Reparam`] by hand |
//! | write networks and encoders, a variational autoencoder | [`layers`] |
//! | train an encoder, a posterior from simulations or a q without a density | [`amortised`] |
//! | write your own estimator, optimiser, algorithm | [`estimate::GradientEstimator`], [`optimize::Optimizer`], [`algorithm::Algorithm`] |
//! | compare gradient estimators on your model | [`study::GradientStudy`] |
//! | end, watch or continue a fit yourself | [`fit::run`], [`mod@fit`] |
//! | hold what you wrote against what must be true | [`testing::laws`] |
//!
//! Everything is maximised, nothing is printed, and all randomness is a function of a seed ([`streams`]).
pub mod algorithm;
pub mod amortised;
pub mod automatic;
pub mod diagnose;
pub mod dist;
pub mod estimate;
pub mod export;
pub mod family;
pub mod fit;
pub mod layers;
pub mod mixture;
pub mod model;
pub mod number;
mod numerics;
pub mod objective;
pub mod optimize;
pub mod posterior;
pub mod program;
pub mod streams;
pub mod study;
pub mod target;
pub mod testing;

pub use automatic::{EstimatorChoice, FamilyChoice, Fit, Fitted, IntegerChoice, OptimizerChoice, fit};
pub use diagnose::verdict::Trust;
pub use family::Guide;

/// What a model needs; distributions by the functions that make them.
pub mod prelude {
    pub use crate::dist::{
        Distribution, Support, autoregressive, bernoulli, bernoulli_logit, beta, beta_binomial, binomial,
        binomial_logit, categorical, categorical_logit, cauchy, censored, censored_above, chi_squared, dirichlet,
        exponential, gamma, geometric, gumbel, half_cauchy, half_normal, half_student_t, hurdle, inverse_gamma,
        inverse_gaussian, inverse_wishart, laplace, lkj_cholesky, log_normal, logistic, mixture, mixture_logit,
        mixture_of, multinomial, multivariate_normal_cholesky, multivariate_normal_covariance,
        multivariate_normal_precision, negative_binomial, negative_binomial_log, normal, ordered_logistic, pareto,
        poisson, poisson_log, random_walk, student_t, truncated, uniform, von_mises, weibull, weighted, wishart,
        zero_inflated,
    };
    pub use crate::model::{LogJoint, Model, Row, model};
    pub use crate::program::{Column, Int, IntColumn, Mask, Matrix, Real, Vector, log_sum_exp};
}

/// The README and the chapters of `docs/`, whose code runs as tests; `tests/all/book.rs` knows of one that is left out.
#[cfg(doctest)]
mod book {
    macro_rules! chapters {
        ($($name:ident: $file:literal,)+) => {
            $(#[doc = include_str!($file)]
            pub struct $name;)+
        };
    }

    chapters! {
        Readme: "../README.md",
        Bound: "../docs/bound.md",
        FirstFit: "../docs/first_fit.md",
        Analysis: "../docs/analysis.md",
        StoppingAndVerdict: "../docs/stopping_and_verdict.md",
        Models: "../docs/models.md",
        Data: "../docs/data.md",
        Recurrences: "../docs/recurrences.md",
        MissingData: "../docs/missing_data.md",
        Matrices: "../docs/matrices.md",
        Mixtures: "../docs/mixtures.md",
        Amortised: "../docs/amortised.md",
        Families: "../docs/families.md",
        Estimators: "../docs/estimators.md",
        GradientLaboratory: "../docs/gradient_laboratory.md",
        Optimisers: "../docs/optimisers.md",
        YourOwn: "../docs/your_own.md",
        CommandLine: "../docs/command_line.md",
    }
}
