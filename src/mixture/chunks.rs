//! Passes that look at all rows, chunks of blocks side by side.

use super::pass::chunk_spans;
use super::{Block, MixtureError, Rows};
use crate::program::map_side_by_side;

/// Blocks in a chunk at least.
const SMALLEST: usize = 8;

/// Folds the blocks of each chunk in order; the results come in the order of the rows.
///
/// Chunks depend on nothing but the number of blocks, so that any number of threads gives the same bits.
pub(super) fn fold<R: Rows + ?Sized, T: Send>(
    rows: &R,
    new: impl Fn() -> T + Sync,
    each: impl Fn(&mut T, &Block) -> Result<(), MixtureError> + Sync,
) -> Result<Vec<T>, MixtureError> {
    let chunk = |span: std::ops::Range<usize>| {
        let (mut out, mut space) = (new(), Vec::new());
        for b in span {
            each(&mut out, &rows.block(b, &mut space)?)?;
        }
        Ok(out)
    };
    let spans: Vec<_> = chunk_spans(rows.num_blocks(), SMALLEST).collect();
    let folded: Vec<Result<T, MixtureError>> = match spans.len() {
        0 | 1 => spans.into_iter().map(chunk).collect(),
        _ => map_side_by_side(spans, chunk),
    };
    folded.into_iter().collect()
}
