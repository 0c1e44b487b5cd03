//! Several runs of one fit: how many, which is best, and whether another one found something else.

use serde::{Deserialize, Serialize};

use super::Restart;
use super::around;
use super::run::Settings;
use crate::algorithm::{FitError, Solution};
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
const SHARE: f64 = 4.6;

/// Nats between bound and evidence of a solution that needs no better one. With weights nearly normal on the log scale this is
/// half their variance: the effective share is above 0.9.
const NEAR: f64 = 0.05;

/// Runs where their number was not chosen, and at most of a model with integers of rows alone, whose runs end in different places
/// more often.
const RUNS_OF: (usize, usize) = (2, 6);

/// Nats by which the two best runs may differ.
const AGREE: f64 = 1.0;

/// Whether there is to be another run: the number asked for, or until the two best agree.
pub(super) fn wants_another(settings: &Settings, layout: &Layout, restarts: &[Restart]) -> bool {
    // Where integers choose between sets, two runs that agree after others that did not say little: those were modes.
    // The likelihood of parameters has many tops, of which one is enough.
    let only_row_integers = layout.num_integers == 0 && layout.num_row_integers > 0 && layout.num_parameters == 0;
    let bounds: Vec<(f64, f64)> = restarts.iter().map(|r| (r.bound, r.bound_se)).collect();
    match (settings.restarts, restarts_disagreement(&bounds)) {
        (Some(number), _) => restarts.len() < number,
        (None, Some(gap)) if only_row_integers => restarts.len() < RUNS_OF.1 && (gap.is_nan() || gap > AGREE),
        (None, _) => restarts.len() < RUNS_OF.0,
    }
}

/// The best bound among the restarts that are asked about.
pub(super) fn best(restarts: &[Restart], counts: impl Fn(usize) -> bool) -> Option<usize> {
    let rank = |k: &usize| if restarts[*k].bound.is_nan() { f64::NEG_INFINITY } else { restarts[*k].bound };
    (0..restarts.len()).filter(|k| counts(*k)).max_by(|a, b| rank(a).total_cmp(&rank(b)))
}

/// What the chosen solution is held against: one that is apart from it and holds a part of the posterior, if there is
/// one, else the second best.
///
/// A q that covers one of several modes looks good from inside. The evidence around each of them, by importance
/// weights, says how the posterior is shared; the bounds do not, as a mode of correlated latents has a poorer one.
pub(super) fn second(restarts: &[Restart], chosen: usize) -> Option<usize> {
    let own = &restarts[chosen];
    let others = |k: usize| k != chosen && own.is_apart(&restarts[k]) && restarts[k].evidence > own.evidence - SHARE;
    best(restarts, others).or_else(|| best(restarts, |k| k != chosen))
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

impl Restart {
    /// Whether a latent outside of rows lies elsewhere.
    fn is_apart(&self, other: &Restart) -> bool {
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

    fn mean(self) -> f64 {
        self.sum / self.count
    }

    fn sd(self) -> f64 {
        (self.squares / self.count - self.mean().powi(2)).max(0.0).sqrt()
    }
}

fn sums(lane: impl Iterator<Item = f64>) -> Place {
    lane.fold(Place::default(), |p, x| Place { sum: p.sum + x, squares: p.squares + x * x, count: p.count + 1.0 })
}

/// A finished run with its bound, from draws that all restarts share as far as they go; and how many there were.
pub(super) fn compared(
    target: &dyn Differentiable,
    family: &dyn Family,
    solution: Solution,
    stop: Stop,
    streams: Streams,
) -> Result<(Restart, u64), FitError> {
    let (layout, rows, mut pass) = (target.layout(), RowSet::all(), Pass::default());
    let mut z = Draws::zeros(layout, layout.num_rows, BLOCK);
    let (mut log_q, mut values) = (vec![0.0; BLOCK], Vec::with_capacity(COMPARED));
    let mut place = vec![Place::default(); layout.num_latents + layout.num_integers];
    let (mut num_draws, mut bound, mut bound_se) = (0, f64::NAN, f64::NAN);
    while num_draws < LEAST_COMPARED || num_draws < COMPARED && (bound_se.is_nan() || bound_se > KNOWN) {
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
    let restart = Restart { solution, stop, bound, bound_se, rejected: num_draws - values.len(), evidence, place };
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
        Restart { solution, stop, bound, bound_se: 0.0, rejected: 0, evidence, place }
    }

    #[test]
    fn another_mode_counts_by_its_evidence_and_not_by_its_bound() {
        let same = restart(-10.1, -9.0, 0.05);
        let found = |other: Restart| second(&[same.clone(), restart(-10.0, -9.0, 0.0), other], 1);
        // Apart, a poor bound, but two per cent of the posterior; then a thousandth of it; then in the same place.
        assert_eq!(found(restart(-15.0, -12.9, 1.0)), Some(2));
        assert_eq!(found(restart(-15.0, -15.9, 1.0)), Some(0));
        assert_eq!(found(restart(-15.0, -9.0, 0.2)), Some(0));
        assert_eq!(second(&[same], 0), None);
    }
}
