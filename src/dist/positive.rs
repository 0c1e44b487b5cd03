//! Distributions of positive numbers: the gamma family, and powers of exponential numbers.

use super::Support;
use super::scalar::{draw, into_positive, scalar_distribution, standard_exponential, unless_zero};
use crate::program::Real;

scalar_distribution! {
    /// Exponential distribution with rate `rate`.
    struct Exponential;
    /// `ln p(x) = ln rate - rate x` for `x >= 0`; the mean is `1 / rate`.
    #[doc = example!(
        r#"let rate = p.draw("rate", gamma(2.0, 1.0));"#,
        "p.observe(0.7, exponential(rate)); // a waiting time",
    )]
    fn exponential(rate: Support::Positive);
    support = Support::non_negative();
    log_density(x) = rate.ln() - rate * x;
    sample(rng) = into_positive(standard_exponential(rng) / rate);
}

scalar_distribution! {
    /// Gamma distribution with shape and rate (the inverse of a scale).
    struct Gamma;
    /// `ln p(x) = shape ln rate - ln Gamma(shape) + (shape - 1) ln x - rate x` for `x > 0`; the mean is
    /// `shape / rate`, the variance `shape / rate^2`. For the constant shape one, zero belongs to the support.
    #[doc = example!(
        r#"let rate = p.draw("rate", gamma(2.0, 0.5)); // mean 4"#,
        "p.observe(3.0, poisson(rate));",
    )]
    fn gamma(shape: Support::Positive, rate: Support::Positive);
    support = Support::positive_or_zero(shape.as_constant() == Some(1.0));
    log_density(x) = unless_zero(shape - 1.0, x.ln()) - rate * x + shape * rate.ln() - shape.ln_gamma();
    sample(rng) = into_positive(draw(rand_distr::Gamma::new(shape, 1.0), rng) / rate);
}

scalar_distribution! {
    /// Inverse gamma distribution: one over a gamma number with this shape and the rate `scale`.
    struct InverseGamma;
    /// `ln p(x) = shape ln scale - ln Gamma(shape) - (shape + 1) ln x - scale / x` for `x > 0`; the mean is
    /// `scale / (shape - 1)` for `shape > 1`.
    #[doc = example!(
        r#"let variance = p.draw("variance", inverse_gamma(3.0, 2.0));"#,
        "p.observe(0.4, normal(0.0, variance.sqrt()));",
    )]
    fn inverse_gamma(shape: Support::Positive, scale: Support::Positive);
    support = Support::Positive;
    log_density(x) = shape * scale.ln() - shape.ln_gamma() - (shape + 1.0) * x.ln() - scale * x.recip();
    sample(rng) = into_positive(scale / draw(rand_distr::Gamma::new(shape, 1.0), rng));
}

scalar_distribution! {
    /// Chi-squared distribution: the sum of `df` squared standard normal numbers.
    struct ChiSquared;
    /// `ln p(x) = (df / 2 - 1) ln x - x / 2 - (df / 2) ln 2 - ln Gamma(df / 2)` for `x > 0`; the mean is `df`. For
    /// the constant `df = 2`, zero belongs to the support.
    #[doc = example!(
        r#"let v = p.draw("v", chi_squared(5.0));"#,
        "p.observe(0.2, normal(0.0, (5.0 / v).sqrt())); // a Student-t of 5 degrees of freedom",
    )]
    fn chi_squared(df: Support::Positive);
    support = Support::positive_or_zero(df.as_constant() == Some(2.0));
    log_density(x) = {
        let half = df * 0.5;
        unless_zero(half - 1.0, x.ln()) - x * 0.5 - half * std::f64::consts::LN_2 - half.ln_gamma()
    };
    sample(rng) = into_positive(draw(rand_distr::ChiSquared::new(df), rng));
}

scalar_distribution! {
    /// Weibull distribution: `scale` times a power, `1 / shape`, of a standard exponential number.
    struct Weibull;
    /// `ln p(x) = ln shape - ln x + u - exp(u)` with `u = shape (ln x - ln scale)`, for `x > 0`; the mean is
    /// `scale Gamma(1 + 1 / shape)`. For the constant shape one, zero belongs to the support.
    #[doc = example!(
        r#"let scale = p.draw("scale", half_normal(10.0));"#,
        "p.observe(7.3, weibull(1.5, scale)); // a lifetime",
    )]
    fn weibull(shape: Support::Positive, scale: Support::Positive);
    support = Support::positive_or_zero(shape.as_constant() == Some(1.0));
    log_density(x) = if shape.as_constant() == Some(1.0) {
        -(x / scale) - scale.ln()
    } else {
        let ln_x = x.ln();
        let u = shape * (ln_x - scale.ln());
        u - u.exp() - ln_x + shape.ln()
    };
    sample(rng) = into_positive(draw(rand_distr::Weibull::new(scale, shape), rng));
}

scalar_distribution! {
    /// Inverse Gaussian distribution: when a Brownian motion with drift first reaches a level.
    struct InverseGaussian;
    /// `ln p(x) = (ln shape - ln(2 pi) - 3 ln x - shape (x / mean - 1)^2 / x) / 2` for `x > 0`; the variance is
    /// `mean^3 / shape`.
    #[doc = example!(
        r#"let shape = p.draw("shape", gamma(2.0, 0.1));"#,
        "p.observe(1.3, inverse_gaussian(2.0, shape)); // a reaction time",
    )]
    fn inverse_gaussian(mean: Support::Positive, shape: Support::Positive);
    support = Support::Positive;
    log_density(x) = {
        // An infinite mean has no density.
        let away = (x - mean) / mean;
        (shape.ln() - std::f64::consts::TAU.ln() - x.ln() * 3.0 - shape * away * away / x) * 0.5
    };
    sample(rng) = into_positive(draw(rand_distr::InverseGaussian::new(mean, shape), rng));
}

scalar_distribution! {
    /// Pareto distribution of numbers from a scale on.
    struct Pareto;
    /// `ln p(x) = ln shape + shape ln scale - (shape + 1) ln x` for `x >= scale`; the mean is
    /// `scale shape / (shape - 1)` for `shape > 1`.
    #[doc = example!(
        r#"let shape = p.draw("shape", gamma(2.0, 1.0));"#,
        "p.observe(3.2, pareto(1.0, shape)); // an income, 1 at least",
    )]
    fn pareto(scale: Support::Positive, shape: Support::Positive);
    support = Support::AtLeast(scale);
    log_density(x) = shape.ln() + shape * scale.ln() - (shape + 1.0) * x.ln();
    sample(rng) = scale * (standard_exponential(rng) / shape).exp();
}
