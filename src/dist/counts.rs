//! Counts without an upper end: Poisson and negative binomial.

use rand_distr::Distribution as _;

use super::bernoulli::times_log;
use super::{Distribution, Support};
use crate::program::Real;

/// Poisson distribution with a rate.
#[derive(Clone, Copy, Debug)]
pub struct Poisson {
    rate: Real,
}

/// `ln p(x) = x ln rate - rate - ln x!` for `x = 0, 1, ..`, with `0 ln 0 = 0`.
#[track_caller]
pub fn poisson(rate: impl Into<Real>) -> Poisson {
    Poisson { rate: rate.into() }
}

impl Distribution for Poisson {
    type Value = Real;

    #[track_caller]
    fn log_density(&self, x: Real) -> Real {
        times_log(x, self.rate.ln()) - self.rate - (x + 1.0).ln_gamma()
    }

    fn support(&self) -> Support {
        Support::Integers(0, None)
    }

    fn parameters(&self) -> Vec<Real> {
        vec![self.rate]
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        out[0] = count(parameters[0], rng);
    }
}

/// Poisson distribution with the logarithm of its rate.
#[derive(Clone, Copy, Debug)]
pub struct PoissonLog {
    log_rate: Real,
}

/// `ln p(x) = x log_rate - exp(log_rate) - ln x!` for `x = 0, 1, ..`.
#[track_caller]
pub fn poisson_log(log_rate: impl Into<Real>) -> PoissonLog {
    PoissonLog { log_rate: log_rate.into() }
}

impl Distribution for PoissonLog {
    type Value = Real;

    #[track_caller]
    fn log_density(&self, x: Real) -> Real {
        x * self.log_rate - self.log_rate.exp() - (x + 1.0).ln_gamma()
    }

    fn support(&self) -> Support {
        Support::Integers(0, None)
    }

    fn parameters(&self) -> Vec<Real> {
        vec![self.log_rate]
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        out[0] = count(parameters[0].exp(), rng);
    }
}

/// Negative binomial distribution with mean and dispersion.
#[derive(Clone, Copy, Debug)]
pub struct NegativeBinomial {
    mean: Real,
    dispersion: Real,
}

/// `ln p(x) = ln C(x + dispersion - 1, x) + x ln(mean / (mean + dispersion)) - dispersion ln(1 + mean / dispersion)`
/// for `x = 0, 1, ..`.
///
/// The variance is `mean + mean^2 / dispersion`: a Poisson whose rate is gamma distributed with shape `dispersion`.
/// `C` is a difference of logarithms of gamma functions, so the absolute error is about
/// `1e-16 dispersion ln dispersion`.
#[track_caller]
pub fn negative_binomial(mean: impl Into<Real>, dispersion: impl Into<Real>) -> NegativeBinomial {
    NegativeBinomial { mean: mean.into(), dispersion: dispersion.into() }
}

impl Distribution for NegativeBinomial {
    type Value = Real;

    #[track_caller]
    fn log_density(&self, x: Real) -> Real {
        let (mean, dispersion) = (self.mean, self.dispersion);
        let excess = (mean / dispersion).ln_1p();
        let tail = times_log(x, mean.ln() - dispersion.ln() - excess);
        tail - dispersion * excess + ln_choose_failures(x, dispersion)
    }

    fn support(&self) -> Support {
        Support::Integers(0, None)
    }

    fn parameters(&self) -> Vec<Real> {
        vec![self.mean, self.dispersion]
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        out[0] = mixed_count(parameters[0], parameters[1], rng);
    }
}

/// Negative binomial distribution with the logarithm of its mean, and dispersion.
#[derive(Clone, Copy, Debug)]
pub struct NegativeBinomialLog {
    log_mean: Real,
    dispersion: Real,
}

/// `ln p(x) = ln C(x + dispersion - 1, x) + x u - (x + dispersion) softplus(u)` for `x = 0, 1, ..`, where
/// `u = log_mean - ln dispersion`.
///
/// The same distribution as [`negative_binomial`], without overflow for any `log_mean`.
#[track_caller]
pub fn negative_binomial_log(log_mean: impl Into<Real>, dispersion: impl Into<Real>) -> NegativeBinomialLog {
    NegativeBinomialLog { log_mean: log_mean.into(), dispersion: dispersion.into() }
}

impl Distribution for NegativeBinomialLog {
    type Value = Real;

    #[track_caller]
    fn log_density(&self, x: Real) -> Real {
        let u = self.log_mean - self.dispersion.ln();
        let excess = u.softplus();
        // With u and the dispersion outside of the rows, only x times a number is left inside.
        x * (u - excess) - self.dispersion * excess + ln_choose_failures(x, self.dispersion)
    }

    fn support(&self) -> Support {
        Support::Integers(0, None)
    }

    fn parameters(&self) -> Vec<Real> {
        vec![self.log_mean, self.dispersion]
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        out[0] = mixed_count(parameters[0].exp(), parameters[1], rng);
    }
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
