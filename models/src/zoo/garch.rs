//! GARCH(1, 1): the variance of a return follows from the one before it and its surprise.
//!
//! ```text
//! mu flat    alpha0 > 0, 0 < alpha1 < 1, 0 < beta1 < 1 - alpha1, flat
//! s_0 = sigma1    s_t^2 = alpha0 + alpha1 (y_(t-1) - mu)^2 + beta1 s_(t-1)^2
//! y_t ~ N(mu, s_t)
//! ```

use super::{BuildError, Built, Input};
use crate::data::Standardisation;
use jensen::prelude::*;

/// Returns whose variance feeds on itself.
#[derive(Debug, Clone)]
pub struct Garch {
    /// The observed returns.
    pub y: Column,
    /// Standard deviation of the first one.
    pub sigma1: f64,
}

impl Model for Garch {
    fn log_joint(&self, p: &LogJoint) {
        let (n, y) = (self.y.len(), self.y.values());
        let mu = p.real("mu");
        let alpha0 = p.positive("alpha0");
        let alpha1 = p.unit("alpha1");
        let beta1 = p.interval("beta1", 0.0, 1.0 - alpha1);
        let variance = p.scan(n, self.sigma1.powi(2), |variance, t| match t {
            0 => variance,
            t => alpha0 + alpha1 * (y[t - 1] - mu).square() + beta1 * variance,
        });
        p.rows(n, |t| t.observe(self.y.at(t), normal(mu, variance.at(t).sqrt())));
    }
}

impl Garch {
    /// The model of the series `--response`, started at its standard deviation.
    ///
    /// # Errors
    /// A series that is constant, too short, or has cells that are not numbers.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let (name, values) = input.series()?;
        input.at_least(10, "")?;
        let sigma1 = Standardisation::measure(&name, &values).sd;
        let num_rows = values.len();
        Ok(Built::new(Garch { y: Column::new(values), sigma1 }, num_rows))
    }
}
