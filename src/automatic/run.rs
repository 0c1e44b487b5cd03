//! A fit from its parts: every restart, and the choice between them.

use std::sync::Arc;

use super::by_value::Outcome as ByValueOutcome;
use super::candidates::{Candidate, more_trusted};
use super::conditional::{Outcome, conditional, conditional_may_follow};
use super::density::Density;
use super::flips::most_missed;
use super::flows::Flowed;
use super::improper::refuse_improper;
use super::job::{Job, NATURAL_STEPS, SparseStretch};
use super::modes::other_modes;
use super::own::OwnNames;
use super::parts::{FamilyWish, Own};
use super::plan::{Plan, Wishes, check_reach, check_stochastic};
use super::recentred::{Moved, Recentring};
use super::restarts::{best, comparable_bounds, compared, is_plainly_right, measure_evidence, second};
use super::runs::{Chosen, OfAllRuns, Pace, Runs};
use super::start::begin;
use super::{FamilyChoice, Fitted, Tried};
use crate::algorithm::{FitError, Minibatch};
use crate::diagnose::verdict::OtherMode;
use crate::family::Family;
use crate::fit::{MaxSteps, Observer, Stop};
use crate::model::Layout;
use crate::optimize::{Average, Clip, Optimizer, Schedule};
use crate::posterior::{Assessment, WEIGHTED_TOGETHER, admit_draws};
use crate::streams::Streams;
use crate::target::Differentiable;

/// Purpose of the streams.
const FLOWS: u32 = 60;

/// The settings that the builder hands over.
pub(super) struct Settings {
    pub wishes: Wishes,
    /// The parts that are the user's own.
    pub own: OwnNames,
    /// Whether the family is the user's own.
    pub has_own_family: bool,
    /// A part that was given before the family it is not for.
    pub before_family: Option<&'static str>,
    pub steps: Option<u64>,
    pub stochastic: Stochastic,
    pub posterior_draws: Option<usize>,
    pub streams: Streams,
    pub restarts: Option<usize>,
    pub point: Option<Vec<f64>>,
    /// Step of differences of gradients, in standard deviations.
    pub difference: f64,
}

/// How a stochastic run moves, and when it has arrived.
#[derive(Clone, Debug)]
pub(super) struct Stochastic {
    pub schedule: Option<Schedule>,
    pub clip: Option<Clip>,
    pub average: Average,
    /// Rise of the bound below which it has levelled off, in nats.
    pub tolerance: f64,
}

impl Default for Stochastic {
    fn default() -> Self {
        Stochastic { schedule: None, clip: None, average: Average::Tail, tolerance: 0.01 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            wishes: Wishes::default(),
            own: OwnNames::default(),
            has_own_family: false,
            before_family: None,
            steps: None,
            stochastic: Stochastic::default(),
            posterior_draws: None,
            streams: Streams::new(0),
            restarts: None,
            point: None,
            difference: 1e-3,
        }
    }
}

impl Settings {
    /// Refuses numbers that make no sense, and what the plan has no use for.
    pub fn check(&self, plan: &Plan, layout: &Layout) -> Result<(), FitError> {
        if let Some(part) = self.before_family {
            return Err(FitError::setting(
                part,
                format!("an {part} of your own was given before the family, and is for another; call `family` first"),
            ));
        }
        let outside = layout.num_latents + layout.num_integers;
        let inside = (layout.num_row_latents + layout.num_row_integers) * layout.num_rows;
        admit_draws(plan.num_draws, outside + inside)?;
        admit_draws(self.posterior_draws.unwrap_or(0), outside)?;
        let tolerance = self.stochastic.tolerance;
        if !(tolerance.is_finite() && tolerance >= 0.0) {
            return Err(FitError::setting(
                "tolerance",
                format!("a tolerance of {tolerance} nats; choose a finite one of zero or more, such as 0.01"),
            ));
        }
        let (schedule, clip) = (&self.stochastic.schedule, &self.stochastic.clip);
        if schedule.is_some() || clip.is_some() {
            check_stochastic(if schedule.is_some() { "a learning rate" } else { "a clip" }, plan)?;
        }
        match schedule {
            Some(_) if plan.own.optimizer.is_some() => Err(FitError::setting(
                "learning rate",
                "an optimiser of your own has its own step sizes; leave the learning rate out, or choose adam",
            )),
            Some(schedule) => check_reach(plan, schedule, self.steps),
            None => Ok(()),
        }
    }
}

