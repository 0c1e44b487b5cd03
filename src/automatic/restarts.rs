//! Several runs of one fit: how many, which is best, and whether another one found something else.

use serde::{Deserialize, Serialize};

use super::Restart;
use super::around;
use super::run::Settings;
use crate::algorithm::{FitError, Solution, SolverFailure};
use crate::diagnose::verdict::restarts_disagreement;
use crate::family::Family;
use crate::fit::Stop;
use crate::model::{Draws, Layout, RowSet};
use crate::objective::{Accepted, log_mean_exp};
use crate::streams::Streams;
use crate::target::{Differentiable, Pass};

/// Purposes of the streams.
const COMPARE: u32 = 52;
const AROUND: u32 = 54;

/// Fresh draws that compare the restarts: in blocks until the bound is known to a few hundredths of a nat, a fifth of what
/// makes a difference, and at most a thousand.
const COMPARED: usize = 1000;
const BLOCK: usize = 50;
const LEAST_COMPARED: usize = 200;
const KNOWN: f64 = 0.02;

/// Standard deviations by which the means of a latent differ in solutions that are apart, and the least that counts as
/// one.
const APART: f64 = 3.0;
const LEAST_SD: f64 = 0.05;

/// Nats below the best evidence that leave a solution one per cent of the posterior.
pub(super) const SHARE: f64 = 4.6;

/// Nats between bound and evidence of a solution that needs no better one. With weights nearly normal on the log scale this is
/// half their variance: the effective share is above 0.9.
const NEAR: f64 = 0.05;

/// Runs where their number was not chosen, where several modes have comparable bounds, and at most of a model with integers of
/// rows alone, whose runs end in different places more often.
const RUNS: usize = 2;
const RUNS_OF_MODES: usize = 4;
const RUNS_OF_INTEGERS: usize = 6;

/// Nats by which the two best runs may differ.
const AGREE: f64 = 1.0;

/// Whether there is to be another run after the `number` that were begun: those asked for, one for each mode of a comparable
/// bound, or until the two best agree.
pub(super) fn wants_another(
    settings: &Settings,
    layout: &Layout,
    restarts: &[Restart],
    number: usize,
    num_comparable: usize,
) -> bool {
    // Where integers choose between sets, two runs that agree after others that did not say little: those were modes.
    // The likelihood of parameters has many tops, of which one is enough.
    let only_row_integers = layout.num_integers == 0 && layout.num_row_integers > 0 && layout.num_parameters == 0;
    let bounds: Vec<(f64, f64)> = restarts.iter().map(|r| (r.bound, r.bound_se)).collect();
    match (settings.restarts, restarts_disagreement(&bounds)) {
        (Some(wanted), _) => number < wanted,
        (None, Some(gap)) if only_row_integers => number < RUNS_OF_INTEGERS && (gap.is_nan() || gap > AGREE),
        (None, _) => number < num_comparable.clamp(RUNS, RUNS_OF_MODES),
    }
}

/// The best bound among the restarts that are asked about.
pub(super) fn best(restarts: &[Restart], counts: impl Fn(usize) -> bool) -> Option<usize> {
    let rank = |k: &usize| if restarts[*k].bound.is_nan() { f64::NEG_INFINITY } else { restarts[*k].bound };
    (0..restarts.len()).filter(|k| counts(*k)).max_by(|a, b| rank(a).total_cmp(&rank(b)))
}

/// What the chosen solution is held against: the best of those that are not in another of the modes that were found.
///
/// A q that covers one of several modes looks good from inside. The evidence around each of them, by importance
/// weights, says how the posterior is shared; the bounds do not, as a mode of correlated latents has a poorer one.
pub(super) fn second(restarts: &[Restart], chosen: usize, in_other_modes: &[usize]) -> Option<usize> {
    best(restarts, |k| k != chosen && !in_other_modes.contains(&k))
}

