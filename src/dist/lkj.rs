//! The LKJ distribution of correlation matrices, over their Cholesky factor.

use rand_distr::{Distribution as _, StandardNormal};

use super::{Distribution, Parameter, Support};
use crate::program::{Real, Vector};

/// LKJ distribution over the Cholesky factor of a correlation matrix.
#[derive(Clone, Copy, Debug)]
pub struct LkjCholesky {
    n: usize,
    eta: Real,
}

/// `ln p(L) = sum_{i=2..n} (n - i + 2 eta - 2) ln L_ii - ln Z`, a density of the entries below the diagonal, with
/// `ln Z = sum_{i=2..n} [(i - 1) / 2 ln pi + ln Gamma(eta + (n - i) / 2) - ln Gamma(eta + (n - 1) / 2)]`.
///
/// `L` is row-major `n` x `n`, lower triangular with rows of length one; `L L'` then has a density in proportion to
/// `det(L L')^(eta - 1)`, flat for `eta = 1`; `eta` is positive.
///
/// *Source*: Lewandowski, Kurowicka and Joe (2009), "Generating random correlation matrices based on vines and
/// extended onion method", sections 2.3 and 3.2. The rows of `L` are independent: row `i` is a point in a ball of
/// dimension `i - 1` with density in proportion to `(1 - r^2)^(eta - 1 + (n - i) / 2)`, which gives both `Z` and
/// the sampler.
#[doc = example!(
    r#"let l = p.draw("correlation", lkj_cholesky(2, 2.0));"#,
    r#"p.derive("rho", l.at((1, 0))); // the correlation of the two"#,
)]
#[track_caller]
pub fn lkj_cholesky(n: usize, eta: impl Into<Real>) -> LkjCholesky {
    let made = LkjCholesky { n, eta: eta.into() };
    super::domain::refuse(&made);
    made
}

impl Distribution for LkjCholesky {
    type Value = Vector;

    #[track_caller]
    fn formula(&self, x: Vector) -> Real {
        let (n, eta) = (self.n, self.eta);
        if n < 2 {
            return Real::from(0.0);
        }
        let diagonal: Vec<Real> = (1..n).map(|i| x.at(i * n + i)).collect();
        let ln_diagonal = Vector::new(&diagonal).map(Real::ln);
        let fixed: Vec<f64> = (1..n).map(|i| (n - 1 - i) as f64).collect();
        ln_diagonal.dot(&Vector::constant(&fixed)) + (2.0 * eta - 2.0) * ln_diagonal.sum() - self.log_normaliser()
    }

    fn support(&self) -> Support {
        Support::CholeskyCorrelation(self.n)
    }

    fn domains(&self) -> Vec<Parameter> {
        vec![Parameter::new("eta of lkj_cholesky", self.eta, Support::Positive)]
    }

    fn parameters(&self) -> Vec<Real> {
        vec![self.eta]
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let (n, eta) = (self.n, parameters[0]);
        out.fill(0.0);
        for (i, row) in out.chunks_exact_mut(n.max(1)).enumerate() {
            if i == 0 {
                row[0] = 1.0;
                continue;
            }
            let (inside, rest) = (0.5 * i as f64, eta + 0.5 * (n - 1 - i) as f64);
            let square = rand_distr::Beta::new(inside, rest).map_or(f64::NAN, |d| d.sample(&mut *rng));
            row[..i].fill_with(|| StandardNormal.sample(&mut *rng));
            let length = row[..i].iter().map(|v| v * v).sum::<f64>().sqrt();
            row[..i].iter_mut().for_each(|v| *v *= square.sqrt() / length);
            row[i] = (1.0 - square).sqrt();
        }
    }
}

