//! Derivatives of the log-gamma function, for scalars.

use std::f64::consts::PI;

/// From here on the asymptotic series below are exact to the last place.
const ASYMPTOTIC: f64 = 10.0;

/// `B_2k / 2k` for k = 1, 2, ..: the series `ln(x) - 1/(2x) - sum B_2k / (2k x^2k)` of the digamma function.
const DIGAMMA: [f64; 8] =
    [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32760.0, 1.0 / 12.0, -3617.0 / 8160.0];

/// `B_2k` for k = 1, 2, ..: the series `1/x + 1/(2x^2) + sum B_2k / x^(2k+1)` of the trigamma function.
const TRIGAMMA: [f64; 9] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43867.0 / 798.0,
];

/// `d ln Gamma(x) / dx`; near its positive root, 1.4616.., the absolute rather than the relative error is small.
///
/// *Source:* Abramowitz and Stegun (1964), 6.3.5 (recurrence), 6.3.7 (reflection) and 6.3.18 (series).
pub(super) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return -1.0 / x;
    }
    if x < 0.0 {
        let fraction = x - x.round();
        if fraction == 0.0 || fraction.is_nan() {
            return f64::NAN;
        }
        return digamma(1.0 - x) - PI / libm::tan(PI * fraction);
    }
    if x == f64::INFINITY {
        return x;
    }
    let (far, reciprocals) = shift(x, |y| 1.0 / y);
    let inverse_square = (far * far).recip();
    libm::log(far) - 0.5 / far - inverse_square * series(inverse_square, &DIGAMMA) - reciprocals
}

/// `d digamma(x) / dx`.
///
/// *Source:* Abramowitz and Stegun (1964), 6.4.6 (recurrence), 6.4.7 (reflection) and 6.4.12 (series).
pub(super) fn trigamma(x: f64) -> f64 {
    if x < 0.0 {
        let fraction = x - x.round();
        if fraction.is_nan() {
            return f64::NAN;
        }
        let ratio = PI / libm::sin(PI * fraction);
        return ratio * ratio - trigamma(1.0 - x);
    }
    let (far, reciprocals) = shift(x, |y| 1.0 / (y * y));
    let inverse = far.recip();
    let inverse_square = inverse * inverse;
    inverse + 0.5 * inverse_square + inverse * inverse_square * series(inverse_square, &TRIGAMMA) + reciprocals
}

/// `(x + n, sum over i < n of term(x + i))` with `x + n` in reach of the asymptotic series, smallest terms first.
fn shift(x: f64, term: impl Fn(f64) -> f64) -> (f64, f64) {
    let steps = (0..10).take_while(|&i| x + f64::from(i) < ASYMPTOTIC).count() as u32;
    let sum = (0..steps).rev().map(|i| term(x + f64::from(i))).sum();
    (x + f64::from(steps), sum)
}

/// A polynomial with coefficients from the constant upwards.
fn series(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, &c| sum * x + c)
}
