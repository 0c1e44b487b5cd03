//! Looking at cells one by one.

use super::{Block, MixtureError};

/// Holds every cell of the block against `is_good`.
pub(super) fn each_cell(
    block: &Block,
    is_good: impl Fn(f64) -> bool,
    expected: &str,
    remedy: &'static str,
) -> Result<(), MixtureError> {
    for j in 0..block.num_columns() {
        let cells = &block.column(j)[..block.len()];
        if let Some(i) = cells.iter().position(|&x| !is_good(x)) {
            let (row, column) = (block.first_row() + i, block.original(j));
            return Err(MixtureError::Cell { row, column, value: cells[i], expected: expected.into(), remedy });
        }
    }
    Ok(())
}
