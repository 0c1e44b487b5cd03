//! Natural-gradient variational inference for full-rank Gaussians.

use nalgebra::{Cholesky, DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::density::Density;
use super::laplace::{only_global_latents, params_of_precision, precision_factor};
use super::{Algorithm, FitError, Solution, Step};
use crate::family::FullRank;
use crate::streams::Streams;
use crate::target::Differentiable;

/// Purpose of the noise.
const NOISE: u32 = 21;

/// Steps before the first window of averages, and steps of that window.
const WARM_UP: u64 = 8;
const FIRST_WINDOW: u64 = 16;

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
/// last two windows; the fit has converged when these two Gaussians differ by less than `tolerance` nats.
///
/// *Source*: Lin, Schmidt and Khan 2020 (the improved Bayesian learning rule); the residual follows
/// Roeder, Wu and Duvenaud 2017. Departures: the quadratic term enters only where `rho A` exceeds 3/4, since its mean
/// is the variance of `A`; steps in which `rho A` exceeds one are shortened.
#[derive(Debug)]
pub struct NaturalGradient<'a, T: ?Sized> {
    /// What is approximated.
    pub target: &'a T,
    /// By what.
    pub family: &'a FullRank,
    /// Draws of a step; rounded up to pairs. [`NaturalGradient::draws_for`] suggests a number.
    pub num_draws: usize,
    /// Where to start: parameters of the family. The start decides more than the steps: see [`Start`](super::Start).
    pub start: Vec<f64>,
    /// Symmetrised KL divergence, in nats, between the averages of two windows below which the fit has converged.
    pub tolerance: f64,
    /// Randomness.
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
    drift: Drift,
    window: Window,
    previous: Option<Window>,
    failures: u32,
    #[serde(skip)]
    scratch: Scratch,
}

/// Running means over a window of steps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Window {
    length: u64,
    count: u64,
    mean: Vec<f64>,
    precision: Vec<f64>,
}

impl Window {
    fn of(length: u64) -> Self {
        Window { length, ..Window::default() }
    }

    fn add(&mut self, mean: &[f64], precision: &[f64]) {
        self.count += 1;
        self.mean.resize(mean.len(), 0.0);
        self.precision.resize(precision.len(), 0.0);
        let share = 1.0 / self.count as f64;
        let old = self.mean.iter_mut().zip(mean).chain(self.precision.iter_mut().zip(precision));
        old.for_each(|(m, x)| *m += share * (x - *m));
    }

    /// The mean over two windows together.
    fn joined(&self, other: &Window) -> Window {
        let share = other.count as f64 / (self.count + other.count) as f64;
        let mix = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + share * (b - a)).collect();
        Window {
            length: self.length,
            count: self.count + other.count,
            mean: mix(&self.mean, &other.mean),
            precision: mix(&self.precision, &other.precision),
        }
    }
}

/// Whether the mean still travels: running means of its whitened gradient and of that gradient's square.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Drift {
    step: Vec<f64>,
    square: f64,
}

impl Drift {
    /// Takes in a gradient; true while the running mean is beyond noise and would matter.
    ///
    /// Pure noise gives a squared running mean of 0.1 / 1.9 of the mean square, a steady pull gives all of it.
    fn follow(&mut self, grad: &DVector<f64>) -> bool {
        self.step.resize(grad.len(), 0.0);
        self.step.iter_mut().zip(grad.iter()).for_each(|(m, g)| *m += 0.1 * (g - *m));
        self.square += 0.1 * (grad.norm_squared() - self.square);
        let pull = super::density::dot(&self.step, &self.step);
        pull > 0.3 * self.square && pull > 0.01
    }
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
}

