//! `mixture.json`: a mixture and the columns it is of, for `jensen predict`.

use super::columns::Column;
use super::error::ClusterError;
use jensen::mixture::MixtureFitted;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// The file's name inside a folder of results.
pub const FILE: &str = "mixture.json";

/// Number of the format; readers refuse others.
const FORMAT: u32 = 1;

/// All that is kept of a mixture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedMixture {
    /// Number of the format.
    pub format: u32,
    /// The data of the fit, in words.
    pub data: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The library's own.
    pub fit: Value,
}

impl SavedMixture {
    /// A mixture to be saved.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(data: &str, columns: &[Column], fitted: &MixtureFitted) -> Result<Self, ClusterError> {
        let text = fitted.to_json().map_err(|e| ClusterError::fit(data, e))?;
        let damaged = |e: serde_json::Error| ClusterError::Saved { path: FILE.into(), reason: e.to_string() };
        let fit = serde_json::from_str(&text).map_err(damaged)?;
        Ok(SavedMixture { format: FORMAT, data: data.to_string(), columns: columns.to_vec(), fit })
    }

    /// Reads the file, or the one in the folder.
    ///
    /// # Errors
    /// No such file, or something else in it.
    pub fn read(path: &Path) -> Result<(Vec<Column>, MixtureFitted), ClusterError> {
        let path = if path.is_dir() { path.join(FILE) } else { path.to_path_buf() };
        let damaged = |reason: String| ClusterError::Saved { path: path.display().to_string(), reason };
        let bytes = std::fs::read(&path).map_err(|e| damaged(e.to_string()))?;
        let saved: Self = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if saved.format != FORMAT {
            return Err(damaged(format!("format {}, this program reads {FORMAT}", saved.format)));
        }
        let fitted = MixtureFitted::from_json(&saved.fit.to_string()).map_err(|e| damaged(e.to_string()))?;
        Ok((saved.columns, fitted))
    }
}
