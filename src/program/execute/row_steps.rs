//! Steps that rows take on their own: load data and latents, and read global values by row; with the way back.

use super::super::plan::Stored;
use super::super::recording::Op;
use super::aligned::Aligned;
use super::layout::reads_global;
use super::rows::{Chunk, RowTask};
use super::structured::{element_index, scatter_add};
use super::sweep::{Step, add, sum_lanes};
use super::{dense, dot_data};
use crate::numerics::Lane;

/// Whether an operation reads the rows' data or latents, or global values by row.
pub(super) fn is_of_rows(op: Op) -> bool {
    let is_leaf = matches!(
        op,
        Op::Column { .. }
            | Op::MatrixColumn { .. }
            | Op::MatrixRow { .. }
            | Op::RowIndex
            | Op::RowLatent { .. }
            | Op::RowInteger { .. }
    );
    is_leaf || reads_global(op)
}

impl<T: Stored> RowTask<'_, T> {
    #[inline(always)]
    pub(super) fn forward_row_step<const FMA: bool>(&self, chunk: &mut Chunk<T>, step: &Step, at: usize, valid: usize) {
        let draws = self.draws;
        let n = step.len * step.lanes;
        let out = &mut chunk.values[step.out..step.out + n];
        match step.op {
            Op::Column { column, shift } => {
                let data = &self.plan.columns[column as usize];
                let first = (i64::from(chunk.ids[0]) + i64::from(shift)) as usize;
                if chunk.contiguous {
                    out.copy_from_slice(&data[first..first + n]);
                } else {
                    for (o, &id) in out.iter_mut().zip(&chunk.ids) {
                        *o = data[(i64::from(id) + i64::from(shift)) as usize];
                    }
                }
            }
            Op::MatrixColumn { matrix, column } => {
                let m = &self.plan.matrices[matrix as usize];
                for (o, &id) in out.iter_mut().zip(&chunk.ids) {
                    *o = m.row(id)[column as usize];
                }
            }
            Op::MatrixRow { matrix } => {
                let m = &self.plan.matrices[matrix as usize];
                let row = |id: u32| &m.row(id)[..step.len];
                let (eights, rest) = chunk.ids.as_chunks::<8>();
                for (k, &ids) in eights.iter().enumerate() {
                    T::interleave::<FMA>(ids.map(row), &mut out[8 * k..], step.lanes);
                }
                for (r, &id) in rest.iter().enumerate() {
                    for (k, &x) in row(id).iter().enumerate() {
                        out[k * step.lanes + 8 * eights.len() + r] = x;
                    }
                }
            }
            Op::RowIndex => {
                for (o, &id) in out.iter_mut().zip(&chunk.ids) {
                    *o = T::from_f64(f64::from(id));
                }
            }
            Op::RowLatent { offset } => {
                for e in 0..step.len {
                    for r in 0..self.layout.rows {
                        let from = self.row_place(offset as usize + e, at + r.min(valid - 1));
                        let lanes = &mut out[e * step.lanes + r * draws..][..draws];
                        for (d, o) in lanes.iter_mut().enumerate() {
                            *o = T::from_f64(self.row_latents[from + self.draw_in(d)]);
                        }
                    }
                }
            }
            Op::RowInteger { offset } => {
                for e in 0..step.len {
                    for r in 0..self.layout.rows {
                        let from = self.row_place(offset as usize + e, at + r.min(valid - 1));
                        for d in 0..draws {
                            out[e * step.lanes + r * draws + d] =
                                T::from_f64(f64::from(self.row_integers[from + self.draw_in(d)]));
                        }
                    }
                }
            }
            _ => self.import_step::<FMA>(chunk, step),
        }
    }

    #[inline(always)]
    pub(super) fn import_step<const FMA: bool>(&self, chunk: &mut Chunk<T>, step: &Step) {
        let source = &self.globals[step.args[0]..step.args[0] + step.arg_len * step.arg_lanes];
        let (low, high) = chunk.values.split_at_mut(step.out);
        let out = &mut high[..step.len * step.lanes];
        let ids = &chunk.ids;
        let lanes = step.arg_lanes;
        match step.op {
            Op::GatherColumn { column, shift } => {
                let index = &self.plan.integer_columns[column as usize];
                if lanes == 1 && chunk.contiguous {
                    let first = (i64::from(ids[0]) + i64::from(shift)) as usize;
                    for (o, &k) in out.iter_mut().zip(&index[first..]) {
                        *o = source[k as usize];
                    }
                    return;
                }
                for (o, &id) in out.chunks_exact_mut(lanes).zip(ids) {
                    let k = index[(i64::from(id) + i64::from(shift)) as usize] as usize;
                    o.copy_from_slice(&source[k * lanes..(k + 1) * lanes]);
                }
            }
            Op::GatherRow { shift } => {
                for (o, &id) in out.chunks_exact_mut(lanes).zip(ids) {
                    let k = (i64::from(id) + i64::from(shift)) as usize;
                    o.copy_from_slice(&source[k * lanes..(k + 1) * lanes]);
                }
            }
            Op::GatherImport => {
                let index = &low[step.args[1]..step.args[1] + step.lanes];
                for (l, o) in out.iter_mut().enumerate() {
                    let k = element_index(index[l], step.arg_len);
                    *o = k.map_or(T::nan(), |k| source[k * lanes + l % lanes]);
                }
            }
            Op::DotData { matrix } => {
                let m = &self.plan.matrices[matrix as usize];
                if lanes == 1 && chunk.is_ahead && step.active[0] {
                    out.copy_from_slice(&chunk.ahead[step.out..step.out + step.lanes]);
                } else if lanes == 1 {
                    pad(source, m.stride, &mut chunk.weights);
                    dot_data::forward::<T, FMA>(m, ids, &chunk.weights, out);
                } else {
                    for (o, &id) in out.chunks_exact_mut(lanes).zip(ids) {
                        let row = &m.row(id)[..m.columns];
                        o.fill(T::zero());
                        for (&x, w) in row.iter().zip(source.chunks_exact(lanes)) {
                            for (o, &w) in o.iter_mut().zip(w) {
                                *o = x.fused::<FMA>(w, *o);
                            }
                        }
                    }
                }
            }
            Op::Dense { .. } => {
                let shape = dense::Shape::of(step);
                let x = &low[step.args[1]..step.args[1] + shape.inputs * step.lanes];
                dense::forward::<T, FMA>(shape, source, x, out);
            }
            _ => {}
        }
    }

    #[inline(always)]
    pub(super) fn import_step_reverse<const FMA: bool>(&self, chunk: &mut Chunk<T>, step: &Step, look_ahead: bool) {
        let size = step.arg_len * step.arg_lanes;
        let lanes = step.arg_lanes;
        let (low, high) = chunk.adjoints.split_at_mut(step.out);
        let g = &high[..step.len * step.lanes];
        let bar = &mut chunk.import_adjoints[step.args[2]..step.args[2] + size];
        let ids = &chunk.ids;
        match step.op {
            Op::GatherColumn { column, shift } if step.active[0] => {
                let index = &self.plan.integer_columns[column as usize];
                if chunk.contiguous {
                    let first = (i64::from(ids[0]) + i64::from(shift)) as usize;
                    return scatter_add(&index[first..first + ids.len()], lanes, g, bar);
                }
                for (g, &id) in g.chunks_exact(lanes).zip(ids) {
                    let k = index[(i64::from(id) + i64::from(shift)) as usize] as usize;
                    add(g, &mut bar[k * lanes..(k + 1) * lanes]);
                }
            }
            Op::GatherRow { shift } if step.active[0] => {
                for (g, &id) in g.chunks_exact(lanes).zip(ids) {
                    let k = (i64::from(id) + i64::from(shift)) as usize;
                    add(g, &mut bar[k * lanes..(k + 1) * lanes]);
                }
            }
            Op::GatherImport if step.active[0] => {
                let index = &chunk.values[step.args[1]..step.args[1] + step.lanes];
                for (l, &g) in g.iter().enumerate() {
                    if let Some(k) = element_index(index[l], step.arg_len) {
                        bar[k * lanes + l % lanes] += g;
                    }
                }
            }
            Op::DotData { matrix } if step.active[0] => {
                let m = &self.plan.matrices[matrix as usize];
                if lanes == 1 {
                    chunk.weights_adjoint.resize(m.stride);
                    chunk.weights_adjoint.fill(T::zero());
                    let weights_bar = &mut chunk.weights_adjoint[..];
                    if look_ahead {
                        pad(&self.globals[step.args[0]..step.args[0] + size], m.stride, &mut chunk.weights);
                        let ahead = &mut chunk.ahead[step.out..step.out + step.lanes];
                        let (next_ids, weights) = (&chunk.next_ids, &chunk.weights);
                        dot_data::reverse_and_next::<T, FMA>(m, ids, g, weights_bar, next_ids, weights, ahead);
                    } else {
                        dot_data::reverse::<T, FMA>(m, ids, g, weights_bar);
                    }
                    add(&chunk.weights_adjoint[..m.columns], bar);
                } else {
                    for (g, &id) in g.chunks_exact(lanes).zip(ids) {
                        let row = &m.row(id)[..m.columns];
                        for (&x, bar) in row.iter().zip(bar.chunks_exact_mut(lanes)) {
                            for (b, &g) in bar.iter_mut().zip(g) {
                                *b = x.fused::<FMA>(g, *b);
                            }
                        }
                    }
                }
            }
            Op::Dense { .. } => {
                let shape = dense::Shape::of(step);
                let own = step.args[1]..step.args[1] + shape.inputs * step.lanes;
                if step.active[0] {
                    dense::reverse_weights::<T, FMA>(shape, g, &chunk.values[own.clone()], &mut chunk.weights, bar);
                }
                if step.active[1] {
                    let weights = &self.globals[step.args[0]..step.args[0] + size];
                    dense::reverse_inputs::<T, FMA>(shape, weights, g, &mut low[own]);
                }
            }
            _ => {}
        }
    }

    /// Start of the draws of one row latent, `[latent][row of the pass][draw]`.
    pub(super) fn row_place(&self, latent: usize, position: usize) -> usize {
        (latent * self.num_rows + position) * self.total_draws + self.first_draw
    }

    /// The last sweep may hold fewer draws than lanes; the spare lanes repeat the last draw.
    pub(super) fn draw_in(&self, d: usize) -> usize {
        d.min(self.total_draws - self.first_draw - 1)
    }

    pub(super) fn real_draws(&self) -> usize {
        self.draws.min(self.total_draws - self.first_draw)
    }
}

