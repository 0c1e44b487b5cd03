//! Natural-gradient variational inference for full-rank Gaussians.

use nalgebra::{Cholesky, DMatrix, DVector};
use serde::{Deserialize, Serialize};

mod linear;
mod window;

use linear::{
    Powers, largest_eigenvalue, lower_product, lower_square, solve_right, solve_right_transposed, transposed_product,
};
use window::{Window, divergence};

use super::density::{Buffers, Density, culprit, farthest};
use super::laplace::{only_global_latents, params_of_precision, precision_factor};
use super::{Algorithm, FitError, Solution, SolverFailure, Step};
use crate::family::FullRank;
use crate::objective::Accepted;
use crate::streams::Streams;
use crate::target::Differentiable;

/// Purpose of the noise.
const NOISE: u32 = 21;

/// Steps before the first window of averages, and steps of that window.
const WARM_UP: u64 = 8;
const FIRST_WINDOW: u64 = 16;

/// Where the schedule stays while q drifts: at its largest step.
const HELD: u64 = 2;

/// Share of the tolerance, in nats, that the square of a whitened gradient must have to count as a drift.
const MATTERS: f64 = 0.05;

/// Largest `rho A` for which the quadratic term is left out: its mean is the variance of `A`, not zero, under noise.
/// On the eight schools this made no measurable difference.
const LINEAR: f64 = 0.75;

/// Steps in a row without enough usable draws after which a fit gives up.
const PATIENCE: u32 = 50;

/// Natural-gradient steps on mean and precision `P` of a Gaussian, with gradients alone.
///
/// With `P = C C'`, draws `z = mean + C^-T e` in antithetic pairs and whitened residuals
/// `r = C^-1 (grad log p(z) - grad log q(z))`, the Stein estimate of the whitened Hessian's residual is
/// `A = sym mean(e r')`, and a step of size `rho = min(1/2, 2 / (t + 2))` is
///
/// `P <- C (I - rho A + rho^2/2 A^2) C'`, positive definite for any `A`, and `mean <- mean + rho C^-T mean(r)`.
///
/// Both estimates have no variance where q is the posterior. The answer is the average of mean and precision over the
/// last two windows; the fit has converged when these two Gaussians differ by less than `tolerance` nats and q does not
/// drift: the whitened gradients of a window must have no mean that matters beyond their noise, in any direction.
/// While they have one, `rho` stays at 1/2. A falling `rho` would otherwise bring q to a halt on its way along a flat
/// ridge (a centred hierarchy), where two windows agree long before the optimum.
///
/// Pairs in which the density of either draw is not finite are left out. As in every pathwise gradient, nothing then says
/// that the boundary of the density's support moves relative to q: see [`Pathwise`](crate::estimate::Pathwise).
///
/// *Source*: Lin, Schmidt and Khan 2020 (the improved Bayesian learning rule); the residual follows
/// Roeder, Wu and Duvenaud 2017. Departures: the quadratic term enters only where `rho A` exceeds 3/4, since its mean
/// is the variance of `A`, or where the rest is not positive definite; steps in which `rho A` exceeds one are shortened; the schedule waits for a drift to end.
#[derive(Debug)]
pub struct NaturalGradient<'a, T: Differentiable + ?Sized> {
    /// The density that q approximates.
    pub target: &'a T,
    /// The family whose parameters are moved.
    pub family: &'a FullRank,
    /// Draws of a step; rounded up to pairs. [`NaturalGradient::draws_for`] suggests a number.
    pub num_draws: usize,
    /// Where to start: parameters of the family. The start decides more than the steps: see [`StartSearch`](super::StartSearch).
    pub start: Vec<f64>,
    /// Symmetrised KL divergence, in nats, between the averages of two windows below which the fit has converged.
    pub tolerance: f64,
    /// The source of all randomness of the run.
    pub streams: Streams,
}

/// State of a natural-gradient fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NaturalGradientState {
    step: u64,
    /// Steps that count for the schedule: shortened ones and those of a mean on its way do not.
    settled: u64,
    mean: Vec<f64>,
    /// `C`, by columns.
    factor: Vec<f64>,
    /// Whether the steps are long enough to have left the start.
    warm: bool,
    /// Whether q still moved in the last window: the step size is then held up.
    drifts: bool,
    window: Window,
    previous: Option<Window>,
    failures: u32,
    #[serde(skip)]
    scratch: Scratch,
}

