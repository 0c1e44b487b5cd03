//! From random bits to uniforms and normals: straight-line arithmetic that the compiler can run on vectors.
//!
//! No fused multiply-add is used, so every instruction set gives the same bits.

use super::fill::Finish;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, LN_2};

const ONE: u64 = 1.0_f64.to_bits();

/// Two independent standard normals from the 128 random bits of a block.
///
/// z = sqrt(-2 ln u) (cos a, sin a), where u is uniform on (0, 1) and the angle a on a whole turn: 52 bits place it in
/// (-pi/4, pi/4), one bit swaps the pair and one flips both signs. No value is zero or infinite.
///
/// *Source:* Box and Muller (1958); the angle is put together from bits in place of a reduction of 2 pi u.
#[derive(Clone, Copy, Debug)]
pub(super) struct Normals;

impl Finish for Normals {
    type Number = f64;

    #[inline(always)]
    fn finish(&self, one: [u64; 2], two: [u64; 2]) -> ([f64; 2], [f64; 2]) {
        // Step by step for both, so that one waits for its division and its root while the other works.
        let parts = (split(open_unit(one[0])), split(open_unit(two[0])));
        let points = (unit_point(one[1]), unit_point(two[1]));
        let radii = (minus_two_ln(parts.0).sqrt(), minus_two_ln(parts.1).sqrt());
        (points.0.map(|x| x * radii.0), points.1.map(|x| x * radii.1))
    }
}

/// Two uniforms on (0, 1) from the bits of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uniforms;

impl Finish for Uniforms {
    type Number = f64;

    #[inline(always)]
    fn finish(&self, one: [u64; 2], two: [u64; 2]) -> ([f64; 2], [f64; 2]) {
        (one.map(open_unit), two.map(open_unit))
    }
}

/// The centre of one of 2^52 equal cells of (0, 1), chosen by the high 52 bits of `word`.
#[inline(always)]
pub(super) fn open_unit(word: u64) -> f64 {
    // 1 + j 2^-52 is put together from its bits; the subtraction is exact.
    f64::from_bits(ONE | (word >> 12)) - (1.0 - f64::EPSILON / 2.0)
}

/// (e, s) with u = 2^e m, m in [sqrt(1/2), sqrt(2)) and s = (m - 1) / (m + 1), for a normal positive `u`.
#[inline(always)]
fn split(u: f64) -> (f64, f64) {
    const LEAST: u64 = FRAC_1_SQRT_2.to_bits();
    const MANTISSA: u64 = (1 << 52) - 1;
    // A small integer becomes a float by way of the bits of 2^52 + integer.
    const TWO_52: f64 = (1_u64 << 52) as f64;
    let shifted = u.to_bits() + (ONE - LEAST);
    let exponent = f64::from_bits((shifted >> 52) | TWO_52.to_bits()) - (TWO_52 + 1023.0);
    let m = f64::from_bits((shifted & MANTISSA) + LEAST);
    (exponent, (m - 1.0) / (m + 1.0))
}

/// -2 ln u of what [`split`] gave: ln m = 2 atanh(s).
#[inline(always)]
fn minus_two_ln((exponent, s): (f64, f64)) -> f64 {
    exponent * (-2.0 * LN_2) + (-4.0 * s) * series(s * s, &ATANH)
}

/// A point of the unit circle, chosen by the bits of `word`.
#[inline(always)]
fn unit_point(word: u64) -> [f64; 2] {
    let (sin, cos) = sin_cos((open_unit(word) - 0.5) * FRAC_PI_2);
    let sign = word << 63;
    let point = if word & 2 == 0 { [cos, sin] } else { [sin, cos] };
    point.map(|x| f64::from_bits(x.to_bits() ^ sign))
}

/// (sin x, cos x) for |x| <= pi/4.
#[inline(always)]
fn sin_cos(x: f64) -> (f64, f64) {
    let square = x * x;
    (x * series(square, &SIN), series(square, &COS))
}

