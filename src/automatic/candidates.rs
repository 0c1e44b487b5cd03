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
    /// Another q from the same runs, and why.
    pub fn with(
        &self,
        choice: FamilyChoice,
        family: impl Family + 'static,
        solution: Solution,
        why: &'static str,
    ) -> Candidate {
        let mut plan = Plan { family: choice, ..self.plan.clone() };
        plan.reasons.push(format!("{}: {why}", family.name()));
        Candidate { plan, family: Arc::new(family), solution, is_of_runs: false }
    }
}

/// Judges candidates in turn, the best bound first, until one is trusted: that one, or the first of those that are trusted most,
/// with what its draws say and the evaluations of all.
///
/// # Errors
/// When the density cannot be evaluated, or there is no candidate.
pub(super) fn first_trusted(
    target: &dyn Differentiable,
    candidates: Vec<Candidate>,
    assessment: &Assessment,
) -> Result<(Candidate, Posterior, u64), FitError> {
    let (mut best, mut evaluations): (Option<(Candidate, Posterior)>, _) = (None, 0);
    for candidate in candidates {
        let second = assessment.second.filter(|_| candidate.is_of_runs);
        let settings = Assessment { second, ..assessment.clone() };
        let posterior = Posterior::assess(target, &*candidate.family, &candidate.solution, &settings)?;
        evaluations += posterior.num_evaluations();
        let trust = posterior.verdict().trust;
        if best.as_ref().is_none_or(|(_, other)| trust < other.verdict().trust) {
            best = Some((candidate, posterior));
        }
        if trust == Trust::Trust {
            break;
        }
    }
    let (candidate, posterior) = best.ok_or_else(|| FitError::setting("family", "nothing to judge"))?;
    Ok((candidate, posterior, evaluations))
}
