//! How a response is distributed given its linear predictor.

use super::prior::{Domain, Family, Prior};
use super::words::words;
use jensen::prelude::*;
use serde::{Deserialize, Serialize};

/// The distribution of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseLaw {
    /// Any number: `normal(mu, sigma)`.
    Normal,
    /// Any number, with outliers: `student_t(nu, mu, sigma)`.
    StudentT,
    /// Positive numbers: `log_normal(eta, sigma)`.
    LogNormal,
    /// Positive numbers with mean `mu`: `gamma(shape, shape / mu)`.
    Gamma,
    /// Lifetimes: `weibull(shape, mu)`, of which `mu` is the time that a share 1/e survives.
    Weibull,
    /// Lifetimes with mean `mu`: `exponential(1 / mu)`.
    Exponential,
    /// Shares between 0 and 1 with mean `mu`: `beta(mu precision, (1 - mu) precision)`.
    Beta,
    /// One of two: `bernoulli(mu)`.
    Bernoulli,
    /// Successes among trials: `binomial(n, mu)`.
    Binomial,
    /// Counts: `poisson(mu)`.
    Poisson,
    /// Counts, more spread: mean `mu`, variance `mu + mu^2 / shape`.
    NegativeBinomial,
    /// `poisson(mu)`, and with probability `zero` a zero.
    ZeroInflatedPoisson,
    /// A negative binomial, and with probability `zero` a zero.
    ZeroInflatedNegativeBinomial,
    /// Ordered categories: `P(y <= k) = sigmoid(cutpoint_k - eta)`.
    Ordinal,
    /// Categories without an order: `P(y = k)` in proportion to `exp(eta_k)`, with `eta` of the first 0.
    Categorical,
}

/// What makes a mean of a linear predictor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// `mu = eta`
    Identity,
    /// `mu = exp(eta)`
    Log,
    /// `mu = 1 / (1 + exp(-eta))`
    Logit,
    /// `mu = Phi(eta)`, the normal distribution function
    Probit,
    /// `mu = 1 - exp(-exp(eta))`
    Cloglog,
}

/// What a response must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Real,
    Positive,
    Share,
    /// 0 or 1, or two words.
    Answer,
    Count,
    /// Categories, in an order or without.
    Category,
}

/// The numbers that a likelihood needs besides the linear predictor, at constants or at latents.
#[derive(Debug, Clone, Default)]
pub(super) struct Extra {
    pub numbers: Vec<Real>,
    pub cutpoints: Vec<Real>,
}

/// Any distribution of a number.
pub(super) type Outcome = Box<dyn Distribution<Value = Real>>;

words! {
    ResponseLaw: Normal = "normal", StudentT = "student-t", LogNormal = "log-normal", Gamma = "gamma", Weibull = "weibull",
    Exponential = "exponential", Beta = "beta", Bernoulli = "bernoulli", Binomial = "binomial", Poisson = "poisson",
    NegativeBinomial = "negative-binomial", ZeroInflatedPoisson = "zero-inflated-poisson",
    ZeroInflatedNegativeBinomial = "zero-inflated-negative-binomial", Ordinal = "ordinal", Categorical = "categorical",
}

words! { Link: Identity = "identity", Log = "log", Logit = "logit", Probit = "probit", Cloglog = "cloglog" }