/// Bounds and standard errors to compare: of runs in the mode of the chosen one, each from a start of its own. A run that
/// starts where another did and agrees with it says nothing of other solutions.
pub(super) fn comparable_bounds(restarts: &[Restart], in_other_modes: &[usize]) -> Vec<(f64, f64)> {
    let bounds = |shared: bool| -> Vec<(f64, f64)> {
        let runs =
            restarts.iter().enumerate().filter(|(k, r)| !in_other_modes.contains(k) && (shared || !r.shares_start));
        runs.map(|(_, r)| (r.bound, r.bound_se)).collect()
    };
    let all = bounds(true);
    let agree = restarts_disagreement(&all).is_some_and(|gap| gap == 0.0);
    if agree { bounds(false) } else { all }
}

/// Measures the evidence of the chosen run and of those that are apart from it with the correlations of their latents, where
/// integers leave mean-field alone; returns the evaluations.
pub(super) fn measure_evidence(
    restarts: &mut [Restart],
    chosen: usize,
    target: &dyn Differentiable,
    streams: Streams,
) -> Result<u64, FitError> {
    let apart: Vec<usize> = (0..restarts.len()).filter(|k| restarts[chosen].is_apart(&restarts[*k])).collect();
    if apart.is_empty() || !around::applies(target.layout()) {
        return Ok(0);
    }
    let mut evaluations = 0;
    for k in apart.into_iter().chain([chosen]) {
        let (found, taken) = around::evidence(target, &restarts[k].solution, streams.purpose(AROUND))?;
        restarts[k].evidence = found.map_or(restarts[k].evidence, |found| restarts[k].evidence.max(found));
        evaluations += taken;
    }
    Ok(evaluations)
}

/// Whether a solution is so near to the posterior that there is nothing to gain: the bound is close to the evidence that
/// the same draws give.
pub(super) fn is_plainly_right(restart: &Restart) -> bool {
    restart.evidence - restart.bound < NEAR
}

/// Refuses a bound beyond what any data could give: the run went into a spike of the log joint.
///
/// The smallest positive number is e^-745, so that a number whose scale it is has a log density of 745 at most. Data that
/// are no rows are not counted by the layout: up to a million of them are allowed for.
pub(super) fn refuse_spike(layout: &Layout, bound: f64) -> Result<(), FitError> {
    let in_rows = layout.num_rows * (1 + layout.num_row_latents);
    let most = 745.0 * (1e6 + (layout.num_latents + in_rows) as f64);
    if bound.is_finite() && bound > most {
        return Err(FitError::solver(
            SolverFailure::NoMaximum,
            format!(
                "the bound came to {bound:.1e} nats, more than any data can give: the run went into a spike, where a scale \
                 shrinks to nothing and the log joint rises without limit; give scales priors that keep them from zero \
                 (such as log_normal), or start elsewhere"
            ),
        ));
    }
    Ok(())
}

impl Restart {
    /// Whether a latent outside of rows lies elsewhere.
    pub(super) fn is_apart(&self, other: &Restart) -> bool {
        let pairs = self.place.iter().zip(&other.place);
        pairs.map(|(a, b)| (a.mean() - b.mean()).abs() / a.sd().max(b.sd()).max(LEAST_SD)).any(|d| d > APART)
    }
}

/// Sums of one latent's draws and of their squares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    #[serde(with = "crate::number")]
    sum: f64,
    #[serde(with = "crate::number")]
    squares: f64,
    #[serde(with = "crate::number")]
    count: f64,
}

impl Place {
    fn add(&mut self, other: Place) {
        self.sum += other.sum;
        self.squares += other.squares;
        self.count += other.count;
    }

    pub(super) fn mean(self) -> f64 {
        self.sum / self.count
    }

    pub(super) fn sd(self) -> f64 {
        (self.squares / self.count - self.mean().powi(2)).max(0.0).sqrt()
    }
}

fn sums(lane: impl Iterator<Item = f64>) -> Place {
    lane.fold(Place::default(), |p, x| Place { sum: p.sum + x, squares: p.squares + x * x, count: p.count + 1.0 })
}

