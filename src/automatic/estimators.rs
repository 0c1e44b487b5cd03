//! Estimators by name: one table, with what each needs.

mod table;

use std::marker::PhantomData;

use super::choices::{EstimatorChoice, FamilyChoice};
use super::integers::Sizes;
use super::objectives::Kind;
use crate::algorithm::FitError;
use crate::estimate::AnyEstimator;
use crate::family::{CategoricalFactors, MeanField, Product, Reparam};
use crate::model::Layout;
use crate::study::Maximised;
use crate::target::Differentiable;
use table::TABLE;

/// An estimator for families with a transform, on targets that live for `'t`.
pub type RealEstimator<'t> = Box<dyn for<'f> AnyEstimator<dyn Differentiable + 't, dyn Reparam + 'f> + 't>;

/// The family of models with integers.
pub type MixedFamily = Product<MeanField, CategoricalFactors>;

/// An estimator for models with integers.
pub type MixedEstimator<'t> = Box<dyn AnyEstimator<dyn Differentiable + 't, MixedFamily> + 't>;

type Real = for<'t> fn(&Layout, FamilyChoice, PhantomData<&'t ()>) -> RealEstimator<'t>;
type OfMixed = for<'t> fn(&Layout, PhantomData<&'t ()>) -> MixedEstimator<'t>;

/// One row of the table.
pub struct EstimatorEntry {
    /// The name it is chosen by.
    pub choice: EstimatorChoice,
    /// A description in one line.
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
    /// What it maximises, where that is not the ELBO.
    pub(super) kind: Option<Kind>,
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
    /// Two values each, and nothing else in the model.
    BinaryAlone,
}

/// The table of named estimators.
pub fn estimators() -> &'static [EstimatorEntry] {
    TABLE
}

impl EstimatorChoice {
    /// A description in one line.
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
        let reversed = if !self.pathwise {
            0
        } else if self.choice == EstimatorChoice::LocalExpectation {
            num_draws as u64
        } else {
            evaluations
        };
        (evaluations + 2 * reversed) as f64
    }

    /// Whether its draws can be spread in another design than independent draws.
    pub fn has_designs(&self) -> bool {
        use EstimatorChoice::{DoublyReparameterised, RenyiDoublyReparameterised};
        self.pathwise && !matches!(self.choice, DoublyReparameterised | RenyiDoublyReparameterised)
    }

    /// Whether it is for integers in q alone.
    pub(super) fn is_of_integers(&self) -> bool {
        self.mixed.is_some() && self.real.is_none()
    }

    /// What it maximises with so many draws a step.
    pub fn objective(&self, num_draws: usize) -> Maximised {
        self.kind.map_or(Maximised::Elbo, |kind| kind.of(num_draws))
    }

    /// Whether a comparison takes it where no estimator was asked for: the others would take all its time.
    pub fn is_affordable(&self, layout: &Layout) -> bool {
        self.choice != EstimatorChoice::Price && (self.needs != Needs::Joint || Sizes::of(layout).are_few())
    }

    /// Why it cannot be used for a model of this layout and a family, with a remedy.
    pub fn refusal(&self, layout: &Layout, family: FamilyChoice) -> Option<String> {
        let (name, integers) = (self.choice, has_integers(layout));
        let usable = |e: &EstimatorEntry| e.moves_theta || layout.num_parameters == 0;
        if integers && self.mixed.is_none() {
            Some(format!(
                "{name} has no gradient for integer latents, and this model has them; use {}",
                others(|e| e.mixed.is_some() && usable(e) && e.of_integers(layout).is_none())
            ))
        } else if !integers && self.real.is_none() {
            Some(format!(
                "{name} is for integer latents, and this model has none; use {}",
                others(|e| e.real.is_some() && usable(e) && e.is_for(family))
            ))
        } else if !self.moves_theta && layout.num_parameters > 0 {
            Some(format!(
                "{name} has no gradient for the model's parameters theta; use {}",
                others(|e| {
                    let fits = if integers { e.mixed.is_some() } else { e.real.is_some() && e.is_for(family) };
                    e.moves_theta && fits && e.of_integers(layout).is_none()
                })
            ))
        } else if !integers && !self.is_for(family) {
            let names: Vec<&str> = self.families.iter().map(|f| f.name()).collect();
            Some(format!("{name} is for the {} family, not {family}; choose that family", names.join(" or ")))
        } else if self.kind.is_some() && family == FamilyChoice::Map {
            Some(format!("{name} weighs draws, and a point has none; choose another family"))
        } else {
            self.of_integers(layout)
        }
    }

    fn of_integers(&self, layout: &Layout) -> Option<String> {
        let (name, sizes) = (self.choice, Sizes::of(layout));
        match self.needs {
            Needs::Joint => sizes.not_enumerable().map(|why| format!("{name}: {why}")),
            Needs::Binary => sizes.not_binary().map(|n| {
                format!("{name} is for integers of two values, and one of these has {n}; use local-expectation")
            }),
            Needs::BinaryAlone if !sizes.are_alone => Some(format!(
                "{name} is for models of integers outside of rows alone, and this one has real latents; use vimco"
            )),
            Needs::BinaryAlone => sizes
                .not_binary()
                .map(|n| format!("{name} is for integers of two values, and one of these has {n}; use vimco")),
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
            Some(_) => Err(FitError::unsupported("family", format!("{} is not for the {family} family", self.choice))),
            None => Err(FitError::unsupported("estimator", format!("{} is for integer latents", self.choice))),
        }
    }

    /// The estimator for a model with integers.
    ///
    /// # Errors
    /// When it has none.
    pub fn mixed<'t>(&self, layout: &Layout) -> Result<MixedEstimator<'t>, FitError> {
        let refused =
            || FitError::unsupported("integers", format!("{} has no gradient for integer latents", self.choice));
        Ok(self.mixed.ok_or_else(refused)?(layout, PhantomData))
    }
}

pub(super) fn has_integers(layout: &Layout) -> bool {
    layout.num_integers + layout.num_row_integers > 0
}

fn others(usable: impl Fn(&EstimatorEntry) -> bool) -> String {
    let names: Vec<&str> = TABLE.iter().filter(|e| e.kind.is_none() && usable(e)).map(|e| e.choice.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