/// Runs a fit.
pub(super) fn run<F: Family + 'static, O: Optimizer>(
    density: Density,
    wish: FamilyWish<F>,
    own: &Own<F, O>,
    settings: &Settings,
    by_value: ByValueOutcome,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    let target = density.differentiable();
    let (chosen, plan) = Chosen::new(wish, target, settings, density.gradient())?;
    settings.check(&plan, target.layout())?;
    let begin = begin(target, &plan, settings)?;
    let mut evaluations = begin.report.evaluations + by_value.evaluations;
    let family = chosen.family();
    let of_all = OfAllRuns { target, chosen: &chosen, plan: &plan, settings, begin: &begin, own };
    let may_follow = conditional_may_follow(target, (&plan, settings), &*family);
    let mut runs = of_all.runs(if may_follow { Pace::First } else { Pace::Whole }, observer)?;
    let mut given_shared = Outcome::default();
    if may_follow {
        given_shared = conditional(target, (&plan, settings), &*family, runs.best())?;
        if given_shared.found.is_none() {
            let first = runs;
            // Where some starts led nowhere, numbers of runs and of their starts are not the same.
            let pace = if first.failures.is_empty() { Pace::After(&first) } else { Pace::Whole };
            runs = of_all.runs(pace, observer)?;
            runs.evaluations += first.evaluations;
            runs.rejected += first.rejected;
        }
    }
    let is_from_first = given_shared.found.is_some();
    let Runs { mut restarts, mut traces, mut picks, mut failures, mut rejected, .. } = runs;
    evaluations += runs.evaluations + given_shared.evaluations;
    if restarts.is_empty() && !failures.is_empty() {
        return Err(failures.swap_remove(0));
    }
    let mut chosen_run = best(&restarts, |_| true).unwrap_or(0);
    let all_rows = settings.wishes.minibatch == Minibatch::Full;
    let has_time = all_rows && !matches!(restarts[chosen_run].stop, Stop::Interrupted { .. } | Stop::Time { .. });
    let streams = settings.streams;
    if has_time && chosen.is_mixed() {
        evaluations += measure_evidence(&mut restarts, chosen_run, target, streams)?;
    }
    let has_spread = plan.family != FamilyChoice::Map;
    if has_spread && has_time && restarts.iter().any(|r| matches!(r.stop, Stop::Budget { .. } | Stop::Plateau { .. })) {
        evaluations += refuse_improper(target, &*family, &restarts[chosen_run].solution, streams)?;
    }
    let missed = if has_time && chosen.is_mixed() {
        let (missed, tried) = most_missed(target, &restarts[chosen_run].solution)?;
        evaluations += tried;
        missed
    } else {
        None
    };
    let mut modes = other_modes(&restarts, chosen_run, target, &*family, streams);
    let mixture = modes.mixture(&plan, &restarts, chosen_run, &begin).filter(|_| has_time);
    let plan = plan.with_picks(picks.swap_remove(chosen_run));
    let (mut moved, mut coordinates) = (None, Vec::new());
    if let Density::Recorded(centred, record) = &density
        && has_time
        && mixture.is_none()
        && !is_plainly_right(&restarts[chosen_run])
    {
        let rule = || own.rule(MaxSteps(settings.steps.unwrap_or(NATURAL_STEPS)));
        let recentring = Recentring { centred, record, plan: &plan, settings, rule: &rule };
        if recentring.applies() {
            let other = second(&restarts, chosen_run, &modes.runs);
            let outcome = recentring.climb(&restarts, chosen_run, other, streams, observer)?;
            evaluations += outcome.evaluations;
            rejected += outcome.rejected;
            coordinates = outcome.words;
            if let Some(Moved { target, restarts: new, traces: of_new }) = outcome.moved {
                (restarts, traces, moved) = (new, of_new, Some(target));
                // All of them begin in the mode of the chosen run.
                modes.runs.clear();
                chosen_run = best(&restarts, |_| true).unwrap_or(0);
            }
        }
    }
    let target = moved.as_ref().map_or(target, |target| target as &dyn Differentiable);
    let joint = (has_time && mixture.is_none()).then_some(&restarts[chosen_run]);
    if given_shared.found.is_none() {
        given_shared = conditional(target, (&plan, settings), &*family, joint)?;
        evaluations += given_shared.evaluations;
    }
    if let (Some((conditional, solution)), false) = (&given_shared.found, modes.runs.is_empty()) {
        let stop = restarts[chosen_run].stop.clone();
        let (whole, taken) = compared(target, conditional, solution.clone(), stop, true, streams)?;
        evaluations += taken;
        modes.leave_to(&whole, &restarts);
    }
    // Bounds of first stretches are as far apart as their noise.
    let bounds = if is_from_first { Vec::new() } else { comparable_bounds(&restarts, &modes.runs) };
    let new = Assessment::new(streams, &restarts[chosen_run].stop);
    let assessment = Assessment {
        num_draws: settings.posterior_draws,
        trace: Some(&traces[chosen_run]),
        restarts: &bounds,
        second: second(&restarts, chosen_run, &modes.runs).map(|k| &restarts[k].solution),
        modes: &modes.found,
        covers_modes: mixture.is_some(),
        missed,
        ..new
    };
    let of_runs = Candidate { plan, family, solution: restarts[chosen_run].solution.clone(), is_of_runs: true };
    let has_gained = given_shared.found.is_some();
    let (first, other) = match (mixture, given_shared.found) {
        (Some((mixture, solution)), _) => (
            Candidate::beside(
                &of_runs.plan,
                FamilyChoice::FullRank,
                mixture,
                solution,
                "one for each mode that runs ended in",
            ),
            None,
        ),
        (None, Some((conditional, solution))) => {
            // Of more, nothing would be said of the joint one that the conditional one does not know better.
            let is_few = conditional.dimension() <= WEIGHTED_TOGETHER;
            let found = Candidate::beside(
                &of_runs.plan,
                FamilyChoice::Sparse,
                conditional,
                solution,
                "its bound is above the joint one's",
            );
            (found, is_few.then(|| of_runs.clone()))
        }
        (None, None) => (of_runs.clone(), None),
    };
    let (mut answer, mut posterior, taken) = more_trusted(target, first, other, &assessment)?;
    evaluations += taken;
    let of_conditional = given_shared.words.map(|words| match answer.family.conditional() {
        _ if !has_gained => words,
        Some(_) => format!("{words}, kept"),
        None => format!("{words}, not kept: the draws of the joint Gaussian say more of the posterior"),
    });
    let mut flow = None;
    if has_time && !modes.found.iter().any(OtherMode::matters) {
        let streams = streams.purpose(FLOWS);
        let job = Job {
            target,
            plan: &of_runs.plan,
            settings,
            begin: &begin,
            number: 0,
            streams,
            stretch: SparseStretch::Whole,
        };
        if let Some(outcome) = job.try_flow(own, &restarts[chosen_run], (&posterior, &assessment), observer)? {
            (evaluations, flow) = (evaluations + outcome.evaluations, Some(outcome.words));
            rejected += outcome.rejected;
            if let Some(kept) = outcome.kept {
                let Flowed { plan, family, restart, trace, posterior: assessed } = *kept;
                answer = Candidate { plan, family: Arc::new(family), solution: restart.solution.clone(), ..answer };
                (posterior, chosen_run) = (assessed, restarts.len());
                restarts.push(restart);
                traces.push(trace);
            }
        }
    }
    let mut of_values = None;
    if let Some(found) = by_value.found {
        evaluations += found.evaluations;
        of_values = Some(found.words.clone());
        if found.is_better_than(&posterior) {
            (answer, posterior) = (found.answer, found.posterior);
        } else {
            of_values = of_values.map(|words| format!("{words}, not kept"));
        }
    }
    let Candidate { plan, family, solution, .. } = answer;
    Ok(Fitted {
        posterior,
        family,
        solution,
        stop: restarts[chosen_run].stop.clone(),
        tried: Tried {
            start: begin.report,
            runs: restarts,
            failed: failures.iter().map(ToString::to_string).collect(),
            chosen: chosen_run,
            trace: traces.swap_remove(chosen_run),
            coordinates,
            values: of_values,
            flow,
            conditional: of_conditional,
        },
        plan,
        streams,
        evaluations,
        rejected,
        target: match density {
            Density::Recorded(target, _) => Some(moved.unwrap_or(*target)),
            _ => None,
        },
    })
}
