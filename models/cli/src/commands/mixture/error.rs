//! Errors between a table and a mixture, said with file, line, column and remedy.

use jensen::export::FileError;
use jensen::mixture::MixtureError;
use jensen_models::data::nearest::listed;
use jensen_models::data::{DataError, Place};

/// A table that a mixture cannot use, or a fit that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The table cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A cell that the kind of its column cannot explain.
    #[error("{place}: {value} is not {expected}; {remedy}")]
    Cell {
        /// Place of the cell: file, line and column.
        place: Box<Place>,
        /// What stands there.
        value: String,
        /// What should stand there.
        expected: &'static str,
        /// What to do.
        remedy: String,
    },
    /// A category that the fit has not seen.
    #[error(
        "{place} (row {}): \"{value}\" did not occur in the data of the fit, where the categories are {}; correct the cell, leave it empty, or fit again with such rows", place.row, listed(known, 12)
    )]
    Unseen {
        /// Place of the cell: file, line and column.
        place: Box<Place>,
        /// The category that is not known.
        value: String,
        /// Those of the fit.
        known: Vec<String>,
    },
    /// A column that says nothing about components.
    #[error(
        "{file}, column `{column}`: {value} in every row, so it says nothing about components; leave the column out with --columns"
    )]
    Constant {
        /// Name of the file.
        file: String,
        /// Name of the column.
        column: String,
        /// Its only value.
        value: String,
    },
    /// A column whose spread cannot be computed with.
    #[error(
        "{file}, column `{column}`: {problem} in double precision; subtract a constant from the column or rescale it"
    )]
    Spread {
        /// Name of the file.
        file: String,
        /// Name of the column.
        column: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Two columns that are the same.
    #[error("{file}: column `{second}` repeats column `{first}` in every row; leave one of them out with --columns")]
    Duplicate {
        /// Name of the file.
        file: String,
        /// Name of the first of the two columns.
        first: String,
        /// Name of the column that is its copy.
        second: String,
    },
    /// Words that are names rather than categories.
    #[error(
        "{file}, column `{column}`: {levels} different words in {rows} rows are names rather than categories; leave the column out with --columns, or say --kind {column}=categorical"
    )]
    Names {
        /// Name of the file.
        file: String,
        /// Name of the column.
        column: String,
        /// Number of different words.
        levels: usize,
        /// Number of rows.
        rows: usize,
    },
    /// Numbers or dates in a form that is not read.
    #[error(
        "{file}, column `{column}`: \"{value}\" is {what}, or say --kind {column}=categorical to take them for words"
    )]
    NotWords {
        /// Name of the file.
        file: String,
        /// Name of the column.
        column: String,
        /// One of the cells.
        value: String,
        /// What it is, and the remedy.
        what: &'static str,
    },
    /// More categories than a table that stays in its file may have.
    #[error("{file}, column `{column}`: more than {most} different words; leave the column out with --columns")]
    ManyLevels {
        /// Name of the file.
        file: String,
        /// Name of the column.
        column: String,
        /// The most there may be.
        most: usize,
    },
    /// A table of one row.
    #[error("{file}: one row; a mixture needs at least two, and many more to find components")]
    OneRow {
        /// Name of the file.
        file: String,
    },
    /// More components than distinct rows.
    #[error("{file}: {components} components for {distinct} distinct rows; use --k of at most {distinct}")]
    TooManyComponents {
        /// Name of the file.
        file: String,
        /// Components asked for.
        components: usize,
        /// Number of distinct rows.
        distinct: usize,
    },
    /// A row that no component explains.
    #[error(
        "{file}, row {row} below the header: no finite density under any component; look for a value far from all others, or rescale the column"
    )]
    NoDensity {
        /// Name of the file.
        file: String,
        /// The row, from 1.
        row: usize,
    },
    /// Options that do not go together.
    #[error("{0}")]
    Options(String),
    /// The fit failed.
    #[error("{file}: {source}")]
    Fit {
        /// Name of the file.
        file: String,
        /// The error of the fit.
        source: MixtureError,
    },
    /// A file that is no saved fit, or cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl ClusterError {
    /// Whether numbers of this mean and this sum of squares about it can be computed with.
    pub(super) fn spread(file: &str, column: &str, mean: f64, squares: f64) -> Result<(), Self> {
        let problem = match squares {
            s if s.is_nan() || s >= 1e280 => "its values lie too far apart to be squared",
            s if s < 1e-280 => "its values lie too close together to be squared",
            s if s.sqrt() <= 1e-13 * mean.abs() => "its values differ too little beside their size to be told apart",
            _ => return Ok(()),
        };
        Err(Self::Spread { file: file.to_string(), column: column.to_string(), problem })
    }

    /// A cell that its kind cannot explain.
    pub(super) fn cell(place: Box<Place>, value: f64, expected: &'static str) -> Self {
        let remedy = "correct the cell, or choose gaussian or another --kind for the column".to_string();
        Self::Cell { place, value: value.to_string(), expected, remedy }
    }

    /// `source` in the words of the table's file.
    pub fn fit(file: &str, source: MixtureError) -> Self {
        let file = file.to_string();
        match source {
            MixtureError::TooManyComponents { components, distinct } => {
                Self::TooManyComponents { file, components, distinct }
            }
            MixtureError::NoDensity { row } => Self::NoDensity { file, row: row + 1 },
            source => Self::Fit { file, source },
        }
    }
}
