//! Parts of the user's own in a plan: their names, and what does not go with them.

use super::OptimizerChoice;
use super::plan::{Kinds, Wishes, is_deterministic};
use crate::family::Family;

/// The names of the parts that are the user's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnNames {
    /// Name of the user's own family.
    pub family: Option<String>,
    /// Name of the user's own estimator.
    pub estimator: Option<String>,
    /// Name of the user's own optimiser.
    pub optimizer: Option<String>,
    /// Name of the user's own algorithm.
    pub algorithm: Option<String>,
    /// Whether the own family has a transform of noise.
    pub(super) has_transform: bool,
}

impl OwnNames {
    pub(super) fn with_family(self, family: &impl Family) -> Self {
        OwnNames { family: Some(family.name()), has_transform: family.reparam().is_some(), ..self }
    }
}

/// Why a family of the user's own cannot be used with estimators chosen by name.
pub(super) fn no_transform(family: &str) -> String {
    format!(
        "the {family} family shows no transform of noise, which estimators with a name need; give an estimator of your \
         own, or return `Some(self)` from its `Family::reparam`"
    )
}

/// Why parts of the user's own, or a density without a gradient, do not go together with what is chosen by name.
pub(super) fn refusal_of_own(
    kinds: &Kinds,
    optimizer: OptimizerChoice,
    wishes: &Wishes,
    own: &OwnNames,
) -> Option<String> {
    let steps_itself = is_deterministic(optimizer) || optimizer == OptimizerChoice::NaturalGradient;
    let needs_gradient = wishes.estimator.entry().is_some_and(|entry| entry.pathwise);
    if !kinds.gradient && own.estimator.is_none() && own.algorithm.is_none() && (steps_itself || needs_gradient) {
        let what = if steps_itself { optimizer.name() } else { wishes.estimator.name() };
        return Some(format!("{what} needs a gradient, and the density has values alone; use score-loo with adam"));
    }
    if let Some(family) = own.family.as_ref().filter(|_| own.estimator.is_none() && own.algorithm.is_none()) {
        if !own.has_transform {
            return Some(no_transform(family));
        }
        if optimizer == OptimizerChoice::NaturalGradient {
            return Some(format!("the natural gradient is for the full-rank family, not {family}; use adam"));
        }
        if kinds.integers {
            return Some(format!(
                "{family} is of real latents, and this model has integers; give an estimator of your own"
            ));
        }
    }
    if let Some(estimator) = &own.estimator {
        if steps_itself {
            return Some(format!("{optimizer} has a gradient of its own; use adam with {estimator}"));
        }
        if kinds.integers && own.family.is_none() {
            return Some(format!(
                "{estimator} is for a family of its own where a model has integers; give the family too"
            ));
        }
    }
    None
}
