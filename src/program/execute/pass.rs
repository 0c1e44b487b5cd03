//! One pass over a program: draws in sweeps, rows in chunks, results reduced in a fixed order.

use std::sync::Arc;

use super::super::Helpers;
use super::super::plan::{Plan, Stored};
use super::aligned::Aligned;
use super::layout::{GlobalLayout, RowLayout, lay_out};
use super::rows::{Chunk, RowTask, run_chunk, sum_doubles};
use super::sweep::{forward, reverse};
use crate::numerics::InstructionSet;

/// The rows of a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'a> {
    /// All rows of the data.
    All,
    /// These rows, in this order (repetition allowed).
    Subset(&'a [u32]),
}

/// The input of a pass; all blocks are `[element][draw]` or `[element][row of the pass][draw]`.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub num_draws: usize,
    pub parameters: &'a [f64],
    pub latents: &'a [f64],
    pub integers: &'a [u32],
    pub row_latents: &'a [f64],
    pub row_integers: &'a [u32],
    pub rows: Rows<'a>,
    /// Multiplies every row's terms in the gradient and in nothing else.
    pub row_weight: f64,
    /// Whether terms outside of rows take part.
    pub global_terms: bool,
    /// Multiplies the terms of each kind in the gradient.
    pub kind_weights: [f64; 4],
    /// Multiplies each draw in the gradient.
    pub draw_weights: Option<&'a [f64]>,
    /// Adjoints of the outputs: global `[element][draw]` and row outputs `[element][row][draw]`.
    pub output_seeds: Option<(&'a [f64], &'a [f64])>,
    pub gradient: bool,
    pub row_terms: bool,
    /// The workspace's last pass had the same input but for seeds and weights: what still stands in it is not computed
    /// again.
    pub repeats_last: bool,
    pub instructions: InstructionSet,
    pub helpers: Option<&'a Helpers>,
}

/// The output of a pass; every field is overwritten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    /// Terms outside of rows, `[kind][draw]`.
    pub global_terms: Vec<f64>,
    /// Sums over the rows of the pass, unweighted, `[kind][draw]`.
    pub row_sums: Vec<f64>,
    /// `[kind][row of the pass][draw]`, on request.
    pub row_terms: Vec<f64>,
    /// Gradients of `sum_draws draw_weight * log density`.
    pub latents: Vec<f64>,
    pub row_latents: Vec<f64>,
    pub parameters: Vec<f64>,
    pub outputs: Vec<f64>,
    pub row_outputs: Vec<f64>,
}

/// Buffers that are kept between passes, so that a repeated pass allocates nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace<T> {
    /// The plan and the number of draws they are laid out for.
    plan: Option<Arc<()>>,
    draws: usize,
    global: GlobalLayout,
    rows: Vec<RowLayout>,
    sweeps: Vec<Sweep<T>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Sweep<T> {
    pub values: Aligned<T>,
    pub adjoints: Aligned<T>,
    /// Chunks of every plate, one plate after the other.
    pub chunks: Vec<Vec<Chunk<T>>>,
    pub global_terms: Vec<f64>,
    pub row_sums: Vec<f64>,
}

/// Work below this many operand reads is not worth handing to another thread.
const PARALLEL_WORK: usize = 60_000;

