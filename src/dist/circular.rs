//! A distribution of angles.

use std::f64::consts::{PI, TAU};

use super::Support;
use super::scalar::{open_unit, scalar_distribution, standard_normal};
use crate::numerics::LN_SQRT_2_PI;
use crate::program::Real;

scalar_distribution! {
    /// Von Mises distribution of angles, the normal distribution of the circle.
    struct VonMises;
    /// `ln p(x) = concentration cos(x - mean) - ln(2 pi) - ln I0(concentration)`, with the modified Bessel
    /// function `I0`; for a large concentration nearly normal with variance `1 / concentration`.
    #[doc = example!(
        r#"let wind = p.draw("wind", von_mises(0.0, 2.0)); // in radians"#,
        "p.observe(0.3, von_mises(wind, 8.0));",
    )]
    fn von_mises(mean: Support::Real, concentration: Support::Positive);
    support = Support::Circle;
    log_density(x) = {
        // cos(d) - 1 = -2 sin(d / 2)^2 keeps its digits at small angles.
        let half_sine = ((x - mean) * 0.5).sin();
        concentration * -2.0 * half_sine.square() - ln_scaled_bessel(concentration) - 2.0 * LN_SQRT_2_PI
    };
    sample(rng) = wrapped(mean + angle(concentration, rng));
}

/// From here on the asymptotic series is exact to the last place.
const ASYMPTOTIC: f64 = 20.0;

/// `ln(I0(x) exp(-x))` for `x >= 0`.
///
/// *Source:* Abramowitz and Stegun (1964), 9.6.12 (power series) and 9.7.1 (asymptotic series), each written as
/// nested products of the ratios of successive terms; all terms are positive.
#[track_caller]
fn ln_scaled_bessel(x: Real) -> Real {
    let one = Real::from(1.0);
    let small = x.min(ASYMPTOTIC);
    let square = small.square() * 0.25;
    let near = (1..=36).rev().fold(one, |sum, k| square * sum * f64::from(k * k).recip() + 1.0);
    let inverse = x.max(ASYMPTOTIC).recip();
    let ratio = |k: u32| f64::from((2 * k - 1) * (2 * k - 1)) / f64::from(8 * k);
    let far = (1..=30).rev().fold(one, |sum, k| inverse * sum * ratio(k) + 1.0);
    let far = far.ln() + inverse.ln() * 0.5 - LN_SQRT_2_PI;
    x.less_than(ASYMPTOTIC).select(near.ln() - small, far)
}

/// A draw with mean zero, by rejection from a wrapped Cauchy distribution.
///
/// *Source:* Best and Fisher (1979), "Efficient simulation of the von Mises distribution". Departure: where its
/// envelope is lost to rounding the limits are used, a uniform angle and a normal number; they differ from
/// the distribution by a part in a million.
fn angle(concentration: f64, rng: &mut dyn rand::Rng) -> f64 {
    if concentration < 1e-6 {
        return PI * (2.0 * open_unit(rng) - 1.0);
    }
    if concentration > 1e6 {
        return standard_normal(rng) / concentration.sqrt();
    }
    let tau = 1.0 + (1.0 + 4.0 * concentration * concentration).sqrt();
    let rho = (tau - (2.0 * tau).sqrt()) / (2.0 * concentration);
    let r = (1.0 + rho * rho) / (2.0 * rho);
    loop {
        let z = (PI * open_unit(rng)).cos();
        let f = (1.0 + r * z) / (r + z);
        let c = concentration * (r - f);
        let u = open_unit(rng);
        if c * (2.0 - c) > u || (c / u).ln() + 1.0 >= c {
            let magnitude = f.clamp(-1.0, 1.0).acos();
            return if open_unit(rng) < 0.5 { -magnitude } else { magnitude };
        }
    }
}

/// The same angle between -pi and pi.
fn wrapped(angle: f64) -> f64 {
    (angle - TAU * (angle / TAU).round()).clamp(-PI, PI)
}
