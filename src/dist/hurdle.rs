//! Counts of which zeros are another matter.

use super::bernoulli::flip;
use super::{Distribution, Parameter, Support};
use crate::program::{Real, recording};

/// Draws of a base of nearly only zeros that are tried before one is taken, which nearly all others are.
const TRIES: usize = 10_000;

/// A zero with some probability, and otherwise a count above zero.
#[derive(Clone, Copy, Debug)]
pub struct Hurdle<D> {
    probability_of_zero: Real,
    base: D,
}

/// `p(0) = probability_of_zero`, and `p(x) = (1 - probability_of_zero) base(x) / (1 - base(0))` for `x = 1, 2, ..`.
///
/// `probability_of_zero` is that of all zeros, and `base` a distribution of counts whose own zero is left out; those of
/// [`zero_inflated`](super::zero_inflated) are added to it.
#[doc = example!(
    r#"let (none, rate) = (p.draw("none", beta(1.0, 1.0)), p.draw("rate", gamma(2.0, 0.5)));"#,
    "p.observe(0.0, hurdle(none, poisson(rate)));",
    "p.observe(3.0, hurdle(none, poisson(rate)));",
)]
#[track_caller]
pub fn hurdle<D: Distribution<Value = Real>>(probability_of_zero: impl Into<Real>, base: D) -> Hurdle<D> {
    if !base.support().is_discrete() {
        recording::fail(
            "hurdle takes the zero out of counts, not of a density; write zeros of other numbers as terms of their own",
        );
    }
    let made = Hurdle { probability_of_zero: probability_of_zero.into(), base };
    super::domain::refuse(&made);
    made
}

impl<D: Distribution<Value = Real>> Distribution for Hurdle<D> {
    type Value = Real;

    #[track_caller]
    fn formula(&self, x: Real) -> Real {
        // The base at the constant zero needs no data: with its parameters it stays outside of the rows.
        let above = (-self.base.formula(Real::from(0.0)).exp_m1()).ln();
        let other = (-self.probability_of_zero).ln_1p() + self.base.formula(x) - above;
        x.equal_to(0.0).select(self.probability_of_zero.ln(), other)
    }

    fn support(&self) -> Support {
        self.base.support()
    }

    fn domains(&self) -> Vec<Parameter> {
        let own = Parameter::new("probability_of_zero of hurdle", self.probability_of_zero, Support::Unit);
        std::iter::once(own).chain(self.base.domains()).collect()
    }

    fn parameters(&self) -> Vec<Real> {
        std::iter::once(self.probability_of_zero).chain(self.base.parameters()).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        out[0] = flip(parameters[0], rng);
        match out[0] {
            1.0 => out[0] = 0.0,
            0.0 => {
                for _ in 0..TRIES {
                    self.base.sample(&parameters[1..], rng, out);
                    if out[0] != 0.0 {
                        return;
                    }
                }
                out[0] = 1.0;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::super::{negative_binomial, poisson};
    use super::*;
    use crate::program::IntColumn;

    fn density(x: f64) -> impl Fn(&[Real]) -> Real {
        move |z| hurdle(z[0], poisson(z[1])).log_density(Real::from(x))
    }

    fn mass(k: f64, zero: f64, rate: f64) -> f64 {
        let poisson = (1..=k as u32).fold((-rate).exp(), |m, j| m * rate / f64::from(j));
        if k == 0.0 { zero } else { (1.0 - zero) * poisson / (1.0 - (-rate).exp()) }
    }

    #[test]
    fn masses_match_the_definition() {
        for x in [0.0, 1.0, 5.0] {
            close(evaluate(density(x), &[0.2, 1.7]), mass(x, 0.2, 1.7).ln(), 16.0);
            check_gradient(density(x), &[0.2, 1.7]);
        }
        check_total(60, |k| evaluate(density(k), &[0.2, 1.7]));
        check_total(200, |k| {
            evaluate(|z| hurdle(z[0], negative_binomial(z[1], 2.0)).log_density(Real::from(k)), &[0.3, 1.0])
        });
        // Of hardly any rate all counts above zero are ones.
        close(evaluate(density(1.0), &[0.2, 1e-9]), 0.8f64.ln(), 1e8);
    }

    #[test]
    fn rows_and_samples() {
        let k = IntColumn::new(vec![0, 3, 0, 2]);
        let one = |z: &[Real], i| hurdle(z[0], poisson(z[1])).log_density(k.at(i).to_real());
        let program = record_rows(2, 4, one);
        let expected: f64 = [0.0, 3.0, 0.0, 2.0].iter().map(|k| mass(*k, 0.2, 1.7).ln()).sum();
        close(oracle(&program, &[0.2, 1.7]), expected, 16.0);
        check_program(&program, &[0.2, 1.7]);
        let any = hurdle(0.0, poisson(1.0));
        check_counts(&any, &[0.3, 2.5], |k| mass(k, 0.3, 2.5));
        assert_eq!(draws(&any, &[0.0, 1e-12], 1, 1)[0], [1.0]);
        assert!(draws(&any, &[1.3, 1.0], 1, 1)[0][0].is_nan());
    }
}
