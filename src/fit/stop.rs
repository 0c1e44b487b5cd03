//! Stopping rules: each gives a reason, never a bare yes.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::algorithm::Step;

/// The reason for which a fit ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stop {
    /// The algorithm arrived: its own statistic fell below its tolerance.
    Converged {
        /// Number of steps taken.
        steps: u64,
        /// The algorithm's statistic at the last step.
        #[serde(with = "crate::number")]
        statistic: f64,
    },
    /// The objective no longer rises, judged against its Monte Carlo noise.
    Plateau {
        /// Number of steps taken.
        steps: u64,
        /// Rise of the objective between the last two windows, in nats.
        #[serde(with = "crate::number")]
        gain: f64,
        /// The standard error of that rise.
        #[serde(with = "crate::number")]
        gain_se: f64,
    },
    /// The budget of steps is used up.
    Budget {
        /// Number of steps taken.
        steps: u64,
    },
    /// The budget of time is used up.
    Time {
        /// Number of steps taken.
        steps: u64,
    },
    /// An observer (or an interrupt) ended it.
    Interrupted {
        /// Number of steps taken.
        steps: u64,
    },
}

impl Stop {
    /// Whether the fit ended because it had arrived.
    pub fn has_converged(&self) -> bool {
        matches!(self, Stop::Converged { .. } | Stop::Plateau { .. })
    }

    /// Whether what it says is finite.
    pub(crate) fn is_finite(&self) -> bool {
        match *self {
            Stop::Converged { statistic, .. } => statistic.is_finite(),
            Stop::Plateau { gain, gain_se, .. } => gain.is_finite() && gain_se.is_finite(),
            _ => true,
        }
    }

    /// Number of steps taken until the end.
    pub fn steps(&self) -> u64 {
        match *self {
            Stop::Converged { steps, .. } | Stop::Plateau { steps, .. } | Stop::Budget { steps } => steps,
            Stop::Time { steps } | Stop::Interrupted { steps } => steps,
        }
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stop::Converged { steps, statistic } => {
                write!(f, "converged after {steps} steps (statistic {statistic:.2e})")
            }
            Stop::Plateau { steps, gain, gain_se } => {
                write!(
                    f,
                    "the bound levelled off after {steps} steps (last gain {gain:.3} nats, standard error {gain_se:.3})"
                )
            }
            Stop::Budget { steps } => write!(f, "used its {steps} steps without levelling off"),
            Stop::Time { steps } => write!(f, "ran out of time after {steps} steps"),
            Stop::Interrupted { steps } => write!(f, "interrupted after {steps} steps"),
        }
    }
}

/// Decides after each step whether to end.
///
/// ```
/// use jensen::algorithm::Step;
/// use jensen::fit::{Stop, StoppingRule};
///
/// /// Ends at the first step that rejects more than half of its draws.
/// #[derive(Clone)]
/// struct HalfRejected {
///     num_draws: u64,
/// }
///
/// impl StoppingRule for HalfRejected {
///     fn check(&mut self, step: &Step) -> Option<Stop> {
///         (2 * step.rejected > self.num_draws).then_some(Stop::Interrupted { steps: step.index })
///     }
/// }
/// ```
pub trait StoppingRule {
    /// A reason to end now.
    fn check(&mut self, step: &Step) -> Option<Stop>;
}

/// Ends after a number of steps.
///
/// ```
/// use jensen::fit::{MaxSteps, Plateau, Stop};
/// use jensen::prelude::*;
/// use jensen::{Fit, OptimizerChoice};
///
/// let standard = model(|p| {
///     p.draw("z", normal(0.0, 1.0));
/// });
/// // Whichever comes first.
/// let rule = (MaxSteps(50), Plateau::new(500, 0.01));
/// let fitted = Fit::new(&standard).optimizer(OptimizerChoice::Adam).stop(rule).run()?;
/// assert_eq!(fitted.stop, Stop::Budget { steps: 50 });
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxSteps(pub u64);

impl StoppingRule for MaxSteps {
    fn check(&mut self, step: &Step) -> Option<Stop> {
        (step.index >= self.0).then_some(Stop::Budget { steps: step.index })
    }
}

/// Ends after a length of time from the first step.
#[derive(Clone, Copy, Debug)]
pub struct MaxTime {
    limit: Duration,
    started: Option<Instant>,
}

impl MaxTime {
    /// A limit in wall time.
    pub fn new(limit: Duration) -> Self {
        MaxTime { limit, started: None }
    }
}

impl StoppingRule for MaxTime {
    fn check(&mut self, step: &Step) -> Option<Stop> {
        let started = *self.started.get_or_insert_with(Instant::now);
        (started.elapsed() >= self.limit).then_some(Stop::Time { steps: step.index })
    }
}

