//! Gaussian process regression with a squared-exponential kernel, the function integrated out.
//!
//! ```text
//! rho ~ Gamma(25, 4)    alpha ~ half-normal(2)    sigma ~ half-normal(1)
//! y ~ N(0, K)    K_ij = alpha^2 exp(-(x_i - x_j)^2 / (2 rho^2)) + sigma [i = j]
//! ```

use super::build::Collinear;
use super::{BuildError, Built, Input};
use crate::data::Standardisation;
use jensen::prelude::*;

/// Values of an unknown smooth function, with noise.
#[derive(Debug, Clone)]
pub struct GaussianProcess {
    /// Where the function was seen, in -10 .. 10.
    pub x: Vec<f64>,
    /// What was seen.
    pub y: Vec<f64>,
}

impl Model for GaussianProcess {
    fn log_joint(&self, p: &LogJoint) {
        let n = self.x.len();
        let pairs = || (0..n * n).map(|k| (k / n, k % n));
        let squares: Vec<f64> = pairs().map(|(i, j)| (self.x[i] - self.x[j]).powi(2)).collect();
        let identity: Vec<f64> = pairs().map(|(i, j)| f64::from(u8::from(i == j))).collect();

        let rho = p.draw("rho", gamma(25.0, 4.0));
        let alpha = p.draw("alpha", half_normal(2.0));
        let sigma = p.draw("sigma", half_normal(1.0));
        let smooth = Vector::constant(&squares).map(|d| alpha.square() * (d * (-0.5 / rho.square())).exp());
        let covariance = smooth.zip(&Vector::constant(&identity), |k, same| k + sigma * same);
        let mean = Vector::constant(&vec![0.0; n]);
        p.observe(Vector::constant(&self.y), multivariate_normal_covariance(mean, covariance));
    }
}

/// A step costs `n^3`.
const MOST_ROWS: usize = 400;

impl GaussianProcess {
    /// The model of `--response` on one feature; data given by the user are brought to the scale of the priors:
    /// `x` to -10 .. 10, `y` to mean 0 and standard deviation 1.
    ///
    /// # Errors
    /// Everything a regression's data can have wrong; more than one feature; too many rows.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let file = || input.table.file().to_string();
        input.at_least(3, "")?;
        let data = input.design(Collinear::Refused)?;
        if data.design.num_features() != 1 {
            return Err(BuildError::OneFeature { file: file(), found: data.design.num_features() });
        }
        if data.design.num_rows > MOST_ROWS {
            return Err(BuildError::TooManyRows { file: file(), found: data.design.num_rows, most: MOST_ROWS });
        }
        let (x_scale, y_scale) = (&data.design.scales[0], &data.design.response_scale);
        if input.embedded {
            let model = GaussianProcess { x: input.table.real(&x_scale.name)?, y: input.table.real(&y_scale.name)? };
            return Ok(Built::new(model, data.design.num_rows));
        }
        let (low, high) = data.design.features.iter().fold((f64::MAX, f64::MIN), |(l, h), &x| (l.min(x), h.max(x)));
        let unit = (high - low) / 20.0;
        let x = data.design.features.iter().map(|x| (x - 0.5 * (low + high)) / unit).collect();
        let mapped = Standardisation {
            name: x_scale.name.clone(),
            mean: x_scale.undo(0.5 * (low + high)),
            sd: x_scale.sd * unit,
        };
        let model = GaussianProcess { x, y: data.design.response.clone() };
        Ok(Built::new(model, data.design.num_rows).scaled([mapped, y_scale.clone()]))
    }
}