impl<T: ?Sized> NaturalGradient<'_, T> {
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
            return Err(FitError::Unsupported(
                "the natural gradient does not move the model's parameters theta; use adam, which moves them along"
                    .into(),
            ));
        }
        if self.num_draws == 0 {
            return Err(FitError::Setting("a step needs at least one pair of draws".into()));
        }
        let d = self.family.dimension();
        if self.start.len() != crate::family::Family::num_params(self.family) {
            return Err(FitError::Setting(format!(
                "the start has {} parameters, not those of {d} latents",
                self.start.len()
            )));
        }
        let factor = precision_factor(self.family, &self.start)?;
        Ok(NaturalGradientState {
            step: 0,
            settled: 0,
            mean: self.start[..d].to_vec(),
            factor: factor.as_slice().to_vec(),
            drift: Drift::default(),
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
        let average = match &state.previous {
            Some(previous) if state.window.count > 0 => Some(previous.joined(&state.window)),
            Some(previous) => Some(previous.clone()),
            None => (state.window.count > 0).then(|| state.window.clone()),
        };
        let d = state.mean.len();
        let params = match average {
            Some(w) => params_of_precision(self.family, &w.mean, &DMatrix::from_column_slice(d, d, &w.precision)),
            None => Ok(self.start.clone()),
        };
        Solution { params: params.unwrap_or_else(|_| self.start.clone()), theta: Vec::new() }
    }
}

