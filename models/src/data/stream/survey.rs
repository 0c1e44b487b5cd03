//! One look at every cell of a table that stays in its file: what the columns hold, and where the odd cells are.

use super::record::{cells, number};
use super::source::Source;
use crate::data::DataError;
use crate::data::table::{is_missing, remedy};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSurvey {
    /// Cells that are numbers.
    pub numbers: u64,
    /// Cells that are missing.
    pub missing: u64,
    /// Mean of the numbers.
    pub mean: f64,
    /// Sum of the squares of the numbers about their mean.
    pub squares: f64,
    /// Row of the first cell that is neither a finite number nor missing, with the cell.
    pub word: Option<(usize, String)>,
    /// Row of the first cell that is missing, with the cell.
    pub gap: Option<(usize, String)>,
    /// Row and value of the first number that is not 0 or 1.
    pub beyond_binary: Option<(usize, f64)>,
    /// Row and value of the first number that is no count.
    pub beyond_counts: Option<(usize, f64)>,
    /// Row and value of the first number that is not positive.
    pub beyond_positive: Option<(usize, f64)>,
    /// Row and value of the first number below 0.
    pub negative: Option<(usize, f64)>,
    /// The first cell that is not missing, as it is written, and whether another one differs.
    pub first: Option<(String, bool)>,
    /// Distinct words, up to [`MOST_WORDS`]; of a column with numbers only where they were asked for.
    pub words: BTreeSet<String>,
}

/// Distinct words of a column that are kept.
pub const MOST_WORDS: usize = 1000;

/// What all columns hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Column by column of the file.
    pub columns: Vec<ColumnSurvey>,
    /// Pairs of columns, first and second, that are equal in every row.
    pub copies: Vec<(usize, usize)>,
}

/// The part of a survey that belongs to some consecutive blocks.
struct Part {
    columns: Vec<ColumnSurvey>,
    copies: Vec<(usize, usize)>,
    row: Vec<f64>,
    failure: Option<DataError>,
}

/// Parts of a survey: more than cores.
const PARTS: usize = 64;

impl Survey {
    /// Looks at all cells; `words` says of which columns numbers count as words too; copies are found where wanted.
    ///
    /// # Errors
    /// A row with more or fewer cells than the header, and a file that cannot be read.
    pub(super) fn of(source: &Source, words: &[bool], wants_copies: bool) -> Result<Self, DataError> {
        let num_parts = source.num_blocks().clamp(1, PARTS);
        let span = |p: usize| p * source.num_blocks() / num_parts..(p + 1) * source.num_blocks() / num_parts;
        let part = |p: usize| Part::of(source, (words, wants_copies), span(p));
        let parts: Vec<Part> = (0..num_parts).into_par_iter().map(part).collect();
        let mut all: Option<Part> = None;
        for part in parts {
            match (&mut all, part) {
                (_, Part { failure: Some(failure), .. }) => return Err(failure),
                (None, part) => all = Some(part),
                (Some(all), part) => all.append(part),
            }
        }
        let (columns, copies) = all.map(|a| (a.columns, a.copies)).unwrap_or_default();
        Ok(Survey { columns, copies })
    }
}

impl Part {
    fn of(source: &Source, (words, wants_copies): (&[bool], bool), blocks: std::ops::Range<usize>) -> Self {
        let d = source.num_columns();
        let pairs = if wants_copies { d } else { 0 };
        let copies = (0..pairs).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
        let mut part = Part { columns: vec![ColumnSurvey::new(); d], copies, row: vec![0.0; d], failure: None };
        for block in blocks {
            let read = source.each_record(block, |row, record| part.push(source, words, row, record));
            if let Err(reason) = read {
                part.failure = Some(DataError::Unreadable { file: source.name.clone(), reason });
            }
            if part.failure.is_some() {
                break;
            }
        }
        part
    }

    fn push(&mut self, source: &Source, words: &[bool], row: usize, record: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        let (columns, values, expected) = (&mut self.columns, &mut self.row, source.num_columns());
        let found = cells(record, source.separator, |j, cell| {
            if let (Some(column), Some(value)) = (columns.get_mut(j), values.get_mut(j)) {
                *value = column.push(row, cell, words.get(j).copied().unwrap_or(false));
            }
        });
        if found != expected {
            self.failure = Some(ragged(source, row, record, found, expected));
        }
        if !self.copies.is_empty() {
            let values = &self.row;
            self.copies.retain(|&(a, b)| values[a].to_bits() == values[b].to_bits());
        }
    }

    fn append(&mut self, other: Part) {
        self.columns.iter_mut().zip(other.columns).for_each(|(a, b)| a.append(b));
        self.copies.retain(|pair| other.copies.contains(pair));
    }
}

impl ColumnSurvey {
    fn new() -> Self {
        ColumnSurvey {
            numbers: 0,
            missing: 0,
            mean: 0.0,
            squares: 0.0,
            word: None,
            gap: None,
            beyond_binary: None,
            beyond_counts: None,
            beyond_positive: None,
            negative: None,
            first: None,
            words: BTreeSet::new(),
        }
    }

