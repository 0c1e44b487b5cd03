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
    /// Successes among trials, more spread: `beta_binomial(n, mu precision, (1 - mu) precision)`.
    BetaBinomial,
    /// `poisson(mu)`, and with probability `zero` a zero.
    ZeroInflatedPoisson,
    /// A negative binomial, and with probability `zero` a zero.
    ZeroInflatedNegativeBinomial,
    /// With probability `zero` a zero, and otherwise a `poisson(mu)` above zero.
    HurdlePoisson,
    /// With probability `zero` a zero, and otherwise a negative binomial count above zero.
    HurdleNegativeBinomial,
    /// Ordered categories: `P(y <= k) = sigmoid(cutpoint_k - eta)`.
    Ordinal,
    /// Categories without an order: `P(y = k)` in proportion to `exp(eta_k)`, with `eta` of the first 0.
    Categorical,
    /// Positive numbers with mean `mu` and variance `mu^3 / shape`: `inverse_gaussian(mu, shape)`.
    InverseGaussian,
    /// Ordered categories, reached one after the other: `P(y = k | y >= k) = sigmoid(cutpoint_k - eta)`.
    SequentialOrdinal,
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

/// How a response was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub trials: Option<Int>,
    /// Where it is an upper bound, where a lower one, and the end of an interval.
    pub low: Option<Real>,
    pub high: Option<Real>,
    pub upper: Option<Real>,
    /// Between which it is seen at all.
    pub bounds: Option<(Real, Real)>,
}

/// Any distribution of a number.
pub(super) type Outcome = Box<dyn Distribution<Value = Real>>;

words! {
    ResponseLaw: Normal = "normal", StudentT = "student-t", LogNormal = "log-normal", Gamma = "gamma",
    InverseGaussian = "inverse-gaussian", Weibull = "weibull",
    Exponential = "exponential", Beta = "beta", Bernoulli = "bernoulli", Binomial = "binomial", Poisson = "poisson",
    NegativeBinomial = "negative-binomial", ZeroInflatedPoisson = "zero-inflated-poisson",
    ZeroInflatedNegativeBinomial = "zero-inflated-negative-binomial", HurdlePoisson = "hurdle-poisson",
    HurdleNegativeBinomial = "hurdle-negative-binomial", BetaBinomial = "beta-binomial", Ordinal = "ordinal",
    SequentialOrdinal = "sequential-ordinal", Categorical = "categorical",
}

words! { Link: Identity = "identity", Log = "log", Logit = "logit", Probit = "probit", Cloglog = "cloglog" }

