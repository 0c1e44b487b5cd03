//! One run of a fit.

use std::ops::ControlFlow;

use super::adapters::ByTransform;
use super::estimators::has_integers;
use super::flows::{STEP_SIZE as STEP_OF_FLOWS, STEPS as STEPS_OF_FLOWS};
use super::level::Level;
use super::measured::{Candidate, MOST_PICKS, Stretch, pick};
#[cfg(feature = "argmin")]
use super::own::no_transform;
use super::parts::{Begin as OwnBegin, Own};
#[cfg(feature = "argmin")]
use super::plan::is_deterministic;
use super::plan::{MOST_STEPS, Plan};
use super::run::Settings;
use super::start::Begin;
use super::units::InUnits;
use super::{DesignChoice, EstimatorChoice, EstimatorEntry, FamilyChoice, MixedFamily, OptimizerChoice, estimators};
use crate::algorithm::{
    Algorithm, Explored, FitError, FullRankStart, NaturalGradient, Solution, SparseNaturalGradient, Step, StochasticVi,
};
use crate::estimate::AnyEstimator;
use crate::family::{Family, FullRank, SparseGaussian};
use crate::fit::{MaxSteps, Observer, Plateau, Stop, StoppingRule, Trace};
use crate::optimize::{AnyOptimizer, Average, Clipped, OptimizeError, Optimizer};
use crate::streams::Streams;
use crate::target::{Differentiable, LogDensity};

/// Purpose of the streams.
const PICKS: u32 = 53;

/// Steps of the natural gradient unless they are chosen.
pub(super) const NATURAL_STEPS: u64 = 2000;

/// Steps of the sparse natural gradient unless they are chosen: most fits take some twenty.
const SPARSE_STEPS: u64 = 500;

/// Nats of noise that a sparse fit may be left with.
const SPARSE_TOLERANCE: f64 = 0.05;

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
    pub last: Option<(EstimatorChoice, usize)>,
    pub words: Vec<String>,
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
    pub target: &'a dyn Differentiable,
    pub plan: &'a Plan,
    pub settings: &'a Settings,
    pub begin: &'a Begin,
    pub number: usize,
    pub streams: Streams,
    pub stretch: SparseStretch<'a>,
}

/// How much of a run of the sparse natural gradient is made.
#[derive(Clone, Copy, Default)]
pub(super) enum SparseStretch<'a> {
    /// All of it.
    #[default]
    Whole,
    /// As much as another fit needs to begin there.
    First,
    /// All of it from where a first stretch ended.
    From(&'a [f64]),
}

