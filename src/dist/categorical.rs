//! One of several categories, numbered from zero.

use std::sync::Arc;

use super::rows::varies_by_row;
use super::{Distribution, Parameter, Support};
use crate::program::recording::{self, Op};
use crate::program::{Int, Real, Vector};

/// Categorical distribution with probabilities.
#[derive(Clone, Copy, Debug)]
pub struct Categorical {
    probabilities: Vector,
}

/// `ln p(x) = ln probabilities_x` for `x = 0, .., K - 1`; `probabilities` sum to one.
#[doc = example!(
    r#"let shares = p.draw("shares", dirichlet(Vector::constant(&[1.0, 1.0, 1.0])));"#,
    "p.observe(2.0, categorical(shares)); // the third of three",
)]
#[track_caller]
pub fn categorical(probabilities: Vector) -> Categorical {
    let made = Categorical { probabilities };
    super::domain::refuse(&made);
    made
}

impl Distribution for Categorical {
    type Value = Real;

    #[track_caller]
    fn formula(&self, x: Real) -> Real {
        if varies_by_row(self.probabilities.lanes()) {
            return element(&self.probabilities, x).ln();
        }
        // Outside of the rows the K logarithms are computed once.
        element(&self.probabilities.map(Real::ln), x)
    }

    fn support(&self) -> Support {
        categories(self.probabilities.len())
    }

    fn domains(&self) -> Vec<Parameter> {
        let simplex = Support::Simplex(self.probabilities.len());
        vec![Parameter::new("probabilities of categorical", self.probabilities, simplex)]
    }

    fn parameters(&self) -> Vec<Real> {
        self.probabilities.elements()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        out[0] = pick(parameters, rng).map_or(f64::NAN, |k| k as f64);
    }
}

/// Categorical distribution with log probabilities up to a constant.
#[derive(Clone, Copy, Debug)]
pub struct CategoricalLogit {
    logits: Vector,
}

/// `ln p(x) = logits_x - ln sum_k exp(logits_k)` for `x = 0, .., K - 1`.
#[doc = example!(
    r#"let logits = p.draws("logits", normal(0.0, 1.0), 3);"#,
    "p.observe(2.0, categorical_logit(logits)); // the third of three",
)]
#[track_caller]
pub fn categorical_logit(logits: Vector) -> CategoricalLogit {
    CategoricalLogit { logits }
}

impl Distribution for CategoricalLogit {
    type Value = Real;

    #[track_caller]
    fn formula(&self, x: Real) -> Real {
        element(&self.logits, x) - self.logits.log_sum_exp()
    }

    fn support(&self) -> Support {
        categories(self.logits.len())
    }

    fn parameters(&self) -> Vec<Real> {
        self.logits.elements()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        out[0] = pick_logit(parameters, rng).map_or(f64::NAN, |k| k as f64);
    }
}

/// The support of `num` categories.
pub(super) fn categories(num: usize) -> Support {
    Support::up_to(num.saturating_sub(1) as u32)
}

/// The element of `vector` numbered `index`.
#[track_caller]
pub(super) fn element(vector: &Vector, index: Real) -> Real {
    // The fast gather by a data column serves vectors made outside of the rows.
    let column = if varies_by_row(vector.lanes()) { None } else { integer_column(index) };
    vector.at(Int { value: index, column })
}

/// The integer data column that `x` was read from, with its shift.
fn integer_column(x: Real) -> Option<(u32, i32)> {
    if x.as_constant().is_some() {
        return None;
    }
    let node = x.node();
    let find = |r: &mut recording::Recording| match r.nodes[node as usize].op {
        Op::Column { column, shift } => {
            let data = &r.columns[column as usize];
            let known = r.integer_views.iter().position(|view| Arc::ptr_eq(view, data))?;
            Some((known as u32, shift))
        }
        _ => None,
    };
    recording::with(find).flatten()
}

/// A position drawn in proportion to `weights`; `None` unless they are non-negative with a positive finite sum.
pub(super) fn pick(weights: &[f64], rng: &mut dyn rand::Rng) -> Option<usize> {
    let total: f64 = weights.iter().sum();
    if !(total > 0.0 && total.is_finite() && weights.iter().all(|&w| w >= 0.0)) {
        return None;
    }
    let unit: f64 = rand_distr::Distribution::sample(&rand_distr::StandardUniform, rng);
    let mut rest = unit * total;
    for (k, &w) in weights.iter().enumerate() {
        if rest < w {
            return Some(k);
        }
        rest -= w;
    }
    // Rounding may leave a last bit over.
    weights.iter().rposition(|&w| w > 0.0)
}

