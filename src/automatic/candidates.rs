//! Which of the q's at hand is the answer.

use std::sync::Arc;

use super::FamilyChoice;
use super::plan::Plan;
use crate::algorithm::{FitError, Solution};
use crate::diagnose::verdict::Trust;
use crate::family::Family;
use crate::posterior::{Assessment, Posterior};
use crate::target::Differentiable;

/// A q that may be the answer of a fit.
#[derive(Clone)]
pub(super) struct Candidate {
    pub plan: Plan,
    pub family: Arc<dyn Family>,
    pub solution: Solution,
    /// Whether another run of the same family can be held against it.
    pub is_of_runs: bool,
}

impl Candidate {
    /// A q that follows from a plan or its runs, and why.
    pub fn beside(
        plan: &Plan,
        choice: FamilyChoice,
        family: impl Family + 'static,
        solution: Solution,
        why: &'static str,
    ) -> Candidate {
        let mut plan = Plan { family: choice, ..plan.clone() };
        plan.reasons.push(format!("{}: {why}", family.name()));
        Candidate { plan, family: Arc::new(family), solution, is_of_runs: false }
    }
}

/// Judges a candidate, and another one of a poorer bound where the first is not trusted: the first again where the other is trusted
/// no more. Returns what its draws say with it, and the evaluations of both.
///
/// # Errors
/// When the density cannot be evaluated.
pub(super) fn more_trusted(
    target: &dyn Differentiable,
    first: Candidate,
    other: Option<Candidate>,
    assessment: &Assessment,
) -> Result<(Candidate, Posterior, u64), FitError> {
    let judged = |candidate: &Candidate| {
        // The means of one mode are not those of a mixture, nor those of a joint Gaussian those of a conditional one.
        let second = assessment.second.filter(|_| candidate.is_of_runs);
        let settings = Assessment { second, ..assessment.clone() };
        Posterior::assess(target, &*candidate.family, &candidate.solution, &settings)
    };
    let posterior = judged(&first)?;
    let evaluations = posterior.num_evaluations();
    let trust = posterior.verdict().trust;
    let Some(other) = other.filter(|_| trust != Trust::Trust) else { return Ok((first, posterior, evaluations)) };
    let of_other = judged(&other)?;
    let evaluations = evaluations + of_other.num_evaluations();
    let is_better = of_other.verdict().trust < trust;
    Ok(if is_better { (other, of_other, evaluations) } else { (first, posterior, evaluations) })
}
