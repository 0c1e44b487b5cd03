//! The logarithm and its kin: `ln(x)`, `ln(1 + x)` and softplus.

use super::exponential::exp;
use super::format::{Format, polynomial};

/// `ln(x) = k ln(2) + ln(m)` with `x = 2^k m`.
#[inline(always)]
pub(super) fn ln<T: Format, const FMA: bool>(x: T) -> T {
    // Subnormal numbers are lifted; no arm multiplies by 1, lest the compiler split all the rest in two.
    let is_small = x < T::min_positive_value() / T::epsilon();
    let lift = if is_small { T::LIFT } else { T::from_f64(0.5) };
    let lift_exponent = if is_small { T::LIFT_EXPONENT } else { -T::one() };
    let (m, k) = T::mantissa_exponent(x * lift);
    let ln_m = LnReduced::new(m - T::one());
    at_the_edges(x, ln_m.plus::<FMA>(k - lift_exponent, T::zero()))
}

/// `ln(1 + x) = ln(u) + c / u` with `u` the rounded sum and `c` its rounding error.
#[inline(always)]
pub(super) fn ln_1p<T: Format, const FMA: bool>(x: T) -> T {
    let one = T::one();
    let u = one + x;
    let added = u - one;
    let c = (one - (u - added)) + (x - added);
    let (m, k) = T::mantissa_exponent(u);
    let ln_m = LnReduced::new(m - one);
    // c / u = 2^-k c / m, and 1 / m = (1 - s) / (1 + s) to the accuracy needed.
    let inverse_m = (ln_m.s - one).fused::<FMA>(ln_m.s + ln_m.s, one);
    let correction = c * T::power_of_two(T::ROUND - k) * inverse_m;
    // For large x there is nothing to correct, and 2^-k would leave the range.
    let correction = if x < T::LIFT { correction } else { T::zero() };
    at_the_edges(u, ln_m.plus::<FMA>(k, correction)).copysign(x)
}

/// `ln(1 + e^x) = max(x, 0) + ln(1 + e)` with `e = e^-|x|`.
#[inline(always)]
pub(super) fn softplus<T: Format, const FMA: bool>(x: T) -> T {
    softplus_and_sigmoid::<T, FMA>(x).0
}

/// The softplus and its derivative, `1 / (1 + e)` for `x >= 0` and `e / (1 + e)` below.
#[inline(always)]
pub(super) fn softplus_and_sigmoid<T: Format, const FMA: bool>(x: T) -> (T, T) {
    let (zero, one, half) = (T::zero(), T::one(), T::from_f64(0.5));
    let e = exp::<T, FMA>(-x.abs());
    // 1 + e lies in [1, 2]: halved where that brings it nearer to 1.
    let is_halved = e > T::from_f64(std::f64::consts::SQRT_2 - 1.0);
    let f = if is_halved { (e - one) * half } else { e };
    let k = if is_halved { one } else { zero };
    let positive_part = if x > zero { x } else { zero };
    let numerator = if x < zero { e } else { one };
    (positive_part + LnReduced::new(f).plus::<FMA>(k, zero), numerator / (one + e))
}

/// `ln(1 + f) = f - f^2/2 + s f^2/2 + s^3 R(s^2)` with `s = f / (2 + f)` and `2 atanh(s) = 2 s + s^3 R(s^2)`.
struct LnReduced<T> {
    f: T,
    s: T,
}

impl<T: Format> LnReduced<T> {
    /// For `sqrt(1/2) <= 1 + f <= sqrt(2)`.
    #[inline(always)]
    fn new(f: T) -> Self {
        Self { f, s: f / (T::from_f64(2.0) + f) }
    }

    /// `k ln(2) + ln(1 + f) + correction`, the largest parts added first and their rounding error kept.
    #[inline(always)]
    fn plus<const FMA: bool>(&self, k: T, correction: T) -> T {
        let Self { f, s } = *self;
        // The product is exact, and unless it is zero it is the larger term.
        let high = k * T::LN_2_HI;
        let sum = high + f;
        let lost = (high - sum) + f;
        let half_square = T::from_f64(0.5) * f * f;
        let low = k.fused::<FMA>(T::LN_2_LO, lost - half_square) + correction;
        let z = s * s;
        let low = (s * z).fused::<FMA>(polynomial::<T, FMA>(z, T::ATANH), s.fused::<FMA>(half_square, low));
        sum + low
    }
}

/// `value = ln(u)` for positive finite `u`, and what the logarithm is elsewhere.
#[inline(always)]
fn at_the_edges<T: Format>(u: T, value: T) -> T {
    let value = if u < T::infinity() { value } else { u };
    let edge = if u == T::zero() { T::neg_infinity() } else { T::nan() };
    if u > T::zero() { value } else { edge }
}
