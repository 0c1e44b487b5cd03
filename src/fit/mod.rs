//! The loop: steps, observers, stopping rules and the trace.

mod stop;
mod trace;

pub use stop::{MaxSteps, MaxTime, Plateau, Stop, StoppingRule};
pub use trace::Trace;

use std::ops::ControlFlow;

use crate::algorithm::{Algorithm, FitError, Step};

/// Sees every step; breaking ends the fit with what was reached.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use jensen::Fit;
/// use jensen::algorithm::Step;
/// use jensen::prelude::*;
///
/// let mut bounds = vec![];
/// let mut watch = |step: &Step| {
///     bounds.extend(step.objective);
///     ControlFlow::Continue(())
/// };
/// let standard = model(|p| {
///     p.draw("z", normal(0.0, 1.0));
/// });
/// Fit::new(&standard).observer(&mut watch).run()?;
/// assert!(!bounds.is_empty());
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
pub trait Observer {
    /// Called after each step.
    fn on_step(&mut self, step: &Step) -> ControlFlow<()>;
}

impl<F: FnMut(&Step) -> ControlFlow<()>> Observer for F {
    fn on_step(&mut self, step: &Step) -> ControlFlow<()> {
        self(step)
    }
}

/// An observer that does nothing.
impl Observer for () {
    fn on_step(&mut self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Steps `algorithm` from `state` until a rule or the observer ends it.
///
/// # Errors
/// When a step fails; `state` is then the last good one.
pub fn run<A: Algorithm>(
    algorithm: &A,
    state: &mut A::State,
    stop: &mut dyn StoppingRule,
    observer: &mut dyn Observer,
) -> Result<Stop, FitError> {
    loop {
        let step = algorithm.step(state)?;
        let seen = observer.on_step(&step);
        if let Some(statistic) = step.converged {
            return Ok(Stop::Converged { steps: step.index, statistic });
        }
        if let Some(reason) = stop.check(&step) {
            return Ok(reason);
        }
        if seen.is_break() {
            return Ok(Stop::Interrupted { steps: step.index });
        }
    }
}
