//! Distributions of covariance matrices: Wishart and its inverse.

use rand_distr::{Distribution as _, StandardNormal};

use super::{Distribution, Parameter, Support, matrix};
use crate::numerics;
use crate::program::{Real, Vector};

/// The Wishart distribution of covariance or precision matrices, made by [`wishart`].
#[derive(Clone, Copy, Debug)]
pub struct Wishart {
    df: Real,
    scale: Vector,
    /// Cholesky factor of the scale matrix.
    factor: Vector,
    n: usize,
}

/// `ln p(x) = (df - n - 1) / 2 ln det x - tr(scale^-1 x) / 2 - df / 2 ln det scale - ln Z`, with
/// `ln Z = df n / 2 ln 2 + ln Gamma_n(df / 2)`.
///
/// `x` and `scale` are row-major `n` x `n`, symmetric and positive definite; `df > n - 1`; the mean is `df scale`.
/// `Gamma_n` is the multivariate gamma function. A density of the entries on and below the diagonal.
#[doc = example!(
    r#"let precision = p.draw("precision", wishart(4.0, Vector::constant(&[1.0, 0.0, 0.0, 1.0])));"#,
    "let mean = Vector::constant(&[0.0, 0.0]);",
    "p.observe(Vector::constant(&[0.3, -0.2]), multivariate_normal_precision(mean, precision));",
)]
#[track_caller]
pub fn wishart(df: impl Into<Real>, scale: Vector) -> Wishart {
    let n = matrix::side("a Wishart distribution", &scale);
    let made = Wishart { df: df.into(), scale, factor: scale.cholesky(n), n };
    super::domain::refuse(&made);
    made
}

impl Distribution for Wishart {
    type Value = Vector;

    #[track_caller]
    fn formula(&self, x: Vector) -> Real {
        let n = self.n;
        // tr(scale^-1 x) as a dot product, since the scale seldom depends on the draw.
        let columns = matrix::inverse_columns(&self.factor, n);
        let inverse: Vec<Real> = (0..n * n).map(|k| columns[k / n].dot(&columns[k % n])).collect();
        let trace = Vector::new(&inverse).dot(&x);
        let half_log_det = matrix::sum_ln_diagonal(&x.cholesky(n), n);
        (self.df - (n + 1) as f64) * half_log_det - 0.5 * trace - log_normaliser(self.df, &self.factor, n, 1.0)
    }

    fn support(&self) -> Support {
        Support::Covariance(self.n)
    }

    fn domains(&self) -> Vec<Parameter> {
        domains(self.df, self.scale, self.n)
    }

    fn parameters(&self) -> Vec<Real> {
        std::iter::once(self.df).chain(self.factor.elements()).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let n = self.n;
        let (bartlett, factor) = (bartlett(n, parameters[0], rng), &parameters[1..]);
        let mut root = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                root[i * n + j] = (j..=i).map(|k| factor[i * n + k] * bartlett[k * n + j]).sum();
            }
        }
        numerics::times_own_transpose(n, &root, out);
    }
}

/// The inverse Wishart distribution of covariance matrices, made by [`inverse_wishart`].
#[derive(Clone, Copy, Debug)]
pub struct InverseWishart {
    df: Real,
    scale: Vector,
    /// Cholesky factor of the scale matrix.
    factor: Vector,
    n: usize,
}

/// `ln p(x) = df / 2 ln det scale - (df + n + 1) / 2 ln det x - tr(scale x^-1) / 2 - ln Z`, with
/// `ln Z = df n / 2 ln 2 + ln Gamma_n(df / 2)`.
///
/// The distribution of the inverse of a Wishart matrix with scale `scale^-1`. Shapes as in [`wishart`]; the mean is
/// `scale / (df - n - 1)`.
#[doc = example!(
    r#"let covariance = p.draw("covariance", inverse_wishart(4.0, Vector::constant(&[1.0, 0.0, 0.0, 1.0])));"#,
    "let mean = Vector::constant(&[0.0, 0.0]);",
    "p.observe(Vector::constant(&[0.3, -0.2]), multivariate_normal_covariance(mean, covariance));",
)]
#[track_caller]
pub fn inverse_wishart(df: impl Into<Real>, scale: Vector) -> InverseWishart {
    let n = matrix::side("an inverse Wishart distribution", &scale);
    let made = InverseWishart { df: df.into(), scale, factor: scale.cholesky(n), n };
    super::domain::refuse(&made);
    made
}

impl Distribution for InverseWishart {
    type Value = Vector;

    #[track_caller]
    fn formula(&self, x: Vector) -> Real {
        let n = self.n;
        let root = x.cholesky(n);
        // tr(scale x^-1) is the squared length of root^-1 factor, column by column.
        let squares = matrix::columns(&self.factor, n).into_iter().map(|column| {
            let solved = root.solve_lower(&column);
            solved.dot(&solved)
        });
        let trace: Real = squares.sum();
        let half_log_det = matrix::sum_ln_diagonal(&root, n);
        -(self.df + (n + 1) as f64) * half_log_det - 0.5 * trace - log_normaliser(self.df, &self.factor, n, -1.0)
    }

    fn support(&self) -> Support {
        Support::Covariance(self.n)
    }

    fn domains(&self) -> Vec<Parameter> {
        domains(self.df, self.scale, self.n)
    }

    fn parameters(&self) -> Vec<Real> {
        std::iter::once(self.df).chain(self.factor.elements()).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        // With scale = L L' and A A' standard Wishart, x = (L A'^-1) (L A'^-1)'; its rows solve A t = (row of L).
        let n = self.n;
        let bartlett = bartlett(n, parameters[0], rng);
        let mut rows = parameters[1..].to_vec();
        rows.chunks_exact_mut(n.max(1)).for_each(|row| numerics::solve_lower(n, &bartlett, row));
        numerics::times_own_transpose(n, &rows, out);
    }
}

