//! The multivariate normal distribution, by a Cholesky factor, a covariance or a precision matrix.

use rand_distr::{Distribution as _, StandardNormal};

use super::normal::LN_SQRT_2_PI;
use super::{Distribution, Support, matrix};
use crate::program::{Real, Vector};

/// Multivariate normal distribution.
#[derive(Clone, Copy, Debug)]
pub struct MultivariateNormal {
    mean: Vector,
    /// The lower Cholesky factor of the covariance, or of the precision matrix where that is given.
    factor: Vector,
    precision: Option<Vector>,
}

/// `ln p(x) = -|z|^2 / 2 - sum_i ln cholesky_ii - n ln sqrt(2 pi)` with `z = cholesky^-1 (x - mean)`.
///
/// `mean` has `n` values; `cholesky` is row-major `n` x `n`, lower triangular with a positive diagonal, and
/// `cholesky cholesky'` is the covariance.
#[track_caller]
pub fn multivariate_normal_cholesky(mean: Vector, cholesky: Vector) -> MultivariateNormal {
    matrix::expect_square("a multivariate normal", mean.len(), &cholesky);
    MultivariateNormal { mean, factor: cholesky, precision: None }
}

/// `ln p(x) = -(x - mean)' covariance^-1 (x - mean) / 2 - ln det(covariance) / 2 - n ln sqrt(2 pi)`.
///
/// `mean` has `n` values; `covariance` is row-major `n` x `n`, symmetric and positive definite.
#[track_caller]
pub fn multivariate_normal_covariance(mean: Vector, covariance: Vector) -> MultivariateNormal {
    matrix::expect_square("a multivariate normal", mean.len(), &covariance);
    MultivariateNormal { mean, factor: covariance.cholesky(mean.len()), precision: None }
}

/// `ln p(x) = -(x - mean)' precision (x - mean) / 2 + ln det(precision) / 2 - n ln sqrt(2 pi)`.
///
/// `mean` has `n` values; `precision` is row-major `n` x `n`, symmetric and positive definite.
#[track_caller]
pub fn multivariate_normal_precision(mean: Vector, precision: Vector) -> MultivariateNormal {
    matrix::expect_square("a multivariate normal", mean.len(), &precision);
    MultivariateNormal { mean, factor: precision.cholesky(mean.len()), precision: Some(precision) }
}

impl Distribution for MultivariateNormal {
    type Value = Vector;

    #[track_caller]
    fn log_density(&self, x: Vector) -> Real {
        let n = self.mean.len();
        let centred = x.zip(&self.mean, |x, mean| x - mean);
        let half_log_det = matrix::sum_ln_diagonal(&self.factor, n);
        let constant = n as f64 * LN_SQRT_2_PI;
        match &self.precision {
            Some(precision) => -0.5 * centred.dot(&precision.mat_vec(n, &centred)) + half_log_det - constant,
            None => {
                let z = matrix::whiten(&self.factor, &centred);
                -0.5 * z.dot(&z) - half_log_det - constant
            }
        }
    }

    fn support(&self) -> Support {
        Support::RealVector(self.mean.len())
    }

    fn parameters(&self) -> Vec<Real> {
        self.mean.elements().into_iter().chain(self.factor.elements()).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let n = self.mean.len();
        let (mean, factor) = parameters.split_at(n);
        let mut noise: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut *rng)).collect();
        if self.precision.is_some() {
            matrix::solve_lower_transposed(n, factor, &mut noise);
            out.copy_from_slice(&noise);
        } else {
            matrix::lower_times(n, factor, &noise, out);
        }
        out.iter_mut().zip(mean).for_each(|(x, m)| *x += m);
    }
}
