//! Numbers that are seen only between bounds.

use super::{Distribution, Parameter, Support, Survival};
use crate::program::{Real, recording};

/// Draws that are tried before the nearest bound is taken.
const TRIES: usize = 10_000;

/// A distribution whose numbers beyond bounds are never seen.
#[derive(Clone, Copy, Debug)]
pub struct Truncated<D> {
    base: D,
    low: Option<Real>,
    high: Option<Real>,
}

/// `base` between `low` and `high`: `ln p(x) = ln base(x) - ln P(low < X <= high)`.
///
/// Bounds are numbers or columns; `-f64::MAX` and `f64::MAX` as constants are none. Numbers are drawn by rejection: where fewer
/// than one in ten thousand of `base` lies between the bounds, a draw may be the nearest bound.
#[doc = example!(
    r#"let (mean, sd) = (p.draw("mean", normal(0.0, 10.0)), p.draw("sd", half_normal(10.0)));"#,
    "p.observe(7.3, truncated(normal(mean, sd), 5.0, f64::MAX)); // what is below 5 is not in the table",
)]
#[track_caller]
pub fn truncated<D: Survival>(base: D, low: impl Into<Real>, high: impl Into<Real>) -> Truncated<D> {
    let (low, high) = (low.into(), high.into());
    if let (Some(low), Some(high)) = (low.as_constant(), high.as_constant())
        && (low.is_nan() || high.is_nan() || low >= high)
    {
        recording::fail(format!("truncated between {low} and {high}; give the lower bound first"));
    }
    // Where the base ends by itself, a bound says nothing.
    let least = match base.support() {
        Support::Positive => Some(0.0),
        Support::AtLeast(low) | Support::Above(low) => low.as_constant(),
        _ => None,
    };
    let is_none = |low: f64| low == -f64::MAX || least.is_some_and(|least| low <= least);
    let low = (!low.as_constant().is_some_and(is_none)).then_some(low);
    let high = (high.as_constant() != Some(f64::MAX)).then_some(high);
    let made = Truncated { base, low, high };
    super::domain::refuse(&made);
    made
}

impl<D: Survival> Distribution for Truncated<D> {
    type Value = Real;

    #[track_caller]
    fn formula(&self, x: Real) -> Real {
        let log_inside = match (self.low, self.high) {
            (None, None) => Real::from(0.0),
            (Some(low), None) => self.base.log_survival(low),
            (None, Some(high)) => self.base.log_cdf(high),
            (Some(low), Some(high)) => self.base.log_between(low, high),
        };
        self.base.formula(x) - log_inside
    }

    fn support(&self) -> Support {
        let base = self.base.support();
        let Some(high) = self.high else { return self.low.map_or(base, Support::AtLeast) };
        let least = match base {
            Support::Positive => Real::from(0.0),
            Support::AtLeast(low) | Support::Above(low) => low,
            _ => Real::from(-f64::MAX),
        };
        Support::Interval(self.low.unwrap_or(least), high)
    }

    fn domains(&self) -> Vec<Parameter> {
        let own = |bound: Real| Parameter::new("bound of truncated", bound, Support::Real);
        self.base.domains().into_iter().chain(self.low.map(own)).chain(self.high.map(own)).collect()
    }

    fn edges(&self, x: Real) -> Vec<Parameter> {
        let inside = Parameter::new("the density between the bounds of truncated", x, self.base.support());
        self.base.edges(x).into_iter().chain([inside]).collect()
    }

    fn parameters(&self) -> Vec<Real> {
        self.base.parameters().into_iter().chain(self.low).chain(self.high).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let bounds = usize::from(self.low.is_some()) + usize::from(self.high.is_some());
        let Some(at) = parameters.len().checked_sub(bounds) else { return out.fill(f64::NAN) };
        let (parameters, bounds) = parameters.split_at(at);
        let low = if self.low.is_some() { bounds[0] } else { f64::NEG_INFINITY };
        let high = if self.high.is_some() { bounds[bounds.len() - 1] } else { f64::INFINITY };
        for _ in 0..TRIES {
            self.base.sample(parameters, rng, out);
            // NaN, of parameters outside of their domains, is no number to try again for.
            if out[0].is_nan() || (low..=high).contains(&out[0]) {
                return;
            }
        }
        out[0] = if out[0] < low { low } else { high };
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::testing_samples::*;
    use super::super::{exponential, log_normal, normal, weibull};
    use super::*;

    fn at(d: &dyn Distribution<Value = Real>, x: f64) -> f64 {
        d.formula(Real::from(x)).as_constant().unwrap()
    }

    /// The density between the bounds makes one, by Simpson's rule on 2,000 steps.
    #[test]
    fn the_whole_is_one() {
        let all: [(Box<dyn Distribution<Value = Real>>, f64, f64); 6] = [
            (Box::new(truncated(normal(0.5, 1.3), -1.0, 2.0)), -1.0, 2.0),
            (Box::new(truncated(normal(0.5, 1.3), 1.0, f64::MAX)), 1.0, 14.0),
            (Box::new(truncated(normal(0.5, 1.3), -f64::MAX, 0.0)), -13.0, 0.0),
            (Box::new(truncated(log_normal(0.3, 0.6), 0.5, 3.0)), 0.5, 3.0),
            (Box::new(truncated(weibull(1.7, 1.3), 0.2, 2.0)), 0.2, 2.0),
            (Box::new(truncated(exponential(0.8), 0.0, 2.0)), 0.0, 2.0),
        ];
        for (d, low, high) in &all {
            let (n, step) = (2000, (high - low) / 2000.0);
            let weight = |k: i32| if k == 0 || k == n { 1.0 } else { f64::from(2 + 2 * (k % 2)) };
            let total: f64 = (0..=n).map(|k| weight(k) * at(d, low + f64::from(k) * step).exp() * step / 3.0).sum();
            assert!((total - 1.0).abs() < 1e-9, "{d:?}: {total}");
        }
        // exp(-x) above 1 is exp(-(x - 1)).
        close(at(&truncated(exponential(1.0), 1.0, f64::MAX), 1.7), -0.7, 4.0);
        check_gradient(|z| truncated(normal(z[0], z[1]), -1.0, 2.0).log_density(Real::from(0.7)), &[0.4, 1.3]);
        check_gradient(|z| truncated(weibull(z[0], z[1]), 0.5, f64::MAX).log_density(Real::from(0.7)), &[1.4, 1.3]);
        let outside = truncated(normal(0.0, 1.0), 1.0, 2.0).log_density(Real::from(0.5)).as_constant();
        assert_eq!(outside, Some(f64::NEG_INFINITY));
    }

    /// The mean above 1 of an exponential number is one more; of none that can be drawn it is the bound.
    #[test]
    fn draws_lie_between_the_bounds() {
        let drawn = draws(&truncated(exponential(1.0), 1.0, f64::MAX), &[1.0, 1.0], 1, 20_000);
        check_means(&drawn, &[2.0]);
        assert!(drawn.iter().all(|x| x[0] >= 1.0));
        let two = truncated(normal(0.0, 1.0), -0.5, 0.5);
        assert!(draws(&two, &[0.3, 1.0, -0.5, 0.5], 1, 2000).iter().all(|x| x[0].abs() <= 0.5));
        assert_eq!(draws(&two, &[-90.0, 1.0, -0.5, 0.5], 1, 1)[0], [-0.5]);
        assert!(draws(&two, &[0.0, -1.0, -0.5, 0.5], 1, 1)[0][0].is_nan());
    }
}
