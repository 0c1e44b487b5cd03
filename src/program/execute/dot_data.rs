//! Products of a data matrix's rows with one draw of a vector: forward, reverse, and both at once.

use super::super::plan::PaddedMatrix;
use crate::numerics::Lane;

/// `out[r] = sum_k matrix[ids[r]][k] * weights[k]`; `weights` is padded as the matrix is.
#[inline(always)]
pub(super) fn forward<T: Lane, const FMA: bool>(matrix: &PaddedMatrix<T>, ids: &[u32], weights: &[T], out: &mut [T]) {
    let (groups, rest_ids) = ids.as_chunks::<4>();
    let (outs, rest_out) = out.as_chunks_mut::<4>();
    for (ids, out) in groups.iter().zip(outs) {
        *out = T::dot_four::<FMA>(four_rows(matrix, ids), weights);
    }
    for (&id, out) in rest_ids.iter().zip(rest_out) {
        let row = matrix.row(id);
        *out = T::dot_four::<FMA>([row; 4], weights)[0];
    }
}

/// `weights_bar[k] += sum_r matrix[ids[r]][k] * out_bar[r]`.
#[inline(always)]
pub(super) fn reverse<T: Lane, const FMA: bool>(
    matrix: &PaddedMatrix<T>,
    ids: &[u32],
    out_bar: &[T],
    weights_bar: &mut [T],
) {
    let (groups, rest_ids) = ids.as_chunks::<4>();
    let (bars, rest_bars) = out_bar.as_chunks::<4>();
    for (ids, &g) in groups.iter().zip(bars) {
        T::add_four::<FMA>(four_rows(matrix, ids), g, weights_bar);
    }
    for (&id, &g) in rest_ids.iter().zip(rest_bars) {
        let row = matrix.row(id);
        T::add_four::<FMA>([row; 4], [g, T::zero(), T::zero(), T::zero()], weights_bar);
    }
}

#[inline(always)]
fn four_rows<'a, T>(matrix: &'a PaddedMatrix<T>, ids: &[u32; 4]) -> [&'a [T]; 4] {
    [matrix.row(ids[0]), matrix.row(ids[1]), matrix.row(ids[2]), matrix.row(ids[3])]
}

/// [`reverse`] of one block of rows and [`forward`] of the next, by turns.
///
/// The block's rows lie in the first cache and the next ones far away: the arithmetic of the one hides the wait for
/// the other.
#[inline(always)]
pub(super) fn reverse_and_next<T: Lane, const FMA: bool>(
    matrix: &PaddedMatrix<T>,
    ids: &[u32],
    out_bar: &[T],
    weights_bar: &mut [T],
    next_ids: &[u32],
    weights: &[T],
    next_out: &mut [T],
) {
    let (groups, rest) = ids.as_chunks::<4>();
    let (bars, rest_bars) = out_bar.as_chunks::<4>();
    let (next_groups, next_rest) = next_ids.as_chunks::<4>();
    let (next_outs, next_rest_out) = next_out.as_chunks_mut::<4>();
    for (((ids, &g), next_ids), next_out) in groups.iter().zip(bars).zip(next_groups).zip(next_outs) {
        T::add_four::<FMA>(four_rows(matrix, ids), g, weights_bar);
        *next_out = T::dot_four::<FMA>(four_rows(matrix, next_ids), weights);
    }
    reverse::<T, FMA>(matrix, rest, rest_bars, weights_bar);
    forward::<T, FMA>(matrix, next_rest, weights, next_rest_out);
}
