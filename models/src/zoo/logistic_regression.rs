//! Logistic regression, on standardised features.
//!
//! ```text
//! alpha ~ N(0, 2.5)    beta_k ~ N(0, 1)
//! y_i ~ Bernoulli(sigmoid(alpha + x_i . beta))
//! ```

use super::{BuildError, Built, Input};
use crate::data::ResponseKind;
use jensen::prelude::*;

/// A response of zeros and ones explained by features.
#[derive(Debug, Clone)]
pub struct LogisticRegression {
    /// The features, standardised.
    pub x: Matrix,
    /// Zeros and ones.
    pub y: Column,
}

impl Model for LogisticRegression {
    fn log_joint(&self, p: &LogJoint) {
        let alpha = p.draw("alpha", normal(0.0, 2.5));
        let beta = p.draws("beta", normal(0.0, 1.0), self.x.num_columns());
        p.rows(self.y.len(), |i| i.observe(self.y.at(i), bernoulli_logit(alpha + self.x.at(i).dot(&beta))));
    }
}

impl LogisticRegression {
    /// The model of `--response` on `--features`.
    ///
    /// # Errors
    /// Everything a regression's data can have wrong; a response that is not 0 or 1.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let data = input.regression(ResponseKind::Binary, |spec| spec)?;
        Ok(data.built(LogisticRegression { x: data.x.clone(), y: data.y.clone() }))
    }
}
