//! Calibration by simulation: is a way of fitting right on data that come from the model?

use super::calibration::{CalibrationError, RankStatistics, rank, rank_statistics};
use crate::streams::Streams;
use crate::target::{Constrained, SimulationError, Target};

/// One simulated data set, of which the fit must not see the latents behind it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DataSet {
    /// Number of the data set, to make seeds of.
    pub index: usize,
    /// One column for each `observe` of the model, `[element][row]`.
    pub data: Vec<Vec<f64>>,
}

/// Why a way of fitting could not be calibrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError<E: std::error::Error> {
    /// The model cannot be simulated from.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The model reads the data it observes, so a simulated data set is no draw from it.
    #[error(
        "the model reads a column that it also observes (a lag); simulate whole series outside of the model and rank them with `rank`"
    )]
    ReadsItsData,
    /// A fit failed.
    #[error("simulated data set {index}: {error}")]
    Fit {
        /// Number of the data set.
        index: usize,
        /// The fit's error.
        error: E,
    },
    /// A fit gave draws without one of the model's quantities, or another number of draws than the first.
    #[error("simulated data set {index}: the fit gave {found} usable draws of \"{name}\", expected {expected}")]
    Draws {
        /// Number of the data set.
        index: usize,
        /// Name of the quantity.
        name: String,
        /// Draws given that are not NaN.
        found: usize,
        /// Draws of the first data set.
        expected: usize,
    },
    /// The ranks cannot be tested.
    #[error(transparent)]
    Ranks(#[from] CalibrationError),
}

/// Fits `num_sets` data sets drawn from `target`'s model with `fit`, and tests where the true latents fall among
/// the draws: one [`RankStatistics`] for each quantity outside of rows.
///
/// `fit` builds the model for the data set, fits it and returns named independent draws, as many each time: of q
/// (`posterior.proposal().of_q()`), or, where the verdict trusts the weights, of the posterior
/// ([`resample`](crate::posterior::resample), few from many). `theta` is held fixed; quantities that do not vary under the prior are left out.
///
/// # Errors
/// A model that cannot be simulated from, a fit that fails, draws that do not fit together, fewer than 30 data sets.
///
/// *Source*: Talts et al. (2018); Yao, Vehtari, Simpson and Gelman (2018).
pub fn calibrate<E: std::error::Error>(
    target: &Target,
    theta: &[f64],
    streams: Streams,
    num_sets: usize,
    mut fit: impl FnMut(&DataSet) -> Result<Constrained, E>,
) -> Result<Vec<(String, RankStatistics)>, CalibrateError<E>> {
    let truth = target.prior_draws(theta, streams, num_sets)?;
    if truth.reads_its_data {
        return Err(CalibrateError::ReadsItsData);
    }
    let varies = |k: &usize| {
        let values = truth.draws.element(*k);
        values.iter().any(|v| *v != values[0])
    };
    let elements: Vec<usize> = (0..truth.draws.names.len()).filter(varies).collect();
    let mut ranks = vec![Vec::with_capacity(num_sets); elements.len()];
    let mut num_draws = None;
    for index in 0..num_sets {
        let data_set = DataSet { index, data: truth.data_set(index) };
        let draws = fit(&data_set).map_err(|error| CalibrateError::Fit { index, error })?;
        let expected = *num_draws.get_or_insert(draws.num_draws);
        for (ranks, &k) in ranks.iter_mut().zip(&elements) {
            let name = &truth.draws.names[k];
            let own = draws.named(name).unwrap_or_default();
            let rank = (own.len() == expected).then(|| rank(truth.draws.element(k)[index], own)).flatten();
            let wrong = || CalibrateError::Draws { index, name: name.clone(), found: usable(own), expected };
            ranks.push(rank.ok_or_else(wrong)?);
        }
    }
    let tested = elements
        .iter()
        .zip(&ranks)
        .map(|(&k, ranks)| Ok((truth.draws.names[k].clone(), rank_statistics(ranks, num_draws.unwrap_or(0))?)));
    tested.collect()
}

fn usable(draws: &[f64]) -> usize {
    draws.iter().filter(|x| !x.is_nan()).count()
}
