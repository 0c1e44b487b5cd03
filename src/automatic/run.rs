//! Runs a plan: every restart, and the choice between them.

use std::ops::ControlFlow;

use super::families::{mixed, reparameterised};
use super::flips::most_missed;
use super::improper::refuse_improper;
use super::measured::{Candidate, MOST_PICKS, Stretch, pick};
use super::plan::{MOST_STEPS, Plan, Wishes, decide, is_deterministic};
use super::restarts::{COMPARED, best, compared, measure_evidence, second, wants_another};
use super::start::{Begin, begin};
use super::units::InUnits;
use super::{DesignChoice, EstimatorChoice, EstimatorEntry, FamilyChoice, Fitted, Mixed, OptimizerChoice, estimators};
use crate::algorithm::{Algorithm, FitError, FullRankStart, Minibatch, NaturalGradient, Solution, Step, StochasticVi};
use crate::family::{Family, FullRank, Reparam};
use crate::fit::{MaxSteps, Observer, Plateau, Stop, Trace};
use crate::model::Layout;
use crate::optimize::{AnyOptimizer, Average, Clip, Optimizer, Schedule};
use crate::posterior::{Assessment, Posterior};
use crate::streams::Streams;
use crate::target::{Differentiable, LogDensity, Target};

/// Purposes of the streams.
const RUNS: u32 = 51;
const PICKS: u32 = 53;

/// What a builder hands over.
pub(super) struct Settings {
    pub wishes: Wishes,
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
    /// In nats.
    pub tolerance: f64,
}

impl Default for Stochastic {
    fn default() -> Self {
        Stochastic { schedule: None, clip: None, average: Average::Tail, tolerance: 0.01 }
    }
}

/// One finished run.
pub(super) struct Run {
    pub solution: Solution,
    pub stop: Stop,
    pub trace: Trace,
    pub picks: Picks,
}

/// What was chosen by measurement: the last choice, and all in words.
#[derive(Default)]
pub(super) struct Picks {
    last: Option<(EstimatorChoice, usize)>,
    words: Vec<String>,
}

impl Picks {
    fn add(&mut self, step: u64, estimator: EstimatorChoice, num_draws: usize) {
        if self.last != Some((estimator, num_draws)) || self.words.is_empty() {
            self.words.push(format!("measured at step {step}: {estimator}, {num_draws} draws"));
        } else {
            self.words.push(format!("at step {step}: the same"));
        }
        self.last = Some((estimator, num_draws));
    }
}

/// Everything one run needs.
pub(super) struct Job<'a> {
    target: &'a Target,
    pub plan: &'a Plan,
    pub settings: &'a Settings,
    begin: &'a Begin,
    number: usize,
    pub streams: Streams,
}

pub(super) fn run(target: Target, settings: Settings, observer: &mut dyn Observer) -> Result<Fitted, FitError> {
    let mut plan = decide(target.layout(), settings.wishes)?;
    let begin = begin(&target, &plan, &settings)?;
    let (mut restarts, mut traces, mut family) = (Vec::new(), Vec::new(), None);
    let (mut evaluations, mut rejected, mut picks) = (begin.report.evaluations, 0, Vec::new());
    for number in 0.. {
        if !wants_another(&settings, target.layout(), &restarts) {
            break;
        }
        let streams = settings.streams.purpose(RUNS).purpose(number as u32);
        let job = Job { target: &target, plan: &plan, settings: &settings, begin: &begin, number, streams };
        let (made, run) = job.run(observer)?;
        evaluations += run.trace.evaluations;
        rejected += run.trace.rejected;
        let interrupted = matches!(run.stop, Stop::Interrupted { .. });
        let restart = compared(&target, &*made, run.solution, run.stop, settings.streams)?;
        evaluations += COMPARED as u64;
        restarts.push(restart);
        traces.push(run.trace);
        picks.push(run.picks);
        family = Some(made);
        if interrupted {
            break;
        }
    }
    let chosen = best(&restarts, |_| true).unwrap_or(0);
    let all_rows = settings.wishes.minibatch == Minibatch::Full;
    let has_time = all_rows && !matches!(restarts[chosen].stop, Stop::Interrupted { .. } | Stop::Time { .. });
    if has_time {
        evaluations += measure_evidence(&mut restarts, chosen, &target, settings.streams)?;
    }
    let family = family.ok_or_else(|| FitError::Setting("a fit needs at least one run".into()))?;
    let streams = settings.streams;
    let has_spread = plan.family != FamilyChoice::Map;
    if has_spread && has_time && restarts.iter().all(|r| matches!(r.stop, Stop::Budget { .. })) {
        evaluations += refuse_improper(&target, &*family, &restarts[chosen].solution, streams)?;
    }
    let bounds: Vec<(f64, f64)> = restarts.iter().map(|r| (r.bound, r.bound_se)).collect();
    let new = Assessment::new(streams, &restarts[chosen].stop);
    let nothing = Ok((None, 0));
    let (missed, tried) = if has_time { most_missed(&target, &restarts[chosen].solution) } else { nothing }?;
    evaluations += tried;
    let assessment = Assessment {
        num_draws: settings.posterior_draws.unwrap_or(new.num_draws),
        trace: Some(&traces[chosen]),
        restarts: &bounds,
        second: second(&restarts, chosen).map(|k| &restarts[k].solution),
        missed,
        ..new
    };
    let picks = picks.swap_remove(chosen);
    if let Some((estimator, num_draws)) = picks.last {
        (plan.estimator, plan.num_draws, plan.picks) = (estimator, num_draws, picks.words);
    }
    let posterior = Posterior::assess(&target, &*family, &restarts[chosen].solution, &assessment)?;
    Ok(Fitted {
        posterior,
        family,
        solution: restarts[chosen].solution.clone(),
        stop: restarts[chosen].stop.clone(),
        trace: traces.swap_remove(chosen),
        restarts,
        chosen,
        start: begin.report,
        plan,
        streams,
        evaluations,
        rejected,
        target,
    })
}

