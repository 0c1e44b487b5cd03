//! Finite mixtures, with the component marginalised.

use super::categorical::pick_logit;
use super::domain::density_in_domains;
use super::rows::add_outside;
use super::{Distribution, Parameter, Support};
use crate::program::{Real, Vector, log_sum_exp, recording};

/// A mixture of distributions of one type.
#[derive(Clone, Debug)]
pub struct Mixture<D> {
    /// Where they were given as such.
    weights: Option<Vector>,
    log_weights: Vector,
    /// Logarithm of the sum of the weights.
    log_total: Real,
    components: Vec<D>,
    /// How many parameters each component has.
    num_parameters: Vec<usize>,
}

/// `ln p(x) = ln sum_k weights_k components_k(x)`; `weights` sum to one.
///
/// The support holds those of all components, each of which has density zero outside of its own. Components of several
/// types: [`mixture_of`].
///
/// ```
/// use jensen::dist::{Mixture, Normal, mixture, normal};
/// use jensen::program::{Real, Vector};
/// fn two_bumps(weights: Vector, means: Vector, sd: Real) -> Mixture<Normal> {
///     mixture(weights, means.elements().into_iter().map(|mean| normal(mean, sd)).collect())
/// }
/// ```
#[track_caller]
pub fn mixture<D: Distribution>(weights: Vector, components: Vec<D>) -> Mixture<D> {
    Mixture::new(Some(weights), weights.map(Real::ln), Real::from(0.0), components)
}

/// `ln p(x) = ln sum_k exp(logits_k) components_k(x) - ln sum_k exp(logits_k)`.
///
/// [`mixture`] with log weights up to a constant.
#[doc = example!(
    r#"let m = p.draws("m", normal(0.0, 3.0), 2);"#,
    "let components = vec![normal(m.at(0), 1.0), normal(m.at(1), 1.0)];",
    "p.observe(2.3, mixture_logit(Vector::constant(&[0.0, 1.0]), components)); // odds of 1 to e",
)]
#[track_caller]
pub fn mixture_logit<D: Distribution>(logits: Vector, components: Vec<D>) -> Mixture<D> {
    Mixture::new(None, logits, logits.log_sum_exp(), components)
}

/// `ln p(x) = ln sum_k weight_k component_k(x)` of pairs `(weight, component)`; the weights sum to one.
///
/// A [`mixture`] whose components are of several types.
///
/// ```
/// use jensen::dist::{Distribution, Mixture, half_cauchy, mixture_of, normal};
/// use jensen::program::Real;
/// fn contaminated(share: Real) -> Mixture<Box<dyn Distribution<Value = Real>>> {
///     mixture_of(vec![(1.0 - share, Box::new(normal(0.0, 1.0))), (share, Box::new(half_cauchy(5.0)))])
/// }
/// ```
#[track_caller]
pub fn mixture_of(components: Vec<(Real, BoxedScalar)>) -> Mixture<BoxedScalar> {
    let (weights, components): (Vec<Real>, Vec<_>) = components.into_iter().unzip();
    mixture(Vector::new(&weights), components)
}

/// Any distribution of a number.
pub type BoxedScalar = Box<dyn Distribution<Value = Real>>;

impl<D: Distribution> Mixture<D> {
    #[track_caller]
    fn new(weights: Option<Vector>, log_weights: Vector, log_total: Real, components: Vec<D>) -> Self {
        let (num_weights, num) = (log_weights.len(), components.len());
        if num_weights != num || num == 0 {
            recording::fail(format!(
                "a mixture of {num} components has {num_weights} weights; it needs one for each, and at least one"
            ));
        }
        let num_parameters = components.iter().map(|c| c.parameters().len()).collect();
        let made = Mixture { weights, log_weights, log_total, components, num_parameters };
        if made.hull().is_none() {
            recording::fail("the components of a mixture are of numbers, of integers or of vectors of one kind");
        }
        super::domain::refuse(&made);
        made
    }

    /// The smallest support that holds those of all components.
    fn hull(&self) -> Option<Support> {
        let mut supports = self.components.iter().map(Distribution::support);
        let first = supports.next().unwrap_or(Support::Real);
        supports.try_fold(first, |all, one| all.hull(&one))
    }
}

impl<D: Distribution> Distribution for Mixture<D> {
    type Value = D::Value;

    #[track_caller]
    fn formula(&self, x: D::Value) -> Real {
        let one = |(component, log_weight): (&D, Real)| add_outside(density_in_domains(component, x), log_weight);
        let parts: Vec<Real> = self.components.iter().zip(self.log_weights.elements()).map(one).collect();
        log_sum_exp(&parts) - self.log_total
    }

