//! An angle about zero: quantiles of the von Mises distribution, and how they move with the concentration.

use std::f64::consts::PI;

use super::quadrature::integrate;
use crate::numerics::Lane;

/// Most steps of Newton's method or of bisection; four are usual.
const STEPS: usize = 100;

/// The density `exp(concentration (cos t - 1) - ln_total)` on `(-pi, pi)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Angle {
    pub concentration: f64,
    ln_total: f64,
    /// `1 - E cos t`.
    spread: f64,
}

impl Angle {
    pub fn new(concentration: f64) -> Self {
        let mut angle = Angle { concentration, ln_total: 0.0, spread: 0.0 };
        let (half, spread) = angle.beyond(0.0, |s| 2.0 * (0.5 * s).sin().powi(2));
        angle.ln_total = (2.0 * half).ln();
        angle.spread = spread / half;
        angle
    }

    /// Log density at `t`.
    pub fn ln_density(&self, t: f64) -> f64 {
        -2.0 * self.concentration * (0.5 * t).sin().powi(2) - self.ln_total
    }

    /// `cos t - E cos t`, the derivative of the log density in the concentration.
    pub fn score(&self, t: f64) -> f64 {
        self.spread - 2.0 * (0.5 * t).sin().powi(2)
    }

    /// Integrals from `t >= 0` to pi of the density, and of the density times `f`, over the density at `t`.
    fn beyond(&self, t: f64, f: impl Fn(f64) -> f64) -> (f64, f64) {
        let kappa = self.concentration;
        // Cut where the integrand is 1e-16.
        let sine = ((0.5 * t).sin().powi(2) + 18.5 / kappa).sqrt();
        let far = if sine < 1.0 { 2.0 * sine.asin() } else { PI };
        integrate(t, far, |s| {
            let density = (-2.0 * kappa * (0.5 * (s + t)).sin() * (0.5 * (s - t)).sin()).exp();
            (density, density * f(s))
        })
    }

    /// The angle whose distribution function is the normal one at `e`.
    pub fn quantile(&self, e: f64) -> f64 {
        let ln_tail = (-e.abs()).ln_ndtr();
        // Exact in the limits of no and of a large concentration.
        let mut t = (PI * (1.0 - 2.0 * ln_tail.exp())).min(e.abs() / self.concentration.sqrt());
        let (mut low, mut high) = (0.0, PI);
        for _ in 0..STEPS {
            let ratio = self.beyond(t, |_| 0.0).0;
            let excess = self.ln_density(t) + ratio.ln() - ln_tail;
            *if excess > 0.0 { &mut low } else { &mut high } = t;
            let mut next = t + ratio * excess;
            if !(low..=high).contains(&next) {
                next = 0.5 * (low + high);
            }
            let step = (next - t).abs();
            t = next;
            // What a step leaves is some `step^2 / ratio`: near pi, the ratio is as small as the way to pi.
            if step < 1e-7 * ratio + 2.0 * f64::EPSILON * t {
                break;
            }
        }
        t.copysign(e)
    }

    /// `d t / d concentration` with the distribution function at `t` held.
    pub fn slope(&self, t: f64) -> f64 {
        self.beyond(t.abs(), |s| self.score(s)).1 * t.signum()
    }
}