/// [`pick`] in proportion to `exp(logits)`.
pub(super) fn pick_logit(logits: &[f64], rng: &mut dyn rand::Rng) -> Option<usize> {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    pick(&logits.iter().map(|l| (l - top).exp()).collect::<Vec<_>>(), rng)
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::*;
    use crate::program::{Column, IntColumn};

    const P: [f64; 4] = [0.1, 0.2, 0.3, 0.4];

    #[test]
    fn constants_columns_and_reals_choose_the_same_element() {
        let values = [2, 0, 3, 3, 1];
        let expected: f64 = values.iter().map(|&k| P[k as usize].ln()).sum();
        let integers = IntColumn::new(values.to_vec());
        let reals = Column::new(values.map(f64::from).to_vec());
        let logits = P.map(|p| p.ln() + 3.0);
        for as_integers in [true, false] {
            let x = |i| if as_integers { integers.at(i).to_real() } else { reals.at(i) };
            let plain = record_rows(4, 5, |z, i| categorical(Vector::new(z)).formula(x(i)));
            let logit = record_rows(4, 5, |z, i| categorical_logit(Vector::new(z)).log_density(x(i)));
            close(oracle(&plain, &P), expected, 4.0);
            close(oracle(&logit, &logits), expected, 16.0);
            check_program(&plain, &P);
            check_program(&logit, &logits);
        }
        for (k, p) in P.iter().enumerate() {
            close(evaluate(|z| categorical(Vector::new(z)).formula(Real::from(k as f64)), &P), p.ln(), 2.0);
            let logit = |z: &[Real]| categorical_logit(Vector::new(z)).log_density(Real::from(k as f64));
            close(evaluate(logit, &logits), p.ln(), 16.0);
            check_gradient(logit, &logits);
            check_gradient(|z| categorical(Vector::new(z)).formula(Real::from(k as f64)), &P);
        }
    }

    #[test]
    fn probabilities_of_each_row() {
        let (k, u) = (IntColumn::new(vec![1, 0, 1]), Column::new(vec![0.2, -0.4, 1.1]));
        let density = |z: &[Real], i| {
            let p = (z[0] * u.at(i)).sigmoid();
            categorical(Vector::new(&[1.0 - p, p])).log_density(k.at(i).to_real())
        };
        let logit = |z: &[Real], i| {
            categorical_logit(Vector::new(&[Real::from(0.0), z[0] * u.at(i)])).log_density(k.at(i).to_real())
        };
        let sigmoid = |l: f64| 1.0 / (1.0 + (-l).exp());
        let expected = sigmoid(0.14).ln() + sigmoid(0.28).ln() + sigmoid(0.77).ln();
        for program in [record_rows(1, 3, density), record_rows(1, 3, logit)] {
            close(oracle(&program, &[0.7]), expected, 16.0);
            check_program(&program, &[0.7]);
        }
    }

    #[test]
    fn a_category_without_mass_that_is_not_seen_leaves_the_gradient_finite() {
        let seen = IntColumn::new(vec![1]);
        let program = record_rows(2, 1, |z, i| categorical(Vector::new(z)).formula(seen.at(i).to_real()));
        assert_eq!(execute(&program, &[0.0, 1.0]), (0.0, vec![0.0, 1.0]));
    }

    #[test]
    fn a_category_beyond_the_last_is_an_error() {
        let data = IntColumn::new(vec![0, 2]);
        let wrong = recording::record(|| {
            recording::with(|r| {
                r.plates.push(recording::Plate { start: 0, rows: 2 });
                r.current_plate = 1;
            });
            let d = categorical(Vector::constant(&[0.5, 0.5]));
            d.log_density(data.at(crate::program::RowIndex { plate: 1 }).to_real());
        });
        assert!(wrong.err().is_some_and(|e| e.to_string().contains("holds 2, the vector only elements 0 to 1")));
    }

    #[test]
    fn samples_follow_the_mass() {
        let any = categorical(Vector::constant(&P));
        let any_logit = categorical_logit(Vector::constant(&P));
        let mass = |k: f64| P.get(k as usize).copied().unwrap_or(0.0);
        check_counts(&any, &P, mass);
        check_counts(&any_logit, &P.map(|p| p.ln() - 900.0), mass);
        assert!(draws(&any, &[0.5, -0.1], 1, 1)[0][0].is_nan());
        assert!(draws(&any_logit, &[0.5, f64::NAN], 1, 1)[0][0].is_nan());
        assert!(draws(&any, &[0.0, 0.0], 1, 1)[0][0].is_nan());
    }
}
