//! One step of the sparse natural gradient.

use super::evaluate::Seen;
use super::*;
use crate::algorithm::SolverFailure;
use crate::numerics::SparsePattern;

/// Purpose of the noise.
const NOISE: u32 = 23;

/// Steps that are looked back to where the way is prolonged, and how often that is tried.
const LAG: usize = 6;
const EVERY: u64 = 3;
/// Lengths of what is added, in units of that way, at most.
const LONGEST: f64 = 16.0;

/// Gains that are averaged.
const GAINS: usize = 3;

/// The smallest step size.
const LEAST: f64 = 1.0 / 512.0;

/// Halvings of one step, and steps in a row that lead nowhere.
const HALVINGS: usize = 14;
const PATIENCE: u32 = 30;

/// Multiples of the diagonal that are added to a curvature at most.
const MOST_ADDED: f64 = 1e6;

impl<T: Differentiable + ?Sized> SparseNaturalGradient<'_, T> {
    pub(super) fn step_with(&self, state: &mut SparseNaturalGradientState, work: &mut Work) -> Result<Step, FitError> {
        let mut evaluator = Evaluator::new(self.target, self.family);
        let q = self.gaussian(&evaluator, &state.current, &mut work.columns)?;
        let seen = match work.seen.take() {
            Some(seen) => seen,
            None => evaluator.gradients(&q, &self.noise(state.step, state.num_pairs))?,
        };
        let num_draws = seen.bounds.len();
        let usable = usable_pairs(&seen, num_draws);
        state.step += 1;
        let rejected = (num_draws - 2 * usable.len()) as u64;
        let mut report = Step { index: state.step, rejected, ..Step::default() };
        if 4 * usable.len() < num_draws {
            // Draw closer.
            state.num_pairs = self.pairs(state.is_late);
            state.current.precision.iter_mut().for_each(|p| *p *= 4.0);
            state.gains.clear();
            state.past.clear();
            report.evaluations = evaluator.evaluations();
            state.failures += 1;
            if state.failures >= PATIENCE {
                let place = format!("step {}", state.step);
                return Err(FitError::NotFinite { place, times: PATIENCE as usize, detail: String::new() });
            }
            return Ok(report);
        }
        report.objective = Some(mean_of_pairs(&seen.bounds, &usable));
        let mut curvature = evaluator.curvature(&q, &seen.draws, &work.colours, &work.plan)?;
        if !curvature.mean.iter().all(|c| c.is_finite()) {
            curvature.mean.clone_from(&q.precision);
        }
        let mut gradient = Gradient::of(self.family.pattern(), &q, &seen, &usable, num_draws);
        gradient.of_precision = self.noise_of_precision(&evaluator, &q, &curvature.spread, &mut work.columns);
        report.grad_norm = (2.0 * (gradient.decrement + gradient.noise)).max(0.0).sqrt();
        state.num_pairs = self.pairs(state.is_late);
        let noise = self.noise(state.step, state.num_pairs);
        let old = evaluator.bounds(&q, &noise)?;
        match self.advance(state, work, &mut evaluator, (&noise, &old), &q, &curvature.mean, &gradient)? {
            Some((next, seen, gain)) => {
                state.failures = 0;
                work.seen = Some(self.prolonged(state, work, &mut evaluator, &noise, next, seen, gain)?);
            }
            None => state.failures += 1,
        }
        report.evaluations = evaluator.evaluations();
        if state.failures >= PATIENCE {
            return Err(FitError::solver(
                SolverFailure::NoConvergence,
                format!(
                    "no step of {PATIENCE} in a row kept the bound from falling; start elsewhere, or rescale the data"
                ),
            ));
        }
        report.converged = self.settle(state, &gradient);
        Ok(report)
    }

    /// What the noise of one curvature costs in nats, if it were taken for the precision.
    fn noise_of_precision(
        &self,
        evaluator: &Evaluator<'_, T>,
        q: &Gaussian,
        spread: &[f64],
        columns: &mut Columns,
    ) -> f64 {
        let noisy = q.precision.iter().zip(spread).map(|(p, s)| p + s).collect();
        let noisy = evaluator.gaussian(q.mean.clone(), noisy, columns);
        noisy.map_or(f64::INFINITY, |noisy| evaluator.divergence(q, &noisy))
    }

    /// Antithetic noise of a step, `[latent][draw]`.
    fn noise(&self, step: u64, half: usize) -> Vec<f64> {
        let mut plain = vec![0.0; self.family.dimension() * half];
        self.streams.purpose(NOISE).at_step(step).fill_normal(half, &mut plain);
        plain.chunks_exact(half).flat_map(|e| e.iter().copied().chain(e.iter().map(|e| -e))).collect()
    }

    /// Tries steps, each half as long as the last, until one does no harm on draws that it has not seen: the accepted one,
    /// what is seen there, and its gain.
    #[allow(clippy::too_many_arguments, reason = "one private call with everything a step knows")]
    fn advance(
        &self,
        state: &mut SparseNaturalGradientState,
        work: &mut Work,
        evaluator: &mut Evaluator<'_, T>,
        (noise, old): (&[f64], &[f64]),
        q: &Gaussian,
        curvature: &[f64],
        gradient: &Gradient,
    ) -> Result<Option<(Gaussian, Seen, Paired)>, FitError> {
        let spread = (self.family.dimension() as f64).sqrt();
        let mut rho = state.rho;
        for _ in 0..HALVINGS {
            if let Some(next) = self.stepped(q, curvature, gradient, rho, evaluator, &mut work.columns) {
                let seen = evaluator.gradients(&next, noise)?;
                let gain = Paired::of(&seen.bounds, old);
                // Noise takes so much of a step near the optimum.
                let lost = (gradient.noise + gradient.of_precision) * rho * rho;
                let expected = if lost.is_finite() { 3.0 * lost } else { 0.0 };
                // A gain of a large error is one of a few draws: a disaster at a single pair is within three errors, too.
                let is_known = gain.error < 0.1 * spread + 1.0;
                let is_harmless = is_known && gain.mean > -(3.0 * gain.error).max(1.0).max(expected);
                if gain.mean.is_finite() && (gain.mean > 0.0 || is_harmless) {
                    let place = Place { mean: next.mean.clone(), precision: next.precision.clone() };
                    state.past.push(std::mem::replace(&mut state.current, place));
                    if state.past.len() > LAG {
                        state.past.remove(0);
                    }
                    let noise = gradient.noise + gradient.of_precision;
                    // A whole step forgets what was before, even where that was not known.
                    let kept = if rho < 1.0 { (1.0 - rho).powi(2) * state.left } else { 0.0 };
                    let left = kept + rho * rho * noise;
                    // What less noise gains is no progress of the run.
                    let quieter = if state.left.is_finite() { (state.left - left).max(0.0) } else { 0.0 };
                    state.left = left;
                    if rho < state.rho {
                        state.gains.clear();
                    } else {
                        state.gains.push((gain.mean - quieter, gain.error));
                    }
                    state.rho = if state.is_settled { self.averaging(state.left, noise) } else { (2.0 * rho).min(1.0) };
                    return Ok(Some((next, seen, gain)));
                }
            }
            rho *= 0.5;
        }
        state.rho = rho.max(LEAST);
        state.gains.clear();
        Ok(None)
    }

    /// The size of a step that counts as much as all before it do, of which `left` nats of noise are left where one has
    /// `noise`; no smaller than for half of the noise that is allowed, so that a drift still gets on.
    fn averaging(&self, left: f64, noise: f64) -> f64 {
        let least = (0.5 * self.allowed() / noise).min(1.0);
        (left / (left + noise)).max(2.0 * least / (1.0 + least)).clamp(LEAST, 1.0)
    }

    /// What is seen after the way that led to `next` was prolonged, where that raises the bound.
    #[allow(clippy::too_many_arguments, reason = "one private call with everything a step knows")]
    fn prolonged(
        &self,
        state: &mut SparseNaturalGradientState,
        work: &mut Work,
        evaluator: &mut Evaluator<'_, T>,
        noise: &[f64],
        mut next: Gaussian,
        seen: Seen,
        gain: Paired,
    ) -> Result<Seen, FitError> {
        let lag = LAG.min(state.past.len());
        let turns = [(lag, state.step.is_multiple_of(EVERY) && lag > 1), (1, gain.mean > 2.0 * gain.error)];
        for (lag, is_tried) in turns {
            if is_tried
                && state.step > 2
                && self.prolong(state, work, evaluator, noise, &mut next, &seen.bounds, lag)?
            {
                return evaluator.gradients(&next, noise);
            }
        }
        Ok(seen)
    }

    /// Adds multiples of the way of the last `lag` steps while the bound rises clearly.
    #[allow(clippy::too_many_arguments, reason = "one private call with everything a step knows")]
    fn prolong(
        &self,
        state: &mut SparseNaturalGradientState,
        work: &mut Work,
        evaluator: &mut Evaluator<'_, T>,
        noise: &[f64],
        q: &mut Gaussian,
        bounds: &[f64],
        lag: usize,
    ) -> Result<bool, FitError> {
        let from = &state.past[state.past.len() - lag];
        let (mut best, mut bounds, mut length) = (None, bounds.to_vec(), 1.0);
        while length <= LONGEST {
            let beyond = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + length * (a - b)).collect();
            let (mean, precision) = (beyond(&q.mean, &from.mean), beyond(&q.precision, &from.precision));
            let Some(next) = evaluator.gaussian(mean, precision, &mut work.columns) else { break };
            let found = evaluator.bounds(&next, noise)?;
            let gain = Paired::of(&found, &bounds);
            if !gain.mean.is_finite() || gain.mean < (2.0 * gain.error).max(self.allowed() / 8.0) {
                break;
            }
            (best, bounds, length) = (Some(next), found, 2.0 * length);
        }
        let Some(best) = best else { return Ok(false) };
        state.current = Place { mean: best.mean.clone(), precision: best.precision.clone() };
        state.past.clear();
        *q = best;
        Ok(true)
    }

    /// `(1 - rho) P + rho (H + delta diag P)` with the smallest delta for which it is positive definite, and the mean's step.
    fn stepped(
        &self,
        q: &Gaussian,
        curvature: &[f64],
        gradient: &Gradient,
        rho: f64,
        evaluator: &Evaluator<'_, T>,
        columns: &mut Columns,
    ) -> Option<Gaussian> {
        let pattern = self.family.pattern();
        let mut added = 0.0;
        let mut next = loop {
            let mut precision: Vec<f64> =
                q.precision.iter().zip(curvature).map(|(p, h)| (1.0 - rho) * p + rho * h).collect();
            for &t in pattern.diagonal() {
                precision[t] += rho * added * q.precision[t];
            }
            if let Some(next) = evaluator.gaussian(q.mean.clone(), precision, columns) {
                break next;
            }
            added = if added == 0.0 { 0.1 } else { 2.0 * added };
            if added > MOST_ADDED {
                return None;
            }
        };
        let mut step = gradient.mean.clone();
        pattern.solve(&next.factor, 1, &mut step);
        pattern.solve_transposed(&next.factor, 1, &mut step);
        next.mean.iter_mut().zip(&step).for_each(|(m, s)| *m += rho * s);
        Some(next)
    }

    /// What the gains of the last steps say: more draws, an average of steps, or that the fit has arrived, with the noise that
    /// is left in it.
    fn settle(&self, state: &mut SparseNaturalGradientState, gradient: &Gradient) -> Option<f64> {
        if state.gains.len() < GAINS {
            return None;
        }
        let last = &state.gains[state.gains.len() - GAINS..];
        let mean = last.iter().map(|g| g.0).sum::<f64>() / GAINS as f64;
        let error = last.iter().map(|g| g.1 * g.1).sum::<f64>().sqrt() / GAINS as f64;
        let allowed = self.allowed();
        let is_near = state.left < allowed && gradient.decrement < 2.0 * gradient.noise + allowed;
        if state.is_settled {
            if mean > (3.0 * error).max(2.0 * allowed) {
                // It drifts after all.
                (state.is_settled, state.rho) = (false, 1.0);
                state.gains.clear();
                return None;
            }
            return (is_near && mean < (2.0 * error).max(allowed)).then_some(state.left);
        }
        if mean >= error.max(allowed / 8.0) || state.rho < 1.0 {
            return None;
        }
        // Few draws do not tell an arrival from a crawl.
        if self.is_start || is_near && error < 0.5 * allowed {
            return Some(state.left);
        }
        (state.is_settled, state.is_late) = (state.is_late, true);
        state.gains.clear();
        None
    }
}

