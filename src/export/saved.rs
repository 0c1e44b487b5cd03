//! Saved fits: a posterior as JSON that keeps every bit.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use super::{FileError, write_whole};
use crate::posterior::Posterior;

/// The version of the format that is written and read.
pub const VERSION: u64 = 2;

const FORMAT: &str = "jensen posterior";

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u64,
    posterior: &'a Posterior,
}

#[derive(Deserialize)]
struct Header {
    format: Option<String>,
    version: Option<u64>,
}

#[derive(Deserialize)]
struct Saved {
    posterior: Posterior,
}

impl Posterior {
    /// Saves everything but the model: draws, densities, the solution, the trace and the verdict.
    ///
    /// Numbers come back with every bit, infinities and NaN included.
    ///
    /// # Errors
    /// When the file cannot be written; there is then no new file.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        write_whole(path.as_ref(), |out| {
            serde_json::to_writer(&mut *out, &Written { format: FORMAT, version: VERSION, posterior: self })?;
            out.write_all(b"\n")
        })
    }

    /// Loads what [`Posterior::save`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read, is cut off, is something else, or is of another version.
    pub fn load(path: impl AsRef<Path>) -> Result<Posterior, FileError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|reason| FileError::Read { path: path.to_owned(), reason })?;
        let not_saved = |found: String| FileError::NotSaved { path: path.to_owned(), found };
        if bytes.is_empty() {
            return Err(not_saved("it is empty".into()));
        }
        let header: Header = serde_json::from_slice(&bytes).map_err(|e| match e.classify() {
            Category::Eof => FileError::Truncated { path: path.to_owned(), line: e.line() },
            _ => not_saved(format!("no JSON object: {e}")),
        })?;
        match header {
            Header { format: Some(format), version: Some(VERSION) } if format == FORMAT => {}
            Header { format: Some(format), version: Some(found) } if format == FORMAT => {
                return Err(FileError::Version { path: path.to_owned(), found, expected: VERSION });
            }
            _ => return Err(not_saved(format!("its format is not \"{FORMAT}\""))),
        }
        let damaged = |reason: String| FileError::Damaged { path: path.to_owned(), reason };
        let saved: Saved = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if !saved.posterior.is_consistent() {
            return Err(damaged("the numbers of names, draws and densities do not fit together".into()));
        }
        Ok(saved.posterior)
    }
}
