//! Least-squares natural gradients: variational inference from values of the log density alone.

mod statistics;

pub use statistics::ExponentialFamily;

use nalgebra::{Cholesky, DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::density::culprit;
use super::{Algorithm, FitError, Solution, Step};
use crate::model::{Draws, RowSet};
use crate::objective::mean_and_standard_error;
use crate::streams::Streams;
use crate::target::{LogDensity, Pass};

/// Purpose of the draws.
const DRAWS: u32 = 0x15;

/// Times that a step is halved before it is left out, and steps in a row that may be.
const HALVINGS: u32 = 40;
const PATIENCE: u32 = 20;

/// What keeps the normal equations solvable, relative to the number of draws.
const RIDGE: f64 = 1e-9;

/// Natural-gradient steps on an exponential family by regression: no gradient of the density, no score, any exponential family.
///
/// For `q` of natural parameters `lambda` and statistics `s`, the best `q` is where the regression of `log p` on `s` under `q`
/// has the coefficients `lambda`. A step draws `num_draws` from q, regresses `log p - log q` on `s` by ordinary least squares
/// and moves `lambda` by `rho` times the coefficients: that is the natural gradient, whose noise is that of the part of
/// `log p` that no function of `s` explains, and nothing where the posterior is in the family. `rho` is
/// 1/2 while the bound rises beyond its error, and then `2 / (t + 2)`, so that the coefficients of late steps are averaged; a
/// step that would leave the family, or the neighbourhood in which the regression holds, is halved.
///
/// For densities of values alone, models with integers, branches and simulators among them ([`ExponentialFamily`] says for
/// which families). *Cost*: one value a draw, and for `S` statistics `S^2` operations a draw and `S^3` a step; take several
/// times as many draws as statistics ([`draws_for`](Self::draws_for)). Draws whose density is not finite are left out.
///
/// *Source*: Le Fay, Chopin and Barthelme 2025 (LSVI), algorithm 1; departures: `log q` is taken off before the regression,
/// statistics are those of the whitened draws, the schedule of `rho`, and halving in the place of their backtracking.
#[derive(Debug)]
pub struct LeastSquares<'a, T: LogDensity + ?Sized, F: ExponentialFamily + ?Sized> {
    /// The density that q approximates.
    pub target: &'a T,
    /// The family whose parameters are moved.
    pub family: &'a F,
    /// Draws of a step.
    pub num_draws: usize,
    /// Where to start: parameters of the family.
    pub start: Vec<f64>,
    /// The source of all randomness of the run.
    pub streams: Streams,
}

/// State of a least-squares fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeastSquaresState {
    step: u64,
    /// Steps that count for the schedule: those that were not halved, and before which the bound no longer rose.
    settled: u64,
    /// The bound by the draws of the last step, and its standard error.
    last: Option<(f64, f64)>,
    failures: u32,
    params: Vec<f64>,
    #[serde(skip)]
    scratch: Scratch,
}

#[derive(Clone, Debug, Default)]
struct Scratch {
    z: Draws,
    pass: Pass,
    log_q: Vec<f64>,
    /// `[statistic][draw]`.
    statistics: Vec<f64>,
}

impl<T: LogDensity + ?Sized, F: ExponentialFamily + ?Sized> LeastSquares<'_, T, F> {
    /// Draws of a step that suit a family: three times its statistics, 64 at least.
    pub fn draws_for(family: &F) -> usize {
        (3 * (family.num_statistics() + 1)).max(64)
    }
}

impl<T: LogDensity + ?Sized, F: ExponentialFamily + ?Sized> Algorithm for LeastSquares<'_, T, F> {
    type State = LeastSquaresState;
    type Output = Solution;

    fn init(&self) -> Result<LeastSquaresState, FitError> {
        let layout = self.target.layout();
        self.family.covers(layout)?;
        if layout.num_parameters > 0 {
            return Err(FitError::unsupported(
                "theta",
                "least squares do not move the model's parameters theta; use adam, which moves them along",
            ));
        }
        if layout.num_row_latents + layout.num_row_integers > 0 {
            return Err(FitError::unsupported(
                "latents of rows",
                "least squares are for latents outside of rows: a regression on those of rows has too many coefficients",
            ));
        }
        let least = self.family.num_statistics() + 2;
        if self.num_draws < least {
            let (name, wanted) = (self.family.name(), Self::draws_for(self.family));
            return Err(FitError::setting(
                "draws",
                format!(
                    "{} draws cannot tell the {} statistics of the {name} family apart; take {wanted}",
                    self.num_draws,
                    least - 2
                ),
            ));
        }
        if self.start.len() != self.family.num_params() {
            return Err(FitError::setting(
                "start",
                format!("the start has {} parameters, the family {}", self.start.len(), self.family.num_params()),
            ));
        }
        Ok(LeastSquaresState {
            step: 0,
            settled: 0,
            last: None,
            failures: 0,
            params: self.start.clone(),
            scratch: Scratch::default(),
        })
    }

    fn step(&self, state: &mut LeastSquaresState) -> Result<Step, FitError> {
        let mut scratch = std::mem::take(&mut state.scratch);
        let outcome = self.step_with(state, &mut scratch);
        state.scratch = scratch;
        outcome
    }

    fn output(&self, state: &LeastSquaresState) -> Solution {
        Solution { params: state.params.clone(), theta: Vec::new() }
    }
}

