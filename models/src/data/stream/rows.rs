//! Rows read from a text table whenever they are needed.

use super::record::{cells, number};
use super::source::Source;
use super::survey::missing;
use jensen::mixture::{Block, MixtureError, Rows, padded};
use std::sync::Arc;

/// Some columns of a text table, in blocks that are read and parsed anew each time.
#[derive(Debug, Clone)]
pub struct CsvRows {
    source: Arc<Source>,
    /// Of each column of the file: its place among the columns used.
    places: Vec<Option<usize>>,
    /// Of each column used: the words that stand for 0, 1, ..; none where cells are numbers.
    words: Vec<Option<Vec<String>>>,
}

/// A cell that is neither a number nor a known word.
struct Odd {
    row: usize,
    column: usize,
}

impl CsvRows {
    pub(super) fn new(source: Arc<Source>, columns: &[usize], words: Vec<Option<Vec<String>>>) -> Self {
        let mut places = vec![None; source.num_columns()];
        columns.iter().enumerate().for_each(|(place, &column)| places[column] = Some(place));
        CsvRows { source, places, words }
    }

    fn value(&self, place: usize, cell: &[u8]) -> Option<f64> {
        match &self.words[place] {
            None => number(cell),
            Some(_) if missing(cell) => Some(f64::NAN),
            Some(words) => words.iter().position(|word| word.as_bytes() == cell).map(|code| code as f64),
        }
    }

    fn read(&self, index: usize, stride: usize, out: &mut [f64]) -> Result<(), String> {
        let first = self.source.rows(index).start;
        let (mut odd, places) = (None, &self.places);
        self.source.each_record(index, |row, record| {
            cells(record, self.source.separator, |j, cell| {
                let Some(Some(place)) = places.get(j) else { return };
                match self.value(*place, cell) {
                    Some(value) => out[place * stride + row - first] = value,
                    None => odd = odd.take().or(Some(Odd { row, column: j })),
                }
            });
        })?;
        match odd {
            None => Ok(()),
            Some(Odd { row, column }) => {
                let name = self.source.header.names().nth(column).unwrap_or_default();
                let place = self.source.place(row, name);
                Err(format!("{place}: the cell is not what it was when the file was opened; run again"))
            }
        }
    }
}

impl Rows for CsvRows {
    fn num_rows(&self) -> usize {
        self.source.num_rows
    }

    fn num_columns(&self) -> usize {
        self.words.len()
    }

    fn block_rows(&self) -> usize {
        self.source.block_rows
    }

    fn block<'a>(&'a self, index: usize, space: &'a mut Vec<f64>) -> Result<Block<'a>, MixtureError> {
        let rows = self.source.rows(index);
        let stride = padded(rows.len());
        space.clear();
        space.resize(self.num_columns() * stride, 0.0);
        let failed = |reason| MixtureError::Read { from: rows.start, to: rows.end, reason };
        self.read(index, stride, space).map_err(failed)?;
        Block::new(space, self.num_columns(), rows.len(), rows.start)
    }
}
