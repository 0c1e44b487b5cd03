//! The plan of a fit, with its reasons: the one table of which choices go together.

use super::flows::DRAWS as DRAWS_OF_FLOWS;
use super::integers::Sizes;
use super::job::Picks;
use super::own::{OwnNames, refusal_of_own};
use super::structure::Structure;
use super::{DesignChoice, EstimatorChoice, FamilyChoice, IntegerChoice, OptimizerChoice};
use crate::algorithm::{FitError, Minibatch};
use crate::model::Layout;
use crate::optimize::Schedule;
use crate::study::Maximised;

/// Steps of a stochastic run unless they are chosen.
pub(super) const MOST_STEPS: u64 = 20_000;

/// Standard deviations that the steps of a run must be able to cross.
const LEAST_REACH: f64 = 0.1;

/// Latents up to which a full covariance matrix is the default.
pub(super) const FULL_RANK_UP_TO: usize = 200;

/// Draws of a step of the sparse natural gradient at first: with 1,000 groups four and sixteen took twice the gradients.
const DRAWS_OF_SPARSE: usize = 8;

/// Latents up to which fixed draws are whitened, and the default for mean-field.
const FIXED_DRAWS_UP_TO: usize = 1000;

/// The choices that were asked for, by name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    pub family: FamilyChoice,
    pub integers: IntegerChoice,
    pub estimator: EstimatorChoice,
    pub optimizer: OptimizerChoice,
    pub minibatch: Minibatch,
    pub draws: Option<usize>,
    pub design: DesignChoice,
}

/// Whether the density has a gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gradient {
    /// The target has a gradient.
    There,
    /// It has values alone.
    Missing,
}

/// What a fit does, with every `auto` decided.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// The parts that are the user's own: what the fields below say of those does not count.
    pub own: OwnNames,
    /// The family that q is chosen from.
    pub family: FamilyChoice,
    /// The estimator; natural gradient and fixed draws have their own.
    pub estimator: EstimatorChoice,
    /// How the noise of the draws is spread.
    pub design: DesignChoice,
    /// What moves the parameters of q.
    pub optimizer: OptimizerChoice,
    /// Draws of a step (for fixed draws: of the first round).
    pub num_draws: usize,
    /// Whether quasi-Newton paths find the start and the units of each latent.
    pub paths: bool,
    /// Why integers that could have been summed out are in q, or some of them.
    pub integers_in_q: Option<String>,
    /// The reasons for each choice that was left open.
    pub reasons: Vec<String>,
    /// With [`EstimatorChoice::Auto`]: what the run of the solution chose, and at which step.
    pub picks: Vec<String>,
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let own = &self.own;
        write!(f, "{} family, ", own.family.as_deref().unwrap_or(self.family.name()))?;
        if let Some(algorithm) = &own.algorithm {
            return write!(f, "{algorithm} algorithm");
        }
        write!(f, "{} optimiser", own.optimizer.as_deref().unwrap_or(self.optimizer.name()))?;
        if let Some(estimator) = &own.estimator {
            write!(f, ", {estimator} estimator")?;
        } else if !is_deterministic(self.optimizer) && self.optimizer != OptimizerChoice::NaturalGradient {
            write!(f, ", {} estimator", self.estimator)?;
            let objective = self.estimator.entry().map(|entry| entry.objective(self.num_draws)).unwrap_or_default();
            if objective != Maximised::Elbo {
                write!(f, " of {objective}")?;
            }
        }
        if self.design != DesignChoice::Independent {
            write!(f, ", {} design", self.design)?;
        }
        write!(f, ", {} draws", self.num_draws)?;
        self.picks.iter().try_for_each(|pick| write!(f, "; {pick}"))?;
        self.integers_in_q.iter().try_for_each(|why| write!(f, "; integers in q, not summed out: {why}"))
    }
}

impl Plan {
    /// The plan with what the run of the solution chose by measurement, if it chose.
    pub(super) fn with_picks(self, picks: Picks) -> Self {
        match picks.last {
            Some((estimator, num_draws)) => Plan { estimator, num_draws, picks: picks.words, ..self },
            None => self,
        }
    }
}

/// Whether this build has the solvers for fixed draws.
const HAS_SOLVERS: bool = cfg!(feature = "argmin");

pub(super) fn is_deterministic(optimizer: OptimizerChoice) -> bool {
    matches!(optimizer, OptimizerChoice::Lbfgs | OptimizerChoice::NewtonCg)
}

fn is_score(estimator: EstimatorChoice) -> bool {
    estimator.entry().is_some_and(|entry| !entry.pathwise)
}

