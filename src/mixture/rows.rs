//! Rows of data in blocks, in memory or read as they are needed.

use super::MixtureError;

/// Rows worked on side by side; blocks are padded with zeros to a multiple of it.
pub const LANES: usize = 16;

/// Rows in a block of a [`Table`], unless it says otherwise.
pub const BLOCK_ROWS: usize = 256;

/// Data that gives its rows in blocks, so that it need not fit in memory.
///
/// Blocks are numbered from 0 and cover the rows in order. The sums of a fit are taken block by block in this order,
/// whatever the number of threads.
pub trait Rows: Send + Sync {
    /// Rows in all.
    fn num_rows(&self) -> usize;

    /// Number of columns.
    fn num_columns(&self) -> usize;

    /// Rows in every block but the last.
    fn block_rows(&self) -> usize;

    /// Block number `index`; `space` is there to hold what is not in memory, and keeps its room between calls.
    ///
    /// # Errors
    /// When the rows cannot be read.
    fn block<'a>(&'a self, index: usize, space: &'a mut Vec<f64>) -> Result<Block<'a>, MixtureError>;

    /// Blocks in all.
    fn num_blocks(&self) -> usize {
        self.num_rows().div_ceil(self.block_rows().max(1))
    }
}

impl<R: Rows + ?Sized> Rows for &R {
    fn num_rows(&self) -> usize {
        (**self).num_rows()
    }

    fn num_columns(&self) -> usize {
        (**self).num_columns()
    }

    fn block_rows(&self) -> usize {
        (**self).block_rows()
    }

    fn block<'a>(&'a self, index: usize, space: &'a mut Vec<f64>) -> Result<Block<'a>, MixtureError> {
        (**self).block(index, space)
    }

    fn num_blocks(&self) -> usize {
        (**self).num_blocks()
    }
}

/// Some consecutive rows, column by column.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    data: &'a [f64],
    stride: usize,
    len: usize,
    first_row: usize,
    is_complete: bool,
    select: Option<&'a [usize]>,
    num_columns: usize,
}

impl<'a> Block<'a> {
    /// `len` rows from row `first_row` on; `data[column * stride + row]`, with [`padded`]`(len)` as stride.
    ///
    /// # Errors
    /// When `data` is not as long as that.
    pub fn new(data: &'a [f64], num_columns: usize, len: usize, first_row: usize) -> Result<Self, MixtureError> {
        let stride = padded(len);
        if data.len() != num_columns * stride {
            return Err(MixtureError::Shape { what: "block", found: data.len(), expected: num_columns * stride });
        }
        let is_complete = !data.iter().any(|x| x.is_nan());
        Ok(Block { data, stride, len, first_row, is_complete, select: None, num_columns })
    }

    /// Number of rows in the block.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of columns in the block.
    pub fn num_columns(&self) -> usize {
        self.num_columns
    }

    /// Length of a column with its padding, a multiple of [`LANES`].
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Number of the first row in the data.
    pub fn first_row(&self) -> usize {
        self.first_row
    }

    /// Whether no cell is missing.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// One column, padding included; missing cells are NaN.
    #[inline]
    pub fn column(&self, column: usize) -> &'a [f64] {
        let start = self.original(column) * self.stride;
        &self.data[start..start + self.stride]
    }

    /// The number in the data of a column of this block.
    #[inline]
    pub fn original(&self, column: usize) -> usize {
        self.select.map_or(column, |s| s[column])
    }

    /// The same rows with some of the columns (numbers in the data).
    pub(super) fn select(&self, columns: &'a [usize]) -> Self {
        Block { select: Some(columns), num_columns: columns.len(), ..*self }
    }
}

/// The smallest multiple of [`LANES`] that is at least `len`.
pub fn padded(len: usize) -> usize {
    len.next_multiple_of(LANES)
}

/// Data in memory, block by block and column by column within a block.
///
/// ```
/// use jensen::mixture::{Rows, Table};
/// let table = Table::from_columns(&[vec![1.0, 2.0, 3.0], vec![0.5, f64::NAN, 1.5]])?;
/// assert_eq!((table.num_rows(), table.num_columns()), (3, 2));
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    data: Vec<f64>,
    /// Of each block: where it starts, and whether nothing is missing.
    blocks: Vec<(usize, bool)>,
    num_rows: usize,
    num_columns: usize,
    block_rows: usize,
}

impl Table {
    /// A table of columns of equal length; NaN is a missing cell.
    ///
    /// # Errors
    /// Without columns or rows, with columns of different lengths, and with infinite cells.
    pub fn from_columns<C: AsRef<[f64]>>(columns: &[C]) -> Result<Self, MixtureError> {
        Self::with_block_rows(columns, BLOCK_ROWS)
    }

