//! Von Mises distributions of angles.

use std::f64::consts::{PI, TAU};

use super::angle::Angle;
use super::{Independent, ScalarLaw};
use crate::numerics::softplus;

/// Independent von Mises distributions of angles: `x = pi tanh(z / 2)` in `(-pi, pi)` with density
/// `exp(concentration cos(x - mean)) / (2 pi I0(concentration))`, and `params = [mean; ln concentration]`.
///
/// The density of the unconstrained `z` includes the Jacobian `(pi^2 - x^2) / (2 pi)`. A draw `mean + t` beyond pi is
/// wrapped round. *Bias*: the path jumps there, so a pathwise gradient in the mean is unbiased only for a log joint that is
/// continuous over the cut (a function of the sine and cosine of the angle, as a von Mises likelihood is). Any mean is
/// allowed, those apart by 2 pi are the same. The entropy has no closed form, for the Jacobian's mean has none.
/// *Noise*: one normal number for each latent. *Cost*: quadratures with 32 nodes, a few in each draw.
/// *Accuracy*: of quantiles and slopes 1e-11 for concentrations from 1e-3 to 1e6.
///
/// *Source*: Figurnov, Mohamed and Mnih 2018, section 4.3; departure: quadrature in place of the series of Hill 1977.
pub type VonMisesFactors = Independent<VonMisesLaw>;

/// The von Mises law of one latent.
#[derive(Clone, Copy, Debug)]
pub struct VonMisesLaw {
    mean: f64,
    about: Angle,
}

impl VonMisesLaw {
    /// The mean direction, between -pi and pi.
    pub fn mean(&self) -> f64 {
        wrapped(self.mean)
    }

    /// The concentration of the law about its mean; zero is uniform.
    pub fn concentration(&self) -> f64 {
        self.about.concentration
    }

    /// The angle from the mean.
    fn apart(&self, z: f64) -> f64 {
        wrapped(PI * (0.5 * z).tanh() - self.mean)
    }
}

/// The same angle between -pi and pi.
fn wrapped(angle: f64) -> f64 {
    angle - TAU * (angle / TAU).round()
}

/// `d x / d z` of `x = pi tanh(z / 2)`.
fn jacobian(z: f64) -> f64 {
    let cosh = (0.5 * z).cosh();
    0.5 * PI / (cosh * cosh)
}

/// The unconstrained number of an angle.
fn unconstrained(angle: f64) -> f64 {
    let x = wrapped(angle).clamp(-PI.next_down(), PI.next_down());
    ((PI + x) / (PI - x)).ln()
}

impl ScalarLaw for VonMisesLaw {
    const NOISE: usize = 1;
    const NAME: &'static str = "independent von Mises";
    const SUPPORTS: &'static [&'static str] = &["an angle"];

    fn of([mean, ln_concentration]: [f64; 2]) -> Self {
        VonMisesLaw { mean, about: Angle::new(ln_concentration.exp()) }
    }

    fn draw(&self, [e, _]: [f64; 2]) -> f64 {
        unconstrained(self.mean + self.about.quantile(e))
    }

    fn pull(&self, _: [f64; 2], z: f64) -> [f64; 2] {
        let (inverse, kappa) = (jacobian(z).recip(), self.about.concentration);
        [inverse, inverse * kappa * self.about.slope(self.apart(z))]
    }

    fn log_q(&self, z: f64) -> f64 {
        self.about.ln_density(self.apart(z)) + TAU.ln() - softplus(z) - softplus(-z)
    }

    fn slope(&self, z: f64) -> f64 {
        -self.about.concentration * self.apart(z).sin() * jacobian(z) - (0.5 * z).tanh()
    }

    fn score(&self, z: f64) -> [f64; 2] {
        let (t, kappa) = (self.apart(z), self.about.concentration);
        [kappa * t.sin(), kappa * self.about.score(t)]
    }

    fn entropy(&self) -> Option<(f64, [f64; 2])> {
        None
    }

    fn centre(&self) -> f64 {
        unconstrained(self.mean)
    }

    fn around(centre: f64, sd: f64) -> [f64; 2] {
        [PI * (0.5 * centre).tanh(), -2.0 * (sd * jacobian(centre)).ln()]
    }
}
