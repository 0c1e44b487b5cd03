//! [`StudyError`]: a study that makes no sense as it was asked for.

use crate::family::FamilyError;

/// A study that cannot begin. What fails later is reported beside the rest.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The family does not draw the model's latents.
    #[error(transparent)]
    Family(#[from] FamilyError),
    /// A setting that makes no sense.
    #[error("{reason}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What is wrong with it, and what to try.
        reason: String,
    },
}

impl StudyError {
    /// A setting that makes no sense.
    pub(crate) fn setting(name: &'static str, reason: impl Into<String>) -> Self {
        StudyError::Setting { name, reason: reason.into() }
    }
}
