//! A study of a model by names: family, estimators and start chosen as a fit would.

use super::estimators::{EstimatorEntry, estimators};
use super::plan::{Plan, Wishes, decide};
use super::run::{Settings, mixed, reparameterised};
use super::start::{Begin, begin};
use super::units::InUnits;
use super::{EstimatorChoice, FamilyChoice, Mixed, OptimizerChoice};
use crate::algorithm::{FitError, Solution};
use crate::family::{Family, Reparam};
use crate::model::{Layout, Model};
use crate::streams::Streams;
use crate::study::{At, GradientStudy, StudyError, StudyObserver, StudyReport};
use crate::target::{Differentiable, LogDensity, Options, Target};

/// Compares the named gradient estimators on a model.
///
/// Family, start and units of each latent are those of a fit by Adam, so that what is measured is what a fit meets:
/// `init` is where it begins, gradients are in units of each latent where quasi-Newton paths found them.
/// A [`GradientStudy`] does the same for estimators, families and targets of your own.
///
/// ```
/// use jensen::automatic::Compare;
/// use jensen::prelude::*;
///
/// struct Coin;
///
/// impl Model for Coin {
///     fn log_joint(&self, p: &LogJoint) {
///         let odds = p.draw("odds", normal(0.0, 2.0));
///         p.observe(7.0, binomial_logit(10, odds));
///     }
/// }
///
/// let report = Compare::new(&Coin).draws([10]).repeats(200).run()?;
/// assert!(report.recommendation.estimator.is_some());
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
pub struct Compare<'a, M: ?Sized> {
    model: &'a M,
    family: FamilyChoice,
    estimators: Option<Vec<EstimatorChoice>>,
    num_draws: Vec<usize>,
    at: Vec<At>,
    repeats: usize,
    budget: u64,
    seed: u64,
    options: Options,
    observer: Option<&'a mut dyn StudyObserver>,
}

impl<'a, M: Model + ?Sized> Compare<'a, M> {
    /// Every estimator that the model allows, with 1, 10 and 100 draws, at init, middle and optimum.
    pub fn new(model: &'a M) -> Self {
        Compare {
            model,
            family: FamilyChoice::Auto,
            estimators: None,
            num_draws: vec![1, 10, 100],
            at: At::ALL.to_vec(),
            repeats: 500,
            budget: 20_000,
            seed: 0,
            options: Options::default(),
            observer: None,
        }
    }

    /// The variational family.
    #[must_use]
    pub fn family(mut self, family: FamilyChoice) -> Self {
        self.family = family;
        self
    }

    /// The estimators.
    #[must_use]
    pub fn estimators(mut self, estimators: impl IntoIterator<Item = EstimatorChoice>) -> Self {
        self.estimators = Some(estimators.into_iter().collect());
        self
    }

    /// Numbers of draws of a gradient.
    #[must_use]
    pub fn draws(mut self, num_draws: impl IntoIterator<Item = usize>) -> Self {
        self.num_draws = num_draws.into_iter().collect();
        self
    }

    /// Where gradients are taken.
    #[must_use]
    pub fn at(mut self, points: impl IntoIterator<Item = At>) -> Self {
        self.at = points.into_iter().collect();
        self
    }

    /// Gradients of each kind, 500 unless chosen.
    #[must_use]
    pub fn repeats(mut self, repeats: usize) -> Self {
        self.repeats = repeats;
        self
    }

    /// Density evaluations of each short fit (20,000 unless chosen); 0 for no fits.
    #[must_use]
    pub fn budget(mut self, evaluations: u64) -> Self {
        self.budget = evaluations;
        self
    }

