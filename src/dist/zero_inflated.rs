//! Counts with extra zeros.

use super::bernoulli::flip;
use super::{Distribution, Parameter, Support};
use crate::program::{Real, log_sum_exp, recording};

/// A distribution of counts, and with some probability a sure zero.
#[derive(Clone, Copy, Debug)]
pub struct ZeroInflated<D> {
    probability_of_zero: Real,
    base: D,
}

/// `p(x) = probability_of_zero [x = 0] + (1 - probability_of_zero) base(x)`.
///
/// `probability_of_zero` is that of the extra zeros; `base`, a distribution of counts, adds its own.
#[doc = example!(
    r#"let (none, rate) = (p.draw("none", beta(1.0, 1.0)), p.draw("rate", gamma(2.0, 0.5)));"#,
    "p.observe(0.0, zero_inflated(none, poisson(rate)));",
)]
#[track_caller]
pub fn zero_inflated<D: Distribution<Value = Real>>(probability_of_zero: impl Into<Real>, base: D) -> ZeroInflated<D> {
    if !base.support().is_discrete() {
        recording::fail(
            "zero_inflated adds zeros to counts, not to a density; write zeros of other numbers as terms of their own",
        );
    }
    let made = ZeroInflated { probability_of_zero: probability_of_zero.into(), base };
    super::domain::refuse(&made);
    made
}

impl<D: Distribution<Value = Real>> Distribution for ZeroInflated<D> {
    type Value = Real;

    #[track_caller]
    fn formula(&self, x: Real) -> Real {
        let (certain, other) = (self.probability_of_zero.ln(), (-self.probability_of_zero).ln_1p());
        // The base at the constant zero needs no data: with its parameters it stays outside of the rows.
        let at_zero = log_sum_exp(&[certain, other + self.base.formula(Real::from(0.0))]);
        x.equal_to(0.0).select(at_zero, other + self.base.formula(x))
    }

    fn support(&self) -> Support {
        self.base.support()
    }

    fn domains(&self) -> Vec<Parameter> {
        let own = Parameter::new("probability_of_zero of zero_inflated", self.probability_of_zero, Support::Unit);
        std::iter::once(own).chain(self.base.domains()).collect()
    }

    fn parameters(&self) -> Vec<Real> {
        std::iter::once(self.probability_of_zero).chain(self.base.parameters()).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        out[0] = flip(parameters[0], rng);
        if out[0] == 1.0 {
            out[0] = 0.0;
        } else if out[0] == 0.0 {
            self.base.sample(&parameters[1..], rng, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bernoulli::geometric;
    use super::super::counts::{negative_binomial, poisson};
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::*;
    use crate::program::{Column, IntColumn};

    fn density(x: f64) -> impl Fn(&[Real]) -> Real {
        move |z| zero_inflated(z[0], poisson(z[1])).log_density(Real::from(x))
    }

    fn poisson_mass(k: f64, rate: f64) -> f64 {
        (1..=k as u32).fold((-rate).exp(), |m, j| m * rate / f64::from(j))
    }

    #[test]
    fn masses_match_the_definition() {
        for (x, extra) in [(0.0, 0.2), (1.0, 0.0), (5.0, 0.0)] {
            close(evaluate(density(x), &[0.2, 1.7]), f64::ln(extra + 0.8 * poisson_mass(x, 1.7)), 16.0);
            check_gradient(density(x), &[0.2, 1.7]);
        }
        check_total(60, |k| evaluate(density(k), &[0.2, 1.7]));
        let nested =
            |k| evaluate(|z| zero_inflated(z[0], negative_binomial(z[1], 2.0)).log_density(Real::from(k)), &[0.3, 1.0]);
        check_total(200, nested);
    }

    #[test]
    fn extremes() {
        assert_eq!(evaluate(density(0.0), &[1.0, 1.7]), 0.0);
        assert_eq!(evaluate(density(0.0), &[0.0, 1.7]), -1.7);
        assert_eq!(evaluate(density(0.0), &[0.5, 900.0]), -(2.0_f64.ln()));
        for at in [[1.0, 1.7], [0.5, 900.0]] {
            assert!(execute(&record(2, density(0.0)), &at).1.iter().all(|g| g.is_finite()));
        }
    }

    #[test]
    fn rows() {
        let (k, u) = (IntColumn::new(vec![0, 3, 0, 2]), Column::new(vec![0.2, 0.4, 1.1, 0.0]));
        let one = |z: &[Real], i| zero_inflated(z[0], poisson((z[1] * u.at(i)).exp())).log_density(k.at(i).to_real());
        let expected: f64 = (0..4)
            .map(|r| {
                let (k, rate) = (f64::from(k.values()[r]), (1.7 * u.values()[r]).exp());
                f64::ln(if k == 0.0 { 0.2 } else { 0.0 } + 0.8 * poisson_mass(k, rate))
            })
            .sum();
        let program = record_rows(2, 4, one);
        close(oracle(&program, &[0.2, 1.7]), expected, 16.0);
        check_program(&program, &[0.2, 1.7]);
        let constant = |z: &[Real], i| zero_inflated(z[0], geometric(z[1])).log_density(k.at(i).to_real());
        check_program(&record_rows(2, 4, constant), &[0.2, 0.4]);
    }

    #[test]
    fn samples_follow_the_mass() {
        let any = zero_inflated(0.0, poisson(1.0));
        check_counts(&any, &[0.3, 2.5], |k| if k == 0.0 { 0.3 } else { 0.0 } + 0.7 * poisson_mass(k, 2.5));
        assert!(draws(&any, &[1.3, 1.0], 1, 1)[0][0].is_nan());
        assert!(draws(&any, &[0.0, -1.0], 1, 1)[0][0].is_nan());
    }
}
