//! The normal distribution, its positive half, and its exponential.

use super::Support;
use super::scalar::{into_positive, scalar_distribution, standard_normal};
use crate::numerics::LN_SQRT_2_PI;
use crate::program::Real;

/// `ln sqrt(2 / pi)`
const LN_SQRT_2_OVER_PI: f64 = std::f64::consts::LN_2 - LN_SQRT_2_PI;

scalar_distribution! {
    /// Normal distribution with mean and standard deviation.
    struct Normal;
    /// `ln p(x) = -((x - mean) / sd)^2 / 2 - ln sd - ln sqrt(2 pi)`.
    #[doc = example!(
        r#"let height = p.draw("height", normal(1.7, 0.1));"#,
        "p.observe(1.82, normal(height, 0.05));",
    )]
    fn normal(mean: Support::Real, sd: Support::Positive);
    support = Support::Real;
    location_scale = (mean, sd);
    log_density(x) = x.gauss_kernel(mean, sd.recip()) - sd.ln() - LN_SQRT_2_PI;
    sample(rng) = mean + sd * standard_normal(rng);
}

scalar_distribution! {
    /// Half-normal distribution: the absolute value of a normal number with mean zero.
    struct HalfNormal;
    /// `ln p(x) = -(x / scale)^2 / 2 - ln scale + ln sqrt(2 / pi)` for `x >= 0`; its mean is `scale sqrt(2 / pi)`.
    #[doc = example!(
        r#"let scatter = p.draw("scatter", half_normal(2.0));"#,
        "p.observe(1.3, normal(0.0, scatter));",
    )]
    fn half_normal(scale: Support::Positive);
    support = Support::non_negative();
    log_density(x) = x.gauss_kernel(0.0, scale.recip()) - scale.ln() + LN_SQRT_2_OVER_PI;
    sample(rng) = into_positive(scale * standard_normal(rng).abs());
}

scalar_distribution! {
    /// Log-normal distribution: the exponential of a normal number.
    struct LogNormal;
    /// `ln p(x) = -((ln x - mean) / sd)^2 / 2 - ln x - ln sd - ln sqrt(2 pi)` for `x > 0`; `mean` and `sd` are
    /// those of `ln x`, and the median is `exp(mean)`.
    #[doc = example!(
        r#"let dose = p.draw("dose", log_normal(0.0, 0.5));"#,
        "p.observe(1.3, normal(dose, 0.1));",
    )]
    fn log_normal(mean: Support::Real, sd: Support::Positive);
    support = Support::Positive;
    log_density(x) = {
        let ln_x = x.ln();
        ln_x.gauss_kernel(mean, sd.recip()) - ln_x - sd.ln() - LN_SQRT_2_PI
    };
    sample(rng) = into_positive((mean + sd * standard_normal(rng)).exp());
}
