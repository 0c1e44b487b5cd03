//! [`CommandError`]: why a command failed.

use super::mixture::error::ClusterError;
use super::outcome::EngineError;
use super::vae::error::VaeError;
use crate::cli::output::OutputError;
use crate::cli::plot::PlotError;
use jensen::diagnose::ElpdError;
use jensen::export::FileError;
use jensen_models::data::DataError;
use jensen_models::registry::UnknownModel;
use jensen_models::zoo::BuildError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No such model.
    #[error(transparent)]
    Model(#[from] UnknownModel),
    /// The data cannot be used.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The fit failed.
    #[error("{model}: {source}")]
    Engine {
        /// Name of the model.
        model: String,
        /// What went wrong.
        source: EngineError,
    },
    /// A mixture cannot be fitted or used.
    #[error(transparent)]
    Mixture(#[from] ClusterError),
    /// An autoencoder cannot be trained or used.
    #[error(transparent)]
    Vae(#[from] VaeError),
    /// A result cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A saved fit cannot be read, or a result cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A fit whose figures are not made again.
    #[error(
        "{path}: figures are drawn again of fits of models alone; those of this one were drawn by the command that made it"
    )]
    NoFigures {
        /// The saved fit.
        path: String,
    },
    /// No such command, for its page.
    #[error("no command `{name}`{hint}; there are {known}")]
    NoCommand {
        /// What was asked for.
        name: String,
        /// The nearest one, in words.
        hint: String,
        /// All of them.
        known: String,
    },
    /// Fits that are not of the same rows.
    #[error("{a} and {b} are not fits of the same rows: {difference}; fit both models to the same file")]
    OtherRows {
        /// One of the fits.
        a: String,
        /// The other.
        b: String,
        /// In what they differ.
        difference: String,
    },
    /// Fits whose predictions cannot be compared.
    #[error(transparent)]
    Elpd(#[from] ElpdError),
    /// A figure cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

impl From<DataError> for CommandError {
    fn from(error: DataError) -> Self {
        Self::Build(error.into())
    }
}
