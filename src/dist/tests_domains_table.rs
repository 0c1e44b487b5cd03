//! The table of the law of domains: what lies in each parameter's domain and in the support, and what does not.

use super::*;
use crate::model::LogJoint;
use crate::program::{Int, Vector};

/// A distribution, an observed value and its parameters.
pub(super) struct Case {
    /// The name of its constructor.
    pub name: &'static str,
    /// Observes a value with given parameters.
    pub observe: fn(&LogJoint, &[Real], &[Vec<Real>]),
    pub x: Set,
    pub parameters: Vec<Set>,
}

/// A value in a set, and values outside of it.
pub(super) struct Set {
    /// What messages say of it.
    pub name: &'static str,
    pub inside: Vec<f64>,
    pub outside: Vec<Vec<f64>>,
}

const INF: f64 = f64::INFINITY;

fn set<const N: usize>(name: &'static str, inside: f64, outside: [f64; N]) -> Set {
    Set { name, inside: vec![inside], outside: outside.iter().map(|&x| vec![x]).collect() }
}

fn vector<const N: usize>(name: &'static str, inside: &[f64], outside: [&[f64]; N]) -> Set {
    Set { name, inside: inside.to_vec(), outside: outside.iter().map(|x| x.to_vec()).collect() }
}

fn real(name: &'static str, inside: f64) -> Set {
    set(name, inside, [INF, -INF])
}

fn positive(name: &'static str, inside: f64) -> Set {
    set(name, inside, [0.0, -2.0, INF])
}

/// A positive parameter of one component: an infinite one leaves the others.
fn component(name: &'static str, inside: f64) -> Set {
    set(name, inside, [0.0, -2.0])
}

fn non_negative(name: &'static str, inside: f64) -> Set {
    set(name, inside, [-1e-3, -150.0, INF])
}

fn probability(name: &'static str) -> Set {
    set(name, 0.3, [-0.1, 1.1, 8.2])
}

fn count(inside: f64) -> Set {
    set("", inside, [-1.0, 2.5, INF])
}

/// Shares of two categories.
fn shares(name: &'static str) -> Set {
    vector(name, &[0.25, 0.75], [&[-0.25, 1.25], &[0.25, 0.5], &[25.0, 75.0]])
}

/// A Cholesky factor of two variables.
fn factor(name: &'static str) -> Set {
    vector(name, &[1.5, 0.0, -0.4, 0.7], [&[1.5, 0.1, -0.4, 0.7], &[1.5, 0.0, -0.4, -0.7], &[0.0, 0.0, -0.4, 0.7]])
}

/// A covariance of two variables.
fn covariance(name: &'static str) -> Set {
    vector(name, &[1.5, 0.2, 0.2, 0.7], [&[1.5, 0.2, 0.1, 0.7], &[1.0, 2.0, 2.0, 1.0], &[-1.5, 0.2, 0.2, 0.7]])
}

macro_rules! case {
    ($name:ident, |$at:ident, $x:ident, $p:ident| $observe:expr, $value:expr, [$($parameter:expr),*]) => {
        Case { name: stringify!($name), observe: |$at, $x, $p| $observe, x: $value, parameters: vec![$($parameter),*] }
    };
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = of_numbers();
    all.extend(of_counts());
    all.extend(of_vectors());
    all
}

