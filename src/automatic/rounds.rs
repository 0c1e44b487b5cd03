//! Rounds of fixed draws, more in each, until two rounds agree.

use super::job::{Both, Job, Picks, Run};
use super::{FamilyChoice, OptimizerChoice};
use crate::algorithm::{Algorithm, FitError, FixedDraws, Lbfgs, NewtonCg, Solve, SolverFailure};
use crate::family::Reparam;
use crate::fit::{MaxSteps, Observer, Trace};
use crate::target::Differentiable;

/// Draws from which no further round is made. A low-rank fit has ten times the parameters, along many of which the
/// bound is nearly flat, so that a round takes hundreds of iterations: fewer draws, and a tolerance in each round of
/// 1e-3 nats, far below the noise of its draws.
const MOST: usize = 4096;
const MOST_OF_LOW_RANK: usize = 512;

/// Work of a run of rounds with the low-rank family or Newton's method, in draws times the numbers that one draw meets:
/// about ten nanoseconds each. A round that would go beyond it is not begun.
const MOST_WORK: f64 = 1e9;

impl Job<'_> {
    /// Rounds of fixed draws, four times as many in each, until two rounds agree.
    pub(super) fn fixed_draws<T: Differentiable + ?Sized, F: Reparam + ?Sized>(
        &self,
        target: &T,
        family: &F,
        mut params: Vec<f64>,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError> {
        let chosen = self.settings.wishes.draws.is_some() || self.plan.family == FamilyChoice::Map;
        let (mut num_draws, mut trace, mut last): (usize, Trace, Option<Run>) =
            (self.plan.num_draws, Trace::default(), None);
        let most = if self.plan.family == FamilyChoice::LowRank { MOST_OF_LOW_RANK } else { MOST };
        loop {
            let run = self.one_round(target, family, num_draws, &mut params, observer, &mut trace)?;
            let before = last.replace(run);
            let Some(run) = &last else { continue };
            params.clone_from(&run.solution.params);
            let shown = |p: &[f64]| family.identified(p);
            let agreed = before.as_ref().is_some_and(|b| close(&shown(&b.solution.params), &shown(&params)));
            // The next round has four times the draws, and what went before is spent.
            let work = 5.0 * trace.evaluations as f64 * size_of_draw(target, family);
            let slow = self.plan.family == FamilyChoice::LowRank || self.plan.optimizer == OptimizerChoice::NewtonCg;
            let too_much = slow && work > MOST_WORK;
            if chosen || agreed || num_draws >= most || too_much || !run.stop.has_converged() {
                break;
            }
            num_draws *= 4;
        }
        let run = last.ok_or_else(|| FitError::setting("rounds", "a fit needs at least one round"))?;
        Ok(Run { trace, ..run })
    }

    fn one_round<T: Differentiable + ?Sized, F: Reparam + ?Sized>(
        &self,
        target: &T,
        family: &F,
        num_draws: usize,
        params: &mut Vec<f64>,
        observer: &mut dyn Observer,
        trace: &mut Trace,
    ) -> Result<Run, FitError> {
        // A start too wide for the density is drawn in.
        for shrink in 0..8 {
            let outcome = match self.plan.optimizer {
                OptimizerChoice::NewtonCg => {
                    self.solve_round(target, family, NewtonCg::default(), num_draws, params, observer, trace)
                }
                _ => self.solve_round(target, family, Lbfgs::default(), num_draws, params, observer, trace),
            };
            match outcome {
                Err(FitError::NotFinite { .. }) if shrink < 7 => {
                    let centre = family.centre(params);
                    *params = family.init(&centre, 0.7 * 0.3f64.powi(shrink + 1));
                }
                other => return other,
            }
        }
        Err(FitError::solver(
            SolverFailure::NotFinite,
            "no start is narrow enough for the density to be finite at every fixed draw",
        ))
    }

    #[allow(clippy::too_many_arguments, reason = "one private call with everything a round needs")]
    fn solve_round<T: Differentiable + ?Sized, F: Reparam + ?Sized, S: Solve<T, F>>(
        &self,
        target: &T,
        family: &F,
        solver: S,
        num_draws: usize,
        params: &[f64],
        observer: &mut dyn Observer,
        trace: &mut Trace,
    ) -> Result<Run, FitError> {
        let algorithm = FixedDraws {
            target,
            family,
            solver,
            num_draws,
            start: params.to_vec(),
            // A chosen number of steps bounds the solver's own iterations too.
            iterations: self.steps(100).min(100),
            tolerance: if self.plan.family == FamilyChoice::LowRank { 1e-3 } else { 1e-5 },
            streams: self.streams,
        };
        let mut state = algorithm.init()?;
        let mut both = Both { trace, observer };
        let stop = crate::fit::run(&algorithm, &mut state, &mut MaxSteps(self.steps(50)), &mut both)?;
        Ok(Run { solution: algorithm.output(&state), stop, trace: Trace::default(), picks: Picks::default() })
    }
}

/// The numbers that one draw meets: each latent once a row, and the parameters.
fn size_of_draw<T: Differentiable + ?Sized, F: Reparam + ?Sized>(target: &T, family: &F) -> f64 {
    let layout = target.layout();
    ((layout.num_rows + 1) * layout.num_latents + family.num_params()) as f64
}

/// Whether two rounds of fixed draws agree, in units of each latent.
fn close(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.03)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Family, LowRank};

    #[test]
    fn a_turned_factor_is_the_same_family_member() {
        let (turn, family) = (0.7f64, LowRank::new(2, 2));
        let params = [1.0, -2.0, 0.1, -0.3, 0.6, 0.2, -0.5, 0.4];
        let mut turned = params;
        for row in turned[4..].chunks_mut(2) {
            let (a, b) = (row[0], row[1]);
            (row[0], row[1]) = (turn.cos() * a - turn.sin() * b, turn.sin() * a + turn.cos() * b);
        }
        let shown = |p: &[f64]| family.identified(p);
        assert!(!close(&params, &turned) && close(&shown(&params), &shown(&turned)));
        turned[4] += 0.3;
        assert!(!close(&shown(&params), &shown(&turned)));
    }
}
