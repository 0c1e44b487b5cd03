//! Numbers that are known up to a limit only: lifetimes of those that are still alive.

use super::normal::{LogNormal, Normal};
use super::positive::{Exponential, Weibull};
use super::{Distribution, Parameter, Support};
use crate::program::Real;

/// A distribution of a number whose survival function is known.
pub trait Survival: Distribution<Value = Real> {
    /// `ln P(X > x)` of parameters in their domains and an `x` inside of the support.
    fn log_survival(&self, x: Real) -> Real;
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
}

impl Survival for LogNormal {
    #[track_caller]
    fn log_survival(&self, x: Real) -> Real {
        ((self.mean - x.ln()) / self.sd).ln_normal_cdf()
    }
}

impl<D: Survival + ?Sized> Survival for Box<D> {
    #[track_caller]
    fn log_survival(&self, x: Real) -> Real {
        (**self).log_survival(x)
    }
}

/// A distribution whose numbers above a limit are recorded as the limit.
#[derive(Clone, Copy, Debug)]
pub struct CensoredAbove<D> {
    base: D,
    limit: Real,
}

/// `min(x, limit)` of an `x` with distribution `base`: `ln p(x)` is that of `base` below the limit, and
/// `ln P(X > limit)`, a probability, at it.
///
/// The limit is a number or a column: the time at which each was last seen, and the largest finite number, `f64::MAX`,
/// where nothing was censored. It is for data, not for latents, which never lie at a limit.
#[doc = example!(
    r#"let scale = p.draw("scale", half_normal(10.0));"#,
    "p.observe(7.3, censored_above(weibull(1.5, scale), f64::MAX)); // died at 7.3",
    "p.observe(9.0, censored_above(weibull(1.5, scale), 9.0)); // alive at 9",
)]
#[track_caller]
pub fn censored_above<D: Survival>(base: D, limit: impl Into<Real>) -> CensoredAbove<D> {
    let made = CensoredAbove { base, limit: limit.into() };
    super::domain::refuse(&made);
    made
}

impl<D: Survival> Distribution for CensoredAbove<D> {
    type Value = Real;

    #[track_caller]
    fn formula(&self, x: Real) -> Real {
        x.less_than(self.limit).select(self.base.formula(x), self.base.log_survival(x))
    }

    fn support(&self) -> Support {
        match self.base.support() {
            Support::Positive => Support::Interval(Real::from(0.0), self.limit),
            Support::AtLeast(low) | Support::Above(low) => Support::Interval(low, self.limit),
            _ => Support::Interval(Real::from(-f64::MAX), self.limit),
        }
    }

    fn domains(&self) -> Vec<Parameter> {
        let own = Parameter::new("limit of censored_above", self.limit, Support::Real);
        self.base.domains().into_iter().chain([own]).collect()
    }

    fn edges(&self, x: Real) -> Vec<Parameter> {
        let inside = Parameter::new("the density below the limit of censored_above", x, self.base.support());
        self.base.edges(x).into_iter().chain([inside]).collect()
    }

    fn parameters(&self) -> Vec<Real> {
        self.base.parameters().into_iter().chain([self.limit]).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let Some((limit, parameters)) = parameters.split_last() else { return out.fill(f64::NAN) };
        self.base.sample(parameters, rng, out);
        // `min` would make a number of NaN.
        out.iter_mut().for_each(|x| *x = if *x > *limit { *limit } else { *x });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::super::{exponential, log_normal, normal, weibull};
    use super::*;
    use crate::program::Column;

    fn at(d: &impl Distribution<Value = Real>, x: f64) -> f64 {
        d.log_density(Real::from(x)).as_constant().unwrap()
    }

    /// `ln P(X > x)` from the textbook; of normal numbers at 1.96 by tables, 0.0249979.
    #[test]
    fn at_the_limit_is_the_probability_of_surviving_it() {
        close(at(&censored_above(exponential(2.0), 1.5), 1.5), -3.0, 4.0);
        close(at(&censored_above(weibull(2.0, 3.0), 1.5), 1.5), -0.25, 4.0);
        for d in [
            at(&censored_above(normal(1.0, 2.0), 4.92), 4.92),
            at(&censored_above(log_normal(1.0, 2.0), 4.92f64.exp()), 4.92f64.exp()),
        ] {
            assert!((d - 0.024_997_895_f64.ln()).abs() < 1e-7, "{d}");
        }
        close(at(&censored_above(weibull(2.0, 3.0), f64::MAX), 1.5), at(&weibull(2.0, 3.0), 1.5), 4.0);
        assert_eq!(at(&censored_above(weibull(2.0, 3.0), 1.5), 1.6), f64::NEG_INFINITY);
    }

    /// What is below the limit and what is at it make one.
    #[test]
    fn the_whole_is_one() {
        let (limit, steps) = (2.0, 20_000);
        let d = censored_above(weibull(1.7, 1.3), limit);
        let step = limit / f64::from(steps);
        let below: f64 = (0..steps).map(|k| at(&d, (f64::from(k) + 0.5) * step).exp() * step).sum();
        // The midpoint rule leaves less than 1e-7 here.
        assert!((below + at(&d, limit).exp() - 1.0).abs() < 1e-7, "{below}");
    }

    #[test]
    fn gradients_and_rows() {
        for x in [0.7, 2.0] {
            check_gradient(|z| censored_above(weibull(z[0], z[1]), 2.0).log_density(Real::from(x)), &[1.7, 1.3]);
            check_gradient(|z| censored_above(log_normal(z[0], z[1]), 2.0).log_density(Real::from(x)), &[0.4, 1.3]);
        }
        let (x, limit) = (Column::new([0.7, 2.0, 1.1]), Column::new([f64::MAX, 2.0, f64::MAX]));
        let one = |z: &[Real], i| censored_above(weibull(z[0], z[1]), limit.at(i)).formula(x.at(i));
        let program = record_rows(2, 3, one);
        let w = weibull(1.7, 1.3);
        let expected = at(&w, 0.7) + at(&w, 1.1) - (2.0f64 / 1.3).powf(1.7);
        close(oracle(&program, &[1.7, 1.3]), expected, 16.0);
        check_program(&program, &[1.7, 1.3]);
    }

    #[test]
    fn draws_end_at_the_limit() {
        let any = censored_above(exponential(1.0), 1.0);
        let drawn = draws(&any, &[1.0, 0.5], 1, 20_000);
        let share = drawn.iter().filter(|x| x[0] == 0.5).count() as f64 / 20_000.0;
        // exp(-1/2) of them, with a standard error of 0.0035.
        assert!((share - (-0.5f64).exp()).abs() < 0.014 && drawn.iter().all(|x| x[0] <= 0.5), "{share}");
        assert!(draws(&any, &[-1.0, 0.5], 1, 1)[0][0].is_nan());
    }
}