/// A global value copied into all rows: `[element][draw]` to `[element][row][draw]`.
#[inline(always)]
pub(super) fn import_forward<T: Lane>(step: &Step, globals: &[T], values: &mut [T]) {
    let (source_lanes, lanes) = (step.arg_lanes, step.lanes);
    for e in 0..step.len {
        let source = &globals[step.args[0] + e * source_lanes..][..source_lanes];
        let out = &mut values[step.out + e * lanes..][..lanes];
        if source_lanes == 1 {
            out.fill(source[0]);
        } else {
            for o in out.chunks_exact_mut(source_lanes) {
                o.copy_from_slice(source);
            }
        }
    }
}

#[inline(always)]
pub(super) fn import_reverse<T: Lane>(step: &Step, adjoints: &[T], import_adjoints: &mut [T]) {
    let (source_lanes, lanes) = (step.arg_lanes, step.lanes);
    for e in 0..step.len {
        let g = &adjoints[step.out + e * lanes..][..lanes];
        let bar = &mut import_adjoints[step.args[2] + e * source_lanes..][..source_lanes];
        if source_lanes == 1 {
            bar[0] += sum_lanes(g);
        } else {
            for g in g.chunks_exact(source_lanes) {
                add(g, bar);
            }
        }
    }
}

/// A copy of `source` with zeros behind it.
#[inline(always)]
fn pad<T: Lane>(source: &[T], length: usize, out: &mut Aligned<T>) {
    out.resize(length);
    let (copy, rest) = out.split_at_mut(source.len());
    copy.copy_from_slice(source);
    rest.fill(T::zero());
}
