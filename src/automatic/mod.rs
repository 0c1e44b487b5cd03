//! The automatic fit: a start, a family and an algorithm chosen for the model, each of them open to choice.

mod adapters;
mod around;
mod choices;
mod compare;
mod estimators;
mod families;
mod flips;
mod improper;
mod integers;
mod measured;
mod objectives;
mod plan;
mod restarts;
mod rounds;
mod run;
mod start;
mod units;

pub use choices::{DesignChoice, EstimatorChoice, FamilyChoice, OptimizerChoice, UnknownChoice};
pub use compare::Compare;
pub use estimators::{EstimatorEntry, Mixed, MixedEstimator, RealEstimator, estimators};
pub use families::family_of;
pub use plan::Plan;
pub use start::StartReport;

use crate::algorithm::{FitError, Minibatch, Solution};
use crate::family::Family;
use crate::fit::{Observer, Stop, Trace};
use crate::model::Model;
use crate::optimize::{Average, Clip, Schedule};
use crate::posterior::Posterior;
use crate::streams::Streams;
use crate::target::{Options, Precision, Target};

/// Fits `model` with defaults that need no tuning.
///
/// ```
/// use jensen::prelude::*;
///
/// /// x_i ~ N(mu, 1), mu ~ N(0, 10)
/// struct Mean { x: Column }
///
/// impl Model for Mean {
///     fn log_joint(&self, p: &LogJoint) {
///         let mu = p.draw("mu", normal(0.0, 10.0));
///         p.rows(self.x.len(), |i| i.observe(self.x.at(i), normal(mu, 1.0)));
///     }
/// }
///
/// let fitted = jensen::fit(&Mean { x: Column::new([1.0, 2.0, 3.0]) })?;
/// assert!(fitted.stop.has_converged());
/// // the table, the bound, k-hat and the verdict
/// let report = fitted.to_string();
/// assert!(report.contains("mu"));
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
///
/// # Errors
/// As [`Fit::run`].
pub fn fit(model: &(impl Model + ?Sized)) -> Result<Fitted, FitError> {
    Fit::new(model).run()
}

/// A fit with each choice open; what is not chosen is decided by the model, and [`Fitted::plan`] says how.
pub struct Fit<'a, M: ?Sized> {
    model: &'a M,
    wishes: plan::Wishes,
    steps: Option<u64>,
    stochastic: run::Stochastic,
    posterior_draws: Option<usize>,
    seed: u64,
    options: Options,
    restarts: Option<usize>,
    point: Option<Vec<f64>>,
    observer: Option<&'a mut dyn Observer>,
}

/// A finished fit: the posterior with its verdict, and how it came about.
///
/// It reads like its [`Posterior`]: `fitted.summary()`, `fitted.verdict()`, `println!("{fitted}")`.
pub struct Fitted {
    /// Fresh draws of the solution, the bound, and the verdict.
    pub posterior: Posterior,
    /// The recorded model.
    pub target: Target,
    /// The family of the solution.
    pub family: Box<dyn Family>,
    /// Parameters of q, and of the model.
    pub solution: Solution,
    /// Why the chosen run ended.
    pub stop: Stop,
    /// The objective along the chosen run.
    pub trace: Trace,
    /// Every run, each with randomness of its own; the solution is that of the best bound.
    pub restarts: Vec<Restart>,
    /// Which of the restarts the solution is.
    pub chosen: usize,
    /// What the search for a start found.
    pub start: StartReport,
    /// What was run, and why.
    pub plan: Plan,
    /// The streams everything was drawn from; use a purpose of your own for what comes after.
    pub streams: Streams,
    /// Density evaluations of the whole fit, one for each draw.
    pub evaluations: u64,
    /// Draws of the whole fit that had no finite density.
    pub rejected: u64,
}

/// One run of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Restart {
    /// Where it ended.
    pub solution: Solution,
    /// Why.
    pub stop: Stop,
    /// Its bound from fresh draws, shared by all restarts; NaN where no draw has a finite density.
    pub bound: f64,
    /// Standard error of the bound.
    pub bound_se: f64,
    /// Fresh draws without a finite density.
    pub rejected: usize,
    /// Log evidence by the same draws: of the part of the posterior that this run found.
    pub evidence: f64,
    /// Where each latent and integer outside of rows lies.
    place: Vec<restarts::Place>,
}

impl std::ops::Deref for Fitted {
    type Target = Posterior;

    fn deref(&self) -> &Posterior {
        &self.posterior
    }
}

impl std::fmt::Display for Fitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.posterior.fmt(f)
    }
}