impl ResponseLaw {
    /// The links it can have, the usual one first.
    pub fn links(self) -> &'static [Link] {
        match self {
            ResponseLaw::Normal | ResponseLaw::StudentT => &[Link::Identity, Link::Log],
            ResponseLaw::LogNormal => &[Link::Identity],
            ResponseLaw::Gamma | ResponseLaw::InverseGaussian | ResponseLaw::Weibull | ResponseLaw::Exponential => {
                &[Link::Log]
            }
            ResponseLaw::Beta | ResponseLaw::Bernoulli | ResponseLaw::Binomial | ResponseLaw::BetaBinomial => {
                &[Link::Logit, Link::Probit, Link::Cloglog]
            }
            ResponseLaw::Poisson
            | ResponseLaw::NegativeBinomial
            | ResponseLaw::ZeroInflatedPoisson
            | ResponseLaw::ZeroInflatedNegativeBinomial
            | ResponseLaw::HurdlePoisson
            | ResponseLaw::HurdleNegativeBinomial => &[Link::Log],
            ResponseLaw::Ordinal | ResponseLaw::SequentialOrdinal | ResponseLaw::Categorical => &[Link::Logit],
        }
    }

    /// What the response must be.
    pub(super) fn kind(self) -> Kind {
        match self {
            ResponseLaw::Normal | ResponseLaw::StudentT => Kind::Real,
            ResponseLaw::LogNormal
            | ResponseLaw::Gamma
            | ResponseLaw::InverseGaussian
            | ResponseLaw::Weibull
            | ResponseLaw::Exponential => Kind::Positive,
            ResponseLaw::Beta => Kind::Share,
            ResponseLaw::Bernoulli => Kind::Answer,
            ResponseLaw::Binomial
            | ResponseLaw::BetaBinomial
            | ResponseLaw::Poisson
            | ResponseLaw::NegativeBinomial
            | ResponseLaw::ZeroInflatedPoisson
            | ResponseLaw::ZeroInflatedNegativeBinomial
            | ResponseLaw::HurdlePoisson
            | ResponseLaw::HurdleNegativeBinomial => Kind::Count,
            ResponseLaw::Ordinal | ResponseLaw::SequentialOrdinal | ResponseLaw::Categorical => Kind::Category,
        }
    }

    /// Whether responses are successes among trials.
    pub(super) fn has_trials(self) -> bool {
        matches!(self, ResponseLaw::Binomial | ResponseLaw::BetaBinomial)
    }

    /// Whether a response can be known up to a limit only, or be seen between bounds alone.
    pub(super) fn can_be_censored(self) -> bool {
        matches!(self, ResponseLaw::Normal | ResponseLaw::LogNormal | ResponseLaw::Weibull | ResponseLaw::Exponential)
    }

    /// Whether the linear predictor has an intercept: cutpoints are in its place otherwise.
    pub(super) fn has_intercept(self) -> bool {
        !self.is_ordinal()
    }

    /// Whether the response has cutpoints.
    pub(super) fn is_ordinal(self) -> bool {
        matches!(self, ResponseLaw::Ordinal | ResponseLaw::SequentialOrdinal)
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
            ResponseLaw::InverseGaussian => vec![shape()],
            ResponseLaw::Beta | ResponseLaw::BetaBinomial => {
                vec![("precision", Domain::Positive, Prior::new(Family::Gamma, [2.0, 0.01]))]
            }
            ResponseLaw::ZeroInflatedPoisson | ResponseLaw::HurdlePoisson => vec![zero()],
            ResponseLaw::ZeroInflatedNegativeBinomial | ResponseLaw::HurdleNegativeBinomial => vec![shape(), zero()],
            _ => Vec::new(),
        }
    }

    /// The distribution of the response at a linear predictor; not of categories.
    pub(super) fn outcome(self, link: Link, eta: Real, extra: &Extra, about: About) -> Outcome {
        let number = |k: usize| extra.numbers.get(k).copied().unwrap_or(Real::from(f64::NAN));
        let trials = || about.trials.unwrap_or(Int::from(1));
        let mu = || link.mean(eta);
        match (self, link) {
            (ResponseLaw::Normal, _) => about.seen(normal(mu(), number(0))),
            (ResponseLaw::StudentT, _) => Box::new(student_t(number(1), mu(), number(0))),
            (ResponseLaw::LogNormal, _) => about.seen(log_normal(eta, number(0))),
            (ResponseLaw::Gamma, _) => Box::new(gamma(number(0), number(0) * (-eta).exp())),
            (ResponseLaw::InverseGaussian, _) => Box::new(inverse_gaussian(mu(), number(0))),
            (ResponseLaw::Weibull, _) => about.seen(weibull(number(0), mu())),
            (ResponseLaw::Exponential, _) => about.seen(exponential((-eta).exp())),
            (ResponseLaw::Beta, _) => {
                let mu = mu();
                Box::new(beta(mu * number(0), (1.0 - mu) * number(0)))
            }
            (ResponseLaw::Bernoulli, Link::Logit) => Box::new(bernoulli_logit(eta)),
            (ResponseLaw::Bernoulli, _) => Box::new(bernoulli(mu())),
            (ResponseLaw::Binomial, Link::Logit) => Box::new(binomial_logit(trials(), eta)),
            (ResponseLaw::Binomial, _) => Box::new(binomial(trials(), mu())),
            (ResponseLaw::BetaBinomial, _) => {
                let mu = mu();
                Box::new(beta_binomial(trials(), mu * number(0), (1.0 - mu) * number(0)))
            }
            (ResponseLaw::Poisson, _) => Box::new(poisson_log(eta)),
            (ResponseLaw::NegativeBinomial, _) => Box::new(negative_binomial_log(eta, number(0))),
            (ResponseLaw::ZeroInflatedPoisson, _) => Box::new(zero_inflated(number(0), poisson_log(eta))),
            (ResponseLaw::ZeroInflatedNegativeBinomial, _) => {
                Box::new(zero_inflated(number(1), negative_binomial_log(eta, number(0))))
            }
            (ResponseLaw::HurdlePoisson, _) => Box::new(hurdle(number(0), poisson_log(eta))),
            (ResponseLaw::HurdleNegativeBinomial, _) => {
                Box::new(hurdle(number(1), negative_binomial_log(eta, number(0))))
            }
            (ResponseLaw::Ordinal, _) => Box::new(ordered_logistic(eta, Vector::new(&extra.cutpoints))),
            (ResponseLaw::SequentialOrdinal, _) => {
                Box::new(categorical_logit(Vector::new(&sequential(eta, &extra.cutpoints))))
            }
            (ResponseLaw::Categorical, _) => Box::new(bernoulli_logit(eta)),
        }
    }
}

