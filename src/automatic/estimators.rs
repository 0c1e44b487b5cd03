//! Estimators by name: one table, with what each needs.

use std::marker::PhantomData;

use super::adapters::{ByTerms, ForFamily, OfIntegers};
use super::choices::{EstimatorChoice, FamilyChoice};
use super::integers::Sizes;
use crate::algorithm::FitError;
use crate::estimate::{
    Arm, Baseline, ControlVariate, Curvature, DisArm, Entropy, Enumerate, GradientEstimator, GumbelSoftmax, Hybrid,
    LeaveOneOut, LocalExpectation, MeasureValued, Mixed as Mixture, Pathwise, RealGradient, Rebar, Relax,
    ScoreFunction, StickingTheLanding, StraightThrough, UnorderedSet,
};
use crate::family::{Categorical, FullRank, MeanField, Product, Reparam};
use crate::model::Layout;
use crate::target::Differentiable;

/// An estimator for families with a transform, on targets that live for `'t`.
pub type RealEstimator<'t> = Box<dyn GradientEstimator<dyn Differentiable + 't, dyn Reparam> + 't>;

/// The family of models with integers.
pub type Mixed = Product<MeanField, Categorical>;

/// An estimator for models with integers.
pub type MixedEstimator<'t> = Box<dyn GradientEstimator<dyn Differentiable + 't, Mixed> + 't>;

type Real = for<'t> fn(&Layout, FamilyChoice, PhantomData<&'t ()>) -> RealEstimator<'t>;
type OfMixed = for<'t> fn(&Layout, PhantomData<&'t ()>) -> MixedEstimator<'t>;

/// One row of the table.
pub struct EstimatorEntry {
    /// Its name.
    pub choice: EstimatorChoice,
    /// What it is, in one line.
    pub about: &'static str,
    /// Whether it needs the gradient of the model and a family with a transform.
    pub pathwise: bool,
    /// Draws it needs at least, in a model without and with integers.
    pub least_draws: (usize, usize),
    /// Whether it moves the model's parameters theta.
    pub moves_theta: bool,
    /// Whether its mean is another than the bound's gradient.
    pub biased: bool,
    /// The families of a model without integers that it is for; none listed: every one.
    pub families: &'static [FamilyChoice],
    /// Whether measurement in a fit considers it.
    pub measured: bool,
    /// Whether it needs the relaxed density.
    pub relaxes: bool,
    /// What it needs of the integers, where it is for integers.
    needs: Needs,
    real: Option<Real>,
    mixed: Option<OfMixed>,
}

/// What a method needs of integers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// Few joint values, none in rows.
    Joint,
    /// None in rows.
    Outside,
    /// Two values each.
    Binary,
}

const ENTRY: EstimatorEntry = EstimatorEntry {
    choice: EstimatorChoice::Rule,
    about: "",
    pathwise: true,
    least_draws: (1, 1),
    moves_theta: true,
    biased: false,
    families: &[],
    measured: true,
    relaxes: false,
    needs: Needs::Nothing,
    real: None,
    mixed: None,
};

const SCORE: EstimatorEntry = EstimatorEntry { pathwise: false, moves_theta: false, ..ENTRY };

const RELAXED: EstimatorEntry = EstimatorEntry { relaxes: true, ..ENTRY };

/// The temperature of relaxed integers.
const TEMPERATURE: f64 = 0.5;

/// Real latents by sticking the landing, integers by `discrete`.
fn beside<'t, D>(discrete: D) -> MixedEstimator<'t>
where
    Hybrid<D>: GradientEstimator<dyn Differentiable + 't, Mixed> + 't,
{
    Box::new(Hybrid { real: RealGradient::StickingTheLanding, discrete })
}

fn score<'t, F: crate::family::Family + ?Sized>(
    baseline: Baseline,
) -> Box<dyn GradientEstimator<dyn Differentiable + 't, F> + 't> {
    Box::new(ScoreFunction { baseline })
}

