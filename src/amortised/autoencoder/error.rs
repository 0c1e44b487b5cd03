//! [`AutoencoderError`]: an autoencoder that cannot be recorded, trained or run.

use crate::algorithm::FitError;
use crate::family::FamilyError;
use crate::layers::LayerError;
use crate::mixture::MixtureError;
use crate::target::{DensityError, TargetError};

/// An autoencoder that cannot be recorded, trained or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AutoencoderError {
    /// Sizes or settings that do not go together.
    #[error("{reason}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What is wrong with it, and what to try.
        reason: String,
    },
    /// A block of rows that cannot be read, as its reader says.
    #[error(transparent)]
    Rows(Box<dyn std::error::Error + Send + Sync>),
    /// Training that does not stay finite: the state is that of the end of the last epoch.
    #[error(
        "epoch {epoch}: the bound or its gradient was not finite {times} times in a row, the last with a step size of \
         {rate:.1e}; take a smaller one, or rescale rows of large numbers to about 1"
    )]
    NotFinite {
        /// The epoch in which it happened, counted from one.
        epoch: usize,
        /// How many times in a row the bound or its gradient was not finite.
        times: u32,
        /// The last step size.
        rate: f64,
    },
    /// A step that failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// An encoder that cannot be recorded.
    #[error(transparent)]
    Family(#[from] FamilyError),
    /// A decoder that cannot be recorded.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A pass that failed.
    #[error(transparent)]
    Density(#[from] DensityError),
    /// Numbers that are not those of the networks.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// Rows that cannot be grouped by k-means.
    #[error(transparent)]
    Groups(#[from] MixtureError),
}

impl AutoencoderError {
    /// A setting that makes no sense.
    pub(crate) fn setting(name: &'static str, reason: impl Into<String>) -> Self {
        AutoencoderError::Setting { name, reason: reason.into() }
    }
}
