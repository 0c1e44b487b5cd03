//! How a distribution of one number is declared, and what the declarations share.

use rand_distr::Distribution as _;

use crate::program::Real;

/// Declares a distribution of one number: its struct, its constructor and its [`Distribution`](super::Distribution).
///
/// A parameter's name stands for a `Real` in `support`, in `log_density` and in the domains of others, and for an `f64`
/// in `sample`, which sees finite parameters inside their domains only; others are drawn as NaN. `edges` is given the
/// distribution and the value; `location_scale` names the two parameters, of a family that has them.
macro_rules! scalar_distribution {
    (
        $(#[$about:meta])* struct $name:ident;
        $(#[$formula:meta])* fn $constructor:ident($($parameter:ident: $domain:expr $(; $also:expr)?),+);
        $($rest:tt)*
    ) => {
        $(#[$about])*
        #[doc = concat!("\nMade by [`", stringify!($constructor), "`], whose page has the formula and an example.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            $(pub(super) $parameter: Real,)+
        }

        $(#[$formula])*
        #[track_caller]
        pub fn $constructor($($parameter: impl Into<Real>),+) -> $name {
            let made = $name { $($parameter: $parameter.into()),+ };
            super::domain::refuse(&made);
            made
        }

        super::scalar::scalar_density! {
            $name: $constructor($($parameter: $domain $(; $also)?),+);
            $($rest)*
        }
    };
}
pub(super) use scalar_distribution;

/// The [`Distribution`](super::Distribution) of a struct whose fields are the parameters, for constructors that are not
/// given numbers alone.
macro_rules! scalar_density {
    (
        $name:ident: $constructor:ident($($parameter:ident: $domain:expr $(; $also:expr)?),+);
        support = $support:expr;
        $(location_scale = ($location:ident, $scale:ident);)?
        $(edges($own:ident, $edge:ident) = $edges:expr;)?
        log_density($x:ident) = $log_density:expr;
        sample($rng:ident) = $sample:expr;
    ) => {
        #[allow(unused_variables, reason = "few sets depend on a parameter")]
        impl super::Distribution for $name {
            type Value = Real;

            #[track_caller]
            fn formula(&self, $x: Real) -> Real {
                let $name { $($parameter),+ } = *self;
                $log_density
            }

            fn support(&self) -> super::Support {
                let $name { $($parameter),+ } = *self;
                $support
            }

            fn domains(&self) -> Vec<super::Parameter> {
                let $name { $($parameter),+ } = *self;
                vec![$(
                    super::Parameter::new(
                        concat!(stringify!($parameter), " of ", stringify!($constructor)), $parameter, $domain,
                    ),
                    $(super::Parameter::new(
                        concat!(stringify!($parameter), " of ", stringify!($constructor)), $parameter, $also,
                    ),)?
                )+]
            }

            $(fn edges(&self, $edge: Real) -> Vec<super::Parameter> {
                let $own = self;
                $edges
            })?

            fn parameters(&self) -> Vec<Real> {
                vec![$(self.$parameter),+]
            }

            $(fn location_scale(&self) -> Option<(Real, Real)> {
                Some((self.$location, self.$scale))
            })?

            fn sample(&self, parameters: &[f64], $rng: &mut dyn rand::Rng, out: &mut [f64]) {
                let [$($parameter),+] = *parameters else { return out.fill(f64::NAN) };
                let is_valid = {
                    $(let $parameter = Real::from($parameter);)+
                    let all = [$(($parameter, $domain), $(($parameter, $also),)?)+];
                    all.into_iter().all(|(x, domain)| x.as_constant().is_some_and(|x| domain.contains(x)))
                };
                let draw = if is_valid { $sample } else { f64::NAN };
                // Heavy tails reach further than doubles do; `clamp` keeps NaN.
                out.fill(draw.clamp(-f64::MAX, f64::MAX));
            }
        }
    };
}
pub(super) use scalar_density;

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