fn of_numbers() -> Vec<Case> {
    vec![
        case!(
            normal,
            |at, x, p| at.observe(x[0], normal(p[0][0], p[1][0])),
            real("", 0.5),
            [real("mean", 0.3), positive("sd", 1.2)]
        ),
        case!(
            log_normal,
            |at, x, p| at.observe(x[0], log_normal(p[0][0], p[1][0])),
            positive("", 0.5),
            [real("mean", 0.3), positive("sd", 1.2)]
        ),
        case!(
            half_normal,
            |at, x, p| at.observe(x[0], half_normal(p[0][0])),
            non_negative("", 0.5),
            [positive("scale", 1.2)]
        ),
        case!(
            cauchy,
            |at, x, p| at.observe(x[0], cauchy(p[0][0], p[1][0])),
            real("", 0.5),
            [real("location", 0.3), positive("scale", 1.2)]
        ),
        case!(
            half_cauchy,
            |at, x, p| at.observe(x[0], half_cauchy(p[0][0])),
            non_negative("", 0.5),
            [positive("scale", 1.2)]
        ),
        case!(
            half_student_t,
            |at, x, p| at.observe(x[0], half_student_t(p[0][0], p[1][0])),
            non_negative("", 0.5),
            [positive("df", 3.5), positive("scale", 1.2)]
        ),
        case!(
            censored_above,
            |at, x, p| at.observe(x[0], censored_above(weibull(p[0][0], p[1][0]), p[2][0])),
            set("", 0.5, [0.0, -2.0, 2.5, INF]),
            [positive("shape", 1.4), positive("scale", 1.2), set("limit", 2.0, [])]
        ),
        case!(
            censored,
            |at, x, p| at.observe(x[0], censored(weibull(p[0][0], p[1][0]), p[2][0], p[3][0])),
            set("", 0.5, [0.0, -2.0, 2.5, INF]),
            [positive("shape", 1.4), positive("scale", 1.2), set("limit", 0.1, []), set("limit", 2.0, [])]
        ),
        case!(
            truncated,
            |at, x, p| at.observe(x[0], truncated(weibull(p[0][0], p[1][0]), 0.1, 2.0)),
            set("", 0.5, [0.0, -2.0, 2.5, INF]),
            [positive("shape", 1.4), positive("scale", 1.2)]
        ),
        case!(
            beta_binomial,
            |at, x, p| at.observe(x[0], beta_binomial(5, p[0][0], p[1][0])),
            set("", 2.0, [-1.0, 2.5, 6.0]),
            [positive("a", 1.4), positive("b", 1.2)]
        ),
        case!(
            hurdle,
            |at, x, p| at.observe(x[0], hurdle(p[0][0], poisson(p[1][0]))),
            count(2.0),
            [probability("probability_of_zero"), set("rate", 1.2, [-1e-3, -150.0])]
        ),
        case!(
            weighted,
            |at, x, p| at.observe(x[0], weighted(normal(p[0][0], p[1][0]), p[2][0])),
            real("", 0.5),
            [real("mean", 0.3), positive("sd", 1.2), set("weight", 2.0, [-1.0, -2.0])]
        ),
        case!(
            laplace,
            |at, x, p| at.observe(x[0], laplace(p[0][0], p[1][0])),
            real("", 0.5),
            [real("location", 0.3), positive("scale", 1.2)]
        ),
        case!(
            logistic,
            |at, x, p| at.observe(x[0], logistic(p[0][0], p[1][0])),
            real("", 0.5),
            [real("location", 0.3), positive("scale", 1.2)]
        ),
        case!(
            gumbel,
            |at, x, p| at.observe(x[0], gumbel(p[0][0], p[1][0])),
            real("", 0.5),
            [real("location", 0.3), positive("scale", 1.2)]
        ),
        case!(
            student_t,
            |at, x, p| at.observe(x[0], student_t(p[0][0], p[1][0], p[2][0])),
            real("", 0.5),
            [positive("df", 3.5), real("location", 0.3), positive("scale", 1.2)]
        ),
        case!(
            exponential,
            |at, x, p| at.observe(x[0], exponential(p[0][0])),
            non_negative("", 1.5),
            [positive("rate", 1.2)]
        ),
        case!(
            gamma,
            |at, x, p| at.observe(x[0], gamma(p[0][0], p[1][0])),
            positive("", 0.5),
            [positive("shape", 1.7), positive("rate", 1.2)]
        ),
        case!(
            inverse_gamma,
            |at, x, p| at.observe(x[0], inverse_gamma(p[0][0], p[1][0])),
            positive("", 0.5),
            [positive("shape", 1.7), positive("scale", 1.2)]
        ),
        case!(chi_squared, |at, x, p| at.observe(x[0], chi_squared(p[0][0])), positive("", 0.5), [positive("df", 3.5)]),
        case!(
            weibull,
            |at, x, p| at.observe(x[0], weibull(p[0][0], p[1][0])),
            positive("", 0.5),
            [positive("shape", 1.7), positive("scale", 1.2)]
        ),
        case!(
            inverse_gaussian,
            |at, x, p| at.observe(x[0], inverse_gaussian(p[0][0], p[1][0])),
            positive("", 0.5),
            [positive("mean", 1.7), positive("shape", 1.2)]
        ),
        case!(
            pareto,
            |at, x, p| at.observe(x[0], pareto(p[0][0], p[1][0])),
            set("", 2.5, [1.1, -3.0]),
            [set("scale", 1.2, [0.0, -1.0]), positive("shape", 1.7)]
        ),
        case!(
            beta,
            |at, x, p| at.observe(x[0], beta(p[0][0], p[1][0])),
            set("", 0.4, [0.0, 1.0, -0.1, 1.1, 40.0]),
            [positive("a", 1.7), positive("b", 2.2)]
        ),
        case!(
            uniform,
            |at, x, p| at.observe(x[0], uniform(p[0][0], p[1][0])),
            set("", 0.4, [-1.5, 2.1, 256.0]),
            [set("low", -1.0, [2.0, 3.0, -INF]), set("high", 2.0, [INF])]
        ),
        case!(
            von_mises,
            |at, x, p| at.observe(x[0], von_mises(p[0][0], p[1][0])),
            real("", 0.5),
            [real("mean", 0.3), positive("concentration", 1.2)]
        ),
        case!(
            mixture,
            |at, x, p| at.observe(x[0], mixture(Vector::new(&p[0]), vec![normal(p[1][0], p[2][0]), normal(0.0, 1.0)])),
            real("", 0.5),
            [shares("weights"), set("mean", 0.3, []), component("sd", 1.2)]
        ),
        case!(
            mixture_logit,
            |at, x, p| at.observe(
                x[0],
                mixture_logit(Vector::constant(&[0.1, 0.3]), vec![gamma(p[0][0], 1.0), gamma(2.0, 1.0)])
            ),
            positive("", 0.5),
            [positive("shape", 1.2)]
        ),
        case!(
            mixture_of,
            |at, x, p| at.observe(
                x[0],
                mixture_of(vec![
                    (p[0][0], Box::new(half_cauchy(p[1][0]))),
                    (1.0 - p[0][0], Box::new(exponential(1.0)))
                ])
            ),
            non_negative("", 0.5),
            [probability("weights"), component("scale", 1.2)]
        ),
    ]
}

