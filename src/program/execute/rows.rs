//! One row block after another: load the rows' data, sweep forward, add up the terms, sweep back.

use super::super::plan::{Plan, Stored};
use super::super::recording::Op;
use super::aligned::Aligned;
use super::layout::{RowLayout, reads_global};
use super::row_steps::{import_forward, import_reverse, is_of_rows};
use super::sweep::{Step, clear_first, forward, reverse};
use crate::numerics::{InstructionSet, Kernel, Lane, dispatch};

/// Buffers of one chunk of rows; a chunk's result does not depend on which thread runs it.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk<T> {
    pub values: Aligned<T>,
    pub adjoints: Aligned<T>,
    pub import_adjoints: Aligned<T>,
    /// Sum of the terms of each kind, `[kind][draw]`.
    pub sums: Vec<f64>,
    /// Each row's terms by kind, `[kind][row of the chunk][draw]`, on request.
    pub row_terms: Vec<f64>,
    /// Gradient of the row latents, `[latent][row of the chunk][draw]`.
    pub latent_adjoints: Vec<f64>,
    /// Values of the row outputs, `[output element][row of the chunk][draw]`.
    pub outputs: Vec<f64>,
    pub ids: Vec<u32>,
    /// The block's rows follow one another.
    pub contiguous: bool,
    /// The rows of the next block, and products with their data that are known already, at their step's place.
    pub next_ids: Vec<u32>,
    pub ahead: Aligned<T>,
    pub is_ahead: bool,
    pub weights: Aligned<T>,
    pub weights_adjoint: Aligned<T>,
}

/// What all chunks of a plate share.
pub(super) struct RowTask<'a, T> {
    pub plan: &'a Plan<T>,
    pub layout: &'a RowLayout,
    pub globals: &'a [T],
    pub draws: usize,
    /// First draw of this sweep and total number of draws, for the row latents' layout.
    pub first_draw: usize,
    pub total_draws: usize,
    /// The rows of the pass: a range when `None`.
    pub subset: Option<&'a [u32]>,
    pub start: usize,
    pub num_rows: usize,
    pub row_latents: &'a [f64],
    pub row_integers: &'a [u32],
    pub output_seeds: Option<&'a [f64]>,
    pub seeds: [f64; 4],
    pub draw_weights: Option<&'a [f64]>,
    pub gradient: bool,
    pub want_row_terms: bool,
    /// Chunks hold their values, sums and outputs already.
    pub stands: bool,
    pub instructions: InstructionSet,
}

/// Runs the rows `from..to` (positions in the pass's rows).
#[inline(never)]
pub(super) fn run_chunk<T: Stored>(task: &RowTask<T>, chunk: &mut Chunk<T>, from: usize, to: usize) {
    dispatch(task.instructions, Rows { task, chunk, from, to });
}

struct Rows<'a, 'b, T> {
    task: &'a RowTask<'b, T>,
    chunk: &'a mut Chunk<T>,
    from: usize,
    to: usize,
}

impl<T: Stored> Kernel for Rows<'_, '_, T> {
    type Output = ();
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        self.task.run::<FMA>(self.chunk, self.from, self.to);
    }
}

/// The steps in order: one that concerns rows alone, or all up to the next such one.
fn stretches(steps: &[Step]) -> impl DoubleEndedIterator<Item = (&Step, &[Step])> {
    steps.chunk_by(|a, b| !is_of_rows(a.op) && !is_of_rows(b.op)).filter_map(|s| Some((s.first()?, s)))
}

