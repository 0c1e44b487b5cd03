//! One pass over the rows: responsibilities, the sum of log densities, and the sums that an update needs.

use serde::{Deserialize, Serialize};

use super::component::{Component, kl_all, update_all};
use super::lanes::{Normalise, run, total};
use super::{Block, MixtureError, Rows, Weights};
use crate::program::each_side_by_side;

/// q of a mixture, and where its fit stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixtureState {
    /// Number of steps taken so far.
    pub step: u64,
    /// Parameters of the components, one after the other.
    pub params: Vec<f64>,
    /// Parameters of the weights.
    pub weights: Vec<f64>,
    /// Rows that each component had at the last update.
    pub counts: Vec<f64>,
    /// The bound before the last update, for a whole pass.
    pub bound: Option<f64>,
}

/// Data, kind and prior: what does not change.
pub(super) struct Engine<'a, R: ?Sized, C> {
    pub rows: &'a R,
    pub component: &'a C,
    pub weights: Weights,
    pub k: usize,
}

/// Changes responsibilities (K columns of the block's stride), or sets them from zero.
pub(super) type Edit<'e> = dyn Fn(usize, &Block, &mut [f64]) + Sync + 'e;

/// Where the responsibilities of a pass come from.
#[derive(Clone, Copy)]
pub(super) enum Assign<'e> {
    /// The optimum for q.
    Soft,
    /// The optimum for q, then changed.
    Edited(&'e Edit<'e>),
    /// Set by the function alone.
    Given(&'e Edit<'e>),
    /// The optimum for q, but no sums are taken.
    BoundOnly,
}

/// Working room of a pass; grows once.
#[derive(Default)]
pub(super) struct Space {
    expected_log: Vec<f64>,
    caches: Vec<f64>,
    chunks: Vec<Chunk>,
    pub stats: Vec<f64>,
    pub counts: Vec<f64>,
}

/// Room of some consecutive blocks, and their sums.
#[derive(Default)]
struct Chunk {
    stats: Vec<f64>,
    counts: Vec<f64>,
    log_sum: f64,
    joint: Vec<f64>,
    log_sums: Vec<f64>,
    base: Vec<f64>,
    scratch: Vec<f64>,
    rows: Vec<f64>,
    failure: Option<MixtureError>,
}

/// Blocks that a chunk of little work holds at least, and the most chunks there are: more than cores, few enough to add up
/// fast.
const CHUNK_BLOCKS: usize = 8;
const MAX_CHUNKS: usize = 64;
/// Rows times parameters of all components that are work enough for a thread.
const CHUNK_WORK: usize = 1 << 17;

/// Consecutive numbers of blocks for each chunk of `count` blocks, at least `smallest` in a chunk.
pub(super) fn chunk_spans(count: usize, smallest: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let num_chunks = count.div_ceil(smallest.max(1)).clamp(1, MAX_CHUNKS);
    (0..num_chunks).map(move |c| c * count / num_chunks..(c + 1) * count / num_chunks)
}

fn grow(values: &mut Vec<f64>, length: usize) -> &mut [f64] {
    if values.len() < length {
        values.resize(length, 0.0);
    }
    &mut values[..length]
}

