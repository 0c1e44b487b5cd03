//! Sine and cosine: reduction by multiples of `pi / 2` in doubled precision, then two short polynomials.

use super::format::{Format, polynomial};

/// The sine of `x`, or NaN beyond the limit.
#[inline(always)]
pub(super) fn sin<T: Format, const FMA: bool>(x: T) -> T {
    let reduced = Reduced::new::<FMA>(x);
    let y = T::turn(reduced.sin::<FMA>(), reduced.cos::<FMA>(), reduced.rounded, 0);
    // The reduction loses the sign of zero.
    if x == T::zero() { x } else { within_limit(x, y) }
}

/// The cosine of `x`, or NaN beyond the limit.
#[inline(always)]
pub(super) fn cos<T: Format, const FMA: bool>(x: T) -> T {
    let reduced = Reduced::new::<FMA>(x);
    within_limit(x, T::turn(reduced.sin::<FMA>(), reduced.cos::<FMA>(), reduced.rounded, 1))
}

#[inline(always)]
fn within_limit<T: Format>(x: T, y: T) -> T {
    if x.abs() <= T::TRIG_LIMIT { y } else { T::nan() }
}

/// `x = k pi / 2 + r + tail` with `|r| <= 0.8` and `tail` below the last place of `r`.
struct Reduced<T> {
    /// `ROUND + k`.
    rounded: T,
    r: T,
    tail: T,
    square: T,
}

impl<T: Format> Reduced<T> {
    #[inline(always)]
    fn new<const FMA: bool>(x: T) -> Self {
        let [first, second, third] = T::FRAC_PI_2;
        let rounded = x.fused::<FMA>(T::FRAC_2_PI, T::ROUND);
        let k = rounded - T::ROUND;
        // Exact: a multiple of the last place of `first`, and smaller than 1.
        let (product, error) = exact_product::<T, FMA>(k, first);
        let a = (x - product) - error;
        // a - k second, as a sum of two numbers.
        let (product, error) = exact_product::<T, FMA>(k, second);
        let high = a - product;
        let back = a - high;
        let lost = (a - (high + back)) + (back - product);
        let low = k.fused::<FMA>(-third, lost - error);
        let r = high + low;
        Self { rounded, r, tail: (high - r) + low, square: r * r }
    }

    /// `sin(r + tail) = sin(r) + tail cos(r)`.
    #[inline(always)]
    fn sin<const FMA: bool>(&self) -> T {
        let cos = self.square.fused::<FMA>(T::from_f64(-0.5), T::one());
        let cubic = self.r * self.square * polynomial::<T, FMA>(self.square, T::SIN);
        self.r + self.tail.fused::<FMA>(cos, cubic)
    }

    /// `cos(r + tail) = cos(r) - tail sin(r)`, the rounding error of `1 - r^2 / 2` kept.
    #[inline(always)]
    fn cos<const FMA: bool>(&self) -> T {
        let half_square = T::from_f64(0.5) * self.square;
        let sum = T::one() - half_square;
        let lost = (T::one() - sum) - half_square;
        let quartic = self.square * self.square * polynomial::<T, FMA>(self.square, T::COS);
        sum + (lost + (quartic - self.r * self.tail))
    }
}

/// `(p, e)` with `a * b = p + e` exactly.
///
/// *Source:* Dekker (1971), "A floating-point technique for extending the available precision".
#[inline(always)]
fn exact_product<T: Format, const FMA: bool>(a: T, b: T) -> (T, T) {
    let product = a * b;
    if FMA {
        return (product, a.fused::<FMA>(b, -product));
    }
    let halves = |x: T| {
        let scaled = T::SPLIT * x;
        let high = scaled - (scaled - x);
        (high, x - high)
    };
    let ((a1, a0), (b1, b0)) = (halves(a), halves(b));
    (product, ((a1 * b1 - product) + a1 * b0 + a0 * b1) + a0 * b0)
}
