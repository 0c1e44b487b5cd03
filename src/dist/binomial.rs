//! Successes among a known number of trials.

use rand_distr::Distribution as _;

use super::Support;
use super::bernoulli::times_log;
use super::scalar::{draw, scalar_density};
use crate::numerics::sigmoid;
use crate::program::{Int, Real};

/// Binomial distribution with a number of trials and a probability of success.
#[derive(Clone, Copy, Debug)]
pub struct Binomial {
    n: Real,
    p: Real,
}

/// `ln p(x) = ln C(n, x) + x ln p + (n - x) ln(1 - p)` for `x = 0, .., n`, with `0 ln 0 = 0`.
///
/// `n` is a number or an integer column: `binomial(10, p)`, `binomial(self.trials.at(i), p)`.
#[doc = example!(
    r#"let chance = p.draw("chance", beta(1.0, 1.0));"#,
    "p.observe(7.0, binomial(10, chance));",
)]
#[track_caller]
pub fn binomial(n: impl Into<Int>, p: impl Into<Real>) -> Binomial {
    let made = Binomial { n: n.into().to_real(), p: p.into() };
    super::domain::refuse(&made);
    made
}

scalar_density! {
    Binomial: binomial(n: Support::Integers(0, None), p: Support::Unit);
    support = Support::Integers(0, Some(n));
    log_density(x) = times_log(x, p.ln()) + times_log(n - x, (-p).ln_1p()) + ln_choose(n, x);
    sample(rng) = successes(n, p, rng);
}

/// Binomial distribution with a number of trials and the logit of the probability of success.
#[derive(Clone, Copy, Debug)]
pub struct BinomialLogit {
    n: Real,
    logit: Real,
}

/// `ln p(x) = ln C(n, x) + x logit - n softplus(logit)` for `x = 0, .., n`, where `logit = ln(p / (1 - p))`.
///
/// `n` is a number or an integer column, as in [`binomial`].
#[doc = example!(
    r#"let a = p.draw("a", normal(0.0, 1.5));"#,
    "p.observe(7.0, binomial_logit(10, a));",
)]
#[track_caller]
pub fn binomial_logit(n: impl Into<Int>, logit: impl Into<Real>) -> BinomialLogit {
    let made = BinomialLogit { n: n.into().to_real(), logit: logit.into() };
    super::domain::refuse(&made);
    made
}

scalar_density! {
    BinomialLogit: binomial_logit(n: Support::Integers(0, None), logit: Support::Real);
    support = Support::Integers(0, Some(n));
    log_density(x) = x * logit - n * logit.softplus() + ln_choose(n, x);
    sample(rng) = successes(n, sigmoid(logit), rng);
}

/// Binomial distribution whose probability of success is a beta number of each observation.
#[derive(Clone, Copy, Debug)]
pub struct BetaBinomial {
    n: Real,
    a: Real,
    b: Real,
}

/// `ln p(x) = ln C(n, x) + ln B(x + a, n - x + b) - ln B(a, b)` for `x = 0, .., n`: successes among `n` trials with a probability
/// from `beta(a, b)`, of mean `n a / (a + b)` and more spread than binomial ones.
///
/// `n` is a number or an integer column, as in [`binomial`].
#[doc = example!(
    r#"let (a, b) = (p.draw("a", exponential(0.5)), p.draw("b", exponential(0.5)));"#,
    "p.observe(7.0, beta_binomial(10, a, b));",
)]
#[track_caller]
pub fn beta_binomial(n: impl Into<Int>, a: impl Into<Real>, b: impl Into<Real>) -> BetaBinomial {
    let made = BetaBinomial { n: n.into().to_real(), a: a.into(), b: b.into() };
    super::domain::refuse(&made);
    made
}

scalar_density! {
    BetaBinomial: beta_binomial(n: Support::Integers(0, None), a: Support::Positive, b: Support::Positive);
    support = Support::Integers(0, Some(n));
    log_density(x) = (x + a).ln_beta(n - x + b) - a.ln_beta(b) + ln_choose(n, x);
    sample(rng) = successes(n, draw(rand_distr::Beta::new(a, b), rng), rng);
}

/// `ln C(n, k)`; of data alone, so computed once.
#[track_caller]
fn ln_choose(n: Real, k: Real) -> Real {
    (n + 1.0).ln_gamma() - (k + 1.0).ln_gamma() - (n - k + 1.0).ln_gamma()
}

/// A binomial draw; NaN when `n` is not a count or `p` not a probability.
pub(super) fn successes(n: f64, p: f64, rng: &mut dyn rand::Rng) -> f64 {
    let is_count = n >= 0.0 && n.fract() == 0.0 && n < u64::MAX as f64;
    let valid = is_count.then(|| rand_distr::Binomial::new(n as u64, p).ok()).flatten();
    valid.map_or(f64::NAN, |d| d.sample(rng) as f64)
}

#[cfg(test)]
mod tests {
    use super::super::Distribution;
    use super::super::testing::check_gradient;
    use super::super::testing_programs::{check_program, execute, record_rows};
    use super::super::testing_samples::{check_counts, check_total, close, draws};
    use super::*;
    use crate::program::IntColumn;

