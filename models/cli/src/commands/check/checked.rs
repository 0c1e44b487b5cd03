//! [`Checked`]: everything that was found.

use super::calibrated::Calibrated;
use super::parts::{Finding, LeftOut, Part, Pit};
use super::predicted::Predicted;
use jensen::diagnose::verdict::Verdict;
use jensen::posterior::PowerScaling;
use serde::Serialize;

/// Everything that was found.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Checked {
    pub(super) fit: String,
    pub(super) model: String,
    pub(super) data: String,
    pub(super) num_rows: usize,
    pub(super) seed: u64,
    pub(super) verdict: Verdict,
    /// Tail shape of the fit's own weights.
    #[serde(with = "jensen::number")]
    pub(super) k_hat: f64,
    /// Data that the prior expects.
    pub(super) prior_predictive: Part<Predicted>,
    /// Data that the fitted model expects.
    pub(super) posterior_predictive: Part<Predicted>,
    /// Rows left out one by one.
    pub(super) loo: Part<LeftOut>,
    /// Where left-out rows fall.
    pub(super) loo_pit: Part<Vec<Pit>>,
    /// Fits of simulated data.
    pub(super) calibration: Part<Calibrated>,
    /// Power-scaling of prior and data.
    pub(super) sensitivity: Part<PowerScaling>,
    /// What to look at, the most serious first.
    pub(super) findings: Vec<Finding>,
}
