//! The exponential function and its kin: `e^x`, `e^x - 1`, tanh and the logistic sigmoid.

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
