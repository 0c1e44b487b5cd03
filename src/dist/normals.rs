//! Several independent normal numbers as one vector.

use super::{Distribution, Parameter, Support, normal};
use crate::program::{Real, Vector, recording};

/// Independent normal numbers with means and standard deviations of their own, made by [`normals`].
#[derive(Clone, Copy, Debug)]
pub struct Normals {
    mean: Vector,
    sd: Vector,
}

/// `ln p(x) = sum_k ln N(x_k; mean_k, sd_k^2)`: a vector of independent normal numbers, each with moments of its own.
///
/// As a component of a [`mixture`](super::mixture), or for a latent whose means are a network's output; where all
/// numbers share one distribution, `draws` says the same.
#[track_caller]
pub fn normals(mean: Vector, sd: Vector) -> Normals {
    if mean.len() != sd.len() {
        recording::fail(format!("{} means meet {} standard deviations", mean.len(), sd.len()));
    }
    let made = Normals { mean, sd };
    super::domain::refuse(&made);
    made
}

impl Distribution for Normals {
    type Value = Vector;

    #[track_caller]
    fn formula(&self, x: Vector) -> Real {
        let centred = x.zip(&self.mean, |x, m| x - m);
        let density = |(x, s): (Real, Real)| normal(0.0, s).formula(x);
        centred.zip(&self.sd, |x, s| density((x, s))).sum()
    }

    fn support(&self) -> Support {
        Support::RealVector(self.mean.len())
    }

    fn domains(&self) -> Vec<Parameter> {
        vec![
            Parameter::new("mean of normals", self.mean, Support::Real),
            Parameter::new("sd of normals", self.sd, Support::Positive),
        ]
    }

    fn parameters(&self) -> Vec<Real> {
        [self.mean.elements(), self.sd.elements()].concat()
    }

    fn location_scale(&self) -> Option<(Real, Real)> {
        Some((self.mean.lanes(), self.sd.lanes()))
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let (mean, sd) = parameters.split_at(parameters.len() / 2);
        for ((o, m), s) in out.iter_mut().zip(mean).zip(sd) {
            let e: f64 = rand_distr::Distribution::sample(&rand_distr::StandardNormal, rng);
            *o = m + s * e;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::*;

    fn of(z: &[Real]) -> Real {
        normals(Vector::new(&z[2..4]), Vector::new(&z[4..6])).log_density(Vector::new(&z[..2]))
    }

    #[test]
    fn it_is_a_product_of_normals_with_its_gradient() {
        let z = [0.3, -1.0, 0.1, 0.5, 2.0, 0.25];
        let one =
            |x: f64, m: f64, s: f64| -0.5 * ((x - m) / s).powi(2) - s.ln() - 0.5 * (2.0 * std::f64::consts::PI).ln();
        close(evaluate(of, &z), one(0.3, 0.1, 2.0) + one(-1.0, 0.5, 0.25), 32.0);
        check_gradient(of, &z);
        let any = normals(Vector::constant(&[1.0, -2.0]), Vector::constant(&[0.5, 3.0]));
        let samples = draws(&any, &[1.0, -2.0, 0.5, 3.0], 2, 20_000);
        check_means(&samples, &[1.0, -2.0]);
        let squares: Vec<Vec<f64>> = samples.iter().map(|x| x.iter().map(|x| x * x).collect()).collect();
        check_means(&squares, &[1.25, 13.0]);
    }
}
