//! Likelihoods at numbers: the parameters of a response's distribution, and its mean.

use super::about::NO_BOUNDS;
use super::likelihood::{Kind, Link, ResponseLaw};
use libm::erfc;
use std::f64::consts::{PI, SQRT_2};

impl ResponseLaw {
    /// The numbers of [`ResponseLaw::outcome`], in the order of its distribution's parameters.
    pub(super) fn numbers(self, link: Link, eta: f64, extra: &[f64], trials: f64) -> Vec<f64> {
        let number = |k: usize| extra.get(k).copied().unwrap_or(f64::NAN);
        let mu = link.mean_at(eta);
        match (self, link) {
            (ResponseLaw::Normal, _) | (ResponseLaw::LogNormal, _) => vec![mu, number(0)],
            (ResponseLaw::StudentT, _) => vec![number(1), mu, number(0)],
            (ResponseLaw::Gamma, _) => vec![number(0), number(0) / mu],
            (ResponseLaw::InverseGaussian, _) => vec![mu, number(0)],
            (ResponseLaw::Weibull, _) => vec![number(0), mu],
            (ResponseLaw::Exponential, _) => vec![1.0 / mu],
            (ResponseLaw::Beta, _) => vec![mu * number(0), (1.0 - mu) * number(0)],
            (ResponseLaw::Bernoulli, Link::Logit) => vec![eta],
            (ResponseLaw::Bernoulli, _) => vec![mu],
            (ResponseLaw::Binomial, Link::Logit) => vec![trials, eta],
            (ResponseLaw::Binomial, _) => vec![trials, mu],
            (ResponseLaw::BetaBinomial, _) => vec![trials, mu * number(0), (1.0 - mu) * number(0)],
            (ResponseLaw::Poisson, _) => vec![eta],
            (ResponseLaw::NegativeBinomial, _) => vec![eta, number(0)],
            (ResponseLaw::ZeroInflatedPoisson | ResponseLaw::HurdlePoisson, _) => vec![number(0), eta],
            (ResponseLaw::ZeroInflatedNegativeBinomial | ResponseLaw::HurdleNegativeBinomial, _) => {
                vec![number(1), eta, number(0)]
            }
            (ResponseLaw::Ordinal | ResponseLaw::SequentialOrdinal | ResponseLaw::Categorical, _) => Vec::new(),
        }
    }

    /// The mean of the response; NaN of categories.
    pub(super) fn expectation(self, link: Link, eta: f64, extra: &[f64], trials: f64) -> f64 {
        let number = |k: usize| extra.get(k).copied().unwrap_or(f64::NAN);
        let mu = link.mean_at(eta);
        match self {
            ResponseLaw::LogNormal => (eta + 0.5 * number(0).powi(2)).exp(),
            ResponseLaw::Weibull => mu * libm::tgamma(1.0 + 1.0 / number(0)),
            ResponseLaw::Binomial | ResponseLaw::BetaBinomial => trials * mu,
            // Counts above zero have the mean of all of them over the probability of one.
            ResponseLaw::HurdlePoisson => (1.0 - number(0)) * mu / -(-mu).exp_m1(),
            ResponseLaw::HurdleNegativeBinomial => {
                (1.0 - number(1)) * mu / -(-number(0) * (mu / number(0)).ln_1p()).exp_m1()
            }
            ResponseLaw::ZeroInflatedPoisson => (1.0 - number(0)) * mu,
            ResponseLaw::ZeroInflatedNegativeBinomial => (1.0 - number(1)) * mu,
            _ if self.kind() == Kind::Category => f64::NAN,
            _ => mu,
        }
    }

