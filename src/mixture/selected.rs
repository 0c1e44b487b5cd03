//! Some of the columns, or some of the blocks, of rows that lie elsewhere.

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

/// Some blocks as rows of their own, such as to label a few at a time, or to leave some out; rows keep their numbers.
#[derive(Clone, Debug)]
pub struct SelectedBlocks<'a, R: ?Sized> {
    rows: &'a R,
    blocks: Vec<usize>,
}

impl<'a, R: Rows + ?Sized> SelectedBlocks<'a, R> {
    /// The blocks with these numbers, rising, as far as they exist.
    pub fn new(rows: &'a R, blocks: impl IntoIterator<Item = usize>) -> Self {
        let mut blocks: Vec<usize> = blocks.into_iter().filter(|b| *b < rows.num_blocks()).collect();
        // Only the last block may be short.
        blocks.sort_unstable();
        blocks.dedup();
        SelectedBlocks { rows, blocks }
    }
}

impl<R: Rows + ?Sized> Rows for SelectedBlocks<'_, R> {
    fn num_rows(&self) -> usize {
        let height = self.block_rows();
        self.blocks.iter().map(|b| height.min(self.rows.num_rows() - b * height)).sum()
    }

    fn num_columns(&self) -> usize {
        self.rows.num_columns()
    }

    fn block_rows(&self) -> usize {
        self.rows.block_rows()
    }

    fn block<'a>(&'a self, index: usize, space: &'a mut Vec<f64>) -> Result<Block<'a>, MixtureError> {
        match self.blocks.get(index) {
            Some(&block) => self.rows.block(block, space),
            None => Err(MixtureError::Shape { what: "block number", found: index, expected: self.blocks.len() }),
        }
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
        // The short one comes last, whatever the order.
        let apart = SelectedBlocks::new(&table, [6, 1, 1]);
        assert_eq!((apart.num_rows(), apart.num_blocks()), (10, 2));
        let block = apart.block(1, &mut space).expect("a block");
        assert_eq!((block.len(), block.first_row()), (2, 48));
    }
}
