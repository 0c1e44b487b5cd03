//! The multivariate normal distribution, by a Cholesky factor, a covariance or a precision matrix.

use rand_distr::{Distribution as _, StandardNormal};

use super::{Distribution, Parameter, Support, matrix};
use crate::numerics;
use crate::numerics::LN_SQRT_2_PI;
use crate::program::{Real, Vector};

/// Multivariate normal distribution.
#[derive(Clone, Debug)]
pub struct MultivariateNormal {
    mean: Vector,
    /// The lower Cholesky factor of the covariance, or of the precision matrix where that is given.
    factor: Vector,
    precision: Option<Vector>,
    /// The matrix that was given.
    given: Parameter,
}

/// `ln p(x) = -|z|^2 / 2 - sum_i ln cholesky_ii - n ln sqrt(2 pi)` with `z = cholesky^-1 (x - mean)`.
///
/// `mean` has `n` values; `cholesky` is row-major `n` x `n`, lower triangular with a positive diagonal, and
/// `cholesky cholesky'` is the covariance.
#[doc = example!(
    r#"let mean = p.draws("mean", normal(0.0, 1.0), 2);"#,
    "let factor = Vector::constant(&[1.0, 0.0, 0.5, 0.8]); // row by row, lower triangular",
    "p.observe(Vector::constant(&[0.3, -0.2]), multivariate_normal_cholesky(mean, factor));",
)]
#[track_caller]
pub fn multivariate_normal_cholesky(mean: Vector, cholesky: Vector) -> MultivariateNormal {
    matrix::expect_square("a multivariate normal", mean.len(), &cholesky);
    let domain = Support::CholeskyCovariance(mean.len());
    let given = Parameter::new("cholesky of multivariate_normal_cholesky", cholesky, domain);
    made(MultivariateNormal { mean, factor: cholesky, precision: None, given })
}

/// `ln p(x) = -(x - mean)' covariance^-1 (x - mean) / 2 - ln det(covariance) / 2 - n ln sqrt(2 pi)`.
///
/// `mean` has `n` values; `covariance` is row-major `n` x `n`, symmetric and positive definite.
#[doc = example!(
    r#"let mean = p.draws("mean", normal(0.0, 1.0), 2);"#,
    "let covariance = Vector::constant(&[1.0, 0.5, 0.5, 2.0]);",
    "p.observe(Vector::constant(&[0.3, -0.2]), multivariate_normal_covariance(mean, covariance));",
)]
#[track_caller]
pub fn multivariate_normal_covariance(mean: Vector, covariance: Vector) -> MultivariateNormal {
    matrix::expect_square("a multivariate normal", mean.len(), &covariance);
    let domain = Support::Covariance(mean.len());
    let given = Parameter::new("covariance of multivariate_normal_covariance", covariance, domain);
    made(MultivariateNormal { mean, factor: covariance.cholesky(mean.len()), precision: None, given })
}

/// `ln p(x) = -(x - mean)' precision (x - mean) / 2 + ln det(precision) / 2 - n ln sqrt(2 pi)`.
///
/// `mean` has `n` values; `precision` is row-major `n` x `n`, symmetric and positive definite.
#[doc = example!(
    r#"let mean = p.draws("mean", normal(0.0, 1.0), 2);"#,
    "let precision = Vector::constant(&[1.0, -0.5, -0.5, 2.0]);",
    "p.observe(Vector::constant(&[0.3, -0.2]), multivariate_normal_precision(mean, precision));",
)]
#[track_caller]
pub fn multivariate_normal_precision(mean: Vector, precision: Vector) -> MultivariateNormal {
    matrix::expect_square("a multivariate normal", mean.len(), &precision);
    let domain = Support::Covariance(mean.len());
    let given = Parameter::new("precision of multivariate_normal_precision", precision, domain);
    made(MultivariateNormal { mean, factor: precision.cholesky(mean.len()), precision: Some(precision), given })
}

#[track_caller]
fn made(distribution: MultivariateNormal) -> MultivariateNormal {
    super::domain::refuse(&distribution);
    distribution
}

impl Distribution for MultivariateNormal {
    type Value = Vector;

    #[track_caller]
    fn formula(&self, x: Vector) -> Real {
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

    fn domains(&self) -> Vec<Parameter> {
        vec![Parameter::new("mean of a multivariate normal", self.mean, Support::Real), self.given.clone()]
    }

    fn parameters(&self) -> Vec<Real> {
        self.mean.elements().into_iter().chain(self.factor.elements()).collect()
    }

    fn location_factor(&self) -> Option<(Vector, Vector)> {
        self.precision.is_none().then_some((self.mean, self.factor))
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let n = self.mean.len();
        let (mean, factor) = parameters.split_at(n);
        let mut noise: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut *rng)).collect();
        if self.precision.is_some() {
            numerics::solve_lower_transposed(n, factor, &mut noise);
            out.copy_from_slice(&noise);
        } else {
            numerics::lower_times(n, factor, &noise, out);
        }
        out.iter_mut().zip(mean).for_each(|(x, m)| *x += m);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::*;
    use crate::program::{Matrix, recording};