    /// The variance of the response; infinite where it has none, NaN of categories.
    pub(super) fn variance(self, link: Link, eta: f64, extra: &[f64], trials: f64) -> f64 {
        let number = |k: usize| extra.get(k).copied().unwrap_or(f64::NAN);
        let mu = link.mean_at(eta);
        // Of counts with a share of other zeros: from the second moment of all.
        let with_zeros = |share: f64, variance: f64| {
            let mean = self.expectation(link, eta, extra, trials);
            share * (variance + mu * mu) - mean * mean
        };
        match self {
            ResponseLaw::Normal => number(0).powi(2),
            ResponseLaw::StudentT if number(1) > 2.0 => number(0).powi(2) * number(1) / (number(1) - 2.0),
            ResponseLaw::StudentT => f64::INFINITY,
            ResponseLaw::LogNormal => {
                let s2 = number(0).powi(2);
                s2.exp_m1() * (2.0 * eta + s2).exp()
            }
            ResponseLaw::Gamma => mu * mu / number(0),
            ResponseLaw::InverseGaussian => mu.powi(3) / number(0),
            ResponseLaw::Weibull => {
                let moment = |k: f64| libm::tgamma(1.0 + k / number(0));
                mu * mu * (moment(2.0) - moment(1.0).powi(2))
            }
            ResponseLaw::Exponential => mu * mu,
            ResponseLaw::Beta => mu * (1.0 - mu) / (1.0 + number(0)),
            ResponseLaw::Bernoulli => mu * (1.0 - mu),
            ResponseLaw::Binomial => trials * mu * (1.0 - mu),
            ResponseLaw::BetaBinomial => trials * mu * (1.0 - mu) * (number(0) + trials) / (number(0) + 1.0),
            ResponseLaw::Poisson => mu,
            ResponseLaw::NegativeBinomial => mu + mu * mu / number(0),
            ResponseLaw::ZeroInflatedPoisson => with_zeros(1.0 - number(0), mu),
            ResponseLaw::ZeroInflatedNegativeBinomial => with_zeros(1.0 - number(1), mu + mu * mu / number(0)),
            ResponseLaw::HurdlePoisson => with_zeros((1.0 - number(0)) / -(-mu).exp_m1(), mu),
            ResponseLaw::HurdleNegativeBinomial => {
                let above = -(-number(0) * (mu / number(0)).ln_1p()).exp_m1();
                with_zeros((1.0 - number(1)) / above, mu + mu * mu / number(0))
            }
            ResponseLaw::Ordinal | ResponseLaw::SequentialOrdinal | ResponseLaw::Categorical => f64::NAN,
        }
    }

    /// Bounds that are parameters of the distribution behind those of [`ResponseLaw::numbers`].
    pub(super) fn bounds(self, (low, high): (f64, f64)) -> Vec<f64> {
        let is_low = low.is_finite() && !(self.kind() == Kind::Positive && low <= 0.0);
        is_low.then_some(low).into_iter().chain(high.is_finite().then_some(high)).collect()
    }

    /// The mean of the response between bounds.
    pub(super) fn expectation_within(
        self,
        link: Link,
        eta: f64,
        extra: &[f64],
        trials: f64,
        bounds: (f64, f64),
    ) -> f64 {
        if bounds == NO_BOUNDS {
            return self.expectation(link, eta, extra, trials);
        }
        let number = |k: usize| extra.get(k).copied().unwrap_or(f64::NAN);
        let (low, high) = bounds;
        let found = match self {
            ResponseLaw::Normal => {
                let (mu, sd) = (link.mean_at(eta), number(0));
                let (a, b) = ((low - mu) / sd, (high - mu) / sd);
                let density = |z: f64| if z.is_finite() { (-0.5 * z * z).exp() / (2.0 * PI).sqrt() } else { 0.0 };
                mu + sd * (density(a) - density(b)) / normal_between(a, b)
            }
            ResponseLaw::LogNormal => {
                let sd = number(0);
                let (a, b) = ((low.max(0.0).ln() - eta) / sd, (high.ln() - eta) / sd);
                (eta + 0.5 * sd * sd).exp() * normal_between(a - sd, b - sd) / normal_between(a, b)
            }
            ResponseLaw::Exponential => of_hazards(1.0, link.mean_at(eta), bounds),
            _ => of_hazards(number(0), link.mean_at(eta), bounds),
        };
        // Where hardly anything lies between the bounds, what does is at the nearer one.
        let found = if found.is_finite() { found } else { self.expectation(link, eta, extra, trials) };
        found.clamp(low, high)
    }
}

/// `Phi(b) - Phi(a)` on the side where neither is nearly one.
fn normal_between(a: f64, b: f64) -> f64 {
    let (a, b) = if a + b > 0.0 { (a, b) } else { (-b, -a) };
    0.5 * (erfc(a / SQRT_2) - erfc(b / SQRT_2))
}