fn domains(df: Real, scale: Vector, n: usize) -> Vec<Parameter> {
    let above = Support::Above(Real::from(n as f64 - 1.0));
    vec![
        Parameter::new("df of a Wishart distribution", df, above),
        Parameter::new("scale of a Wishart distribution", scale, Support::Covariance(n)),
    ]
}

/// `sign df sum_i ln factor_ii + df n / 2 ln 2 + ln Gamma_n(df / 2)`.
#[track_caller]
fn log_normaliser(df: Real, factor: &Vector, n: usize, sign: f64) -> Real {
    let pairs = 0.25 * (n * n.saturating_sub(1)) as f64 * std::f64::consts::PI.ln();
    let gammas: Real = (0..n).map(|j| (0.5 * (df - j as f64)).ln_gamma()).sum();
    let power = df * (0.5 * n as f64 * std::f64::consts::LN_2);
    df * (sign * matrix::sum_ln_diagonal(factor, n)) + power + gammas + pairs
}

/// The lower factor `A` of a standard Wishart matrix `A A'` (Bartlett 1933): roots of chi-square draws on the
/// diagonal, normal draws below it.
fn bartlett(n: usize, df: f64, rng: &mut dyn rand::Rng) -> Vec<f64> {
    let mut factor = vec![0.0; n * n];
    for i in 0..n {
        factor[i * n..i * n + i].fill_with(|| StandardNormal.sample(&mut *rng));
        let chi = rand_distr::ChiSquared::new(df - i as f64);
        factor[i * n + i] = chi.map_or(f64::NAN, |d| d.sample(&mut *rng).sqrt());
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::*;

    const SCALE: [f64; 9] = [2.0, 0.3, -0.4, 0.3, 1.0, 0.2, -0.4, 0.2, 1.5];
    const X: [f64; 9] = [3.0, -0.5, 0.7, -0.5, 2.0, 0.1, 0.7, 0.1, 4.0];

    /// A symmetric matrix from its six entries on and below the diagonal.
    fn symmetric(lower: &[Real]) -> Vector {
        let at = |i: usize, j: usize| lower[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)];
        Vector::new(&(0..9).map(|k| at(k / 3, k % 3)).collect::<Vec<_>>())
    }

    fn lower(full: &[f64]) -> [f64; 6] {
        [full[0], full[3], full[4], full[6], full[7], full[8]]
    }

    fn at(df: f64, n: usize) -> [f64; 2] {
        let (scale, x) = if n == 3 { (&SCALE[..], &X[..]) } else { (&SCALE[..1], &X[..1]) };
        let plain = |z: &[Real]| wishart(z[0], Vector::constant(scale)).log_density(Vector::constant(x));
        let inverse = |z: &[Real]| inverse_wishart(z[0], Vector::constant(scale)).log_density(Vector::constant(x));
        [evaluate(plain, &[df]), evaluate(inverse, &[df])]
    }

    #[test]
    fn densities_match_references() {
        // scipy 1.17 stats.wishart.logpdf and stats.invwishart.logpdf; scale and x are the constants above.
        let references = [
            (2.5, 3, [-12.850091993845902, -15.432844780198323]),
            (3.0, 3, [-11.893310062245362, -15.546449613802572]),
            (7.25, 3, [-13.84067679490531, -26.592103850703264]),
            // Scale 2, x 3.
            (0.5, 1, [-3.208555331479132, -2.9946212188665484]),
            (4.0, 1, [-2.423976433571672, -3.6291701993376626]),
        ];
        for (df, n, expected) in references {
            for (density, expected) in at(df, n).into_iter().zip(expected) {
                close(density, expected, 16.0);
            }
        }
    }

    #[test]
    fn gradients() {
        let numbers: Vec<f64> = [4.3].into_iter().chain(lower(&SCALE)).chain(lower(&X)).collect();
        check_gradient(|z| wishart(z[0], symmetric(&z[1..7])).log_density(symmetric(&z[7..])), &numbers);
        check_gradient(|z| inverse_wishart(z[0], symmetric(&z[1..7])).log_density(symmetric(&z[7..])), &numbers);
    }

    #[test]
    fn samples_have_the_moments() {
        let factor = matrix::factor_of(3, &SCALE);
        let parameters: Vec<f64> = [8.5].into_iter().chain(factor.iter().copied()).collect();
        let samples = draws(&wishart(0.0, Vector::constant(&SCALE)), &parameters, 9, 20_000);
        check_means(&samples, &SCALE.map(|s| 8.5 * s));
        // Var x_ij = df (s_ij^2 + s_ii s_jj).
        let squares: Vec<Vec<f64>> = samples.iter().map(|x| vec![x[0] * x[0], x[3] * x[3]]).collect();
        check_means(&squares, &[8.5 * 8.0 + (8.5 * 2.0_f64).powi(2), 8.5 * (0.09 + 2.0) + (8.5 * 0.3_f64).powi(2)]);
        let samples = draws(&inverse_wishart(0.0, Vector::constant(&SCALE)), &parameters, 9, 20_000);
        check_means(&samples, &SCALE.map(|s| s / 4.5));
        let mut wrong = parameters;
        wrong[0] = 1.0;
        assert!(draws(&wishart(0.0, Vector::constant(&SCALE)), &wrong, 9, 1)[0][8].is_nan());
    }
}