/// The kinds of numbers a model has.
pub(super) struct Kinds {
    pub latents: usize,
    pub integers: bool,
    pub row_latents: bool,
    pub theta: bool,
    pub gradient: bool,
    pub structure: Option<Structure>,
}

impl Kinds {
    /// Whether the natural gradient of a sparse Gaussian is the default.
    fn suits_sparse(&self, wishes: &Wishes, own: &OwnNames) -> bool {
        self.gradient
            && !self.integers
            && !self.theta
            && *own == OwnNames::default()
            && !wishes.is_noisy()
            && matches!(wishes.optimizer, OptimizerChoice::Auto | OptimizerChoice::NaturalGradient)
            && self.structure.as_ref().is_some_and(|structure| structure.is_affordable)
    }
}

impl Wishes {
    /// Whether something was chosen that stochastic steps alone can follow.
    fn is_noisy(&self) -> bool {
        self.minibatch != Minibatch::Full
            || self.estimator != EstimatorChoice::Rule
            || self.design != DesignChoice::Independent
    }
}

/// Refuses a setting of stochastic optimisers that nothing would read.
pub(super) fn check_stochastic(setting: &str, plan: &Plan) -> Result<(), FitError> {
    let optimizer = plan.optimizer;
    if is_deterministic(optimizer) || optimizer == OptimizerChoice::NaturalGradient {
        return Err(FitError::setting(
            "optimizer",
            format!("the {optimizer} optimiser has no use for {setting}; leave it out, or choose adam"),
        ));
    }
    Ok(())
}

/// Refuses step sizes so small that the fit would end where it starts, and be called level there.
///
/// Rules that divide by the size of the gradients move a parameter by about the sum of their step sizes at most, here in
/// units of the standard deviations found at the start. A run of fewer `steps` than usual is asked for as it is.
pub(super) fn check_reach(plan: &Plan, schedule: &Schedule, steps: Option<u64>) -> Result<(), FitError> {
    use OptimizerChoice::{AdaGrad, Adam, AdamW, RmsProp};
    let bounded = matches!(plan.optimizer, Adam | AdamW | AdaGrad | RmsProp);
    let steps = steps.unwrap_or(MOST_STEPS).max(MOST_STEPS);
    let reach: f64 = (0..steps).map(|step| schedule.at(step)).sum();
    if plan.paths && bounded && schedule.check().is_ok() && reach < LEAST_REACH {
        return Err(FitError::setting(
            "learning rate",
            format!(
                "the step sizes add up to {reach:.1e} standard deviations of a latent in {steps} steps, so the fit would \
             end where it starts; choose larger ones, such as a learning rate of 0.1"
            ),
        ));
    }
    Ok(())
}

/// Decides every `auto`, or refuses in words.
pub(super) fn decide(
    layout: &Layout,
    structure: Option<Structure>,
    wishes: Wishes,
    own: &OwnNames,
    gradient: Gradient,
) -> Result<Plan, FitError> {
    let kinds = Kinds {
        latents: layout.num_latents,
        integers: layout.num_integers + layout.num_row_integers > 0,
        row_latents: layout.num_row_latents > 0,
        theta: layout.num_parameters > 0,
        gradient: gradient == Gradient::There,
        structure,
    };
    let mut reasons = Vec::new();
    // With a family of the user's own the name says nothing.
    let family = if own.family.is_some() { FamilyChoice::Auto } else { family_for(&kinds, &wishes, own, &mut reasons) };
    let optimizer = optimizer_for(&kinds, family, &wishes, own, &mut reasons);
    let of_estimator = wishes.estimator.entry().and_then(|entry| entry.refusal(layout, family));
    let refused = refusal_of_own(&kinds, optimizer, &wishes, own);
    if let Some(refusal) = refused.or_else(|| refusal(&kinds, family, optimizer, &wishes)).or(of_estimator) {
        return Err(FitError::unsupported("model", refusal));
    }
    let (of_integers, draws_of_integers, why) = Sizes::of(layout).rule();
    let estimator = match (wishes.estimator, family) {
        (EstimatorChoice::Rule, FamilyChoice::Map) => EstimatorChoice::Pathwise,
        (EstimatorChoice::Rule, _) if !kinds.gradient => {
            reasons.push(format!("{}: the density has values alone", EstimatorChoice::ScoreLoo));
            EstimatorChoice::ScoreLoo
        }
        (EstimatorChoice::Rule, _) if kinds.integers => {
            reasons.push(format!("{of_integers}: {why}"));
            of_integers
        }
        (EstimatorChoice::Rule, _) => EstimatorChoice::StickingTheLanding,
        (chosen, _) => chosen,
    };
    let default_draws = match optimizer {
        OptimizerChoice::NaturalGradient if family == FamilyChoice::Sparse => DRAWS_OF_SPARSE,
        OptimizerChoice::NaturalGradient => {
            crate::algorithm::NaturalGradient::<crate::target::Target>::draws_for(kinds.latents)
        }
        _ if family == FamilyChoice::Map => 2,
        _ if family == FamilyChoice::Flow && !is_score(estimator) => DRAWS_OF_FLOWS,
        o if is_deterministic(o) => (kinds.latents + 16).max(64),
        _ if is_score(estimator) => 32,
        _ if estimator == of_integers && kinds.integers => draws_of_integers,
        _ if kinds.integers => 32,
        _ => 10,
    };
    let num_draws = wishes.draws.unwrap_or(default_draws);
    let needed = estimator.entry().map_or(1, |entry| entry.least_draws(layout));
    if num_draws < needed && own.estimator.is_none() && own.algorithm.is_none() {
        let words =
            format!("{estimator} needs at least {needed} draws a step, not {num_draws}; raise the number of draws");
        return Err(FitError::setting("draws", words));
    }
    // The sparse natural gradient needs no curvature to begin with.
    let from_afar = family == FamilyChoice::Sparse && optimizer == OptimizerChoice::NaturalGradient;
    let paths =
        !from_afar && kinds.gradient && !kinds.integers && !kinds.row_latents && !kinds.theta && kinds.latents > 0;
    let design = wishes.design;
    let own = own.clone();
    Ok(Plan {
        own,
        family,
        estimator,
        design,
        optimizer,
        num_draws,
        paths,
        integers_in_q: None,
        reasons,
        picks: Vec::new(),
    })
}

