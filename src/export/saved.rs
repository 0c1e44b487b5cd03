//! The kinds of fits that can be saved: every kind of fit, in the one format of saved fits.

use std::convert::Infallible;
use std::path::Path;

use super::FileError;
use super::envelope::{FitBody, SavedFit, save_fit};
use crate::amortised::AmortisedFitted;
use crate::amortised::autoencoder::Checkpoint;
use crate::mixture::{Component, Kind, MixtureFitted};
use crate::posterior::Posterior;

macro_rules! saved {
    ($type:ty, $kind:literal, $what:literal) => {
        impl FitBody for $type {
            const KIND: &'static str = $kind;

            fn check(&self) -> Result<(), String> {
                self.check_saved()
            }
        }

        impl $type {
            #[doc = concat!("Saves ", $what, " as JSON, to be loaded again here and by the command line: `jensen show`.")]
            ///
            /// Numbers come back with every bit, infinities and NaN included.
            ///
            /// # Errors
            /// When the file cannot be written; there is then no new file.
            pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
                save_fit(path, self, &())
            }

            /// Loads what [`save`](Self::save) wrote, or a command of the command line; a folder stands for `fit.json` in it.
            ///
            /// # Errors
            /// When the file cannot be read, is cut off, edited or damaged, is something else, or is of another version.
            pub fn load(path: impl AsRef<Path>) -> Result<Self, FileError> {
                SavedFit::open(path)?.body()
            }
        }
    };
}

saved!(Posterior, "posterior", "everything but the model: draws, densities, the solution, the trace and the verdict");
saved!(
    AmortisedFitted,
    "amortised",
    "everything but the model: the networks, draws, what was measured and the verdict"
);
saved!(Checkpoint, "autoencoder", "the networks, and what training goes on from to the same bits");

impl FitBody for MixtureFitted {
    const KIND: &'static str = "mixture";

    fn check(&self) -> Result<(), String> {
        self.check_saved().map_err(|e| e.to_string())
    }
}

impl<C: Component + Into<Kind> + TryFrom<Kind>> MixtureFitted<C> {
    /// Saves the mixture as JSON, to be loaded again here and by the command line: `jensen show`, `jensen predict`.
    ///
    /// Numbers come back with every bit. A mixture of components of your own is no [`Kind`], and is saved with serde.
    ///
    /// # Errors
    /// When the file cannot be written; there is then no new file.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        let Ok(fitted) = self.clone().with_component(|component| Ok::<Kind, Infallible>(component.into()));
        save_fit(path, &fitted, &())
    }

    /// Loads what [`save`](Self::save) wrote, or `jensen mixture`; a folder stands for `fit.json` in it.
    ///
    /// # Errors
    /// When the file cannot be read, is cut off, edited or damaged, is something else, or is of another version; when its
    /// components are of another kind.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let saved = SavedFit::open(path)?;
        let fitted: MixtureFitted = saved.body()?;
        fitted.with_component(C::try_from).map_err(|_| FileError::NotSaved {
            path: saved.path().to_owned(),
            found: "its components are of another kind; load it as `Fitted<Kind>`".into(),
        })
    }
}