impl<T: Differentiable + ?Sized> NaturalGradient<'_, T> {
    fn step_with(&self, state: &mut NaturalGradientState, scratch: &mut Scratch) -> Result<Step, FitError> {
        let d = self.family.dimension();
        let c = DMatrix::from_column_slice(d, d, &state.factor);
        let seen = self.draw(state, &c, scratch)?;
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
                return Err(self.no_draws(state));
            }
            state.factor.iter_mut().for_each(|x| *x *= std::f64::consts::SQRT_2);
            state.settled = 0;
            return Ok(report);
        }
        state.failures = 0;
        report.grad_norm = self.update(state, &c, scratch, seen.num_draws - 2 * seen.rejected_pairs)?;
        report.converged = self.average(state, scratch)?;
        Ok(report)
    }

    /// Fills noise, draws and whitened residuals; pairs with a density that is not finite get zeros.
    fn draw(&self, state: &NaturalGradientState, c: &DMatrix<f64>, scratch: &mut Scratch) -> Result<Seen, FitError> {
        let (d, half) = (state.mean.len(), self.num_draws.div_ceil(2));
        let m = 2 * half;
        if scratch.noise.shape() != (m, d) {
            scratch.noise = DMatrix::zeros(m, d);
            scratch.residual = DMatrix::zeros(m, d);
            scratch.precision = DMatrix::zeros(d, d);
            scratch.a = DMatrix::zeros(d, d);
            scratch.b = DMatrix::zeros(d, d);
        }
        let residual = scratch.residual.as_mut_slice();
        self.streams.purpose(NOISE).at_step(state.step).fill_normal(half, &mut residual[..half * d]);
        for (to, from) in scratch.noise.as_mut_slice().chunks_exact_mut(m).zip(residual.chunks_exact(half)) {
            to[..half].copy_from_slice(from);
            to[half..].iter_mut().zip(from).for_each(|(t, f)| *t = -f);
        }
        let mut density = Density::new(self.target, &[]);
        let layout = self.target.layout();
        scratch.z.fit(layout, layout.num_rows, m);
        scratch.z.latents.copy_from_slice(scratch.noise.as_slice());
        solve_right(c, m, &mut scratch.z.latents);
        for (lane, mean) in scratch.z.latents.chunks_exact_mut(m).zip(&state.mean) {
            lane.iter_mut().for_each(|z| *z += mean);
        }
        let (values, grad) = density.gradients(&scratch.z)?;
        let residual = scratch.residual.as_mut_slice();
        residual.copy_from_slice(grad);
        let ln_det: f64 = c.diagonal().iter().map(|x| x.ln()).sum();
        let (mut bound, mut rejected_pairs) = (0.0, 0);
        for k in 0..half {
            let finite =
                |row: usize, x: &[f64]| values[row].is_finite() && x.iter().skip(row).step_by(m).all(|g| g.is_finite());
            if finite(k, residual) && finite(k + half, residual) {
                let squares: f64 = scratch.noise.as_slice().iter().skip(k).step_by(m).map(|e| e * e).sum();
                bound += values[k] + values[k + half] + squares;
            } else {
                rejected_pairs += 1;
                for row in [k, k + half] {
                    residual.iter_mut().skip(row).step_by(m).for_each(|g| *g = 0.0);
                    scratch.noise.as_mut_slice().iter_mut().skip(row).step_by(m).for_each(|e| *e = 0.0);
                }
            }
        }
        // Whitened: C^-1 (grad + P (z - mean)) = C^-1 grad + e.
        solve_right_transposed(c, m, residual);
        residual.iter_mut().zip(scratch.noise.as_slice()).for_each(|(r, e)| *r += e);
        let bound =
            bound / (m - 2 * rejected_pairs) as f64 - ln_det + d as f64 * 0.5 * (2.0 * std::f64::consts::PI).ln();
        Ok(Seen { num_draws: m, rejected_pairs, bound })
    }

    /// Moves mean and precision; returns the length of the mean's whitened gradient.
    fn update(
        &self,
        state: &mut NaturalGradientState,
        c: &DMatrix<f64>,
        scratch: &mut Scratch,
        accepted: usize,
    ) -> Result<f64, FitError> {
        let d = state.mean.len();
        let Scratch { noise, residual, a, b, .. } = scratch;
        a.gemm_tr(1.0 / accepted as f64, noise, residual, 0.0);
        for j in 0..d {
            for i in 0..j {
                let both = 0.5 * (a[(i, j)] + a[(j, i)]);
                (a[(i, j)], a[(j, i)]) = (both, both);
            }
        }
        let mut shift = DVector::from_fn(d, |k, _| residual.column(k).sum() / accepted as f64);
        let norm = shift.norm();
        let wanted = (2.0 / (state.settled as f64 + 2.0)).min(0.5);
        let size = largest_eigenvalue(a, 1.0 / wanted);
        let far = (0.5 * (d as f64).sqrt()).max(1.0);
        let rho = wanted.min(1.0 / size).min(if norm > 0.0 { far / norm } else { 1.0 });
        if !rho.is_finite() || !norm.is_finite() {
            return Err(FitError::Solver("the estimate of the Hessian is not finite".into()));
        }
        let travels = state.drift.follow(&shift);
        // Later, shortened steps count, so that the step size cannot be held back for ever.
        let shortened = rho < wanted && state.settled < WARM_UP;
        state.settled = if travels || shortened { state.settled / 2 } else { state.settled + 1 };
        if rho * size <= LINEAR {
            b.copy_from(a);
            *b *= -rho;
        } else {
            b.gemm(0.5 * rho * rho, a, a, 0.0);
            *b -= &*a * rho;
        }
        for k in 0..d {
            b[(k, k)] += 1.0;
        }
        let broken = || FitError::Solver("the precision matrix lost its positive eigenvalues".into());
        let factor = Cholesky::new(std::mem::take(b)).ok_or_else(broken)?.unpack();
        shift *= rho;
        let moved = c.tr_solve_lower_triangular(&shift).ok_or_else(broken)?;
        state.mean.iter_mut().zip(moved.iter()).for_each(|(m, s)| *m += s);
        let next = c * &factor;
        state.factor.copy_from_slice(next.as_slice());
        *b = factor;
        Ok(norm)
    }

    /// Adds to the window's averages; at its end compares it with the one before.
    fn average(&self, state: &mut NaturalGradientState, scratch: &mut Scratch) -> Result<Option<f64>, FitError> {
        if state.settled < WARM_UP {
            if state.window.count > 0 || state.previous.is_some() {
                state.window = Window::of(FIRST_WINDOW);
                state.previous = None;
            }
            return Ok(None);
        }
        let d = state.mean.len();
        let c = DMatrix::from_column_slice(d, d, &state.factor);
        scratch.precision.gemm(1.0, &c, &c.transpose(), 0.0);
        state.window.add(&state.mean, scratch.precision.as_slice());
        if state.window.count < state.window.length {
            return Ok(None);
        }
        let next = Window::of(state.window.length + state.window.length / 2);
        let done = std::mem::replace(&mut state.window, next);
        let Some(before) = state.previous.replace(done.clone()) else { return Ok(None) };
        let apart = divergence(&before, &done);
        if apart < self.tolerance {
            state.previous = Some(before.joined(&done));
            return Ok(Some(apart));
        }
        Ok(None)
    }

    fn no_draws(&self, state: &NaturalGradientState) -> FitError {
        FitError::NotFinite { place: format!("step {}", state.step), times: PATIENCE as usize, detail: String::new() }
    }
}

