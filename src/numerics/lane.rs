//! The number types of the executor's lanes and the functions they know.

use num_traits::{Float, NumAssign};

use super::interleave::Interleave;
use super::panels::Panels;
use super::products::Products;
use super::{exponential, gamma, logarithm, normal, trigonometric};

/// The number type of the executor's lanes: `f64` or `f32`.
///
/// The `*_lane` functions are branch-free polynomials: a plain loop over slices that calls them vectorises
/// inside [`dispatch`](super::dispatch). `FMA` is the constant handed to [`Kernel::run`](super::Kernel::run).
/// The others are scalar, and work in double precision for both types.
pub trait Lane:
    Interleave + Panels + Products + Float + NumAssign + Default + Send + Sync + std::fmt::Debug + std::iter::Sum + 'static
{
    /// The largest `|x|` that [`sin_lane`](Self::sin_lane) and [`cos_lane`](Self::cos_lane) can reduce: 2^45 or 2^18.
    const TRIG_LIMIT: Self;

    /// `x` rounded to this type.
    fn from_f64(x: f64) -> Self;
    /// The same number in double precision.
    fn to_f64(self) -> f64;

    /// `self * b + c`, rounded once if `FMA` and twice otherwise.
    fn fused<const FMA: bool>(self, b: Self, c: Self) -> Self;

    /// `e^self`, with gradual underflow.
    fn exp_lane<const FMA: bool>(self) -> Self;
    /// `ln(self)`; -inf at 0 and NaN below.
    fn ln_lane<const FMA: bool>(self) -> Self;
    /// `ln(1 + self)`, accurate near 0; -inf at -1 and NaN below.
    fn ln_1p_lane<const FMA: bool>(self) -> Self;
    /// `e^self - 1`, accurate near 0.
    fn exp_m1_lane<const FMA: bool>(self) -> Self;
    /// `sin(self)`; NaN beyond [`TRIG_LIMIT`](Self::TRIG_LIMIT).
    fn sin_lane<const FMA: bool>(self) -> Self;
    /// `cos(self)`; NaN beyond [`TRIG_LIMIT`](Self::TRIG_LIMIT).
    fn cos_lane<const FMA: bool>(self) -> Self;
    /// `sinh(self)`, accurate near 0.
    fn sinh_lane<const FMA: bool>(self) -> Self;
    /// The hyperbolic cosine.
    fn cosh_lane<const FMA: bool>(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh_lane<const FMA: bool>(self) -> Self;
    /// `1 / (1 + e^-self)`, accurate in both tails.
    fn sigmoid_lane<const FMA: bool>(self) -> Self;
    /// `ln(1 + e^self)`, without overflow and accurate in both tails.
    fn softplus_lane<const FMA: bool>(self) -> Self;
    /// [`softplus_lane`](Self::softplus_lane) and its derivative [`sigmoid_lane`](Self::sigmoid_lane), with one exponential for both.
    fn softplus_and_sigmoid<const FMA: bool>(self) -> (Self, Self);

    /// `ln |Gamma(self)|`; inf at 0, -1, -2, ...
    fn ln_gamma(self) -> Self;
    /// `d ln Gamma(self) / d self`; -inf at 0, inf at -0, NaN at -1, -2, ...
    fn digamma(self) -> Self;
    /// `d digamma(self) / d self`; inf at 0, -1, -2, ...
    fn trigamma(self) -> Self;
    /// `2 / sqrt(pi)` times the integral of `e^(-t^2)` from 0 to `self`.
    fn erf(self) -> Self;
    /// The standard normal distribution function, accurate in the lower tail.
    fn ndtr(self) -> Self;
    /// `ln(ndtr(self))`, accurate in both tails.
    fn ln_ndtr(self) -> Self;
    /// Standard normal density over distribution function, `d ln_ndtr(self) / d self`; about `-self` in the lower tail.
    fn mills(self) -> Self;
}

macro_rules! lane_functions {
    ($($lane:ident => $path:path),* $(,)?) => {
        $(#[inline(always)]
        fn $lane<const FMA: bool>(self) -> Self {
            $path(self)
        })*
    };
}

macro_rules! scalar_functions {
    ($($name:ident => $path:path),* $(,)?) => {
        $(fn $name(self) -> Self {
            $path(f64::from(self)) as Self
        })*
    };
}

macro_rules! impl_lane {
    ($t:ty, $trig_limit:expr) => {
        impl Lane for $t {
            const TRIG_LIMIT: Self = $trig_limit;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as Self
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn fused<const FMA: bool>(self, b: Self, c: Self) -> Self {
                // Without the instruction `mul_add` is a library call, thirty times slower.
                if FMA { self.mul_add(b, c) } else { self * b + c }
            }

            lane_functions! {
                exp_lane => exponential::exp::<Self, FMA>,
                ln_lane => logarithm::ln::<Self, FMA>,
                ln_1p_lane => logarithm::ln_1p::<Self, FMA>,
                exp_m1_lane => exponential::exp_m1::<Self, FMA>,
                sin_lane => trigonometric::sin::<Self, FMA>,
                cos_lane => trigonometric::cos::<Self, FMA>,
                sinh_lane => exponential::sinh::<Self, FMA>,
                cosh_lane => exponential::cosh::<Self, FMA>,
                tanh_lane => exponential::tanh::<Self, FMA>,
                sigmoid_lane => exponential::sigmoid::<Self, FMA>,
                softplus_lane => logarithm::softplus::<Self, FMA>,
            }

            #[inline(always)]
            fn softplus_and_sigmoid<const FMA: bool>(self) -> (Self, Self) {
                logarithm::softplus_and_sigmoid::<Self, FMA>(self)
            }

            scalar_functions! {
                ln_gamma => libm::lgamma,
                digamma => gamma::digamma,
                trigamma => gamma::trigamma,
                erf => libm::erf,
                ndtr => normal::ndtr,
                ln_ndtr => normal::ln_ndtr,
                mills => normal::mills,
            }
        }
    };
}

impl_lane!(f64, 35_184_372_088_832.0);
impl_lane!(f32, 262_144.0);
