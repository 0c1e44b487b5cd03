//! Linear regression, on standardised response and features.
//!
//! ```text
//! alpha ~ N(0, 1)    beta_k ~ N(0, 2.5)    sigma ~ half-normal(1)
//! y_i ~ N(alpha + x_i . beta, sigma)
//! ```

use super::{BuildError, Built, Input};
use crate::data::{DesignSpec, ResponseKind};
use jensen::prelude::*;

/// A real response explained by features.
#[derive(Debug, Clone)]
pub struct LinearRegression {
    /// The features, standardised.
    pub x: Matrix,
    /// The response, standardised.
    pub y: Column,
}

impl Model for LinearRegression {
    fn log_joint(&self, p: &LogJoint) {
        let alpha = p.draw("alpha", normal(0.0, 1.0));
        let beta = p.draws("beta", normal(0.0, 2.5), self.x.num_columns());
        let sigma = p.draw("sigma", half_normal(1.0));
        p.rows(self.y.len(), |i| i.observe(self.y.at(i), normal(alpha + self.x.at(i).dot(&beta), sigma)));
    }
}

impl LinearRegression {
    /// The model of `--response` on `--features`.
    ///
    /// # Errors
    /// Everything a regression's data can have wrong.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let data = input.regression(ResponseKind::Real, DesignSpec::standardise_response)?;
        Ok(data.built(LinearRegression { x: data.x.clone(), y: data.y.clone() }))
    }
}