impl Job<'_> {
    /// Runs the plan with a family of real latents, or one of the user's own.
    pub fn run<F: Family, O: Optimizer>(
        &self,
        family: &F,
        own: &Own<F, O>,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError> {
        if let Some(algorithm) = &own.algorithm {
            let start = self.plain_start(family, 0.1);
            let (mut trace, mut rule) = (Trace::default(), own.rule(MaxSteps(self.steps(MOST_STEPS))));
            let begin = OwnBegin { target: self.target, family, start, streams: self.streams };
            let (solution, stop) = algorithm(begin, &mut *rule, &mut Both { trace: &mut trace, observer })?;
            return Ok(Run { solution, stop, trace, picks: Picks::default() });
        }
        if let (OptimizerChoice::NaturalGradient, Some(sparse)) = (self.plan.optimizer, family.sparse()) {
            return self.sparse(sparse, &mut *own.rule(MaxSteps(self.steps(SPARSE_STEPS))), observer);
        }
        if self.plan.optimizer == OptimizerChoice::NaturalGradient {
            let mut rule = own.rule(MaxSteps(self.steps(NATURAL_STEPS)));
            return self.natural_gradient(&mut *rule, observer);
        }
        if self.starts_flow(own) {
            return self.flow(own, observer);
        }
        let Some(explored) = self.explored() else {
            return self.climb(self.target, family, self.plain_start(family, 0.1), own, observer);
        };
        let at_mode = self.plan.family == FamilyChoice::Map;
        let centre = if at_mode { &explored.last } else { &explored.gaussian.mean };
        let scale = explored.gaussian.sd();
        if !family.rescale(&mut family.init(centre, 1.0), centre, &scale) {
            // One width for all latents, in the middle of theirs.
            let width = (scale.iter().map(|s| s.ln()).sum::<f64>() / scale.len().max(1) as f64).exp();
            let start = Solution { params: family.init(centre, width), theta: self.begin.theta.clone() };
            return self.climb(self.target, family, start, own, observer);
        }
        let start = Solution { params: family.init(&vec![0.0; centre.len()], 0.7), theta: Vec::new() };
        let mut run = self.climb(&InUnits::new(self.target, centre, &scale), family, start, own, observer)?;
        family.rescale(&mut run.solution.params, centre, &scale);
        Ok(run)
    }

    /// Runs the plan with the engine's family of integers.
    pub fn with_integers<F, O: Optimizer>(
        &self,
        family: &MixedFamily,
        own: &Own<F, O>,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError> {
        let centre = &self.begin.centres[self.number % self.begin.centres.len()];
        let start = Solution { params: family.init(centre, 0.1), theta: self.begin.theta.clone() };
        let candidates = self.candidates(|entry| entry.mixed(self.target.layout()))?;
        self.stochastic(self.target, family, &candidates, start, own, observer)
    }

    pub(super) fn steps(&self, default: u64) -> u64 {
        self.settings.steps.unwrap_or(default)
    }

    /// A start where no paths were followed: one of the two best plain centres, by turns.
    fn plain_start<F: Family>(&self, family: &F, width: f64) -> Solution {
        let centre = match self.begin.centres.is_empty() {
            true => self.explored().map_or(&[][..], |explored| &explored.gaussian.mean),
            false => &self.begin.centres[self.number % self.begin.centres.len().min(2)],
        };
        Solution { params: family.init(centre, width), theta: self.begin.theta.clone() }
    }

    /// The candidate this run starts from; none where no paths were followed.
    pub(super) fn explored(&self) -> Option<&Explored> {
        let turns = &self.begin.turns;
        self.begin.explored.get(*turns.get(self.number % turns.len().max(1))?)
    }

    /// Whether an earlier run starts where this one does.
    pub(super) fn shares_start(&self) -> bool {
        let Begin { turns, centres, .. } = self.begin;
        let plain = if has_integers(self.target.layout()) { centres.len() } else { centres.len().min(2) };
        self.number >= if turns.is_empty() { plain } else { turns.len() }
    }

    /// A full-rank Gaussian by the natural gradient, from the place that this run starts at.
    pub(super) fn natural_gradient(
        &self,
        rule: &mut dyn StoppingRule,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError> {
        let family = &FullRank::new(self.target.layout().num_latents);
        let explored =
            self.explored().ok_or_else(|| FitError::setting("start", "the natural gradient has no start"))?;
        let (gaussian, difference) = (&explored.gaussian, self.settings.difference);
        let start = FullRankStart::new(self.target, family, gaussian, self.streams, difference)?;
        let mut run = natural_gradient(self.target, self.plan, start.params, self.streams, rule, observer)?;
        run.trace.evaluations += start.evaluations;
        Ok(run)
    }

    /// A sparse Gaussian by the natural gradient, from one of the two best plain centres.
    fn sparse(
        &self,
        family: &SparseGaussian,
        rule: &mut dyn StoppingRule,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError> {
        let centre = &self.begin.centres[self.number % self.begin.centres.len().min(2)];
        let start = match self.stretch {
            SparseStretch::From(params) => params.to_vec(),
            _ => SparseNaturalGradient::<dyn Differentiable>::start_at(family, centre),
        };
        let is_start = matches!(self.stretch, SparseStretch::First);
        let (target, num_draws, streams) = (self.target, self.plan.num_draws, self.streams);
        let algorithm =
            SparseNaturalGradient { target, family, num_draws, start, tolerance: SPARSE_TOLERANCE, is_start, streams };
        let (mut state, mut trace) = (algorithm.init()?, Trace::default());
        let stop = crate::fit::run(&algorithm, &mut state, rule, &mut Both { trace: &mut trace, observer })?;
        Ok(Run { solution: algorithm.output(&state), stop, trace, picks: Picks::default() })
    }

    /// Fixed draws or stochastic steps, from `start`.
    fn climb<F: Family, O: Optimizer>(
        &self,
        target: &dyn Differentiable,
        family: &F,
        start: Solution,
        own: &Own<F, O>,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError> {
        #[cfg(feature = "argmin")]
        if is_deterministic(self.plan.optimizer) {
            let transform =
                family.reparam().ok_or_else(|| FitError::unsupported("family", no_transform(&family.name())))?;
            return self.fixed_draws(target, transform, start.params, observer);
        }
        let candidates = match &own.estimator {
            Some(estimator) => vec![(None, Box::new(&**estimator) as Box<dyn AnyEstimator<_, F>>)],
            None => self.candidates(|entry| self.by_name(entry))?,
        };
        self.stochastic(target, family, &candidates, start, own, observer)
    }

    /// A named estimator for a family that may have a transform.
    pub(super) fn by_name<'t, F: Family>(
        &self,
        entry: &EstimatorEntry,
    ) -> Result<Box<dyn AnyEstimator<dyn Differentiable + 't, F> + 't>, FitError> {
        let estimator = entry.real(self.target.layout(), self.plan.family)?;
        Ok(Box::new(ByTransform(estimator)))
    }

    /// Adam or another rule along the plan's estimator, or along the one that measurement chooses, stretch by stretch.
    pub(super) fn stochastic<'t, F: Family, G, O: Optimizer>(
        &self,
        target: &(dyn Differentiable + 't),
        family: &F,
        candidates: &[Candidate<dyn Differentiable + 't, F>],
        start: Solution,
        own: &Own<G, O>,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError> {
        let (average, tolerance) = (self.settings.stochastic.average, self.settings.stochastic.tolerance);
        // An average over much of the run is looked at itself; what forgets fast has the noise of the objective.
        let lasts = matches!(average, Average::Tail | Average::Polynomial { .. });
        let plateau = (!lasts).then(|| Plateau::new(500, tolerance));
        let is_tried = self.plan.family == FamilyChoice::Flow && self.settings.wishes.family == FamilyChoice::Auto;
        let most = if is_tried { STEPS_OF_FLOWS } else { MOST_STEPS };
        let mut rule = own.rule((MaxSteps(self.steps(most)), plateau));
        let level = (lasts && own.stop.is_none())
            .then(|| Level::new(target, family, self.settings.wishes.minibatch, tolerance, self.streams));
        let course = Course { target, family, candidates, start, level };
        match (&own.optimizer, self.settings.stochastic.clip) {
            (None, _) => self.follow(course, self.optimizer()?, &mut *rule, observer),
            (Some(inner), Some(clip)) => self.follow(course, checked(Clipped { inner, clip })?, &mut *rule, observer),
            (Some(inner), None) => self.follow(course, checked(inner)?, &mut *rule, observer),
        }
    }

    fn follow<T: LogDensity + ?Sized, F: Family, O: Optimizer>(
        &self,
        course: Course<T, F>,
        optimizer: O,
        rule: &mut dyn StoppingRule,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError> {
        let Course { target, family, candidates, start, mut level } = course;
        let measured = self.plan.estimator == EstimatorChoice::Auto;
        let mut algorithm = StochasticVi {
            target,
            family,
            estimator: &*candidates[0].1,
            optimizer,
            average: self.settings.stochastic.average,
            num_draws: self.plan.num_draws,
            minibatch: self.settings.wishes.minibatch,
            design: self.plan.design.design(),
            start,
            streams: self.streams,
        };
        let mut state = algorithm.init()?;
        let (mut trace, mut picks) = (Trace::default(), Picks::default());
        loop {
            if measured {
                let at = Solution { params: state.params().to_vec(), theta: state.theta().to_vec() };
                let streams = self.streams.purpose(PICKS).purpose(picks.words.len() as u32);
                let fixed = self.settings.wishes.draws;
                let found = pick(target, family, candidates, &at, self.plan.num_draws, fixed, streams)?;
                (algorithm.estimator, algorithm.num_draws) = (&*candidates[found.number].1, found.num_draws);
                trace.evaluations += found.evaluations;
                if let Some(entry) = candidates[found.number].0 {
                    picks.add(state.step(), entry.choice, found.num_draws);
                }
            }
            let mut both = Both { trace: &mut trace, observer };
            let mut stretch = Stretch::new(&mut both, measured && picks.words.len() < MOST_PICKS);
            let mut looked = 0;
            let stop = loop {
                stretch.look_at = level.as_ref().map(|level| level.next);
                let stop = crate::fit::run(&algorithm, &mut state, rule, &mut stretch)?;
                let over = matches!(stop, Stop::Budget { .. });
                let due = stretch.due && matches!(stop, Stop::Interrupted { .. });
                let Some(level) = level.as_mut().filter(|_| over || due) else { break stop };
                let evaluations = std::mem::take(&mut stretch.evaluations);
                let (arrived, taken) = level.look(state.step(), evaluations, algorithm.output(&state))?;
                looked += taken;
                match arrived {
                    Some(arrived) => break arrived,
                    None if over || stretch.changed => break stop,
                    None => {}
                }
            };
            let again = stretch.changed && matches!(stop, Stop::Interrupted { .. });
            trace.evaluations += looked;
            if !again {
                return Ok(Run { solution: algorithm.output(&state), stop, trace, picks });
            }
        }
    }

    fn optimizer(&self) -> Result<AnyOptimizer, FitError> {
        let rule: AnyOptimizer = self.plan.optimizer.name().parse().map_err(setting)?;
        let rule = match &self.settings.stochastic.schedule {
            Some(schedule) => rule.with_step_size(schedule.clone()),
            None if self.plan.family == FamilyChoice::Flow => rule.with_step_size(STEP_OF_FLOWS),
            None => rule,
        };
        checked(match self.settings.stochastic.clip {
            Some(clip) => rule.with_clip(clip),
            None => rule,
        })
    }

    /// The plan's estimator, or all that measurement may choose from, made by `make`.
    pub(super) fn candidates<E>(
        &self,
        make: impl Fn(&EstimatorEntry) -> Result<E, FitError>,
    ) -> Result<Vec<(Option<&'static EstimatorEntry>, E)>, FitError> {
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
        let found: Result<Vec<_>, _> = estimators().iter().filter(usable).map(|e| Ok((Some(e), make(e)?))).collect();
        match found {
            Ok(none) if none.is_empty() => {
                Err(FitError::unsupported("estimator", format!("no estimator is called {wish}")))
            }
            other => other,
        }
    }
}

/// A full-rank Gaussian by the natural gradient, from the parameters `start`.
pub(super) fn natural_gradient(
    target: &dyn Differentiable,
    plan: &Plan,
    start: Vec<f64>,
    streams: Streams,
    rule: &mut dyn StoppingRule,
    observer: &mut dyn Observer,
) -> Result<Run, FitError> {
    let family = &FullRank::new(target.layout().num_latents);
    let tolerance = NaturalGradient::<dyn Differentiable>::tolerance_for(family.dimension());
    let algorithm = NaturalGradient { target, family, num_draws: plan.num_draws, start, tolerance, streams };
    let (mut state, mut trace) = (algorithm.init()?, Trace::default());
    let stop = crate::fit::run(&algorithm, &mut state, rule, &mut Both { trace: &mut trace, observer })?;
    Ok(Run { solution: algorithm.output(&state), stop, trace, picks: Picks::default() })
}

/// What a stochastic run follows, and from where.
struct Course<'c, 't, T: ?Sized, F> {
    target: &'c T,
    family: &'c F,
    candidates: &'c [Candidate<'t, T, F>],
    start: Solution,
    /// Looks at the answer; none where the user's rule or the objective decides.
    level: Option<Level<'c, T, F>>,
}

fn setting(error: OptimizeError) -> FitError {
    FitError::setting("optimizer", error.to_string())
}

fn checked<O: Optimizer>(rule: O) -> Result<O, FitError> {
    rule.check().map_err(setting)?;
    Ok(rule)
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