#[derive(Clone, Debug, Default)]
struct Scratch {
    /// Noise and whitened residuals, `[draw, latent]` by columns.
    noise: DMatrix<f64>,
    residual: DMatrix<f64>,
    z: crate::model::Draws,
    a: DMatrix<f64>,
    b: DMatrix<f64>,
    precision: DMatrix<f64>,
    /// The factor `C`, and the next one.
    factor: DMatrix<f64>,
    next: DMatrix<f64>,
    /// The mean's whitened gradient and its step.
    shift: DVector<f64>,
    moved: DVector<f64>,
    powers: Powers,
    density: Buffers,
}

impl Scratch {
    /// Room for `num_draws` draws of `d` latents; what is there already stays.
    fn resize(&mut self, num_draws: usize, d: usize) {
        if self.noise.shape() == (num_draws, d) {
            return;
        }
        self.noise = DMatrix::zeros(num_draws, d);
        self.residual = DMatrix::zeros(num_draws, d);
        for square in [&mut self.a, &mut self.b, &mut self.precision, &mut self.factor, &mut self.next] {
            *square = DMatrix::zeros(d, d);
        }
        (self.shift, self.moved) = (DVector::zeros(d), DVector::zeros(d));
    }
}

impl<T: Differentiable + ?Sized> NaturalGradient<'_, T> {
    /// A tolerance that suits `dimension`: 3e-5 nats for each parameter of q, whose noise adds up in the divergence of
    /// two windows, between 0.002 nats (a mean off by 0.045 standard deviations) and 0.02.
    pub fn tolerance_for(dimension: usize) -> f64 {
        let num_params = dimension * (dimension + 3) / 2;
        (3e-5 * num_params as f64).clamp(0.002, 0.02)
    }

    /// Draws a step that suit `dimension`: no fewer than latents while that is cheap, or the Hessian's noise is amplified;
    /// more in few dimensions, where posteriors are least Gaussian and draws are cheapest.
    pub fn draws_for(dimension: usize) -> usize {
        if dimension <= 16 { 64 } else { dimension.next_multiple_of(2).clamp(32, 64) }
    }
}

impl<T: Differentiable + ?Sized> Algorithm for NaturalGradient<'_, T> {
    type State = NaturalGradientState;
    type Output = Solution;

    fn init(&self) -> Result<NaturalGradientState, FitError> {
        let layout = self.target.layout();
        only_global_latents("the natural gradient", layout, self.family)?;
        if layout.num_parameters > 0 {
            return Err(FitError::unsupported(
                "theta",
                "the natural gradient does not move the model's parameters theta; use adam, which moves them along",
            ));
        }
        if self.num_draws == 0 {
            return Err(FitError::setting("draws", "a step needs at least one pair of draws"));
        }
        let d = self.family.dimension();
        if self.start.len() != crate::family::Family::num_params(self.family) {
            return Err(FitError::setting(
                "start",
                format!("the start has {} parameters, not those of {d} latents", self.start.len()),
            ));
        }
        let factor = precision_factor(self.family, &self.start)?;
        Ok(NaturalGradientState {
            step: 0,
            settled: 0,
            mean: self.start[..d].to_vec(),
            factor: factor.as_slice().to_vec(),
            warm: false,
            drifts: false,
            window: Window::of(FIRST_WINDOW),
            previous: None,
            failures: 0,
            scratch: Scratch::default(),
        })
    }

    fn step(&self, state: &mut NaturalGradientState) -> Result<Step, FitError> {
        let mut scratch = std::mem::take(&mut state.scratch);
        let outcome = self.step_with(state, &mut scratch);
        state.scratch = scratch;
        outcome
    }

    fn output(&self, state: &NaturalGradientState) -> Solution {
        let d = state.mean.len();
        let average = match (&state.previous, &state.window) {
            (Some(previous), window) if window.count > 0 && !state.drifts => Some(previous.joined(window)),
            (_, window) if window.count > 0 => Some(window.clone()),
            (previous, _) => previous.clone(),
        };
        let (mean, precision) = match average {
            Some(w) => (w.mean, DMatrix::from_column_slice(d, d, &w.precision)),
            None => {
                let c = DMatrix::from_column_slice(d, d, &state.factor);
                (state.mean.clone(), &c * c.transpose())
            }
        };
        let params = params_of_precision(self.family, &mean, &precision);
        Solution { params: params.unwrap_or_else(|_| self.start.clone()), theta: Vec::new() }
    }
}