/// The polynomial `c[0] + c[1] x + ...` of 7 or 8 terms, by Estrin's scheme: short chains keep a vector unit busy.
#[inline(always)]
fn series<const N: usize>(x: f64, c: &[f64; N]) -> f64 {
    let pair = |k: usize| if k + 1 < N { c[k] + c[k + 1] * x } else { c[k] };
    let square = x * x;
    let low = pair(0) + pair(2) * square;
    let high = pair(4) + pair(6) * square;
    low + high * (square * square)
}

/// atanh(s) / s in powers of s^2 on s^2 <= (sqrt(2) - 1)^4; minimax (Remez), relative error 1.5e-18.
const ATANH: [f64; 8] = [
    1.0,
    0.3333333333333367,
    0.19999999999708187,
    0.14285714371007452,
    0.11111099305420825,
    0.09091781201179693,
    0.07657049450229997,
    0.07397737282217211,
];

/// sin(x) / x in powers of x^2 on |x| <= pi/4; minimax (Remez), relative error 1.1e-17.
const SIN: [f64; 7] = [
    1.0,
    -0.1666666666666663,
    0.008333333333322118,
    -0.00019841269829589552,
    2.7557313621390157e-06,
    -2.5050747763498342e-08,
    1.5896230192355415e-10,
];

/// cos(x) in powers of x^2 on |x| <= pi/4; minimax (Remez), relative error 8.2e-17.
const COS: [f64; 7] = [
    1.0,
    -0.4999999999999941,
    0.04166666666648785,
    -0.0013888888870591707,
    2.480157864935603e-05,
    -2.7555242409824185e-07,
    2.0630636453528493e-09,
];

#[cfg(test)]
mod tests {
    use super::super::Streams;
    use super::*;

    /// The smallest and the largest uniform, and a great many between, also right next to 1.
    fn uniforms() -> Vec<f64> {
        let mut uniforms = vec![0.0; 100_000];
        Streams::new(3).fill_uniform(1, &mut uniforms);
        let near_one: Vec<f64> = uniforms.iter().map(|u| 1.0 - u * 1e-9).collect();
        let near_zero: Vec<f64> = uniforms.iter().map(|u| u.powi(3)).collect();
        [vec![open_unit(0), open_unit(u64::MAX)], uniforms, near_one, near_zero].concat()
    }

    #[test]
    fn uniforms_are_exact_and_never_0_or_1() {
        assert_eq!(open_unit(0), 0.5f64.powi(53));
        assert_eq!(open_unit(u64::MAX), 1.0 - 0.5f64.powi(53));
        assert_eq!(open_unit(1 << 63), 0.5 + 0.5f64.powi(53));
        assert_eq!(open_unit(5 << 12), 5.5 * 0.5f64.powi(52));
    }

    #[test]
    fn the_logarithm_is_good_to_4_ulp() {
        for u in uniforms() {
            let (mine, reference) = (minus_two_ln(split(u)), -2.0 * u.ln());
            let error = (mine - reference).abs() / reference;
            assert!(error < 4.0 * f64::EPSILON, "u = {u:e}: {mine} for {reference}");
        }
    }

    #[test]
    fn sine_and_cosine_are_good_to_2_ulp() {
        for u in uniforms() {
            let x = (u - 0.5) * FRAC_PI_2;
            let (sin, cos) = sin_cos(x);
            assert!((sin - x.sin()).abs() <= 2.0 * f64::EPSILON * x.sin().abs(), "sin {x:e}");
            assert!((cos - x.cos()).abs() <= 2.0 * f64::EPSILON * x.cos(), "cos {x:e}");
        }
    }

    #[test]
    fn the_extremes_are_finite_and_not_zero() {
        // The ends and the middle of the unit interval, with each swap and sign.
        let words: Vec<u64> = [0, 1 << 63, (1 << 63) - 4, u64::MAX - 3]
            .iter()
            .flat_map(|word| (0..4).map(move |turn| word | turn))
            .collect();
        let largest = (-2.0 * 0.5f64.powi(53).ln()).sqrt();
        for &first in &words {
            for &second in &words {
                let (normals, _) = Normals.finish([first, second], [0; 2]);
                for z in normals {
                    assert!(z.is_finite() && z != 0.0 && z.abs() <= largest * (1.0 + 4.0 * f64::EPSILON));
                }
            }
        }
    }
}
