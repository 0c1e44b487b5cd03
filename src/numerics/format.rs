//! The properties of a number format that the formulas use: its bits, its split constants and its polynomials.

use super::lane::Lane;

/// The bits and constants of a lane type.
///
/// Integers travel inside numbers: adding [`ROUND`](Self::ROUND) leaves the nearest integer in the low bits
/// of the sum, where vector code reads it without a conversion.
pub trait Format: Lane {
    /// `1.5 * 2^(digits - 1) + 2 * bias`: the sum with a small `x` holds `round(x) + 2 * bias` in its low bits.
    const ROUND: Self;
    /// `2^ceil(digits / 2) + 1`, which splits a number into halves with exact products.
    const SPLIT: Self;
    /// `1 / ln(2)`.
    const LOG2_E: Self;
    /// `ln(2)` with so many trailing zeros that its product with any exponent is exact.
    const LN_2_HI: Self;
    /// `ln(2) - LN_2_HI`.
    const LN_2_LO: Self;
    /// Below it `e^x` rounds to zero.
    const EXP_MIN: Self;
    /// Above it `e^x` is infinite.
    const EXP_MAX: Self;
    /// Below it `e^x - 1` rounds to -1.
    const EXP_M1_MIN: Self;
    /// Lifts every subnormal number into the normal range: `2^LIFT_EXPONENT`.
    const LIFT: Self;
    /// The exponent of that power of two.
    const LIFT_EXPONENT: Self;
    /// `2 / pi`.
    const FRAC_2_PI: Self;
    /// `pi / 2` as a sum of three numbers, largest first.
    const FRAC_PI_2: [Self; 3];
    /// `(e^r - 1 - r) / r^2` in `r`, for `|r| <= ln(2) / 2`.
    const EXP: &'static [Self];
    /// `(2 atanh(s) / s - 2) / z` in `z = s^2`, for `|s| <= (sqrt(2) - 1) / (sqrt(2) + 1)`.
    const ATANH: &'static [Self];
    /// `(sin(r) / r - 1) / z` in `z = r^2`, for `|r| <= 0.8`.
    const SIN: &'static [Self];
    /// `(cos(r) - 1 + z / 2) / z^2` in `z = r^2`, for `|r| <= 0.8`.
    const COS: &'static [Self];

    /// `2^k` for `rounded = ROUND + k` and `k` within the normal exponents.
    fn power_of_two(rounded: Self) -> Self;
    /// Two powers of two with product `2^k`, for `rounded = ROUND + k` and `k` up to twice the normal exponents.
    fn power_of_two_halves(rounded: Self) -> (Self, Self);
    /// `(m, k)` with `x = m * 2^k` and `sqrt(1/2) <= m < sqrt(2)`, for `x` positive and normal.
    fn mantissa_exponent(x: Self) -> (Self, Self);
    /// `sin(r + (k + quarters) * pi / 2)` from `sine = sin(r)` and `cosine = cos(r)`, for `rounded = ROUND + k`.
    fn turn(sine: Self, cosine: Self, rounded: Self, quarters: u8) -> Self;
}

/// The value at `x` of a polynomial with at most 16 coefficients, given from the constant upwards.
///
/// Pairs, quarters and halves are summed apart (Estrin's scheme): on slices of a block's length the time goes
/// into waiting for chains of dependent operations, and these are logarithmic instead of linear.
#[inline(always)]
pub(super) fn polynomial<T: Format, const FMA: bool>(x: T, coefficients: &[T]) -> T {
    let x2 = x * x;
    let powers = [x, x2, x2 * x2];
    match coefficients.split_at_checked(8) {
        Some((low, high @ [_, ..])) => {
            let x8 = powers[2] * powers[2];
            eight::<T, FMA>(powers, high).fused::<FMA>(x8, eight::<T, FMA>(powers, low))
        }
        _ => eight::<T, FMA>(powers, coefficients),
    }
}

/// The value of a polynomial with at most 8 coefficients, given `x`, `x^2` and `x^4`.
#[inline(always)]
fn eight<T: Format, const FMA: bool>(powers: [T; 3], coefficients: &[T]) -> T {
    match coefficients.split_at_checked(4) {
        Some((low, high @ [_, ..])) => {
            four::<T, FMA>(powers, high).fused::<FMA>(powers[2], four::<T, FMA>(powers, low))
        }
        _ => four::<T, FMA>(powers, coefficients),
    }
}

/// The value of a polynomial with at most 4 coefficients, given `x` and `x^2`.
#[inline(always)]
fn four<T: Format, const FMA: bool>([x, x2, _]: [T; 3], coefficients: &[T]) -> T {
    match *coefficients {
        [a, b, c, d, ..] => d.fused::<FMA>(x, c).fused::<FMA>(x2, b.fused::<FMA>(x, a)),
        [a, b, c] => c.fused::<FMA>(x2, b.fused::<FMA>(x, a)),
        [a, b] => b.fused::<FMA>(x, a),
        [a] => a,
        [] => T::zero(),
    }
}