    const MEAN: [f64; 3] = [0.5, -1.0, 0.25];
    const COVARIANCE: [f64; 9] = [2.0, 0.3, -0.4, 0.3, 1.0, 0.2, -0.4, 0.2, 1.5];
    /// scipy 1.17 `stats.multivariate_normal.logpdf` at three points, with that mean and covariance.
    const REFERENCES: [([f64; 3], f64); 3] = [
        ([1.5, 0.5, -0.75], -4.939480525092128),
        ([0.0, 0.0, 0.0], -4.050729069911685),
        ([2.0, -1.5, 3.0], -7.975835783144129),
    ];

    #[derive(Clone, Copy, PartialEq)]
    enum Form {
        Cholesky,
        Covariance,
        Precision,
    }
    const FORMS: [Form; 3] = [Form::Cholesky, Form::Covariance, Form::Precision];

    /// The distribution from its mean and the six numbers on and below the diagonal of its matrix.
    fn build(form: Form, mean: &[Real], lower: &[Real]) -> MultivariateNormal {
        let at = |i: usize, j: usize| match (i < j, form) {
            (true, Form::Cholesky) => Real::from(0.0),
            _ => lower[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)],
        };
        let matrix = Vector::new(&(0..9).map(|k| at(k / 3, k % 3)).collect::<Vec<_>>());
        match form {
            Form::Cholesky => multivariate_normal_cholesky(Vector::new(mean), matrix),
            Form::Covariance => multivariate_normal_covariance(Vector::new(mean), matrix),
            Form::Precision => multivariate_normal_precision(Vector::new(mean), matrix),
        }
    }

    /// Mean and lower triangle for which each form is the same distribution.
    fn numbers(form: Form) -> Vec<f64> {
        let factor = matrix::factor_of(3, &COVARIANCE);
        let full = match form {
            Form::Cholesky => factor,
            Form::Covariance => COVARIANCE.to_vec(),
            Form::Precision => {
                let mut inverse = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
                for column in inverse.chunks_exact_mut(3) {
                    numerics::solve_lower(3, &factor, column);
                    numerics::solve_lower_transposed(3, &factor, column);
                }
                inverse.to_vec()
            }
        };
        MEAN.into_iter().chain([0, 3, 4, 6, 7, 8].map(|k| full[k])).collect()
    }

    #[test]
    fn densities_and_gradients() {
        for form in FORMS {
            for (x, expected) in REFERENCES {
                let density = |z: &[Real]| build(form, &z[3..6], &z[6..]).log_density(Vector::new(&z[..3]));
                let at: Vec<f64> = x.into_iter().chain(numbers(form)).collect();
                close(evaluate(density, &at), expected, 16.0);
                check_gradient(density, &at);
            }
        }
    }

    #[test]
    fn rows_share_one_inverse() {
        let table = Matrix::new(REFERENCES.iter().flat_map(|r| r.0).collect::<Vec<_>>(), 3).unwrap();
        let total: f64 = REFERENCES.iter().map(|r| r.1).sum();
        for form in FORMS {
            let density = |z: &[Real], i| build(form, &z[..3], &z[3..]).log_density(table.at(i).to_vector());
            let program = record_rows(9, 3, density);
            close(oracle(&program, &numbers(form)), total, 32.0);
            check_program(&program, &numbers(form));
            let in_rows =
                |op: recording::Op| matches!(op, recording::Op::SolveLower { .. } | recording::Op::Cholesky { .. });
            assert!(program.nodes.iter().all(|n| n.plate == 0 || !in_rows(n.op)));
        }
    }

    #[test]
    fn samples_have_the_moments() {
        let any = |form| build(form, &[Real::from(0.0); 3], &[Real::from(1.0); 6]);
        for form in FORMS {
            let lower = matrix::factor_of(3, &COVARIANCE);
            let factor = match form {
                Form::Precision => {
                    let n = numbers(form);
                    matrix::factor_of(3, &[n[3], n[4], n[6], n[4], n[5], n[7], n[6], n[7], n[8]])
                }
                _ => lower,
            };
            let parameters: Vec<f64> = MEAN.into_iter().chain(factor).collect();
            let samples = draws(&any(form), &parameters, 3, 20_000);
            check_means(&samples, &MEAN);
            let products = |x: &Vec<f64>| (0..9).map(|k| (x[k / 3] - MEAN[k / 3]) * (x[k % 3] - MEAN[k % 3])).collect();
            check_means(&samples.iter().map(products).collect::<Vec<Vec<f64>>>(), &COVARIANCE);
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors_at_the_call() {
        let wrong = recording::record(|| {
            multivariate_normal_covariance(Vector::constant(&MEAN), Vector::constant(&[1.0; 4]));
        });
        let message = wrong.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(
            message.contains("multivariate_normal.rs") && message.contains("3 x 3 matrix of 9 values, not 4"),
            "{message}"
        );
    }
}
