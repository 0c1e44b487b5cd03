//! Beta distributions of latents between zero and one.

use libm::lgamma;

use super::log_gamma::LogGamma;
use super::{Independent, ScalarLaw, where_equal};
use crate::numerics::Lane;
use crate::numerics::{sigmoid, softplus};

/// Independent beta distributions of latents between zero and one: `x = 1 / (1 + e^-z) ~ Beta(a, b)` with
/// `a = c m`, `b = c (1 - m)` and `params = [logit m; ln c]`, mean and concentration.
///
/// `log q(z) = a ln x + b ln(1 - x) - ln B(a, b)`, the Jacobian `x (1 - x)` included. Of a site between other bounds it
/// is the position between them.
/// *Noise*: two normal numbers for each latent; `x` is the share of one gamma number in two, so that
/// `z = ln g_a - ln g_b`. *Cost*: twice that of [`GammaFactors`](super::GammaFactors); the pullback repeats the draw.
///
/// *Source*: Figurnov, Mohamed and Mnih 2018, section 4.2.
pub type BetaFactors = Independent<BetaLaw>;

/// The beta law of one latent.
#[derive(Clone, Copy, Debug)]
pub struct BetaLaw {
    logit_mean: f64,
    a: LogGamma,
    b: LogGamma,
}

impl BetaLaw {
    /// `(a, b)` of `Beta(a, b)`.
    pub fn shapes(&self) -> (f64, f64) {
        (self.a.shape, self.b.shape)
    }

    /// A gradient in `(ln a, ln b)` as one in the parameters.
    fn in_params(&self, ln_a: f64, ln_b: f64) -> [f64; 2] {
        let (a, b) = self.shapes();
        [(ln_a * b - ln_b * a) / (a + b), ln_a + ln_b]
    }
}

impl ScalarLaw for BetaLaw {
    const NOISE: usize = 2;
    const NAME: &'static str = "independent beta";
    const SUPPORTS: &'static [&'static str] = &["between "];

    fn of([logit_mean, ln_c]: [f64; 2]) -> Self {
        let c = ln_c.exp();
        let shape = |logit: f64| LogGamma::new(c * sigmoid(logit));
        BetaLaw { logit_mean, a: shape(logit_mean), b: shape(-logit_mean) }
    }

    fn draw(&self, [first, second]: [f64; 2]) -> f64 {
        self.logit_mean + self.a.quantile(first) - self.b.quantile(second)
    }

    fn pull(&self, [first, second]: [f64; 2], _: f64) -> [f64; 2] {
        let of_a = self.a.slope(self.a.quantile(first));
        let of_b = self.b.slope(self.b.quantile(second));
        let mut slope = self.in_params(of_a, -of_b);
        slope[0] += 1.0;
        slope
    }

    fn log_q(&self, z: f64) -> f64 {
        let (a, b) = self.shapes();
        lgamma(a + b) - lgamma(a) - lgamma(b) - a * softplus(-z) - b * softplus(z)
    }

    fn slope(&self, z: f64) -> f64 {
        let (a, b) = self.shapes();
        a * sigmoid(-z) - b * sigmoid(z)
    }

    fn score(&self, z: f64) -> [f64; 2] {
        let (a, b) = self.shapes();
        let both = (a + b).digamma();
        self.in_params(a * (both - a.digamma() - softplus(-z)), b * (both - b.digamma() - softplus(z)))
    }

    fn entropy(&self) -> Option<(f64, [f64; 2])> {
        let (a, b) = self.shapes();
        let c = a + b;
        let value = lgamma(a) + lgamma(b) - lgamma(c) - a * a.digamma() - b * b.digamma() + c * c.digamma();
        let both = c * c.trigamma();
        Some((value, self.in_params(a * (both - a * a.trigamma()), b * (both - b * b.trigamma()))))
    }

    fn centre(&self) -> f64 {
        self.logit_mean + self.a.mean() - self.b.mean()
    }

    fn around(centre: f64, sd: f64) -> [f64; 2] {
        // The variance of z is the sum of the trigamma functions of a and b.
        let (m, rest) = (sigmoid(centre), sigmoid(-centre));
        [centre, where_equal(sd * sd, |c| (c * m).trigamma() + (c * rest).trigamma()).ln()]
    }
}