fn family_for(kinds: &Kinds, wishes: &Wishes, own: &OwnNames, reasons: &mut Vec<String>) -> FamilyChoice {
    if wishes.family != FamilyChoice::Auto {
        return wishes.family;
    }
    let d = kinds.latents;
    let (family, why) = if kinds.integers {
        (FamilyChoice::MeanField, "the model has integer latents, which get probabilities of their own".into())
    } else if kinds.suits_sparse(wishes, own) {
        let structure = kinds.structure.as_ref();
        let (all, words) = structure.map_or((d, ""), |s| (s.num_latents, &s.words));
        (FamilyChoice::Sparse, format!("the graph of {all} latents is {words}"))
    } else if kinds.row_latents {
        (FamilyChoice::MeanField, "the model has latents in its rows, which get factors of their own".into())
    } else if d == 0 {
        (FamilyChoice::MeanField, "the model has parameters alone".into())
    } else if kinds.theta && d > 50 {
        (FamilyChoice::MeanField, format!("{d} latents move together with parameters of the model"))
    } else if d <= FULL_RANK_UP_TO {
        (FamilyChoice::FullRank, format!("{d} latents allow a full covariance matrix"))
    } else {
        (FamilyChoice::LowRank, format!("{d} latents are too many for a full covariance matrix"))
    };
    let of_estimator = wishes.estimator.entry().map_or(&[][..], |entry| entry.families);
    let (family, why) = match of_estimator.first() {
        Some(first) if !of_estimator.contains(&family) => (*first, format!("{} is for it", wishes.estimator)),
        _ => (family, why),
    };
    reasons.push(format!("{family}: {why}"));
    family
}

fn optimizer_for(
    kinds: &Kinds,
    family: FamilyChoice,
    wishes: &Wishes,
    own: &OwnNames,
    reasons: &mut Vec<String>,
) -> OptimizerChoice {
    if wishes.optimizer != OptimizerChoice::Auto {
        return wishes.optimizer;
    }
    let noisy = wishes.is_noisy();
    let plain = !kinds.integers && !kinds.row_latents && !kinds.theta && kinds.latents > 0;
    let (optimizer, why) = match family {
        _ if noisy || *own != OwnNames::default() => {
            (OptimizerChoice::Adam, "a family, an estimator, a design or a minibatch was chosen")
        }
        _ if !kinds.gradient => (OptimizerChoice::Adam, "the density has values alone"),
        FamilyChoice::Sparse if !kinds.integers && !kinds.theta => {
            (OptimizerChoice::NaturalGradient, "it needs the fewest gradients for a sparse precision")
        }
        _ if !plain => (OptimizerChoice::Adam, "it moves every kind of parameter"),
        FamilyChoice::FullRank => {
            (OptimizerChoice::NaturalGradient, "it needs the fewest gradients for a full covariance")
        }
        FamilyChoice::Map if HAS_SOLVERS => (OptimizerChoice::Lbfgs, "a point estimate needs no noise"),
        FamilyChoice::MeanField if HAS_SOLVERS && kinds.latents <= FIXED_DRAWS_UP_TO => {
            (OptimizerChoice::Lbfgs, "with fixed draws the bound is an ordinary function")
        }
        _ => (OptimizerChoice::Adam, "it needs no tuning once each latent has its units"),
    };
    reasons.push(format!("{optimizer}: {why}"));
    optimizer
}

