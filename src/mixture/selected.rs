//! Some of the columns, or some of the blocks, of rows that lie elsewhere.

use std::ops::Range;

use super::{Block, MixtureError, Rows};

/// The same rows with some of the columns.
///
/// ```
/// use jensen::mixture::{Rows, SelectedColumns, Table};
/// let table = Table::from_columns(&[vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0, 6.0]])?;
/// let last = SelectedColumns::new(&table, vec![2])?;
/// let mut space = Vec::new();
/// assert_eq!(last.block(0, &mut space)?.column(0)[..2], [5.0, 6.0]);
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SelectedColumns<'a, R: ?Sized> {
    rows: &'a R,
    columns: Vec<usize>,
}

impl<'a, R: Rows + ?Sized> SelectedColumns<'a, R> {
    /// The columns with these numbers, in this order.
    ///
    /// # Errors
    /// When a column does not exist.
    pub fn new(rows: &'a R, columns: Vec<usize>) -> Result<Self, MixtureError> {
        match columns.iter().find(|c| **c >= rows.num_columns()) {
            Some(&found) => Err(MixtureError::Shape { what: "column number", found, expected: rows.num_columns() }),
            None => Ok(SelectedColumns { rows, columns }),
        }
    }
}

impl<R: Rows + ?Sized> Rows for SelectedColumns<'_, R> {
    fn num_rows(&self) -> usize {
        self.rows.num_rows()
    }

    fn num_columns(&self) -> usize {
        self.columns.len()
    }

    fn block_rows(&self) -> usize {
        self.rows.block_rows()
    }

    fn block<'a>(&'a self, index: usize, space: &'a mut Vec<f64>) -> Result<Block<'a>, MixtureError> {
        Ok(self.rows.block(index, space)?.select(&self.columns))
    }
}

/// Consecutive blocks as rows of their own, such as to label a few at a time; rows keep their numbers.
#[derive(Clone, Debug)]
pub struct SelectedBlocks<'a, R: ?Sized> {
    rows: &'a R,
    blocks: Range<usize>,
}

impl<'a, R: Rows + ?Sized> SelectedBlocks<'a, R> {
    /// The blocks with these numbers, as far as they exist.
    pub fn new(rows: &'a R, blocks: Range<usize>) -> Self {
        let end = blocks.end.min(rows.num_blocks());
        SelectedBlocks { rows, blocks: blocks.start.min(end)..end }
    }
}

impl<R: Rows + ?Sized> Rows for SelectedBlocks<'_, R> {
    fn num_rows(&self) -> usize {
        let first = self.blocks.start * self.block_rows();
        (self.blocks.end * self.block_rows()).min(self.rows.num_rows()).saturating_sub(first)
    }

    fn num_columns(&self) -> usize {
        self.rows.num_columns()
    }

    fn block_rows(&self) -> usize {
        self.rows.block_rows()
    }

    fn block<'a>(&'a self, index: usize, space: &'a mut Vec<f64>) -> Result<Block<'a>, MixtureError> {
        self.rows.block(self.blocks.start + index, space)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Table;
    use super::*;

    #[test]
    fn blocks_keep_their_rows_and_columns_their_order() {
        let columns: Vec<Vec<f64>> = (0..3).map(|j| (0..50).map(|i| f64::from(100 * j + i)).collect()).collect();
        let table = Table::with_block_rows(&columns, 8).expect("a table");
        let some = SelectedBlocks::new(&table, 5..9);
        assert_eq!((some.num_rows(), some.num_blocks()), (10, 2));
        let two = SelectedColumns::new(&some, vec![2, 0]).expect("columns");
        let mut space = vec![];
        let block = two.block(1, &mut space).expect("a block");
        assert_eq!((block.len(), block.first_row()), (2, 48));
        assert_eq!((block.column(0)[..2].to_vec(), block.column(1)[1]), (vec![248.0, 249.0], 49.0));
        assert!(SelectedColumns::new(&table, vec![3]).is_err());
        assert_eq!(SelectedBlocks::new(&table, 9..12).num_rows(), 0);
    }
}
