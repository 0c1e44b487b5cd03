//! A linear Gaussian state-space model: a hidden autoregression, seen through noise, its states summed out.
//!
//! ```text
//! phi ~ Beta(2, 2)    drift, noise ~ LogNormal(-1, 1)
//! z_1 ~ N(0, 1)    z_t ~ N(phi z_(t-1), drift^2)    y_t ~ N(z_t, noise^2)
//! ```
//!
//! Given phi, drift and noise all states are normal, and the Kalman filter has the density of each value given those before:
//! what is left to infer are three numbers. With the states as latents, no Gaussian holds how they lean on the variances.
//!
//! The priors keep off the ends, zero and one: a standard deviation that may as well be zero has a logarithm without a least
//! value, which no normal q holds.
//!
//! *Source*: Kalman 1960, "A new approach to linear filtering and prediction problems"; Durbin and Koopman 2012, section 2.2.

use super::{BuildError, Built, Input};
use crate::data::Standardisation;
use jensen::prelude::*;

/// A hidden autoregression of order one.
#[derive(Debug, Clone)]
pub struct LinearStateSpace {
    /// The series, standardised.
    pub y: Vec<f64>,
}

impl Model for LinearStateSpace {
    fn log_joint(&self, p: &LogJoint) {
        let phi = p.draw("phi", beta(2.0, 2.0));
        let (drift, noise) = (p.draw("drift", log_normal(-1.0, 1.0)), p.draw("noise", log_normal(-1.0, 1.0)));
        let (drift, noise) = (drift.square(), noise.square());
        let (n, zero) = (self.y.len(), Real::from(0.0));
        // Mean and variance of each state given the values before it, then given its own, too.
        let filter = p.scan_many(n, [zero; 4], |[_, _, m, v], t| {
            let (mean, variance) = match t {
                0 => (zero, Real::from(1.0)),
                _ => (phi * m, phi.square() * v + drift),
            };
            let gain = variance / (variance + noise);
            [mean, variance, mean + gain * (self.y[t] - mean), (1.0 - gain) * variance]
        });
        let [mean, variance, state, _] = &filter;
        let sd = variance.map(|v| (v + noise).sqrt());
        let y = Column::new(self.y.clone());
        p.rows(n, |t| t.observe(y.at(t), normal(mean.at(t), sd.at(t))));
        // The mean of each state given the series up to it.
        p.derive("state", *state);
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
        let scale = Standardisation::measure(&name, &values);
        let y: Vec<f64> = values.iter().map(|&y| scale.apply(y)).collect();
        Ok(Built::new(LinearStateSpace { y }, values.len()).scaled([scale]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jensen::model::{Draws, RowSet};
    use jensen::target::{LogDensity, Pass, Target, check_gradient};

    /// The density of three values, against their joint normal law written out.
    #[test]
    fn the_filter_is_the_joint_normal_law() {
        let y = [0.7, -0.4, 1.1];
        let target = Target::new(&LinearStateSpace { y: y.to_vec() }).unwrap();
        let at = [0.3, -0.5, 0.2];
        let values = target.constrained(&[], &Draws::at_point(&at));
        let value = |name: &str| values.values[values.names.iter().position(|n| n == name).unwrap()];
        let (phi, q, r) = (value("phi"), value("drift").powi(2), value("noise").powi(2));
        let mut pass = Pass::default();
        target.log_density(&[], &Draws::at_point(&at), &RowSet::all(), &mut pass).unwrap();
        let v = [1.0, phi * phi + q, phi * phi * (phi * phi + q) + q];
        let covariance = nalgebra::Matrix3::from_fn(|i, j| {
            let (low, apart) = (i.min(j), i.abs_diff(j) as i32);
            phi.powi(apart) * v[low] + if i == j { r } else { 0.0 }
        });
        let y = nalgebra::Vector3::from(y);
        let square = y.dot(&(covariance.try_inverse().unwrap() * y));
        let expected = -0.5 * (square + covariance.determinant().ln() + 3.0 * std::f64::consts::TAU.ln());
        assert!((pass.data[0] - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{} {expected}", pass.data[0]);
        assert!(check_gradient(&target, &at).unwrap().0 < 1e-7);
    }
}