impl ResponseLaw {
    /// The links it can have, the usual one first.
    pub fn links(self) -> &'static [Link] {
        match self {
            ResponseLaw::Normal | ResponseLaw::StudentT => &[Link::Identity, Link::Log],
            ResponseLaw::LogNormal => &[Link::Identity],
            ResponseLaw::Gamma | ResponseLaw::Weibull | ResponseLaw::Exponential => &[Link::Log],
            ResponseLaw::Beta | ResponseLaw::Bernoulli | ResponseLaw::Binomial => {
                &[Link::Logit, Link::Probit, Link::Cloglog]
            }
            ResponseLaw::Poisson
            | ResponseLaw::NegativeBinomial
            | ResponseLaw::ZeroInflatedPoisson
            | ResponseLaw::ZeroInflatedNegativeBinomial => &[Link::Log],
            ResponseLaw::Ordinal | ResponseLaw::Categorical => &[Link::Logit],
        }
    }

    /// What the response must be.
    pub(super) fn kind(self) -> Kind {
        match self {
            ResponseLaw::Normal | ResponseLaw::StudentT => Kind::Real,
            ResponseLaw::LogNormal | ResponseLaw::Gamma | ResponseLaw::Weibull | ResponseLaw::Exponential => {
                Kind::Positive
            }
            ResponseLaw::Beta => Kind::Share,
            ResponseLaw::Bernoulli => Kind::Answer,
            ResponseLaw::Binomial
            | ResponseLaw::Poisson
            | ResponseLaw::NegativeBinomial
            | ResponseLaw::ZeroInflatedPoisson
            | ResponseLaw::ZeroInflatedNegativeBinomial => Kind::Count,
            ResponseLaw::Ordinal | ResponseLaw::Categorical => Kind::Category,
        }
    }

    /// Whether a response can be known up to a limit only.
    pub(super) fn can_be_censored(self) -> bool {
        matches!(self, ResponseLaw::Normal | ResponseLaw::LogNormal | ResponseLaw::Weibull | ResponseLaw::Exponential)
    }

    /// Whether the linear predictor has an intercept: cutpoints are in its place otherwise.
    pub(super) fn has_intercept(self) -> bool {
        self != ResponseLaw::Ordinal
    }

    /// The parameters besides the linear predictor, with their priors; `s` is the standard deviation of the response in
    /// the units of the linear predictor.
    pub(super) fn parameters(self, s: f64) -> Vec<(&'static str, Domain, Prior)> {
        let sigma = || ("sigma", Domain::Positive, Prior::new(Family::Exponential, [1.0 / s]));
        let shape = || ("shape", Domain::Positive, Prior::new(Family::Gamma, [2.0, 0.1]));
        let zero = || ("zero", Domain::Unit, Prior::new(Family::Beta, [1.0, 1.0]));
        match self {
            ResponseLaw::Normal | ResponseLaw::LogNormal => vec![sigma()],
            ResponseLaw::StudentT => vec![sigma(), ("nu", Domain::Positive, Prior::new(Family::Gamma, [2.0, 0.1]))],
            ResponseLaw::Gamma | ResponseLaw::Weibull | ResponseLaw::NegativeBinomial => vec![shape()],
            ResponseLaw::Beta => vec![("precision", Domain::Positive, Prior::new(Family::Gamma, [2.0, 0.01]))],
            ResponseLaw::ZeroInflatedPoisson => vec![zero()],
            ResponseLaw::ZeroInflatedNegativeBinomial => vec![shape(), zero()],
            _ => Vec::new(),
        }
    }

    /// The distribution of the response at a linear predictor; not of categories.
    pub(super) fn outcome(
        self,
        link: Link,
        eta: Real,
        extra: &Extra,
        trials: Option<Int>,
        limit: Option<Real>,
    ) -> Outcome {
        let number = |k: usize| extra.numbers.get(k).copied().unwrap_or(Real::from(f64::NAN));
        let trials = || trials.unwrap_or(Int::from(1));
        let mu = || link.mean(eta);
        match (self, link) {
            (ResponseLaw::Normal, _) => censored(normal(mu(), number(0)), limit),
            (ResponseLaw::StudentT, _) => Box::new(student_t(number(1), mu(), number(0))),
            (ResponseLaw::LogNormal, _) => censored(log_normal(eta, number(0)), limit),
            (ResponseLaw::Gamma, _) => Box::new(gamma(number(0), number(0) * (-eta).exp())),
            (ResponseLaw::Weibull, _) => censored(weibull(number(0), mu()), limit),
            (ResponseLaw::Exponential, _) => censored(exponential((-eta).exp()), limit),
            (ResponseLaw::Beta, _) => {
                let mu = mu();
                Box::new(beta(mu * number(0), (1.0 - mu) * number(0)))
            }
            (ResponseLaw::Bernoulli, Link::Logit) => Box::new(bernoulli_logit(eta)),
            (ResponseLaw::Bernoulli, _) => Box::new(bernoulli(mu())),
            (ResponseLaw::Binomial, Link::Logit) => Box::new(binomial_logit(trials(), eta)),
            (ResponseLaw::Binomial, _) => Box::new(binomial(trials(), mu())),
            (ResponseLaw::Poisson, _) => Box::new(poisson_log(eta)),
            (ResponseLaw::NegativeBinomial, _) => Box::new(negative_binomial_log(eta, number(0))),
            (ResponseLaw::ZeroInflatedPoisson, _) => Box::new(zero_inflated(number(0), poisson_log(eta))),
            (ResponseLaw::ZeroInflatedNegativeBinomial, _) => {
                Box::new(zero_inflated(number(1), negative_binomial_log(eta, number(0))))
            }
            (ResponseLaw::Ordinal, _) => Box::new(ordered_logistic(eta, Vector::new(&extra.cutpoints))),
            (ResponseLaw::Categorical, _) => Box::new(bernoulli_logit(eta)),
        }
    }

    /// The numbers of [`ResponseLaw::outcome`], in the order of its distribution's parameters.
    pub(super) fn numbers(self, link: Link, eta: f64, extra: &[f64], trials: f64) -> Vec<f64> {
        let number = |k: usize| extra.get(k).copied().unwrap_or(f64::NAN);
        let mu = link.mean_at(eta);
        match (self, link) {
            (ResponseLaw::Normal, _) | (ResponseLaw::LogNormal, _) => vec![mu, number(0)],
            (ResponseLaw::StudentT, _) => vec![number(1), mu, number(0)],
            (ResponseLaw::Gamma, _) => vec![number(0), number(0) / mu],
            (ResponseLaw::Weibull, _) => vec![number(0), mu],
            (ResponseLaw::Exponential, _) => vec![1.0 / mu],
            (ResponseLaw::Beta, _) => vec![mu * number(0), (1.0 - mu) * number(0)],
            (ResponseLaw::Bernoulli, Link::Logit) => vec![eta],
            (ResponseLaw::Bernoulli, _) => vec![mu],
            (ResponseLaw::Binomial, Link::Logit) => vec![trials, eta],
            (ResponseLaw::Binomial, _) => vec![trials, mu],
            (ResponseLaw::Poisson, _) => vec![eta],
            (ResponseLaw::NegativeBinomial, _) => vec![eta, number(0)],
            (ResponseLaw::ZeroInflatedPoisson, _) => vec![number(0), eta],
            (ResponseLaw::ZeroInflatedNegativeBinomial, _) => vec![number(1), eta, number(0)],
            (ResponseLaw::Ordinal | ResponseLaw::Categorical, _) => Vec::new(),
        }
    }

    /// The mean of the response; NaN of categories.
    pub(super) fn expectation(self, link: Link, eta: f64, extra: &[f64], trials: f64) -> f64 {
        let number = |k: usize| extra.get(k).copied().unwrap_or(f64::NAN);
        let mu = link.mean_at(eta);
        match self {
            ResponseLaw::LogNormal => (eta + 0.5 * number(0).powi(2)).exp(),
            ResponseLaw::Weibull => mu * libm::tgamma(1.0 + 1.0 / number(0)),
            ResponseLaw::Binomial => trials * mu,
            ResponseLaw::ZeroInflatedPoisson => (1.0 - number(0)) * mu,
            ResponseLaw::ZeroInflatedNegativeBinomial => (1.0 - number(1)) * mu,
            ResponseLaw::Ordinal | ResponseLaw::Categorical => f64::NAN,
            _ => mu,
        }
    }
}