struct Seen {
    num_draws: usize,
    rejected_pairs: usize,
    bound: f64,
}

/// `X <- X C^-1` for `C` lower triangular and `X` of `m` rows, by columns.
fn solve_right(c: &DMatrix<f64>, m: usize, x: &mut [f64]) {
    for j in (0..c.nrows()).rev() {
        let (before, after) = x.split_at_mut((j + 1) * m);
        let own = &mut before[j * m..];
        for (other, &l) in after.chunks_exact(m).zip(&c.column(j).as_slice()[j + 1..]) {
            own.iter_mut().zip(other).for_each(|(x, y)| *x -= l * y);
        }
        let inverse = 1.0 / c[(j, j)];
        own.iter_mut().for_each(|x| *x *= inverse);
    }
}

/// `X <- X C^-T` for `C` lower triangular and `X` of `m` rows, by columns.
fn solve_right_transposed(c: &DMatrix<f64>, m: usize, x: &mut [f64]) {
    for j in 0..c.nrows() {
        let (before, after) = x.split_at_mut((j + 1) * m);
        let own = &mut before[j * m..];
        let inverse = 1.0 / c[(j, j)];
        own.iter_mut().for_each(|x| *x *= inverse);
        for (other, &l) in after.chunks_exact_mut(m).zip(&c.column(j).as_slice()[j + 1..]) {
            other.iter_mut().zip(&*own).for_each(|(x, y)| *x -= l * y);
        }
    }
}

/// The largest absolute eigenvalue of a symmetric matrix, about; anything below `enough` when it is certainly below.
fn largest_eigenvalue(a: &DMatrix<f64>, enough: f64) -> f64 {
    let bound = a.norm();
    if bound <= enough || !bound.is_finite() {
        return bound;
    }
    let mut v = DVector::from_fn(a.nrows(), |i, _| 1.0 + (i % 7) as f64 / 7.0);
    let mut size = 0.0;
    for _ in 0..12 {
        let w = a * &v;
        size = w.norm() / v.norm();
        if !(size > 0.0 && size.is_finite()) {
            return bound;
        }
        v = w / size;
    }
    // Power iterations come from below.
    (1.1 * size).min(bound)
}