fn control_variate<'t>(layout: &Layout, family: FamilyChoice) -> RealEstimator<'t> {
    let estimator = ControlVariate { curvature: Curvature::Full };
    match family {
        FamilyChoice::FullRank => Box::new(ForFamily { family: FullRank::new(layout.num_latents), estimator }),
        _ => Box::new(ForFamily { family: MeanField::new(layout), estimator }),
    }
}

fn enumerate<'t>(layout: &Layout) -> MixedEstimator<'t> {
    match Sizes::of(layout).are_alone {
        true => Box::new(OfIntegers(Enumerate)),
        false => beside(Enumerate),
    }
}

/// The decay of the moving average: it looks back about ten steps.
const DECAY: f64 = 0.9;

/// Every estimator with a name.
static TABLE: &[EstimatorEntry] = &[
    EstimatorEntry {
        choice: EstimatorChoice::StickingTheLanding,
        about: "Reparameterised draws without the score term: no noise where q is exact",
        least_draws: (1, 2),
        real: Some(|_, _, _| Box::new(StickingTheLanding)),
        mixed: Some(|_, _| beside(LeaveOneOut)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Pathwise,
        about: "Reparameterised draws, entropy in closed form",
        least_draws: (1, 2),
        real: Some(|_, _, _| Box::new(Pathwise { entropy: Entropy::ClosedForm })),
        mixed: Some(|_, _| Box::new(Hybrid { real: RealGradient::Pathwise, discrete: LeaveOneOut })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::PathwiseMcEntropy,
        about: "Reparameterised draws, entropy from the same draws",
        real: Some(|_, _, _| Box::new(Pathwise { entropy: Entropy::MonteCarlo })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Mixed,
        about: "Half pathwise, half sticking the landing, from the same draws",
        real: Some(|_, _, _| Box::new(Mixture { share: 0.5 })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::ControlVariate,
        about: "Pathwise less its quadratic surrogate; for mean-field and full-rank",
        families: &[FamilyChoice::MeanField, FamilyChoice::FullRank],
        real: Some(|layout, family, _| control_variate(layout, family)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::MeasureValued,
        about: "Differences of values at coupled draws, 4 a latent; for mean-field",
        families: &[FamilyChoice::MeanField],
        measured: false,
        real: Some(|layout, _, _| Box::new(ForFamily { family: MeanField::new(layout), estimator: MeasureValued })),
        ..SCORE
    },
    EstimatorEntry {
        choice: EstimatorChoice::Enumerate,
        about: "Integers: every joint value, exact",
        needs: Needs::Joint,
        mixed: Some(|layout, _| enumerate(layout)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::LocalExpectation,
        about: "Integers: one at a time summed out given the others",
        mixed: Some(|_, _| beside(LocalExpectation)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::DisArm,
        about: "Integers of two values: antithetic pairs, averaged over what they leave open",
        needs: Needs::Binary,
        mixed: Some(|_, _| beside(DisArm)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Arm,
        about: "Integers of two values: antithetic pairs",
        needs: Needs::Binary,
        mixed: Some(|_, _| beside(Arm)),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::UnorderedSet,
        about: "Integers outside of rows: four different joint values, drawn without replacement",
        needs: Needs::Outside,
        mixed: Some(|_, _| beside(UnorderedSet { size: 4 })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Rebar,
        about: "Integers: score function less that of their relaxation, scale learned",
        mixed: Some(|_, _| beside(Rebar { temperature: TEMPERATURE })),
        ..RELAXED
    },
    EstimatorEntry {
        choice: EstimatorChoice::Relax,
        about: "Integers: as rebar, with a learned linear surrogate",
        mixed: Some(|_, _| beside(Relax { temperature: TEMPERATURE })),
        ..RELAXED
    },
    EstimatorEntry {
        choice: EstimatorChoice::GumbelSoftmax,
        about: "Integers relaxed to weights: little noise, biased",
        biased: true,
        mixed: Some(|_, _| beside(GumbelSoftmax { temperature: TEMPERATURE })),
        ..RELAXED
    },
    EstimatorEntry {
        choice: EstimatorChoice::StraightThrough,
        about: "Integers with the slope of their relaxation: little noise, biased",
        biased: true,
        mixed: Some(|_, _| beside(StraightThrough { temperature: TEMPERATURE })),
        ..RELAXED
    },
    EstimatorEntry {
        choice: EstimatorChoice::RaoBlackwell,
        about: "Score function, each latent with its own terms; for mean-field and integers; 2 draws",
        least_draws: (2, 2),
        families: &[FamilyChoice::MeanField],
        real: Some(|layout, _, _| Box::new(ForFamily { family: MeanField::new(layout), estimator: ByTerms })),
        mixed: Some(|_, _| Box::new(ByTerms)),
        ..SCORE
    },
    EstimatorEntry {
        choice: EstimatorChoice::ScoreControlVariate,
        about: "Score function less the best multiple of the score: needs at least 3 draws",
        least_draws: (3, 3),
        real: Some(|_, _, _| score(Baseline::ControlVariate)),
        mixed: Some(|_, _| score(Baseline::ControlVariate)),
        ..SCORE
    },
    EstimatorEntry {
        choice: EstimatorChoice::ScoreLoo,
        about: "Score function with a leave-one-out baseline: needs at least 2 draws",
        least_draws: (2, 2),
        real: Some(|_, _, _| score(Baseline::LeaveOneOut)),
        mixed: Some(|_, _| score(Baseline::LeaveOneOut)),
        ..SCORE
    },
    EstimatorEntry {
        choice: EstimatorChoice::ScoreMovingAverage,
        about: "Score function less a running mean of earlier steps",
        measured: false,
        real: Some(|_, _, _| score(Baseline::MovingAverage { decay: DECAY })),
        mixed: Some(|_, _| score(Baseline::MovingAverage { decay: DECAY })),
        ..SCORE
    },
    EstimatorEntry {
        choice: EstimatorChoice::Score,
        about: "Score function (REINFORCE): needs no gradient of the model, very noisy",
        real: Some(|_, _, _| score(Baseline::None)),
        mixed: Some(|_, _| score(Baseline::None)),
        ..SCORE
    },
];

/// The table of named estimators.
pub fn estimators() -> &'static [EstimatorEntry] {
    TABLE
}

impl EstimatorChoice {
    /// What it is, in one line.
    pub fn about(self) -> &'static str {
        match self {
            EstimatorChoice::Rule => {
                "The best that model and family allow, by a rule: what is used without this option"
            }
            EstimatorChoice::Auto => {
                "The least measured noise for its cost, with draws to suit; chosen again on the way"
            }
            named => named.entry().map_or("", |entry| entry.about),
        }
    }

    /// Its row of the table; none for [`EstimatorChoice::Rule`] and [`EstimatorChoice::Auto`].
    pub fn entry(self) -> Option<&'static EstimatorEntry> {
        TABLE.iter().find(|entry| entry.choice == self)
    }
}

impl EstimatorEntry {
    /// Draws it needs at least for a model of this layout.
    pub fn least_draws(&self, layout: &Layout) -> usize {
        if has_integers(layout) { self.least_draws.1 } else { self.least_draws.0 }
    }

    /// What a gradient costs, in evaluations: a reverse sweep is about two forward ones. Of one integer summed out at a
    /// time, one value of each draw has one.
    pub(super) fn cost(&self, evaluations: u64, num_draws: usize) -> f64 {
        let reversed = match () {
            () if !self.pathwise => 0,
            () if self.choice == EstimatorChoice::LocalExpectation => num_draws as u64,
            () => evaluations,
        };
        (evaluations + 2 * reversed) as f64
    }

    /// Whether its draws can be spread in another design than independent draws.
    pub fn has_designs(&self) -> bool {
        self.pathwise
    }

    /// Whether a comparison takes it where no estimator was asked for: the others would take all its time.
    pub fn is_affordable(&self, layout: &Layout) -> bool {
        self.needs != Needs::Joint || Sizes::of(layout).are_few()
    }

    /// Why it cannot be used for a model of this layout and a family, with a remedy.
    pub fn refusal(&self, layout: &Layout, family: FamilyChoice) -> Option<String> {
        let (name, integers) = (self.choice, has_integers(layout));
        let usable = |e: &EstimatorEntry| e.moves_theta || layout.num_parameters == 0;
        match () {
            () if integers && self.mixed.is_none() => Some(format!(
                "{name} has no gradient for integer latents, and this model has them; use {}",
                others(|e| e.mixed.is_some() && usable(e) && e.of_integers(layout).is_none())
            )),
            () if !integers && self.real.is_none() => Some(format!(
                "{name} is for integer latents, and this model has none; use {}",
                others(|e| e.real.is_some() && usable(e) && e.is_for(family))
            )),
            () if !self.moves_theta && layout.num_parameters > 0 => Some(format!(
                "{name} has no gradient for the model's parameters theta; use {}",
                others(|e| {
                    let fits = if integers { e.mixed.is_some() } else { e.real.is_some() && e.is_for(family) };
                    e.moves_theta && fits && e.of_integers(layout).is_none()
                })
            )),
            () if !integers && !self.is_for(family) => {
                let names: Vec<&str> = self.families.iter().map(|f| f.name()).collect();
                Some(format!("{name} is for the {} family, not {family}; choose that family", names.join(" or ")))
            }
            () => self.of_integers(layout),
        }
    }

    fn of_integers(&self, layout: &Layout) -> Option<String> {
        let (name, sizes) = (self.choice, Sizes::of(layout));
        match self.needs {
            Needs::Joint => sizes.not_enumerable().map(|why| format!("{name}: {why}")),
            Needs::Binary => sizes.not_binary().map(|n| {
                format!("{name} is for integers of two values, and one of these has {n}; use local-expectation")
            }),
            Needs::Outside => (!sizes.in_rows.is_empty())
                .then(|| format!("{name} is for integers outside of rows, and rows have some; use local-expectation")),
            Needs::Nothing => None,
        }
    }

    /// Whether it is for a family of a model without integers.
    fn is_for(&self, family: FamilyChoice) -> bool {
        self.families.is_empty() || self.families.contains(&family)
    }

    /// The estimator for a model without integers.
    ///
    /// # Errors
    /// When it has none, for this family or at all.
    pub fn real<'t>(&self, layout: &Layout, family: FamilyChoice) -> Result<RealEstimator<'t>, FitError> {
        match self.real {
            Some(make) if self.is_for(family) => Ok(make(layout, family, PhantomData)),
            Some(_) => Err(FitError::Unsupported(format!("{} is not for the {family} family", self.choice))),
            None => Err(FitError::Unsupported(format!("{} is for integer latents", self.choice))),
        }
    }

    /// The estimator for a model with integers.
    ///
    /// # Errors
    /// When it has none.
    pub fn mixed<'t>(&self, layout: &Layout) -> Result<MixedEstimator<'t>, FitError> {
        let refused = || FitError::Unsupported(format!("{} has no gradient for integer latents", self.choice));
        Ok(self.mixed.ok_or_else(refused)?(layout, PhantomData))
    }
}

pub(super) fn has_integers(layout: &Layout) -> bool {
    layout.num_integers + layout.num_row_integers > 0
}

fn others(usable: impl Fn(&EstimatorEntry) -> bool) -> String {
    let names: Vec<&str> = TABLE.iter().filter(|e| usable(e)).map(|e| e.choice.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
