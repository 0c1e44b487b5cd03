//! Where each observed value falls in its own predictive distribution, itself left out.

use super::Posterior;
use super::rows::{refuse_row_latents, rows_with_data};
use crate::algorithm::FitError;
use crate::diagnose::calibration::{MIN_RANKS, RankStatistics, rank_statistics};
use crate::diagnose::psis::{MIN_DRAWS, k_hat_threshold, psis};
use crate::target::{LogDensity, Replicated, Target};

/// Probabilities `P(y < y_i | all rows but i)` of the rows' values; a random share of the new values equal to it counts too.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LooPit {
    /// `data`, or `data_0`, `data_1`, .. in the order of the model.
    pub name: String,
    /// One for each row, and for each number of a row: `[element][row]`. They are uniform where the model is right.
    pub values: Vec<f64>,
    /// Tail shape of each row's weights; above `threshold` its value is not to be relied on.
    pub k_hat: Vec<f64>,
    /// The largest `k_hat` that this number of draws makes reliable.
    pub threshold: f64,
    /// Tests of uniform values, which are cut into hundredths; nothing for fewer than 30 of them.
    pub statistics: Option<RankStatistics>,
}

/// Purpose of the streams.
const PIT: u32 = 0x7069_7421;
/// Draws that are used at most, and numbers that are kept of them.
const MOST_DRAWS: usize = 1000;
const MOST_NUMBERS: usize = 4_000_000;
const LEAST_DRAWS: usize = 100;
/// Cells of the values' tests.
const CELLS: usize = 100;

impl Posterior {
    /// Leave-one-out probability integral transforms: where the values of each row fall among new ones that the model
    /// predicts from all other rows.
    ///
    /// Values near 0 and 1 come up too often where the model's predictions are too narrow, those in the middle where they are
    /// too wide, and those of one side where they are biased. New data are made at up to 1000 of [`Posterior::draws`], and a
    /// row is left out by smoothed weights `1 / p(x_i | z)`.
    ///
    /// # Errors
    /// As [`Posterior::loo`] and [`Posterior::predictive`]; data that depend on latents.
    ///
    /// *Source*: Gelfand, Dey and Chang (1992); Vehtari, Gelman and Gabry (2017); for discrete data Czado, Gneiting and Held
    /// (2009), randomised.
    pub fn loo_pit(&self, target: &Target) -> Result<Vec<LooPit>, FitError> {
        self.check_same(target.layout())?;
        let num_rows = rows_with_data(target)?;
        refuse_row_latents(target.layout())?;
        let most = (MOST_NUMBERS / num_rows.max(1)).clamp(LEAST_DRAWS, MOST_DRAWS);
        let made = self.predictive(target, None, most)?;
        let chosen = self.first_chosen(most);
        let likelihood = self.log_likelihood_at(target, None, &chosen)?;
        let n = likelihood.num_draws;
        if n < MIN_DRAWS {
            let words = format!("{n} draws; leaving a row out takes at least {MIN_DRAWS}");
            return Err(FitError::setting("draws", words));
        }
        let mut out: Vec<LooPit> = Vec::new();
        let shown: Vec<(usize, &Replicated)> = made.iter().enumerate().filter(|(_, data)| data.in_rows).collect();
        let mut shares = Vec::new();
        for (number, data) in &shown {
            if data.observed.iter().any(|y| y.is_nan()) {
                let words = "the observed values depend on latents, so that they have no place among new ones";
                return Err(FitError::unsupported("data", words));
            }
            let size = data.observed.len();
            let mut own = vec![0.0; size];
            self.streams.purpose(PIT).at_step(*number as u64).fill_uniform(size, &mut own);
            shares.push(own);
            let (values, k_hat, threshold) = (vec![0.0; size], Vec::with_capacity(num_rows), k_hat_threshold(n));
            out.push(LooPit { name: data.name.clone(), values, k_hat, threshold, statistics: None });
        }
        let usable = |l: &f64| if l.is_finite() { -l } else { f64::NEG_INFINITY };
        for row in 0..num_rows {
            let without: Vec<f64> = likelihood.row(row).iter().map(usable).collect();
            let smooth = psis(&without).map_err(|e| FitError::unsupported("weights", e.to_string()))?;
            let weights: Vec<f64> = smooth.log_weights.iter().map(|l| l.exp()).collect();
            for ((pit, (_, data)), shares) in out.iter_mut().zip(&shown).zip(&shares) {
                pit.k_hat.push(smooth.k_hat);
                for at in (row..data.observed.len()).step_by(num_rows) {
                    pit.values[at] = place(data.observed[at], &data.values[at * n..][..n], &weights, shares[at]);
                }
            }
        }
        out.iter_mut().for_each(|pit| pit.statistics = statistics(&pit.values));
        Ok(out)
    }
}

/// The weighted share of `lane` below `y`, and of what is equal to it the given part.
fn place(y: f64, lane: &[f64], weights: &[f64], part: f64) -> f64 {
    let share = |is: fn(f64, f64) -> bool| -> f64 {
        lane.iter().zip(weights).filter(|(x, _)| is(**x, y)).map(|(_, w)| w).sum()
    };
    (share(|x, y| x < y) + part * share(|x, y| x == y)).min(1.0)
}

fn statistics(values: &[f64]) -> Option<RankStatistics> {
    if values.len() < MIN_RANKS {
        return None;
    }
    let cells: Vec<usize> = values.iter().map(|v| ((v * CELLS as f64) as usize).min(CELLS - 1)).collect();
    rank_statistics(&cells, CELLS - 1).ok()
}
