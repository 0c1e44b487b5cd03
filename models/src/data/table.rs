//! A table of named columns, read whole and converted cell by cell on demand.

use super::error::{DataError, Place};
use super::nearest::nearest;
use super::{csv, json};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Named columns of equal length; cells stay text until a column is asked for with a type.
///
/// ```
/// # use jensen_models::data::DataTable;
/// let table = DataTable::from_csv("doses.csv", b"dose,site\n0.5,a\n1.5,b\n")?;
/// assert_eq!(table.real("dose")?, [0.5, 1.5]);
/// assert_eq!(table.categories("site")?, (vec![0, 1], vec!["a".to_string(), "b".to_string()]));
/// # Ok::<(), jensen_models::data::DataError>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "StoredTable", try_from = "StoredTable")]
pub struct DataTable {
    pub(super) file: String,
    pub(super) columns: Vec<TextColumn>,
    pub(super) num_rows: usize,
    /// The file's line of each row; empty where the format has no lines.
    pub(super) lines: Vec<u64>,
    /// Columns that were asked for.
    pub(super) asked: Arc<Mutex<BTreeSet<String>>>,
}

/// A table as it is saved: its cells as they are written, without the lines of the file that it came from.
#[derive(Serialize, Deserialize)]
struct StoredTable {
    file: String,
    columns: Vec<StoredColumn>,
}

#[derive(Serialize, Deserialize)]
struct StoredColumn {
    name: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unnamed: bool,
    cells: Vec<String>,
}

impl From<DataTable> for StoredTable {
    fn from(table: DataTable) -> Self {
        let column = |c: &TextColumn| StoredColumn {
            name: c.name.clone(),
            unnamed: c.unnamed,
            cells: c.cells().map(str::to_string).collect(),
        };
        StoredTable { columns: table.columns.iter().map(column).collect(), file: table.file }
    }
}

impl TryFrom<StoredTable> for DataTable {
    type Error = DataError;

    fn try_from(stored: StoredTable) -> Result<Self, DataError> {
        let mut table = DataTable::empty(&stored.file);
        table.num_rows = stored.columns.first().map_or(0, |column| column.cells.len());
        for StoredColumn { name, unnamed, cells } in stored.columns {
            let mut column = TextColumn { unnamed, ..TextColumn::new(&name) };
            cells.iter().for_each(|cell| column.push(cell));
            if column.len() != table.num_rows || table.num_rows == 0 {
                let reason = format!("its columns have {} and {} rows", table.num_rows, column.len());
                return Err(DataError::Unreadable { file: table.file, reason });
            }
            table.columns.push(column);
        }
        table.distinct()
    }
}

/// The cells of one column in one buffer: cell `i` ends at `ends[i]`.
#[derive(Debug, Clone, Default)]
pub(super) struct TextColumn {
    pub(super) name: String,
    /// Whether the name was made up because the header left it empty.
    pub(super) unnamed: bool,
    text: String,
    ends: Vec<usize>,
}