/// Log probabilities of categories that are reached one after the other: `ln sigmoid(cut_k - eta) + sum_(j<k) ln sigmoid(eta - cut_j)`.
fn sequential(eta: Real, cuts: &[Real]) -> Vec<Real> {
    let mut beyond = Real::from(0.0);
    let mut all = Vec::with_capacity(cuts.len() + 1);
    for &cut in cuts {
        all.push(beyond + (cut - eta).log_sigmoid());
        beyond += (eta - cut).log_sigmoid();
    }
    all.push(beyond);
    all
}

impl ResponseLaw {
    /// What the exponential of a coefficient is, where it is something.
    pub(super) fn ratios(self, link: Link) -> Option<&'static str> {
        match (self, link) {
            (ResponseLaw::Categorical, _) => Some("ratios of odds against the first category"),
            (ResponseLaw::SequentialOrdinal, _) => Some("ratios of the odds of going on to a higher category"),
            (ResponseLaw::Ordinal, _) => Some("ratios of the odds of a higher category"),
            (_, Link::Logit) => Some("odds ratios"),
            (_, Link::Cloglog) => Some("hazard ratios"),
            (ResponseLaw::Weibull | ResponseLaw::Exponential, _) => Some("ratios of lifetimes"),
            (law, Link::Log) if law.kind() == Kind::Count => Some("rate ratios"),
            (_, Link::Log) => Some("ratios of means"),
            (ResponseLaw::LogNormal, _) => Some("ratios of medians"),
            _ => None,
        }
    }
}

impl About {
    /// A lifetime or a real number as it was seen.
    fn seen<D: jensen::dist::Survival + 'static>(self, base: D) -> Outcome {
        let (least, most) = (-f64::MAX, f64::MAX);
        if let Some((low, high)) = self.bounds {
            return Box::new(truncated(base, low, high));
        }
        if self.low.is_none() && self.high.is_none() && self.upper.is_none() {
            return Box::new(base);
        }
        let within = censored(base, self.low.unwrap_or(least.into()), self.high.unwrap_or(most.into()));
        match self.upper {
            Some(upper) => Box::new(within.up_to(upper)),
            None => Box::new(within),
        }
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
    pub(super) fn mean_at(self, eta: f64) -> f64 {
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
            Kind::Answer => Some("0 or 1, or one of two words, which `C(..)` makes of two numbers,"),
            Kind::Count if is_count => None,
            Kind::Count => Some("a count: 0, 1, 2, .."),
        }
    }
}
