//! Tables that stay in their file: rows are read in blocks, as often as a fit asks for them.

#[cfg(feature = "parquet")]
mod parquet;
pub(super) mod record;
mod rows;
mod source;
mod survey;

pub use rows::CsvRows;
pub use survey::{ColumnSurvey, MOST_WORDS, Survey};

use super::{DataError, DataTable, Place};
use source::Source;
use std::path::Path;
use std::sync::Arc;

/// A table of which only the header and the places of its blocks are in memory.
///
/// It takes 16 bytes for each block. Opening reads the file once, [`StreamedTable::survey`] once more, and every block
/// is read and parsed again whenever it is asked for; what the operating system keeps in its cache is not counted.
#[derive(Debug, Clone)]
pub struct StreamedTable {
    source: Arc<Source>,
}

impl StreamedTable {
    /// Opens a text table, or a Parquet file, whose rows come in blocks of `block_rows`.
    ///
    /// A Parquet file (cargo feature `parquet`) is written as text to a temporary file first, since its pages hold far
    /// more rows than a block.
    ///
    /// # Errors
    /// No such file, no header, no row, text that is not UTF-8, or a format that this program does not read.
    pub fn open(path: &Path, block_rows: usize) -> Result<Self, DataError> {
        if is_parquet(path) {
            return Self::parquet(path, block_rows);
        }
        Ok(StreamedTable { source: Arc::new(Source::open(path, block_rows)?) })
    }

    #[cfg(feature = "parquet")]
    fn parquet(path: &Path, block_rows: usize) -> Result<Self, DataError> {
        let name = path.display().to_string();
        let mut source = Source::of(parquet::as_text(path)?, &name, block_rows)?;
        source.has_lines = false;
        Ok(StreamedTable { source: Arc::new(source) })
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet(path: &Path, _: usize) -> Result<Self, DataError> {
        let reason =
            "a Parquet file, which this build does not read: build with `--features parquet`, or save it as CSV";
        Err(DataError::Unreadable { file: path.display().to_string(), reason: reason.to_string() })
    }

    /// Looks at every cell; numbers in `words` count as words too.
    ///
    /// # Errors
    /// An unknown column, a row with more or fewer cells than the header, and a file that cannot be read.
    pub fn survey(&self, words: &[String]) -> Result<Survey, DataError> {
        self.look(words, true)
    }

    /// The same without a search for equal columns, whose pairs are many where columns are.
    ///
    /// # Errors
    /// As [`StreamedTable::survey`].
    pub fn survey_of_many(&self, words: &[String]) -> Result<Survey, DataError> {
        self.look(words, false)
    }

    fn look(&self, words: &[String], wants_copies: bool) -> Result<Survey, DataError> {
        for name in words {
            self.source.header.column(name)?;
        }
        let asked: Vec<bool> = self.header().names().map(|name| words.iter().any(|w| w == name)).collect();
        Survey::of(&self.source, &asked, wants_copies)
    }

    /// The header, as a table without rows.
    pub fn header(&self) -> &DataTable {
        &self.source.header
    }

    /// Positions, from 1, of columns without a name that hold more than row numbers, as [`DataTable::nameless`].
    pub fn nameless(&self, survey: &Survey) -> Vec<usize> {
        let unnamed = self.source.header.unnamed().filter(|&j| {
            let column = &survey.columns[j];
            !column.is_empty() && !column.is_row_numbers()
        });
        unnamed.map(|j| j + 1).collect()
    }

    /// The file's name as it stands in errors.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.source.num_rows
    }

    /// Where the cell of `column` in `row`, from 0, stands.
    pub fn place(&self, column: &str, row: usize) -> Place {
        self.source.place(row, column)
    }

    /// The number of a column in the file.
    ///
    /// # Errors
    /// No such column.
    pub fn number_of(&self, column: &str) -> Result<usize, DataError> {
        self.source.header.column(column)?;
        Ok(self.header().names().position(|name| name == column).unwrap_or(0))
    }

    /// Holds a column to numbers, missing cells only where `may_miss`.
    ///
    /// # Errors
    /// The first cell that is not so.
    pub fn hold_to_numbers(&self, survey: &Survey, column: &str, may_miss: bool) -> Result<(), DataError> {
        let found = &survey.columns[self.number_of(column)?];
        found.all_numbers(&self.source, column)?;
        if may_miss { Ok(()) } else { found.none_missing(&self.source, column) }
    }

    /// Holds a column to have no missing cell.
    ///
    /// # Errors
    /// The first missing cell.
    pub fn hold_to_cells(&self, survey: &Survey, column: &str) -> Result<(), DataError> {
        survey.columns[self.number_of(column)?].none_missing(&self.source, column)
    }

    /// The rows of some columns, each with the words that stand for 0, 1, .. where it holds words.
    ///
    /// # Errors
    /// No such column.
    pub fn rows(&self, columns: &[(&str, Option<Vec<String>>)]) -> Result<CsvRows, DataError> {
        let numbers: Result<Vec<usize>, DataError> = columns.iter().map(|(name, _)| self.number_of(name)).collect();
        Ok(CsvRows::new(self.source.clone(), &numbers?, columns.iter().map(|(_, words)| words.clone()).collect()))
    }

    /// The first cell of `column` that is not missing and not one of `words`, with its row.
    ///
    /// # Errors
    /// No such column, or a file that cannot be read.
    pub fn first_unknown(&self, column: &str, words: &[String]) -> Result<Option<(usize, String)>, DataError> {
        let at = self.number_of(column)?;
        let mut found = None;
        for block in 0..self.source.num_blocks() {
            let read = self.source.each_record(block, |row, record| {
                record::cells(record, self.source.separator, |j, cell| {
                    let known = j != at || survey::missing(cell) || words.iter().any(|w| w.as_bytes() == cell);
                    if !known && found.is_none() {
                        found = Some((row, String::from_utf8_lossy(cell).into_owned()));
                    }
                });
            });
            read.map_err(|reason| DataError::Unreadable { file: self.source.name.clone(), reason })?;
            if found.is_some() {
                break;
            }
        }
        Ok(found)
    }
}

/// Whether a file is to be read as Parquet, by its ending.
pub fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"))
}

/// Whether a file is JSON by its ending, which cannot be read in blocks.
pub fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}
