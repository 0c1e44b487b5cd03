//! Draws moved by short Hamiltonian trajectories, a kernel that keeps the posterior.

use crate::algorithm::{Density, FitError};
use crate::model::Draws;
use crate::numerics::{cholesky, dot, solve_lower};
use crate::streams::Streams;
use crate::target::Differentiable;

/// Leapfrog steps of one trajectory: half a turn and more of a Gaussian at the step sizes that are accepted.
const STEPS: usize = 10;

/// Acceptance that the step size is tuned to, and the draws that tune it.
///
/// *Source*: Beskos, Pillai, Roberts, Sanz-Serna and Stuart (2013) give 0.65 as the cheapest; short trajectories of many
/// draws at once, none of which may stay where it is, want more.
const ACCEPTANCE: f64 = 0.85;
const TUNED_BY: usize = 32;
/// Reductions of the step size by a factor of 0.7 at most: down to a seventieth.
const TUNED: usize = 12;

/// Purposes of the streams.
const TUNE: u32 = 1;
const MOVE: u32 = 2;
const JITTER: u32 = 3;
const ACCEPT: u32 = 4;

/// Coordinates in which the moves are made, `z = centre + L w`.
pub(super) struct Whitening {
    pub centre: Vec<f64>,
    /// Lower triangular, by rows.
    pub factor: Vec<f64>,
}

impl Whitening {
    /// From the moments of draws, `[latent][draw]`; none where some latent has no spread.
    ///
    /// The correlations are drawn towards zero by `d / (d + n)`, so that the factor exists for few draws.
    pub fn of(latents: &[f64], num_draws: usize) -> Option<Self> {
        let d = latents.len() / num_draws;
        let keep = num_draws as f64 / (num_draws + d) as f64;
        let mut centred = latents.to_vec();
        let centre: Vec<f64> = centred
            .chunks_exact_mut(num_draws)
            .map(|lane| {
                let mean = lane.iter().sum::<f64>() / num_draws as f64;
                lane.iter_mut().for_each(|x| *x -= mean);
                mean
            })
            .collect();
        let lane = |k: usize| &centred[k * num_draws..(k + 1) * num_draws];
        let mut factor = vec![0.0; d * d];
        for i in 0..d {
            for j in 0..=i {
                let shrunk = if i == j { 1.0 } else { keep };
                factor[i * d + j] = shrunk * dot(lane(i), lane(j)) / num_draws as f64;
            }
        }
        (factor.iter().all(|x| x.is_finite()) && cholesky(&mut factor, d)).then_some(Whitening { centre, factor })
    }

    /// `L L' g`.
    pub fn covariance_times(&self, g: &[f64]) -> Vec<f64> {
        let d = self.centre.len();
        let row = |i: usize| &self.factor[i * d..i * d + i + 1];
        let mut w = vec![0.0; d];
        for (i, g) in g.iter().enumerate() {
            w.iter_mut().zip(row(i)).for_each(|(w, l)| *w += l * g);
        }
        (0..d).map(|i| dot(row(i), &w[..=i])).collect()
    }

    /// Standard deviation of a latent.
    pub fn sd(&self, k: usize) -> f64 {
        let d = self.centre.len();
        self.factor[k * d..k * d + k + 1].iter().map(|l| l * l).sum::<f64>().sqrt()
    }

    /// `w = L^-1 (z - centre)` of draws, `[latent][draw]`.
    pub fn coordinates(&self, z: &Draws) -> Vec<f64> {
        let (d, n) = (self.centre.len(), z.num_draws);
        let mut out = z.latents.clone();
        let mut w = vec![0.0; d];
        for draw in 0..n {
            w.iter_mut().enumerate().for_each(|(k, w)| *w = out[k * n + draw] - self.centre[k]);
            solve_lower(d, &self.factor, &mut w);
            w.iter().enumerate().for_each(|(k, w)| out[k * n + draw] = *w);
        }
        out
    }

    /// `z += step * L v` for every draw, `[latent][draw]`.
    fn step_along(&self, step: &[f64], v: &[f64], z: &mut [f64]) {
        let (d, n) = (self.centre.len(), step.len());
        for i in 0..d {
            let out = &mut z[i * n..(i + 1) * n];
            for (j, l) in self.factor[i * d..i * d + i + 1].iter().enumerate() {
                for ((z, v), s) in out.iter_mut().zip(&v[j * n..(j + 1) * n]).zip(step) {
                    *z += s * l * v;
                }
            }
        }
    }

    /// `v += step * L' grad` for every draw.
    fn kick(&self, step: &[f64], factor: f64, grad: &[f64], v: &mut [f64]) {
        let (d, n) = (self.centre.len(), step.len());
        for i in 0..d {
            let grad = &grad[i * n..(i + 1) * n];
            for (j, l) in self.factor[i * d..i * d + i + 1].iter().enumerate() {
                for ((v, g), s) in v[j * n..(j + 1) * n].iter_mut().zip(grad).zip(step) {
                    *v += factor * s * l * g;
                }
            }
        }
    }
}