    /// Takes a cell and returns its value: NaN where it is missing, a hash of a word.
    fn push(&mut self, row: usize, cell: &[u8], wants_words: bool) -> f64 {
        let value = number(cell);
        if value.is_some_and(f64::is_nan) {
            self.missing += 1;
            if self.gap.is_none() {
                self.gap = Some((row, String::from_utf8_lossy(cell).into_owned()));
            }
            return f64::NAN;
        }
        self.note_spread(cell, value);
        if wants_words || value.is_none() {
            self.note_word(cell);
        }
        let Some(x) = value else {
            if self.word.is_none() {
                self.word = Some((row, String::from_utf8_lossy(cell).into_owned()));
            }
            return hashed(cell);
        };
        self.numbers += 1;
        let distance = x - self.mean;
        self.mean += distance / self.numbers as f64;
        self.squares += distance * (x - self.mean);
        let note = |first: &mut Option<(usize, f64)>, odd: bool| {
            if odd && first.is_none() {
                *first = Some((row, x));
            }
        };
        note(&mut self.beyond_binary, x != 0.0 && x != 1.0);
        note(&mut self.beyond_counts, x < 0.0 || x.fract() != 0.0);
        note(&mut self.beyond_positive, x <= 0.0);
        note(&mut self.negative, x < 0.0);
        x
    }

    /// Notes the first cell, and whether this one differs: as numbers where both are.
    fn note_spread(&mut self, cell: &[u8], value: Option<f64>) {
        match &mut self.first {
            Some((_, true)) => {}
            Some((first, differs)) => {
                *differs = match (number(first.as_bytes()), value) {
                    (Some(a), Some(b)) => a != b,
                    _ => first.as_bytes() != cell,
                }
            }
            None => self.first = Some((String::from_utf8_lossy(cell).into_owned(), false)),
        }
    }

    fn note_word(&mut self, cell: &[u8]) {
        let word = String::from_utf8_lossy(cell);
        if self.words.len() < MOST_WORDS && !self.words.contains(word.as_ref()) {
            self.words.insert(word.into_owned());
        }
    }

    fn append(&mut self, other: ColumnSurvey) {
        let total = self.numbers + other.numbers;
        if total > 0 {
            let (n, m) = (self.numbers as f64, other.numbers as f64);
            let distance = other.mean - self.mean;
            self.mean += distance * m / total as f64;
            self.squares += other.squares + distance * distance * n * m / total as f64;
        }
        (self.numbers, self.missing) = (total, self.missing + other.missing);
        self.word = self.word.take().or(other.word);
        self.gap = self.gap.take().or(other.gap);
        self.beyond_binary = self.beyond_binary.or(other.beyond_binary);
        self.beyond_counts = self.beyond_counts.or(other.beyond_counts);
        self.beyond_positive = self.beyond_positive.or(other.beyond_positive);
        self.negative = self.negative.or(other.negative);
        if let Some((cell, differs)) = other.first {
            let value = number(cell.as_bytes());
            self.note_spread(cell.as_bytes(), value);
            if let Some((_, own)) = &mut self.first {
                *own |= differs;
            }
        }
        for word in other.words {
            if self.words.len() >= MOST_WORDS {
                break;
            }
            self.words.insert(word);
        }
    }

    /// Cells that are not missing.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Whether the cells have the count and the moments of row numbers from 0 or 1 on.
    pub(super) fn is_row_numbers(&self) -> bool {
        let n = self.numbers as f64;
        let first = self.mean - (n - 1.0) / 2.0;
        let spread = n * (n * n - 1.0) / 12.0;
        self.missing == 0
            && self.word.is_none()
            && self.beyond_counts.is_none()
            && ((first.abs() < 1e-6 * n) || (first - 1.0).abs() < 1e-6 * n)
            && (self.squares - spread).abs() <= 1e-9 * spread
    }

    /// The error for the cell that is no number, if there is one.
    ///
    /// # Errors
    /// That error.
    pub(super) fn all_numbers(&self, source: &Source, column: &str) -> Result<(), DataError> {
        let Some((row, cell)) = &self.word else { return Ok(()) };
        let (place, cell) = (source.place(*row, column), cell.clone());
        Err(match cell.parse::<f64>() {
            Ok(_) => DataError::NotFinite { place, cell },
            Err(_) => DataError::NotANumber { place, remedy: remedy(&cell), cell },
        })
    }

    /// The error for the first missing cell, if there is one.
    ///
    /// # Errors
    /// That error.
    pub(super) fn none_missing(&self, source: &Source, column: &str) -> Result<(), DataError> {
        let Some((row, cell)) = &self.gap else { return Ok(()) };
        let more = self.missing.saturating_sub(1) as usize;
        Err(DataError::Missing { place: source.place(*row, column), cell: cell.clone(), more })
    }
}

/// A number for a word, the same for equal words.
fn hashed(cell: &[u8]) -> f64 {
    // FNV-1a, its top twelve bits cleared so that it is no NaN.
    let hash = cell.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    f64::from_bits(hash >> 12)
}

fn ragged(source: &Source, row: usize, record: &[u8], found: usize, expected: usize) -> DataError {
    let place = source.place(row, "");
    let text = record.trim_ascii_end();
    let remedy = if memchr::memchr(b'\n', text).is_some() {
        "a quotation mark that is not closed?"
    } else if found == expected + 1 && text.ends_with(&[source.separator]) {
        "remove the separator at the end of the row"
    } else {
        "correct the row, and put cells that contain the separator in quotation marks"
    };
    DataError::Ragged { file: source.name.clone(), line: place.line.unwrap_or(row as u64 + 2), found, expected, remedy }
}

/// Whether a cell, as written, is a missing one.
pub(super) fn missing(cell: &[u8]) -> bool {
    std::str::from_utf8(cell).is_ok_and(|text| is_missing(text.trim()))
}
