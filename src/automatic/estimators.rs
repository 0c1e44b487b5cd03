//! Estimators by name: one table, with what each needs.

use std::marker::PhantomData;

use super::choices::EstimatorChoice;
use crate::algorithm::FitError;
use crate::estimate::{
    Baseline, Entropy, GradientEstimator, Hybrid, LeaveOneOut, Pathwise, RealGradient, ScoreFunction,
    StickingTheLanding,
};
use crate::family::{Categorical, MeanField, Product, Reparam};
use crate::model::Layout;
use crate::target::Differentiable;

/// An estimator for families with a transform, on targets that live for `'t`.
pub type RealEstimator<'t> = Box<dyn GradientEstimator<dyn Differentiable + 't, dyn Reparam> + 't>;

/// The family of models with integers.
pub type Mixed = Product<MeanField, Categorical>;

/// An estimator for models with integers.
pub type MixedEstimator<'t> = Box<dyn GradientEstimator<dyn Differentiable + 't, Mixed> + 't>;

type Real = for<'t> fn(PhantomData<&'t ()>) -> RealEstimator<'t>;
type OfMixed = for<'t> fn(PhantomData<&'t ()>) -> MixedEstimator<'t>;

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
    real: Option<Real>,
    mixed: Option<OfMixed>,
}

const ENTRY: EstimatorEntry = EstimatorEntry {
    choice: EstimatorChoice::Auto,
    about: "",
    pathwise: true,
    least_draws: (1, 2),
    moves_theta: true,
    biased: false,
    real: None,
    mixed: None,
};

/// Every estimator with a name; the first is the reference of a study, and so has to be unbiased.
static TABLE: &[EstimatorEntry] = &[
    EstimatorEntry {
        choice: EstimatorChoice::StickingTheLanding,
        about: "Reparameterised draws without the score term: no noise where q is exact",
        real: Some(|_| Box::new(StickingTheLanding)),
        mixed: Some(|_| Box::new(Hybrid { real: RealGradient::StickingTheLanding, discrete: LeaveOneOut })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Pathwise,
        about: "Reparameterised draws, entropy in closed form",
        real: Some(|_| Box::new(Pathwise { entropy: Entropy::ClosedForm })),
        mixed: Some(|_| Box::new(Hybrid { real: RealGradient::Pathwise, discrete: LeaveOneOut })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::PathwiseMcEntropy,
        about: "Reparameterised draws, entropy from the same draws",
        real: Some(|_| Box::new(Pathwise { entropy: Entropy::MonteCarlo })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::ScoreLoo,
        about: "Score function with a leave-one-out baseline: needs at least 2 draws",
        pathwise: false,
        least_draws: (2, 2),
        moves_theta: false,
        real: Some(|_| Box::new(ScoreFunction { baseline: Baseline::LeaveOneOut })),
        mixed: Some(|_| Box::new(ScoreFunction { baseline: Baseline::LeaveOneOut })),
        ..ENTRY
    },
    EstimatorEntry {
        choice: EstimatorChoice::Score,
        about: "Score function (REINFORCE): needs no gradient of the model, very noisy",
        pathwise: false,
        least_draws: (1, 1),
        moves_theta: false,
        real: Some(|_| Box::new(ScoreFunction { baseline: Baseline::None })),
        mixed: Some(|_| Box::new(ScoreFunction { baseline: Baseline::None })),
        ..ENTRY
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
            EstimatorChoice::Auto => "The best that model and family allow, by a rule",
            EstimatorChoice::Measured => {
                "The least measured noise for its cost, with draws to suit; chosen again on the way"
            }
            named => named.entry().map_or("", |entry| entry.about),
        }
    }

    /// Its row of the table; none for [`EstimatorChoice::Auto`] and [`EstimatorChoice::Measured`].
    pub fn entry(self) -> Option<&'static EstimatorEntry> {
        TABLE.iter().find(|entry| entry.choice == self)
    }
}

impl EstimatorEntry {
    /// Draws it needs at least for a model of this layout.
    pub fn least_draws(&self, layout: &Layout) -> usize {
        if has_integers(layout) { self.least_draws.1 } else { self.least_draws.0 }
    }

    /// Why it cannot be used for a model of this layout, with a remedy.
    pub fn refusal(&self, layout: &Layout) -> Option<String> {
        let name = self.choice;
        match () {
            () if has_integers(layout) && self.mixed.is_none() => Some(format!(
                "{name} has no gradient for integer latents, and this model has them; use {}",
                others(|e| e.mixed.is_some() && (e.moves_theta || layout.num_parameters == 0))
            )),
            () if !has_integers(layout) && self.real.is_none() => Some(format!(
                "{name} is for integer latents, and this model has none; use {}",
                others(|e| e.real.is_some() && (e.moves_theta || layout.num_parameters == 0))
            )),
            () if !self.moves_theta && layout.num_parameters > 0 => Some(format!(
                "{name} has no gradient for the model's parameters theta; use {}",
                others(|e| e.moves_theta && (e.mixed.is_some() || !has_integers(layout)))
            )),
            () => None,
        }
    }

    /// The estimator for a model without integers.
    ///
    /// # Errors
    /// When it has none.
    pub fn real<'t>(&self) -> Result<RealEstimator<'t>, FitError> {
        let refused = || FitError::Unsupported(format!("{} is for integer latents", self.choice));
        Ok(self.real.ok_or_else(refused)?(PhantomData))
    }

    /// The estimator for a model with integers.
    ///
    /// # Errors
    /// When it has none.
    pub fn mixed<'t>(&self) -> Result<MixedEstimator<'t>, FitError> {
        let refused = || FitError::Unsupported(format!("{} has no gradient for integer latents", self.choice));
        Ok(self.mixed.ok_or_else(refused)?(PhantomData))
    }
}

fn has_integers(layout: &Layout) -> bool {
    layout.num_integers + layout.num_row_integers > 0
}

fn others(usable: impl Fn(&EstimatorEntry) -> bool) -> String {
    let names: Vec<&str> = TABLE.iter().filter(|e| usable(e)).map(|e| e.choice.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_one_row_that_can_be_made() {
        let rules = [EstimatorChoice::Auto, EstimatorChoice::Measured];
        for choice in EstimatorChoice::ALL.iter().filter(|c| !rules.contains(c)) {
            assert_eq!(TABLE.iter().filter(|e| e.choice == *choice).count(), 1, "{choice}");
            let entry = choice.entry().unwrap();
            assert!(!entry.about.is_empty(), "{choice}");
            assert!(entry.real().is_ok() || entry.mixed().is_ok(), "{choice}");
        }
        assert_eq!(TABLE.len(), EstimatorChoice::ALL.len() - rules.len());
        assert!(!TABLE[0].biased);
    }

    #[test]
    fn what_a_model_does_not_allow_is_refused_with_what_it_does() {
        let refusal = |choice: EstimatorChoice, layout: Layout| choice.entry().unwrap().refusal(&layout);
        let integers = Layout { num_integers: 1, ..Layout::default() };
        let theta = Layout { num_latents: 1, num_parameters: 1, ..Layout::default() };
        let words = refusal(EstimatorChoice::PathwiseMcEntropy, integers.clone()).unwrap();
        assert!(words.contains("integer latents") && words.contains("score-loo"), "{words}");
        let words = refusal(EstimatorChoice::Score, theta.clone()).unwrap();
        assert!(words.contains("theta") && words.contains("pathwise") && !words.contains("score-loo"), "{words}");
        assert!(
            refusal(EstimatorChoice::Score, integers).is_none() && refusal(EstimatorChoice::Pathwise, theta).is_none()
        );
    }
}