    fn support(&self) -> Support {
        self.hull().unwrap_or(Support::Real)
    }

    fn domains(&self) -> Vec<Parameter> {
        let simplex =
            |weights: Vector| Parameter::new("weights of a mixture", weights, Support::Simplex(weights.len()));
        self.weights.map(simplex).into_iter().chain(self.components.iter().flat_map(|c| c.domains())).collect()
    }

    fn parameters(&self) -> Vec<Real> {
        self.log_weights.elements().into_iter().chain(self.components.iter().flat_map(|c| c.parameters())).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let (log_weights, parameters) = parameters.split_at(self.log_weights.len().min(parameters.len()));
        let Some(k) = pick_logit(log_weights, rng) else {
            out.fill(f64::NAN);
            return;
        };
        let from: usize = self.num_parameters[..k].iter().sum();
        self.components[k].sample(&parameters[from..from + self.num_parameters[k]], rng, out);
    }
}

impl<D: Distribution + ?Sized> Distribution for Box<D> {
    type Value = D::Value;

    #[track_caller]
    fn formula(&self, x: D::Value) -> Real {
        (**self).formula(x)
    }

    fn support(&self) -> Support {
        (**self).support()
    }

    fn domains(&self) -> Vec<Parameter> {
        (**self).domains()
    }

    fn edges(&self, x: D::Value) -> Vec<Parameter> {
        (**self).edges(x)
    }

    fn parameters(&self) -> Vec<Real> {
        (**self).parameters()
    }

    fn location_scale(&self) -> Option<(Real, Real)> {
        (**self).location_scale()
    }