fn censored<D: jensen::dist::Survival + 'static>(base: D, limit: Option<Real>) -> Outcome {
    match limit {
        Some(limit) => Box::new(censored_above(base, limit)),
        None => Box::new(base),
    }
}

impl Link {
    /// The mean at a linear predictor.
    pub(super) fn mean(self, eta: Real) -> Real {
        match self {
            Link::Identity => eta,
            Link::Log => eta.exp(),
            Link::Logit => eta.sigmoid(),
            Link::Probit => eta.normal_cdf(),
            Link::Cloglog => -(-eta.exp()).exp_m1(),
        }
    }

    /// The same of a number.
    fn mean_at(self, eta: f64) -> f64 {
        match self {
            Link::Identity => eta,
            Link::Log => eta.exp(),
            Link::Logit => 1.0 / (1.0 + (-eta).exp()),
            Link::Probit => 0.5 * libm::erfc(-eta / std::f64::consts::SQRT_2),
            Link::Cloglog => -(-eta.exp()).exp_m1(),
        }
    }
}

impl Kind {
    /// What is wrong with a value, where something is.
    pub fn mistake(self, value: f64) -> Option<&'static str> {
        let is_count = value >= 0.0 && value.fract() == 0.0;
        match self {
            Kind::Real | Kind::Category => None,
            Kind::Positive if value > 0.0 => None,
            Kind::Positive => Some("a positive number"),
            Kind::Share if value > 0.0 && value < 1.0 => None,
            Kind::Share => Some("a share between 0 and 1, and neither of them"),
            Kind::Answer if value == 0.0 || value == 1.0 => None,
            Kind::Answer => Some("0 or 1, or one of two words"),
            Kind::Count if is_count => None,
            Kind::Count => Some("a count: 0, 1, 2, .."),
        }
    }
}