    /// A table of rows of equal length; NaN is a missing cell.
    ///
    /// # Errors
    /// As [`Table::from_columns`].
    pub fn from_rows<C: AsRef<[f64]>>(rows: &[C]) -> Result<Self, MixtureError> {
        let width = rows.first().map_or(0, |r| r.as_ref().len());
        for row in rows {
            same("row", row.as_ref().len(), width)?;
        }
        let columns: Vec<Vec<f64>> = (0..width).map(|j| rows.iter().map(|r| r.as_ref()[j]).collect()).collect();
        Self::from_columns(&columns)
    }

    /// As [`Table::from_columns`], with blocks of `block_rows` rows: small ones let a minibatch be small.
    ///
    /// # Errors
    /// As [`Table::from_columns`], and with blocks of no rows.
    pub fn with_block_rows<C: AsRef<[f64]>>(columns: &[C], block_rows: usize) -> Result<Self, MixtureError> {
        let num_rows = columns.first().map_or(0, |c| c.as_ref().len());
        if num_rows == 0 || block_rows == 0 {
            return Err(MixtureError::setting("rows", "a table needs a column, a row, and blocks of at least one row"));
        }
        for (column, cells) in columns.iter().enumerate() {
            same("column", cells.as_ref().len(), num_rows)?;
            if let Some(row) = cells.as_ref().iter().position(|x| x.is_infinite()) {
                let (value, expected) = (cells.as_ref()[row], "finite".into());
                let remedy = "remove the row, or write NaN for a missing cell";
                return Err(MixtureError::Cell { row, column, value, expected, remedy });
            }
        }
        let mut table = Table { data: vec![], blocks: vec![], num_rows, num_columns: columns.len(), block_rows };
        for first in (0..num_rows).step_by(block_rows) {
            table.push(columns, first..(first + block_rows).min(num_rows));
        }
        Ok(table)
    }

    fn push<C: AsRef<[f64]>>(&mut self, columns: &[C], rows: std::ops::Range<usize>) {
        let start = self.data.len();
        for column in columns {
            let end = self.data.len() + padded(rows.len());
            self.data.extend_from_slice(&column.as_ref()[rows.clone()]);
            self.data.resize(end, 0.0);
        }
        let is_complete = !self.data[start..].iter().any(|x| x.is_nan());
        self.blocks.push((start, is_complete));
    }
}

impl Rows for Table {
    fn num_rows(&self) -> usize {
        self.num_rows
    }

    fn num_columns(&self) -> usize {
        self.num_columns
    }

    fn block_rows(&self) -> usize {
        self.block_rows
    }

    fn block<'a>(&'a self, index: usize, _: &'a mut Vec<f64>) -> Result<Block<'a>, MixtureError> {
        let Some(&(start, is_complete)) = self.blocks.get(index) else {
            return Err(MixtureError::Shape { what: "block number", found: index, expected: self.blocks.len() });
        };
        let first_row = index * self.block_rows;
        let len = self.block_rows.min(self.num_rows - first_row);
        let (stride, num_columns) = (padded(len), self.num_columns);
        let data = &self.data[start..start + num_columns * stride];
        Ok(Block { data, stride, len, first_row, is_complete, select: None, num_columns })
    }
}

fn same(what: &'static str, found: usize, expected: usize) -> Result<(), MixtureError> {
    if found == expected { Ok(()) } else { Err(MixtureError::Shape { what, found, expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_every_row_once_and_pad_with_zeros() {
        let columns: Vec<Vec<f64>> = (0..3).map(|j| (0..37).map(|i| f64::from(100 * j + i)).collect()).collect();
        let table = Table::with_block_rows(&columns, 10).expect("a table");
        assert_eq!(table.num_blocks(), 4);
        for b in 0..4 {
            let mut space = vec![];
            let block = table.block(b, &mut space).expect("a block");
            assert_eq!(block.len(), if b < 3 { 10 } else { 7 });
            for (j, column) in columns.iter().enumerate() {
                let cells = block.column(j);
                assert_eq!(cells.len(), 16);
                assert_eq!(cells[..block.len()], column[10 * b..10 * b + block.len()]);
                assert!(cells[block.len()..].iter().all(|x| *x == 0.0));
            }
        }
    }

    #[test]
    fn bad_tables_are_named() {
        let error = Table::from_columns(&[vec![1.0, f64::INFINITY]]).expect_err("infinite");
        assert_eq!(
            error.to_string(),
            "row 1, column 0: inf is not finite; remove the row, or write NaN for a missing cell"
        );
        assert!(Table::from_columns(&[vec![1.0], vec![1.0, 2.0]]).is_err());
        assert!(Table::from_columns::<Vec<f64>>(&[]).is_err());
    }
}
