//! Counts without an upper end: Poisson and negative binomial.

use rand_distr::Distribution as _;

use super::Support;
use super::bernoulli::times_log;
use super::scalar::scalar_distribution;
use crate::program::Real;

scalar_distribution! {
    /// Poisson distribution with a rate.
    struct Poisson;
    /// `ln p(x) = x ln rate - rate - ln x!` for `x = 0, 1, ..`, with `0 ln 0 = 0`; `rate` is not negative.
    #[doc = example!(
        r#"let rate = p.draw("rate", gamma(2.0, 0.5));"#,
        "p.observe(3.0, poisson(rate));",
    )]
    fn poisson(rate: Support::non_negative());
    support = Support::Integers(0, None);
    log_density(x) = times_log(x, rate.ln()) - rate - (x + 1.0).ln_gamma();
    sample(rng) = count(rate, rng);
}

scalar_distribution! {
    /// Poisson distribution with the logarithm of its rate.
    struct PoissonLog;
    /// Poisson distribution of counts with a rate of `exp(log_rate)`, for regressions on the log scale.
    ///
    /// `ln p(x) = x log_rate - exp(log_rate) - ln x!` for `x = 0, 1, ..`.
    #[doc = example!(
        r#"let a = p.draw("a", normal(0.0, 1.0));"#,
        "p.observe(3.0, poisson_log(a)); // a rate of e^a",
    )]
    fn poisson_log(log_rate: Support::Real);
    support = Support::Integers(0, None);
    log_density(x) = x * log_rate - log_rate.exp() - (x + 1.0).ln_gamma();
    sample(rng) = count(log_rate.exp(), rng);
}

scalar_distribution! {
    /// Negative binomial distribution with mean and dispersion.
    struct NegativeBinomial;
    /// `ln p(x) = ln C(x + dispersion - 1, x) + x ln(mean / (mean + dispersion)) - dispersion ln(1 + mean / dispersion)`
    /// for `x = 0, 1, ..`; `mean` is not negative.
    ///
    /// The variance is `mean + mean^2 / dispersion`: a Poisson whose rate is gamma distributed with shape `dispersion`.
    /// `C` is a difference of logarithms of gamma functions, so the absolute error is about
    /// `1e-16 dispersion ln dispersion`.
    #[doc = example!(
        r#"let mean = p.draw("mean", gamma(2.0, 0.5));"#,
        "p.observe(3.0, negative_binomial(mean, 2.0));",
    )]
    fn negative_binomial(mean: Support::non_negative(), dispersion: Support::Positive);
    support = Support::Integers(0, None);
    log_density(x) = {
        let excess = (mean / dispersion).ln_1p();
        let tail = times_log(x, mean.ln() - dispersion.ln() - excess);
        tail - dispersion * excess + ln_choose_failures(x, dispersion)
    };
    sample(rng) = mixed_count(mean, dispersion, rng);
}

scalar_distribution! {
    /// Negative binomial distribution with the logarithm of its mean, and dispersion.
    struct NegativeBinomialLog;
    /// `ln p(x) = ln C(x + dispersion - 1, x) + x u - (x + dispersion) softplus(u)` for `x = 0, 1, ..`, where
    /// `u = log_mean - ln dispersion`.
    ///
    /// The same distribution as [`negative_binomial`], without overflow for any `log_mean`.
    #[doc = example!(
        r#"let a = p.draw("a", normal(1.0, 1.0));"#,
        "p.observe(3.0, negative_binomial_log(a, 2.0)); // a mean of e^a",
    )]
    fn negative_binomial_log(log_mean: Support::Real, dispersion: Support::Positive);
    support = Support::Integers(0, None);
    log_density(x) = {
        let u = log_mean - dispersion.ln();
        let excess = u.softplus();
        // With u and the dispersion outside of the rows, only x times a number is left inside.
        x * (u - excess) - dispersion * excess + ln_choose_failures(x, dispersion)
    };
    sample(rng) = mixed_count(log_mean.exp(), dispersion, rng);
}

/// `ln C(x + dispersion - 1, x)` for a real dispersion.
#[track_caller]
fn ln_choose_failures(x: Real, dispersion: Real) -> Real {
    (x + dispersion).ln_gamma() - dispersion.ln_gamma() - (x + 1.0).ln_gamma()
}

/// A Poisson draw; NaN when `rate` is negative or not finite.
fn count(rate: f64, rng: &mut dyn rand::Rng) -> f64 {
    if rate == 0.0 {
        return 0.0;
    }
    rand_distr::Poisson::new(rate).map_or(f64::NAN, |d| d.sample(rng))
}

