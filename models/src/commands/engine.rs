//! What the commands need of the library: a fit from choices, and draws from a saved one.

use crate::cli::args::MethodArgs;
use jensen::diagnose::verdict::Verdict;
use jensen::fit::Observer;
use jensen::model::Model;
use serde::{Deserialize, Serialize};

/// What to fit, and how.
pub struct Request<'a> {
    /// The model on its data.
    pub model: &'a (dyn Model + Send + Sync),
    /// The choices of the command line.
    pub method: &'a MethodArgs,
    /// Sees every step; breaking ends the fit with what was reached.
    pub observer: &'a mut dyn Observer,
}

/// What a fit gives.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it was done, in words.
    pub method: String,
    /// One line for each quantity.
    pub posterior: Vec<Line>,
    /// The bound and its parts.
    pub bound: Bound,
    /// Tail shape of the importance weights.
    pub k_hat: f64,
    /// Whether to trust it.
    pub verdict: Verdict,
    /// Why it ended.
    pub stop: String,
    /// Number of steps taken.
    pub num_steps: u64,
    /// The objective along the fit.
    pub trace: Trace,
    /// Draws of every quantity.
    pub draws: NamedDraws,
    /// All that a later command needs to draw again.
    pub saved: serde_json::Value,
}

/// A line of the posterior table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The quantity.
    pub name: String,
    /// Its posterior mean.
    #[serde(with = "crate::cli::number::as_text")]
    pub mean: f64,
    /// Its posterior standard deviation.
    #[serde(with = "crate::cli::number::as_text")]
    pub sd: f64,
    /// Monte Carlo standard error of the mean.
    #[serde(with = "crate::cli::number::as_text")]
    pub mcse: f64,
    /// The 5 % quantile.
    #[serde(with = "crate::cli::number::as_text")]
    pub q05: f64,
    /// The median.
    #[serde(with = "crate::cli::number::as_text")]
    pub q50: f64,
    /// The 95 % quantile.
    #[serde(with = "crate::cli::number::as_text")]
    pub q95: f64,
}

/// An estimate with its Monte Carlo standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    #[serde(with = "crate::cli::number::as_text")]
    pub value: f64,
    /// Its standard error.
    #[serde(with = "crate::cli::number::as_text")]
    pub se: f64,
}

/// The bound on the log evidence in both forms, and what it leaves open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The evidence lower bound.
    pub elbo: Estimate,
    /// `E_q[log p(x, z)]`.
    pub log_joint: Estimate,
    /// `-E_q[log q(z)]`.
    pub entropy: Estimate,
    /// `E_q[log p(x | z)]`, where priors and data are told apart.
    pub data: Option<Estimate>,
    /// `KL(q(z) || p(z))`, where priors and data are told apart.
    pub kl: Option<Estimate>,
    /// `log p(x)` by importance sampling.
    pub log_evidence: Estimate,
    /// Jensen's gap.
    pub gap: Estimate,
}

/// The objective along a fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The step of each point.
    pub steps: Vec<u64>,
    /// The objective there.
    pub objective: Vec<f64>,
}

/// Draws by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NamedDraws {
    /// The quantities.
    pub names: Vec<String>,
    /// The draws of each, all equally long.
    pub values: Vec<Vec<f64>>,
}

/// A fit that failed, or a saved one that does not fit its model.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub String);

/// Fits `request.model`.
///
/// # Errors
/// When the model cannot be recorded or the fit cannot go on.
pub fn fit(_request: Request) -> Result<Outcome, EngineError> {
    Err(EngineError("not connected".to_string()))
}

/// Fresh draws of a saved fit of `model`.
///
/// # Errors
/// When `saved` does not belong to `model`.
pub fn sample(
    _model: &(dyn Model + Send + Sync),
    _saved: &serde_json::Value,
    _num_draws: usize,
    _seed: u64,
) -> Result<NamedDraws, EngineError> {
    Err(EngineError("not connected".to_string()))
}
