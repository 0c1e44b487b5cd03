//! The pathwise gradient less a linear model of the log density's gradient, whose expectation is known.

use super::{Estimate, GradientEstimator, Point, Scratch, Space, Task, all_finite};
use crate::family::LocationScale;
use crate::model::Draws;
use crate::target::{DensityError, Differentiable, Pass};

/// `1/S sum_s [G(noise_s, grad_z log p(z_s)) - G(noise_s, b + C noise_s)] + E[G(noise, b + C noise)] + d H[q] / d params`
/// where `G(noise, z_bar)` is the pullback `(d T(params, noise) / d params)' z_bar` of a family
/// `z = mean + A noise`.
///
/// `b` is the gradient at the mean and `C noise` the change of the gradient along `A noise`: a quadratic surrogate of
/// log p with the Hessian `C A^-1`. Unbiased whatever `b` and `C`, since they are fixed before the draws and the noise
/// has known first and second moments; exact, without any noise, for a quadratic log p and [`Curvature::Full`].
///
/// *Assumes* a family of normals with location and scale, hence the bound on `F`. Any design of the draws.
///
/// *Cost* besides the draws' gradients: see [`Curvature`]; for `n` latents the known expectation costs O(n) with a
/// diagonal scale, and `2 n` pullbacks with a full one. Where the surrogate is not finite, it is left out of the step.
///
/// *Source*: Miller, Foti, D'Amour and Adams 2017; Geffner and Domke 2020. The products with
/// the Hessian are secants one standard deviation of q to either side of the mean, which for a quadratic log p are
/// the same and otherwise average the curvature over the width of q. Miller's product for each draw is not offered: with
/// such secants it is the antithetic design.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlVariate {
    /// How much of the Hessian is measured.
    pub curvature: Curvature,
}

/// How the matrix `C` of a [`ControlVariate`] is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Curvature {
    /// Column by column: `2 n + 1` gradients a step for `n` latents.
    #[default]
    Full,
    /// Its diagonal alone, from `probes` products with random signs: `2 probes + 1` gradients a step.
    ///
    /// For mean-field families and Hessians with small elements off the diagonal, which are the noise of the probes.
    ///
    /// *Source*: Bekas, Kokiopoulou and Saad 2007.
    Diagonal {
        /// Products with the Hessian, at least one.
        probes: usize,
    },
}

/// Purpose of the streams; the draws have them as they come.
const PROBES: u32 = 0xc501;

/// Buffers: points where the surrogate is measured, with their noise and gradients, and the surrogate.
#[derive(Clone, Debug, Default)]
pub struct Surrogate {
    noise: Vec<f64>,
    z: Draws,
    bar: Draws,
    theta_bar: Vec<f64>,
    /// `b`, by latent.
    slope: Vec<f64>,
    /// `C` by columns, or its diagonal.
    curvature: Vec<f64>,
    is_diagonal: bool,
    /// Its own, since a pass is laid out for a number of draws.
    pass: Pass,
}

impl<T: Differentiable + ?Sized, F: LocationScale + ?Sized> GradientEstimator<T, F> for ControlVariate {
    type State = Scratch<Surrogate>;

    fn init(&self, _: &T, _: &F) -> Self::State {
        Scratch::default()
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut Self::State, space: &mut Space) -> Result<Estimate, DensityError> {
        let surrogate = &mut state.buffers;
        let Task { family, at, .. } = *of;
        let measured = surrogate.measure(self.curvature, of)?;
        space.draw(of)?;
        space.differentiate(of)?;
        let rejected = space.reject();
        let evaluations = at.num_draws + measured + space.add_theta(of, rejected)?;
        let value = space.bound(of, rejected, family.entropy(at.params, at.rows));
        surrogate.add_to(&space.noise, -1.0, &mut space.z_bar);
        space.weigh();
        space.pullback(of);
        if rejected < at.num_draws {
            family.add_entropy_gradient(at.params, at.rows, 1.0, &mut space.grad);
            surrogate.add_expectation(family, &at, &mut space.grad);
        }
        Ok(Estimate { value, rejected, evaluations })
    }
}

/// The lane of latent `k`, those of rows after the others, as in the noise.
fn lane(z: &mut Draws, k: usize) -> &mut [f64] {
    let (n, first) = (z.num_draws, z.latents.len() / z.num_draws.max(1));
    let (all, k) = if k < first { (&mut z.latents, k) } else { (&mut z.row_latents, k - first) };
    &mut all[k * n..(k + 1) * n]
}

impl Surrogate {
    /// Overwrites the surrogate and returns how many gradients that took.
    fn measure<T, F>(&mut self, curvature: Curvature, of: &Task<T, F>) -> Result<usize, DensityError>
    where
        T: Differentiable + ?Sized,
        F: LocationScale + ?Sized,
    {
        let Task { target, family, at } = of;
        let size = family.num_noise(at.rows);
        let pairs = match curvature {
            Curvature::Full => size,
            Curvature::Diagonal { probes: 0 } => {
                return Err(DensityError::setting(
                    "a control variate with no probes of the curvature; choose one or more",
                ));
            }
            Curvature::Diagonal { probes } => probes,
        };
        self.is_diagonal = curvature != Curvature::Full;
        self.spread(curvature, at, size, pairs);
        let draws = 2 * pairs + 1;
        let num_rows = at.rows.len(target.layout());
        self.z.resize(target.layout(), num_rows, draws);
        self.bar.resize(target.layout(), num_rows, draws);
        self.theta_bar.resize(target.layout().num_parameters, 0.0);
        family.transform(at.params, at.rows, &self.noise, &mut self.z);
        let Surrogate { z, bar, theta_bar, pass, .. } = self;
        target.log_density_and_gradient(at.theta, z, at.rows, pass, bar, theta_bar)?;
        self.read(size, pairs);
        Ok(draws)
    }

