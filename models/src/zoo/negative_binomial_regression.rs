//! Negative binomial regression with a logarithmic link, on standardised features.
//!
//! ```text
//! alpha ~ N(0, 5)    beta_k ~ N(0, 1)    dispersion ~ Gamma(2, 0.1)
//! y_i ~ negative binomial with mean m_i = exp(alpha + x_i . beta) and variance m_i + m_i^2 / dispersion
//! ```

use super::{BuildError, Built, Input};
use crate::data::ResponseKind;
use jensen::prelude::*;

/// Counts explained by features, with variance above the mean.
#[derive(Debug, Clone)]
pub struct NegativeBinomialRegression {
    /// The features, standardised.
    pub x: Matrix,
    /// The observed counts.
    pub y: Column,
}

impl Model for NegativeBinomialRegression {
    fn log_joint(&self, p: &LogJoint) {
        let alpha = p.draw("alpha", normal(0.0, 5.0));
        let beta = p.draws("beta", normal(0.0, 1.0), self.x.num_columns());
        let dispersion = p.draw("dispersion", gamma(2.0, 0.1));
        p.rows(self.y.len(), |i| {
            i.observe(self.y.at(i), negative_binomial_log(alpha + self.x.at(i).dot(&beta), dispersion));
        });
    }
}

impl NegativeBinomialRegression {
    /// The model of `--response` on `--features`.
    ///
    /// # Errors
    /// Everything a regression's data can have wrong; a response that is not a count.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let data = input.regression(ResponseKind::Count, |spec| spec)?;
        Ok(data.built(NegativeBinomialRegression { x: data.x.clone(), y: data.y.clone() }))
    }
}