    fn at(d: &impl Distribution<Value = Real>, x: f64) -> f64 {
        d.log_density(Real::from(x)).as_constant().unwrap()
    }

    /// ln C(12, k) from Pascal's triangle.
    const CHOOSE_12: [f64; 13] = [1.0, 12.0, 66.0, 220.0, 495.0, 792.0, 924.0, 792.0, 495.0, 220.0, 66.0, 12.0, 1.0];

    fn mass(p: f64) -> impl Fn(f64) -> f64 {
        move |k| CHOOSE_12.get(k as usize).map_or(0.0, |c| c * p.powf(k) * (1.0 - p).powf(12.0 - k))
    }

    /// With `a = b = 1` all numbers of successes are as probable; `beta_binomial(1, a, b)` is a coin of `a / (a + b)`; and at 2 of 3
    /// with `a = 2, b = 4` it is `3 B(4, 5) / B(2, 4) = 3 (1/280) / (1/20)`.
    #[test]
    fn spread_probabilities() {
        for k in 0..=12 {
            close(at(&beta_binomial(12, 1.0, 1.0), f64::from(k)), -(13f64.ln()), 40.0);
        }
        close(at(&beta_binomial(1, 0.6, 1.8), 1.0), 0.25f64.ln(), 16.0);
        close(at(&beta_binomial(3, 2.0, 4.0), 2.0), (3.0f64 / 14.0).ln(), 16.0);
        check_total(12, |k| at(&beta_binomial(12, 0.3, 2.2), k));
        let any = beta_binomial(3, 1.0, 1.0);
        check_counts(&any, &[3.0, 2.0, 4.0], |k| at(&beta_binomial(3, 2.0, 4.0), k).exp());
        assert!(draws(&any, &[3.0, -2.0, 4.0], 1, 1)[0][0].is_nan());
        let count = IntColumn::new(vec![5, 0, 9]);
        let one = |z: &[Real], i| {
            beta_binomial(IntColumn::new(vec![7, 3, 9]).at(i), z[0], z[1]).log_density(count.at(i).to_real())
        };
        check_program(&record_rows(2, 3, one), &[1.7, 0.9]);
    }

    #[test]
    fn masses_match_the_triangle() {
        let p: f64 = 0.3;
        for k in 0..=12 {
            let expected = mass(p)(f64::from(k)).ln();
            // ln_gamma(13) is 20; its last digit is 16 of those of a number near 1.
            close(at(&binomial(12, p), f64::from(k)), expected, 40.0);
            close(at(&binomial_logit(12, (p / (1.0 - p)).ln()), f64::from(k)), expected, 40.0);
        }
        check_total(12, |k| at(&binomial(12, 0.3), k));
        check_total(12, |k| at(&binomial_logit(12, 1.3), k));
    }

    #[test]
    fn certain_outcomes_have_density_one_and_a_finite_gradient() {
        let (data, trials) = (IntColumn::new(vec![0, 7]), IntColumn::new(vec![7, 7]));
        for (row, p, slope) in [(0, 0.0, -7.0), (1, 1.0, 7.0)] {
            assert_eq!(at(&binomial(7, p), 7.0 * p), 0.0);
            let one = IntColumn::new(vec![data.values()[row]]);
            let density = |z: &[Real], i| binomial(trials.at(i), z[0]).log_density(one.at(i).to_real());
            assert_eq!(execute(&record_rows(1, 1, density), &[p]), (0.0, vec![slope]));
        }
        assert_eq!(at(&binomial(7, 0.0), 1.0), f64::NEG_INFINITY);
        close(at(&binomial_logit(7, -800.0), 2.0), -1600.0 + 21.0_f64.ln(), 4.0);
    }

    #[test]
    fn gradients() {
        check_gradient(|z| binomial(9, z[0]).log_density(Real::from(4.0)), &[0.3]);
        check_gradient(|z| binomial_logit(9, z[0]).log_density(Real::from(4.0)), &[0.3]);
        let (data, trials) = (IntColumn::new(vec![0, 4, 7]), IntColumn::new(vec![5, 7, 7]));
        for logit in [false, true] {
            let density = |z: &[Real], i| {
                let (x, n) = (data.at(i).to_real(), trials.at(i));
                if logit { binomial_logit(n, z[0]).log_density(x) } else { binomial(n, z[0]).log_density(x) }
            };
            check_program(&record_rows(1, 3, density), &[0.3]);
        }
    }

    #[test]
    fn samples_follow_the_mass() {
        check_counts(&binomial(0, 0.0), &[12.0, 0.3], mass(0.3));
        check_counts(&binomial_logit(0, 0.0), &[12.0, f64::ln(4.0)], mass(0.8));
        for wrong in [[-1.0, 0.5], [2.5, 0.5], [f64::NAN, 0.5], [5.0, 1.5], [5.0, f64::NAN]] {
            assert!(draws(&binomial(0, 0.0), &wrong, 1, 1)[0][0].is_nan());
        }
    }
}
