//! Numbers that are known up to a limit or within an interval only: lifetimes of those that are still alive, concentrations
//! below what can be measured, answers in classes.

use super::{Distribution, Parameter, Support, Survival};
use crate::program::Real;

/// A distribution whose numbers beyond limits are recorded as the limits.
#[derive(Clone, Copy, Debug)]
pub struct Censored<D> {
    base: D,
    low: Option<Real>,
    high: Option<Real>,
    upper: Option<Real>,
}

/// `min(max(x, low), high)` of an `x` with distribution `base`: `ln p(x)` is that of `base` between the limits, and
/// `ln P(X <= low)` and `ln P(X > high)`, probabilities, at them.
///
/// Limits are numbers or columns: what could be measured, the time at which each was last seen; `-f64::MAX` and `f64::MAX`
/// where there is none. It is for data, not for latents, which never lie at a limit.
#[doc = example!(
    r#"let scale = p.draw("scale", half_normal(10.0));"#,
    "p.observe(0.1, censored(weibull(1.5, scale), 0.1, f64::MAX)); // less than 0.1, which is the least that is seen",
    "p.observe(7.3, censored(weibull(1.5, scale), 0.1, f64::MAX));",
)]
#[track_caller]
pub fn censored<D: Survival>(base: D, low: impl Into<Real>, high: impl Into<Real>) -> Censored<D> {
    let (low, high) = (low.into(), high.into());
    let is_none = |limit: Real, none: f64| limit.as_constant() == Some(none);
    let low = (!is_none(low, -f64::MAX)).then_some(low);
    let high = (!is_none(high, f64::MAX)).then_some(high);
    let made = Censored { base, low, high, upper: None };
    super::domain::refuse(&made);
    made
}

/// `min(x, limit)` of an `x` with distribution `base`: [`censored`] from above alone.
#[doc = example!(
    r#"let scale = p.draw("scale", half_normal(10.0));"#,
    "p.observe(7.3, censored_above(weibull(1.5, scale), f64::MAX)); // died at 7.3",
    "p.observe(9.0, censored_above(weibull(1.5, scale), 9.0)); // alive at 9",
)]
#[track_caller]
pub fn censored_above<D: Survival>(base: D, limit: impl Into<Real>) -> Censored<D> {
    censored(base, -f64::MAX, limit)
}

impl<D: Survival> Censored<D> {
    /// Of an `x` that is below its `upper`, a number or a column, only `x < X <= upper` is known; where `upper` is not above
    /// `x`, as `-f64::MAX` is not, nothing changes.
    ///
    /// ```
    /// use jensen::prelude::*;
    ///
    /// let (from, to) = (Column::new([0.0, 10.0, 3.2]), Column::new([10.0, 20.0, -f64::MAX]));
    /// let incomes = model(|p| {
    ///     let mean = p.draw("mean", normal(10.0, 10.0));
    ///     p.rows(3, |i| i.observe(from.at(i), censored_above(normal(mean, 5.0), f64::MAX).up_to(to.at(i))));
    /// });
    /// # assert!((jensen::fit(&incomes)?.summary()[0].mean - 7.5).abs() < 1.5);
    /// # Ok::<(), jensen::algorithm::FitError>(())
    /// ```
    #[must_use]
    pub fn up_to(self, upper: impl Into<Real>) -> Self {
        Censored { upper: Some(upper.into()), ..self }
    }
}

impl<D: Survival> Distribution for Censored<D> {
    type Value = Real;

    #[track_caller]
    fn formula(&self, x: Real) -> Real {
        let mut density = self.base.formula(x);
        if let Some(low) = self.low {
            density = low.less_than(x).select(density, self.base.log_cdf(x));
        }
        if let Some(high) = self.high {
            density = x.less_than(high).select(density, self.base.log_survival(x));
        }
        if let Some(upper) = self.upper {
            let is_within = x.less_than(upper);
            // Elsewhere any end above `x`, so that what is not chosen is finite, too.
            let end = is_within.select(upper, x + x.abs() + 1.0);
            density = is_within.select(self.base.log_between(x, end), density);
        }
        density
    }

