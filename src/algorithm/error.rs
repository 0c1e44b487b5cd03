//! [`FitError`]: why a fit cannot go on.

use std::sync::Arc;

use crate::family::FamilyError;
use crate::target::{DensityError, TargetError};

/// A fit that cannot go on: [`kind`](Self::kind) is for programs, the text for people.
///
/// ```
/// use jensen::algorithm::FitErrorKind;
/// use jensen::prelude::*;
///
/// let flat = model(|p| p.add(0.0 * p.real("x")));
/// let error = jensen::fit(&flat).err().expect("no posterior");
/// assert_eq!(error.kind(), FitErrorKind::Improper);
/// assert!(!error.is_recoverable());
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// The density cannot be evaluated.
    #[error(transparent)]
    Density(#[from] DensityError),
    /// The model cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The family does not fit the model.
    #[error(transparent)]
    Family(#[from] FamilyError),
    /// No draw gives a finite density.
    #[error(
        "{place}: the log joint is not finite {times} times in a row{detail}; try a proper prior on it, standardised data, smaller steps, or another start"
    )]
    NotFinite {
        /// The place where it happened: the step, or the start.
        place: String,
        /// How many times in a row the log joint was not finite.
        times: usize,
        /// The latent to look at, where it is known.
        detail: String,
    },
    /// The density has no finite integral.
    #[error(
        "the log joint does not fall off far out along {}, so it has no finite integral and there is no posterior; give {} a proper prior; where the priors are proper, look for data that the model explains without any noise, which drive a scale to zero",
        named(sites), if sites.len() == 1 { "it" } else { "them" }
    )]
    Improper {
        /// The sites of the line along which it does not.
        sites: Vec<String>,
    },
    /// The density is flat along a latent.
    #[error(
        "the log joint does not depend on the latent {latent}, so it has no proper posterior; give it a prior with `p.draw(..)`, or use it"
    )]
    Unused {
        /// Name of the latent.
        latent: String,
    },
    /// A setting that makes no sense, here or for this model.
    #[error("{reason}")]
    Setting {
        /// The setting, such as `draws` or `learning rate`.
        name: &'static str,
        /// What is wrong with it, and what to try.
        reason: String,
    },
    /// A solver gave up.
    #[error("the solver stopped without an answer: {reason}")]
    Solver {
        /// In which way.
        failure: SolverFailure,
        /// What was found, and what to try.
        reason: String,
    },
    /// The model asks for something that is not done here.
    #[error("{reason}")]
    Unsupported {
        /// The part of model or fit in the way, such as `integers` or `estimator`.
        part: &'static str,
        /// What is not done, and what to take instead.
        reason: String,
    },
    /// An algorithm's own error, kept whole for whoever knows its type.
    #[error(transparent)]
    Own(Arc<dyn std::error::Error + Send + Sync>),
}

/// What kind of error a [`FitError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FitErrorKind {
    /// The density, or its gradient by the chosen estimator, cannot be evaluated.
    Density,
    /// The model cannot be recorded.
    Model,
    /// The family does not fit the model.
    Family,
    /// Densities are not finite where the fit is.
    NotFinite,
    /// The model has no proper posterior.
    Improper,
    /// A setting makes no sense.
    Setting,
    /// A solver gave up.
    Solver,
    /// The model asks for something that is not done.
    Unsupported,
    /// Another error, of an algorithm of one's own.
    Own,
}

/// The way in which a solver gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SolverFailure {
    /// There is no maximum in reach.
    NoMaximum,
    /// A value or a gradient is not finite.
    NotFinite,
    /// A matrix that must be positive definite is not.
    Singular,
    /// It does not converge.
    NoConvergence,
    /// The solver of another library says so.
    External,
}

impl FitError {
    /// A setting that makes no sense.
    pub fn setting(name: &'static str, reason: impl Into<String>) -> Self {
        FitError::Setting { name, reason: reason.into() }
    }

    /// A solver that gave up.
    pub fn solver(failure: SolverFailure, reason: impl Into<String>) -> Self {
        FitError::Solver { failure, reason: reason.into() }
    }

    /// Something that is not done.
    pub fn unsupported(part: &'static str, reason: impl Into<String>) -> Self {
        FitError::Unsupported { part, reason: reason.into() }
    }

    /// The kind of the error, which stays the same where its words change.
    pub fn kind(&self) -> FitErrorKind {
        match self {
            FitError::Density(_) => FitErrorKind::Density,
            FitError::Target(_) => FitErrorKind::Model,
            FitError::Family(_) => FitErrorKind::Family,
            FitError::NotFinite { .. } => FitErrorKind::NotFinite,
            FitError::Improper { .. } | FitError::Unused { .. } => FitErrorKind::Improper,
            FitError::Setting { .. } => FitErrorKind::Setting,
            FitError::Solver { .. } => FitErrorKind::Solver,
            FitError::Unsupported { .. } => FitErrorKind::Unsupported,
            FitError::Own(_) => FitErrorKind::Own,
        }
    }

    /// Whether the same model may be fitted from another start, with another seed or with smaller steps.
    pub fn is_recoverable(&self) -> bool {
        match self {
            FitError::NotFinite { .. } | FitError::Solver { .. } => true,
            FitError::Density(error) => error.is_recoverable(),
            _ => false,
        }
    }
}

/// `"a", "b"`, and no more than a handful.
fn named(sites: &[String]) -> String {
    let most = 5;
    let shown: Vec<String> = sites.iter().take(most).map(|s| format!("\"{s}\"")).collect();
    let rest = if sites.len() > most { format!(" and {} more", sites.len() - most) } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}
