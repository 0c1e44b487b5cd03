//! The data of a mixture: a table in memory, or one that stays in its file.

use super::super::CommandError;
use super::columns::{self, Column};
use super::error::ClusterError;
use super::streamed;
use crate::cli::mixture_args::MixtureArgs;
use crate::data::Table;
use crate::data::stream::{StreamedTable, is_json, is_parquet};
use jensen::mixture::{BLOCK_ROWS, MixtureError, Rows};
use std::collections::HashSet;
use std::path::Path;

/// Rows of a plot.
const SHOWN: usize = 50_000;

/// A table in the columns of a fit.
pub struct Data {
    /// Its name in errors.
    pub file: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// Their cells, missing ones NaN.
    pub rows: Box<dyn Rows>,
    /// How many cells are missing.
    pub missing: u64,
}

impl Data {
    /// Reads the file of `args`, or Old Faithful's eruptions; with `--batch` the rows stay in the file.
    ///
    /// # Errors
    /// Everything that a table can have wrong.
    pub fn read(args: &MixtureArgs) -> Result<Self, CommandError> {
        let block_rows = args.method.batch.map_or(BLOCK_ROWS, |n| n.get().min(BLOCK_ROWS));
        Ok(match &args.file {
            Some(path) if is_parquet(path) || (args.method.batch.is_some() && is_text(path)) => {
                Self::streamed(StreamedTable::open(path, block_rows)?, args)?
            }
            Some(path) => Self::in_memory(Table::read(path)?, args, block_rows)?,
            None => {
                let table = Table::from_csv("Old Faithful", include_bytes!("../../../data/faithful.csv"))?;
                Self::in_memory(table, args, block_rows)?
            }
        })
    }

    fn in_memory(table: Table, args: &MixtureArgs, block_rows: usize) -> Result<Self, ClusterError> {
        let file = table.file().to_string();
        if table.num_rows() < 2 {
            return Err(ClusterError::OneRow { file });
        }
        let (columns, cells) = columns::chosen(&table, &args.model)?;
        let missing = cells.iter().flatten().filter(|x| x.is_nan()).count() as u64;
        let rows = Box::new(columns::rows(&file, &cells, block_rows)?);
        Ok(Data { file, columns, rows, missing })
    }

    fn streamed(table: StreamedTable, args: &MixtureArgs) -> Result<Self, ClusterError> {
        let file = table.file().to_string();
        if table.num_rows() < 2 {
            return Err(ClusterError::OneRow { file });
        }
        let (columns, rows, missing) = streamed::chosen(&table, &args.model)?;
        Ok(Data { file, columns, rows: Box::new(rows), missing })
    }

    /// Distinct rows, counted up to `most`.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub fn distinct(&self, most: usize) -> Result<usize, MixtureError> {
        let (mut seen, mut space) = (HashSet::new(), Vec::new());
        for b in 0..self.rows.num_blocks() {
            let block = self.rows.block(b, &mut space)?;
            for i in 0..block.len() {
                // Adding 0 makes one zero of the two.
                let key = (0..block.num_columns()).map(|j| (block.column(j)[i] + 0.0).to_bits());
                seen.insert(key.collect::<Vec<_>>());
                if seen.len() >= most {
                    return Ok(most);
                }
            }
        }
        Ok(seen.len())
    }

    /// The cells of rows at equal distances, few enough for a plot, column by column.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub fn shown(&self) -> Result<Vec<Vec<f64>>, MixtureError> {
        let (every, height) = (self.rows.num_rows().div_ceil(SHOWN).max(1), self.rows.block_rows());
        let (mut cells, mut space) = (vec![Vec::new(); self.columns.len()], Vec::new());
        for b in (0..self.rows.num_blocks()).filter(|b| (b * height).next_multiple_of(every) < (b + 1) * height) {
            let block = self.rows.block(b, &mut space)?;
            for i in (0..block.len()).filter(|i| (block.first_row() + i).is_multiple_of(every)) {
                cells.iter_mut().enumerate().for_each(|(j, out)| out.push(block.column(j)[i]));
            }
        }
        Ok(cells)
    }
}

/// Whether a file is a text table, told as [`Table::read`] does.
pub fn is_text(path: &Path) -> bool {
    use std::io::Read;
    let ending = path.extension().and_then(|e| e.to_str()).map(str::to_lowercase);
    if matches!(ending.as_deref(), Some("csv" | "tsv" | "txt" | "tab" | "dat")) {
        return true;
    }
    let mut first = [0; 64];
    let read = std::fs::File::open(path).and_then(|mut file| file.read(&mut first));
    let start = first[..read.unwrap_or(0)].trim_ascii_start();
    !is_json(path) && !start.starts_with(b"{") && !start.starts_with(b"[")
}
