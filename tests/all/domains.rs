//! Parameters and bounds that depend on latents: no fit is trusted with draws outside of a domain or a support.

use jensen::posterior::Summary;
use jensen::prelude::*;
use jensen::{Fitted, Trust};

/// Fits `body`; where the verdict is trust, no draw of "x", nor any that the table is made of, lies where `inside` is false.
fn hold(name: &str, inside: fn(f64) -> bool, body: impl Fn(&LogJoint) + Sync) -> Option<Fitted> {
    let fitted = match jensen::fit(&model(body)) {
        Ok(fitted) => fitted,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "{name}");
            return None;
        }
    };
    let draws = fitted.draws("x").unwrap_or_else(|| panic!("{name} has no x"));
    let outside = draws.iter().filter(|x| !inside(**x)).count();
    let is_trusted = fitted.verdict().trust == Trust::Trust;
    assert!(!is_trusted || outside == 0, "{name}: {outside} draws outside\n{fitted}");
    // Draws outside have no density, whatever the verdict is: they are counted.
    let proposal = fitted.proposal().constrained().named("x").unwrap_or(&[]);
    let rejected = fitted.proposal().log_p().iter().filter(|l| !l.is_finite()).count();
    let outside = proposal.iter().filter(|x| !inside(**x)).count();
    assert!(rejected >= outside, "{name}: {outside} draws of q outside, {rejected} rejected");
    Some(fitted)
}

/// One latent `x ~ N(0, 3)` and what depends on it.
macro_rules! cases {
    ($($name:literal, $inside:expr, |$p:ident, $x:ident| $then:expr;)+) => {
        $(hold($name, $inside, |$p| {
            let $x = $p.draw("x", normal(0.0, 3.0));
            $then;
        });)+
    };
}

#[test]
fn a_parameter_that_leaves_its_domain_is_never_trusted() {
    let pos = |x: f64| x > 0.0;
    let unit = |x: f64| (0.0..=1.0).contains(&x);
    cases! {
        "bernoulli(x), y = 1", unit, |p, x| p.observe(1.0, bernoulli(x));
        "bernoulli(x), y = 0", unit, |p, x| p.observe(0.0, bernoulli(x));
        "binomial(10, x), y = 10", unit, |p, x| p.observe(10.0, binomial(10, x));
        "binomial(10, x), y = 4", unit, |p, x| p.observe(4.0, binomial(10, x));
        "geometric(x), y = 0", unit, |p, x| p.observe(0.0, geometric(x));
        "geometric(x), y = 2", unit, |p, x| p.observe(2.0, geometric(x));
        "poisson(x), y = 0", |x| x >= 0.0, |p, x| p.observe(0.0, poisson(x));
        "negative_binomial(x, 2), y = 0", pos, |p, x| p.observe(0.0, negative_binomial(x, 2.0));
        "negative_binomial(2, x), y = 0", pos, |p, x| p.observe(0.0, negative_binomial(2.0, x));
        "beta(x, 1), y = 0.5", pos, |p, x| p.observe(0.5, beta(x, 1.0));
        "gamma(x, 1), y = 2", pos, |p, x| p.observe(2.0, gamma(x, 1.0));
        "inverse_gamma(x, 1), y = 2", pos, |p, x| p.observe(2.0, inverse_gamma(x, 1.0));
        "chi_squared(x), y = 2", pos, |p, x| p.observe(2.0, chi_squared(x));
        "student_t(x, 0, 1), y = 2", pos, |p, x| p.observe(2.0, student_t(x, 0.0, 1.0));
        "weibull(x, 1), y = 2", pos, |p, x| p.observe(2.0, weibull(x, 1.0));
        "normal(0, x), y = 2", pos, |p, x| p.observe(2.0, normal(0.0, x));
        "uniform(x, 5), y = 2", |x| x <= 2.0, |p, x| p.observe(2.0, uniform(x, 5.0));
        "pareto(x, 1), y = 2", |x| x > 0.0 && x <= 2.0, |p, x| p.observe(2.0, pareto(x, 1.0));
        "dirichlet(x, x)", pos, |p, x| p.observe(Vector::constant(&[0.3, 0.7]), dirichlet(Vector::new(&[x, x])));
        "categorical(x, 1 - x), y = 0", unit, |p, x| p.observe(0.0, categorical(Vector::new(&[x, 1.0 - x])));
        "mixture(x, 1 - x)", unit, |p, x| {
            let weights = Vector::new(&[x, 1.0 - x]);
            p.observe(1.0, mixture(weights, vec![normal(0.0, 1.0), normal(3.0, 1.0)]))
        };
        "zero_inflated(x, poisson 2), y = 0", unit, |p, x| p.observe(0.0, zero_inflated(x, poisson(2.0)));
        "zero_inflated(x, poisson 2), y = 1", unit, |p, x| p.observe(1.0, zero_inflated(x, poisson(2.0)));
        "lkj_cholesky(2, x)", pos, |p, x| p.draw("L", lkj_cholesky(2, x));
    }
}