fn of_counts() -> Vec<Case> {
    let trials = || set("n", 5.0, [-1.0, 4.5]);
    vec![
        case!(
            bernoulli,
            |at, x, p| at.observe(x[0], bernoulli(p[0][0])),
            set("", 1.0, [-1.0, 0.5, 2.0]),
            [probability("probability")]
        ),
        case!(
            bernoulli_logit,
            |at, x, p| at.observe(x[0], bernoulli_logit(p[0][0])),
            set("", 0.0, [-1.0, 0.5, 2.0]),
            [real("logit", 0.3)]
        ),
        case!(
            geometric,
            |at, x, p| at.observe(x[0], geometric(p[0][0])),
            count(0.0),
            [set("probability", 0.3, [-0.1, 0.0, 1.1])]
        ),
        case!(
            binomial,
            |at, x, p| at.observe(x[0], binomial(Int::new(p[0][0]), p[1][0])),
            set("", 5.0, [-1.0, 2.5, 6.0]),
            [trials(), probability("p of")]
        ),
        case!(
            binomial_logit,
            |at, x, p| at.observe(x[0], binomial_logit(Int::new(p[0][0]), p[1][0])),
            set("", 4.0, [-1.0, 2.5, 6.0]),
            [trials(), real("logit", 0.3)]
        ),
        case!(poisson, |at, x, p| at.observe(x[0], poisson(p[0][0])), count(0.0), [non_negative("rate", 1.2)]),
        case!(poisson_log, |at, x, p| at.observe(x[0], poisson_log(p[0][0])), count(3.0), [real("log_rate", 0.3)]),
        case!(
            negative_binomial,
            |at, x, p| at.observe(x[0], negative_binomial(p[0][0], p[1][0])),
            count(0.0),
            [non_negative("mean", 1.2), positive("dispersion", 0.8)]
        ),
        case!(
            negative_binomial_log,
            |at, x, p| at.observe(x[0], negative_binomial_log(p[0][0], p[1][0])),
            count(2.0),
            [real("log_mean", 1.2), positive("dispersion", 0.8)]
        ),
        case!(
            zero_inflated,
            |at, x, p| at.observe(x[0], zero_inflated(p[0][0], poisson(p[1][0]))),
            count(0.0),
            [probability("probability_of_zero"), set("rate", 1.2, [-1e-3, -150.0])]
        ),
        case!(
            categorical,
            |at, x, p| at.observe(x[0], categorical(Vector::new(&p[0]))),
            set("", 1.0, [-1.0, 0.5, 2.0]),
            [shares("probabilities")]
        ),
        case!(
            categorical_logit,
            |at, x, p| at.observe(x[0], categorical_logit(Vector::new(&p[0]))),
            set("", 1.0, [-1.0, 0.5, 2.0]),
            [vector("logits", &[0.3, -0.2], [])]
        ),
        case!(
            ordered_logistic,
            |at, x, p| at.observe(x[0], ordered_logistic(p[0][0], Vector::new(&p[1]))),
            set("", 0.0, [-1.0, 0.5, 3.0]),
            [real("eta", 0.3), vector("cutpoints", &[-0.4, 0.6], [&[0.6, -0.4], &[0.6, 0.6]])]
        ),
    ]
}

