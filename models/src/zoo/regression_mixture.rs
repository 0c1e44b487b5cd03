//! A mixture of two linear regressions, on standardised response and features: rows follow one line or the other, and
//! nobody wrote down which.
//!
//! ```text
//! weights ~ Dirichlet(1, 1)    alpha_1 < alpha_2, alpha_k ~ N(0, 1)    beta_kj ~ N(0, 2.5)    sigma_k ~ half-normal(1)
//! y_i ~ weights_1 N(alpha_1 + x_i . beta_1, sigma_1) + weights_2 N(alpha_2 + x_i . beta_2, sigma_2)
//! ```

use super::build::Collinear;
use super::{BuildError, Built, Input};
use jensen::dist::mixture;
use jensen::prelude::*;

/// A real response explained by features in one of two ways.
#[derive(Debug, Clone)]
pub struct RegressionMixture {
    /// The features, standardised.
    pub x: Matrix,
    /// The response, standardised.
    pub y: Column,
}

impl Model for RegressionMixture {
    fn log_joint(&self, p: &LogJoint) {
        let weights = p.draw("weights", dirichlet(Vector::constant(&[1.0, 1.0])));
        let alpha = p.ordered("alpha", 2);
        (0..2).for_each(|k| p.add(normal(0.0, 1.0).log_density(alpha.at(k))));
        let num_features = self.x.num_columns();
        let beta = [1, 2].map(|k| p.draws(&format!("beta_{k}"), normal(0.0, 2.5), num_features));
        let sigma = p.draws("sigma", half_normal(1.0), 2);
        p.rows(self.y.len(), |i| {
            let line = |k: usize| normal(alpha.at(k) + self.x.at(i).dot(&beta[k]), sigma.at(k));
            i.observe(self.y.at(i), mixture(weights, vec![line(0), line(1)]));
        });
    }
}

impl RegressionMixture {
    /// The model of `--response` on `--features`.
    ///
    /// # Errors
    /// Everything a regression's data can have wrong.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let data = input.design(Collinear::Refused)?;
        let model = RegressionMixture { x: data.x.clone(), y: data.y.clone() };
        let scales = data.design.scales.iter().chain([&data.design.response_scale]).cloned();
        let built = Built::new(model, data.design.num_rows).scaled(scales);
        // Another way to share the rows out between two lines is often nearly as good.
        Ok(built.label("beta_1", data.features()).label("beta_2", data.features()).many_modes())
    }
}
