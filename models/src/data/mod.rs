//! Tabular data: reading files, typed columns and regression designs.

pub mod csv;
pub mod design;
pub mod design_error;
pub mod error;
pub mod file;
pub mod images;
pub mod json;
mod missing;
pub mod nearest;
pub mod rank;
pub mod scale;
pub mod stream;
pub mod table;
pub mod written;

pub use design::{DesignMatrix, DesignSpec};
pub use design_error::DesignError;
pub use error::{DataError, Place};
pub use scale::Standardisation;
pub use table::DataTable;

/// The eruptions of Old Faithful as CSV text: their durations and the waits before the next, in minutes.
///
/// *Source*: see `models/data/SOURCES.md`.
pub const OLD_FAITHFUL: &str = include_str!("../../data/faithful.csv");