/// Runs `plan` and overwrites `response`.
pub(crate) fn run<T: Stored>(plan: &Plan<T>, request: &Request, space: &mut Workspace<T>, response: &mut Response) {
    let num_sweeps = request.num_draws.div_ceil(plan.max_draws).max(1);
    let draws = request.num_draws.div_ceil(num_sweeps).max(1);
    let of_this_plan = space.plan.as_ref().is_some_and(|known| Arc::ptr_eq(known, &plan.identity));
    let same_shape = of_this_plan && space.draws == draws && space.sweeps.len() == num_sweeps;
    if !of_this_plan || space.draws != draws {
        (space.global, space.rows) = lay_out(plan, draws);
        (space.plan, space.draws) = (Some(plan.identity.clone()), draws);
        space.sweeps.clear();
    }
    if space.sweeps.len() != num_sweeps {
        space.sweeps.resize_with(num_sweeps, Sweep::default);
    }
    let stands = request.repeats_last && same_shape && !request.row_terms;
    let pass = Pass { plan, request, global: &space.global, rows: &space.rows, draws, stands };
    let global_work = space.global.work * draws;
    let helpers =
        request.helpers.filter(|_| num_sweeps > 1 && global_work + pass.row_work() > PARALLEL_WORK / num_sweeps);
    match helpers {
        Some(helpers) => helpers.share_out(&mut space.sweeps, |(k, sweep)| pass.sweep(sweep, k * draws, false)),
        None => {
            for (k, sweep) in space.sweeps.iter_mut().enumerate() {
                pass.sweep(sweep, k * draws, true);
            }
        }
    }
    pass.collect(&space.sweeps, response);
}

pub(super) struct Pass<'a, T> {
    pub plan: &'a Plan<T>,
    pub request: &'a Request<'a>,
    pub global: &'a GlobalLayout,
    pub rows: &'a [RowLayout],
    pub draws: usize,
    /// The sweeps hold the values of this pass already.
    stands: bool,
}