/// Draws on their way.
pub(super) struct Moved<'a> {
    density: Density<'a, dyn Differentiable + 'a>,
    whitening: &'a Whitening,
    pub z: Draws,
    log_p: Vec<f64>,
    grad: Vec<f64>,
    step_size: f64,
    streams: Streams,
    repeats: u64,
    /// Mean acceptance of the last trajectory.
    pub acceptance: f64,
}

impl<'a> Moved<'a> {
    /// Draws `z` at rest, with a step size tuned on the first of them.
    pub fn new(
        target: &'a dyn Differentiable,
        theta: &'a [f64],
        whitening: &'a Whitening,
        z: Draws,
        streams: Streams,
    ) -> Result<Self, FitError> {
        let few = z.select((0..z.num_draws).step_by((z.num_draws / TUNED_BY).max(1)));
        let d = whitening.centre.len();
        let step_size = 1.2 / (d as f64).powf(0.25);
        let mut pilot = Moved::at(target, theta, whitening, few, streams.purpose(TUNE), step_size)?;
        let start = (pilot.z.clone(), pilot.log_p.clone(), pilot.grad.clone());
        for _ in 0..TUNED {
            pilot.repeat()?;
            if pilot.acceptance >= ACCEPTANCE {
                break;
            }
            pilot.step_size *= 0.7;
            (pilot.z, pilot.log_p, pilot.grad) = start.clone();
        }
        let (spent, step_size) = (pilot.evaluations(), pilot.step_size);
        let mut moved = Moved::at(target, theta, whitening, z, streams.purpose(MOVE), step_size)?;
        moved.density.evaluations += spent;
        Ok(moved)
    }

    fn at(
        target: &'a dyn Differentiable,
        theta: &'a [f64],
        whitening: &'a Whitening,
        z: Draws,
        streams: Streams,
        step_size: f64,
    ) -> Result<Self, FitError> {
        let mut density = Density::new(target, theta);
        let (log_p, grad) = density.gradients(&z)?;
        let (log_p, grad) = (log_p.to_vec(), grad.to_vec());
        Ok(Moved { density, whitening, z, log_p, grad, step_size, streams, repeats: 0, acceptance: 0.0 })
    }

    /// Density evaluations so far.
    pub fn evaluations(&self) -> u64 {
        self.density.evaluations
    }

    /// One trajectory of every draw, with fresh momentum, accepted or left where it was.
    ///
    /// Step sizes differ by draw, up to a third either way, so that no trajectory is a whole turn for all of them.
    pub fn repeat(&mut self) -> Result<(), FitError> {
        let (n, streams) = (self.z.num_draws, self.streams.at_step(self.repeats));
        self.repeats += 1;
        let mut momentum = vec![0.0; self.z.latents.len()];
        streams.fill_normal(n, &mut momentum);
        let mut steps = vec![0.0; n];
        streams.purpose(JITTER).fill_uniform(n, &mut steps);
        steps.iter_mut().for_each(|u| *u = self.step_size * (2.0 + 2.0 * *u) / 3.0);
        let before = energies(&self.log_p, &momentum);
        let (mut z, mut grad, mut log_p) = (self.z.clone(), self.grad.clone(), Vec::new());
        self.whitening.kick(&steps, 0.5, &grad, &mut momentum);
        for step in 0..STEPS {
            self.whitening.step_along(&steps, &momentum, &mut z.latents);
            let (values, gradients) = self.density.gradients(&z)?;
            grad.copy_from_slice(gradients);
            if step + 1 == STEPS {
                log_p = values.to_vec();
            }
            self.whitening.kick(&steps, if step + 1 == STEPS { 0.5 } else { 1.0 }, &grad, &mut momentum);
        }
        let after = energies(&log_p, &momentum);
        let mut uniform = vec![0.0; n];
        streams.purpose(ACCEPT).fill_uniform(n, &mut uniform);
        let mut total = 0.0;
        for draw in 0..n {
            let change = before[draw] - after[draw];
            let chance = if change.is_finite() { change.exp().min(1.0) } else { 0.0 };
            total += chance;
            if uniform[draw] < chance {
                self.log_p[draw] = log_p[draw];
                let lanes = self.z.latents.chunks_exact_mut(n).zip(z.latents.chunks_exact(n));
                lanes.for_each(|(to, from)| to[draw] = from[draw]);
                let lanes = self.grad.chunks_exact_mut(n).zip(grad.chunks_exact(n));
                lanes.for_each(|(to, from)| to[draw] = from[draw]);
            }
        }
        self.acceptance = total / n as f64;
        Ok(())
    }
}

/// Minus log density, and half the squared momentum, of each draw.
fn energies(log_p: &[f64], momentum: &[f64]) -> Vec<f64> {
    let n = log_p.len();
    let mut out: Vec<f64> = log_p.iter().map(|l| -l).collect();
    for lane in momentum.chunks_exact(n) {
        out.iter_mut().zip(lane).for_each(|(e, v)| *e += 0.5 * v * v);
    }
    out
}
