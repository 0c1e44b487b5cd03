//! Autoregression of order K.
//!
//! ```text
//! alpha, beta_k ~ N(0, 10)    sigma ~ half-Cauchy(2.5)
//! y_t ~ N(alpha + sum_k beta_k y_(t-k), sigma)  for t >= K, k = 1 .. K
//! ```

use super::{BuildError, Built, Input};
use crate::data::Standardisation;
use jensen::prelude::*;

/// A series explained by its own past.
#[derive(Debug, Clone)]
pub struct Autoregression {
    /// The observed series.
    pub y: Column,
    /// The order K.
    pub lags: usize,
}

impl Model for Autoregression {
    fn log_joint(&self, p: &LogJoint) {
        let alpha = p.draw("alpha", normal(0.0, 10.0));
        let beta = p.draws("beta", normal(0.0, 10.0), self.lags);
        let sigma = p.draw("sigma", half_cauchy(2.5));
        p.rows(self.lags..self.y.len(), |t| {
            let past: Real = (0..self.lags).map(|k| beta.at(k) * self.y.lag(t, k + 1)).sum();
            t.observe(self.y.at(t), normal(alpha + past, sigma));
        });
    }
}

impl Autoregression {
    /// The model of the series `--response`, standardised, with `--lags` earlier values (2 unless given).
    ///
    /// # Errors
    /// A series that is constant, too short, or has cells that are not numbers.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let lags = input.options.lags.unwrap_or(2);
        let (name, values) = input.series()?;
        input.at_least(2 * lags + 3, &format!(" for {lags} lags; give fewer with --lags, or more rows"))?;
        let scale = Standardisation::measure(&name, &values);
        let y = Column::new(values.iter().map(|&y| scale.apply(y)).collect::<Vec<_>>());
        let names = (1..=lags).map(|k| format!("lag {k}"));
        Ok(Built::new(Autoregression { y, lags }, values.len()).label("beta", names).scaled([scale]))
    }
}
