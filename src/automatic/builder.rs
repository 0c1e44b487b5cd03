//! [`Fit`]: the one builder of fits.

use std::marker::PhantomData;

use super::by_value::{ByValue, Outcome, by_value, is_open};
use super::density::Density;
use super::parts::{
    self, EstimatorPart, EstimatorWish, FamilyPart, FamilyWish, OptimizerPart, OptimizerWish, Own, OwnAlgorithm,
};
use super::run::{Settings, run};
use super::summing::{Pace, sum_out};
use super::{DesignChoice, FamilyChoice, Fitted, IntegerChoice};
use crate::algorithm::{FitError, Minibatch};
use crate::family::{Family, Reparam};
use crate::fit::{Observer, StoppingRule};
use crate::model::{Layout, Model};
use crate::optimize::{AnyOptimizer, Average, Clip, Optimizer, Schedule};
use crate::streams::Streams;
use crate::target::{LogDensity, Options, Precision, Target};

/// A fit with each choice open; what is not chosen is decided by the model, and [`Fitted::plan`] says how.
///
/// Family, estimator and optimiser are chosen by name or given as values, the user's own ones alike; every fit gets a
/// start, restarts and a verdict.
///
/// ```
/// use jensen::prelude::*;
/// use jensen::{FamilyChoice, Fit};
///
/// let y = Column::new([2.1, 1.4, 2.8, 1.9]);
/// let mean = model(|p| {
///     let mu = p.draw("mu", normal(0.0, 5.0));
///     p.rows(4, |i| i.observe(y.at(i), normal(mu, 1.0)));
/// });
/// let fitted = Fit::new(&mean).family(FamilyChoice::MeanField).seed(3).run()?;
/// assert!((fitted.summary()[0].mean - 8.2 / 4.04).abs() < 0.05);
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
///
/// `T` is the density that an estimator is held against, `F` the family, `O` the optimiser; no program has to name them.
pub struct Fit<'a, T: ?Sized = Target, F = Box<dyn Reparam>, O = AnyOptimizer> {
    source: Source<'a>,
    family: FamilyWish<'a, F>,
    own: Own<'a, F, O>,
    settings: Settings,
    options: Options,
    observer: Option<&'a mut dyn Observer>,
    density: PhantomData<fn(&T)>,
}

/// Records a model, in the coordinates of a layout where one is given.
type Record<'a> = dyn Fn(Options, Option<&Layout>) -> Result<Target, FitError> + 'a;