/// The mean of a Weibull number between bounds: `scale int (H_low + h)^(1 / shape) exp(-h) dh / (1 - exp(-(H_high - H_low)))` over
/// `h` from 0 to `H_high - H_low`, with `H(x) = (x / scale)^shape`.
///
/// By Simpson's rule in the cube root of `h`, where the integrand is smooth enough for some 1e-5 with so many steps.
fn of_hazards(shape: f64, scale: f64, (low, high): (f64, f64)) -> f64 {
    const STEPS: u32 = 100;
    const FAR: f64 = 40.0;
    let hazard = |x: f64| if x > 0.0 { (x / scale).powf(shape) } else { 0.0 };
    let (from, length) = (hazard(low), hazard(high) - hazard(low));
    let step = length.min(FAR).cbrt() / f64::from(STEPS);
    let at = |k: u32| {
        let v = f64::from(k) * step;
        let h = v.powi(3);
        3.0 * v * v * (from + h).powf(1.0 / shape) * (-h).exp()
    };
    let weight = |k: u32| if k == 0 || k == STEPS { 1.0 } else { f64::from(2 + 2 * (k % 2)) };
    let sum: f64 = (0..=STEPS).map(|k| weight(k) * at(k)).sum();
    scale * sum * step / 3.0 / -(-length).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::super::likelihood::{About, Extra};
    use super::*;
    use jensen::dist::Distribution;
    use jensen::program::Real;

    /// Mean and variance are those of 40,000 numbers that the distribution of the response draws, within five standard errors.
    #[test]
    fn moments_are_those_of_draws() {
        let none = About { trials: None, low: None, high: None, upper: None, bounds: None };
        for &(name, law) in ResponseLaw::ALL {
            if law.kind() == Kind::Category {
                continue;
            }
            let (link, eta, extra, trials) = (
                law.links()[0],
                0.6,
                [
                    match law {
                        ResponseLaw::LogNormal => 0.5,
                        ResponseLaw::ZeroInflatedPoisson | ResponseLaw::HurdlePoisson => 0.3,
                        _ => 4.0,
                    },
                    match law {
                        ResponseLaw::StudentT => 9.0,
                        _ => 0.25,
                    },
                ],
                7.0,
            );
            let ones = Extra { numbers: vec![Real::from(0.5); 2], cutpoints: Vec::new() };
            let outcome = law.outcome(link, Real::from(0.5), &ones, none);
            let parameters = law.numbers(link, eta, &extra, trials);
            let (streams, n) = (jensen::streams::Streams::new(5), 40_000);
            let one = |d: usize| {
                let mut out = [0.0];
                outcome.sample(&parameters, &mut streams.draw(d), &mut out);
                out[0]
            };
            let drawn: Vec<f64> = (0..n).map(one).collect();
            let n = n as f64;
            let average = |of: &dyn Fn(f64) -> f64| drawn.iter().map(|y| of(*y)).sum::<f64>() / n;
            let mean = average(&|y| y);
            let (second, fourth) = (average(&|y| (y - mean).powi(2)), average(&|y| (y - mean).powi(4)));
            let expected = (law.expectation(link, eta, &extra, trials), law.variance(link, eta, &extra, trials));
            let errors = ((second / n).sqrt(), ((fourth - second * second) / n).sqrt());
            assert!((mean - expected.0).abs() < 5.0 * errors.0, "{name}: mean {mean}, {}", expected.0);
            assert!((second - expected.1).abs() < 5.0 * errors.1, "{name}: variance {second}, {}", expected.1);
        }
    }

    /// An exponential number above `a` has the mean `a + mu`; a normal one above its mean `mu + sd sqrt(2 / pi)`; a log-normal one
    /// above its median `exp(eta + sd^2 / 2) Phi(sd) 2`; and of an exponential number below `b` it is `mu - b / (exp(b / mu) - 1)`.
    #[test]
    fn means_between_bounds() {
        let at = |law: ResponseLaw, link, eta: f64, extra: &[f64], bounds| {
            law.expectation_within(link, eta, extra, 1.0, bounds)
        };
        let inf = f64::INFINITY;
        for (found, expected) in [
            (at(ResponseLaw::Exponential, Link::Log, 1.5f64.ln(), &[], (2.0, inf)), 3.5),
            (
                at(ResponseLaw::Exponential, Link::Log, 1.5f64.ln(), &[], (-inf, 2.0)),
                1.5 - 2.0 / ((2.0f64 / 1.5).exp() - 1.0),
            ),
            (at(ResponseLaw::Weibull, Link::Log, 1.5f64.ln(), &[1.0], (2.0, inf)), 3.5),
            // Of shape 2, above 0: the untruncated mean, scale Gamma(3/2).
            (at(ResponseLaw::Weibull, Link::Log, 0.0, &[2.0], (0.0, inf)), 0.886_226_925),
            (at(ResponseLaw::Normal, Link::Identity, 0.4, &[1.3], (0.4, inf)), 0.4 + 1.3 * (2.0 / PI).sqrt()),
            (at(ResponseLaw::Normal, Link::Identity, 0.4, &[1.3], (-2.0, 2.8)), 0.4),
            (
                at(ResponseLaw::LogNormal, Link::Identity, 0.4, &[0.7], (0.4f64.exp(), inf)),
                0.645f64.exp() * erfc(-0.7 / SQRT_2),
            ),
            (at(ResponseLaw::Normal, Link::Identity, -90.0, &[1.0], (0.0, inf)), 0.0),
        ] {
            assert!((found - expected).abs() < 1e-4 * expected.abs().max(0.1), "{found} {expected}");
        }
    }
}
