//! Observations that count more or less than once.

use super::{Distribution, Parameter, Support};
use crate::program::Real;

/// A density to a power.
#[derive(Clone, Copy, Debug)]
pub struct WeightedDensity<D> {
    base: D,
    weight: Real,
}

/// `ln p(x) = weight ln base(x)`: an observation that counts `weight` times, as rows that stand for several do.
///
/// The weight is a number or a column, not negative. It is no density of `x`, unless the weight is one, and is for data alone:
/// what is drawn from it is drawn from `base`.
#[doc = example!(
    r#"let mean = p.draw("mean", normal(0.0, 1.0));"#,
    "p.observe(0.7, weighted(normal(mean, 1.0), 3.0)); // three people said 0.7",
)]
#[track_caller]
pub fn weighted<D: Distribution<Value = Real>>(base: D, weight: impl Into<Real>) -> WeightedDensity<D> {
    let made = WeightedDensity { base, weight: weight.into() };
    super::domain::refuse(&made);
    made
}

impl<D: Distribution<Value = Real>> Distribution for WeightedDensity<D> {
    type Value = Real;

    #[track_caller]
    fn formula(&self, x: Real) -> Real {
        self.weight * self.base.formula(x)
    }

    fn support(&self) -> Support {
        self.base.support()
    }

    fn domains(&self) -> Vec<Parameter> {
        let own = Parameter::new("weight of weighted", self.weight, Support::non_negative());
        self.base.domains().into_iter().chain([own]).collect()
    }

    fn edges(&self, x: Real) -> Vec<Parameter> {
        self.base.edges(x)
    }

    fn parameters(&self) -> Vec<Real> {
        self.base.parameters()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        self.base.sample(parameters, rng, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::super::{normal, poisson};
    use super::*;
    use crate::program::Column;

    /// A row that counts three times is the row three times.
    #[test]
    fn a_weight_is_a_number_of_rows() {
        let (x, w) = (Column::new([0.7, 2.0, 1.1]), Column::new([3.0, 0.0, 0.5]));
        let one = |z: &[Real], i| weighted(normal(z[0], z[1]), w.at(i)).log_density(x.at(i));
        let program = record_rows(2, 3, one);
        let normal = |x: f64| -0.5 * ((x - 0.4) / 1.3f64).powi(2) - (1.3 * (2.0 * std::f64::consts::PI).sqrt()).ln();
        close(oracle(&program, &[0.4, 1.3]), 3.0 * normal(0.7) + 0.5 * normal(1.1), 16.0);
        check_program(&program, &[0.4, 1.3]);
        check_means(&draws(&weighted(poisson(1.0), 4.0), &[2.5], 1, 20_000), &[2.5]);
    }
}
