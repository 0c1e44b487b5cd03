//! Poisson regression with a logarithmic link, on standardised features.
//!
//! ```text
//! alpha ~ N(0, 5)    beta_k ~ N(0, 1)
//! y_i ~ Poisson(exp(alpha + x_i . beta))
//! ```

use super::{BuildError, Built, Input};
use crate::data::ResponseKind;
use jensen::prelude::*;

/// Counts explained by features, with variance equal to the mean.
#[derive(Debug, Clone)]
pub struct PoissonRegression {
    /// The features, standardised.
    pub x: Matrix,
    /// The observed counts.
    pub y: Column,
}

impl Model for PoissonRegression {
    fn log_joint(&self, p: &LogJoint) {
        let alpha = p.draw("alpha", normal(0.0, 5.0));
        let beta = p.draws("beta", normal(0.0, 1.0), self.x.num_columns());
        p.rows(self.y.len(), |i| i.observe(self.y.at(i), poisson_log(alpha + self.x.at(i).dot(&beta))));
    }
}

impl PoissonRegression {
    /// The model of `--response` on `--features`.
    ///
    /// # Errors
    /// Everything a regression's data can have wrong; a response that is not a count.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let data = input.regression(ResponseKind::Count, |spec| spec)?;
        Ok(data.built(PoissonRegression { x: data.x.clone(), y: data.y.clone() }))
    }
}