#[test]
fn a_linear_predictor_that_leaves_the_domain_is_never_trusted_there() {
    let (counts, x) = ([0.0, 0.0, 0.0, 1.0, 2.0, 3.0], [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
    let (counts, x) = (Column::new(counts), Column::new(x));
    hold(
        "rate at -2",
        |rate| rate >= 0.0,
        |p| {
            let (a, b) = (p.draw("a", normal(0.0, 5.0)), p.draw("b", normal(0.0, 5.0)));
            p.derive("x", a - 2.0 * b);
            p.rows(6, |i| i.observe(counts.at(i), poisson(a + b * x.at(i))));
        },
    );
    let binary = Column::new([0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    hold(
        "probability at 3",
        |p| (0.0..=1.0).contains(&p),
        |p| {
            let (a, b) = (p.draw("a", normal(0.5, 1.0)), p.draw("b", normal(0.0, 1.0)));
            p.derive("x", a + 3.0 * b);
            p.rows(6, |i| i.observe(binary.at(i), bernoulli(a + b * x.at(i))));
        },
    );
}

/// Written with the bound that the data give, the posterior is had: 320 +- 78.
#[test]
fn a_latent_bound_that_is_declared_is_found() {
    let serials = Column::new([10.0, 256.0, 202.0, 97.0]);
    let fitted = jensen::fit(&model(|p| {
        let n = p.above("x", 256.0);
        p.add(log_normal(5.0, 1.0).log_density(n));
        p.rows(4, |i| i.observe(serials.at(i), uniform(0.0, n)));
    }));
    let fitted = fitted.unwrap_or_else(|error| panic!("{error}"));
    let (mean, sd) = tanks_exactly();
    let found = &fitted.summary()[0];
    assert!(
        (found.mean - mean).abs() < 0.1 * sd || fitted.verdict().trust == Trust::DoNotTrust,
        "{mean} {sd} {fitted}"
    );
}

/// Serial numbers 10, 256, 202 and 97 of `n ~ log_normal(5, 1)` tanks: the posterior is `n^-4` times the prior above 256.
#[test]
fn serial_numbers_bound_their_total() {
    let serials = Column::new([10.0, 256.0, 202.0, 97.0]);
    let tanks = |p: &LogJoint| {
        let n = p.draw("x", log_normal(5.0, 1.0));
        p.rows(4, |i| i.observe(serials.at(i), uniform(0.0, n)));
    };
    // The largest serial may bound n beyond every start: that is an error in words, and no answer.
    let Some(fitted) = hold("tanks", |n| n >= 256.0, tanks) else { return };
    let (mean, sd) = tanks_exactly();
    let Summary { mean: found, .. } = fitted.summary()[0].clone();
    let is_right = (found - mean).abs() < 0.1 * sd;
    assert!(fitted.verdict().trust == Trust::DoNotTrust || is_right, "{found} for {mean} +- {sd}\n{fitted}");
}

/// Mean and standard deviation of the number of tanks.
fn tanks_exactly() -> (f64, f64) {
    // By the trapezoid rule in ln n, from 256 to e^15.
    let (low, high, steps) = (256f64.ln(), 15.0, 200_000);
    let weight = |l: f64| (-4.0 * l - 0.5 * (l - 5.0) * (l - 5.0)).exp();
    let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
    for k in 0..=steps {
        let l = low + (high - low) * f64::from(k) / f64::from(steps);
        let w = weight(l) * if k == 0 || k == steps { 0.5 } else { 1.0 };
        (total, first, second) = (total + w, first + w * l.exp(), second + w * (2.0 * l).exp());
    }
    let (mean, square) = (first / total, second / total);
    (mean, (square - mean * mean).sqrt())
}