fn of_vectors() -> Vec<Case> {
    let point = || vector("", &[0.5, -1.0], [&[0.5, INF], &[-INF, 0.5]]);
    let mean = || vector("mean", &[0.1, 0.2], [&[INF, 0.2]]);
    vec![
        case!(
            normals,
            |at, x, p| at.observe(Vector::new(x), normals(Vector::new(&p[0]), Vector::new(&p[1]))),
            point(),
            [mean(), vector("sd", &[1.2, 0.5], [&[1.2, 0.0], &[-1.2, 0.5]])]
        ),
        case!(
            autoregressive,
            |at, x, p| at.observe(Vector::new(x), autoregressive(p[0][0], p[1][0], p[2][0], 2)),
            point(),
            [set("location", 0.3, [INF, -INF]), set("coefficient", 0.6, [1.5, -1.2]), set("scale", 1.2, [0.0, -1.2])]
        ),
        case!(
            random_walk,
            |at, x, p| at.observe(Vector::new(x), random_walk(p[0][0], p[1][0], 2)),
            point(),
            [set("start", 0.3, [INF, -INF]), set("scale", 1.2, [0.0, -1.2])]
        ),
        case!(
            multivariate_normal_cholesky,
            |at, x, p| at.observe(Vector::new(x), multivariate_normal_cholesky(Vector::new(&p[0]), Vector::new(&p[1]))),
            point(),
            [mean(), factor("cholesky")]
        ),
        case!(
            multivariate_normal_covariance,
            |at, x, p| at
                .observe(Vector::new(x), multivariate_normal_covariance(Vector::new(&p[0]), Vector::new(&p[1]))),
            point(),
            [mean(), covariance("covariance")]
        ),
        case!(
            multivariate_normal_precision,
            |at, x, p| at
                .observe(Vector::new(x), multivariate_normal_precision(Vector::new(&p[0]), Vector::new(&p[1]))),
            point(),
            [mean(), covariance("precision")]
        ),
        case!(
            wishart,
            |at, x, p| at.observe(Vector::new(x), wishart(p[0][0], Vector::new(&p[1]))),
            covariance(""),
            [set("df", 2.5, [1.0, -3.0]), covariance("scale")]
        ),
        case!(
            inverse_wishart,
            |at, x, p| at.observe(Vector::new(x), inverse_wishart(p[0][0], Vector::new(&p[1]))),
            covariance(""),
            [set("df", 2.5, [1.0, -3.0]), covariance("scale")]
        ),
        case!(
            lkj_cholesky,
            |at, x, p| at.observe(Vector::new(x), lkj_cholesky(2, p[0][0])),
            vector("", &[1.0, 0.0, 0.6, 0.8], [&[1.0, 0.1, 0.6, 0.8], &[1.0, 0.0, 0.6, 0.7], &[1.0, 0.0, 0.6, -0.8]]),
            [positive("eta", 1.7)]
        ),
        case!(
            dirichlet,
            |at, x, p| at.observe(Vector::new(x), dirichlet(Vector::new(&p[0]))),
            vector("", &[0.25, 0.75], [&[-0.25, 1.25], &[0.25, 0.5], &[25.0, 75.0], &[0.0, 1.0]]),
            [vector("concentrations", &[2.0, 3.0], [&[-2.0, 3.0], &[2.0, 0.0]])]
        ),
        case!(
            multinomial,
            |at, x, p| at.observe(Vector::new(x), multinomial(Int::new(p[0][0]), Vector::new(&p[1]))),
            vector("", &[2.0, 3.0], [&[2.0, 4.0], &[-1.0, 6.0], &[2.5, 2.5]]),
            [set("n", 5.0, [4.0, -5.0, 5.5]), shares("probabilities")]
        ),
    ]
}