impl<T: Differentiable + ?Sized> NaturalGradient<'_, T> {
    fn step_with(&self, state: &mut NaturalGradientState, scratch: &mut Scratch) -> Result<Step, FitError> {
        scratch.resize(2 * self.num_draws.div_ceil(2), self.family.dimension());
        scratch.factor.copy_from_slice(&state.factor);
        let seen = self.draw(state, scratch)?;
        state.step += 1;
        let mut report = Step {
            index: state.step,
            objective: seen.bound.is_finite().then_some(seen.bound),
            evaluations: seen.num_draws as u64,
            rejected: (2 * seen.rejected_pairs) as u64,
            ..Step::default()
        };
        if 4 * seen.rejected_pairs > seen.num_draws {
            // Most draws fall outside of the density's reach: draw closer.
            state.failures += 1;
            if state.failures >= PATIENCE {
                return Err(self.no_draws(state, scratch));
            }
            state.factor.iter_mut().for_each(|x| *x *= std::f64::consts::SQRT_2);
            state.settled = 0;
            return Ok(report);
        }
        state.failures = 0;
        self.update(state, scratch, seen.num_draws - 2 * seen.rejected_pairs)?;
        report.grad_norm = scratch.shift.norm();
        report.converged = self.average(state, scratch);
        Ok(report)
    }

    /// Fills noise, draws and whitened residuals; pairs with a density that is not finite get zeros.
    fn draw(&self, state: &NaturalGradientState, scratch: &mut Scratch) -> Result<Seen, FitError> {
        let (d, half) = (state.mean.len(), self.num_draws.div_ceil(2));
        let m = 2 * half;
        let Scratch { noise, residual, factor: c, z, .. } = scratch;
        let residual = residual.as_mut_slice();
        self.streams.purpose(NOISE).at_step(state.step).fill_normal(half, &mut residual[..half * d]);
        for (to, from) in noise.as_mut_slice().chunks_exact_mut(m).zip(residual.chunks_exact(half)) {
            to[..half].copy_from_slice(from);
            to[half..].iter_mut().zip(from).for_each(|(t, f)| *t = -f);
        }
        let layout = self.target.layout();
        z.resize(layout, layout.num_rows, m);
        z.latents.copy_from_slice(noise.as_slice());
        solve_right(c, m, &mut z.latents);
        for (lane, mean) in z.latents.chunks_exact_mut(m).zip(&state.mean) {
            lane.iter_mut().for_each(|z| *z += mean);
        }
        let mut density = Density::within(self.target, &[], std::mem::take(&mut scratch.density));
        let (values, grad) = density.gradients(z)?;
        residual.copy_from_slice(grad);
        let ln_det: f64 = (0..d).map(|k| c[(k, k)].ln()).sum();
        let (mut bound, mut rejected_pairs) = (0.0, 0);
        for k in 0..half {
            let finite =
                |row: usize, x: &[f64]| values[row].is_finite() && x.iter().skip(row).step_by(m).all(|g| g.is_finite());
            if finite(k, residual) && finite(k + half, residual) {
                let squares: f64 = noise.as_slice().iter().skip(k).step_by(m).map(|e| e * e).sum();
                bound += values[k] + values[k + half] + squares;
            } else {
                rejected_pairs += 1;
                for row in [k, k + half] {
                    residual.iter_mut().skip(row).step_by(m).for_each(|g| *g = 0.0);
                    noise.as_mut_slice().iter_mut().skip(row).step_by(m).for_each(|e| *e = 0.0);
                }
            }
        }
        // Whitened: C^-1 (grad + P (z - mean)) = C^-1 grad + e.
        solve_right_transposed(c, m, residual);
        residual.iter_mut().zip(noise.as_slice()).for_each(|(r, e)| *r += e);
        scratch.density = density.into_buffers();
        // Of q on what lies, as its mirror image does, where the density is finite.
        let accepted = Accepted { count: m - 2 * rejected_pairs, num_draws: m };
        let constant = d as f64 * 0.5 * (2.0 * std::f64::consts::PI).ln();
        let bound = bound / accepted.count as f64 - ln_det + constant + accepted.ln_share();
        Ok(Seen { num_draws: m, rejected_pairs, bound })
    }

    /// Moves mean and precision along the residuals; overwrites `scratch.shift` with the mean's whitened gradient.
    fn update(&self, state: &mut NaturalGradientState, scratch: &mut Scratch, accepted: usize) -> Result<(), FitError> {
        let d = state.mean.len();
        let Scratch { noise, residual, a, b, factor: c, next, shift, moved, powers, .. } = scratch;
        transposed_product(1.0 / accepted as f64, noise, residual, a);
        for j in 0..d {
            for i in 0..j {
                let both = 0.5 * (a[(i, j)] + a[(j, i)]);
                (a[(i, j)], a[(j, i)]) = (both, both);
            }
        }
        for (k, s) in shift.iter_mut().enumerate() {
            *s = residual.column(k).sum() / accepted as f64;
        }
        let norm = shift.norm();
        let wanted = (2.0 / (state.settled as f64 + 2.0)).min(0.5);
        let size = largest_eigenvalue(a, 1.0 / wanted, powers);
        let far = (0.5 * (d as f64).sqrt()).max(1.0);
        let rho = wanted.min(1.0 / size).min(if norm > 0.0 { far / norm } else { 1.0 });
        if !rho.is_finite() || !norm.is_finite() {
            let detail = farthest(self.target.layout(), &scratch.z) + &culprit(self.target, &[], &scratch.z);
            let place = format!("step {}: the estimate of the Hessian is not finite{detail}", state.step);
            return Err(FitError::solver(SolverFailure::NotFinite, format!("{place}; rescale the data")));
        }
        if rho < wanted && !state.warm {
            // Later, shortened steps count, so that the step size cannot be held back for ever.
            state.settled /= 2;
        } else if !state.drifts {
            state.settled += 1;
        }
        let broken = || {
            FitError::solver(
                SolverFailure::Singular,
                "the precision matrix lost its positive eigenvalues; rescale the data",
            )
        };
        one_plus(a, rho, rho * size > LINEAR, b);
        let mut factor = Cholesky::new(std::mem::take(b));
        if factor.is_none() {
            // The size is an estimate from below; with the quadratic term any will do.
            *b = DMatrix::zeros(d, d);
            one_plus(a, rho, true, b);
            factor = Cholesky::new(std::mem::take(b));
        }
        let found = factor.is_some();
        *b = factor.map_or_else(|| DMatrix::zeros(d, d), Cholesky::unpack);
        if !found {
            return Err(broken());
        }
        moved.copy_from(shift);
        if !c.tr_solve_lower_triangular_mut(moved) {
            return Err(broken());
        }
        state.mean.iter_mut().zip(moved.iter()).for_each(|(m, s)| *m += rho * s);
        lower_product(c, b, next);
        state.factor.copy_from_slice(next.as_slice());
        Ok(())
    }

    /// Adds to the window's averages; at its end asks whether q moved within it and compares it with the one before.
    ///
    /// `scratch.next` is the factor of the iterate.
    fn average(&self, state: &mut NaturalGradientState, scratch: &mut Scratch) -> Option<f64> {
        state.warm |= state.settled >= WARM_UP;
        if !state.warm {
            return None;
        }
        let d = state.mean.len();
        let Scratch { a, b, next, precision, shift, .. } = scratch;
        lower_square(next, b, precision);
        let grads = shift.iter().copied().chain((0..d).map(|k| a[(k, k)]));
        state.window.add(&state.mean, precision.as_slice(), grads);
        if !state.window.is_full() {
            return None;
        }
        let (moved, length) = (state.window.drifts(MATTERS * self.tolerance), state.window.length);
        let next = Window::of(if moved { length } else { length + length / 2 });
        let done = std::mem::replace(&mut state.window, next);
        let held = std::mem::replace(&mut state.drifts, moved);
        let before = state.previous.replace(done);
        if moved {
            state.settled = HELD;
        }
        let (Some(before), false) = (before, moved || held) else { return None };
        let Some(done) = &state.previous else { return None };
        let apart = divergence(&before, done);
        if apart >= self.tolerance {
            return None;
        }
        state.previous = Some(before.joined(done));
        Some(apart)
    }

    fn no_draws(&self, state: &NaturalGradientState, scratch: &Scratch) -> FitError {
        let detail = farthest(self.target.layout(), &scratch.z) + &culprit(self.target, &[], &scratch.z);
        FitError::NotFinite { place: format!("step {}", state.step), times: PATIENCE as usize, detail }
    }
}

/// `b <- I - rho A`, and with the quadratic term `I - rho A + rho^2/2 A^2`, which is positive definite for any `A`.
fn one_plus(a: &DMatrix<f64>, rho: f64, quadratic: bool, b: &mut DMatrix<f64>) {
    if quadratic {
        transposed_product(0.5 * rho * rho, a, a, b);
    } else {
        b.fill(0.0);
    }
    b.iter_mut().zip(a.iter()).for_each(|(b, a)| *b -= rho * a);
    for k in 0..a.nrows() {
        b[(k, k)] += 1.0;
    }
}

struct Seen {
    num_draws: usize,
    rejected_pairs: usize,
    bound: f64,
}

#[cfg(test)]
mod tests;