impl DataTable {
    /// Reads the CSV or JSON file at `path`, or standard input (`-`), also gzipped; told apart by the ending, else by the first
    /// character.
    ///
    /// # Errors
    /// Every [`DataError`] but those about single columns.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let file = super::file::name(path);
        let bytes = super::file::read(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => DataError::NotFound { file: file.clone() },
            _ => DataError::Unreadable { file: file.clone(), reason: error.to_string() },
        })?;
        let ending = path.extension().and_then(|e| e.to_str()).map(str::to_lowercase);
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii_start();
        let is_json = match ending.as_deref() {
            Some("json") => true,
            Some("csv" | "tsv" | "tab") => false,
            _ => text.starts_with(b"{") || text.starts_with(b"["),
        };
        if is_json { Self::from_json(&file, &bytes) } else { Self::from_csv(&file, &bytes) }
    }

    /// Reads text with a header line, separated by commas, semicolons or tabs; `file` names it in errors.
    ///
    /// # Errors
    /// Empty or headless text, zero rows, ragged rows, duplicate names, text that is not UTF-8.
    pub fn from_csv(file: &str, bytes: &[u8]) -> Result<Self, DataError> {
        csv::read(file, bytes)
    }

    /// Reads JSON columns `{"name": [..], ..}` or records `[{"name": .., ..}, ..]`; `file` names it in errors.
    ///
    /// # Errors
    /// Text that is not JSON or not a table, columns of different lengths, zero rows.
    pub fn from_json(file: &str, bytes: &[u8]) -> Result<Self, DataError> {
        json::read(file, bytes)
    }

    /// A table without columns.
    pub(super) fn empty(file: &str) -> Self {
        let file = file.to_string();
        DataTable { file, columns: Vec::new(), num_rows: 0, lines: Vec::new(), asked: Arc::default() }
    }

    /// Checks that no name occurs twice.
    pub(super) fn distinct(self) -> Result<Self, DataError> {
        for (second, column) in self.columns.iter().enumerate() {
            if let Some(first) = self.columns[..second].iter().position(|c| c.name == column.name) {
                return Err(DataError::DuplicateColumn {
                    file: self.file,
                    column: column.name.clone(),
                    first: first + 1,
                    second: second + 1,
                });
            }
        }
        Ok(self)
    }

    /// The file's name as it stands in errors.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The number of rows, at least 1.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// The names of the columns, in the file's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The names that the file itself gives, without columns whose header is empty (row numbers, mostly).
    pub fn given_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|column| !column.unnamed).map(|column| column.name.as_str())
    }

    /// Numbers, from 0, of the columns whose header is empty.
    pub(super) fn unnamed(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().enumerate().filter(|(_, column)| column.unnamed).map(|(j, _)| j)
    }

    /// Positions, from 1, of columns without a name that hold more than row numbers from 0 or 1 on.
    pub fn nameless(&self) -> impl Iterator<Item = usize> {
        let more = |j: &usize| !self.columns[*j].is_row_numbers() && !self.columns[*j].cells().all(is_missing);
        self.unnamed().filter(more).map(|j| j + 1)
    }

    /// The column `name` as finite numbers, one per row.
    ///
    /// # Errors
    /// No such column, or a cell that is missing, not a number or not finite.
    pub fn real(&self, name: &str) -> Result<Vec<f64>, DataError> {
        let column = self.column(name)?;
        let cells = column.cells().enumerate();
        cells.map(|(row, cell)| self.real_cell(column, row, cell)).collect()
    }

    /// The column `name` as whole numbers, one per row; `3.0` and `1e3` are whole.
    ///
    /// # Errors
    /// As [`DataTable::real`], or a cell that is not a whole number of 64 bits.
    pub fn integers(&self, name: &str) -> Result<Vec<i64>, DataError> {
        let column = self.column(name)?;
        let cells = column.cells().enumerate();
        cells.map(|(row, cell)| self.integer_cell(column, row, cell)).collect()
    }

    /// The column `name` as categories: the level of each row, and the levels' names.
    ///
    /// Levels are sorted, by number where all are numbers, so that they do not depend on the order of rows.
    ///
    /// # Errors
    /// No such column, or a missing cell.
    pub fn categories(&self, name: &str) -> Result<(Vec<u32>, Vec<String>), DataError> {
        let column = self.column(name)?;
        let is_blank = |cell: &str| matches!(cell, "" | "NA" | "N/A" | "NaN" | "nan" | "null");
        if let Some(row) = column.cells().position(is_blank) {
            return Err(self.missing(column, row, is_blank));
        }
        let mut levels: Vec<&str> = column.cells().collect();
        levels.sort_unstable();
        levels.dedup();
        if levels.iter().all(|level| level.parse::<f64>().is_ok()) {
            levels.sort_by(|a, b| number(a).total_cmp(&number(b)).then(a.cmp(b)));
        }
        let index: std::collections::HashMap<&str, u32> = levels.iter().copied().zip(0..).collect();
        let codes = column.cells().map(|cell| index[cell]).collect();
        Ok((codes, levels.into_iter().map(str::to_string).collect()))
    }

    /// The columns `names` as one matrix, row-major, `num_rows * names.len()` numbers.
    ///
    /// # Errors
    /// As [`DataTable::real`] for each column.
    pub fn matrix(&self, names: &[&str]) -> Result<Vec<f64>, DataError> {
        let mut rows = vec![0.0; self.num_rows * names.len()];
        for (j, name) in names.iter().enumerate() {
            for (i, value) in self.real(name)?.into_iter().enumerate() {
                rows[i * names.len() + j] = value;
            }
        }
        Ok(rows)
    }

    /// Where the cell of `column` in `row`, from 0, stands.
    pub fn place(&self, column: &str, row: usize) -> Place {
        Place { file: self.file.clone(), line: self.lines.get(row).copied(), row: row + 1, column: column.to_string() }
    }

    /// The columns that have been asked for since the table was read: all that whoever asked for them needs.
    pub fn used(&self) -> DataTable {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let columns = self.columns.iter().filter(|column| asked.contains(&column.name)).cloned().collect();
        DataTable { columns, ..self.clone() }
    }

    pub(super) fn column(&self, name: &str) -> Result<&TextColumn, DataError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_string());
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| DataError::NoColumn {
            file: self.file.clone(),
            column: name.to_string(),
            nearest: nearest(name, self.names()).map(str::to_string),
            known: self.names().map(str::to_string).collect(),
        })
    }

    pub(super) fn real_cell(&self, column: &TextColumn, row: usize, cell: &str) -> Result<f64, DataError> {
        if is_missing(cell) {
            return Err(self.missing(column, row, is_missing));
        }
        let place = || self.place(&column.name, row);
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(DataError::NotFinite { place: place(), cell: cell.to_string() }),
            Err(_) => Err(DataError::NotANumber { place: place(), cell: cell.to_string(), remedy: remedy(cell) }),
        }
    }

    fn integer_cell(&self, column: &TextColumn, row: usize, cell: &str) -> Result<i64, DataError> {
        if let Ok(value) = cell.parse::<i64>() {
            return Ok(value);
        }
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: beyond it a double has lost the units
        let value = self.real_cell(column, row, cell)?;
        if value.fract() == 0.0 && value.abs() <= EXACT {
            return Ok(value as i64);
        }
        Err(DataError::NotAnInteger { place: self.place(&column.name, row), cell: cell.to_string() })
    }

    fn missing(&self, column: &TextColumn, row: usize, is_missing: impl Fn(&str) -> bool) -> DataError {
        let more = column.cells().skip(row + 1).filter(|cell| is_missing(cell)).count();
        let cell = column.cells().nth(row).unwrap_or_default().to_string();
        DataError::Missing { place: self.place(&column.name, row), cell, more }
    }
}

impl TextColumn {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_string(), ..Self::default() }
    }

    pub(super) fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    fn is_row_numbers(&self) -> bool {
        let from = |first: usize| self.cells().enumerate().all(|(row, cell)| cell.parse() == Ok(first + row));
        from(0) || from(1)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.text[start..end])
    }
}

pub(super) fn is_missing(cell: &str) -> bool {
    // As spreadsheets and pandas write them.
    const WORDS: [&str; 11] = ["", "na", "n/a", "nan", "null", "none", ".", "#n/a", "#na", "<na>", "-nan"];
    WORDS.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

fn number(cell: &str) -> f64 {
    cell.parse().unwrap_or(f64::NAN)
}

pub(super) fn remedy(cell: &str) -> &'static str {
    let words = ["true", "false", "yes", "no", "t", "f"];
    if cell.contains(',') {
        "write decimals with a point and no separator of thousands"
    } else if words.iter().any(|word| cell.eq_ignore_ascii_case(word)) {
        "recode the column as 0 and 1"
    } else if cell.starts_with(['$', '€', '£']) || cell.ends_with('%') {
        "write the number without its unit"
    } else {
        "correct the cell, recode the column in numbers, or choose another column"
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
