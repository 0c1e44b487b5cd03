//! The note that the command line keeps of a mixture beside the mixture itself: the columns it is of, and its report.

use super::columns::Column;
use super::error::ClusterError;
use super::report::Report;
use crate::cli::exit::Exit;
use jensen::export::SavedFit;
use jensen::mixture::MixtureFitted;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The note in the `fit.json` of a mixture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Note {
    /// The columns, in the order of the fit.
    pub columns: Vec<Column>,
    /// What was printed.
    pub report: Report,
}

/// The columns and the mixture in a file, or in `fit.json` of a folder; columns without names where the library has saved it.
///
/// # Errors
/// No such file, something else in it, and columns that are not the mixture's.
pub fn read(path: &Path) -> Result<(Vec<Column>, MixtureFitted), ClusterError> {
    let saved = SavedFit::open(path)?;
    let fitted: MixtureFitted = saved.body()?;
    let columns = saved.note::<Note>()?.map_or_else(|| super::columns::unnamed(&fitted), |note| note.columns);
    if columns.len() == fitted.num_columns() {
        Ok((columns, fitted))
    } else {
        Err(saved.damaged(format!("{} columns for a mixture of {}", columns.len(), fitted.num_columns())).into())
    }
}

/// What there is to say of a saved mixture.
///
/// # Errors
/// When it contradicts itself.
pub fn shown(saved: &SavedFit, json: bool) -> Result<(String, Exit), ClusterError> {
    let fitted: MixtureFitted = saved.body()?;
    Ok(match saved.note::<Note>()? {
        Some(Note { report, .. }) => (if json { report.json() } else { report.text() }, report.exit()),
        None => {
            let exit = if fitted.stop.has_converged() { Exit::Success } else { Exit::NotTrusted };
            let summary = || serde_json::to_string_pretty(&fitted).map(|text| text + "\n").unwrap_or_default();
            (if json { summary() } else { fitted.to_string() }, exit)
        }
    })
}