impl Job<'_> {
    fn run(&self, observer: &mut dyn Observer) -> Result<(Box<dyn Family>, Run), FitError> {
        let layout = self.target.layout();
        if layout.num_integers + layout.num_row_integers > 0 {
            return self.with_integers(layout, observer);
        }
        if self.plan.optimizer == OptimizerChoice::NaturalGradient {
            let family = FullRank::new(layout.num_latents);
            let run = self.natural_gradient(&family, observer)?;
            return Ok((Box::new(family), run));
        }
        let family = reparameterised(layout, self.plan.family)?;
        let run = self.pathwise(&*family, observer)?;
        Ok((family, run))
    }

    pub(super) fn steps(&self, default: u64) -> u64 {
        self.settings.steps.unwrap_or(default)
    }

    /// The candidate this run starts from: each run its own, while there are good ones.
    fn explored(&self) -> &crate::algorithm::Explored {
        let all = &self.begin.explored;
        let usable = all.iter().take_while(|e| e.rejected == all[0].rejected && e.bound > all[0].bound - 5.0).count();
        &all[self.number % usable.max(1)]
    }

    fn natural_gradient(&self, family: &FullRank, observer: &mut dyn Observer) -> Result<Run, FitError> {
        let gaussian = &self.explored().gaussian;
        let start = FullRankStart::new(self.target, family, gaussian, self.streams, self.settings.difference)?;
        let algorithm = NaturalGradient {
            target: self.target,
            family,
            num_draws: self.plan.num_draws,
            start: start.params,
            tolerance: NaturalGradient::<Target>::tolerance_for(family.dimension()),
            streams: self.streams,
        };
        let mut run = drive(&algorithm, &mut MaxSteps(self.steps(2000)), observer)?;
        run.trace.evaluations += start.evaluations;
        Ok(run)
    }

    /// Fixed draws or stochastic steps for a family with a transform, in units of each latent where they are known.
    fn pathwise(&self, family: &(dyn Reparam + 'static), observer: &mut dyn Observer) -> Result<Run, FitError> {
        if !self.plan.paths {
            let centre = &self.begin.centres[self.number % self.begin.centres.len().min(2)];
            let start = Solution { params: family.init(centre, 0.1), theta: self.begin.theta.clone() };
            return if is_deterministic(self.plan.optimizer) {
                self.fixed_draws(self.target, family, start.params, observer)
            } else {
                self.stochastic::<dyn Differentiable, dyn Reparam>(
                    self.target,
                    family,
                    &self.candidates(|entry| entry.real(self.target.layout(), self.plan.family))?,
                    start,
                    observer,
                )
            };
        }
        let explored = self.explored();
        let at_mode = self.plan.family == FamilyChoice::Map;
        let centre = if at_mode { &explored.last } else { &explored.gaussian.mean };
        let scale = explored.gaussian.sd();
        let inner = InUnits::new(self.target, centre, &scale);
        let params = family.init(&vec![0.0; centre.len()], 0.7);
        let mut run = if is_deterministic(self.plan.optimizer) {
            self.fixed_draws(&inner, family, params, observer)?
        } else {
            let start = Solution { params, theta: Vec::new() };
            self.stochastic::<dyn Differentiable, dyn Reparam>(
                &inner,
                family,
                &self.candidates(|entry| entry.real(self.target.layout(), self.plan.family))?,
                start,
                observer,
            )?
        };
        family.rescale(&mut run.solution.params, centre, &scale);
        Ok(run)
    }

    /// Adam or another rule along the plan's estimator, or along the one that measurement chooses, stretch by stretch.
    fn stochastic<T, F>(
        &self,
        target: &T,
        family: &F,
        candidates: &[Candidate<T, F>],
        start: Solution,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError>
    where
        T: LogDensity + ?Sized,
        F: Family + ?Sized,
    {
        let measured = self.plan.estimator == EstimatorChoice::Auto;
        let mut algorithm = StochasticVi {
            target,
            family,
            estimator: &*candidates[0].1,
            optimizer: self.optimizer()?,
            average: self.settings.stochastic.average,
            num_draws: self.plan.num_draws,
            minibatch: self.settings.wishes.minibatch,
            design: self.plan.design.design(),
            start,
            streams: self.streams,
        };
        let mut state = algorithm.init()?;
        let mut rules = (MaxSteps(self.steps(MOST_STEPS)), Plateau::new(500, self.settings.stochastic.tolerance));
        let (mut trace, mut picks) = (Trace::default(), Picks::default());
        loop {
            if measured {
                let at = Solution { params: state.params().to_vec(), theta: state.theta().to_vec() };
                let streams = self.streams.purpose(PICKS).purpose(picks.words.len() as u32);
                let fixed = self.settings.wishes.draws;
                let found = pick(target, family, candidates, &at, self.plan.num_draws, fixed, streams)?;
                (algorithm.estimator, algorithm.num_draws) = (&*candidates[found.number].1, found.num_draws);
                trace.evaluations += found.evaluations;
                picks.add(state.step(), candidates[found.number].0.choice, found.num_draws);
            }
            let mut both = Both { trace: &mut trace, observer };
            let mut stretch = Stretch::new(&mut both, measured && picks.words.len() < MOST_PICKS);
            let stop = crate::fit::run(&algorithm, &mut state, &mut rules, &mut stretch)?;
            if !(stretch.changed && matches!(stop, Stop::Interrupted { .. })) {
                return Ok(Run { solution: algorithm.output(&state), stop, trace, picks });
            }
        }
    }

    fn optimizer(&self) -> Result<AnyOptimizer, FitError> {
        let setting = |e: crate::optimize::OptimizeError| FitError::Setting(e.to_string());
        let rule: AnyOptimizer = self.plan.optimizer.name().parse().map_err(setting)?;
        let rule = match &self.settings.stochastic.schedule {
            Some(schedule) => rule.with_step_size(schedule.clone()),
            None => rule,
        };
        let rule = match self.settings.stochastic.clip {
            Some(clip) => rule.with_clip(clip),
            None => rule,
        };
        rule.check().map_err(setting)?;
        Ok(rule)
    }

    /// The plan's estimator, or all that measurement may choose from, made by `make`.
    fn candidates<E>(
        &self,
        make: impl Fn(&EstimatorEntry) -> Result<E, FitError>,
    ) -> Result<Vec<(&'static EstimatorEntry, E)>, FitError> {
        let (layout, wish) = (self.target.layout(), self.plan.estimator);
        let spread = self.plan.design != DesignChoice::Independent;
        let usable = |e: &&EstimatorEntry| match wish {
            EstimatorChoice::Auto => {
                let suits = e.has_designs() || !spread;
                e.measured
                    && !e.biased
                    && suits
                    && e.is_affordable(layout)
                    && e.refusal(layout, self.plan.family).is_none()
            }
            named => e.choice == named,
        };
        let found: Result<Vec<_>, _> = estimators().iter().filter(usable).map(|e| Ok((e, make(e)?))).collect();
        match found {
            Ok(none) if none.is_empty() => Err(FitError::Unsupported(format!("no estimator is called {wish}"))),
            other => other,
        }
    }

    fn with_integers(&self, layout: &Layout, observer: &mut dyn Observer) -> Result<(Box<dyn Family>, Run), FitError> {
        let family = mixed(layout)?;
        let centre = &self.begin.centres[self.number % self.begin.centres.len()];
        let start = Solution { params: family.init(centre, 0.1), theta: self.begin.theta.clone() };
        let candidates = self.candidates(|entry| entry.mixed(layout))?;
        let run = self.stochastic::<dyn Differentiable, Mixed>(self.target, &family, &candidates, start, observer)?;
        Ok((Box::new(family), run))
    }
}

/// Steps until a rule, the algorithm or the observer ends it.
fn drive<A: Algorithm<Output = Solution>>(
    algorithm: &A,
    rule: &mut dyn crate::fit::StoppingRule,
    observer: &mut dyn Observer,
) -> Result<Run, FitError> {
    let mut state = algorithm.init()?;
    let mut trace = Trace::default();
    let stop = crate::fit::run(algorithm, &mut state, rule, &mut Both { trace: &mut trace, observer })?;
    Ok(Run { solution: algorithm.output(&state), stop, trace, picks: Picks::default() })
}

/// The trace and the caller's observer.
pub(super) struct Both<'a> {
    pub trace: &'a mut Trace,
    pub observer: &'a mut dyn Observer,
}

impl Observer for Both<'_> {
    fn on_step(&mut self, step: &Step) -> ControlFlow<()> {
        let _ = self.trace.on_step(step);
        self.observer.on_step(step)
    }
}
