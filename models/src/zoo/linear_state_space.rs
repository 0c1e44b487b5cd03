//! A linear Gaussian state-space model: a hidden autoregression, seen through noise.
//!
//! ```text
//! phi ~ Beta(1, 1)    drift, noise ~ half-N(0, 1)
//! z_1 ~ N(0, 1)    z_t ~ N(phi z_(t-1), drift^2)    y_t ~ N(z_t, noise^2)
//! ```
//!
//! The series is standardised. Given phi, drift and noise the evidence is that of the Kalman filter, which the
//! tests hold the engine to; `StateSpace` of the library has networks in it, and a q for each sequence.

use super::{BuildError, Built, Input};
use crate::data::Scale;
use jensen::prelude::*;

/// A hidden autoregression of order one.
#[derive(Debug, Clone)]
pub struct LinearStateSpace {
    /// The series, standardised.
    pub y: Column,
}

impl Model for LinearStateSpace {
    fn log_joint(&self, p: &LogJoint) {
        let phi = p.draw("phi", beta(1.0, 1.0));
        let (drift, noise) = (p.draw("drift", half_normal(1.0)), p.draw("noise", half_normal(1.0)));
        let n = self.y.len();
        let steps = p.draws("steps", normal(0.0, 1.0), n);
        let state = p.scan(n, 0.0, |z, t| if t == 0 { steps.at(0) } else { phi * z + drift * steps.at(t) });
        p.derive("state", state);
        p.rows(n, |t| t.observe(self.y.at(t), normal(state.at(t), noise)));
    }
}

impl LinearStateSpace {
    /// The model of the series `--response`, standardised.
    ///
    /// # Errors
    /// A series that is constant, too short, or has cells that are not numbers.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let (name, values) = input.series()?;
        input.at_least(5, "")?;
        let scale = Scale::measure(&name, &values);
        let y = Column::new(values.iter().map(|&y| scale.apply(y)).collect::<Vec<_>>());
        Ok(Built::new(LinearStateSpace { y }, values.len()).scaled([scale]))
    }
}
