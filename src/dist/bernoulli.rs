//! Yes or no, and the number of "no" before the first "yes".

use rand_distr::Distribution as _;

use super::{Distribution, Support};
use crate::program::Real;

/// Bernoulli distribution with a probability of one.
#[derive(Clone, Copy, Debug)]
pub struct Bernoulli {
    probability: Real,
}

/// `ln p(x) = x ln probability + (1 - x) ln(1 - probability)` for `x` zero or one, with `0 ln 0 = 0`.
#[track_caller]
pub fn bernoulli(probability: impl Into<Real>) -> Bernoulli {
    Bernoulli { probability: probability.into() }
}

impl Distribution for Bernoulli {
    type Value = Real;

    #[track_caller]
    fn log_density(&self, x: Real) -> Real {
        x.equal_to(0.0).select((-self.probability).ln_1p(), self.probability.ln())
    }

    fn support(&self) -> Support {
        Support::Integers(0, Some(1))
    }

    fn parameters(&self) -> Vec<Real> {
        vec![self.probability]
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        out[0] = flip(parameters[0], rng);
    }
}

/// Bernoulli distribution with the logit of the probability of one.
#[derive(Clone, Copy, Debug)]
pub struct BernoulliLogit {
    logit: Real,
}

/// `ln p(x) = x logit - softplus(logit)` for `x` zero or one, where `logit = ln(p / (1 - p))`.
#[track_caller]
pub fn bernoulli_logit(logit: impl Into<Real>) -> BernoulliLogit {
    BernoulliLogit { logit: logit.into() }
}

impl Distribution for BernoulliLogit {
    type Value = Real;

    #[track_caller]
    fn log_density(&self, x: Real) -> Real {
        x * self.logit - self.logit.softplus()
    }

    fn support(&self) -> Support {
        Support::Integers(0, Some(1))
    }

    fn parameters(&self) -> Vec<Real> {
        vec![self.logit]
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        out[0] = flip(sigmoid(parameters[0]), rng);
    }
}

/// Geometric distribution: failures before the first success.
#[derive(Clone, Copy, Debug)]
pub struct Geometric {
    probability: Real,
}

/// `ln p(x) = x ln(1 - probability) + ln probability` for `x = 0, 1, ..`, with `0 ln 0 = 0`.
#[track_caller]
pub fn geometric(probability: impl Into<Real>) -> Geometric {
    Geometric { probability: probability.into() }
}

impl Distribution for Geometric {
    type Value = Real;

    #[track_caller]
    fn log_density(&self, x: Real) -> Real {
        times_log(x, (-self.probability).ln_1p()) + self.probability.ln()
    }

    fn support(&self) -> Support {
        Support::Integers(0, None)
    }

    fn parameters(&self) -> Vec<Real> {
        vec![self.probability]
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let valid = Some(parameters[0]).filter(|&p| p > 0.0).and_then(|p| rand_distr::Geometric::new(p).ok());
        out[0] = valid.map_or(f64::NAN, |d| d.sample(rng) as f64);
    }
}

/// `count * log` with `0 * -inf = 0`, in value and gradient.
#[track_caller]
pub(super) fn times_log(count: Real, log: Real) -> Real {
    count.equal_to(0.0).select(0.0, count * log)
}

/// `1 / (1 + exp(-x))` of a sampler's parameter.
pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// One with probability `p`, else zero; NaN when `p` is not a probability.
pub(super) fn flip(p: f64, rng: &mut dyn rand::Rng) -> f64 {
    rand_distr::Bernoulli::new(p).map_or(f64::NAN, |d| f64::from(u8::from(d.sample(rng))))
}
