//! A flow on the axes of a fitted Gaussian: what is climbed to where a Gaussian is not enough.

use super::estimators::has_integers;
use super::job::{Job, NATURAL_STEPS, Run};
use super::parts::Own;
use super::plan::Plan;
use super::restarts::compared;
use super::units::InUnits;
use super::{DesignChoice, EstimatorChoice, FamilyChoice, OptimizerChoice, Restart};
use crate::algorithm::{FitError, Minibatch, NaturalGradient, Solution};
use crate::diagnose::verdict::Trust;
use crate::family::{Affine, Family, Flow, FullRank, TracedFamily};
use crate::fit::{MaxSteps, Observer, Stop, Trace};
use crate::optimize::Optimizer;
use crate::posterior::{Assessment, Posterior};
use crate::target::{LogDensity, Target};

/// Layers and hidden units, step size of Adam on whitened axes, and draws of a step.
///
/// Chosen on five hierarchies and a curved tail of a differential equation, in a prototype of the same flow; checked on other
/// models in docs/notebook/verdicts.md.
const LAYERS: usize = 6;
const HIDDEN: usize = 32;
pub(super) const STEP_SIZE: f64 = 3e-3;
pub(super) const DRAWS: usize = 32;

/// Steps of a flow that was not asked for: of the prototype's, most were right after 1,000 and all that became so after 3,000.
pub(super) const STEPS: u64 = 4000;

/// Latents up to which a flow is tried where it was not asked for: some ten seconds for 24, and a time that grows with their
/// square. A limit on time alone; no more than 24 were tried.
const MOST_LATENTS: usize = 50;

/// Errors of a difference of bounds by which it must rise.
const ERRORS: f64 = 2.0;

/// The flow of a density: RealNVP, or planar layers where there is one latent, which has no half that could move the other.
pub(super) fn flow_of(target: &dyn LogDensity) -> Result<Affine<TracedFamily>, FitError> {
    let layout = target.layout();
    let flow = if layout.num_latents > 1 { Flow::real_nvp(LAYERS, HIDDEN) } else { Flow::planar(LAYERS) };
    Ok(Affine::new(flow.family(layout)?, layout.num_latents))
}

/// A flow that was kept.
pub(super) struct Flowed {
    pub plan: Plan,
    pub family: Affine<TracedFamily>,
    pub restart: Restart,
    pub trace: Trace,
    pub posterior: Posterior,
}

/// What came of trying a flow.
pub(super) struct Outcome {
    pub kept: Option<Box<Flowed>>,
    pub words: String,
    pub evaluations: u64,
    /// Draws that the model rejected.
    pub rejected: u64,
}

