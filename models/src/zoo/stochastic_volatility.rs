//! Stochastic volatility: the log variance of a return follows an autoregression, non-centred.
//!
//! ```text
//! mu ~ N(0, 5)    (phi + 1) / 2 ~ Beta(20, 1.5)    sigma ~ half-normal(0.5)    eta_t ~ N(0, 1)
//! h_0 = mu + sigma / sqrt(1 - phi^2) eta_0    h_t = mu + phi (h_(t-1) - mu) + sigma eta_t
//! y_t ~ N(0, exp(h_t / 2))
//! ```

use super::{BuildError, Built, Input};
use crate::data::Standardisation;
use jensen::prelude::*;

/// Returns whose variance wanders.
#[derive(Debug, Clone)]
pub struct StochasticVolatility {
    /// Returns, with mean zero.
    pub y: Column,
}

impl Model for StochasticVolatility {
    fn log_joint(&self, p: &LogJoint) {
        let n = self.y.len();
        let mu = p.draw("mu", normal(0.0, 5.0));
        let phi = 2.0 * p.draw("persistence", beta(20.0, 1.5)) - 1.0;
        let sigma = p.draw("sigma", half_normal(0.5));
        let eta = p.draws("eta", normal(0.0, 1.0), n);
        let stationary = sigma / (1.0 - phi.square()).sqrt();
        let h = p.scan(n, mu, |h, t| match t {
            0 => mu + stationary * eta.at(0),
            t => mu + phi * (h - mu) + sigma * eta.at(t),
        });
        p.rows(n, |t| t.observe(self.y.at(t), normal(0.0, (0.5 * h.at(t)).exp())));
        p.derive("phi", phi);
        p.derive("h", h);
    }
}

impl StochasticVolatility {
    /// The model of the series `--response`, less its mean.
    ///
    /// # Errors
    /// A series that is constant, too short, or has cells that are not numbers.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let (name, values) = input.series()?;
        input.at_least(10, "")?;
        let scale = Standardisation { sd: 1.0, ..Standardisation::measure(&name, &values) };
        let y = Column::new(values.iter().map(|&y| scale.apply(y)).collect::<Vec<_>>());
        Ok(Built::new(StochasticVolatility { y }, values.len()).scaled([scale]))
    }
}
