//! The runs of a fit, one after the other.

use std::sync::Arc;

use super::estimators::has_integers;
use super::families::{mixed, reparameterised};
use super::improper::refuse_improper;
use super::job::{Job, Picks, SparseStretch};
use super::parts::{FamilyWish, Own};
use super::plan::{Gradient, Plan, decide};
use super::restarts::{best, compared, refuse_spike, wants_another};
use super::run::Settings;
use super::start::Begin;
use super::structure::Structure;
use super::{FamilyChoice, MixedFamily, Restart};
use crate::algorithm::{FitError, Minibatch};
use crate::family::Family;
use crate::fit::{Observer, Stop, Trace};
use crate::optimize::Optimizer;
use crate::target::Differentiable;

/// Purpose of the streams.
const RUNS: u32 = 51;

/// What the runs came to.
#[derive(Default)]
pub(super) struct Runs {
    pub restarts: Vec<Restart>,
    pub traces: Vec<Trace>,
    pub picks: Vec<Picks>,
    pub failures: Vec<FitError>,
    pub evaluations: u64,
    pub rejected: u64,
}

impl Runs {
    /// The run with the best bound, where there is one and none was interrupted.
    pub fn best(&self) -> Option<&Restart> {
        let is_open = !self.restarts.iter().any(|run| matches!(run.stop, Stop::Interrupted { .. } | Stop::Time { .. }));
        best(&self.restarts, |_| is_open).map(|k| &self.restarts[k])
    }
}

/// How far runs go.
#[derive(Clone, Copy)]
pub(super) enum Pace<'r> {
    /// To their end.
    Whole,
    /// As far as another fit needs to begin there.
    First,
    /// To their end, from where these were left.
    After(&'r Runs),
}

/// What all runs share.
pub(super) struct OfAllRuns<'a, 'o, F, O> {
    pub target: &'a dyn Differentiable,
    pub chosen: &'a Chosen<F>,
    pub plan: &'a Plan,
    pub settings: &'a Settings,
    pub begin: &'a Begin,
    pub own: &'a Own<'o, F, O>,
}

impl<F: Family + 'static, O: Optimizer> OfAllRuns<'_, '_, F, O> {
    /// Makes runs until there are enough.
    ///
    /// # Errors
    /// When a run fails for another reason than its start.
    pub fn runs(&self, pace: Pace, observer: &mut dyn Observer) -> Result<Runs, FitError> {
        let OfAllRuns { target, plan, settings, begin, .. } = *self;
        let family = self.chosen.family();
        let mut runs = Runs::default();
        for number in 0.. {
            let is_wanted = match pace {
                Pace::After(first) => number < first.restarts.len(),
                _ => wants_another(settings, target.layout(), &runs.restarts, number, begin.num_comparable),
            };
            if !is_wanted {
                break;
            }
            let stretch = match pace {
                Pace::Whole => SparseStretch::Whole,
                Pace::First => SparseStretch::First,
                Pace::After(first) => SparseStretch::From(&first.restarts[number].solution.params),
            };
            let streams = settings.streams.purpose(RUNS).purpose(number as u32);
            let job = Job { target, plan, settings, begin, number, streams, stretch };
            let run = match self.chosen {
                Chosen::Whole(family) => job.run(&**family, self.own, observer),
                Chosen::Mixed(family) => job.with_integers(family, self.own, observer),
            };
            let run = match run {
                // One start that leads nowhere is no reason to have no answer.
                Err(error @ (FitError::NotFinite { .. } | FitError::Solver { .. })) => {
                    runs.failures.push(error);
                    continue;
                }
                other => other?,
            };
            runs.evaluations += run.trace.evaluations;
            runs.rejected += run.trace.rejected;
            let interrupted = matches!(run.stop, Stop::Interrupted { .. });
            let is_rough = matches!(pace, Pace::First);
            let (restart, taken) = compared(target, &*family, run.solution, run.stop, is_rough, settings.streams)?;
            runs.evaluations += taken;
            if let Err(error) = refuse_spike(target.layout(), restart.bound) {
                // Where there is no posterior the sites to mend are named.
                if plan.family != FamilyChoice::Map && settings.wishes.minibatch == Minibatch::Full {
                    runs.evaluations += refuse_improper(target, &*family, &restart.solution, settings.streams)?;
                }
                runs.failures.push(error);
                continue;
            }
            let from = job.explored().and_then(|start| start.place);
            runs.restarts.push(Restart { from, shares_start: job.shares_start(), ..restart });
            runs.traces.push(run.trace);
            runs.picks.push(run.picks);
            if interrupted {
                break;
            }
        }
        Ok(runs)
    }
}

/// The family of a fit.
pub(super) enum Chosen<F> {
    /// Of real latents, or the user's own.
    Whole(Arc<F>),
    /// Of a model with integers, where the user gave none.
    Mixed(Arc<MixedFamily>),
}

impl<F: Family + 'static> Chosen<F> {
    /// Decides the plan, and makes the family.
    pub fn new(
        wish: FamilyWish<F>,
        target: &dyn Differentiable,
        settings: &Settings,
        gradient: Gradient,
    ) -> Result<(Self, Plan), FitError> {
        let layout = target.layout();
        match wish {
            FamilyWish::Own(make) => {
                let family = make(target)?;
                family.covers(layout)?;
                let own = settings.own.clone().with_family(&family);
                let plan = decide(layout, None, settings.wishes, &own, gradient)?;
                Ok((Chosen::Whole(Arc::new(family)), plan))
            }
            FamilyWish::Named(_, real) => {
                let structure = Structure::of(target, &settings.wishes);
                let plan = decide(layout, structure, settings.wishes, &settings.own, gradient)?;
                let chosen = if has_integers(layout) {
                    Chosen::Mixed(Arc::new(mixed(layout)?))
                } else {
                    Chosen::Whole(Arc::new(real(reparameterised(target, plan.family)?)))
                };
                Ok((chosen, plan))
            }
        }
    }

    pub fn family(&self) -> Arc<dyn Family> {
        match self {
            Chosen::Whole(family) => family.clone(),
            Chosen::Mixed(family) => family.clone(),
        }
    }

    /// Whether the parameters are those of the engine's own family of integers.
    pub fn is_mixed(&self) -> bool {
        matches!(self, Chosen::Mixed(_))
    }
}