impl<R: Rows + ?Sized, C: Component> Engine<'_, R, C> {
    /// Everything at its prior.
    pub fn prior_state(&self) -> MixtureState {
        let mut params = vec![0.0; self.k * self.component.num_params()];
        params.chunks_exact_mut(self.component.num_params()).for_each(|p| self.component.prior(p));
        let mut weights = vec![0.0; self.weights.num_params(self.k)];
        self.weights.prior(&mut weights);
        MixtureState { step: 0, params, weights, counts: vec![0.0; self.k], bound: None }
    }

    /// A pass over the blocks whose numbers `block(0), .., block(count - 1)` gives; returns the sum of log densities and
    /// leaves the sums in `space`.
    pub fn pass(
        &self,
        state: &MixtureState,
        count: usize,
        block: &(dyn Fn(usize) -> usize + Sync),
        assign: Assign,
        space: &mut Space,
    ) -> Result<f64, MixtureError> {
        self.prepare(state, space)?;
        let work = self.rows.block_rows() * self.k * self.component.num_params();
        let smallest = (CHUNK_WORK / work.max(1)).clamp(1, CHUNK_BLOCKS);
        let num_chunks = chunk_spans(count, smallest).count();
        let Space { expected_log, caches, chunks, stats, counts } = space;
        chunks.resize_with(num_chunks.max(chunks.len()), Chunk::default);
        let (expected_log, caches) = (expected_log.as_slice(), caches.as_slice());
        let work = |(c, chunk): (usize, &mut Chunk)| {
            let span = chunk_spans(count, smallest).nth(c).unwrap_or(0..0);
            chunk.failure = self.chunk(span.map(block), expected_log, caches, assign, chunk).err();
        };
        if num_chunks == 1 {
            chunks.iter_mut().take(1).enumerate().for_each(work);
        } else {
            each_side_by_side(&mut chunks[..num_chunks], work);
        }
        grow(stats, self.k * self.component.num_stats()).fill(0.0);
        grow(counts, self.k).fill(0.0);
        let mut log_sum = 0.0;
        for chunk in &mut chunks[..num_chunks] {
            if let Some(failure) = chunk.failure.take() {
                return Err(failure);
            }
            log_sum += chunk.log_sum;
            stats.iter_mut().zip(&chunk.stats).for_each(|(a, b)| *a += b);
            counts.iter_mut().zip(&chunk.counts).for_each(|(a, b)| *a += b);
        }
        Ok(log_sum)
    }

    /// A pass over all blocks in order.
    pub fn whole(&self, state: &MixtureState, assign: Assign, space: &mut Space) -> Result<f64, MixtureError> {
        self.pass(state, self.rows.num_blocks(), &|b| b, assign, space)
    }

    /// The exact bound of `state`, from the sum of log densities of all rows in the pass just made.
    pub fn bound(&self, state: &MixtureState, log_sum: f64, space: &Space) -> f64 {
        log_sum - self.weights.kl(&state.weights) - kl_all(self.component, &state.params, &space.caches)
    }

    /// Moves `state` by `rate` of the way to the sums in `space`, which are first multiplied by `scale`.
    pub fn update(&self, state: &mut MixtureState, rate: f64, scale: f64, space: &mut Space) {
        if scale != 1.0 {
            space.stats.iter_mut().chain(&mut space.counts).for_each(|s| *s *= scale);
        }
        update_all(self.component, &mut state.params, &space.stats, rate);
        self.weights.update(&mut state.weights, &space.counts, rate);
        for (count, new) in state.counts.iter_mut().zip(&space.counts) {
            *count = (1.0 - rate) * *count + rate * new;
        }
    }

    /// Responsibilities and log densities, block by block in order: `each(block, responsibilities, log_sums)`.
    pub fn visit(
        &self,
        state: &MixtureState,
        mut each: impl FnMut(&Block, &[f64], &[f64]),
    ) -> Result<(), MixtureError> {
        let mut space = Space::default();
        self.prepare(state, &mut space)?;
        let (mut chunk, mut rows) = (Chunk::default(), Vec::new());
        for b in 0..self.rows.num_blocks() {
            let block = self.rows.block(b, &mut rows)?;
            self.joint(&block, &space.expected_log, &space.caches, &mut chunk)?;
            each(&block, &chunk.joint, &chunk.log_sums);
        }
        Ok(())
    }

    /// The most probable of the components in `order` for each row, as a place in it; chunks of blocks side by side.
    pub fn labels(&self, state: &MixtureState, order: &[usize]) -> Result<Vec<usize>, MixtureError> {
        let mut space = Space::default();
        self.prepare(state, &mut space)?;
        let (expected_log, caches) = (space.expected_log.as_slice(), space.caches.as_slice());
        let new = || (Chunk::default(), vec![0.0; self.k], Vec::new());
        let parts = super::chunks::fold(self.rows, new, |(chunk, row, labels), block| {
            self.joint(block, expected_log, caches, chunk)?;
            for i in 0..block.len() {
                row.iter_mut().zip(order).for_each(|(r, c)| *r = chunk.joint[c * block.stride() + i]);
                labels.push(super::largest(row));
            }
            Ok(())
        })?;
        let mut out = Vec::with_capacity(self.rows.num_rows());
        parts.into_iter().for_each(|(_, _, mut labels)| out.append(&mut labels));
        Ok(out)
    }

    fn prepare(&self, state: &MixtureState, space: &mut Space) -> Result<(), MixtureError> {
        let (length, cache) = (self.component.num_params(), self.component.num_cache());
        self.weights.expected_log(&state.weights, grow(&mut space.expected_log, self.k));
        let caches = grow(&mut space.caches, self.k * cache).chunks_exact_mut(cache);
        state.params.chunks_exact(length).zip(caches).try_for_each(|(p, c)| self.component.prepare(p, c))
    }

    fn chunk(
        &self,
        blocks: impl Iterator<Item = usize>,
        expected_log: &[f64],
        caches: &[f64],
        assign: Assign,
        chunk: &mut Chunk,
    ) -> Result<(), MixtureError> {
        grow(&mut chunk.stats, self.k * self.component.num_stats()).fill(0.0);
        grow(&mut chunk.counts, self.k).fill(0.0);
        chunk.log_sum = 0.0;
        let mut space = std::mem::take(&mut chunk.rows);
        for b in blocks {
            let block = self.rows.block(b, &mut space)?;
            let Chunk { joint, .. } = chunk;
            match assign {
                Assign::Given(edit) => {
                    joint.resize(self.k * block.stride(), 0.0);
                    joint.fill(0.0);
                    edit(b, &block, joint);
                }
                _ => chunk.log_sum += self.joint(&block, expected_log, caches, chunk)?,
            }
            if let Assign::Edited(edit) = assign {
                edit(b, &block, &mut chunk.joint);
            }
            if !matches!(assign, Assign::BoundOnly) {
                self.accumulate(&block, caches, chunk);
            }
        }
        chunk.rows = space;
        Ok(())
    }

    /// Overwrites `chunk.joint` with responsibilities and `chunk.log_sums` with log densities; returns their sum.
    fn joint(
        &self,
        block: &Block,
        expected_log: &[f64],
        caches: &[f64],
        chunk: &mut Chunk,
    ) -> Result<f64, MixtureError> {
        let (stride, cache) = (block.stride(), self.component.num_cache());
        // Exact lengths; the room stays when a short block comes.
        chunk.joint.resize(self.k * stride, 0.0);
        chunk.log_sums.resize(stride, 0.0);
        chunk.base.resize(stride, 0.0);
        let scratch = grow(&mut chunk.scratch, self.component.num_scratch(stride));
        for ((out, log_weight), cache) in
            chunk.joint.chunks_exact_mut(stride).zip(expected_log).zip(caches.chunks_exact(cache))
        {
            out.fill(*log_weight);
            self.component.log_density(cache, block, out, scratch);
        }
        let (joint, log_sums) = (&mut chunk.joint, &mut chunk.log_sums);
        let mut log_sum = run(Normalise { joint, stride, len: block.len(), log_sums });
        chunk.base.fill(0.0);
        self.component.log_base(block, &mut chunk.base);
        for (sum, base) in chunk.log_sums.iter_mut().zip(&chunk.base).take(block.len()) {
            *sum += base;
            log_sum += base;
        }
        if !log_sum.is_finite() {
            let row = chunk.log_sums.iter().take(block.len()).position(|s| !s.is_finite()).unwrap_or(0);
            return Err(MixtureError::NoDensity { row: block.first_row() + row });
        }
        Ok(log_sum)
    }

    fn accumulate(&self, block: &Block, caches: &[f64], chunk: &mut Chunk) {
        let (cache, length) = (self.component.num_cache(), self.component.num_stats());
        let scratch = grow(&mut chunk.scratch, self.component.num_scratch(block.stride()));
        let places = chunk.stats.chunks_exact_mut(length).zip(&mut chunk.counts);
        let weights = chunk.joint.chunks_exact(block.stride());
        for (((stats, count), weights), cache) in places.zip(weights).zip(caches.chunks_exact(cache)) {
            *count += total(weights);
            self.component.accumulate(cache, block, weights, stats, scratch);
        }
    }
}