impl std::fmt::Debug for Fitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("Fitted");
        out.field("target", &self.target).field("family", &self.family.name()).field("solution", &self.solution);
        out.field("stop", &self.stop)
            .field("restarts", &self.restarts)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl<'a, M: Model + ?Sized> Fit<'a, M> {
    /// Everything automatic, seed 0, one thread, double precision.
    pub fn new(model: &'a M) -> Self {
        Fit {
            model,
            wishes: plan::Wishes::default(),
            steps: None,
            stochastic: run::Stochastic::default(),
            posterior_draws: None,
            seed: 0,
            options: Options::default(),
            restarts: None,
            point: None,
            observer: None,
        }
    }

    /// The variational family.
    #[must_use]
    pub fn family(mut self, family: FamilyChoice) -> Self {
        self.wishes.family = family;
        self
    }

    /// The estimator of the gradient.
    #[must_use]
    pub fn estimator(mut self, estimator: EstimatorChoice) -> Self {
        self.wishes.estimator = estimator;
        self
    }

    /// How the noise of a step's draws is spread, for estimators that transform noise.
    #[must_use]
    pub fn design(mut self, design: DesignChoice) -> Self {
        self.wishes.design = design;
        self
    }

    /// The optimiser.
    #[must_use]
    pub fn optimizer(mut self, optimizer: OptimizerChoice) -> Self {
        self.wishes.optimizer = optimizer;
        self
    }

    /// Monte Carlo draws in a step.
    #[must_use]
    pub fn draws(mut self, num_draws: usize) -> Self {
        self.wishes.draws = Some(num_draws);
        self
    }

    /// Steps of one run at most.
    #[must_use]
    pub fn steps(mut self, steps: u64) -> Self {
        self.steps = Some(steps);
        self
    }

    /// First step size of a stochastic optimiser, in units of each latent where the start found them; it falls as
    /// `1 / sqrt(1 + step / 100)`.
    #[must_use]
    pub fn learning_rate(self, learning_rate: f64) -> Self {
        self.schedule(Schedule::inverse_sqrt(learning_rate, 100.0))
    }

    /// Step sizes of a stochastic optimiser along the run, in place of those that follow from a learning rate.
    #[must_use]
    pub fn schedule(mut self, schedule: impl Into<Schedule>) -> Self {
        self.stochastic.schedule = Some(schedule.into());
        self
    }

    /// Which iterates of a stochastic run make the answer; the mean of its tail if this is not called.
    #[must_use]
    pub fn average(mut self, average: Average) -> Self {
        self.stochastic.average = average;
        self
    }

    /// Rise of the bound between two windows, in nats, below which a stochastic run has levelled off; 0.01 if this is
    /// not called. The noise of the windows counts as well.
    #[must_use]
    pub fn tolerance(mut self, nats: f64) -> Self {
        self.stochastic.tolerance = nats;
        self
    }

    /// Fresh draws of q for the report and its verdict; 4000 if this is not called.
    #[must_use]
    pub fn posterior_draws(mut self, num_draws: usize) -> Self {
        self.posterior_draws = Some(num_draws);
        self
    }

    /// The seed of all randomness.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Threads; results do not depend on their number.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.options.threads = threads;
        self
    }

    /// Numbers the model is evaluated in.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.options.precision = precision;
        self
    }

    /// Rows of a step.
    #[must_use]
    pub fn minibatch(mut self, minibatch: Minibatch) -> Self {
        self.wishes.minibatch = minibatch;
        self
    }

    /// Clips the gradients of a stochastic optimiser, in units of each latent where the start found them; they are not
    /// clipped if this is not called. See [`Clipped`](crate::optimize::Clipped) for what a clip can do to the answer.
    #[must_use]
    pub fn clip(mut self, clip: Clip) -> Self {
        self.stochastic.clip = Some(clip);
        self
    }

    /// Independent runs, whose agreement is evidence; at least one. Unless chosen 2, and with integers of rows alone up to 6,
    /// until the two best bounds agree to a nat.
    #[must_use]
    pub fn restarts(mut self, restarts: usize) -> Self {
        self.restarts = Some(restarts.max(1));
        self
    }

    /// A point to start from: the unconstrained latents outside of rows.
    #[must_use]
    pub fn start(mut self, point: Vec<f64>) -> Self {
        self.point = Some(point);
        self
    }

    /// Sees every step of every run; breaking ends the fit with what was reached.
    #[must_use]
    pub fn observer(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Records the model and fits it.
    ///
    /// # Errors
    /// When the model has a mistake, the choices do not go together, the density is finite at no start or has no
    /// finite integral, or a run cannot go on.
    pub fn run(self) -> Result<Fitted, FitError> {
        let target = Target::with_options(self.model, self.options)?;
        let stochastic = &self.stochastic;
        if stochastic.schedule.is_some() || stochastic.clip.is_some() {
            let plan = plan::decide(crate::target::LogDensity::layout(&target), self.wishes)?;
            let setting = if stochastic.schedule.is_some() { "a learning rate" } else { "a clip" };
            plan::check_stochastic(setting, &plan)?;
            stochastic.schedule.iter().try_for_each(|schedule| plan::check_reach(&plan, schedule, self.steps))?;
        }
        let mut silent = ();
        let settings = run::Settings {
            wishes: self.wishes,
            steps: self.steps,
            stochastic: self.stochastic,
            posterior_draws: self.posterior_draws,
            streams: Streams::new(self.seed),
            restarts: self.restarts,
            point: self.point,
            difference: if self.options.precision == Precision::Single { 0.05 } else { 1e-3 },
        };
        let observer: &mut dyn Observer = match self.observer {
            Some(observer) => observer,
            None => &mut silent,
        };
        run::run(target, settings, observer)
    }
}
