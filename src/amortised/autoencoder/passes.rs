//! The order in which training sees the rows of a file: blocks shuffled, and rows shuffled within a buffer of blocks.

use crate::streams::Streams;

/// Test rows at most, so that they fit into memory.
const MOST_TEST: usize = 10_000;
/// Purposes of the streams; 1 and 2 are those of the steps.
const BLOCKS: u32 = 6;
const WITHIN: u32 = 7;

/// Which rows are held out, and the order of the others: a function of seed, pass and place alone, so that a run can be
/// gone on with from any step.
#[derive(Debug, Clone, PartialEq)]
pub struct Passes {
    num_rows: usize,
    block_rows: usize,
    /// Rows that are held out, ascending.
    test: Vec<usize>,
    /// Training rows in memory at a time, a multiple of the batch.
    buffer: usize,
    streams: Streams,
}

/// Training rows of one block: its number, and the rows' places in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// The block of rows it is cut from.
    pub block: usize,
    /// Places in the block.
    pub places: Vec<usize>,
}

impl Passes {
    /// Passes over `num_rows` rows in blocks of `block_rows`, a `share` of them held out, in steps of `batch`; about `buffer`
    /// training rows lie in memory at a time.
    pub fn new(num_rows: usize, block_rows: usize, share: f64, buffer: usize, batch: usize, seed: u64) -> Self {
        let asked = (num_rows as f64 * share).ceil() as usize;
        let test = strata(num_rows, asked.clamp(1, MOST_TEST.min(num_rows.saturating_sub(1).max(1))));
        let batch = batch.clamp(1, num_rows.saturating_sub(test.len()).max(1));
        let buffer = buffer.max(1).div_ceil(batch) * batch;
        Passes { num_rows, block_rows: block_rows.max(1), test, buffer, streams: Streams::new(seed) }
    }

    /// Rows that are held out, ascending: one at random of each of as many equal stretches of the file.
    pub fn test(&self) -> &[usize] {
        &self.test
    }

    /// Rows that are trained on.
    pub fn num_train(&self) -> usize {
        self.num_rows.saturating_sub(self.test.len())
    }

    /// Rows in memory at a time.
    pub fn buffer(&self) -> usize {
        self.buffer
    }

    /// At most `count` training rows, evenly over the file, ascending.
    pub fn some_train(&self, count: usize) -> Vec<usize> {
        let count = count.min(self.num_rows);
        let rows = (0..count).map(|k| (2 * k + 1) * self.num_rows / (2 * count));
        rows.filter(|r| self.test.binary_search(r).is_err()).collect()
    }

    /// The rows that buffer `index` of a pass holds.
    pub(super) fn parts(&self, pass: u64, index: usize) -> Vec<Part> {
        let num_blocks = self.num_rows.div_ceil(self.block_rows);
        let mut order = vec![0; num_blocks];
        self.streams.purpose(BLOCKS).at_step(pass).permutation(num_blocks, &mut order);
        let (mut skip, mut wanted, mut parts) = (index * self.buffer, self.buffer, Vec::new());
        for block in order {
            let block = block as usize;
            let mut places = self.places(block);
            let skipped = skip.min(places.len());
            skip -= skipped;
            places.drain(..skipped);
            places.truncate(wanted);
            wanted -= places.len();
            if !places.is_empty() {
                parts.push(Part { block, places });
            }
            if wanted == 0 {
                break;
            }
        }
        parts
    }

    /// The order of `num_rows` rows within buffer `index` of a pass.
    pub(super) fn order(&self, pass: u64, index: usize, num_rows: usize) -> Vec<u32> {
        let mut order = vec![0; num_rows];
        let buffers = self.num_train().div_ceil(self.buffer) as u64;
        self.streams.purpose(WITHIN).at_step(pass * buffers + index as u64).permutation(num_rows, &mut order);
        order
    }

