//! A study of a model by names: family, estimators and start chosen as a fit would.

mod parts;
mod reference;

use super::adapters::Spread;
use super::estimators::{EstimatorEntry, estimators, has_integers};
use super::families::{mixed, reparameterised};
use super::integers::Sizes;
use super::own::OwnNames;
use super::plan::{Gradient, Plan, Wishes, decide};
use super::run::Settings;
use super::start::{Begin, begin};
use super::units::InUnits;
use super::{DesignChoice, EstimatorChoice, FamilyChoice, MixedFamily, OptimizerChoice};
use crate::algorithm::{FitError, Solution};
use crate::estimate::Design;
use crate::family::{Family, Reparam};
use crate::model::{Layout, Model};
use crate::streams::Streams;
use crate::study::{At, GradientStudy, Refused, StudyObserver, StudyReport};
use crate::target::{Differentiable, LogDensity, Options, Target};
use parts::{Chosen, Refusal, in_turn, parts};
use reference::{MOST_LANES, enumerated, most, reference};

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
    /// Every estimator of the ELBO that the model allows, with 1, 10 and 100 draws, at init, middle and optimum.
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

    /// Chooses which estimators are compared; without it, all of the ELBO that the model allows.
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

    /// Chooses the points of a fit at which gradients are taken.
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
    /// An estimator that was named and is not for this model, family, design or numbers of draws is reported in
    /// [`StudyReport::refused`] and the others are compared. Estimators of other objectives than the ELBO are compared among
    /// themselves, in a study of [`StudyReport::others`] for each objective and number of draws.
    ///
    /// # Errors
    /// When the model has a mistake, none of the estimators can be compared, or a setting makes no sense.
    pub fn run(mut self) -> Result<StudyReport, FitError> {
        let target = Target::with_options(self.model, self.options)?;
        let layout = target.layout();
        let (wishes, plan) = self.planned(layout)?;
        if plan.family == FamilyChoice::Map {
            let words = "a point has no draws, so its gradient has no noise to compare; choose another family";
            return Err(FitError::unsupported("family", words));
        }
        let chosen = self.entries(&target, plan.family)?;
        let settings = Settings { wishes, streams: Streams::new(self.seed), restarts: Some(1), ..Settings::default() };
        let begin = begin(&target, &plan, &settings)?;
        let observer = self.observer.take();
        let report = if has_integers(layout) {
            self.with_integers(&target, &chosen.entries, &begin, observer)
        } else {
            self.of_reals(&target, &plan, &chosen.entries, &begin, observer)
        };
        Ok(StudyReport { refused: chosen.refused, ..report? })
    }

    /// The plan of a fit by the estimator that leaves the least choice of family; where the family refuses that one, by
    /// the rule.
    fn planned(&self, layout: &Layout) -> Result<(Wishes, Plan), FitError> {
        let with = |estimator| Wishes {
            family: self.family,
            estimator,
            optimizer: OptimizerChoice::Adam,
            ..Wishes::default()
        };
        let wishes = with(self.strictest(layout));
        let plan_of = |wishes| decide(layout, None, wishes, &OwnNames::default(), Gradient::There);
        match plan_of(wishes) {
            Ok(plan) => Ok((wishes, plan)),
            Err(_) => Ok((with(EstimatorChoice::Rule), plan_of(with(EstimatorChoice::Rule))?)),
        }
    }

    /// The numbers of draws, by the values of the integers where none were chosen: a reference run of many draws at
    /// every joint value would take minutes.
    fn draws_for(&self, layout: &Layout) -> Vec<usize> {
        let few = Sizes::of(layout).num_lanes() <= MOST_LANES;
        self.num_draws.clone().unwrap_or_else(|| if few { vec![1, 10, 100] } else { vec![1, 10] })
    }

    /// The rows of the table that are compared, and why others are not.
    fn entries(&self, target: &Target, family: FamilyChoice) -> Result<Chosen, FitError> {
        let layout = target.layout();
        if self.designs.is_empty() {
            return Err(FitError::setting("designs", "a comparison needs at least one design"));
        }
        let Some(named) = &self.estimators else {
            let usable = |e: &&EstimatorEntry| {
                let suits = e.is_affordable(layout) && !e.biased && e.kind.is_none();
                suits && self.refusal(e, target, family).is_none_or(|r| r.of_draws)
            };
            return Ok(Chosen { entries: estimators().iter().filter(usable).collect(), refused: Vec::new() });
        };
        let mut chosen = Chosen::default();
        for choice in named {
            let entry = choice.entry().ok_or_else(|| {
                FitError::setting(
                    "estimators",
                    format!("`{choice}` chooses an estimator and is none; leave it out of the comparison"),
                )
            })?;
            match self.refusal(entry, target, family) {
                None => {
                    chosen.entries.push(entry);
                    chosen.refused.extend(self.too_few(entry, layout));
                }
                Some(Refusal { reason, .. }) => {
                    chosen.refused.push(Refused { estimator: choice.name().into(), reason });
                }
            }
        }
        if chosen.entries.is_empty() && !chosen.refused.is_empty() {
            let reasons: Vec<&str> = chosen.refused.iter().map(|r| r.reason.as_str()).collect();
            return Err(FitError::unsupported("estimators", reasons.join("\n  ")));
        }
        Ok(chosen)
    }

    /// The numbers of draws that are too few for an estimator whose objective changes with them; where it does not, its
    /// cells say so.
    fn too_few(&self, entry: &EstimatorEntry, layout: &Layout) -> Vec<Refused> {
        let least = entry.least_draws(layout);
        let draws = self.draws_for(layout).into_iter().filter(|n| entry.kind.is_some() && *n < least);
        draws
            .map(|n| Refused {
                estimator: entry.choice.name().into(),
                reason: format!("{} needs at least {least} draws, not {n}", entry.choice),
            })
            .collect()
    }

    /// Why an estimator cannot be compared.
    fn refusal(&self, entry: &EstimatorEntry, target: &Target, family: FamilyChoice) -> Option<Refusal> {
        let (layout, name) = (target.layout(), entry.choice);
        let of_model = |reason| Some(Refusal { reason, of_draws: false });
        if let Some(words) = entry.refusal(layout, family) {
            return of_model(words);
        }
        if let Some(error) = target.relaxed().err().filter(|_| entry.relaxes) {
            return of_model(format!("{name}: {}", error));
        }
        if !self.spreads(entry) {
            return of_model(format!("{name} needs independent draws; compare it in the independent design too"));
        }
        let (least, most) = (entry.least_draws(layout), most(&self.draws_for(layout)));
        let words = || format!("{name} needs at least {least} draws, not {most}; raise the number of draws");
        (most > 0 && most < least).then(|| Refusal { reason: words(), of_draws: true })
    }

    fn of_reals(
        &self,
        target: &Target,
        plan: &Plan,
        entries: &[&EstimatorEntry],
        begin: &Begin,
        observer: Option<&mut dyn StudyObserver>,
    ) -> Result<StudyReport, FitError> {
        let family = reparameterised(target, plan.family)?;
        let theta = begin.theta.clone();
        let explored = begin.explored.first();
        let scale = explored.map_or(Vec::new(), |e| e.gaussian.sd());
        let inner = explored.map(|e| InUnits::new(target, &e.gaussian.mean, &scale));
        let (seen, params): (&dyn Differentiable, _) = match &inner {
            Some(inner) => (inner, family.init(&vec![0.0; scale.len()], 0.7)),
            None => (target, family.init(&begin.centres[0], 0.1)),
        };
        let (layout, draws) = (target.layout(), self.draws_for(target.layout()));
        let make = |entry: &EstimatorEntry| entry.real(layout, plan.family);
        let elbo = reference(layout, plan.family, most(&draws))?;
        let mut studies = Vec::new();
        for part in parts(entries, &draws, layout) {
            let mut study = GradientStudy::<dyn Differentiable, dyn Reparam>::new(seen, &*family);
            for (name, entry, design) in self.named(&part.entries) {
                study = study.estimator(&name, Spread { estimator: make(entry)?, design });
            }
            study = study.guide(elbo.choice.name(), make(elbo)?);
            let (name, estimator) = match part.kind {
                None => (elbo.choice.name().into(), make(elbo)?),
                Some(kind) => kind.reference_of_reals(part.particles()),
            };
            studies.push(study.reference(&name, estimator).objective(part.objective()).draws(part.num_draws));
        }
        self.finish(studies, Solution { params, theta }, observer)
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
        let (layout, draws) = (target.layout(), self.draws_for(target.layout()));
        let sizes = Sizes::of(layout);
        let is_exact = sizes.are_alone && sizes.are_enumerable();
        let elbo = reference(layout, FamilyChoice::MeanField, most(&draws))?;
        let guide = if is_exact { sizes.rule().0.entry().unwrap_or(elbo) } else { elbo };
        let mut studies = Vec::new();
        for part in parts(entries, &draws, layout) {
            let mut study = GradientStudy::<dyn Differentiable, MixedFamily>::new(target, &family);
            for (name, entry, design) in self.named(&part.entries) {
                study = study.estimator(&name, Spread { estimator: entry.mixed(layout)?, design });
            }
            study = study.guide(guide.choice.name(), guide.mixed(layout)?);
            study = match part.kind {
                None if is_exact => study.exact(|at| enumerated(target, &family, at)),
                None => study.reference(elbo.choice.name(), elbo.mixed(layout)?),
                Some(kind) => {
                    let (name, estimator) = kind.reference_with_integers(part.particles());
                    study.reference(&name, estimator)
                }
            };
            studies.push(study.objective(part.objective()).draws(part.num_draws));
        }
        self.finish(studies, start, observer)
    }

    /// The estimator that leaves the least choice of family, among those that the model allows at all.
    fn strictest(&self, layout: &Layout) -> EstimatorChoice {
        let entries = self.estimators.iter().flatten().filter_map(|choice| choice.entry());
        let allowed = |e: &&EstimatorEntry| e.families.first().is_some_and(|f| e.refusal(layout, *f).is_none());
        let of_few = entries.filter(allowed).min_by_key(|e| e.families.len());
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
            allowed.map(move |d| {
                if *d == independent {
                    (entry.choice.name().to_string(), entry, d.design())
                } else {
                    (format!("{} {d}", entry.choice), entry, d.design())
                }
            })
        };
        entries.iter().flat_map(|entry| each(entry)).collect()
    }

    /// Runs the studies, one of each objective, from the same points.
    fn finish<'s, T, F>(
        &self,
        studies: Vec<GradientStudy<'s, T, F>>,
        start: Solution,
        observer: Option<&mut dyn StudyObserver>,
    ) -> Result<StudyReport, FitError>
    where
        T: LogDensity + ?Sized + 's,
        F: Family + ?Sized + 's,
    {
        let set = studies.into_iter().map(|study| {
            let study = study.start(start.clone()).at(self.at.iter().copied());
            study.repeats(self.repeats).budget(self.budget).seed(self.seed)
        });
        in_turn(set.collect(), observer)
    }
}
