//! [`Survival`]: distributions whose probabilities of intervals are known.

use super::Distribution;
use super::normal::{LogNormal, Normal};
use super::positive::{Exponential, Weibull};
use crate::program::Real;

/// A distribution of a number whose survival function is known; parameters are in their domains.
pub trait Survival: Distribution<Value = Real> {
    /// `ln P(X > x)` of an `x` inside of the support.
    fn log_survival(&self, x: Real) -> Real;

    /// `ln P(X <= x)`.
    #[track_caller]
    fn log_cdf(&self, x: Real) -> Real {
        log_one_less(self.log_survival(x))
    }

    /// `ln P(low < X <= high)` of a `low` below `high`.
    #[track_caller]
    fn log_between(&self, low: Real, high: Real) -> Real {
        let above = self.log_survival(low);
        above + log_one_less(self.log_survival(high) - above)
    }
}

/// `ln(1 - exp(x))` of an `x` below zero.
#[track_caller]
fn log_one_less(x: Real) -> Real {
    (-x.exp_m1()).ln()
}

/// `ln(Phi(b) - Phi(a))` on the side of zero where neither is nearly one.
#[track_caller]
fn normal_between(a: Real, b: Real) -> Real {
    let is_above = Real::from(0.0).less_than(a + b);
    let (low, high) = (is_above.select(-b, a).ln_normal_cdf(), is_above.select(-a, b).ln_normal_cdf());
    high + log_one_less(low - high)
}

impl Survival for Exponential {
    #[track_caller]
    fn log_survival(&self, x: Real) -> Real {
        -(self.rate * x)
    }
}

impl Survival for Weibull {
    #[track_caller]
    fn log_survival(&self, x: Real) -> Real {
        -(self.shape * (x.ln() - self.scale.ln())).exp()
    }
}

impl Survival for Normal {
    #[track_caller]
    fn log_survival(&self, x: Real) -> Real {
        ((self.mean - x) / self.sd).ln_normal_cdf()
    }

    #[track_caller]
    fn log_cdf(&self, x: Real) -> Real {
        ((x - self.mean) / self.sd).ln_normal_cdf()
    }

    #[track_caller]
    fn log_between(&self, low: Real, high: Real) -> Real {
        normal_between((low - self.mean) / self.sd, (high - self.mean) / self.sd)
    }
}

impl Survival for LogNormal {
    #[track_caller]
    fn log_survival(&self, x: Real) -> Real {
        ((self.mean - x.ln()) / self.sd).ln_normal_cdf()
    }

    #[track_caller]
    fn log_cdf(&self, x: Real) -> Real {
        ((x.ln() - self.mean) / self.sd).ln_normal_cdf()
    }

    #[track_caller]
    fn log_between(&self, low: Real, high: Real) -> Real {
        normal_between((low.ln() - self.mean) / self.sd, (high.ln() - self.mean) / self.sd)
    }
}

impl<D: Survival + ?Sized> Survival for Box<D> {
    #[track_caller]
    fn log_survival(&self, x: Real) -> Real {
        (**self).log_survival(x)
    }

    #[track_caller]
    fn log_cdf(&self, x: Real) -> Real {
        (**self).log_cdf(x)
    }

    #[track_caller]
    fn log_between(&self, low: Real, high: Real) -> Real {
        (**self).log_between(low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::{exponential, log_normal, normal, weibull};
    use super::*;

    fn number(x: Real) -> f64 {
        x.as_constant().unwrap()
    }

    /// The probability of an interval is the integral of the density, by Simpson's rule on 2,000 steps: its error is below 1e-10
    /// of it here.
    fn check(d: &dyn Survival<Value = Real>, low: f64, high: f64) {
        let (n, mut total) = (2000, 0.0);
        let step = (high - low) / f64::from(n);
        for k in 0..=n {
            let weight = if k == 0 || k == n { 1.0 } else { f64::from(2 + 2 * (k % 2)) };
            total += weight * number(d.formula(Real::from(low + f64::from(k) * step))).exp() * step / 3.0;
        }
        let [l, h] = [low, high].map(Real::from);
        let found = number(d.log_between(l, h));
        assert!((found - total.ln()).abs() < 1e-9, "{d:?}: {found}, {}", total.ln());
        let whole = number(d.log_cdf(l)).exp() + total + number(d.log_survival(h)).exp();
        assert!((whole - 1.0).abs() < 1e-9, "{d:?}: {whole}");
    }

    #[test]
    fn intervals_are_integrals_of_the_density() {
        for (low, high) in [(0.5, 1.7), (0.2, 0.3), (2.0, 9.0)] {
            check(&exponential(0.8), low, high);
            check(&weibull(1.7, 1.3), low, high);
            check(&normal(1.1, 0.7), low, high);
            check(&log_normal(0.4, 0.8), low, high);
        }
        check(&normal(9.0, 1.0), -1.0, 0.5);
    }

    /// Far in either tail an interval of a normal number has the logarithm of `phi(a) / a` times one less what is left at its end.
    #[test]
    fn tails_keep_their_digits() {
        for side in [1.0, -1.0] {
            let [low, high] = if side > 0.0 { [40.0, 41.0] } else { [-41.0, -40.0] };
            let found = number(normal(0.0, 1.0).log_between(Real::from(low), Real::from(high)));
            // ln Q(40) by its asymptotic series; Q(41) is 1e-18 of it.
            let (a, mut series, mut term) = (40.0f64, 0.0, 1.0);
            for k in 0..8 {
                series += term;
                term *= -(2.0 * f64::from(k) + 1.0) / (a * a);
            }
            let expected = -0.5 * a * a - (a * (2.0 * std::f64::consts::PI).sqrt()).ln() + series.ln();
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        check_gradient(|z| normal(z[0], z[1]).log_between(Real::from(0.3), Real::from(2.0)), &[-0.2, 0.8]);
        check_gradient(|z| log_normal(z[0], z[1]).log_between(Real::from(0.3), Real::from(2.0)), &[-0.2, 0.8]);
        check_gradient(|z| weibull(z[0], z[1]).log_between(Real::from(0.3), Real::from(2.0)), &[1.4, 0.8]);
        check_gradient(|z| exponential(z[0]).log_cdf(Real::from(0.3)), &[1.4]);
    }
}