fn mixed_count(mean: f64, dispersion: f64, rng: &mut dyn rand::Rng) -> f64 {
    if mean == 0.0 && dispersion > 0.0 {
        return 0.0;
    }
    let rate = rand_distr::Gamma::new(dispersion, mean / dispersion).map_or(f64::NAN, |d| d.sample(&mut *rng));
    count(rate, rng)
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

    /// (x, rate, ln p): scipy 1.17 `stats.poisson.logpmf`.
    const POISSON: [(f64, f64, f64); 5] = [
        (0.0, 0.3, -0.3),
        (1.0, 0.3, -1.5039728043259362),
        (4.0, 2.5, -2.0128909028513253),
        (30.0, 25.0, -3.0919616027841386),
        (3.0, 40.0, -30.725121106886245),
    ];

    /// (x, mean, dispersion, ln p): mpmath 1.4, 50 digits, from the binomial coefficient.
    const NEGATIVE_BINOMIAL: [(f64, f64, f64, f64); 6] = [
        (0.0, 0.5, 1.5, -0.4315231086776714),
        (3.0, 0.5, 1.5, -3.8076468527877108),
        (7.0, 20.0, 0.25, -3.946568363682962),
        (40.0, 20.0, 6.0, -5.2767908098724305),
        (5.0, 4.0, 1e6, -1.8560219371789262),
        (2.0, 0.001, 0.01, -10.085110683089653),
    ];

    #[test]
    fn masses_match_references() {
        for (x, rate, expected) in POISSON {
            // The terms of the sum are up to 20 times larger than it.
            close(at(&poisson(rate), x), expected, 40.0);
            close(at(&poisson_log(rate.ln()), x), expected, 40.0);
        }
        for (x, mean, dispersion, expected) in NEGATIVE_BINOMIAL {
            // ln_gamma(x + dispersion) cancels against ln_gamma(dispersion).
            let ulps = 20.0 + 4.0 * (x + dispersion) * (2.0 + x + dispersion).ln();
            close(at(&negative_binomial(mean, dispersion), x), expected, ulps);
            close(at(&negative_binomial_log(mean.ln(), dispersion), x), expected, ulps);
        }
    }

    #[test]
    fn totals_are_one() {
        check_total(120, |k| at(&poisson(7.3), k));
        check_total(120, |k| at(&poisson_log(1.3), k));
        check_total(900, |k| at(&negative_binomial(4.0, 0.7), k));
        check_total(900, |k| at(&negative_binomial_log(1.4, 2.7), k));
    }

    #[test]
    fn extremes() {
        let zero = IntColumn::new(vec![0]);
        let program = record_rows(1, 1, |z, i| poisson(z[0]).log_density(zero.at(i).to_real()));
        assert_eq!(execute(&program, &[0.0]), (0.0, vec![-1.0]));
        let program = record_rows(1, 1, |z, i| negative_binomial(z[0], 2.0).log_density(zero.at(i).to_real()));
        assert_eq!(execute(&program, &[0.0]), (0.0, vec![-1.0]));
        assert_eq!(at(&poisson(0.0), 1.0), f64::NEG_INFINITY);
        close(at(&poisson_log(-800.0), 1.0), -800.0, 1.0);
        // u = 1000 - ln 2: ln p(3) -> ln C(4, 3) + 3 ln(1 - p) + 2 ln p with p = exp(-u).
        close(at(&negative_binomial_log(1000.0, 2.0), 3.0), 4.0_f64.ln() - 2.0 * (1000.0 - 2.0_f64.ln()), 4.0);
    }

    #[test]
    fn gradients() {
        check_gradient(|z| poisson(z[0]).log_density(Real::from(4.0)), &[2.3]);
        check_gradient(|z| poisson_log(z[0]).log_density(Real::from(4.0)), &[0.3]);
        check_gradient(|z| negative_binomial(z[0], z[1]).log_density(Real::from(4.0)), &[2.3, 0.8]);
        check_gradient(|z| negative_binomial_log(z[0], z[1]).log_density(Real::from(4.0)), &[0.3, 1.8]);
        let data = IntColumn::new(vec![0, 4, 7]);
        let density = |z: &[Real], i| negative_binomial(z[0], z[1]).log_density(data.at(i).to_real());
        check_program(&record_rows(2, 3, density), &[3.0, 1.2]);
    }

    #[test]
    fn samples_follow_the_mass() {
        check_counts(&poisson(0.0), &[3.0], |k| (1..=k as u32).fold((-3.0_f64).exp(), |m, j| m * 3.0 / f64::from(j)));
        // C(k + 1, k) p^2 (1 - p)^k with p = 2 / (2 + mean), for dispersion 2 and mean 3.
        let mass = |k: f64| (k + 1.0) * 0.16 * 0.6_f64.powf(k);
        check_counts(&negative_binomial(0.0, 0.0), &[3.0, 2.0], mass);
        check_counts(&negative_binomial_log(0.0, 0.0), &[3.0_f64.ln(), 2.0], mass);
        assert_eq!(draws(&poisson(0.0), &[0.0], 1, 1)[0][0], 0.0);
        for wrong in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(draws(&poisson(0.0), &[wrong], 1, 1)[0][0].is_nan());
            assert!(draws(&negative_binomial(0.0, 0.0), &[wrong, 2.0], 1, 1)[0][0].is_nan());
            assert!(draws(&negative_binomial(0.0, 0.0), &[3.0, wrong.min(-wrong)], 1, 1)[0][0].is_nan());
        }
    }
}