impl LkjCholesky {
    #[track_caller]
    fn log_normaliser(&self) -> Real {
        let (n, eta) = (self.n, self.eta);
        let whole = (eta + 0.5 * (n - 1) as f64).ln_gamma();
        let ball = |i: usize| {
            let volume = 0.5 * i as f64 * std::f64::consts::PI.ln();
            (eta + 0.5 * (n - 1 - i) as f64).ln_gamma() - whole + volume
        };
        (1..n).map(ball).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::*;

    /// The factor of size `n` with free entries below the diagonal, and the diagonal that follows from them.
    fn factor(n: usize, below: &[Real]) -> Vector {
        let mut entries = vec![Real::from(0.0); n * n];
        let mut below = below.iter();
        for i in 0..n {
            let mut rest = Real::from(1.0);
            for (at, &entry) in (i * n..i * n + i).zip(&mut below) {
                entries[at] = entry;
                rest -= entry.square();
            }
            entries[i * n + i] = rest.max(0.0).sqrt();
        }
        Vector::new(&entries)
    }

    /// Integral over -1..1 by the midpoint rule in `t`, `x = sin t`.
    fn integral(points: usize, f: impl Fn(f64) -> f64) -> f64 {
        let h = std::f64::consts::PI / points as f64;
        let at = |k: usize| (k as f64 + 0.5) * h - std::f64::consts::FRAC_PI_2;
        (0..points).map(|k| h * at(k).cos() * f(at(k).sin())).sum()
    }

    #[test]
    fn the_density_integrates_to_one() {
        for eta in [0.5, 1.0, 2.5] {
            // Two: the rule's relative error is at most (pi / points)^2 / 24 = 2.6e-6.
            let two = record(1, |z| lkj_cholesky(2, eta).log_density(factor(2, z)));
            let total = integral(400, |x| oracle(&two, &[x]).exp());
            assert!((total - 1.0).abs() < 1e-5, "{eta}: {total}");
        }
        for eta in [1.0, 2.5] {
            // Three: 2.6e-4 in each of three directions.
            let three = record(3, |z| lkj_cholesky(3, eta).log_density(factor(3, z)));
            let disc = |x: f64, a: f64| {
                let width = (1.0 - a * a).sqrt();
                width * integral(40, |b| oracle(&three, &[x, a, b * width]).exp())
            };
            let total = integral(40, |x| integral(40, |a| disc(x, a)));
            assert!((total - 1.0).abs() < 1e-3, "{eta}: {total}");
        }
    }

    #[test]
    fn the_constant_is_that_of_the_paper() {
        // Equation 16: Z of correlation matrices = 2^sum_k (2 eta - 2 + n - k)(n - k) prod_k B(b_k, b_k)^(n - k) with
        // b_k = eta + (n - k - 1) / 2; at the identity the Jacobian from L to L L' is one.
        use statrs::function::beta::ln_beta;
        for n in 2..=5_usize {
            for eta in [0.7, 1.0, 3.0] {
                let mut log_z = 0.0;
                for k in 1..n {
                    let rest = (n - k) as f64;
                    let b = eta + 0.5 * (rest - 1.0);
                    log_z += rest * ((2.0 * eta - 2.0 + rest) * std::f64::consts::LN_2 + ln_beta(b, b));
                }
                let identity: Vec<f64> = (0..n * n).map(|k| f64::from(u8::from(k % (n + 1) == 0))).collect();
                let at_identity = evaluate(|z| lkj_cholesky(n, z[0]).log_density(Vector::constant(&identity)), &[eta]);
                // The reference's ln_gamma errs by about 1e-14 and enters up to 30 times.
                close(at_identity, -log_z, 2000.0);
            }
        }
        assert_eq!(evaluate(|_| lkj_cholesky(1, 2.0).log_density(Vector::constant(&[1.0])), &[]), 0.0);
    }

    #[test]
    fn gradients() {
        check_gradient(|z| lkj_cholesky(3, z[3]).log_density(factor(3, &z[..3])), &[0.6, 0.1, 0.3, 1.7]);
        check_gradient(|z| lkj_cholesky(3, z[3]).log_density(factor(3, &z[..3])), &[0.6, 0.1, 0.3, 1.0]);
    }

    #[test]
    fn samples_have_the_moments_of_the_margins() {
        // Each correlation is 2 Beta(b, b) - 1 with b = eta - 1 + n / 2: variance 1 / (2 b + 1).
        let (n, eta) = (4, 1.5);
        let b = eta - 1.0 + 0.5 * n as f64;
        let samples = draws(&lkj_cholesky(n, eta), &[eta], n * n, 20_000);
        let pairs = [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)];
        let correlation = |l: &[f64], (i, j): (usize, usize)| (0..n).map(|k| l[i * n + k] * l[j * n + k]).sum::<f64>();
        let squares: Vec<Vec<f64>> =
            samples.iter().map(|l| pairs.iter().map(|&p| correlation(l, p).powi(2)).collect()).collect();
        check_means(&squares, &[1.0 / (2.0 * b + 1.0); 6]);
        let plain: Vec<Vec<f64>> = samples.iter().map(|l| pairs.iter().map(|&p| correlation(l, p)).collect()).collect();
        check_means(&plain, &[0.0; 6]);
        assert!(samples.iter().all(|l| (0..n).all(|i| (correlation(l, (i, i)) - 1.0).abs() < 1e-14)));
        assert!(draws(&lkj_cholesky(2, 1.0), &[-1.0], 4, 1)[0][2].is_nan());
    }
}
