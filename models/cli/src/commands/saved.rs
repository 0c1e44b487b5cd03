//! `fit.json`: a fit that later commands can show and draw from.

use super::outcome::SavedSolution;
use super::report::Report;
use crate::cli::args::DataArgs;
use jensen_models::zoo::DataOptions;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file's name inside a fit's folder.
pub const FILE: &str = "fit.json";

/// Number of the format; readers refuse others.
const FORMAT: u32 = 2;

/// All that is kept of a fit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedFit {
    /// Number of the format.
    pub format: u32,
    /// Where the data came from.
    pub source: Source,
    /// What was printed.
    pub report: Report,
    /// What later draws are made from.
    pub posterior: SavedSolution,
}

/// Where a fit's data came from, so that its model can be built again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The file; `None` for the model's own data.
    pub file: Option<PathBuf>,
    /// Fingerprint of the file's bytes.
    pub fingerprint: Option<String>,
    /// Column to explain.
    pub response: Option<String>,
    /// Columns that explain it.
    pub features: Option<Vec<String>>,
    /// Column of groups.
    pub group: Option<String>,
    /// Earlier values that explain a value.
    pub lags: Option<usize>,
}

/// A saved fit that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// No such folder or file.
    #[error("{path}: no saved fit there ({reason}); give the folder that `jensen fit MODEL --out DIR` wrote")]
    NotFound {
        /// The file looked for.
        path: String,
        /// The operating system's words.
        reason: String,
    },
    /// A file that is not a saved fit.
    #[error("{path}: this is not a saved fit ({reason}); fit again with --out")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The data are no longer those of the fit.
    #[error("{path}: the data have changed since the fit; fit again with --out")]
    Changed {
        /// The data file.
        path: String,
    },
    /// The data are gone.
    #[error("{path}: the data of the fit cannot be read ({reason}); put the file back, or fit again with --out")]
    NoData {
        /// The data file.
        path: String,
        /// The operating system's words.
        reason: String,
    },
}

impl SavedFit {
    /// A fit to be saved.
    pub fn new(source: Source, report: Report, posterior: SavedSolution) -> Self {
        Self { format: FORMAT, source, report, posterior }
    }

    /// Reads the fit in the folder `folder`, or the file itself.
    ///
    /// # Errors
    /// No such file, or one of another format.
    pub fn read(folder: &Path) -> Result<Self, SavedError> {
        let path = if folder.is_file() { folder.to_path_buf() } else { folder.join(FILE) };
        let name = path.display().to_string();
        let bytes = std::fs::read(&path)
            .map_err(|error| SavedError::NotFound { path: name.clone(), reason: error.to_string() })?;
        let damaged = |reason: String| SavedError::Damaged { path: name.clone(), reason };
        let saved: Self = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if saved.format != FORMAT {
            return Err(damaged(format!("format {}, this program reads {FORMAT}", saved.format)));
        }
        Ok(saved)
    }
}

impl Source {
    /// What `args` says.
    ///
    /// # Errors
    /// A data file that cannot be read.
    pub fn new(args: &DataArgs) -> Result<Self, SavedError> {
        let file = args.data.as_deref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()));
        let fingerprint = file.as_deref().map(fingerprint).transpose()?;
        let options = options(args);
        Ok(Self {
            file,
            fingerprint,
            response: options.response,
            features: options.features,
            group: options.group,
            lags: options.lags,
        })
    }

    /// The parts of the columns.
    pub fn options(&self) -> DataOptions {
        DataOptions {
            response: self.response.clone(),
            features: self.features.clone(),
            group: self.group.clone(),
            lags: self.lags,
        }
    }

    /// Checks that the data are still those of the fit.
    ///
    /// # Errors
    /// A file that has changed or is gone.
    pub fn check(&self) -> Result<(), SavedError> {
        let Some(path) = &self.file else { return Ok(()) };
        if Some(fingerprint(path)?) == self.fingerprint {
            return Ok(());
        }
        Err(SavedError::Changed { path: path.display().to_string() })
    }
}

/// The parts of the columns that `args` names.
pub fn options(args: &DataArgs) -> DataOptions {
    DataOptions {
        response: args.response.clone(),
        features: args.features.clone(),
        group: args.group.clone(),
        lags: args.lags.map(usize::from),
    }
}

/// FNV-1a of the file's bytes, 64 bits: enough to notice an edited file.
fn fingerprint(path: &Path) -> Result<String, SavedError> {
    let bytes = jensen_models::data::file::read(path)
        .map_err(|error| SavedError::NoData { path: path.display().to_string(), reason: error.to_string() })?;
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Ok(format!("{hash:016x}"))
}