impl Job<'_> {
    /// Whether the fit that was asked for is a flow's, and a Gaussian can be found to start from.
    pub(super) fn starts_flow<F, O: Optimizer>(&self, own: &Own<F, O>) -> bool {
        self.plan.family == FamilyChoice::Flow
            && own.estimator.is_none()
            && self.settings.wishes.minibatch == Minibatch::Full
            && self.explored().is_some()
    }

    /// The natural gradient of a Gaussian, and from there the flow.
    pub(super) fn flow<F, O: Optimizer>(&self, own: &Own<F, O>, observer: &mut dyn Observer) -> Result<Run, FitError> {
        let d = self.target.layout().num_latents;
        let num_draws = NaturalGradient::<Target>::draws_for(d);
        let plan = Plan { num_draws, ..self.plan.clone() };
        let gaussian = Job { plan: &plan, ..*self }.natural_gradient(&mut MaxSteps(NATURAL_STEPS), observer)?;
        if matches!(gaussian.stop, Stop::Interrupted { .. } | Stop::Time { .. }) {
            let params = flow_of(self.target)?.params_on(&gaussian.solution.params);
            return Ok(Run { solution: Solution { params, ..gaussian.solution }, ..gaussian });
        }
        let mut run = self.flow_from(&flow_of(self.target)?, &gaussian.solution, own, observer)?;
        run.trace.evaluations += gaussian.trace.evaluations;
        run.trace.rejected += gaussian.trace.rejected;
        Ok(run)
    }

    /// The flow on the axes of a Gaussian that was found.
    fn flow_from<F, O: Optimizer>(
        &self,
        flow: &Affine<TracedFamily>,
        gaussian: &Solution,
        own: &Own<F, O>,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError> {
        let frame = FullRank::new(self.target.layout().num_latents);
        let in_axes = InUnits::on_axes(self.target, &frame, &gaussian.params);
        let inner = flow.inner();
        let start = Solution { params: inner.init(&[], 1.0), theta: gaussian.theta.clone() };
        let candidates = self.candidates(|entry| self.by_name::<TracedFamily>(entry))?;
        let mut run = self.stochastic(&in_axes, inner, &candidates, start, own, observer)?;
        run.solution.params.extend_from_slice(&gaussian.params);
        Ok(run)
    }

    /// Fits a flow on the axes of the Gaussian `from` where what is best so far left doubts, and keeps it where the bound is above
    /// that one's by more than two errors of the difference and the verdict is no worse.
    ///
    /// # Errors
    /// When the density cannot be evaluated; a flow that cannot go on ends the attempt, and is told in words.
    pub(super) fn try_flow<F, O: Optimizer>(
        &self,
        own: &Own<F, O>,
        from: &Restart,
        assessed: (&Posterior, &Assessment),
        observer: &mut dyn Observer,
    ) -> Result<Option<Outcome>, FitError> {
        let (posterior, assessment) = assessed;
        if !self.wants_flow(from, posterior) {
            return Ok(None);
        }
        let mut plan = Plan {
            family: FamilyChoice::Flow,
            optimizer: OptimizerChoice::Adam,
            estimator: EstimatorChoice::StickingTheLanding,
            design: DesignChoice::Independent,
            num_draws: DRAWS,
            ..self.plan.clone()
        };
        plan.reasons.push(format!("{}: a Gaussian was not enough", FamilyChoice::Flow));
        let (job, family) = (Job { plan: &plan, ..*self }, flow_of(self.target)?);
        let run = match job.flow_from(&family, &from.solution, own, observer) {
            Ok(run) => run,
            Err(error @ (FitError::NotFinite { .. } | FitError::Solver { .. })) => {
                return Ok(Some(Outcome { kept: None, words: error.to_string(), evaluations: 0, rejected: 0 }));
            }
            Err(error) => return Err(error),
        };
        let Run { solution, stop, trace, .. } = run;
        let (mut evaluations, rejected) = (trace.evaluations, trace.rejected);
        let (restart, taken) = compared(self.target, &family, solution, stop, false, self.settings.streams)?;
        evaluations += taken;
        let best = posterior.bound().elbo;
        let words = |verdict: &str| {
            let Restart { bound, bound_se, .. } = restart;
            format!("bound {:.2} to {bound:.2} ({bound_se:.2}), {verdict}", best.value)
        };
        if restart.bound - best.value <= ERRORS * restart.bound_se.hypot(best.mcse) || restart.bound.is_nan() {
            return Ok(Some(Outcome { kept: None, words: words("not kept"), evaluations, rejected }));
        }
        let assessment = Assessment { stop: &restart.stop, trace: Some(&trace), second: None, ..assessment.clone() };
        let new = Posterior::assess(self.target, &family, &restart.solution, &assessment)?;
        evaluations += new.num_evaluations();
        if new.verdict().trust > posterior.verdict().trust {
            let words = words("not kept: its draws say less of the posterior");
            return Ok(Some(Outcome { kept: None, words, evaluations, rejected }));
        }
        let words = words("kept");
        let flowed = Flowed { plan: plan.clone(), family, restart, trace, posterior: new };
        Ok(Some(Outcome { kept: Some(Box::new(flowed)), words, evaluations, rejected }))
    }

    fn wants_flow(&self, from: &Restart, posterior: &Posterior) -> bool {
        let (layout, Plan { family, optimizer, own, .. }) = (self.target.layout(), self.plan);
        let is_plain = *family == FamilyChoice::FullRank
            && *optimizer == OptimizerChoice::NaturalGradient
            && *own == super::own::OwnNames::default()
            && self.settings.wishes.family == FamilyChoice::Auto
            && self.settings.steps.is_none();
        is_plain
            && !has_integers(layout)
            && from.solution.theta.is_empty()
            && (2..=MOST_LATENTS).contains(&layout.num_latents)
            && !matches!(from.stop, Stop::Interrupted { .. } | Stop::Time { .. })
            && posterior.verdict().trust != Trust::Trust
    }
}
