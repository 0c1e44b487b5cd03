//! How a distribution of one number is declared, and what the declarations share.

use rand_distr::Distribution as _;

use crate::program::{Real, recording};

/// Declares a distribution of one number: its struct, its constructor and its [`Distribution`](super::Distribution).
///
/// A parameter's name stands for a `Real` in `support` and in `log_density`, and for an `f64` in `sample`. With
/// `> c` a constant that is not above `c` is an error of the recording, and other values not above it are drawn
/// as NaN; so `sample` sees finite parameters inside their ranges only.
macro_rules! scalar_distribution {
    (
        $(#[$about:meta])* struct $name:ident;
        $(#[$formula:meta])* fn $constructor:ident($($parameter:ident $(> $low:literal)?),+);
        support = $support:expr;
        log_density($x:ident) = $log_density:expr;
        sample($rng:ident) = $sample:expr;
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            $($parameter: Real,)+
        }

        $(#[$formula])*
        #[track_caller]
        pub fn $constructor($($parameter: impl Into<Real>),+) -> $name {
            $(let $parameter = $parameter.into();)+
            $($(super::scalar::expect_above(stringify!($constructor), stringify!($parameter), $parameter, $low);)?)+
            $name { $($parameter),+ }
        }

        impl super::Distribution for $name {
            type Value = Real;

            #[track_caller]
            fn log_density(&self, $x: Real) -> Real {
                let $name { $($parameter),+ } = *self;
                $log_density
            }

            #[allow(unused_variables, reason = "few supports depend on a parameter")]
            fn support(&self) -> super::Support {
                let $name { $($parameter),+ } = *self;
                $support
            }

            fn parameters(&self) -> Vec<Real> {
                vec![$(self.$parameter),+]
            }

            fn sample(&self, parameters: &[f64], $rng: &mut dyn rand::Rng, out: &mut [f64]) {
                let draw = match *parameters {
                    [$($parameter),+]
                        if parameters.iter().all(|p| p.is_finite()) $($(&& $parameter > $low)?)+ =>
                    {
                        $sample
                    }
                    _ => f64::NAN,
                };
                // Heavy tails reach further than doubles do; `clamp` keeps NaN.
                out.fill(draw.clamp(-f64::MAX, f64::MAX));
            }
        }
    };
}
pub(super) use scalar_distribution;

/// A constant parameter that is not above `low` is a mistake of the model.
#[track_caller]
pub(super) fn expect_above(distribution: &str, parameter: &str, value: Real, low: f64) {
    let Some(v) = value.as_constant() else { return };
    if !(v.is_finite() && v > low) {
        recording::fail(format!(
            "{distribution}: {parameter} is {v}, expected a finite number above {low}; check the arguments' order"
        ));
    }
}

/// `coefficient * x`, and zero when the coefficient is the constant zero, even where `x` is infinite.
#[track_caller]
pub(super) fn unless_zero(coefficient: Real, x: Real) -> Real {
    if coefficient.as_constant() == Some(0.0) { Real::from(0.0) } else { coefficient * x }
}

/// `((x - location) * precision_root)^2`.
#[track_caller]
pub(super) fn squared_distance(x: Real, location: Real, precision_root: Real) -> Real {
    x.gauss_kernel(location, precision_root) * -2.0
}

/// A draw of one of `rand_distr`'s distributions; NaN if it refused its parameters.
pub(super) fn draw<D, E>(distribution: Result<D, E>, rng: &mut dyn rand::Rng) -> f64
where
    D: rand_distr::Distribution<f64>,
{
    distribution.map_or(f64::NAN, |d| d.sample(rng))
}

/// A standard normal draw.
pub(super) fn standard_normal(rng: &mut dyn rand::Rng) -> f64 {
    rand_distr::StandardNormal.sample(rng)
}

/// A draw of the exponential distribution with rate one.
pub(super) fn standard_exponential(rng: &mut dyn rand::Rng) -> f64 {
    rand_distr::Exp1.sample(rng)
}

/// A uniform draw from the open interval (0, 1).
pub(super) fn open_unit(rng: &mut dyn rand::Rng) -> f64 {
    rand_distr::Open01.sample(rng)
}

/// Moves a draw that was rounded to zero or overflowed back into the positive numbers; NaN stays.
pub(super) fn into_positive(draw: f64) -> f64 {
    draw.clamp(f64::MIN_POSITIVE, f64::MAX)
}
