//! The estimator and its number of draws, chosen by measurement: at the start, and when the gradient has changed.

use std::ops::ControlFlow;

use super::EstimatorEntry;
use crate::algorithm::{FitError, Solution, Step};
use crate::estimate::AnyEstimator;
use crate::family::Family;
use crate::fit::Observer;
use crate::streams::Streams;
use crate::study::Noise;
use crate::target::LogDensity;

/// Gradients of each candidate.
const REPEATS: usize = 50;

/// Draws a step at most.
const MOST_DRAWS: usize = 256;

/// Steps whose squared gradients are averaged, and the factor by which the average must change.
const WINDOW: u64 = 250;
const MARKEDLY: f64 = 4.0;

/// Choices in one run at most.
pub(super) const MOST_PICKS: usize = 8;

/// An estimator for this kind of family, with its row of the table where it has a name; only these are measured.
pub(super) type Candidate<'t, T, F> = (Option<&'static EstimatorEntry>, Box<dyn AnyEstimator<T, F> + 't>);

/// What was chosen.
#[derive(Clone, Debug)]
pub(super) struct Pick {
    /// Index among the candidates.
    pub number: usize,
    pub num_draws: usize,
    /// Evaluations the choice took.
    pub evaluations: u64,
}

/// The candidate of least variance x cost at `at`, with draws enough that the signal is as large as the noise.
///
/// The cost is counted in evaluations, not in time, so that the same seed gives the same fit.
///
/// *Source*: the number of draws by the norm test of Byrd, Chin, Nocedal and Wu 2012, with equality for their `theta`
/// of one.
pub(super) fn pick<T, F>(
    target: &T,
    family: &F,
    candidates: &[Candidate<T, F>],
    at: &Solution,
    first_draws: usize,
    fixed: Option<usize>,
    streams: Streams,
) -> Result<Pick, FitError>
where
    T: LogDensity + ?Sized,
    F: Family + ?Sized,
{
    let layout = target.layout();
    let (mut best, mut evaluations): (Option<(f64, usize, usize, Noise)>, u64) = (None, 0);
    for (number, (entry, estimator)) in candidates.iter().enumerate() {
        let Some(entry) = entry else { continue };
        let least = entry.least_draws(layout);
        if fixed.is_some_and(|n| n < least) {
            continue;
        }
        let num_draws = fixed.unwrap_or(first_draws).max(least);
        let key = streams.purpose(number as u32);
        let Ok(noise) = Noise::measure(target, family, &**estimator, at, num_draws, REPEATS, key) else {
            continue;
        };
        evaluations += noise.evaluations * REPEATS as u64;
        let cost = noise.total_variance * entry.cost(noise.evaluations, num_draws);
        if cost.is_finite() && best.as_ref().is_none_or(|(least, ..)| cost < *least) {
            best = Some((cost, number, num_draws, noise));
        }
    }
    let Some((_, number, measured, noise)) = best else {
        return Err(FitError::setting(
            "estimator",
            "no estimator has a finite gradient where the fit is; try another start, or choose the estimator",
        ));
    };
    let least = candidates[number].0.map_or(1, |entry| entry.least_draws(layout).max(1));
    let num_draws = fixed.unwrap_or_else(|| {
        let wanted = measured as f64 * noise.total_variance / noise.signal.max(f64::MIN_POSITIVE);
        // Powers of two, so that the noise of the measurement seldom moves the number.
        let power = wanted.max(1.0).log2().ceil().min(30.0);
        (1usize << power as u32).clamp(least.max(first_draws / 4).max(1), MOST_DRAWS)
    });
    Ok(Pick { number, num_draws, evaluations })
}

/// Ends a stretch of a run when the mean squared gradient is no longer what it was at its beginning.
pub(super) struct Stretch<'o> {
    pub observer: &'o mut dyn Observer,
    /// Whether changes end it at all.
    pub watching: bool,
    /// Whether a change has.
    pub changed: bool,
    /// The step at which the answer is to be looked at, which ends it too.
    pub look_at: Option<u64>,
    /// Whether that step has come.
    pub due: bool,
    /// Evaluations of the steps so far.
    pub evaluations: u64,
    first: Option<f64>,
    sum: f64,
    count: u64,
}

impl<'o> Stretch<'o> {
    pub fn new(observer: &'o mut dyn Observer, watching: bool) -> Self {
        Stretch {
            observer,
            watching,
            changed: false,
            look_at: None,
            due: false,
            evaluations: 0,
            first: None,
            sum: 0.0,
            count: 0,
        }
    }
}

impl Observer for Stretch<'_> {
    fn on_step(&mut self, step: &Step) -> ControlFlow<()> {
        self.due = false;
        self.observer.on_step(step)?;
        self.evaluations += step.evaluations;
        self.due = self.look_at.is_some_and(|at| step.index >= at);
        let go_on = if self.due { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        if step.grad_norm.is_finite() {
            self.sum += step.grad_norm * step.grad_norm;
            self.count += 1;
        }
        if self.count < WINDOW || !self.watching {
            return go_on;
        }
        let mean = self.sum / self.count as f64;
        (self.sum, self.count) = (0.0, 0);
        let first = *self.first.get_or_insert(mean);
        self.changed = mean > MARKEDLY * first || mean * MARKEDLY < first;
        if self.changed { ControlFlow::Break(()) } else { go_on }
    }
}
