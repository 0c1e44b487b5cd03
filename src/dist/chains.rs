//! Priors of a vector whose elements follow each other: an autoregression and a random walk.

use rand_distr::{Distribution as _, StandardNormal};

use super::{Distribution, Parameter, Support};
use crate::numerics::LN_SQRT_2_PI;
use crate::program::{Real, Vector};

/// A stationary Gaussian autoregression of first order, or a random walk.
#[derive(Clone, Debug)]
pub struct GaussianChain {
    /// What the first element lies around.
    location: Real,
    /// What is kept of an element's distance from the location; none of a random walk, which keeps all of it.
    coefficient: Option<Real>,
    scale: Real,
    len: usize,
}

/// `x_0 ~ N(location, scale / sqrt(1 - coefficient^2))`, `x_t ~ N(location + coefficient (x_(t-1) - location), scale)`: the
/// stationary autoregression of `n` elements.
///
/// ```text
/// ln p(x) = -sum_t e_t^2 / 2 - n ln scale + ln(1 - coefficient^2) / 2 - n ln sqrt(2 pi)
/// e_0 = (x_0 - location) sqrt(1 - coefficient^2) / scale,  e_t = (x_t - location - coefficient (x_(t-1) - location)) / scale
/// ```
///
/// `coefficient` lies strictly between -1 and 1 and `scale` is positive. Each element meets its neighbours alone, so that q is
/// a band however long the series is.
#[doc = example!(
    r#"let persistence = 2.0 * p.draw("persistence", beta(20.0, 1.5)) - 1.0;"#,
    r#"let h = p.draw("h", autoregressive(-1.0, persistence, 0.3, 4));"#,
    "let y = Column::new([0.1, -0.4, 0.9, 0.2]);",
    "p.rows(4, |t| t.observe(y.at(t), normal(0.0, (0.5 * h.at(t)).exp())));",
)]
#[track_caller]
pub fn autoregressive(
    location: impl Into<Real>,
    coefficient: impl Into<Real>,
    scale: impl Into<Real>,
    n: usize,
) -> GaussianChain {
    made(GaussianChain {
        location: location.into(),
        coefficient: Some(coefficient.into()),
        scale: scale.into(),
        len: n,
    })
}

/// `x_0 ~ N(start, scale)`, `x_t ~ N(x_(t-1), scale)`: a random walk of `n` elements.
///
/// ```text
/// ln p(x) = -sum_t e_t^2 / 2 - n ln scale - n ln sqrt(2 pi),  e_0 = (x_0 - start) / scale,  e_t = (x_t - x_(t-1)) / scale
/// ```
///
/// `scale` is positive. Each element meets its neighbours alone, so that q is a band however long the walk is.
#[doc = example!(
    r#"let level = p.draw("level", random_walk(0.0, 0.3, 3));"#,
    "let y = Column::new([0.1, 0.4, 0.9]);",
    "p.rows(3, |t| t.observe(y.at(t), normal(level.at(t), 1.0)));",
)]
#[track_caller]
pub fn random_walk(start: impl Into<Real>, scale: impl Into<Real>, n: usize) -> GaussianChain {
    made(GaussianChain { location: start.into(), coefficient: None, scale: scale.into(), len: n })
}

#[track_caller]
fn made(distribution: GaussianChain) -> GaussianChain {
    super::domain::refuse(&distribution);
    distribution
}

impl Distribution for GaussianChain {
    type Value = Vector;

    #[track_caller]
    fn formula(&self, x: Vector) -> Real {
        let all = x.elements();
        let Some((first, later)) = all.split_first() else { return Real::from(0.0) };
        let first = (*first - self.location).square();
        let (before, location, n) = (&all[..later.len()], self.location, all.len() as f64);
        let ln_scales = n * (self.scale.ln() + LN_SQRT_2_PI);
        // The square of each step from one element to the next, all at once; no vector of no elements.
        let squares = |step: &dyn Fn(Real, Real) -> Real| match later.is_empty() {
            true => Real::from(0.0),
            false => Vector::new(later).zip(&Vector::new(before), |x, before| step(x, before).square()).sum(),
        };
        let (squares, ln_share) = match self.coefficient {
            None => (first + squares(&|x, before| x - before), Real::from(0.0)),
            Some(kept) => {
                let share = 1.0 - kept.square();
                (first * share + squares(&|x, before| x - location - kept * (before - location)), 0.5 * share.ln())
            }
        };
        -0.5 * squares / self.scale.square() + ln_share - ln_scales
    }

    fn support(&self) -> Support {
        Support::RealVector(self.len)
    }

