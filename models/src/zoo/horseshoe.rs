//! Regression with a regularised horseshoe prior (Piironen and Vehtari 2017), on standardised columns: most
//! coefficients are near zero, a few are not.
//!
//! ```text
//! alpha ~ N(0, 1)    sigma ~ half-normal(1)    z_k ~ N(0, 1)    lambda_k ~ half-Cauchy(1)
//! tau ~ half-Cauchy(tau0)    c2 ~ inverse-gamma(2, 2)
//! beta_k = z_k tau lambda_k sqrt(c2 / (c2 + tau^2 lambda_k^2))
//! y_i ~ N(alpha + x_i . beta, sigma)
//! ```
//!
//! `tau0 = m / (K - m) / sqrt(n)` for a guess of `m` relevant features out of K; `m` is a quarter of them here.

use super::build::Collinear;
use super::{BuildError, Built, Input};
use jensen::prelude::*;

/// A real response explained by few of many features.
#[derive(Debug, Clone)]
pub struct Horseshoe {
    /// The features, standardised.
    pub x: Matrix,
    /// The response, standardised.
    pub y: Column,
}

impl Model for Horseshoe {
    fn log_joint(&self, p: &LogJoint) {
        let (n, num_features) = (self.y.len(), self.x.num_columns());
        let relevant = (0.25 * num_features as f64).max(0.5);
        let tau0 = relevant / (num_features as f64 - relevant) / (n as f64).sqrt();

        let alpha = p.draw("alpha", normal(0.0, 1.0));
        let sigma = p.draw("sigma", half_normal(1.0));
        let z = p.draws("z", normal(0.0, 1.0), num_features);
        let lambda = p.draws("lambda", half_cauchy(1.0), num_features);
        let tau = p.draw("tau", half_cauchy(tau0));
        let c2 = p.draw("c2", inverse_gamma(2.0, 2.0));
        let shrinkage = lambda.map(|l| tau * l * (c2 / (c2 + (tau * l).square())).sqrt());
        let beta = z.zip(&shrinkage, |z, shrinkage| z * shrinkage);
        p.derive("beta", beta);
        p.rows(n, |i| i.observe(self.y.at(i), normal(alpha + self.x.at(i).dot(&beta), sigma)));
    }
}

impl Horseshoe {
    /// The model of `--response` on `--features`, which may be collinear or more than the rows.
    ///
    /// # Errors
    /// Everything else a regression's data can have wrong.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let data = input.design(Collinear::Allowed)?;
        let built = data.built(Horseshoe { x: data.x.clone(), y: data.y.clone() });
        Ok(built.label("z", data.features()).label("lambda", data.features()))
    }
}