/// Ends when the mean objective of a window of steps is no longer above that of the window before it.
///
/// The gain between windows is held against `tolerance` in nats and against its own standard error, never
/// against the objective's size, which changes with any constant in log p. Windows grow by half whenever the
/// gain is still clear, so slow progress is compared over longer stretches. Memory does not grow.
#[derive(Clone, Debug)]
pub struct Plateau {
    tolerance: f64,
    window: u64,
    current: Window,
    previous: Option<Window>,
}

/// Standard errors of a window by which the next one falls below it only where the fit comes apart.
const FALL: f64 = 6.0;

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Window {
    fn add(&mut self, x: f64) {
        self.count += 1;
        let delta = x - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (x - self.mean);
    }

    fn variance_of_mean(&self) -> f64 {
        self.squares / (self.count as f64 - 1.0).max(1.0) / self.count as f64
    }
}

impl Plateau {
    /// Ends when the gain between windows of `window` steps is below `tolerance` nats or its standard error.
    pub fn new(window: u64, tolerance: f64) -> Self {
        Plateau { tolerance, window: window.max(10), current: Window::default(), previous: None }
    }
}

impl StoppingRule for Plateau {
    fn check(&mut self, step: &Step) -> Option<Stop> {
        if let Some(x) = step.objective {
            self.current.add(x);
        }
        if self.current.count < self.window {
            return None;
        }
        let done = std::mem::take(&mut self.current);
        let before = self.previous.replace(done)?;
        let gain = done.mean - before.mean;
        let gain_se = (done.variance_of_mean() + before.variance_of_mean()).sqrt();
        // An objective without noise, as where q is the posterior, still rounds: a running mean by an ulp at each step.
        let rounding = f64::EPSILON * done.count as f64 * (done.mean.abs() + before.mean.abs());
        let tolerance = self.tolerance.max(rounding);
        // A fall is no end, however much noise came with it: the window before it knows how small the noise was.
        let fell = gain < -(tolerance + FALL * before.variance_of_mean().sqrt());
        if fell || !gain_se.is_finite() {
            return None;
        }
        if gain < tolerance.max(gain_se) {
            return Some(Stop::Plateau { steps: step.index, gain, gain_se });
        }
        self.window += self.window / 2;
        None
    }
}

/// The first reason of several rules.
impl<A: StoppingRule, B: StoppingRule> StoppingRule for (A, B) {
    fn check(&mut self, step: &Step) -> Option<Stop> {
        let (a, b) = (self.0.check(step), self.1.check(step));
        a.or(b)
    }
}

impl<A: StoppingRule> StoppingRule for Option<A> {
    fn check(&mut self, step: &Step) -> Option<Stop> {
        self.as_mut().and_then(|rule| rule.check(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rule: &mut Plateau, objectives: impl Iterator<Item = f64>) -> Option<Stop> {
        let steps =
            objectives.enumerate().map(|(k, x)| Step { index: k as u64 + 1, objective: Some(x), ..Step::default() });
        steps.into_iter().find_map(|step| rule.check(&step))
    }

    /// Alternates about a level, so that the mean of a window is the level and its noise is known.
    fn about(level: f64, noise: f64, steps: usize) -> impl Iterator<Item = f64> {
        (0..steps).map(move |k| level + if k % 2 == 0 { noise } else { -noise })
    }

    #[test]
    fn a_level_stretch_ends_a_fit_and_a_rise_does_not() {
        let level = run(&mut Plateau::new(100, 0.01), about(-7.0, 0.5, 200));
        assert!(matches!(level, Some(Stop::Plateau { steps: 200, .. })), "{level:?}");
        let rising = run(&mut Plateau::new(100, 0.01), (0..1000).map(|k| k as f64));
        assert_eq!(rising, None);
    }

    #[test]
    fn an_objective_without_noise_levels_off_though_it_rounds() {
        // Falls of one ulp and of none by turns, with a tolerance of zero: the error of a window is less than its rounding.
        for (falls, objective) in [(true, -123.4_f64), (false, -123.4), (true, 5e9)] {
            let rounded = |k: usize| if falls == (k >= 100) { objective.next_down() } else { objective };
            let found = run(&mut Plateau::new(100, 0.0), (0..200).map(rounded));
            assert!(matches!(found, Some(Stop::Plateau { steps: 200, .. })), "{objective}: {found:?}");
        }
        // A steady rise beyond rounding is still one.
        let rises = |k: usize| -123.4 + 1e-9 * (k / 100) as f64;
        assert_eq!(run(&mut Plateau::new(100, 0.0), (0..1000).map(rises)), None);
    }

    #[test]
    fn a_fit_that_comes_apart_never_levels_off() {
        let wild = (0..500).map(|k| -1e40 * f64::from(k * k % 97));
        let found = run(&mut Plateau::new(500, 0.01), about(0.0, 1.0, 500).chain(wild));
        assert_eq!(found, None);
        let overflow = about(0.0, 1.0, 100).chain(std::iter::repeat_n(f64::NEG_INFINITY, 300));
        assert_eq!(run(&mut Plateau::new(100, 0.01), overflow), None);
    }
}
