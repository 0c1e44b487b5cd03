//! Distributions of numbers between two bounds.

use super::Support;
use super::scalar::{draw, open_unit, scalar_distribution, unless_zero};
use crate::program::Real;

scalar_distribution! {
    /// Beta distribution with two shapes.
    struct Beta;
    /// `ln p(x) = (a - 1) ln x + (b - 1) ln(1 - x) - ln B(a, b)` for `0 < x < 1`; the mean is `a / (a + b)`.
    ///
    /// Data of 0 are allowed where `a` is the constant one, data of 1 where `b` is.
    #[doc = example!(
        r#"let chance = p.draw("chance", beta(2.0, 2.0));"#,
        "p.observe(7.0, binomial(10, chance));",
    )]
    fn beta(a: Support::Positive, b: Support::Positive);
    support = Support::Unit;
    edges(beta, x) = [(beta.a, Support::Positive), (beta.b, Support::Below(1.0.into()))]
        .into_iter()
        .filter(|(shape, _)| shape.as_constant() != Some(1.0))
        .map(|(_, inside)| super::Parameter::new("the density of beta", x, inside))
        .collect();
    log_density(x) = unless_zero(a - 1.0, x.ln()) + unless_zero(b - 1.0, (-x).ln_1p()) - a.ln_beta(b);
    sample(rng) = draw(rand_distr::Beta::new(a, b), rng).clamp(f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON);
}

scalar_distribution! {
    /// Uniform distribution between two bounds.
    struct Uniform;
    /// `ln p(x) = -ln(high - low)` for `low <= x <= high`, with `low < high`.
    #[doc = example!(
        r#"let phase = p.draw("phase", uniform(0.0, 1.0));"#,
        "p.observe(0.3, normal(phase, 0.1));",
    )]
    fn uniform(low: Support::Below(high), high: Support::Real);
    support = Support::Interval(low, high);
    log_density(_x) = -(high - low).ln();
    sample(rng) = {
        let u = open_unit(rng);
        (low * (1.0 - u) + high * u).clamp(low, high)
    };
}
