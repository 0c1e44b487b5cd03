//! The standard normal distribution function, for scalars.

use super::elementary::LN_SQRT_2_PI;
use std::f64::consts::FRAC_1_SQRT_2;

/// `1 / sqrt(2 pi)`.
const FRAC_1_SQRT_2_PI: f64 = 0.398_942_280_401_432_7;
/// `1 / sqrt(2)` less its rounded value.
const FRAC_1_SQRT_2_LO: f64 = -4.833_646_656_726_457e-17;
/// `1 / sqrt(pi)`.
const FRAC_1_SQRT_PI: f64 = 0.564_189_583_547_756_3;
/// Below it the continued fraction takes over from the error function.
const TAIL: f64 = -3.5;

/// The standard normal distribution function.
pub(super) fn ndtr(x: f64) -> f64 {
    if x < TAIL {
        return density(x) / tail_ratio(x);
    }
    let y = -x * FRAC_1_SQRT_2;
    if x > 0.0 || x.is_nan() {
        return 0.5 * libm::erfc(y);
    }
    // What the rounding of y leaves out costs up to x^2 last places, so it is added to first order.
    let lost = libm::fma(-x, FRAC_1_SQRT_2, -y) - x * FRAC_1_SQRT_2_LO;
    0.5 * libm::erfc(y) - lost * FRAC_1_SQRT_PI * libm::exp(-y * y)
}

/// The logarithm of the standard normal distribution function.
pub(super) fn ln_ndtr(x: f64) -> f64 {
    if x < TAIL {
        -0.5 * x * x - (LN_SQRT_2_PI + libm::log(tail_ratio(x)))
    } else if x > 0.0 {
        libm::log1p(-ndtr(-x))
    } else {
        libm::log(ndtr(x))
    }
}

/// Density over distribution function, the derivative of [`ln_ndtr`].
pub(super) fn mills(x: f64) -> f64 {
    if x < TAIL { tail_ratio(x) } else { density(x) / ndtr(x) }
}

/// The standard normal density.
fn density(x: f64) -> f64 {
    if x.abs() > 40.0 {
        return 0.0;
    }
    // x^2 in two parts, the first exact: one rounded product would cost x^2 / 2 last places.
    let head = (x * 16.0).round() / 16.0;
    let rest = (x - head) * (x + head);
    FRAC_1_SQRT_2_PI * libm::exp(-0.5 * head * head) * libm::exp(-0.5 * rest)
}

/// Density over distribution function in the lower tail: `t + 1/(t + 2/(t + 3/(t + ..)))` with `t = -x`.
///
/// *Source:* Abramowitz and Stegun (1964), 26.2.14; the depth reaches 1e-16 for every `t >= 3.5`.
fn tail_ratio(x: f64) -> f64 {
    let t = -x;
    let depth = 8 + (400.0 / (t * t)) as u32;
    (1..=depth).rev().fold(t, |below, level| t + f64::from(level) / below)
}