/// The integers of a number format, written once for both.
macro_rules! integer_methods {
    ($bits:ty, digits: $digits:expr, bias: $bias:expr, sqrt_half: $sqrt_half:expr) => {
        #[inline(always)]
        fn power_of_two(rounded: Self) -> Self {
            Self::from_bits(rounded.to_bits().wrapping_sub($bias) << ($digits - 1))
        }

        #[inline(always)]
        fn power_of_two_halves(rounded: Self) -> (Self, Self) {
            // The low bits hold k + 2 bias: the sum of the two biased exponents.
            const EXPONENT: $bits = (2 * $bias + 1) << ($digits - 1);
            let bits = rounded.to_bits();
            let first = (bits << ($digits - 2)) & EXPONENT;
            let second = (bits << ($digits - 1)).wrapping_sub(first);
            (Self::from_bits(first), Self::from_bits(second))
        }

        #[inline(always)]
        fn mantissa_exponent(x: Self) -> (Self, Self) {
            const MANTISSA: $bits = (1 << ($digits - 1)) - 1;
            // 2^(digits - 1): the low bits of a number of this size count units.
            const UNITS: $bits = ($bias + $digits - 1) << ($digits - 1);
            let shifted = x.to_bits().wrapping_sub($sqrt_half).wrapping_add($bias << ($digits - 1));
            let m = Self::from_bits((shifted & MANTISSA) + $sqrt_half);
            let k = Self::from_bits((shifted >> ($digits - 1)) | UNITS);
            (m, k - Self::from_bits(UNITS + $bias))
        }

        #[inline(always)]
        fn turn(sine: Self, cosine: Self, rounded: Self, quarters: u8) -> Self {
            // 2 bias = 2 modulo 4.
            let bits = rounded.to_bits() + <$bits>::from(quarters + 2);
            let value = if bits & 1 == 0 { sine } else { cosine };
            Self::from_bits(value.to_bits() ^ ((bits & 2) << (<$bits>::BITS - 2)))
        }
    };
}

impl Format for f64 {
    const ROUND: Self = 6_755_399_441_055_744.0 + 2046.0;
    const SPLIT: Self = 134_217_729.0;
    const LOG2_E: Self = std::f64::consts::LOG2_E;
    const LN_2_HI: Self = 0.693_147_180_560_117_7;
    const LN_2_LO: Self = -1.723_944_452_561_483_5e-13;
    const EXP_MIN: Self = -746.0;
    const EXP_MAX: Self = 710.0;
    const EXP_M1_MIN: Self = -50.0;
    const LIFT: Self = 18_014_398_509_481_984.0;
    const LIFT_EXPONENT: Self = 54.0;
    const FRAC_2_PI: Self = std::f64::consts::FRAC_2_PI;
    const FRAC_PI_2: [Self; 3] = [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33];
    const EXP: &'static [Self] = &[
        0.5000000000000004,
        0.16666666666666421,
        0.04166666666657069,
        0.008333333333499348,
        0.0013888888934787047,
        0.00019841269481610387,
        2.4801500960823092e-05,
        2.7557617219491062e-06,
        2.7627790939068714e-07,
        2.4988460852416056e-08,
    ];
    const ATANH: &'static [Self] = &[
        0.6666666666666689,
        0.39999999999656244,
        0.28571428697216045,
        0.22222202623546622,
        0.18183375864368337,
        0.1531843984257529,
        0.1475548688397646,
    ];
    const SIN: &'static [Self] = &[
        -0.1666666666666665,
        0.008333333333324807,
        -0.00019841269830865555,
        2.755731386365174e-06,
        -2.5050763203756354e-08,
        1.5896138425087383e-10,
    ];
    const COS: &'static [Self] = &[
        0.04166666666666659,
        -0.0013888888888871499,
        2.4801587287666058e-05,
        -2.755731379262283e-07,
        2.0875643769102826e-09,
        -1.1355400117891017e-11,
    ];

    integer_methods!(u64, digits: 53, bias: 1023, sqrt_half: 0x3fe6_a09e_667f_3bcd);
}

impl Format for f32 {
    const ROUND: Self = 12_582_912.0 + 254.0;
    const SPLIT: Self = 4097.0;
    const LOG2_E: Self = std::f32::consts::LOG2_E;
    const LN_2_HI: Self = 0.693_145_75;
    const LN_2_LO: Self = 1.428_606_8e-6;
    const EXP_MIN: Self = -104.0;
    const EXP_MAX: Self = 89.0;
    const EXP_M1_MIN: Self = -25.0;
    const LIFT: Self = 33_554_432.0;
    const LIFT_EXPONENT: Self = 25.0;
    const FRAC_2_PI: Self = std::f32::consts::FRAC_2_PI;
    const FRAC_PI_2: [Self; 3] = [std::f32::consts::FRAC_PI_2, -4.371_139e-8, -1.715_124_5e-15];
    const EXP: &'static [Self] = &[0.49999994, 0.1666652, 0.041668404, 0.008368899, 0.0013814303];
    const ATANH: &'static [Self] = &[0.66666776, 0.3997744, 0.29874676];
    const SIN: &'static [Self] = &[-0.16666654, 0.008332092, -0.00019505464];
    const COS: &'static [Self] = &[0.04166664, -0.0013887194, 2.4419196e-05];

    integer_methods!(u32, digits: 24, bias: 127, sqrt_half: 0x3f35_04f3);
}