impl<T: Stored> RowTask<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(&self, chunk: &mut Chunk<T>, from: usize, to: usize) {
        self.prepare(chunk, to - from);
        let layout = self.layout;
        for step in layout.imports.iter().filter(|_| !self.stands) {
            import_forward(step, self.globals, &mut chunk.values);
        }
        let mut at = from;
        while at < to {
            let valid = layout.rows.min(to - at);
            let next = layout.rows.min(to - at - valid);
            if next > 0 && layout.reads_matrix {
                self.load_ids(&mut chunk.next_ids, at + valid, next);
            }
            if !self.stands {
                chunk.contiguous = self.load_ids(&mut chunk.ids, at, valid);
                for (step, steps) in stretches(&layout.segment.steps) {
                    if is_of_rows(step.op) {
                        self.forward_row_step::<FMA>(chunk, step, at, valid);
                    } else {
                        forward(self.instructions, steps, &layout.segment, self.plan, &mut chunk.values);
                    }
                }
                self.add_up(chunk, at - from, valid, to - from);
            }
            if self.gradient {
                let can_look_ahead = next > 0 && layout.reads_matrix;
                self.sweep_back::<FMA>(chunk, at, at - from, valid, to - from, can_look_ahead);
                chunk.is_ahead = can_look_ahead;
            }
            at += valid;
        }
        if self.gradient {
            for step in &layout.imports {
                if step.active[0] {
                    import_reverse(step, &chunk.adjoints, &mut chunk.import_adjoints);
                }
            }
        }
    }

    fn prepare(&self, chunk: &mut Chunk<T>, rows: usize) {
        let layout = self.layout;
        chunk.values.resize(layout.segment.size);
        if self.gradient {
            chunk.adjoints.resize(layout.segment.size);
            chunk.import_adjoints.resize(layout.import_size);
            chunk.import_adjoints.fill(T::zero());
            chunk.adjoints[..layout.persistent].fill(T::zero());
        }
        let latents = if self.gradient && layout.loads_latents { self.plan.num_row_latents } else { 0 };
        refill(&mut chunk.latent_adjoints, latents * rows * self.draws);
        chunk.is_ahead = false;
        if self.stands {
            return;
        }
        refill(&mut chunk.sums, 4 * self.draws);
        refill(&mut chunk.row_terms, if self.want_row_terms { 4 * rows * self.draws } else { 0 });
        let outputs: usize = layout.outputs.iter().map(|o| o.len).sum();
        refill(&mut chunk.outputs, outputs * rows * self.draws);
        chunk.ids.resize(layout.rows, 0);
        if layout.reads_matrix {
            chunk.next_ids.resize(layout.rows, 0);
            chunk.ahead.resize(layout.segment.size);
        }
    }

    /// Writes the block's row numbers; a short block repeats its last row, whose weight is zero.
    fn load_ids(&self, ids: &mut [u32], at: usize, valid: usize) -> bool {
        match self.subset {
            Some(rows) => ids[..valid].copy_from_slice(&rows[at..at + valid]),
            None => {
                let first = (self.start + at) as u32;
                for (id, k) in ids[..valid].iter_mut().zip(first..) {
                    *id = k;
                }
            }
        }
        let last = ids[valid - 1];
        ids[valid..].fill(last);
        self.subset.is_none() && valid == self.layout.rows
    }

    /// Adds the block's terms to the sums by kind and draw.
    #[inline(always)]
    fn add_up(&self, chunk: &mut Chunk<T>, position: usize, valid: usize, rows: usize) {
        let draws = self.draws;
        for root in &self.layout.roots {
            let lanes = self.layout.rows * if root.per_draw { draws } else { 1 };
            let sums = &mut chunk.sums[root.kind * draws..(root.kind + 1) * draws];
            for e in 0..root.len {
                let v = &chunk.values[root.at + e * lanes..][..lanes];
                if !root.per_draw || draws == 1 {
                    let total = root.coefficient * sum_doubles(&v[..valid]);
                    for s in sums.iter_mut() {
                        *s += total;
                    }
                } else {
                    for v in v[..valid * draws].chunks_exact(draws) {
                        for (s, &x) in sums.iter_mut().zip(v) {
                            *s += root.coefficient * x.to_f64();
                        }
                    }
                }
                if self.want_row_terms {
                    for r in 0..valid {
                        let place = (root.kind * rows + position + r) * draws;
                        for (d, t) in chunk.row_terms[place..place + draws].iter_mut().enumerate() {
                            let x = if root.per_draw { v[r * draws + d] } else { v[r] };
                            *t += root.coefficient * x.to_f64();
                        }
                    }
                }
            }
        }
        for port in &self.layout.outputs {
            let lanes = self.layout.rows * if port.per_draw { draws } else { 1 };
            for e in 0..port.len {
                let v = &chunk.values[port.at + e * lanes..][..lanes];
                if port.per_draw || draws == 1 {
                    let place = ((port.from + e) * rows + position) * draws;
                    let out = &mut chunk.outputs[place..place + valid * draws];
                    for (o, &x) in out.iter_mut().zip(v) {
                        *o = x.to_f64();
                    }
                    continue;
                }
                for (r, &x) in v.iter().enumerate().take(valid) {
                    let place = ((port.from + e) * rows + position + r) * draws;
                    chunk.outputs[place..place + draws].fill(x.to_f64());
                }
            }
        }
    }

    #[inline(always)]
    fn sweep_back<const FMA: bool>(
        &self,
        chunk: &mut Chunk<T>,
        at: usize,
        position: usize,
        valid: usize,
        rows: usize,
        look_ahead: bool,
    ) {
        let draws = self.draws;
        for &(from, to) in &self.layout.cleared {
            chunk.adjoints[from..to].fill(T::zero());
        }
        for root in self.layout.roots.iter().filter(|r| r.active) {
            let seed = root.coefficient * self.seeds[root.kind];
            let per_row = if root.per_draw { draws } else { 1 };
            let lanes = self.layout.rows * per_row;
            if root.first {
                chunk.adjoints[root.at..root.at + root.size].fill(T::zero());
            }
            for e in 0..root.len {
                let bar = &mut chunk.adjoints[root.at + e * lanes..][..valid * per_row];
                self.seed_lanes(bar, seed, root.per_draw);
            }
        }
        self.seed_outputs(chunk, at, valid);
        let segment = &self.layout.segment;
        for (step, steps) in stretches(&segment.steps).rev() {
            match step.op {
                Op::Column { .. } | Op::MatrixColumn { .. } | Op::MatrixRow { .. } => {}
                Op::RowIndex | Op::RowInteger { .. } => {}
                Op::RowLatent { offset } => {
                    let real = self.real_draws();
                    for e in 0..step.len {
                        for r in 0..valid {
                            let to = ((offset as usize + e) * rows + position + r) * draws;
                            let bar = &chunk.adjoints[step.out + e * step.lanes + r * draws..][..draws];
                            for (d, t) in chunk.latent_adjoints[to..to + draws].iter_mut().enumerate().take(real) {
                                *t += bar[d].to_f64();
                            }
                        }
                    }
                }
                op if reads_global(op) => {
                    clear_first(step, segment, &mut chunk.adjoints);
                    self.import_step_reverse::<FMA>(chunk, step, look_ahead);
                }
                _ => reverse(self.instructions, steps, segment, self.plan, &chunk.values, &mut chunk.adjoints),
            }
        }
    }

    /// Adds `seed * draw weight` to the lanes of a row term; a value without draws counts for all of them.
    #[inline(always)]
    fn seed_lanes(&self, bar: &mut [T], seed: f64, per_draw: bool) {
        let (draws, real) = (self.draws, self.real_draws());
        let constant = match self.draw_weights {
            None if real == draws || !per_draw => Some(seed * if per_draw { 1.0 } else { real as f64 }),
            Some(w) if !per_draw => Some(seed * w[self.first_draw..self.first_draw + real].iter().sum::<f64>()),
            _ => None,
        };
        if let Some(seed) = constant {
            let seed = T::from_f64(seed);
            for b in bar.iter_mut() {
                *b += seed;
            }
            return;
        }
        for bar in bar.chunks_exact_mut(draws) {
            for (d, b) in bar[..real].iter_mut().enumerate() {
                let weight = self.draw_weights.map_or(1.0, |w| w[self.first_draw + d]);
                *b += T::from_f64(seed * weight);
            }
        }
    }

    fn seed_outputs(&self, chunk: &mut Chunk<T>, at: usize, valid: usize) {
        let Some(seeds) = self.output_seeds else { return };
        let draws = self.draws;
        let real = self.real_draws();
        for port in self.layout.outputs.iter().filter(|p| p.active) {
            let per_row = if port.per_draw { draws } else { 1 };
            for e in 0..port.len {
                if self.total_draws == draws && (port.per_draw || draws == 1) {
                    let seeds = &seeds[self.row_place(self.layout.first_output + port.from + e, at)..];
                    let bar = &mut chunk.adjoints[port.at + e * self.layout.rows * per_row..][..valid * draws];
                    for (b, &s) in bar.iter_mut().zip(seeds) {
                        *b += T::from_f64(s);
                    }
                    continue;
                }
                for r in 0..valid {
                    let from = self.row_place(self.layout.first_output + port.from + e, at + r);
                    let to = port.at + (e * self.layout.rows + r) * per_row;
                    for d in 0..real {
                        let lane = if port.per_draw { d } else { 0 };
                        chunk.adjoints[to + lane] += T::from_f64(seeds[from + d]);
                    }
                }
            }
        }
    }
}

/// Overwrites `v` with `n` zeros.
pub(super) fn refill(v: &mut Vec<f64>, n: usize) {
    v.clear();
    if n > 0 {
        v.resize(n, 0.0);
    }
}

#[inline(always)]
pub(super) fn sum_doubles<T: Lane>(values: &[T]) -> f64 {
    let mut partial = [0.0; 4];
    let chunks = values.chunks_exact(4);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (p, &v) in partial.iter_mut().zip(chunk) {
            *p += v.to_f64();
        }
    }
    for (p, &v) in partial.iter_mut().zip(rest) {
        *p += v.to_f64();
    }
    (partial[0] + partial[1]) + (partial[2] + partial[3])
}