/// `KL(a || b) + KL(b || a)` of two Gaussians; infinite where one is degenerate.
fn divergence(a: &Window, b: &Window) -> f64 {
    let d = a.mean.len();
    let matrix = |w: &Window| DMatrix::from_column_slice(d, d, &w.precision);
    let (Some(ca), Some(cb)) = (Cholesky::new(matrix(a)), Cholesky::new(matrix(b))) else { return f64::INFINITY };
    let trace = |inner: &DMatrix<f64>, outer: &DMatrix<f64>| {
        inner.solve_lower_triangular(outer).map_or(f64::INFINITY, |x| x.norm_squared())
    };
    let (la, lb) = (ca.l(), cb.l());
    let shift = DVector::from_fn(d, |k, _| a.mean[k] - b.mean[k]);
    let far = la.tr_mul(&shift).norm_squared() + lb.tr_mul(&shift).norm_squared();
    0.5 * (trace(&la, &lb) + trace(&lb, &la) - 2.0 * d as f64 + far)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::{MaxSteps, Stop, run};
    use crate::target::HandWritten;

    /// A Gaussian with mean (1, -2) and precision [[2, 0.6], [0.6, 0.5]].
    fn gaussian(z: &[f64], grad: &mut [f64]) -> f64 {
        let (x, y) = (z[0] - 1.0, z[1] + 2.0);
        (grad[0], grad[1]) = (-(2.0 * x + 0.6 * y), -(0.6 * x + 0.5 * y));
        0.5 * (x * grad[0] + y * grad[1])
    }

    fn fitted(seed: u64) -> (FullRank, Solution, Stop) {
        let target = HandWritten::new(&["x", "y"], gaussian);
        let family = FullRank::new(2);
        let start = crate::family::Family::init(&family, &[0.0, 0.0], 1.0);
        let streams = Streams::new(seed);
        let algorithm =
            NaturalGradient { target: &target, family: &family, num_draws: 16, start, tolerance: 1e-6, streams };
        let mut state = algorithm.init().unwrap();
        let stop = run(&algorithm, &mut state, &mut MaxSteps(2000), &mut ()).unwrap();
        let found = algorithm.output(&state);
        (family, found, stop)
    }

    #[test]
    fn a_gaussian_is_recovered_from_a_cold_start() {
        let (family, found, stop) = fitted(1);
        assert!(stop.has_converged(), "{stop}");
        let factor = family.factor(&found.params);
        let covariance = &factor * factor.transpose();
        let exact = DMatrix::from_row_slice(2, 2, &[2.0, 0.6, 0.6, 0.5]).try_inverse().unwrap();
        // The estimates have no noise at the answer, so what is left is the tolerance of 1e-6 nats: 1e-3 in sd.
        assert!((&covariance - &exact).norm() < 2e-3 * exact.norm(), "{covariance} {exact}");
        assert!((found.params[0] - 1.0).abs() < 2e-3 && (found.params[1] + 2.0).abs() < 4e-3);
    }

    #[test]
    fn a_saved_state_continues_to_the_same_bits() {
        let target = HandWritten::new(&["x", "y"], gaussian);
        let family = FullRank::new(2);
        let start = crate::family::Family::init(&family, &[0.0, 0.0], 1.0);
        let streams = Streams::new(3);
        let algorithm =
            NaturalGradient { target: &target, family: &family, num_draws: 16, start, tolerance: 0.0, streams };
        let mut state = algorithm.init().unwrap();
        for _ in 0..20 {
            algorithm.step(&mut state).unwrap();
        }
        let text = serde_json::to_string(&state).unwrap();
        let mut resumed: NaturalGradientState = serde_json::from_str(&text).unwrap();
        for _ in 0..20 {
            algorithm.step(&mut state).unwrap();
            algorithm.step(&mut resumed).unwrap();
        }
        assert_eq!(algorithm.output(&state), algorithm.output(&resumed));
    }

    #[test]
    fn triangular_solves_undo_products() {
        let c = DMatrix::from_row_slice(3, 3, &[2.0, 0.0, 0.0, -1.0, 1.5, 0.0, 0.3, 0.7, 0.5]);
        let x = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, -1.0, 0.5, -3.0, 4.0]);
        let (mut right, mut transposed) = (&x * &c, &x * c.transpose());
        solve_right(&c, 2, right.as_mut_slice());
        solve_right_transposed(&c, 2, transposed.as_mut_slice());
        assert!((right - &x).norm() < 1e-14 && (transposed - x).norm() < 1e-14);
    }
}