impl<T: LogDensity + ?Sized, F: ExponentialFamily + ?Sized> LeastSquares<'_, T, F> {
    fn step_with(&self, state: &mut LeastSquaresState, scratch: &mut Scratch) -> Result<Step, FitError> {
        let (layout, rows, draws) = (self.target.layout(), RowSet::all(), self.num_draws);
        let Scratch { z, pass, log_q, statistics } = scratch;
        z.resize(layout, layout.num_rows, draws);
        log_q.resize(draws, 0.0);
        statistics.resize(self.family.num_statistics() * draws, 0.0);
        let streams = self.streams.purpose(DRAWS).at_step(state.step);
        self.family.sample(&state.params, &rows, streams, z);
        self.family.log_q(&state.params, &rows, z, log_q);
        self.target.log_density(&[], z, &rows, pass)?;
        self.family.statistics(&state.params, z, statistics);
        let kept: Vec<usize> = (0..draws).filter(|&d| (pass.log_density[d] - log_q[d]).is_finite()).collect();
        let rejected = (draws - kept.len()) as u64;
        state.step += 1;
        let mut step = Step { index: state.step, evaluations: draws as u64, rejected, ..Step::default() };
        let signals: Vec<f64> = kept.iter().map(|&d| pass.log_density[d] - log_q[d]).collect();
        let found = coefficients(statistics, draws, &kept, &signals);
        let moved = found.as_ref().and_then(|found| {
            let rho = (2.0 / (state.settled as f64 + 2.0)).min(0.5);
            (0..HALVINGS).find_map(|halved| {
                let share = rho * 0.5f64.powi(halved as i32);
                self.family.moved(&state.params, found, share).map(|params| (params, halved))
            })
        });
        let bound = mean_and_standard_error(&signals);
        let rises = state.last.is_none_or(|last| bound.0 - last.0 > 2.0 * bound.1.hypot(last.1));
        state.last = Some(bound);
        match moved {
            Some((params, halved)) => {
                state.params = params;
                state.settled += u64::from(halved == 0 && !rises);
                state.failures = 0;
            }
            None => {
                state.failures += 1;
                if state.failures >= PATIENCE {
                    let words = culprit(self.target, &[], z);
                    let why = format!("no regression of {PATIENCE} steps could be followed{words}");
                    return Err(FitError::setting("start", why));
                }
            }
        }
        step.objective = Some(bound.0).filter(|bound| bound.is_finite());
        step.grad_norm = found.map_or(f64::NAN, |c| c.iter().map(|c| c * c).sum::<f64>().sqrt());
        Ok(step)
    }
}

/// Least-squares coefficients of `signals` on the statistics `[statistic][draw]` of the draws that are kept, and a constant;
/// none where there are too few.
fn coefficients(statistics: &[f64], draws: usize, kept: &[usize], signals: &[f64]) -> Option<Vec<f64>> {
    let (count, size) = (kept.len(), statistics.len() / draws);
    if count < size + 2 {
        return None;
    }
    // About their means, in the place of a constant: a value of an integer that was never drawn then has no say.
    let mut x = DMatrix::from_fn(count, size, |row, k| statistics[k * draws + kept[row]]);
    for mut column in x.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
    }
    let mean = signals.iter().sum::<f64>() / count as f64;
    let y = DVector::from_iterator(count, signals.iter().map(|s| s - mean));
    let mut products = x.tr_mul(&x);
    (0..size).for_each(|k| products[(k, k)] += RIDGE * count as f64);
    let solved = Cholesky::new(products)?.solve(&x.tr_mul(&y));
    solved.iter().all(|c| c.is_finite()).then(|| solved.as_slice().to_vec())
}

#[cfg(test)]
mod tests {
    use super::coefficients;

    #[test]
    fn a_plane_is_found_and_a_column_that_does_not_vary_has_no_say() {
        // y = 3 + 2 a - b; c is the same in every draw.
        let (a, b, c) = ([0.0, 1.0, 2.0, 5.0, -1.0, 9.0], [1.0, 0.0, 3.0, 2.0, 2.0, 9.0], [4.0; 6]);
        let statistics = [a, b, c].concat();
        let kept = [0, 1, 2, 3, 4];
        let signals: Vec<f64> = kept.iter().map(|&d| 3.0 + 2.0 * a[d] - b[d]).collect();
        let found = coefficients(&statistics, 6, &kept, &signals).unwrap();
        assert!((found[0] - 2.0).abs() < 1e-7 && (found[1] + 1.0).abs() < 1e-7 && found[2].abs() < 1e-7, "{found:?}");
        assert!(coefficients(&statistics, 6, &kept[..4], &signals[..4]).is_none());
    }
}
