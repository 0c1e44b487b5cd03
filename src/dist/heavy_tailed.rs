//! Distributions with a location and a scale whose tails are heavier than the normal's.

use std::f64::consts::{FRAC_PI_2, LN_2, PI};

use super::Support;
use super::scalar::{draw, into_positive, open_unit, scalar_distribution, squared_distance, standard_exponential};
use crate::numerics::LN_SQRT_2_PI;
use crate::program::Real;

/// The constant `ln pi`.
const LN_PI: f64 = 2.0 * LN_SQRT_2_PI - LN_2;

scalar_distribution! {
    /// Student's t distribution with a location and a scale.
    struct StudentT;
    /// `ln p(x) = ln Gamma((df + 1) / 2) - ln Gamma(df / 2) - ln(pi df) / 2 - ln scale
    /// - (df + 1) / 2 ln(1 + ((x - location) / scale)^2 / df)`; the mean exists for `df > 1`, the variance
    /// `scale^2 df / (df - 2)` for `df > 2`.
    #[doc = example!(
        r#"let slope = p.draw("slope", normal(0.0, 2.5));"#,
        "p.observe(1.3, student_t(4.0, slope, 0.5)); // an outlier pulls less than under a normal",
    )]
    fn student_t(df: Support::Positive, location: Support::Real, scale: Support::Positive);
    support = Support::Real;
    location_scale = (location, scale);
    log_density(x) = {
        let distance = squared_distance(x, location, (scale * df.sqrt()).recip());
        ln_gamma_step(df * 0.5) - LN_SQRT_2_PI - scale.ln() - (df * 0.5 + 0.5) * distance.ln_1p()
    };
    sample(rng) = location + scale * draw(rand_distr::StudentT::new(df), rng);
}

/// `ln Gamma(a + 1/2) - ln Gamma(a) - ln(a) / 2`, where large `a` costs no digits.
///
/// *Source:* the series is the difference of two expansions of `ln Gamma(a + b)` (Abramowitz and Stegun, 1964,
/// 6.1.40 and its generalisation by Bernoulli polynomials); four terms are exact to 1e-16 from 30 on.
#[track_caller]
fn ln_gamma_step(a: Real) -> Real {
    const LARGE: f64 = 30.0;
    let plain = (a + 0.5).ln_gamma() - a.ln_gamma() - a.ln() * 0.5;
    let inverse = a.max(LARGE).recip();
    let square = inverse.square();
    let series = ((square * (17.0 / 14336.0) - 1.0 / 640.0) * square + 1.0 / 192.0) * square - 0.125;
    a.less_than(LARGE).select(plain, series * inverse)
}

scalar_distribution! {
    /// Cauchy distribution with median `location`; it has no mean.
    struct Cauchy;
    /// `ln p(x) = -ln pi - ln scale - ln(1 + ((x - location) / scale)^2)`.
    #[doc = example!(
        r#"let place = p.draw("place", cauchy(0.0, 1.0));"#,
        "p.observe(0.4, normal(place, 1.0));",
    )]
    fn cauchy(location: Support::Real, scale: Support::Positive);
    support = Support::Real;
    location_scale = (location, scale);
    log_density(x) = -squared_distance(x, location, scale.recip()).ln_1p() - scale.ln() - LN_PI;
    sample(rng) = location + scale * (PI * (open_unit(rng) - 0.5)).tan();
}

scalar_distribution! {
    /// Half-Cauchy distribution: the absolute value of a Cauchy number with location zero.
    struct HalfCauchy;
    /// `ln p(x) = ln(2 / pi) - ln scale - ln(1 + (x / scale)^2)` for `x >= 0`; the median is `scale`.
    #[doc = example!(
        r#"let between = p.draw("between", half_cauchy(5.0));"#,
        "p.observe(2.1, normal(0.0, between));",
    )]
    fn half_cauchy(scale: Support::Positive);
    support = Support::non_negative();
    log_density(x) = -squared_distance(x, Real::from(0.0), scale.recip()).ln_1p() - scale.ln() + (LN_2 - LN_PI);
    sample(rng) = into_positive(scale * (FRAC_PI_2 * open_unit(rng)).tan());
}

scalar_distribution! {
    /// Half-Student-t distribution: the absolute value of a Student-t number with location zero.
    struct HalfStudentT;
    /// `ln p(x) = ln 2 + ln Gamma((df + 1) / 2) - ln Gamma(df / 2) - ln(pi df) / 2 - ln scale
    /// - (df + 1) / 2 ln(1 + (x / scale)^2 / df)` for `x >= 0`; the mean exists for `df > 1`.
    #[doc = example!(
        r#"let between = p.draw("between", half_student_t(3.0, 2.5));"#,
        "p.observe(2.1, normal(0.0, between));",
    )]
    fn half_student_t(df: Support::Positive, scale: Support::Positive);
    support = Support::non_negative();
    log_density(x) = {
        let distance = squared_distance(x, Real::from(0.0), (scale * df.sqrt()).recip());
        ln_gamma_step(df * 0.5) + (LN_2 - LN_SQRT_2_PI) - scale.ln() - (df * 0.5 + 0.5) * distance.ln_1p()
    };
    sample(rng) = into_positive(scale * draw(rand_distr::StudentT::new(df), rng).abs());
}

scalar_distribution! {
    /// Laplace (double exponential) distribution with median `location`.
    struct Laplace;
    /// `ln p(x) = -|x - location| / scale - ln scale - ln 2`; the variance is `2 scale^2`.
    #[doc = example!(
        r#"let effect = p.draw("effect", laplace(0.0, 1.0));"#,
        "p.observe(0.4, normal(effect, 0.5));",
    )]
    fn laplace(location: Support::Real, scale: Support::Positive);
    support = Support::Real;
    location_scale = (location, scale);
    log_density(x) = -((x - location).abs() * scale.recip()) - scale.ln() - LN_2;
    sample(rng) = location + scale * (standard_exponential(rng) - standard_exponential(rng));
}

scalar_distribution! {
    /// Logistic distribution with median `location`.
    struct Logistic;
    /// `ln p(x) = -u - 2 ln(1 + exp(-u)) - ln scale` with `u = (x - location) / scale`; the variance is
    /// `(pi scale)^2 / 3`.
    #[doc = example!(
        r#"let ability = p.draw("ability", logistic(0.0, 1.0));"#,
        "p.observe(1.0, bernoulli_logit(ability));",
    )]
    fn logistic(location: Support::Real, scale: Support::Positive);
    support = Support::Real;
    location_scale = (location, scale);
    log_density(x) = {
        let u = (location - x) * scale.recip();
        u - u.softplus() * 2.0 - scale.ln()
    };
    sample(rng) = {
        let u = open_unit(rng);
        location + scale * (u.ln() - (-u).ln_1p())
    };
}

scalar_distribution! {
    /// Gumbel distribution of maxima, with mode `location`.
    struct Gumbel;
    /// `ln p(x) = -u - exp(-u) - ln scale` with `u = (x - location) / scale`; the mean is
    /// `location + 0.5772.. scale`.
    #[doc = example!(
        r#"let level = p.draw("level", normal(3.0, 1.0));"#,
        "p.observe(4.2, gumbel(level, 0.5)); // the highest flood of a year",
    )]
    fn gumbel(location: Support::Real, scale: Support::Positive);
    support = Support::Real;
    location_scale = (location, scale);
    log_density(x) = {
        let u = (location - x) * scale.recip();
        u - u.exp() - scale.ln()
    };
    sample(rng) = location - scale * into_positive(standard_exponential(rng)).ln();
}
