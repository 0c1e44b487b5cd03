//! The data of a mixture: a table in memory, or one that stays in its file.

use super::super::error::CommandError;
use super::columns::{self, Column};
use super::error::ClusterError;
use super::held_out::Split;
use super::noticed;
use super::streamed::{self, Chosen};
use crate::cli::mixture_args::MixtureArgs;
use jensen::mixture::{BLOCK_ROWS, MixtureError, Rows};
use jensen_models::data::stream::{StreamedTable, is_json, is_parquet};
use jensen_models::data::{DataTable, file};
use std::collections::HashSet;
use std::path::Path;

/// Rows of a plot.
const SHOWN: usize = 50_000;

/// A table in the columns of a fit.
pub struct Data {
    /// Its name in errors.
    pub file: String,
    /// The columns, in the order of the fit.
    pub columns: Vec<Column>,
    /// Their cells, missing ones NaN.
    pub rows: Box<dyn Rows>,
    /// How many cells are missing.
    pub missing: u64,
    /// Positions, from 1, of columns that are left out because they have no name.
    pub nameless: Vec<usize>,
    /// Which rows are left out of the fit, where some are.
    pub split: Option<Split>,
    /// What was noticed of the cells, in words; nothing of a table that stays in its file.
    pub notes: Vec<String>,
    /// The smallest distance of different values of each column of measurements, where it was looked for.
    pub spacings: Vec<Option<f64>>,
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
            Some(path) => Self::in_memory(DataTable::read(path)?, args, block_rows)?,
            None => {
                let table = DataTable::from_csv("Old Faithful", jensen_models::data::OLD_FAITHFUL.as_bytes())?;
                Self::in_memory(table, args, block_rows)?
            }
        })
    }

    fn in_memory(table: DataTable, args: &MixtureArgs, block_rows: usize) -> Result<Self, ClusterError> {
        let file = table.file().to_string();
        if table.num_rows() < 2 {
            return Err(ClusterError::OneRow { file });
        }
        let columns::Chosen { mut columns, cells, spoken } = columns::chosen(&table, &args.model)?;
        let mut notes = noticed::one_hot(&mut columns, &cells, |name| spoken.iter().any(|known| known == name));
        notes.extend(noticed::repeated(&columns, &cells));
        let spacings = noticed::spacings(&columns, &cells);
        let missing = cells.iter().flatten().filter(|x| x.is_nan()).count() as u64;
        let rows = columns::rows(&file, &cells, block_rows)?;
        columns::check_totals(&file, &columns, &rows, |name, row| table.place(name, row))?;
        let nameless = if args.model.columns.is_none() { table.nameless().collect() } else { Vec::new() };
        let split = |fraction| Split::rows(&file, &columns, &cells, block_rows, fraction, args.method.seed);
        let split = args.method.held_out.map(split).transpose()?;
        Ok(Data { file, columns, rows: Box::new(rows), missing, nameless, split, notes, spacings })
    }

    fn streamed(table: StreamedTable, args: &MixtureArgs) -> Result<Self, ClusterError> {
        let file = table.file().to_string();
        if table.num_rows() < 2 {
            return Err(ClusterError::OneRow { file });
        }
        let Chosen { columns, rows, missing, nameless } = streamed::chosen(&table, &args.model)?;
        let split =
            args.method.held_out.map(|fraction| Split::blocks(&rows, fraction, args.method.seed)).transpose()?;
        let (notes, spacings) = (Vec::new(), vec![None; columns.len()]);
        Ok(Data { file, columns, rows: Box::new(rows), missing, nameless, split, notes, spacings })
    }

    /// The rows of the fit.
    pub fn fitted_rows(&self) -> Box<dyn Rows + '_> {
        match &self.split {
            None => Box::new(self.rows.as_ref()),
            Some(split) => split.kept(self.rows.as_ref()),
        }
    }

    /// What went wrong in the fit, in the words of the file.
    pub fn fit_error(&self, error: MixtureError) -> ClusterError {
        let error = match &self.split {
            Some(split) => split.numbered(error),
            None => error,
        };
        ClusterError::fit(&self.file, error)
    }

    /// Distinct rows of the fit, counted up to `most`.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub fn distinct(&self, most: usize) -> Result<usize, MixtureError> {
        let (mut seen, mut space, rows) = (HashSet::new(), Vec::new(), self.fitted_rows());
        for b in 0..rows.num_blocks() {
            let block = rows.block(b, &mut space)?;
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

/// Whether a file is a text table that can be read in blocks, told as [`DataTable::read`] does: by its ending, else by its
/// first character. A pipe and an archive cannot: they are read at once.
pub fn is_text(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).map(str::to_lowercase);
    if file::is_standard_input(path) || path.exists() && !path.is_file() || file::is_gzip(&file::start::<2>(path)) {
        return false;
    }
    if matches!(ending.as_deref(), Some("csv" | "tsv" | "tab")) {
        return true;
    }
    let start = file::start::<64>(path);
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start).trim_ascii_start();
    !is_json(path) && !start.starts_with(b"{") && !start.starts_with(b"[")
}
