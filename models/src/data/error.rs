//! Errors in a data file, said with file, line, column, cell and remedy.

use super::nearest::listed;
use std::fmt;

/// Where a cell stands: by line in a text table, by row in JSON or embedded data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// The line of the file, from 1, where the format has lines.
    pub line: Option<u64>,
    /// The row of the table, from 1.
    pub row: usize,
    /// The column's name.
    pub column: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}, column `{}`", self.file, self.column),
            None => write!(f, "{}, row {}, column `{}`", self.file, self.row, self.column),
        }
    }
}

/// An error in reading a table or one of its columns.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No such file.
    #[error("{file}: file not found; check the path, which is taken from the current folder")]
    NotFound {
        /// The path as given.
        file: String,
    },
    /// The file exists but cannot be read.
    #[error("{file}: cannot be read ({reason}); give a readable CSV or JSON file")]
    Unreadable {
        /// The path as given.
        file: String,
        /// The operating system's words.
        reason: String,
    },
    /// The file is a spreadsheet, an archive or the like.
    #[error("{file}: this is {found}, not UTF-8 text; save the table as CSV or JSON")]
    NotText {
        /// The path as given.
        file: String,
        /// What the first bytes look like.
        found: &'static str,
    },
    /// Bytes that are not UTF-8.
    #[error("{file}, line {line}: the text is not UTF-8; save the file with that encoding")]
    NotUtf8 {
        /// The path as given.
        file: String,
        /// The line of the first such byte.
        line: u64,
    },
    /// Nothing in the file.
    #[error("{file}: the file is empty; expected a header line and at least one row")]
    Empty {
        /// The path as given.
        file: String,
    },
    /// Nothing in a file that should be JSON.
    #[error("{file}: the file is empty; expected {{\"name\": [numbers], ...}} or [{{\"name\": number, ...}}, ...]")]
    EmptyJson {
        /// The path as given.
        file: String,
    },
    /// A header and no row.
    #[error("{file}: zero rows below the header; at least one row is needed")]
    NoRowsBelowHeader {
        /// The path as given.
        file: String,
    },
    /// JSON with columns of length zero, or without any record.
    #[error("{file}: zero rows of data; at least one row is needed")]
    NoRows {
        /// The path as given.
        file: String,
    },
    /// A cell in quotation marks that goes on to the end of the file.
    #[error(
        "{file}, line {line}: a quotation mark is opened here and its cell takes the rest of the file; close it, or remove it"
    )]
    OpenQuote {
        /// The path as given.
        file: String,
        /// The line of the mark.
        line: u64,
    },
    /// The first line is all numbers.
    #[error(
        "{file}, line 1: no header, the first line holds only numbers; add a first line with the names of the columns"
    )]
    NoHeader {
        /// The path as given.
        file: String,
    },
    /// Two columns of one name.
    #[error("{file}: duplicate column `{column}` in the header (columns {first} and {second}); rename one of them")]
    DuplicateColumn {
        /// The path as given.
        file: String,
        /// The name that occurs twice.
        column: String,
        /// Position of the first, from 1.
        first: usize,
        /// Position of the second, from 1.
        second: usize,
    },
    /// A row with more or fewer fields than the header.
    #[error("{file}, line {line}: found {} where the header has {expected}; {remedy}", counted(*found, "field"))]
    Ragged {
        /// The path as given.
        file: String,
        /// The line of the row.
        line: u64,
        /// Fields in the row.
        found: usize,
        /// Fields in the header.
        expected: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// The text is not JSON.
    #[error(
        "{file}, line {line}, character {character}: not valid JSON ({reason}); note that JSON has no NaN or Infinity, a missing cell is null"
    )]
    BadJson {
        /// The path as given.
        file: String,
        /// Line of the file, counted from one.
        line: usize,
        /// The character in the line.
        character: usize,
        /// The parser's words.
        reason: String,
    },
    /// JSON of another shape than a table.
    #[error("{file}: {found}; expected {{\"name\": [numbers], ...}} or [{{\"name\": number, ...}}, ...]")]
    JsonShape {
        /// The path as given.
        file: String,
        /// What was found.
        found: String,
    },
    /// JSON columns of different lengths.
    #[error("{file}: column `{column}` has {} where `{reference}` has {expected}; every column needs one value per row", counted(*found, "value"))]
    WrongLength {
        /// The path as given.
        file: String,
        /// The odd column.
        column: String,
        /// Length of the column that differs.
        found: usize,
        /// The first column.
        reference: String,
        /// Length of the first column.
        expected: usize,
    },
    /// No column of that name.
    #[error("{file}: no column `{column}`{}; the columns are {}", hint(nearest), listed(known, 20))]
    NoColumn {
        /// The path as given.
        file: String,
        /// The name asked for.
        column: String,
        /// The nearest known name.
        nearest: Option<String>,
        /// Names of all columns.
        known: Vec<String>,
    },
    /// An empty cell, NA, NaN or null.
    #[error("{place}: missing value {}{}; remove these rows or fill in the cells", shown(cell), further(*more))]
    Missing {
        /// Place of the cell: file, line and column.
        place: Place,
        /// The cell as written.
        cell: String,
        /// How many more cells of the column are missing.
        more: usize,
    },
    /// Text where a number belongs.
    #[error("{place}: {} is not a number; {remedy}", shown(cell))]
    NotANumber {
        /// Place of the cell: file, line and column.
        place: Place,
        /// The cell as written.
        cell: String,
        /// What to do.
        remedy: &'static str,
    },
    /// An infinite number, or one beyond double precision.
    #[error("{place}: {} is not finite in double precision; correct the cell or rescale the column", shown(cell))]
    NotFinite {
        /// Place of the cell: file, line and column.
        place: Place,
        /// The cell as written.
        cell: String,
    },
    /// A fraction, or a whole number beyond 64 bits, where an integer belongs.
    #[error(
        "{place}: {} is not a whole number of at most 64 bits; correct the cell or choose another column",
        shown(cell)
    )]
    NotAnInteger {
        /// Place of the cell: file, line and column.
        place: Place,
        /// The cell as written.
        cell: String,
    },
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or(String::new(), |name| format!(", did you mean `{name}`?"))
}

fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn further(more: usize) -> String {
    match more {
        0 => String::new(),
        1 => " (and 1 more cell of this column)".to_string(),
        n => format!(" (and {n} more cells of this column)"),
    }
}

/// A cell in quotation marks, on one line and cut when long.
fn shown(cell: &str) -> String {
    const LONGEST: usize = 40;
    if cell.is_empty() {
        return "(empty cell)".to_string();
    }
    let mut text: String = cell.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if cell.chars().count() > LONGEST {
        text += "...";
    }
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_shown_on_one_line_and_cut() {
        assert_eq!(shown(""), "(empty cell)");
        assert_eq!(shown("a\nb"), "\"a\\nb\"");
        assert_eq!(shown(&"x".repeat(50)).chars().count(), 45);
    }

    #[test]
    fn a_place_without_lines_counts_rows() {
        let mut place = Place { file: "d.json".into(), line: None, row: 3, column: "y".into() };
        assert_eq!(place.to_string(), "d.json, row 3, column `y`");
        place.line = Some(7);
        assert_eq!(place.to_string(), "d.json, line 7, column `y`");
    }
}