    fn domains(&self) -> Vec<Parameter> {
        let [location, scale] = match self.coefficient {
            Some(_) => ["location of an autoregression", "scale of an autoregression"],
            None => ["start of a random walk", "scale of a random walk"],
        };
        let ends = Support::Interval(Real::from(-1.0), Real::from(1.0));
        let kept = self.coefficient.map(|kept| Parameter::new("coefficient of an autoregression", kept, ends));
        let others = [
            Parameter::new(location, self.location, Support::Real),
            Parameter::new(scale, self.scale, Support::Positive),
        ];
        others.into_iter().chain(kept).collect()
    }

    fn parameters(&self) -> Vec<Real> {
        [self.location, self.scale].into_iter().chain(self.coefficient).collect()
    }

    fn sample(&self, parameters: &[f64], rng: &mut dyn rand::Rng, out: &mut [f64]) {
        let [location, scale] = [parameters[0], parameters[1]];
        let kept = parameters.get(2).copied();
        let first = kept.map_or(1.0, |kept| (1.0 - kept * kept).sqrt().recip());
        let mut before = 0.0;
        for (t, x) in out.iter_mut().enumerate() {
            let e: f64 = StandardNormal.sample(&mut *rng);
            before = if t == 0 { first * scale * e } else { kept.unwrap_or(1.0) * before + scale * e };
            *x = location + before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::multivariate_normal_covariance;
    use super::super::testing::check_gradient;
    use super::super::testing_programs::*;
    use super::super::testing_samples::*;
    use super::*;

    const X: [f64; 4] = [0.3, -1.0, 0.4, 2.0];

    /// The multivariate normal distribution with mean `m` and these covariances.
    fn normal(x: &[Real], m: f64, covariance: impl Fn(usize, usize) -> f64) -> Real {
        let n = x.len();
        let all: Vec<f64> = (0..n * n).map(|k| covariance(k / n, k % n)).collect();
        multivariate_normal_covariance(Vector::constant(&vec![m; n]), Vector::constant(&all))
            .log_density(Vector::new(x))
    }

    #[test]
    fn an_autoregression_is_the_multivariate_normal_with_its_covariances() {
        let (m, kept, s) = (0.5, -0.6, 0.8f64);
        let variance = s * s / (1.0 - kept * kept);
        let covariance = |i: usize, j: usize| variance * f64::powi(kept, i.abs_diff(j) as i32);
        let of = |z: &[Real]| autoregressive(z[4], z[5], z[6], 4).log_density(Vector::new(&z[..4]));
        let z = [X.as_slice(), &[m, kept, s]].concat();
        close(evaluate(of, &z), evaluate(|x| normal(x, m, covariance), &X), 64.0);
        check_gradient(of, &z);
        let samples = draws(&autoregressive(m, kept, s, 3), &[m, s, kept], 3, 20_000);
        check_means(&samples, &[m; 3]);
        let pair = |i: usize, j: usize| move |x: &Vec<f64>| (x[i] - m) * (x[j] - m);
        let products = |x: &Vec<f64>| [pair(0, 0)(x), pair(0, 1)(x), pair(0, 2)(x), pair(2, 2)(x)].to_vec();
        let expected = [(0, 0), (0, 1), (0, 2), (2, 2)].map(|(i, j)| covariance(i, j));
        check_means(&samples.iter().map(products).collect::<Vec<_>>(), &expected);
    }

    #[test]
    fn a_random_walk_is_the_multivariate_normal_with_its_covariances() {
        let (m, s) = (0.5, 0.8f64);
        let covariance = |i: usize, j: usize| s * s * (1 + i.min(j)) as f64;
        let of = |z: &[Real]| random_walk(z[4], z[5], 4).log_density(Vector::new(&z[..4]));
        let z = [X.as_slice(), &[m, s]].concat();
        close(evaluate(of, &z), evaluate(|x| normal(x, m, covariance), &X), 64.0);
        check_gradient(of, &z);
        let samples = draws(&random_walk(m, s, 3), &[m, s], 3, 20_000);
        check_means(&samples, &[m; 3]);
        let products =
            |x: &Vec<f64>| [(0, 0), (0, 2), (1, 2)].map(|(i, j): (usize, usize)| (x[i] - m) * (x[j] - m)).to_vec();
        check_means(&samples.iter().map(products).collect::<Vec<_>>(), &[s * s, s * s, 2.0 * s * s]);
    }

    #[test]
    fn a_chain_of_one_and_of_none() {
        let (m, kept, s) = (0.5, 0.6, 0.8f64);
        let one = |x: &[Real]| autoregressive(m, kept, s, 1).log_density(Vector::new(x));
        close(evaluate(one, &[1.5]), evaluate(|x| normal(x, m, |_, _| s * s / (1.0 - kept * kept)), &[1.5]), 16.0);
        close(evaluate(|x| random_walk(m, s, 0).log_density(Vector::new(&[])) + x[0], &[2.5]), 2.5, 1.0);
    }
}