    /// Overwrites `noise` with the centre, then pairs one standard deviation to either side of it.
    fn spread(&mut self, curvature: Curvature, at: &Point, size: usize, pairs: usize) {
        let draws = 2 * pairs + 1;
        self.noise.clear();
        self.noise.resize(size * draws, 0.0);
        if curvature == Curvature::Full {
            for (k, lane) in self.noise.chunks_exact_mut(draws).enumerate() {
                (lane[1 + 2 * k], lane[2 + 2 * k]) = (1.0, -1.0);
            }
            return;
        }
        // The uniform numbers of the probes lie in the first of their two places until they are signs.
        at.streams.purpose(PROBES).fill_uniform(draws, &mut self.noise);
        for lane in self.noise.chunks_exact_mut(draws) {
            lane[0] = 0.0;
            for pair in lane[1..].chunks_exact_mut(2) {
                let sign = if pair[0] < 0.5 { -1.0 } else { 1.0 };
                pair.copy_from_slice(&[sign, -sign]);
            }
        }
    }

    /// The surrogate from the gradients at its points; zero where one of them is not finite.
    fn read(&mut self, size: usize, pairs: usize) {
        self.slope.clear();
        self.curvature.clear();
        let columns = if self.is_diagonal { 1 } else { size };
        self.slope.resize(size, 0.0);
        self.curvature.resize(size * columns, 0.0);
        if !(all_finite(&self.bar.latents) && all_finite(&self.bar.row_latents)) {
            return;
        }
        let draws = 2 * pairs + 1;
        for i in 0..size {
            let g = lane(&mut self.bar, i);
            self.slope[i] = g[0];
            let own = &self.noise[i * draws..];
            for p in 0..pairs {
                let change = 0.5 * (g[1 + 2 * p] - g[2 + 2 * p]);
                if self.is_diagonal {
                    self.curvature[i] += own[1 + 2 * p] * change / pairs as f64;
                } else {
                    self.curvature[p * size + i] = change;
                }
            }
        }
    }

    /// `z_bar += factor * (b + C noise)`.
    fn add_to(&self, noise: &[f64], factor: f64, z_bar: &mut Draws) {
        let (n, size) = (z_bar.num_draws, self.slope.len());
        for i in 0..size {
            let out = lane(z_bar, i);
            out.iter_mut().for_each(|o| *o += factor * self.slope[i]);
            let columns = if self.is_diagonal { i..i + 1 } else { 0..size };
            for j in columns {
                let c = if self.is_diagonal { self.curvature[i] } else { self.curvature[j * size + i] };
                if c != 0.0 {
                    out.iter_mut().zip(&noise[j * n..(j + 1) * n]).for_each(|(o, e)| *o += factor * c * e);
                }
            }
        }
    }

    /// `grad += E[G(noise, b + C noise)]`, as a mean over points with the moments of the noise.
    fn add_expectation<F: LocationScale + ?Sized>(&mut self, family: &F, at: &Point, grad: &mut [f64]) {
        let size = self.slope.len();
        if size == 0 {
            return;
        }
        // Opposite points: all ones where no latent meets the noise of another, else each axis by itself.
        let axes = if family.is_diagonal() { 1 } else { size };
        let (draws, length) = (2 * axes, if family.is_diagonal() { 1.0 } else { (size as f64).sqrt() });
        self.noise.clear();
        self.noise.resize(size * draws, 0.0);
        for (k, lane) in self.noise.chunks_exact_mut(draws).enumerate() {
            let axis = if axes == 1 { 0 } else { k };
            (lane[2 * axis], lane[2 * axis + 1]) = (length, -length);
        }
        let rows = self.z.num_rows;
        for block in [&mut self.z, &mut self.bar] {
            let (first, others) = (block.latents.len() / block.num_draws, block.row_latents.len() / block.num_draws);
            (block.num_draws, block.num_rows) = (draws, rows);
            block.latents.resize(first * draws, 0.0);
            block.row_latents.resize(others * draws, 0.0);
        }
        family.transform(at.params, at.rows, &self.noise, &mut self.z);
        let mut bar = std::mem::take(&mut self.bar);
        bar.latents.fill(0.0);
        bar.row_latents.fill(0.0);
        if family.is_diagonal() && !self.is_diagonal {
            // Only the diagonal of C meets the noise of its own latent.
            (0..size).for_each(|i| self.curvature[i] = self.curvature[i * size + i]);
            self.is_diagonal = true;
        }
        self.add_to(&self.noise, 1.0 / draws as f64, &mut bar);
        family.pullback(at.params, at.rows, &self.noise, &self.z, &bar, grad);
        self.bar = bar;
    }
}
