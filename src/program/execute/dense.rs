//! Dense layers as matrix products over the lanes of a block: forward, and the adjoints of weights and inputs.
//!
//! Weights shared by all lanes make all three the same product of four rows at a time with a block of lanes;
//! weights of each draw are taken lane by lane.

use super::super::recording::Op;
use super::aligned::Aligned;
use super::sweep::{Step, sum_lanes};
use crate::numerics::{FourRows, Lane};

/// Sizes of one layer: weights `[output][input][weight lane]`, values `[input or output][lane]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub outputs: usize,
    pub inputs: usize,
    pub lanes: usize,
    /// One, or one for each draw, repeated along the lanes.
    pub weight_lanes: usize,
}

impl Shape {
    pub fn of(step: &Step) -> Shape {
        let outputs = if let Op::Dense { rows } = step.op { rows as usize } else { step.len };
        Shape { outputs, inputs: step.arg_len / outputs.max(1), lanes: step.lanes, weight_lanes: step.arg_lanes }
    }
}

/// Columns taken at a time, so that their lanes stay in the first cache.
const DEPTH: usize = 128;

/// A matrix read as `data[r * row + c * column]`, so that its transpose is the same data; `row` or `column` is one.
#[derive(Clone, Copy)]
struct Strided<'a, T> {
    data: &'a [T],
    row: usize,
    column: usize,
}

/// `out[j][l] = sum_k weights[j][k] * x[k][l]`.
#[inline(always)]
pub(super) fn forward<T: Lane, const FMA: bool>(shape: Shape, weights: &[T], x: &[T], out: &mut [T]) {
    let Shape { outputs, inputs, lanes, weight_lanes } = shape;
    if weight_lanes == 1 && inputs > 0 {
        let weights = Strided { data: weights, row: inputs, column: 1 };
        return product::<T, FMA>(weights, (outputs, inputs), x, lanes, true, out);
    }
    out.fill(T::zero());
    for (j, out) in out.chunks_exact_mut(lanes).enumerate() {
        for (k, x) in x.chunks_exact(lanes).enumerate() {
            let w = &weights[(j * inputs + k) * weight_lanes..][..weight_lanes];
            for (out, x) in out.chunks_exact_mut(weight_lanes).zip(x.chunks_exact(weight_lanes)) {
                add_products::<T, FMA>(w, x, out);
            }
        }
    }
}

/// `x_bar[k][l] += sum_j weights[j][k] * g[j][l]`.
#[inline(always)]
pub(super) fn reverse_inputs<T: Lane, const FMA: bool>(shape: Shape, weights: &[T], g: &[T], x_bar: &mut [T]) {
    let Shape { outputs, inputs, lanes, weight_lanes } = shape;
    if weight_lanes == 1 {
        let weights = Strided { data: weights, row: 1, column: inputs };
        return product::<T, FMA>(weights, (inputs, outputs), g, lanes, false, x_bar);
    }
    for (j, g) in g.chunks_exact(lanes).enumerate() {
        for (k, bar) in x_bar.chunks_exact_mut(lanes).enumerate() {
            let w = &weights[(j * inputs + k) * weight_lanes..][..weight_lanes];
            for (bar, g) in bar.chunks_exact_mut(weight_lanes).zip(g.chunks_exact(weight_lanes)) {
                add_products::<T, FMA>(w, g, bar);
            }
        }
    }
}

/// `weights_bar[j][k] += sum_l g[j][l] * x[k][l]`, by draw where the weights are; `transposed` is scratch.
#[inline(always)]
pub(super) fn reverse_weights<T: Lane, const FMA: bool>(
    shape: Shape,
    g: &[T],
    x: &[T],
    transposed: &mut Aligned<T>,
    weights_bar: &mut [T],
) {
    let Shape { outputs, inputs, lanes, weight_lanes } = shape;
    if weight_lanes == 1 {
        transposed.resize(inputs * lanes);
        transpose::<T, FMA>(x, lanes, transposed);
        let g = Strided { data: g, row: lanes, column: 1 };
        return product::<T, FMA>(g, (outputs, lanes), transposed, inputs, false, weights_bar);
    }
    for (j, g) in g.chunks_exact(lanes).enumerate() {
        for (k, x) in x.chunks_exact(lanes).enumerate() {
            let bar = &mut weights_bar[(j * inputs + k) * weight_lanes..][..weight_lanes];
            for (g, x) in g.chunks_exact(weight_lanes).zip(x.chunks_exact(weight_lanes)) {
                add_products::<T, FMA>(g, x, bar);
            }
        }
    }
}

