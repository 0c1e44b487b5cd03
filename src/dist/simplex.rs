//! Shares and counts of several categories: Dirichlet and multinomial.

use rand_distr::Distribution as _;

use super::bernoulli::times_log;
use super::binomial::successes;
use super::domain::constant_element;
use super::{Distribution, Parameter, Support};
use crate::program::{Int, Real, Vector, sum};

/// The Dirichlet distribution of a simplex, made by [`dirichlet`].
#[derive(Clone, Copy, Debug)]
pub struct Dirichlet {
    concentrations: Vector,
}

/// `ln p(x) = sum_k (a_k - 1) ln x_k + ln Gamma(sum_k a_k) - sum_k ln Gamma(a_k)` for positive `x` that sum to one,
/// where `a` are the positive `concentrations`.
///
/// A density of the first `K - 1` numbers. Data of exactly zero are allowed where the concentration is the constant one.
#[doc = example!(
    r#"let shares = p.draw("shares", dirichlet(Vector::constant(&[2.0, 2.0, 2.0])));"#,
    "p.observe(0.0, categorical(shares));",
)]
#[track_caller]
pub fn dirichlet(concentrations: Vector) -> Dirichlet {
    let made = Dirichlet { concentrations };
    super::domain::refuse(&made);
    made
}

impl Distribution for Dirichlet {
    type Value = Vector;

    #[track_caller]
    fn formula(&self, x: Vector) -> Real {
        // 0 ln 0 = 0 at the edge of a flat density; only there, or the gradient by a concentration of one is lost.
        let term = |a: Real, x: Real| x.equal_to(0.0).and(a.equal_to(1.0)).select(0.0, (a - 1.0) * x.ln());
        let log_normaliser = self.concentrations.map(Real::ln_gamma).sum() - self.concentrations.sum().ln_gamma();
        self.concentrations.zip(&x, term).sum() - log_normaliser
    }

    fn support(&self) -> Support {
        Support::Simplex(self.concentrations.len())
    }

    fn domains(&self) -> Vec<Parameter> {
        vec![Parameter::new("concentrations of dirichlet", self.concentrations, Support::Positive)]
    }

    fn edges(&self, x: Vector) -> Vec<Parameter> {
        let is_one = |k: &usize| constant_element(&self.concentrations, *k) == Some(1.0);
        let without_zero = |k| Parameter::new("the density of dirichlet", x.at(k), Support::Positive);
        if x.len() == self.concentrations.len() {
            (0..x.len()).filter(|k| !is_one(k)).map(without_zero).collect()
        } else {
            vec![]
        }
    }

    fn parameters(&self) -> Vec<Real> {
        self.concentrations.elements()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        // Logarithms of gamma draws by G(a) = G(a + 1) U^(1 / a), so that small concentrations do not underflow.
        for (o, &a) in out.iter_mut().zip(parameters) {
            let unit: f64 = rand_distr::Open01.sample(&mut *rng);
            let valid = Some(a).filter(|&a| a > 0.0).and_then(|a| rand_distr::Gamma::new(a + 1.0, 1.0).ok());
            *o = valid.map_or(f64::NAN, |d| d.sample(&mut *rng).ln() + unit.ln() / a);
        }
        let top = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        out.iter_mut().for_each(|o| *o = (*o - top).exp());
        let total: f64 = out.iter().sum();
        out.iter_mut().for_each(|o| *o /= total);
    }
}

/// The multinomial distribution of counts with a given total, made by [`multinomial`].
#[derive(Clone, Copy, Debug)]
pub struct Multinomial {
    n: Real,
    probabilities: Vector,
}

/// `ln p(x) = ln n! + sum_k (x_k ln probabilities_k - ln x_k!)` for counts `x` that sum to `n`, with `0 ln 0 = 0`.
///
/// `n` is a number or an integer column; `probabilities` sum to one.
#[doc = example!(
    r#"let shares = p.draw("shares", dirichlet(Vector::constant(&[1.0, 1.0, 1.0])));"#,
    "p.observe(Vector::constant(&[3.0, 1.0, 2.0]), multinomial(6, shares));",
)]
#[track_caller]
pub fn multinomial(n: impl Into<Int>, probabilities: Vector) -> Multinomial {
    let made = Multinomial { n: n.into().to_real(), probabilities };
    super::domain::refuse(&made);
    made
}

