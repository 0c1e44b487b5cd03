//! [`FamilyError`]: families that do not fit a model.

use crate::program::ProgramError;

/// A family that cannot be made, or does not fit the model's latents.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FamilyError {
    /// A mistake in a user's guide, with its place in the source.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A name that is no site of the model.
    #[error("the model has no {kind} \"{site}\"; it has {known}")]
    UnknownSite {
        /// The name that was given.
        site: String,
        /// The kind of latent that was looked for.
        kind: &'static str,
        /// The names there are.
        known: String,
    },
    /// A site that two parts want.
    #[error("site \"{site}\" is given to two parts of q; give it to one")]
    Repeated {
        /// Name of the site.
        site: String,
    },
    /// A site that nothing draws.
    #[error("q leaves site \"{site}\" out; {remedy}")]
    Uncovered {
        /// Name of the site.
        site: String,
        /// A family that covers it, in words.
        remedy: &'static str,
    },
    /// Sizes that differ.
    #[error("the {family} covers {found} latents, the model has {expected}")]
    Size {
        /// Name of the family.
        family: String,
        /// Latents it covers.
        found: usize,
        /// Latents there are.
        expected: usize,
    },
    /// A setting that makes no sense.
    #[error("{reason}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What is wrong with it, and what to try.
        reason: String,
    },
}

impl FamilyError {
    /// A setting that makes no sense.
    pub fn setting(name: &'static str, reason: impl Into<String>) -> Self {
        FamilyError::Setting { name, reason: reason.into() }
    }

    pub(crate) fn unknown_site<'a>(site: &str, kind: &'static str, known: impl Iterator<Item = &'a str>) -> Self {
        let known: Vec<String> = known.map(|k| format!("\"{k}\"")).collect();
        let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
        FamilyError::UnknownSite { site: site.into(), kind, known }
    }
}
