//! The exponential function and its kin: `e^x`, `e^x - 1`, the hyperbolic functions and the logistic sigmoid.

use super::format::{Format, polynomial};

/// `e^x = 2^k e^r` with `k` the integer nearest `x / ln(2)`.
#[inline(always)]
pub(super) fn exp<T: Format, const FMA: bool>(x: T) -> T {
    // Comparisons written so that NaN passes.
    let x = if x > T::EXP_MAX { T::EXP_MAX } else { x };
    let x = if x < T::EXP_MIN { T::EXP_MIN } else { x };
    let (rounded, r) = reduce::<T, FMA>(x);
    let (first, second) = T::power_of_two_halves(rounded);
    let sum = T::one() + r;
    let lost = (T::one() - sum) + r;
    let exp_r = sum + polynomial::<T, FMA>(r, T::EXP).fused::<FMA>(r * r, lost);
    // The first product is exact, so a subnormal result is rounded once.
    exp_r * first * second
}

/// `e^x - 1 = 2^k (e^r - 1) + (2^k - 1)`.
#[inline(always)]
pub(super) fn exp_m1<T: Format, const FMA: bool>(x: T) -> T {
    let clamped = if x > T::EXP_MAX { T::EXP_MAX } else { x };
    let clamped = if clamped < T::EXP_M1_MIN { T::EXP_M1_MIN } else { clamped };
    let (rounded, r) = reduce::<T, FMA>(clamped);
    // Half of everything, because 2^k may exceed the largest number where the result does not.
    let half = T::from_f64(0.5);
    let scale = T::power_of_two(rounded - T::one());
    let exp_m1_r = polynomial::<T, FMA>(r, T::EXP).fused::<FMA>(r * r, r);
    let sum = exp_m1_r.fused::<FMA>(scale, scale - half);
    // Halving would round a subnormal result, and the sum loses the sign of zero.
    if x.abs() < T::epsilon() * half { x } else { sum + sum }
}

/// `tanh(|x|) = -t / (t + 2)` with `t = e^(-2|x|) - 1`.
#[inline(always)]
pub(super) fn tanh<T: Format, const FMA: bool>(x: T) -> T {
    let two = T::from_f64(2.0);
    let t = exp_m1::<T, FMA>(-two * x.abs());
    (t / (t + two)).copysign(x)
}

/// `(t + t / (t + 1)) / 2` with `t = e^|x| - 1`, and `e^|x| / 2` where the rest is below rounding.
#[inline(always)]
pub(super) fn sinh<T: Format, const FMA: bool>(x: T) -> T {
    let half = T::from_f64(0.5);
    let t = exp_m1::<T, FMA>(x.abs());
    let near = half * (t + t / (t + T::one()));
    let size = if x.abs() > T::from_f64(FAR) { half_exp::<T, FMA>(x.abs()) } else { near };
    // Halving would round a subnormal result.
    if x.abs() < T::epsilon() { x } else { size.copysign(x) }
}

/// `(e + 1 / e) / 2` with `e = e^|x|`, and `e / 2` where the rest is below rounding.
#[inline(always)]
pub(super) fn cosh<T: Format, const FMA: bool>(x: T) -> T {
    let e = exp::<T, FMA>(x.abs());
    let near = T::from_f64(0.5) * (e + e.recip());
    if x.abs() > T::from_f64(FAR) { half_exp::<T, FMA>(x.abs()) } else { near }
}

/// From here on `e^-x` is below the rounding of `e^x`.
const FAR: f64 = 20.0;

/// `e^x / 2`, which may be finite where `e^x` is not.
#[inline(always)]
fn half_exp<T: Format, const FMA: bool>(x: T) -> T {
    let root = exp::<T, FMA>(T::from_f64(0.5) * x);
    T::from_f64(0.5) * root * root
}

/// `1 / (1 + e)` for `x >= 0` and `e / (1 + e)` below, with `e = e^-|x|`.
#[inline(always)]
pub(super) fn sigmoid<T: Format, const FMA: bool>(x: T) -> T {
    let e = exp::<T, FMA>(-x.abs());
    let numerator = if x < T::zero() { e } else { T::one() };
    numerator / (T::one() + e)
}

/// `(ROUND + k, r)` with `x = k ln(2) + r` and `|r| <= ln(2) / 2`.
#[inline(always)]
fn reduce<T: Format, const FMA: bool>(x: T) -> (T, T) {
    let rounded = x.fused::<FMA>(T::LOG2_E, T::ROUND);
    let k = rounded - T::ROUND;
    let r = k.fused::<FMA>(-T::LN_2_HI, x);
    (rounded, k.fused::<FMA>(-T::LN_2_LO, r))
}