    /// The seed of all randomness.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Threads; results do not depend on their number, times do.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.options.threads = threads;
        self
    }

    /// Sees the study at every gradient; breaking ends it with what is finished.
    #[must_use]
    pub fn observer(mut self, observer: &'a mut dyn StudyObserver) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Records the model and compares the estimators.
    ///
    /// # Errors
    /// When the model has a mistake, an estimator is not for this model or needs more draws than any asked for, or a
    /// setting makes no sense.
    pub fn run(mut self) -> Result<StudyReport, FitError> {
        let target = Target::with_options(self.model, self.options)?;
        let layout = target.layout();
        let wishes = Wishes {
            family: self.family,
            estimator: EstimatorChoice::Auto,
            optimizer: OptimizerChoice::Adam,
            ..Wishes::default()
        };
        let plan = decide(layout, wishes)?;
        if plan.family == FamilyChoice::Map {
            let words = "a point has no draws, so its gradient has no noise to compare; choose another family";
            return Err(FitError::Unsupported(words.into()));
        }
        let entries = self.entries(layout)?;
        let settings = Settings {
            wishes,
            steps: None,
            learning_rate: None,
            streams: Streams::new(self.seed),
            restarts: 1,
            point: None,
            difference: 1e-3,
        };
        let begin = begin(&target, &plan, &settings)?;
        let observer = self.observer.take();
        match layout.num_integers + layout.num_row_integers > 0 {
            true => self.with_integers(&target, &entries, &begin, observer),
            false => self.of_reals(&target, &plan, &entries, &begin, observer),
        }
    }

    /// The rows of the table that are compared.
    fn entries(&self, layout: &Layout) -> Result<Vec<&'static EstimatorEntry>, FitError> {
        let Some(chosen) = &self.estimators else {
            return Ok(estimators().iter().filter(|e| e.refusal(layout).is_none()).collect());
        };
        let most = self.num_draws.iter().copied().max().unwrap_or(0);
        let mut entries = Vec::new();
        for choice in chosen {
            let entry = choice.entry().ok_or_else(|| {
                FitError::Setting(format!(
                    "`{choice}` chooses an estimator and is none; leave it out of the comparison"
                ))
            })?;
            if let Some(words) = entry.refusal(layout) {
                return Err(FitError::Unsupported(words));
            }
            let least = entry.least_draws(layout);
            if most > 0 && most < least {
                let words = format!("{choice} needs at least {least} draws, not {most}; raise the number of draws");
                return Err(FitError::Setting(words));
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn of_reals(
        &self,
        target: &Target,
        plan: &Plan,
        entries: &[&EstimatorEntry],
        begin: &Begin,
        observer: Option<&mut dyn StudyObserver>,
    ) -> Result<StudyReport, FitError> {
        let family = reparameterised(target.layout(), plan.family)?;
        let theta = begin.theta.clone();
        let explored = begin.explored.first();
        let scale = explored.map_or(Vec::new(), |e| e.gaussian.sd());
        let inner = explored.map(|e| InUnits::new(target, &e.gaussian.mean, &scale));
        let (seen, params): (&dyn Differentiable, _) = match &inner {
            Some(inner) => (inner, family.init(&vec![0.0; scale.len()], 0.7)),
            None => (target, family.init(&begin.centres[0], 0.1)),
        };
        let mut study = GradientStudy::<dyn Differentiable, dyn Reparam>::new(seen, &*family);
        for entry in entries {
            study = study.estimator(entry.choice.name(), entry.real()?);
        }
        let reference = reference(target.layout())?;
        study = study.reference(reference.choice.name(), reference.real()?);
        self.finish(study, Solution { params, theta }, observer)
    }

    fn with_integers(
        &self,
        target: &Target,
        entries: &[&EstimatorEntry],
        begin: &Begin,
        observer: Option<&mut dyn StudyObserver>,
    ) -> Result<StudyReport, FitError> {
        let family = mixed(target.layout())?;
        let start = Solution { params: family.init(&begin.centres[0], 0.1), theta: begin.theta.clone() };
        let mut study = GradientStudy::<dyn Differentiable, Mixed>::new(target, &family);
        for entry in entries {
            study = study.estimator(entry.choice.name(), entry.mixed()?);
        }
        let reference = reference(target.layout())?;
        study = study.reference(reference.choice.name(), reference.mixed()?);
        self.finish(study, start, observer)
    }

    fn finish<T, F>(
        &self,
        study: GradientStudy<T, F>,
        start: Solution,
        observer: Option<&mut dyn StudyObserver>,
    ) -> Result<StudyReport, FitError>
    where
        T: LogDensity + ?Sized,
        F: Family + ?Sized,
    {
        let study = study.start(start).draws(self.num_draws.iter().copied()).at(self.at.iter().copied());
        let study = study.repeats(self.repeats).budget(self.budget).seed(self.seed);
        study.run_seen(observer).map_err(|error| match error {
            StudyError::Family(error) => FitError::Unsupported(error.to_string()),
            other => FitError::Setting(other.to_string()),
        })
    }
}

/// The unbiased estimator a long run of which the others are held against.
fn reference(layout: &Layout) -> Result<&'static EstimatorEntry, FitError> {
    let mut usable = estimators().iter().filter(|e| !e.biased && e.refusal(layout).is_none());
    usable.next().ok_or_else(|| FitError::Unsupported("no estimator is unbiased for this model".into()))
}
