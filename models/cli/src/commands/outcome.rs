//! What a fit gives, whichever way it was done: the values that reports, files and plots are made of.

use super::draws::NamedDraws;
use jensen::algorithm::{FitError, Solution};
use jensen::amortised::Measured;
use jensen::diagnose::verdict::Verdict;
use jensen::posterior::{MonteCarlo, Resampling, RowMeans, Summary};
use jensen::target::TargetError;
use serde::{Deserialize, Serialize};

/// What a fit gives.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it was done, in words.
    pub method: String,
    /// How draws of the posterior were made by importance weights, where the lines are of it and not of q.
    pub resampled: Option<Resampling>,
    /// One line for each quantity.
    pub posterior: Vec<Line>,
    /// The bound and its parts, where there is one.
    pub bound: Option<Bound>,
    /// What was measured beside it, or in its place.
    pub measured: Option<Measured>,
    /// Tail shape of the importance weights; NaN where there are none.
    pub k_hat: f64,
    /// Whether to trust it.
    pub verdict: Verdict,
    /// Why it ended.
    pub stop: String,
    /// Number of steps taken.
    pub num_steps: u64,
    /// The objective along the fit.
    pub trace: Trace,
    /// The latents of rows, in short.
    pub of_rows: Vec<RowMeans>,
    /// Draws of every quantity, which agree with the lines.
    pub draws: NamedDraws,
    /// Draws of q itself, with their densities and weights; none where these are not known.
    pub proposal: NamedDraws,
    /// All that a later command needs to draw again.
    pub saved: SavedSolution,
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
    /// The evidence lower bound; nothing, as the four below, where q is a point and bounds nothing.
    pub elbo: Option<Estimate>,
    /// `E_q[log p(x, z)]`.
    pub log_joint: Estimate,
    /// `-E_q[log q(z)]`.
    pub entropy: Estimate,
    /// `E_q[log p(x | z)]`, where priors and data are told apart.
    pub data: Option<Estimate>,
    /// `KL(q(z) || p(z))`, where priors and data are told apart.
    pub kl: Option<Estimate>,
    /// `log p(x)` by importance sampling.
    pub log_evidence: Option<Estimate>,
    /// Jensen's gap.
    pub gap: Option<Estimate>,
    /// `ln` of the accepted share of the draws, where any was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ln_accepted: Option<Estimate>,
}

/// The objective along a fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The step of each point.
    pub steps: Vec<u64>,
    /// The objective there.
    pub objective: Vec<f64>,
}

impl Trace {
    /// Writes a line for each kept point.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write_csv(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        writeln!(out, "step,bound")?;
        for (step, bound) in self.steps.iter().zip(&self.objective) {
            writeln!(out, "{step},{bound}")?;
        }
        Ok(())
    }
}

/// A fit that failed, or a saved one that does not fit its model.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub String);

/// What is saved of a fit beside its report: enough to draw again with the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedSolution {
    /// The name of q.
    pub family: String,
    /// Parameters of q, and of the model.
    pub solution: Solution,
}

impl From<Summary> for Line {
    fn from(s: Summary) -> Self {
        Line { name: s.name, mean: s.mean, sd: s.sd, mcse: s.mcse, q05: s.q5, q50: s.q50, q95: s.q95 }
    }
}

impl From<&jensen::posterior::Bound> for Bound {
    fn from(b: &jensen::posterior::Bound) -> Self {
        let estimate = |e: MonteCarlo| Estimate { value: e.value, se: e.mcse };
        let bounded = |e: MonteCarlo| (!b.is_of_a_point()).then(|| estimate(e));
        Bound {
            elbo: bounded(b.elbo),
            log_joint: estimate(b.log_joint),
            entropy: estimate(b.entropy),
            data: b.data.map(estimate),
            kl: b.kl.and_then(bounded),
            log_evidence: bounded(b.log_evidence),
            gap: bounded(b.gap),
            ln_accepted: b.ln_accepted.map(estimate),
        }
    }
}

impl From<&Bound> for jensen::posterior::Bound {
    fn from(b: &Bound) -> Self {
        let monte_carlo = |e: Estimate| MonteCarlo { value: e.value, mcse: e.se };
        // Of a point, the report shows the log joint alone.
        let bounded = |e: Option<Estimate>| monte_carlo(e.unwrap_or(b.log_joint));
        Self {
            elbo: bounded(b.elbo),
            log_joint: monte_carlo(b.log_joint),
            entropy: monte_carlo(b.entropy),
            data: b.data.map(monte_carlo),
            kl: b.kl.map(monte_carlo),
            log_evidence: bounded(b.log_evidence),
            gap: bounded(b.gap),
            ln_accepted: b.ln_accepted.map(monte_carlo),
        }
    }
}

impl From<FitError> for EngineError {
    fn from(error: FitError) -> Self {
        EngineError(error.to_string())
    }
}

impl From<TargetError> for EngineError {
    fn from(error: TargetError) -> Self {
        EngineError(error.to_string())
    }
}