    /// Places of the training rows in a block.
    fn places(&self, block: usize) -> Vec<usize> {
        let first = block * self.block_rows;
        let rows = first..(first + self.block_rows).min(self.num_rows);
        let held = self.test.partition_point(|r| *r < rows.start)..self.test.partition_point(|r| *r < rows.end);
        let held = &self.test[held];
        rows.filter(|r| held.binary_search(r).is_err()).map(|r| r - first).collect()
    }
}

/// A row at random of each of `count` stretches of the rows, whatever the seed of a fit.
fn strata(num_rows: usize, count: usize) -> Vec<usize> {
    let mut uniform = vec![0.0; count];
    Streams::new(0).purpose(5).fill_uniform(1, &mut uniform);
    let start = |k: usize| (k as u128 * num_rows as u128 / count as u128) as usize;
    let one = |(k, u): (usize, &f64)| {
        (start(k) + (u * (start(k + 1) - start(k)) as f64) as usize).min(num_rows.saturating_sub(1))
    };
    uniform.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(passes: &Passes, pass: u64) -> Vec<Vec<usize>> {
        let buffers = passes.num_train().div_ceil(passes.buffer());
        let one = |index: usize| {
            let parts = passes.parts(pass, index);
            let rows = parts.iter().flat_map(|p| p.places.iter().map(|k| p.block * passes.block_rows + k));
            let rows: Vec<usize> = rows.collect();
            passes.order(pass, index, rows.len()).iter().map(|k| rows[*k as usize]).collect()
        };
        (0..buffers).map(one).collect()
    }

    #[test]
    fn a_pass_sees_each_training_row_once_and_no_test_row() {
        for (rows, block, buffer, batch) in [(103, 7, 20, 6), (100, 10, 1000, 9), (5, 2, 1, 1), (64, 16, 16, 16)] {
            let passes = Passes::new(rows, block, 0.2, buffer, batch, 3);
            assert_eq!(passes.test().len(), (rows as f64 * 0.2).ceil() as usize);
            assert!(passes.test().windows(2).all(|t| t[0] < t[1]));
            let expected: Vec<usize> = (0..rows).filter(|r| !passes.test().contains(r)).collect();
            for pass in [0, 1, 9] {
                let buffers = seen(&passes, pass);
                let (last, whole) = buffers.split_last().unwrap();
                assert!(whole.iter().all(|b| b.len() == passes.buffer()) && last.len() <= passes.buffer());
                let mut all = buffers.concat();
                all.sort_unstable();
                assert_eq!(all, expected);
            }
            assert!(passes.buffer().is_multiple_of(batch) && passes.buffer() >= buffer);
        }
    }

    #[test]
    fn passes_differ_and_come_again() {
        let passes = |seed| Passes::new(1000, 10, 0.1, 100, 20, seed);
        assert_eq!(seen(&passes(1), 4), seen(&passes(1), 4));
        assert_ne!(seen(&passes(1), 4), seen(&passes(1), 5));
        assert_ne!(seen(&passes(1), 4), seen(&passes(2), 4));
        assert_eq!(passes(1).test(), passes(2).test());
        // Blocks that follow each other in the file do not do so in a buffer: 10 of 100 blocks are all over the file.
        let first = &seen(&passes(1), 0)[0];
        let (least, most) = (first.iter().min().unwrap(), first.iter().max().unwrap());
        assert!(most - least > 400, "{least} to {most}");
    }

    #[test]
    fn the_test_rows_of_a_large_file_fit_into_memory() {
        let passes = Passes::new(50_000_000, 256, 0.2, 65_536, 128, 0);
        assert_eq!((passes.test().len(), passes.num_train()), (10_000, 49_990_000));
        let rows = passes.parts(2, 700).iter().map(|p| p.places.len()).sum::<usize>();
        assert_eq!(rows, passes.buffer());
        assert!((1990..=2000).contains(&passes.some_train(2000).len()));
    }
}
