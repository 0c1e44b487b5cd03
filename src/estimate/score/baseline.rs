//! Baselines: numbers of known effect that are taken off the learning signal to reduce its noise.

use super::{Space, too_few_draws};
use crate::model::{Layout, RowSet};
use crate::target::DensityError;

/// What is taken off the learning signal `f_s = log p(z_s) - log q(z_s)`. Every choice is unbiased; where draws are rejected,
/// as [`ScoreFunction`](super::ScoreFunction) says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Baseline {
    /// Takes nothing off: the plain score function.
    None,
    /// The mean of the other draws: `1/(S-1) sum_s (f_s - mean f) d log q(z_s) / d params`. Needs two draws.
    #[default]
    LeaveOneOut,
    /// A running mean of the signals of earlier steps: `b <- decay b + (1 - decay) mean f`, taken before the update.
    ///
    /// For one draw a step; `decay` 0.9 looks back about ten steps. The first step has the leave-one-out baseline, or
    /// none with one draw.
    MovingAverage {
        /// The old value's share, in `[0, 1)`.
        decay: f64,
    },
    /// For each parameter k the multiple `a_k` of the score `s_k` that leaves least variance,
    /// `1/S sum_s (f_s - a_k^(-s)) s_k(z_s)` with `a_k^(-s) = sum_(t != s) f_t s_k(z_t)^2 / sum_(t != s) s_k(z_t)^2`.
    ///
    /// Needs three draws: with two it would be leave-one-out.
    ///
    /// *Source*: Ranganath, Gerrish and Blei 2014, section 3.2, whose coefficient `Cov(f s, s) / Var(s)` this is with
    /// the known mean zero of the score. Departure: they take it from the same draws, which is biased; here each
    /// draw's coefficient comes from the other draws.
    ControlVariate,
    /// A baseline learned from earlier steps that sees which rows are in the pass:
    /// `b(rows) = w_0 + rows.weight sum_(r in rows) w_r`, or `w_0` in a pass over all rows.
    ///
    /// Trained by normalised least mean squares, `w += rate (mean f - b) x / |x|^2` with `x` the features
    /// `1, rows.weight, ..`, after the step has used it. For minibatches whose rows differ in size of signal; one
    /// number is kept for each row. The first step is as in the moving average.
    ///
    /// *Source*: Mnih and Gregor 2014 (NVIL), section 2.3; departure: linear in the rows instead of a network, and
    /// the signal is not divided by its running standard deviation, which would scale the gradient.
    Rows {
        /// The share of the error that is corrected at each step, in `(0, 1]`.
        rate: f64,
    },
}

impl Baseline {
    pub(super) fn check(self, num_draws: usize) -> Result<(), DensityError> {
        let wrong = |what: &str, value: f64, range: &str| {
            Err(DensityError::setting(format!(
                "the {what} of the score function's baseline is {value}; choose it in {range}"
            )))
        };
        match self {
            Baseline::LeaveOneOut if num_draws < 2 => {
                Err(too_few_draws("the score-function gradient with a leave-one-out baseline", 2, num_draws))
            }
            Baseline::ControlVariate if num_draws < 3 => {
                Err(too_few_draws("the score-function gradient with the scaled score as control variate", 3, num_draws))
            }
            Baseline::MovingAverage { decay } if !(0.0..1.0).contains(&decay) => wrong("decay", decay, "[0, 1)"),
            Baseline::Rows { rate } if !(rate > 0.0 && rate <= 1.0) => wrong("rate", rate, "(0, 1]"),
            _ => Ok(()),
        }
    }

    /// Overwrites `weights` with `(f_s - b_s) / n` of the `n` accepted draws and `(mean f - b) / (n + 1)` of the rejected
    /// ones, and learns from the former.
    pub(super) fn weigh(
        self,
        layout: &Layout,
        rows: &RowSet,
        mean: f64,
        accepted: usize,
        learned: &mut Vec<f64>,
        space: &mut Space,
    ) {
        let Space { log_weights, weights, .. } = space;
        if accepted == 0 {
            return weights.fill(0.0);
        }
        let known = match self {
            Baseline::MovingAverage { .. } => learned.first().copied(),
            Baseline::Rows { .. } => (!learned.is_empty()).then(|| predict(layout, rows, learned)),
            Baseline::None => Some(0.0),
            Baseline::LeaveOneOut | Baseline::ControlVariate => None,
        };
        // (f_s - mean of the others) / n is (f_s - mean of all) / (n - 1).
        let num = accepted as f64;
        let (taken, share) = match known {
            Some(b) => (b, num),
            None if weights.len() == 1 => (0.0, 1.0),
            None => (mean, num - 1.0),
        };
        let of_rejected = (mean - taken) / (num + 1.0);
        for (weight, &f) in weights.iter_mut().zip(&*log_weights) {
            let of_accepted = if share > 0.0 { (f - taken) / share } else { 0.0 };
            *weight = if f.is_finite() { of_accepted } else { of_rejected };
        }
        self.learn(layout, rows, mean, learned);
    }

    /// Whether `learned` can be what it has learned of this model.
    pub(super) fn fits(self, learned: &[f64], layout: &Layout) -> bool {
        match self {
            Baseline::None | Baseline::LeaveOneOut | Baseline::ControlVariate => learned.is_empty(),
            Baseline::MovingAverage { .. } => learned.len() <= 1,
            Baseline::Rows { .. } => learned.is_empty() || learned.len() > layout.num_rows,
        }
    }

    fn learn(self, layout: &Layout, rows: &RowSet, mean: f64, learned: &mut Vec<f64>) {
        match self {
            Baseline::MovingAverage { decay } => match learned.first_mut() {
                Some(b) => *b = decay * *b + (1.0 - decay) * mean,
                None => learned.push(mean),
            },
            Baseline::Rows { .. } if learned.is_empty() => {
                learned.resize(1 + layout.num_rows, 0.0);
                learned[0] = mean;
            }
            Baseline::Rows { rate } => {
                let error = mean - predict(layout, rows, learned);
                let weight = rows.weight;
                let squares = 1.0 + rows.subset.as_ref().map_or(0.0, |s| s.len() as f64 * weight * weight);
                let move_by = rate * error / squares;
                learned[0] += move_by;
                for &row in rows.subset.iter().flatten() {
                    learned[1 + row as usize - layout.first_row] += move_by * weight;
                }
            }
            _ => {}
        }
    }
}

/// `w_0 + rows.weight sum_r w_r` over the rows of a pass over some of them.
fn predict(layout: &Layout, rows: &RowSet, learned: &[f64]) -> f64 {
    let of_rows = rows.subset.iter().flatten().map(|&row| learned[1 + row as usize - layout.first_row]);
    learned[0] + rows.weight * of_rows.sum::<f64>()
}
