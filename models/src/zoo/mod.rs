//! The model zoo: each file is one model, its mathematics first.

mod autoregression;
mod bernoulli_latents;
mod build;
mod coal_mining;
mod eight_schools;
mod eight_schools_centred;
mod error;
mod garch;
mod gaussian_process;
mod hierarchical_regression;
mod horseshoe;
mod latent_class;
mod linear_regression;
mod logistic_regression;
mod negative_binomial_regression;
mod poisson_regression;
mod spike_and_slab;
mod stochastic_volatility;

pub use autoregression::Autoregression;
pub use bernoulli_latents::BernoulliLatents;
pub use build::{Built, DataOptions, Input};
pub use coal_mining::CoalMining;
pub use eight_schools::EightSchools;
pub use eight_schools_centred::EightSchoolsCentred;
pub use error::BuildError;
pub use garch::Garch;
pub use gaussian_process::GaussianProcess;
pub use hierarchical_regression::HierarchicalRegression;
pub use horseshoe::Horseshoe;
pub use latent_class::LatentClass;
pub use linear_regression::LinearRegression;
pub use logistic_regression::LogisticRegression;
pub use negative_binomial_regression::NegativeBinomialRegression;
pub use poisson_regression::PoissonRegression;
pub use spike_and_slab::SpikeAndSlab;
pub use stochastic_volatility::StochasticVolatility;