/// Why these choices do not go together, with a remedy.
fn refusal(kinds: &Kinds, family: FamilyChoice, optimizer: OptimizerChoice, wishes: &Wishes) -> Option<String> {
    use FamilyChoice::{Flow, FullRank, LowRank, Map, Sparse, StudentT};
    let batch = wishes.minibatch != Minibatch::Full;
    let natural = optimizer == OptimizerChoice::NaturalGradient;
    let fixed = is_deterministic(optimizer);
    if fixed && !HAS_SOLVERS {
        return Some(format!("this build has no {optimizer}; switch on the cargo feature `argmin`, or choose adam"));
    }
    // A family of the user's own has no name, and says itself what it covers.
    let words = if kinds.integers && !matches!(family, FamilyChoice::MeanField | FamilyChoice::Auto) {
        format!("the {family} family has no integers, and this model has integer latents; use mean-field")
    } else if kinds.row_latents && matches!(family, FullRank | LowRank | Flow) {
        format!(
            "the {family} family covers latents outside of rows only, and this model has latents in its rows; use mean-field"
        )
    } else if kinds.row_latents && batch && family == Sparse {
        "the sparse family draws the latents of all rows together, and a minibatch sees some of them; use mean-field"
            .into()
    } else if natural && !matches!(family, FullRank | Sparse) {
        format!(
            "the natural gradient is for the full-rank and the sparse family, not {family}; use one of them, or adam"
        )
    } else if natural && kinds.theta {
        "the natural gradient does not move the model's parameters theta; use adam, which moves them along".into()
    } else if (natural || fixed) && batch {
        format!("{optimizer} sees all rows in every step; leave the minibatch out, or use adam")
    } else if natural && !matches!(wishes.estimator, EstimatorChoice::Rule | EstimatorChoice::StickingTheLanding) {
        format!("the natural gradient has its own estimator, not {}; use adam with it", wishes.estimator)
    } else if wishes.design != DesignChoice::Independent && (natural || fixed) {
        format!("{optimizer} has draws of its own; leave the design out, or use adam")
    } else if wishes.design != DesignChoice::Independent && family == Map {
        "a point has no draws to spread; leave the design out".into()
    } else if wishes.design != DesignChoice::Independent && wishes.estimator.entry().is_some_and(|e| !e.has_designs()) {
        format!("{} needs independent draws, not {}; leave the design out", wishes.estimator, wishes.design)
    } else if fixed && (kinds.theta || kinds.integers) {
        format!("{optimizer} with fixed draws moves neither integers nor the model's parameters theta; use adam")
    } else if fixed && !matches!(wishes.estimator, EstimatorChoice::Rule | EstimatorChoice::Pathwise) {
        format!("{optimizer} differentiates the bound with fixed draws, not {}; use adam with it", wishes.estimator)
    } else if fixed && family == FullRank && wishes.draws.is_some_and(|m| m <= kinds.latents) {
        let (draws, n) = (wishes.draws.unwrap_or(0), kinds.latents);
        format!(
            "the full-rank bound with {draws} fixed draws in {n} dimensions has no maximum; use more draws, or natural-gradient"
        )
    } else if fixed && family == Flow {
        format!("a flow bends to the draws that {optimizer} holds fixed, and misses the others; use adam")
    } else if wishes.estimator == EstimatorChoice::Auto && family == Map {
        "a point has no draws, so its gradient has no noise to measure; leave the estimator out".into()
    } else if is_score(wishes.estimator) && family == Map {
        "a point mass has no score function; use pathwise".into()
    } else if family == Map && !matches!(wishes.estimator, EstimatorChoice::Rule | EstimatorChoice::Pathwise) {
        format!(
            "a point has no noise for {} to be better with; use pathwise, or leave the estimator out",
            wishes.estimator
        )
    } else if kinds.latents == 0
        && !kinds.row_latents
        && !kinds.integers
        && matches!(family, FullRank | LowRank | Sparse | StudentT)
    {
        format!("the model has no latents for the {family} family; leave the family out")
    } else {
        return None;
    };
    Some(words)
}

#[cfg(test)]
mod tests;
