//! Location-scale families with heavier tails than the normal's.

use statrs::function::{beta::ln_beta, gamma::digamma};

use super::scratch::Pool;
use super::{Family, FamilyError, NoiseLaw, Reparam, fill_noise, weight_of};
use crate::model::{Draws, Layout, RowSet};
use crate::numerics::LN_SQRT_2_PI;
use crate::streams::Streams;

/// A family `z = mean + A noise` with one standard normal for each latent: its mean and scale can carry another noise.
pub trait LocationScale: Reparam {
    /// Latents outside of rows; they come first in the noise.
    fn num_global(&self) -> usize;

    /// Whether `A` is diagonal, so that no latent depends on the noise of another.
    fn is_diagonal(&self) -> bool {
        false
    }

    /// `ln |det A|`, rows counted by their weight.
    fn ln_scale(&self, params: &[f64], rows: &RowSet) -> f64;

    /// Overwrites `u`, laid out as the noise, with `A^-1 (z - mean)`.
    fn standardise(&self, params: &[f64], rows: &RowSet, z: &Draws, u: &mut [f64]);

    /// Overwrites `grad_z` with `A^-T slope`; `slope`, laid out as the noise, may be used up.
    fn unscale(&self, params: &[f64], rows: &RowSet, slope: &mut [f64], grad_z: &mut Draws);
}

/// `z = mean + A t` with independent Student-t numbers `t_i`: the mean and scale of a [`MeanField`](super::MeanField)
/// or [`FullRank`](super::FullRank), whose parameters it has.
///
/// The noise is normal, two numbers `a, b` for each latent: `t = a sqrt((e^s - 1) / s)` with `s = (a^2 + b^2) / nu`
/// has exactly the Student-t law with `nu` degrees of freedom, and is smooth, without a quantile function.
/// The scale `A` is that of the density; standard deviations are `sqrt(nu / (nu - 2))` times larger.
///
/// *Source*: Bailey 1994, "Polar generation of random variates with the t-distribution", theorem 1, with his uniform
/// radius and angle taken from a pair of normals.
#[derive(Clone, Debug, PartialEq)]
pub struct StudentTNoise<A> {
    scale: A,
    nu: f64,
    ln_normaliser: f64,
    entropy: f64,
    scratch: Pool<Scratch>,
}

#[derive(Debug, Default)]
struct Scratch {
    normals: Vec<f64>,
    t: Vec<f64>,
    bar: Draws,
}

impl<A: LocationScale> StudentTNoise<A> {
    /// The family with `degrees_of_freedom > 2`, so that it has a standard deviation.
    ///
    /// # Errors
    /// For other degrees of freedom.
    pub fn new(scale: A, degrees_of_freedom: f64) -> Result<Self, FamilyError> {
        let nu = degrees_of_freedom;
        if !(nu > 2.0 && nu < 1e6) {
            return Err(FamilyError::setting(
                "degrees of freedom",
                format!(
                    "a Student-t family with {nu} degrees of freedom; choose more than 2 (its standard deviation is \
                 infinite below), and a normal family beyond 1e6"
                ),
            ));
        }
        let ln_normaliser = ln_beta(0.5 * nu, 0.5) + 0.5 * nu.ln();
        let entropy = 0.5 * (nu + 1.0) * (digamma(0.5 * (nu + 1.0)) - digamma(0.5 * nu)) + ln_normaliser;
        Ok(StudentTNoise { scale, nu, ln_normaliser, entropy, scratch: Pool::default() })
    }

    /// Degrees of freedom.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.nu
    }

    /// Overwrites `t` with a Student-t number for each pair of normals, `[element][draw]`.
    fn fill(&self, normals: &[f64], draws: usize, t: &mut Vec<f64>) {
        t.resize(normals.len() / 2, 0.0);
        for (t, pair) in t.chunks_exact_mut(draws).zip(normals.chunks_exact(2 * draws)) {
            let (a, b) = pair.split_at(draws);
            for ((t, &a), &b) in t.iter_mut().zip(a).zip(b) {
                let s = (a * a + b * b) / self.nu;
                // Below, (e^s - 1) / s is one to the last bit, and zero over zero at the end.
                *t = if s < 1e-17 { a } else { a * (s.exp_m1() / s).sqrt() };
            }
        }
    }

    fn weight(&self, rows: &RowSet, element: usize) -> f64 {
        weight_of(rows, element >= self.scale.num_global())
    }

    /// Overwrites `slope` (holding `u`) with `d log q / d u`.
    fn slopes(&self, rows: &RowSet, draws: usize, u: &mut [f64]) {
        for (k, lane) in u.chunks_exact_mut(draws).enumerate() {
            let factor = -(self.nu + 1.0) * self.weight(rows, k);
            lane.iter_mut().for_each(|u| *u *= factor / (self.nu + *u * *u));
        }
    }
}

