//! A study of a model by names: family, estimators and start chosen as a fit would.

use super::adapters::{OfIntegers, Spread};
use super::estimators::{EstimatorEntry, estimators, has_integers};
use super::families::{mixed, reparameterised};
use super::integers::Sizes;
use super::plan::{Plan, Wishes, decide};
use super::run::Settings;
use super::start::{Begin, begin};
use super::units::InUnits;
use super::{DesignChoice, EstimatorChoice, FamilyChoice, Mixed, OptimizerChoice};
use crate::algorithm::{FitError, Solution};
use crate::estimate::{Design, Enumerate, GradientEstimator, Point, Space};
use crate::family::{Family, Reparam};
use crate::model::{Layout, Model, RowSet};
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
    designs: Vec<DesignChoice>,
    estimators: Option<Vec<EstimatorChoice>>,
    num_draws: Option<Vec<usize>>,
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
            designs: vec![DesignChoice::Independent],
            estimators: None,
            num_draws: None,
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

    /// Ways to spread the noise of the draws: each estimator that allows several is compared in each of them.
    #[must_use]
    pub fn designs(mut self, designs: impl IntoIterator<Item = DesignChoice>) -> Self {
        self.designs = designs.into_iter().collect();
        self
    }

    /// The estimators.
    #[must_use]
    pub fn estimators(mut self, estimators: impl IntoIterator<Item = EstimatorChoice>) -> Self {
        self.estimators = Some(estimators.into_iter().collect());
        self
    }

    /// Numbers of draws of a gradient: 1, 10 and 100 unless chosen, without 100 where integers have many values.
    #[must_use]
    pub fn draws(mut self, num_draws: impl IntoIterator<Item = usize>) -> Self {
        self.num_draws = Some(num_draws.into_iter().collect());
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
            estimator: self.strictest(),
            optimizer: OptimizerChoice::Adam,
            ..Wishes::default()
        };
        let plan = decide(layout, wishes)?;
        if plan.family == FamilyChoice::Map {
            let words = "a point has no draws, so its gradient has no noise to compare; choose another family";
            return Err(FitError::Unsupported(words.into()));
        }
        let entries = self.entries(&target, plan.family)?;
        let settings = Settings {
            wishes,
            steps: None,
            stochastic: super::run::Stochastic::default(),
            posterior_draws: None,
            streams: Streams::new(self.seed),
            restarts: Some(1),
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

    /// The numbers of draws, by the values of the integers where none were chosen: a reference run of many draws at
    /// every joint value would take minutes.
    fn draws_for(&self, layout: &Layout) -> Vec<usize> {
        let few = Sizes::of(layout).num_lanes() <= MOST_LANES;
        self.num_draws.clone().unwrap_or_else(|| if few { vec![1, 10, 100] } else { vec![1, 10] })
    }

    /// The rows of the table that are compared.
    fn entries(&self, target: &Target, family: FamilyChoice) -> Result<Vec<&'static EstimatorEntry>, FitError> {
        let layout = target.layout();
        if self.designs.is_empty() {
            return Err(FitError::Setting("a comparison needs at least one design".into()));
        }
        let Some(chosen) = &self.estimators else {
            let usable = |e: &&EstimatorEntry| {
                e.is_affordable(layout)
                    && !e.biased
                    && e.refusal(layout, family).is_none()
                    && self.spreads(e)
                    && !(e.relaxes && target.relaxed().is_err())
            };
            return Ok(estimators().iter().filter(usable).collect());
        };
        let most = self.draws_for(layout).into_iter().max().unwrap_or(0);
        let mut entries = Vec::new();
        for choice in chosen {
            let entry = choice.entry().ok_or_else(|| {
                FitError::Setting(format!(
                    "`{choice}` chooses an estimator and is none; leave it out of the comparison"
                ))
            })?;
            if let Some(words) = entry.refusal(layout, family) {
                return Err(FitError::Unsupported(words));
            }
            if let Some(error) = target.relaxed().err().filter(|_| entry.relaxes) {
                return Err(FitError::Unsupported(format!("{choice}: {}", error.0)));
            }
            if !self.spreads(entry) {
                let words = format!("{choice} needs independent draws; compare it in the independent design too");
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
        let layout = target.layout();
        for (name, entry, design) in self.named(entries) {
            study = study.estimator(&name, Spread { estimator: entry.real(layout, plan.family)?, design });
        }
        let reference = reference(layout, plan.family, most(&self.draws_for(layout)))?;
        study = study.reference(reference.choice.name(), reference.real(layout, plan.family)?);
        self.finish(study, &self.draws_for(layout), Solution { params, theta }, observer)
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
        let layout = target.layout();
        for (name, entry, design) in self.named(entries) {
            study = study.estimator(&name, Spread { estimator: entry.mixed(layout)?, design });
        }
        let sizes = Sizes::of(layout);
        if sizes.are_alone && sizes.are_enumerable() {
            let (guide, _, _) = sizes.rule();
            if let Some(entry) = guide.entry() {
                study = study.guide(guide.name(), entry.mixed(layout)?);
            }
            study = study.exact(|at| enumerated(target, &family, at));
        } else {
            let reference = reference(layout, FamilyChoice::MeanField, most(&self.draws_for(layout)))?;
            study = study.reference(reference.choice.name(), reference.mixed(layout)?);
        }
        self.finish(study, &self.draws_for(layout), start, observer)
    }

    /// The estimator that leaves the least choice of family.
    fn strictest(&self) -> EstimatorChoice {
        let entries = self.estimators.iter().flatten().filter_map(|choice| choice.entry());
        let of_few = entries.filter(|e| !e.families.is_empty()).min_by_key(|e| e.families.len());
        of_few.map_or(EstimatorChoice::Rule, |e| e.choice)
    }

    /// Whether an estimator can be compared in one of the designs.
    fn spreads(&self, entry: &EstimatorEntry) -> bool {
        entry.has_designs() || self.designs.contains(&DesignChoice::Independent)
    }

    /// The estimators, each in each design that it allows, with a name of its own.
    fn named<'e>(&self, entries: &[&'e EstimatorEntry]) -> Vec<(String, &'e EstimatorEntry, Design)> {
        let independent = DesignChoice::Independent;
        let each = |entry: &'e EstimatorEntry| {
            let allowed = self.designs.iter().filter(move |d| entry.has_designs() || **d == independent);
            allowed.map(move |d| match *d == independent {
                true => (entry.choice.name().to_string(), entry, d.design()),
                false => (format!("{} {d}", entry.choice), entry, d.design()),
            })
        };
        entries.iter().flat_map(|entry| each(entry)).collect()
    }

    fn finish<T, F>(
        &self,
        study: GradientStudy<T, F>,
        num_draws: &[usize],
        start: Solution,
        observer: Option<&mut dyn StudyObserver>,
    ) -> Result<StudyReport, FitError>
    where
        T: LogDensity + ?Sized,
        F: Family + ?Sized,
    {
        let study = study.start(start).draws(num_draws.iter().copied()).at(self.at.iter().copied());
        let study = study.repeats(self.repeats).budget(self.budget).seed(self.seed);
        study.run_seen(observer).map_err(|error| match error {
            StudyError::Family(error) => FitError::Unsupported(error.to_string()),
            other => FitError::Setting(other.to_string()),
        })
    }
}