/// A finished run with its bound, from draws that all restarts share as far as they go, the fewest where `is_rough`; and how many
/// there were.
pub(super) fn compared(
    target: &dyn Differentiable,
    family: &dyn Family,
    solution: Solution,
    stop: Stop,
    is_rough: bool,
    streams: Streams,
) -> Result<(Restart, u64), FitError> {
    let (layout, rows, mut pass) = (target.layout(), RowSet::all(), Pass::default());
    let mut z = Draws::zeros(layout, layout.num_rows, BLOCK);
    let (mut log_q, mut values) = (vec![0.0; BLOCK], Vec::with_capacity(COMPARED));
    let mut place = vec![Place::default(); layout.num_latents + layout.num_integers];
    let (mut num_draws, mut bound, mut bound_se) = (0, f64::NAN, f64::NAN);
    let most = if is_rough { LEAST_COMPARED } else { COMPARED };
    while num_draws < LEAST_COMPARED || num_draws < most && (bound_se.is_nan() || bound_se > KNOWN) {
        let block = (num_draws / BLOCK) as u64;
        family.sample(&solution.params, &rows, streams.purpose(COMPARE).at_step(block), &mut z);
        family.log_q(&solution.params, &rows, &z, &mut log_q);
        target.log_density(&solution.theta, &z, &rows, &mut pass)?;
        let reals = z.latents.chunks_exact(BLOCK).map(|lane| sums(lane.iter().copied()));
        let integers = z.integers.chunks_exact(BLOCK).map(|lane| sums(lane.iter().map(|k| f64::from(*k))));
        place.iter_mut().zip(reals.chain(integers)).for_each(|(all, own)| all.add(own));
        values.extend(pass.log_density.iter().zip(&log_q).map(|(p, q)| p - q).filter(|f| f.is_finite()));
        num_draws += BLOCK;
        (bound, bound_se) = bound_of(&values, Accepted { count: values.len(), num_draws });
    }
    let accepted = Accepted { count: values.len(), num_draws };
    let evidence = log_mean_exp(&values) + accepted.ln_share();
    let rejected = num_draws - values.len();
    let restart =
        Restart { solution, stop, bound, bound_se, rejected, evidence, place, from: None, shares_start: false };
    Ok((restart, num_draws as u64))
}

/// The mean of the log ratios of the draws that were `accepted`, less what the others cost, and its standard error.
fn bound_of(values: &[f64], accepted: Accepted) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean + accepted.ln_share(), (variance / n).sqrt().hypot(accepted.standard_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restart(bound: f64, evidence: f64, mean: f64) -> Restart {
        let place = vec![sums([mean - 0.1, mean + 0.1].into_iter())];
        let (solution, stop) = (Solution::default(), Stop::Interrupted { steps: 0 });
        Restart { solution, stop, bound, bound_se: 0.0, rejected: 0, evidence, place, from: None, shares_start: false }
    }

    #[test]
    fn the_solution_is_held_against_another_of_its_own_mode() {
        let runs = [restart(-10.1, -9.0, 0.05), restart(-10.0, -9.0, 0.0), restart(-10.05, -9.0, 1.0)];
        assert!(runs[1].is_apart(&runs[2]) && !runs[1].is_apart(&runs[0]));
        assert_eq!(second(&runs, 1, &[2]), Some(0));
        assert_eq!(second(&runs, 1, &[]), Some(2));
        assert_eq!(second(&runs[1..], 0, &[1]), None);
        assert_eq!(comparable_bounds(&runs, &[2]), [(-10.1, 0.0), (-10.0, 0.0)]);
    }

    #[test]
    fn a_bound_that_no_data_could_give_is_refused() {
        let layout = Layout { num_latents: 3, num_rows: 100, ..Layout::default() };
        let said = refuse_spike(&layout, 1e125).unwrap_err().to_string();
        assert!(said.contains("1.0e125 nats") && said.contains("spike"), "{said}");
        // A million values with noise of 1e-300, and what is no number is judged elsewhere.
        assert!([690e6, -1e20, f64::NAN, f64::INFINITY].iter().all(|b| refuse_spike(&layout, *b).is_ok()));
    }

    #[test]
    fn runs_that_start_at_one_place_do_not_agree_with_each_other() {
        let shares = |bound: f64| Restart { shares_start: true, ..restart(bound, -9.0, 0.0) };
        assert_eq!(comparable_bounds(&[restart(-10.0, -9.0, 0.0), shares(-10.0)], &[]), [(-10.0, 0.0)]);
        // That they differ is said.
        assert_eq!(comparable_bounds(&[restart(-10.0, -9.0, 0.0), shares(-11.0)], &[]).len(), 2);
    }
}
