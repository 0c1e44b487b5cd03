//! A saved fit with its model, made again from what was saved.

use super::built::build;
use super::engine;
use super::error::CommandError;
use super::outcome::{EngineError, Outcome};
use super::saved::Note;
use jensen::export::{FileError, SavedFit};
use jensen::family::Family;
use jensen::posterior::Posterior;
use jensen::target::Target;
use jensen_models::registry::Entry;
use jensen_models::zoo::Built;
use std::path::Path;

/// A saved fit of a model of the zoo.
pub(super) struct Opened {
    pub outcome: Outcome,
    pub note: Note,
    pub entry: &'static Entry,
    pub built: Built,
}

/// What to do instead, in words, where a saved fit is of another kind.
pub(super) struct Instead {
    /// Of a mixture or an autoencoder.
    pub of_others: &'static str,
    /// Of a model of the user's own.
    pub of_own: &'static str,
}

impl Opened {
    /// Reads the fit at `path` and builds its model.
    ///
    /// # Errors
    /// No such fit, a damaged one, one of another kind or of a model that this program does not have.
    pub fn read(path: &Path, instead: &Instead) -> Result<Self, CommandError> {
        let saved = SavedFit::open(path)?;
        let other = |found: &str| FileError::NotSaved { path: saved.path().to_owned(), found: found.into() };
        let Some(outcome) = Outcome::read(&saved)? else {
            return Err(other(&format!("it is no fit of a model: {}", instead.of_others)).into());
        };
        let Some(note) = saved.note::<Note>()? else {
            let words = format!("its model is your own, which this program does not have: {}", instead.of_own);
            return Err(other(&words).into());
        };
        let (entry, built) = build(&note.model, note.table.as_ref(), &note.options)?;
        Ok(Opened { outcome, note, entry, built })
    }
}

/// A saved fit by a family, with all that its checks need.
pub(super) struct Rebuilt {
    /// What the user called it.
    pub fit: String,
    pub note: Note,
    pub built: Built,
    pub posterior: Posterior,
    pub target: Target,
    pub family: Box<dyn Family>,
}

impl Rebuilt {
    /// Reads the fit at `path` and records its model on its data, with so many threads.
    ///
    /// # Errors
    /// Those of [`Opened::read`], a network in the place of a family, and a model other than the one that was fitted.
    pub fn read(path: &Path, instead: &Instead, threads: usize) -> Result<Self, CommandError> {
        Self::of(Opened::read(path, instead)?, path.display().to_string(), threads)
    }

    /// The same of a fit that is at hand, which the user called `fit`.
    ///
    /// # Errors
    /// As [`Rebuilt::read`].
    pub fn of(opened: Opened, fit: String, threads: usize) -> Result<Self, CommandError> {
        let Opened { outcome, note, entry, built } = opened;
        let engine = |source| CommandError::Engine { model: entry.name.to_string(), source };
        let Outcome::Posterior(posterior) = outcome else {
            let words = "its q is a network, which was judged when it was trained: `jensen show` prints the verdict; fits of \
                         other models can be checked and compared";
            return Err(engine(EngineError(words.into())));
        };
        let (layout, solution) = (Some(posterior.layout()), posterior.solution());
        let (target, family) =
            engine::recorded(&*built.model, &note.family, layout, solution, threads).map_err(engine)?;
        Ok(Rebuilt { fit, note, built, posterior, target, family })
    }

    /// The model of an error.
    pub fn failed(&self, source: impl Into<EngineError>) -> CommandError {
        CommandError::Engine { model: self.note.model.clone(), source: source.into() }
    }
}