    fn support(&self) -> Support {
        let base = self.base.support();
        let (low, high) = match base {
            Support::Positive => (Real::from(0.0), self.high),
            Support::AtLeast(low) | Support::Above(low) => (low, self.high),
            _ => (Real::from(-f64::MAX), self.high),
        };
        match high {
            Some(high) => Support::Interval(self.low.unwrap_or(low), high),
            None => self.low.map_or(base, Support::AtLeast),
        }
    }

    fn domains(&self) -> Vec<Parameter> {
        let own = |limit: Real| Parameter::new("limit of censored", limit, Support::Real);
        self.base.domains().into_iter().chain(self.low.map(own)).chain(self.high.map(own)).collect()
    }

    fn edges(&self, x: Real) -> Vec<Parameter> {
        let inside = Parameter::new("the density between the limits of censored", x, self.base.support());
        // The lower end of an interval may be where the density of a lifetime is none.
        if self.upper.is_some() { vec![] } else { self.base.edges(x).into_iter().chain([inside]).collect() }
    }

    fn parameters(&self) -> Vec<Real> {
        self.base.parameters().into_iter().chain(self.low).chain(self.high).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let limits = usize::from(self.low.is_some()) + usize::from(self.high.is_some());
        let Some(at) = parameters.len().checked_sub(limits) else { return out.fill(f64::NAN) };
        let (parameters, limits) = parameters.split_at(at);
        self.base.sample(parameters, rng, out);
        let low = if self.low.is_some() { limits[0] } else { f64::NEG_INFINITY };
        let high = if self.high.is_some() { limits[limits.len() - 1] } else { f64::INFINITY };
        // `min` and `max` would make a number of NaN.
        for x in out {
            *x = if *x > high { high } else { *x };
            *x = if *x < low { low } else { *x };
        }
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

    /// Probabilities of the textbook at a lower limit and of an interval: `1 - exp(-0.5)`, `exp(-0.5) - exp(-1.5)`.
    #[test]
    fn below_a_limit_and_within_an_interval() {
        let d = censored(exponential(1.0), 0.5, 2.0);
        close(at(&d, 0.5), (1.0 - (-0.5f64).exp()).ln(), 4.0);
        close(at(&d, 0.7), -0.7, 4.0);
        close(at(&d, 2.0), -2.0, 4.0);
        assert_eq!((at(&d, 0.4), at(&d, 2.1)), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        let within =
            |x: f64, upper: f64| censored_above(exponential(1.0), f64::MAX).up_to(upper).formula(Real::from(x));
        close(within(0.5, 1.5).as_constant().unwrap(), ((-0.5f64).exp() - (-1.5f64).exp()).ln(), 8.0);
        close(within(0.5, -f64::MAX).as_constant().unwrap(), -0.5, 4.0);
        // Rows of every kind, and their gradients.
        let x = Column::new([0.5, 0.9, 2.0, 1.1]);
        let (low, high) =
            (Column::new([0.5, -f64::MAX, -f64::MAX, -f64::MAX]), Column::new([f64::MAX, f64::MAX, 2.0, f64::MAX]));
        let upper = Column::new([-f64::MAX, -f64::MAX, -f64::MAX, 1.4]);
        let one =
            |z: &[Real], i| censored(weibull(z[0], z[1]), low.at(i), high.at(i)).up_to(upper.at(i)).formula(x.at(i));
        let program = record_rows(2, 4, one);
        let survival = |x: f64| -(x / 1.3).powf(1.7);
        let expected = (1.0 - survival(0.5).exp()).ln()
            + at(&weibull(1.7, 1.3), 0.9)
            + survival(2.0)
            + (survival(1.1).exp() - survival(1.4).exp()).ln();
        close(oracle(&program, &[1.7, 1.3]), expected, 32.0);
        check_program(&program, &[1.7, 1.3]);
        let both = censored(exponential(1.0), 0.5, 2.0);
        let drawn = draws(&both, &[1.0, 0.5, 2.0], 1, 20_000);
        let share = |end: f64| drawn.iter().filter(|x| x[0] == end).count() as f64 / 20_000.0;
        // Standard errors of 0.0035 and 0.0024.
        assert!((share(0.5) - 0.393_469).abs() < 0.014 && (share(2.0) - 0.135_335).abs() < 0.01);
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
