//! Looks at settings and data before a fit.

use super::component::Component;
use super::pass::Engine;
use super::{MixtureError, Rows};

/// Settings, the shape of the rows, every cell, and whether there are as many distinct rows as components.
pub(super) fn everything<R: Rows + ?Sized, C: Component>(engine: &Engine<R, C>) -> Result<(), MixtureError> {
    engine.weights.check()?;
    if engine.k == 0 {
        return Err(MixtureError::setting("components", "a mixture needs at least one component"));
    }
    if engine.rows.num_rows() == 0 || engine.rows.block_rows() == 0 {
        return Err(MixtureError::setting("rows", "there are no rows to fit"));
    }
    cells(engine.rows, engine.component)?;
    distinct(engine.rows, engine.k)
}

/// The shape of the rows and every cell.
pub(super) fn cells<R: Rows + ?Sized, C: Component>(rows: &R, component: &C) -> Result<(), MixtureError> {
    let (found, expected) = (rows.num_columns(), component.num_columns());
    if found != expected {
        return Err(MixtureError::Shape { what: "columns of the data", found, expected });
    }
    let finite = |x: f64| !x.is_infinite();
    let check = |_: &mut (), block: &super::Block| {
        super::columns::each_cell(block, finite, "finite", "remove the row, or write NaN for a missing cell")?;
        component.check(block)
    };
    super::chunks::fold(rows, || (), check).map(|_| ())
}

/// Looks for `k` distinct rows and stops when they are found.
fn distinct<R: Rows + ?Sized>(rows: &R, k: usize) -> Result<(), MixtureError> {
    let mut seen: std::collections::HashSet<Vec<u64>> = std::collections::HashSet::new();
    let mut space = Vec::new();
    for b in 0..rows.num_blocks() {
        let block = rows.block(b, &mut space)?;
        for i in 0..block.len() {
            // Adding 0 makes one zero of the two.
            seen.insert((0..block.num_columns()).map(|j| (block.column(j)[i] + 0.0).to_bits()).collect());
            if seen.len() >= k {
                return Ok(());
            }
        }
    }
    Err(MixtureError::TooManyComponents { components: k, distinct: seen.len() })
}