/// Where the density comes from.
enum Source<'a> {
    Model(Box<Record<'a>>),
    Density(&'a dyn LogDensity),
}

impl<'a> Fit<'a> {
    /// A fit of a model with everything automatic, seed 0, one thread, double precision.
    pub fn new<M: Model + ?Sized>(model: &'a M) -> Self {
        Fit::from(Source::Model(Box::new(move |options, coordinates| {
            Ok(match coordinates {
                None => Target::with_options(model, options)?,
                Some(layout) => Target::in_coordinates(model, options, layout)?,
            })
        })))
    }
}

impl<'a, T: LogDensity> Fit<'a, T> {
    /// A fit of a density from elsewhere: with a hand-written gradient, of values alone, or a recorded target.
    ///
    /// A density whose [`LogDensity::differentiable`] shows no gradient is fitted from its values.
    ///
    /// ```
    /// use jensen::Fit;
    /// use jensen::target::HandWritten;
    ///
    /// let density = HandWritten::new(&["x"], |z, grad| {
    ///     grad[0] = 3.0 - z[0];
    ///     -0.5 * (z[0] - 3.0).powi(2)
    /// });
    /// let fitted = Fit::of(&density).run()?;
    /// assert!((fitted.summary()[0].mean - 3.0).abs() < 0.05);
    /// # Ok::<(), jensen::algorithm::FitError>(())
    /// ```
    pub fn of(density: &'a T) -> Self {
        Fit::from(Source::Density(density))
    }
}

impl<'a, T: ?Sized> Fit<'a, T> {
    fn from(source: Source<'a>) -> Self {
        Fit {
            source,
            family: FamilyChoice::Auto.wish(),
            own: Own { estimator: None, optimizer: None, algorithm: None, stop: None },
            settings: Settings::default(),
            options: Options::default(),
            observer: None,
            density: PhantomData,
        }
    }
}

impl<'a, T: ?Sized, F: Family + 'static, O: Optimizer> Fit<'a, T, F, O> {
    /// The variational family: a [`FamilyChoice`], a [`Family`], or a reference to a [`Guide`](crate::family::Guide).
    ///
    /// Choose it before an estimator or algorithm of your own, which are for one family: a fit where one was given
    /// before the family is refused.
    #[must_use]
    pub fn family<How, P: FamilyPart<'a, How>>(self, family: P) -> Fit<'a, T, P::Family, O> {
        let family = family.wish();
        let mut settings = self.settings;
        settings.has_own_family = matches!(family, FamilyWish::Own(_));
        settings.wishes.family = match family {
            FamilyWish::Named(choice, _) => choice,
            FamilyWish::Own(_) => FamilyChoice::Auto,
        };
        let given =
            (settings.own.estimator.take().map(|_| "estimator"), settings.own.algorithm.take().map(|_| "algorithm"));
        settings.before_family = given.0.or(given.1).or(settings.before_family);
        let own = Own { estimator: None, algorithm: None, optimizer: self.own.optimizer, stop: self.own.stop };
        Fit {
            source: self.source,
            family,
            own,
            settings,
            options: self.options,
            observer: self.observer,
            density: PhantomData,
        }
    }

    /// What becomes of integer latents: summed out where that is affordable if this is not called.
    ///
    /// Summed out, `log p(x, z) = ln sum_k p(x, z, k)`, q is of the other latents alone, and the integers are drawn given
    /// those for table, files and predictions. It is as if the model were written without them.
    #[must_use]
    pub fn integers(mut self, integers: IntegerChoice) -> Self {
        self.settings.wishes.integers = integers;
        self
    }

    /// The estimator of the gradient: an [`EstimatorChoice`](super::EstimatorChoice), or a
    /// [`GradientEstimator`](crate::estimate::GradientEstimator) for the family of the fit.
    #[must_use]
    pub fn estimator<How>(mut self, estimator: impl EstimatorPart<'a, T, F, How>) -> Self {
        self.settings.before_family = None;
        match estimator.wish() {
            EstimatorWish::Named(choice) => self.settings.wishes.estimator = choice,
            EstimatorWish::Own(name, estimator) => {
                self.settings.own.estimator = Some(name);
                self.own.estimator = Some(estimator);
            }
        }
        self
    }

    /// The optimiser: an [`OptimizerChoice`](super::OptimizerChoice), or an [`Optimizer`], which then has its own step sizes.
    #[must_use]
    pub fn optimizer<How, P: OptimizerPart<How>>(mut self, optimizer: P) -> Fit<'a, T, F, P::Rule> {
        let mut rule = None;
        match optimizer.wish() {
            OptimizerWish::Named(choice) => {
                (self.settings.wishes.optimizer, self.settings.own.optimizer) = (choice, None)
            }
            OptimizerWish::Own(name, own) => (rule, self.settings.own.optimizer) = (Some(own), Some(name)),
        }
        let Own { estimator, algorithm, stop, .. } = self.own;
        Fit {
            source: self.source,
            family: self.family,
            own: Own { estimator, algorithm, stop, optimizer: rule },
            settings: self.settings,
            options: self.options,
            observer: self.observer,
            density: PhantomData,
        }
    }

    /// An algorithm of your own, made afresh for each run, in the place of estimator and optimiser.
    #[must_use]
    pub fn algorithm(mut self, algorithm: impl OwnAlgorithm<F> + 'a) -> Self {
        self.settings.own.algorithm = Some(parts::name_of_value(&algorithm));
        self.own.algorithm = Some(parts::driver(algorithm));
        self.settings.before_family = None;
        self
    }

    /// When a run ends, in the place of the engine's rule; each run starts from a copy of it.
    ///
    /// Fits with fixed draws end where their solver does.
    #[must_use]
    pub fn stop(mut self, rule: impl StoppingRule + Clone + 'a) -> Self {
        self.own.stop = Some(Box::new(move || Box::new(rule.clone())));
        self
    }

    /// How the noise of a step's draws is spread, for estimators that transform noise.
    #[must_use]
    pub fn design(mut self, design: DesignChoice) -> Self {
        self.settings.wishes.design = design;
        self
    }

    /// Monte Carlo draws in a step.
    #[must_use]
    pub fn draws(mut self, num_draws: usize) -> Self {
        self.settings.wishes.draws = Some(num_draws);
        self
    }

    /// Steps of one run at most.
    #[must_use]
    pub fn steps(mut self, steps: u64) -> Self {
        self.settings.steps = Some(steps);
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
        self.settings.stochastic.schedule = Some(schedule.into());
        self
    }

    /// Which iterates of a stochastic run make the answer; the mean of its tail if this is not called.
    #[must_use]
    pub fn average(mut self, average: Average) -> Self {
        self.settings.stochastic.average = average;
        self
    }

    /// Gain of the bound over half as many steps again, in nats, up to which a stochastic run has levelled off; 0.01 if this
    /// is not called. Its standard error counts as well, and has to be as small, or at most 0.01.
    #[must_use]
    pub fn tolerance(mut self, nats: f64) -> Self {
        self.settings.stochastic.tolerance = nats;
        self
    }

    /// Exactly so many fresh draws for the report and its verdict; as many as its errors ask for, 64,000 at most, if this is not
    /// called ([`Assessment::new`](crate::posterior::Assessment::new)).
    #[must_use]
    pub fn posterior_draws(mut self, num_draws: usize) -> Self {
        self.settings.posterior_draws = Some(num_draws);
        self
    }

    /// The seed of all randomness.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.streams = Streams::new(seed);
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
        self.settings.wishes.minibatch = minibatch;
        self
    }

    /// Clips the gradients of a stochastic optimiser, in units of each latent where the start found them; they are not
    /// clipped if this is not called. See [`Clipped`](crate::optimize::Clipped) for what a clip can do to the answer.
    #[must_use]
    pub fn clip(mut self, clip: Clip) -> Self {
        self.settings.stochastic.clip = Some(clip);
        self
    }

    /// Independent runs, whose agreement is evidence; at least one. Unless chosen 2, up to 4 where several modes have
    /// comparable bounds, and with integers of rows alone up to 6, until the two best bounds agree to a nat.
    #[must_use]
    pub fn restarts(mut self, restarts: usize) -> Self {
        self.settings.restarts = Some(restarts.max(1));
        self
    }

    /// A point to start from: the unconstrained latents outside of rows.
    #[must_use]
    pub fn start(mut self, point: Vec<f64>) -> Self {
        self.settings.point = Some(point);
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
        let mut settings = self.settings;
        if self.options.precision == Precision::Single {
            settings.difference = 0.05;
        }
        let mut silent = ();
        let observer: &mut dyn Observer = match self.observer {
            Some(observer) => observer,
            None => &mut silent,
        };
        let of_source = |pace| density_of(&self.source, self.options, &settings, pace);
        let is_open = is_open(&settings) && self.own.stop.is_none();
        let (mut density, mut integers_in_q) = of_source(if is_open { Pace::OneByOne } else { Pace::AllAtOnce })?;
        let mut tried = Outcome::default();
        if is_open && sums_outside(&density) {
            tried = by_value(density.differentiable(), &settings, observer)?;
            let is_trusted = tried.found.as_ref().is_some_and(ByValue::is_trusted);
            let mut found = tried.found.take_if(|_| is_trusted);
            if !is_trusted {
                let all_at_once = of_source(Pace::AllAtOnce)?;
                // Of values that are too many for other runs it is the answer whatever its verdict.
                found = tried.found.take_if(|_| !sums_outside(&all_at_once.0));
                if found.is_none() {
                    (density, integers_in_q) = all_at_once;
                }
            }
            if let Some(found) = found {
                let mut fitted = found.into_fitted(density, &settings);
                fitted.plan.integers_in_q = integers_in_q;
                return Ok(fitted);
            }
        }
        let mut fitted = run(density, self.family, &self.own, &settings, tried, observer)?;
        fitted.plan.integers_in_q = integers_in_q;
        Ok(fitted)
    }
}

/// The density of a fit with the integers summed out that shall be, and why others are not.
fn density_of<'s>(
    source: &'s Source,
    options: Options,
    settings: &Settings,
    pace: Pace,
) -> Result<(Density<'s>, Option<String>), FitError> {
    match source {
        Source::Model(record) => {
            let mut target = Box::new(record(options, None)?);
            let why = sum_out(&mut target, settings, pace)?;
            Ok((Density::Recorded(target, Box::new(move |layout| record(options, Some(layout)))), why))
        }
        Source::Density(density) => Ok((Density::of(*density), None)),
    }
}

/// Whether integers outside of rows are summed out.
fn sums_outside(density: &Density) -> bool {
    density.differentiable().summed().is_some_and(|target| target.at_states().next().is_some())
}