    fn location_factor(&self) -> Option<(Vector, Vector)> {
        (**self).location_factor()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        (**self).sample(parameters, rng, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::super::{half_cauchy, multivariate_normal_cholesky, normal, poisson};
    use super::*;
    use crate::program::{Column, IntColumn, Matrix};

    /// Weights, means and sds of three normal components, as seven free numbers.
    const AT: [f64; 9] = [0.2, 0.5, 0.3, -1.0, 0.5, 4.0, 1.0, 0.7, 2.0];

    fn normals(z: &[Real]) -> Vec<super::super::Normal> {
        (0..3).map(|k| normal(z[3 + k], z[6 + k])).collect()
    }

    fn expected(x: f64) -> f64 {
        let one = |k: usize| {
            let u = (x - AT[3 + k]) / AT[6 + k];
            AT[k] * (-0.5 * u * u).exp() / (AT[6 + k] * (2.0 * std::f64::consts::PI).sqrt())
        };
        (0..3).map(one).sum::<f64>().ln()
    }

    #[test]
    fn densities_match_the_definition() {
        for x in [-3.0, 0.2, 9.0] {
            let plain = |z: &[Real]| mixture(Vector::new(&z[..3]), normals(z)).formula(Real::from(x));
            close(evaluate(plain, &AT), expected(x), 16.0);
            check_gradient(plain, &AT);
            let mut shifted = AT;
            shifted[..3].iter_mut().for_each(|w| *w = w.ln() + 700.0);
            let logit = |z: &[Real]| mixture_logit(Vector::new(&z[..3]), normals(z)).formula(Real::from(x));
            // Logits near 700 lose three digits.
            close(evaluate(logit, &shifted), expected(x), 4000.0);
            check_gradient(logit, &AT);
        }
    }

    #[test]
    fn rows_see_the_same_density() {
        let data = Column::new(vec![-3.0, 0.2, 0.9, 5.0]);
        let all: f64 = data.values().iter().map(|&x| expected(x)).sum();
        let one = |z: &[Real], i| mixture(Vector::new(&z[..3]), normals(z)).formula(data.at(i));
        let program = record_rows(9, 4, one);
        close(oracle(&program, &AT), all, 16.0);
        check_program(&program, &AT);
        // Parameters that vary by row, and a component that does not vary at all.
        let shift = Column::new(vec![0.1, -0.3, 0.0, 0.7]);
        let varying = |z: &[Real], i| {
            let parts = vec![
                normal(z[3] + shift.at(i), z[6]),
                normal(shift.at(i), (z[7] * shift.at(i)).exp()),
                normal(0.3, z[8]),
            ];
            mixture(Vector::new(&z[..3]), parts).formula(data.at(i))
                + mixture(Vector::new(&z[..3]), normals(z)).formula(z[4])
        };
        let program = record_rows(9, 4, varying);
        let by_hand: f64 = (0..4)
            .map(|r| {
                let (x, s) = (data.values()[r], shift.values()[r]);
                let one = |m: f64, sd: f64| {
                    (-0.5 * ((x - m) / sd).powi(2)).exp() / (sd * (2.0 * std::f64::consts::PI).sqrt())
                };
                let sum = AT[0] * one(AT[3] + s, AT[6]) + AT[1] * one(s, (AT[7] * s).exp()) + AT[2] * one(0.3, AT[8]);
                sum.ln() + expected(AT[4])
            })
            .sum();
        close(oracle(&program, &AT), by_hand, 32.0);
        check_program(&program, &AT);
    }

    #[test]
    fn only_one_sum_of_each_component_is_left_in_the_rows() {
        let data = Column::new(vec![-3.0, 0.2]);
        let program = record_rows(9, 2, |z, i| mixture(Vector::new(&z[..3]), normals(z)).formula(data.at(i)));
        let plan = crate::program::plan::Plan::<f64>::new(&program);
        // The column and its spread over the draws, the log-sum-exp, and for each component: three imports (mean,
        // 1 / sd, the rest), the kernel and one sum.
        assert_eq!(plan.rows[0].len(), 3 + 3 * 5);
    }

    #[test]
    fn components_of_several_types_and_vectors() {
        let d = |z: &[Real]| {
            mixture_of(vec![(1.0 - z[0], Box::new(normal(0.0, 1.0))), (z[0], Box::new(half_cauchy(z[1])))])
                .log_density(Real::from(1.0))
        };
        let by_hand = 0.75 * (-0.5_f64).exp() / (2.0 * std::f64::consts::PI).sqrt() + 0.25 / std::f64::consts::PI;
        close(evaluate(d, &[0.25, 1.0]), by_hand.ln(), 8.0);
        check_gradient(d, &[0.25, 1.0]);
        let table = Matrix::new(vec![0.0, 0.0, 1.0, 2.0], 2).unwrap();
        let plane = |z: &[Real], i: crate::program::RowIndex| {
            let unit = Vector::constant(&[1.0, 0.0, 0.0, 1.0]);
            let part = |m: Real| multivariate_normal_cholesky(Vector::new(&[m, m]), unit);
            let logits = Vector::constant(&[0.0, 6.0_f64.ln()]);
            mixture_logit(logits, vec![part(z[0]), part(z[1])]).log_density(table.at(i).to_vector())
        };
        let program = record_rows(2, 2, plane);
        let bump = |x: [f64; 2], m: f64| {
            (-0.5 * ((x[0] - m).powi(2) + (x[1] - m).powi(2))).exp() / (2.0 * std::f64::consts::PI)
        };
        let row = |x| f64::ln(bump(x, 0.3) / 7.0 + bump(x, -0.4) * 6.0 / 7.0);
        close(oracle(&program, &[0.3, -0.4]), row([0.0, 0.0]) + row([1.0, 2.0]), 16.0);
        check_program(&program, &[0.3, -0.4]);
    }

    #[test]
    fn a_weight_of_zero_leaves_the_gradient_finite() {
        let seen = IntColumn::new(vec![2]);
        let one = |z: &[Real], i| {
            mixture(Vector::new(&z[..2]), vec![poisson(z[2]), poisson(z[3])]).log_density(seen.at(i).to_real())
        };
        let (value, gradient) = execute(&record_rows(4, 1, one), &[0.0, 1.0, 1.0, 2.0]);
        close(value, (2.0_f64 * (-2.0_f64).exp()).ln(), 8.0);
        assert!(gradient.iter().all(|g| g.is_finite()));
    }

    #[test]
    fn samples_come_from_the_components_in_proportion() {
        let any = mixture(Vector::constant(&[0.5, 0.5]), vec![poisson(1.0), poisson(1.0)]);
        let mass = |k: f64, rate: f64| (1..=k as u32).fold((-rate).exp(), |m, j| m * rate / f64::from(j));
        check_counts(&any, &[f64::ln(0.3), f64::ln(0.7), 1.0, 6.0], |k| 0.3 * mass(k, 1.0) + 0.7 * mass(k, 6.0));
        assert!(draws(&any, &[f64::NAN, 0.0, 1.0, 6.0], 1, 1)[0][0].is_nan());
    }

    #[test]
    fn a_wrong_number_of_weights_is_an_error() {
        let wrong = recording::record(|| {
            mixture(Vector::constant(&[0.5, 0.5]), vec![normal(0.0, 1.0)]);
        });
        assert!(
            wrong.err().is_some_and(|e| e.to_string().contains("mixture.rs") && e.to_string().contains("2 weights"))
        );
    }
}
