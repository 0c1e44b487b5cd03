//! Dense layers as matrix products over the lanes of a block: forward, and the adjoints of weights and inputs.
//!
//! Weights shared by all lanes make all three the same product of a small panel of four rows with a block of lanes;
//! weights of each draw are taken lane by lane.

use super::super::maths::Lane;
use super::super::recording::Op;
use super::sweep::Step;

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

/// Columns of a panel, which lies in the first cache.
const DEPTH: usize = 64;

/// A matrix read as `data[row * rows + column * columns]`, so that its transpose is the same data.
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
    out.fill(T::zero());
    if weight_lanes == 1 {
        let weights = Strided { data: weights, row: inputs, column: 1 };
        return product::<T, FMA>(weights, (outputs, inputs), x, lanes, out);
    }
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
        return product::<T, FMA>(weights, (inputs, outputs), g, lanes, x_bar);
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
    transposed: &mut Vec<T>,
    weights_bar: &mut [T],
) {
    let Shape { outputs, inputs, lanes, weight_lanes } = shape;
    if weight_lanes == 1 {
        transposed.clear();
        transposed.resize(inputs * lanes, T::zero());
        transpose(x, lanes, transposed);
        let g = Strided { data: g, row: lanes, column: 1 };
        return product::<T, FMA>(g, (outputs, lanes), transposed, inputs, weights_bar);
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

/// `out[r][l] += sum_k matrix(r, k) * x[k][l]` for a matrix of `rows` x `columns`.
#[inline(always)]
fn product<T: Lane, const FMA: bool>(
    matrix: Strided<T>,
    (rows, columns): (usize, usize),
    x: &[T],
    lanes: usize,
    out: &mut [T],
) {
    if lanes == 0 {
        return;
    }
    let mut panel = [[T::zero(); 4]; DEPTH];
    let whole = rows / 4 * 4;
    let (fours, rest) = out[..rows * lanes].split_at_mut(whole * lanes);
    for from in (0..columns).step_by(DEPTH) {
        let depth = DEPTH.min(columns - from);
        let panel = &mut panel[..depth];
        let x = &x[from * lanes..(from + depth) * lanes];
        for (group, out) in fours.chunks_exact_mut(4 * lanes).enumerate() {
            for r in 0..4 {
                let row = &matrix.data[(4 * group + r) * matrix.row + from * matrix.column..];
                for (p, &w) in panel.iter_mut().zip(row.iter().step_by(matrix.column)) {
                    p[r] = w;
                }
            }
            let (a, out) = out.split_at_mut(lanes);
            let (b, out) = out.split_at_mut(lanes);
            let (c, d) = out.split_at_mut(lanes);
            T::add_panel::<FMA>(panel, x, lanes, [a, b, c, d]);
        }
        for (r, out) in rest.chunks_exact_mut(lanes).enumerate() {
            let row = &matrix.data[(whole + r) * matrix.row + from * matrix.column..];
            for (x, &w) in x.chunks_exact(lanes).zip(row.iter().step_by(matrix.column)) {
                for (o, &x) in out.iter_mut().zip(x) {
                    *o = w.fused::<FMA>(x, *o);
                }
            }
        }
    }
}

/// `out[l][k] = x[k][l]`.
#[inline(always)]
fn transpose<T: Lane>(x: &[T], lanes: usize, out: &mut [T]) {
    let inputs = out.len() / lanes.max(1);
    for (k, x) in x.chunks_exact(lanes).enumerate() {
        for (o, &x) in out[k..].iter_mut().step_by(inputs).zip(x) {
            *o = x;
        }
    }
}

/// `to += a * b`, number by number.
#[inline(always)]
fn add_products<T: Lane, const FMA: bool>(a: &[T], b: &[T], to: &mut [T]) {
    for ((to, &a), &b) in to.iter_mut().zip(a).zip(b) {
        *to = a.fused::<FMA>(b, *to);
    }
}