impl<A: LocationScale> Family for StudentTNoise<A> {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        self.scale.covers(layout)
    }

    fn num_params(&self) -> usize {
        self.scale.num_params()
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        self.scratch.with(|work| {
            work.normals.resize(self.num_noise(rows) * z.num_draws, 0.0);
            fill_noise(NoiseLaw::Normal, streams, z.num_draws, &mut work.normals);
            self.fill(&work.normals, z.num_draws, &mut work.t);
            self.scale.transform(params, rows, &work.t, z);
        });
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        log_q.fill(-self.scale.ln_scale(params, rows));
        self.scratch.with(|work| {
            work.t.resize(self.scale.num_noise(rows) * z.num_draws, 0.0);
            self.scale.standardise(params, rows, z, &mut work.t);
            for (k, u) in work.t.chunks_exact(z.num_draws).enumerate() {
                let weight = self.weight(rows, k);
                for (out, &u) in log_q.iter_mut().zip(u) {
                    *out -= weight * (self.ln_normaliser + 0.5 * (self.nu + 1.0) * (u * u / self.nu).ln_1p());
                }
            }
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        // With z held, d u / d params = -A^-1 d T(params, u) / d params: the pullback of minus the gradient in z.
        self.scratch.with(|work| {
            let Scratch { t, normals, bar } = work;
            t.resize(self.scale.num_noise(rows) * z.num_draws, 0.0);
            self.scale.standardise(params, rows, z, t);
            normals.clear();
            normals.extend_from_slice(t);
            self.slopes(rows, z.num_draws, normals);
            for lane in normals.chunks_exact_mut(z.num_draws) {
                lane.iter_mut().zip(weights).for_each(|(s, w)| *s *= -w);
            }
            copy_sizes(z, bar);
            self.scale.unscale(params, rows, normals, bar);
            self.scale.pullback(params, rows, t, z, bar, grad);
        });
        self.scale.add_entropy_gradient(params, rows, -weights.iter().sum::<f64>(), grad);
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let normal = 0.5 + LN_SQRT_2_PI;
        let scale = self.scale.ln_scale(params, rows);
        // The number of latents, weighted, is what the normal's entropy holds of its own.
        Some(scale + (self.scale.entropy(params, rows)? - scale) / normal * self.entropy)
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        self.scale.add_entropy_gradient(params, rows, weight, grad);
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        self.scale.init(centre, scale * ((self.nu - 2.0) / self.nu).sqrt())
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        self.scale.centre(params)
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        self.scale.rescale(params, centre, scale)
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        format!("{} with Student-t({}) noise", self.scale.name().replace(" Gaussian", ""), self.nu)
    }
}

impl<A: LocationScale> Reparam for StudentTNoise<A> {
    fn num_noise(&self, rows: &RowSet) -> usize {
        2 * self.scale.num_noise(rows)
    }

    fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
        self.scratch.with(|work| {
            self.fill(noise, z.num_draws, &mut work.t);
            self.scale.transform(params, rows, &work.t, z);
        });
    }

    fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        self.scratch.with(|work| {
            self.fill(noise, z_bar.num_draws, &mut work.t);
            self.scale.pullback(params, rows, &work.t, z, z_bar, grad);
        });
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        self.scratch.with(|work| {
            work.t.resize(self.scale.num_noise(rows) * z.num_draws, 0.0);
            self.scale.standardise(params, rows, z, &mut work.t);
            self.slopes(rows, z.num_draws, &mut work.t);
            self.scale.unscale(params, rows, &mut work.t, grad_z);
        });
    }
}

/// Gives `to` the sizes of `from`; allocates only when they grow.
fn copy_sizes(from: &Draws, to: &mut Draws) {
    (to.num_draws, to.num_rows) = (from.num_draws, from.num_rows);
    to.latents.resize(from.latents.len(), 0.0);
    to.row_latents.resize(from.row_latents.len(), 0.0);
}
