//! The outcome of a fit, whichever way it was done: a posterior, or a network with its verdict.

use jensen::algorithm::{FitError, Solution};
use jensen::amortised::{AmortisedFitted, Measured};
use jensen::diagnose::verdict::Verdict;
use jensen::export::{FileError, FitBody, OutDir, SavedFit};
use jensen::fit::{Stop, Trace};
use jensen::model::Layout;
use jensen::posterior::{Bound, Posterior, Resampling, Summary};
use jensen::target::{Constrained, TargetError};
use serde::Serialize;

/// A finished fit.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
pub enum Outcome {
    /// Of a model with a family.
    Posterior(Posterior),
    /// Of a model whose q is a network.
    Amortised(AmortisedFitted),
}

/// A fit that failed, or a saved one that does not fit its model.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub String);

impl Outcome {
    /// The fit in a file, where it is of one of these kinds.
    ///
    /// # Errors
    /// When the fit contradicts itself.
    pub fn read(saved: &SavedFit) -> Result<Option<Self>, FileError> {
        Ok(match saved.kind() {
            Posterior::KIND => Some(Outcome::Posterior(saved.body()?)),
            AmortisedFitted::KIND => Some(Outcome::Amortised(saved.body()?)),
            _ => None,
        })
    }

    /// Writes `fit.json`, the last file of its folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, note: &impl Serialize, folder: &mut OutDir) -> Result<(), FileError> {
        match self {
            Outcome::Posterior(posterior) => folder.write_fit(posterior, note),
            Outcome::Amortised(fitted) => folder.write_fit(fitted, note),
        }
    }

    /// A line for each quantity.
    pub fn summary(&self) -> Vec<Summary> {
        match self {
            Outcome::Posterior(posterior) => posterior.summary(),
            Outcome::Amortised(fitted) => fitted.summary.clone(),
        }
    }

    /// Draws of every quantity, which agree with the summary.
    pub fn draws(&self) -> Constrained {
        match self {
            Outcome::Posterior(posterior) => posterior.constrained(),
            Outcome::Amortised(fitted) => fitted.draws.clone(),
        }
    }

    /// How draws of the posterior were made by importance weights, where the summary is of it and not of q.
    pub fn resampling(&self) -> Option<Resampling> {
        match self {
            Outcome::Posterior(posterior) => posterior.resampling(),
            Outcome::Amortised(_) => None,
        }
    }

    /// The bound and its parts, where there is one.
    pub fn bound(&self) -> Option<Bound> {
        match self {
            Outcome::Posterior(posterior) => Some(*posterior.bound()),
            Outcome::Amortised(fitted) => fitted.bound,
        }
    }

    /// What was measured beside it, or in its place.
    pub fn measured(&self) -> Option<Measured> {
        match self {
            Outcome::Posterior(_) => None,
            Outcome::Amortised(fitted) => fitted.measured.clone(),
        }
    }

    /// Tail shape of the importance weights; NaN where there are none.
    pub fn k_hat(&self) -> f64 {
        match self {
            Outcome::Posterior(posterior) => posterior.k_hat(),
            Outcome::Amortised(fitted) => fitted.k_hat,
        }
    }

    /// Whether to trust it.
    pub fn verdict(&self) -> &Verdict {
        match self {
            Outcome::Posterior(posterior) => posterior.verdict(),
            Outcome::Amortised(fitted) => &fitted.verdict,
        }
    }

    /// Why it ended.
    pub fn stop(&self) -> &Stop {
        match self {
            Outcome::Posterior(posterior) => posterior.stop(),
            Outcome::Amortised(fitted) => &fitted.stop,
        }
    }

    /// The same in words.
    pub fn stopped(&self) -> String {
        match self {
            Outcome::Posterior(posterior) => posterior.stop().to_string(),
            Outcome::Amortised(fitted) => fitted.stopped.clone(),
        }
    }

    /// The objective along the fit, where it was kept.
    pub fn trace(&self) -> Trace {
        match self {
            Outcome::Posterior(posterior) => posterior.trace().cloned().unwrap_or_default(),
            Outcome::Amortised(fitted) => fitted.trace.clone(),
        }
    }

    /// Sites and their coordinates, where they are kept: those that the solution belongs to.
    pub fn layout(&self) -> Option<&Layout> {
        match self {
            Outcome::Posterior(posterior) => Some(posterior.layout()),
            Outcome::Amortised(_) => None,
        }
    }

    /// Parameters of q, and of the model.
    pub fn solution(&self) -> &Solution {
        match self {
            Outcome::Posterior(posterior) => posterior.solution(),
            Outcome::Amortised(fitted) => &fitted.solution,
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