impl<T: Stored> Pass<'_, T> {
    pub(super) fn num_rows(&self, plate: usize) -> usize {
        match self.request.rows {
            Rows::All => self.plan.plates[plate].rows,
            Rows::Subset(rows) => rows.len(),
        }
    }

    /// Rows of a chunk, and the number of chunks.
    pub(super) fn chunks(&self, plate: usize) -> (usize, usize) {
        let (layout, num_rows) = (&self.rows[plate], self.num_rows(plate));
        if num_rows == 0 || layout.segment.size == 0 {
            return (1, 0);
        }
        let rows = chunk_rows(num_rows, layout.rows, layout.work);
        (rows, num_rows.div_ceil(rows))
    }

    fn row_work(&self) -> usize {
        (0..self.rows.len()).map(|p| self.rows[p].work * self.num_rows(p) * self.draws).sum()
    }

    pub(super) fn real_draws(&self, first: usize) -> usize {
        self.draws.min(self.request.num_draws - first)
    }

    /// A whole forward and reverse sweep of the draws from `first` on.
    fn sweep(&self, sweep: &mut Sweep<T>, first: usize, may_split: bool) {
        let (segment, set) = (&self.global.segment, self.request.instructions);
        if !self.stands {
            self.load(sweep, first);
            forward(set, &segment.steps, segment, self.plan, &mut sweep.values);
        }
        sweep.row_sums.clear();
        sweep.row_sums.resize(4 * self.draws, 0.0);
        if sweep.chunks.len() != self.rows.len() {
            sweep.chunks.resize_with(self.rows.len(), Vec::new);
        }
        if self.request.gradient {
            sweep.adjoints.resize(self.global.segment.size);
            for &(from, to) in &self.global.cleared {
                sweep.adjoints[from..to].fill(T::zero());
            }
        }
        for plate in 0..self.rows.len() {
            self.run_rows(sweep, plate, first, may_split);
        }
        self.add_global_terms(sweep);
        if self.request.gradient {
            self.seed(sweep, first);
            reverse(set, &segment.steps, segment, self.plan, &sweep.values, &mut sweep.adjoints);
        }
    }

    fn load(&self, sweep: &mut Sweep<T>, first: usize) {
        let (request, draws) = (self.request, self.draws);
        if sweep.values.resize(self.global.segment.size) {
            for &(at, c) in &self.global.constants {
                sweep.values[at] = T::from_f64(c);
            }
            for (column, port) in &self.global.data {
                let from = &self.plan.columns[*column][port.from..port.from + port.len];
                sweep.values[port.at..port.at + port.len].copy_from_slice(from);
            }
        }
        for port in &self.global.parameters {
            for (o, &p) in sweep.values[port.at..].iter_mut().zip(&request.parameters[port.from..port.from + port.len])
            {
                *o = T::from_f64(p);
            }
        }
        let total = request.num_draws;
        let last = total - first - 1;
        for port in &self.global.latents {
            if total == draws {
                let from = &request.latents[port.from * draws..][..port.len * draws];
                for (o, &z) in sweep.values[port.at..].iter_mut().zip(from) {
                    *o = T::from_f64(z);
                }
                continue;
            }
            for e in 0..port.len {
                let from = &request.latents[(port.from + e) * total + first..(port.from + e + 1) * total];
                for (d, o) in sweep.values[port.at + e * draws..][..draws].iter_mut().enumerate() {
                    *o = T::from_f64(from[d.min(last)]);
                }
            }
        }
        for port in &self.global.integers {
            for e in 0..port.len {
                let from = &request.integers[(port.from + e) * total + first..(port.from + e + 1) * total];
                for (d, o) in sweep.values[port.at + e * draws..][..draws].iter_mut().enumerate() {
                    *o = T::from_f64(f64::from(from[d.min(last)]));
                }
            }
        }
    }

    fn run_rows(&self, sweep: &mut Sweep<T>, plate: usize, first: usize, may_split: bool) {
        let request = self.request;
        let layout = &self.rows[plate];
        let num_rows = self.num_rows(plate);
        let (chunk_rows, num_chunks) = self.chunks(plate);
        if num_chunks == 0 {
            return;
        }
        let mut all_chunks = std::mem::take(&mut sweep.chunks[plate]);
        // Those of a larger pass are kept: the last batch of an epoch is short, and the next one is not.
        let were_there = all_chunks.len() >= num_chunks;
        if !were_there {
            all_chunks.resize_with(num_chunks, Chunk::default);
        }
        let chunks = &mut all_chunks[..num_chunks];
        // A chunk of several blocks holds the values of the last one alone.
        let stands = self.stands && were_there && chunk_rows <= layout.rows;
        let row_weight = request.row_weight;
        let task = RowTask {
            plan: self.plan,
            layout,
            globals: &sweep.values,
            draws: self.draws,
            first_draw: first,
            total_draws: request.num_draws,
            subset: match request.rows {
                Rows::All => None,
                Rows::Subset(rows) => Some(rows),
            },
            start: self.plan.plates[plate].start,
            num_rows,
            row_latents: request.row_latents,
            row_integers: request.row_integers,
            output_seeds: request.output_seeds.map(|s| s.1),
            seeds: request.kind_weights.map(|w| w * row_weight),
            draw_weights: request.draw_weights,
            gradient: request.gradient,
            want_row_terms: request.row_terms,
            stands,
            instructions: request.instructions,
        };
        let one = |(k, chunk): (usize, &mut Chunk<T>)| {
            let from = k * chunk_rows;
            run_chunk(&task, chunk, from, num_rows.min(from + chunk_rows));
        };
        let enough = layout.work * num_rows * self.draws > PARALLEL_WORK;
        match request.helpers.filter(|_| may_split && num_chunks > 1 && enough) {
            Some(helpers) => helpers.share_out(chunks, one),
            None => chunks.iter_mut().enumerate().for_each(one),
        }
        for chunk in &all_chunks[..num_chunks] {
            for (s, &x) in sweep.row_sums.iter_mut().zip(&chunk.sums) {
                *s += x;
            }
            if request.gradient {
                for &(place, at, size) in &layout.imported {
                    for (t, &g) in sweep.adjoints[place..place + size].iter_mut().zip(&chunk.import_adjoints[at..]) {
                        *t += g;
                    }
                }
            }
        }
        sweep.chunks[plate] = all_chunks;
    }

    /// Addends whose node is global: once, or once for each row of a plate.
    fn add_global_terms(&self, sweep: &mut Sweep<T>) {
        let draws = self.draws;
        sweep.global_terms.clear();
        sweep.global_terms.resize(4 * draws, 0.0);
        for root in &self.global.roots {
            let (to, times) = match root.plate {
                0 => (&mut sweep.global_terms, 1.0),
                _ if root.over_elements => (&mut sweep.row_sums, 1.0),
                p => (&mut sweep.row_sums, self.num_rows(p as usize - 1) as f64),
            };
            let coefficient = times * root.coefficient;
            let to = &mut to[root.kind * draws..(root.kind + 1) * draws];
            let lanes = if root.per_draw { draws } else { 1 };
            let values = &sweep.values[root.at..root.at + root.len * lanes];
            if lanes == 1 {
                let total = coefficient * sum_doubles(values);
                to.iter_mut().for_each(|s| *s += total);
                continue;
            }
            for v in values.chunks_exact(draws) {
                for (s, &v) in to.iter_mut().zip(v) {
                    *s += coefficient * v.to_f64();
                }
            }
        }
        for &(kind, plate, constant) in &self.plan.addends.constants {
            let (to, times) = match plate {
                0 => (&mut sweep.global_terms, 1.0),
                p => (&mut sweep.row_sums, self.num_rows(p as usize - 1) as f64),
            };
            let kind = kind as usize;
            to[kind * draws..(kind + 1) * draws].iter_mut().for_each(|s| *s += times * constant);
        }
    }

    fn seed(&self, sweep: &mut Sweep<T>, first: usize) {
        let (request, draws) = (self.request, self.draws);
        let real = self.real_draws(first);
        let own = |d: usize| request.draw_weights.map_or(1.0, |w| w[first + d]);
        let even = request.draw_weights.is_none() && real == draws;
        for root in self.global.roots.iter().filter(|r| r.active) {
            let times = match root.plate {
                0 if request.global_terms => 1.0,
                0 => 0.0,
                _ if root.over_elements => request.row_weight,
                p => self.num_rows(p as usize - 1) as f64 * request.row_weight,
            };
            let seed = root.coefficient * times * request.kind_weights[root.kind];
            if even && root.per_draw {
                let bar = &mut sweep.adjoints[root.at..root.at + root.size];
                let seed = T::from_f64(seed);
                if root.first {
                    bar.fill(seed)
                } else {
                    bar.iter_mut().for_each(|b| *b += seed)
                }
                continue;
            }
            if root.first {
                sweep.adjoints[root.at..root.at + root.size].fill(T::zero());
            }
            for e in 0..root.len {
                if root.per_draw {
                    let bar = &mut sweep.adjoints[root.at + e * draws..][..real];
                    for (d, b) in bar.iter_mut().enumerate() {
                        *b += T::from_f64(seed * own(d));
                    }
                } else {
                    sweep.adjoints[root.at + e] += T::from_f64(seed * (0..real).map(own).sum::<f64>());
                }
            }
        }
        let Some((seeds, _)) = request.output_seeds else { return };
        for port in self.global.outputs.iter().filter(|p| p.active) {
            for e in 0..port.len {
                for d in 0..real {
                    let lane = if port.per_draw { e * draws + d } else { e };
                    sweep.adjoints[port.at + lane] +=
                        T::from_f64(seeds[(port.from + e) * request.num_draws + first + d]);
                }
            }
        }
    }
}

/// Rows in a chunk: a number of whole blocks that depends on nothing but the program and the number of rows.
///
/// Rows that are much work, such as those of a network, make smaller chunks, so that a minibatch can be shared out.
fn chunk_rows(num_rows: usize, block: usize, work: usize) -> usize {
    let least = (PARALLEL_WORK / work.max(1)).clamp(64, 256);
    num_rows.div_ceil(64).max(least).div_ceil(block) * block
}