impl Distribution for Multinomial {
    type Value = Vector;

    #[track_caller]
    fn formula(&self, x: Vector) -> Real {
        let log_p = self.probabilities.map(Real::ln);
        // Scalars, so that columns of counts alone are computed once.
        let ln_factorials: Vec<Real> = x.elements().into_iter().map(|x| (x + 1.0).ln_gamma()).collect();
        x.zip(&log_p, times_log).sum() + (self.n + 1.0).ln_gamma() - sum(&ln_factorials)
    }

    fn support(&self) -> Support {
        Support::Counts(self.probabilities.len(), self.n)
    }

    fn domains(&self) -> Vec<Parameter> {
        let simplex = Support::Simplex(self.probabilities.len());
        vec![
            Parameter::new("n of multinomial", self.n, Support::Integers(0, None)),
            Parameter::new("probabilities of multinomial", self.probabilities, simplex),
        ]
    }

    fn parameters(&self) -> Vec<Real> {
        std::iter::once(self.n).chain(self.probabilities.elements()).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let (mut left, probabilities) = (parameters[0], &parameters[1..]);
        let mut mass: f64 = probabilities.iter().sum();
        for (k, (o, &p)) in out.iter_mut().zip(probabilities).enumerate() {
            // The last category with mass takes the rest, whatever rounding has left of the mass.
            let is_last = p > 0.0 && probabilities[k + 1..].iter().all(|&p| p == 0.0);
            let share = if is_last || p / mass > 1.0 { 1.0 } else { p / mass };
            *o = if p == 0.0 { 0.0 } else { successes(left, share, rng) };
            left -= *o;
            mass -= p;
        }
        if left != 0.0 || !probabilities.iter().all(|&p| p >= 0.0) {
            out.fill(f64::NAN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::*;
    use crate::program::{IntColumn, Matrix};

    fn flat(x: &'static [f64]) -> impl Fn(&[Real]) -> Real {
        move |z| dirichlet(Vector::new(z)).formula(Vector::constant(x))
    }

    fn counts(x: &'static [f64]) -> impl Fn(&[Real]) -> Real {
        let n = x.iter().sum::<f64>() as u32;
        move |z| multinomial(n, Vector::new(z)).formula(Vector::constant(x))
    }

    #[test]
    fn dirichlet_matches_references() {
        // scipy 1.17 stats.dirichlet.logpdf.
        close(evaluate(flat(&[0.2, 0.3, 0.5]), &[0.6, 1.0, 3.5]), 0.6414639216326918, 16.0);
        // Terms near 100 cancel.
        close(evaluate(flat(&[0.2, 0.3, 0.5]), &[20.0, 31.0, 49.0]), 4.492592052408128, 200.0);
        close(evaluate(flat(&[1e-12, 0.4, 0.6 - 1e-12]), &[0.01, 0.5, 2.0]), 22.421924741464828, 16.0);
        check_gradient(flat(&[0.2, 0.3, 0.5]), &[0.6, 1.0, 3.5]);
        check_gradient(
            |z| dirichlet(Vector::new(&z[3..])).formula(Vector::new(&z[..3])),
            &[0.2, 0.3, 0.5, 0.6, 1.0, 3.5],
        );
        // Flat: ln Gamma(3) everywhere, also at a corner.
        close(evaluate(flat(&[0.0, 0.0, 1.0]), &[1.0, 1.0, 1.0]), 2.0_f64.ln(), 4.0);
    }

    #[test]
    fn dirichlet_samples_have_its_moments() {
        let a = [0.02, 1.5, 3.0];
        let total = 4.52;
        let any = dirichlet(Vector::constant(&a));
        let samples = draws(&any, &a, 3, 20_000);
        check_means(&samples, &a.map(|a| a / total));
        let squares: Vec<Vec<f64>> = samples.iter().map(|x| x.iter().map(|x| x * x).collect()).collect();
        check_means(&squares, &a.map(|a| a * (a + 1.0) / (total * (total + 1.0))));
        assert!(samples.iter().all(|x| (x.iter().sum::<f64>() - 1.0).abs() < 1e-15 * 4.0));
        // With concentrations of 1e-3 a gamma draw underflows, a share does not.
        assert!(draws(&any, &[1e-3; 3], 3, 1000).iter().flatten().all(|x| x.is_finite()));
        assert!(draws(&any, &[1.0, -1.0, 2.0], 3, 1)[0][0].is_nan());
    }

    #[test]
    fn multinomial_matches_references() {
        // scipy 1.17 stats.multinomial.logpmf.
        close(evaluate(counts(&[2.0, 0.0, 3.0]), &[0.2, 0.3, 0.5]), -2.9957322735539913, 16.0);
        close(evaluate(counts(&[0.0, 0.0, 1.0]), &[0.2, 0.3, 0.5]), 0.5_f64.ln(), 8.0);
        // ln 200! = 863 cancels.
        close(evaluate(counts(&[40.0, 60.0, 100.0]), &[0.2, 0.3, 0.5]), -5.386804314501774, 800.0);
        check_gradient(counts(&[2.0, 0.0, 3.0]), &[0.2, 0.3, 0.5]);
        assert_eq!(evaluate(counts(&[0.0, 4.0]), &[0.0, 1.0]), 0.0);
        let (_, gradient) = execute(&record(2, counts(&[0.0, 4.0])), &[0.0, 1.0]);
        assert_eq!(gradient, [0.0, 4.0]);
    }

    #[test]
    fn multinomial_rows_from_a_table_or_from_columns() {
        let table = Matrix::new(vec![2.0, 0.0, 3.0, 1.0, 1.0, 0.0], 3).unwrap();
        let columns = [[2, 1], [0, 1], [3, 0]].map(|c| IntColumn::new(c.to_vec()));
        let n = IntColumn::new(vec![5, 2]);
        let at = [0.2, 0.3, 0.5];
        let by_hand = (10.0 * 0.2_f64.powi(2) * 0.5_f64.powi(3) * 2.0 * 0.2 * 0.3).ln();
        for from_table in [true, false] {
            let one = |z: &[Real], i| {
                let x = if from_table {
                    table.at(i).to_vector()
                } else {
                    Vector::new(&columns.iter().map(|c| c.at(i).to_real()).collect::<Vec<_>>())
                };
                multinomial(n.at(i), Vector::new(z)).formula(x)
            };
            let program = record_rows(3, 2, one);
            close(oracle(&program, &at), by_hand, 32.0);
            check_program(&program, &at);
        }
    }

    #[test]
    fn multinomial_samples_have_its_moments() {
        let p = [0.2, 0.0, 0.5, 0.3];
        let any = multinomial(0, Vector::constant(&p));
        let samples = draws(&any, &[10.0, 0.2, 0.0, 0.5, 0.3], 4, 20_000);
        assert!(samples.iter().all(|x| x.iter().sum::<f64>() == 10.0));
        check_means(&samples, &p.map(|p| 10.0 * p));
        let products: Vec<Vec<f64>> = samples.iter().map(|x| vec![x[0] * x[0], x[0] * x[2], x[2] * x[3]]).collect();
        check_means(&products, &[10.0 * 0.2 * 0.8 + 4.0, 90.0 * 0.2 * 0.5, 90.0 * 0.5 * 0.3]);
        for wrong in [[-1.0, 0.5, 0.5], [3.0, 0.5, f64::NAN], [3.0, 1.5, -0.5], [3.0, 0.0, 0.0]] {
            assert!(draws(&multinomial(0, Vector::constant(&[0.5, 0.5])), &wrong, 2, 1)[0][0].is_nan(), "{wrong:?}");
        }
    }
}
