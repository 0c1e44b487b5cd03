//! Why a table and a formula make no regression, with the remedy.

use super::formula_error::FormulaError;
use crate::data::DataError;

/// Why a table and a formula make no regression.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegressionError {
    /// A mistake in the formula, or a column that the table does not have.
    #[error(transparent)]
    Formula(#[from] FormulaError),
    /// The table cannot be read as it is.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A cell that the model cannot use.
    #[error("{place}: {reason}")]
    Cell {
        /// File, line and column.
        place: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The table as a whole.
    #[error("{file}: {reason}")]
    Table {
        /// The file as the user named it.
        file: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A prior that cannot be.
    #[error("the prior \"{text}\": {reason}")]
    Prior {
        /// The prior as it was written.
        text: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Choices that do not go together.
    #[error("{0}")]
    Choice(String),
}