/// The mean gradient over pairs, half the square of its whitened size without the noise, and the noise.
pub(super) struct Gradient {
    pub mean: Vec<f64>,
    pub decrement: f64,
    pub noise: f64,
    /// The same of the precision.
    pub of_precision: f64,
}

impl Gradient {
    fn of(pattern: &SparsePattern, q: &Gaussian, seen: &Seen, usable: &[usize], num_draws: usize) -> Gradient {
        let (half, n) = (num_draws / 2, usable.len());
        let lanes = seen.gradients.chunks_exact(num_draws);
        let mut pairs: Vec<f64> = lanes.flat_map(|g| usable.iter().map(move |&k| 0.5 * (g[k] + g[k + half]))).collect();
        let mean: Vec<f64> = pairs.chunks_exact(n).map(|g| g.iter().sum::<f64>() / n as f64).collect();
        pattern.solve(&q.factor, n, &mut pairs);
        let (mut total, mut noise) = (0.0, 0.0);
        for lane in pairs.chunks_exact(n) {
            let mean = lane.iter().sum::<f64>() / n as f64;
            total += 0.5 * mean * mean;
            noise += 0.5 * lane.iter().map(|g| (g - mean).powi(2)).sum::<f64>();
        }
        let noise = noise / (n as f64 * (n as f64 - 1.0).max(1.0));
        Gradient { mean, decrement: total - noise, noise, of_precision: 0.0 }
    }
}

/// The pairs of draws with finite values and gradients.
fn usable_pairs(seen: &Seen, num_draws: usize) -> Vec<usize> {
    let half = num_draws / 2;
    let mut finite: Vec<bool> = seen.bounds.iter().map(|b| b.is_finite()).collect();
    for lane in seen.gradients.chunks_exact(num_draws) {
        finite.iter_mut().zip(lane).for_each(|(f, g)| *f &= g.is_finite());
    }
    (0..half).filter(|&k| finite[k] && finite[k + half]).collect()
}

fn mean_of_pairs(bounds: &[f64], usable: &[usize]) -> f64 {
    let half = bounds.len() / 2;
    usable.iter().map(|&k| 0.5 * (bounds[k] + bounds[k + half])).sum::<f64>() / usable.len() as f64
}