/// The same of weights that are those of every lane, without scratch: layers outside of rows have few lanes.
#[inline(always)]
pub(super) fn reverse_shared_weights<T: Lane, const FMA: bool>(shape: Shape, g: &[T], x: &[T], weights_bar: &mut [T]) {
    let Shape { inputs, lanes, .. } = shape;
    for (g, bar) in g.chunks_exact(lanes).zip(weights_bar.chunks_exact_mut(inputs.max(1))) {
        for (x, bar) in x.chunks_exact(lanes).zip(bar) {
            *bar += dot::<T, FMA>(g, x);
        }
    }
}

/// `sum_l a[l] b[l]`, in eight sums.
#[inline(always)]
fn dot<T: Lane, const FMA: bool>(a: &[T], b: &[T]) -> T {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [T::zero(); 8];
    for (a, b) in a.iter().zip(b) {
        for l in 0..8 {
            sums[l] = a[l].fused::<FMA>(b[l], sums[l]);
        }
    }
    for l in 0..a_rest.len() {
        sums[l] = a_rest[l].fused::<FMA>(b_rest[l], sums[l]);
    }
    sum_lanes(&sums)
}

/// `out[r][l] += sum_k matrix(r, k) * x[k][l]` for a matrix of `rows` x `columns`, or `=` where it `overwrites`.
#[inline(always)]
fn product<T: Lane, const FMA: bool>(
    matrix: Strided<T>,
    (rows, columns): (usize, usize),
    x: &[T],
    lanes: usize,
    overwrites: bool,
    out: &mut [T],
) {
    if lanes == 0 {
        return;
    }
    let whole = rows / 4 * 4;
    let (fours, rest) = out[..rows * lanes].split_at_mut(whole * lanes);
    for from in (0..columns).step_by(DEPTH) {
        let depth = DEPTH.min(columns - from);
        let x = &x[from * lanes..(from + depth) * lanes];
        let mut first = 0;
        // Zeros are written where they are read at once, and not all of them before.
        let cleared = overwrites && from == 0;
        for out in fours.chunks_exact_mut(4 * lanes) {
            if cleared {
                out.fill(T::zero());
            }
            let data = &matrix.data[first * matrix.row + from * matrix.column..];
            let weights = match matrix.column {
                1 => FourRows::Rows([data, &data[matrix.row..], &data[2 * matrix.row..], &data[3 * matrix.row..]]),
                stride => FourRows::Columns(data, stride),
            };
            let (a, out) = out.split_at_mut(lanes);
            let (b, out) = out.split_at_mut(lanes);
            let (c, d) = out.split_at_mut(lanes);
            T::add_panel::<FMA>(weights, x, lanes, [a, b, c, d]);
            first += 4;
        }
        for out in rest.chunks_exact_mut(lanes) {
            if cleared {
                out.fill(T::zero());
            }
            let row = &matrix.data[first * matrix.row + from * matrix.column..];
            for k in 0..depth {
                let (w, x) = (row[k * matrix.column], &x[k * lanes..][..lanes]);
                for l in 0..lanes {
                    out[l] = w.fused::<FMA>(x[l], out[l]);
                }
            }
            first += 1;
        }
    }
}

/// `out[l][k] = x[k][l]`, eight rows at a time.
#[inline(always)]
fn transpose<T: Lane, const FMA: bool>(x: &[T], lanes: usize, out: &mut [T]) {
    let inputs = out.len() / lanes.max(1);
    let whole = inputs / 8 * 8;
    for k in (0..whole).step_by(8) {
        let rows: [&[T]; 8] = std::array::from_fn(|r| &x[(k + r) * lanes..][..lanes]);
        T::interleave::<FMA>(rows, &mut out[k..], inputs);
    }
    for k in whole..inputs {
        for l in 0..lanes {
            out[l * inputs + k] = x[k * lanes + l];
        }
    }
}

/// `to += a * b`, number by number.
#[inline(always)]
fn add_products<T: Lane, const FMA: bool>(a: &[T], b: &[T], to: &mut [T]) {
    let n = to.len();
    let (a, b) = (&a[..n], &b[..n]);
    for l in 0..n {
        to[l] = a[l].fused::<FMA>(b[l], to[l]);
    }
}
