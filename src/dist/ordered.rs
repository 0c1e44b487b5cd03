//! Ordered categories: a logistic latent scale cut into intervals.

use super::categorical::{categories, element, pick};
use super::{Distribution, Parameter, Support};
use crate::numerics::sigmoid;
use crate::program::{Real, Vector, recording};

/// Ordered logistic distribution.
#[derive(Clone, Copy, Debug)]
pub struct OrderedLogistic {
    eta: Real,
    cutpoints: Vector,
}

/// `p(x) = sigmoid(cutpoints_x - eta) - sigmoid(cutpoints_{x - 1} - eta)` for `x = 0, .., K`, where the `K` increasing
/// `cutpoints` are numbered from zero and continued by `-inf` and `inf`.
///
/// *Source*: the proportional-odds model of McCullagh (1980), "Regression models for ordinal data", equation 2.1;
/// the difference is taken as `ln sigmoid(a) + ln sigmoid(-b) + ln(1 - exp(b - a))`, which does not cancel.
#[doc = example!(
    r#"let eta = p.draw("eta", normal(0.0, 1.0));"#,
    "p.observe(1.0, ordered_logistic(eta, Vector::constant(&[-1.0, 1.0]))); // the middle of three grades",
)]
#[track_caller]
pub fn ordered_logistic(eta: impl Into<Real>, cutpoints: Vector) -> OrderedLogistic {
    if cutpoints.is_empty() {
        recording::fail("ordered categories need at least one cutpoint");
    }
    let made = OrderedLogistic { eta: eta.into(), cutpoints };
    super::domain::refuse(&made);
    made
}

/// Stands for infinity: `softplus(-BEYOND)` is zero for any `eta` in single and double precision, and its slope too.
const BEYOND: f64 = 1e30;

impl Distribution for OrderedLogistic {
    type Value = Real;

    #[track_caller]
    fn formula(&self, x: Real) -> Real {
        // One number for each category, computed once: the ends of its interval and ln(1 - exp(-width)).
        let (mut low, mut high, mut gap) = (vec![Real::from(-BEYOND)], Vec::new(), vec![Real::from(0.0)]);
        let cuts = self.cutpoints.elements();
        for pair in cuts.windows(2) {
            gap.push((-(pair[0] - pair[1]).exp_m1()).ln());
        }
        low.extend(&cuts);
        high.extend(&cuts);
        high.push(Real::from(BEYOND));
        gap.push(Real::from(0.0));
        let pick = |ends: &[Real]| element(&Vector::new(ends), x);
        pick(&gap) - (self.eta - pick(&high)).softplus() - (pick(&low) - self.eta).softplus()
    }

    fn support(&self) -> Support {
        categories(self.cutpoints.len() + 1)
    }

    fn domains(&self) -> Vec<Parameter> {
        vec![
            Parameter::new("eta of ordered_logistic", self.eta, Support::Real),
            Parameter::new("cutpoints of ordered_logistic", self.cutpoints, Support::Ordered(self.cutpoints.len())),
        ]
    }

    fn parameters(&self) -> Vec<Real> {
        std::iter::once(self.eta).chain(self.cutpoints.elements()).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let (eta, cuts) = (parameters[0], &parameters[1..]);
        let mut below = 0.0;
        let ends = cuts.iter().map(|c| sigmoid(c - eta)).chain([1.0]);
        let weights: Vec<f64> = ends.map(|end| end - std::mem::replace(&mut below, end)).collect();
        out[0] = pick(&weights, rng).map_or(f64::NAN, |k| k as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::*;
    use crate::program::{Column, IntColumn};

    fn density(x: f64) -> impl Fn(&[Real]) -> Real {
        move |z| ordered_logistic(z[0], Vector::new(&z[1..])).log_density(Real::from(x))
    }

    const AT: [f64; 4] = [0.4, -1.0, 0.3, 2.5];

    fn mass(k: f64) -> f64 {
        let cdf = |k: f64| match k as i32 {
            -1 => 0.0,
            0..3 => 1.0 / (1.0 + (AT[0] - AT[1 + k as usize]).exp()),
            _ => 1.0,
        };
        if k > 3.0 { 0.0 } else { cdf(k) - cdf(k - 1.0) }
    }

    #[test]
    fn masses_are_differences_of_the_distribution_function() {
        for k in [0.0, 1.0, 2.0, 3.0] {
            close(evaluate(density(k), &AT), mass(k).ln(), 16.0);
            check_gradient(density(k), &AT);
        }
        check_total(3, |k| evaluate(density(k), &AT));
        check_total(1, |k| evaluate(density(k), &AT[..2]));
    }

    #[test]
    fn far_tails_do_not_cancel() {
        // ln(sigmoid(c1 - eta) - sigmoid(c0 - eta)) -> c1 - eta + ln(1 - exp(c0 - c1)) for eta -> inf.
        let expected = 1.0 - 300.0 + (-(-1.0_f64).exp_m1()).ln();
        close(evaluate(density(1.0), &[300.0, 0.0, 1.0]), expected, 4.0);
        // Cutpoints 1e-9 apart: the density of the logistic times the width.
        let (slope, width) = (0.25, 1e-9);
        close(evaluate(density(1.0), &[0.0, 0.0, width]), f64::ln(slope * width), 4e6);
        check_gradient(density(1.0), &[30.0, 0.0, 1.0]);
    }

    #[test]
    fn rows() {
        let (k, u) = (IntColumn::new(vec![0, 3, 1, 2]), Column::new(vec![0.2, -0.4, 1.1, 0.0]));
        let one = |z: &[Real], i| ordered_logistic(z[0] * u.at(i), Vector::new(&z[1..])).log_density(k.at(i).to_real());
        let program = record_rows(4, 4, one);
        let expected: f64 = (0..4)
            .map(|r| {
                let mut at = AT;
                at[0] *= u.values()[r];
                evaluate(density(f64::from(k.values()[r])), &at)
            })
            .sum();
        close(oracle(&program, &AT), expected, 4.0);
        check_program(&program, &AT);
    }

    #[test]
    fn samples_follow_the_mass() {
        let any = ordered_logistic(0.0, Vector::constant(&AT[1..]));
        check_counts(&any, &AT, mass);
        assert!(draws(&any, &[0.0, 1.0, 0.5, 2.0], 1, 1)[0][0].is_nan());
    }
}