/// The unbiased estimator a long run of which the others are held against: of integers, every joint value where these
/// are few, or one at a time summed out.
fn reference(layout: &Layout, family: FamilyChoice, most_draws: usize) -> Result<&'static EstimatorEntry, FitError> {
    let first = match Sizes::of(layout) {
        _ if !has_integers(layout) => None,
        sizes if sizes.are_few() && most_draws <= MOST_ENUMERATED => Some(EstimatorChoice::Enumerate),
        sizes if sizes.rule().0 == EstimatorChoice::StickingTheLanding => None,
        _ => Some(EstimatorChoice::LocalExpectation),
    };
    let mut usable = first.iter().filter_map(|choice| choice.entry()).chain(estimators());
    let found = usable.find(|e| !e.biased && e.refusal(layout, family).is_none());
    found.ok_or_else(|| FitError::Unsupported("no estimator is unbiased for this model".into()))
}

/// Values of integers in all, less one each, up to which 100 draws are compared by default.
const MOST_LANES: usize = 32;

/// Draws of a gradient up to which a long run, of four times as many, can evaluate every joint value of few integers.
const MOST_ENUMERATED: usize = 125;

fn most(num_draws: &[usize]) -> usize {
    num_draws.iter().copied().max().unwrap_or(1)
}

/// The gradient of integers alone, by their joint values; empty where it cannot be had, which the study reports.
fn enumerated(target: &Target, family: &Mixed, at: &Solution) -> Vec<f64> {
    let (rows, mut space, mut grad) = (RowSet::all(), Space::default(), vec![0.0; at.params.len()]);
    let (params, theta, streams) = (&at.params, &at.theta, Streams::new(0));
    let point = Point { params, theta, rows: &rows, streams, num_draws: 1, design: Design::Independent };
    match OfIntegers(Enumerate).estimate(target, family, &point, &mut space, &mut grad, &mut []) {
        Ok(_) => grad,
        Err(_) => Vec::new(),
    }
}
