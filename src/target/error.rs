//! [`TargetError`]: models that cannot be used; [`DensityError`]: densities that cannot be evaluated.

use crate::program::ProgramError;

/// A model that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// A mistake in the model, with its place in the source.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The two recordings differ.
    #[error(
        "the log joint did two different things when it was recorded twice ({difference}); it must depend on nothing that changes, such as a counter or random numbers"
    )]
    Unstable {
        /// What differs.
        difference: String,
    },
    /// There is nothing to infer.
    #[error(
        "the model has no latents and no parameters; declare one with `p.draw(..)`, `p.real(..)` or `p.parameter(..)`"
    )]
    Empty,
    /// Data that are read are not numbers.
    #[error("{place} is not a number (NaN); leave such rows out, or fill them in")]
    NotANumber {
        /// The column and the row, in words.
        place: String,
    },
    /// Latents of rows have no place in draws when the `rows` blocks differ.
    #[error(
        "the model has latents of each row and `rows` blocks over different rows; take the same rows in every block, or declare the latents as vectors with `p.draws(..)`"
    )]
    SeveralRowBlocks,
    /// A latent has no such coordinates.
    #[error(
        "the latents are not those of the fit: \"{site}\" has coordinates there that it cannot have here; give the same model, with the same number of groups and features"
    )]
    Coordinates {
        /// The name of the latent.
        site: String,
    },
    /// Integers cannot be summed out.
    #[error("the integers cannot be summed out: {reason}; leave them to q")]
    Integers {
        /// What is in the way.
        reason: String,
    },
    /// Threads could not be started.
    #[error("{threads} threads could not be started: {reason}")]
    Threads {
        /// The number of threads that were asked for.
        threads: usize,
        /// The system's reason.
        reason: String,
    },
}

/// A density, or its gradient by an estimator, that cannot be evaluated at all.
///
/// A single draw without a density is no error: it has a value that is not finite, and counts as rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DensityError {
    kind: DensityErrorKind,
    reason: String,
}

/// What kind of error a [`DensityError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DensityErrorKind {
    /// A setting, a size or a state that makes no sense.
    Setting,
    /// Density, family and estimator do not go together.
    Unsupported,
    /// A number that has to be finite is not.
    NotFinite,
    /// What a density or an estimator of one's own says.
    Own,
}

impl DensityError {
    /// The error of a density or an estimator of one's own.
    pub fn new(reason: impl Into<String>) -> Self {
        Self::of_kind(DensityErrorKind::Own, reason)
    }

    /// A setting, a size or a state that makes no sense.
    pub fn setting(reason: impl Into<String>) -> Self {
        Self::of_kind(DensityErrorKind::Setting, reason)
    }

    /// Density, family and estimator that do not go together.
    pub fn unsupported(reason: impl Into<String>) -> Self {
        Self::of_kind(DensityErrorKind::Unsupported, reason)
    }

    /// A number that has to be finite and is not.
    pub fn not_finite(reason: impl Into<String>) -> Self {
        Self::of_kind(DensityErrorKind::NotFinite, reason)
    }

    fn of_kind(kind: DensityErrorKind, reason: impl Into<String>) -> Self {
        DensityError { kind, reason: reason.into() }
    }

    /// The kind of the error, which stays the same where its words change.
    pub fn kind(&self) -> DensityErrorKind {
        self.kind
    }

    /// Whether another point or smaller steps may help.
    pub fn is_recoverable(&self) -> bool {
        self.kind == DensityErrorKind::NotFinite
    }
}
