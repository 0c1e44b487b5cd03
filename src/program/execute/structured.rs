//! Operations that are not elementwise: gathers, reductions, a user's own node; small matrices by `linear_algebra`.

use super::super::ops::guarded;
use super::super::plan::{Plan, Stored};
use super::super::recording::Op;
use super::dense::{self, Shape};
use super::linear_algebra::{cholesky, cholesky_reverse, mat_vec, mat_vec_reverse, solve_lower, solve_lower_reverse};
use super::sweep::{Operand, Segment, Step, add, sum_lanes};
use crate::numerics::Lane;

#[inline(always)]
pub(super) fn forward<T: Stored, const FMA: bool>(
    step: &Step,
    segment: &Segment,
    plan: &Plan<T>,
    low: &[T],
    out: &mut [T],
) {
    let lanes = step.lanes;
    let [a, b, _] = step.args;
    let list = &segment.operands[step.list.0..step.list.0 + step.list.1];
    match step.op {
        Op::Element(k) => {
            let from = a + k as usize * lanes;
            out[..lanes].copy_from_slice(&low[from..from + lanes]);
        }
        Op::Gather => {
            for l in 0..lanes {
                let k = element_index(low[b + l], step.arg_len);
                out[l] = k.map_or(T::nan(), |k| low[a + k * lanes + l]);
            }
        }
        Op::Pick { column, from } => {
            let index = &plan.integer_columns[column as usize][from as usize..][..step.len];
            if lanes == 1 {
                for (o, &k) in out.iter_mut().zip(index) {
                    *o = low[a + k as usize];
                }
            } else {
                for (o, &k) in out.chunks_exact_mut(lanes).zip(index) {
                    o.copy_from_slice(&low[a + k as usize * lanes..][..lanes]);
                }
            }
        }
        Op::PickRuns { column } => {
            let mut from = 0;
            for &[k, end] in plan.integer_columns[column as usize].as_chunks::<2>().0 {
                let (x, end) = (&low[a + k as usize * lanes..][..lanes], end as usize);
                let out = &mut out[from * lanes..end * lanes];
                match x {
                    [x] => out.fill(*x),
                    _ => out.chunks_exact_mut(lanes).for_each(|o| o.copy_from_slice(x)),
                }
                from = end;
            }
        }
        Op::Pack => {
            for (o, &Operand { at: from, .. }) in out.chunks_exact_mut(lanes).zip(list) {
                o.copy_from_slice(&low[from..from + lanes]);
            }
        }
        Op::Sum => {
            let n = step.len * lanes;
            out[..n].fill(T::zero());
            for &Operand { at: from, .. } in list {
                add(&low[from..from + n], &mut out[..n]);
            }
        }
        Op::LogSumExp => {
            let n = step.len * lanes;
            log_sum_exp_lanes::<T, FMA>(list.iter().map(|&Operand { at: from, .. }| from), n, low, out);
        }
        Op::LogSumExpElements => {
            log_sum_exp_lanes::<T, FMA>((0..step.arg_len).map(|k| a + k * lanes), lanes, low, out);
        }
        Op::SumElements => {
            out[..lanes].fill(T::zero());
            for k in 0..step.arg_len {
                add(&low[a + k * lanes..a + (k + 1) * lanes], &mut out[..lanes]);
            }
        }
        Op::Dot => {
            out[..lanes].fill(T::zero());
            for k in 0..step.arg_len {
                let (x, y) = (&low[a + k * lanes..], &low[b + k * lanes..]);
                for l in 0..lanes {
                    out[l] = x[l].fused::<FMA>(y[l], out[l]);
                }
            }
        }
        Op::MatVec { rows } => {
            mat_vec::<T, FMA>(rows as usize, lanes, &low[a..a + step.arg_len * lanes], &low[b..], out)
        }
        Op::Dense { .. } => {
            let shape = Shape::of(step);
            let weights = &low[a..a + step.arg_len * step.arg_lanes];
            dense::forward::<T, FMA>(shape, weights, &low[b..b + shape.inputs * lanes], &mut out[..step.len * lanes]);
        }
        Op::Cholesky { n } => cholesky(n as usize, lanes, &low[a..], out),
        Op::SolveLower { n } => solve_lower(n as usize, lanes, &low[a..], &low[b..], out),
        Op::Custom { function } => {
            let (mut few, mut many) = ([0.0; 2 * FEW_INPUTS], Vec::new());
            let (inputs, partials) = room(list.len(), &mut few, &mut many);
            for l in 0..step.len * lanes {
                for (x, &Operand { at: from, .. }) in inputs.iter_mut().zip(list) {
                    *x = low[from + l].to_f64();
                }
                out[l] = T::from_f64(plan.functions[function as usize](inputs, partials));
            }
        }
        _ => {}
    }
}

#[inline(always)]
pub(super) fn reverse<T: Stored, const FMA: bool>(
    step: &Step,
    segment: &Segment,
    plan: &Plan<T>,
    values: &[T],
    low: &mut [T],
    g: &[T],
) {
    let lanes = step.lanes;
    let [a, b, _] = step.args;
    let list = &segment.operands[step.list.0..step.list.0 + step.list.1];
    match step.op {
        Op::Element(k) if step.active[0] => {
            let to = a + k as usize * lanes;
            add(&g[..lanes], &mut low[to..to + lanes]);
        }
        Op::Gather if step.active[0] => {
            for l in 0..lanes {
                if let Some(k) = element_index(values[b + l], step.arg_len) {
                    low[a + k * lanes + l] += g[l];
                }
            }
        }
        Op::Pick { column, from } if step.active[0] => {
            let index = &plan.integer_columns[column as usize][from as usize..][..step.len];
            scatter_add(index, lanes, g, &mut low[a..a + step.arg_len * lanes]);
        }
        Op::PickRuns { column } if step.active[0] => {
            let mut from = 0;
            for &[k, end] in plan.integer_columns[column as usize].as_chunks::<2>().0 {
                let (to, end) = (&mut low[a + k as usize * lanes..][..lanes], end as usize);
                let g = &g[from * lanes..end * lanes];
                match to {
                    [to] => *to += sum_lanes(g),
                    _ => g.chunks_exact(lanes).for_each(|g| add(g, to)),
                }
                from = end;
            }
        }
        Op::Pack => {
            for (g, &Operand { at: to, active, .. }) in g.chunks_exact(lanes).zip(list) {
                if active {
                    add(g, &mut low[to..to + lanes]);
                }
            }
        }
        Op::Sum => {
            let n = step.len * lanes;
            for &Operand { at: to, active, .. } in list {
                if active {
                    add(&g[..n], &mut low[to..to + n]);
                }
            }
        }
        Op::LogSumExp => {
            let n = step.len * lanes;
            for (k, &Operand { at: to, active, .. }) in list.iter().enumerate() {
                if active {
                    softmax_reverse(&values[step.out + (k + 1) * n..], &g[..n], &mut low[to..to + n]);
                }
            }
        }
        Op::LogSumExpElements if step.active[0] => {
            for k in 0..step.arg_len {
                let to = a + k * lanes;
                softmax_reverse(&values[step.out + (k + 1) * lanes..], &g[..lanes], &mut low[to..to + lanes]);
            }
        }
        Op::SumElements if step.active[0] => {
            for k in 0..step.arg_len {
                add(&g[..lanes], &mut low[a + k * lanes..a + (k + 1) * lanes]);
            }
        }
        Op::Dot => {
            for (own, other, active) in [(a, b, step.active[0]), (b, a, step.active[1])] {
                if active {
                    for k in 0..step.arg_len {
                        let (t, y) = (&mut low[own + k * lanes..], &values[other + k * lanes..]);
                        for l in 0..lanes {
                            t[l] += guarded(g[l], g[l] * y[l]);
                        }
                    }
                }
            }
        }
        Op::MatVec { rows } => mat_vec_reverse::<T, FMA>(step, rows as usize, values, low, g),
        Op::Dense { .. } => {
            let (shape, g) = (Shape::of(step), &g[..step.len * lanes]);
            let (of_weights, of_inputs) = (a..a + step.arg_len * step.arg_lanes, b..b + shape.inputs * lanes);
            if step.active[0] {
                let bar = &mut low[of_weights.clone()];
                dense::reverse_shared_weights::<T, FMA>(shape, g, &values[of_inputs.clone()], bar);
            }
            if step.active[1] {
                dense::reverse_inputs::<T, FMA>(shape, &values[of_weights], g, &mut low[of_inputs]);
            }
        }
        Op::Cholesky { n } if step.active[0] => {
            let size = step.len * lanes;
            cholesky_reverse(n as usize, lanes, &values[step.out..step.out + size], g, &mut low[a..a + size]);
        }
        Op::SolveLower { n } => solve_lower_reverse(step, n as usize, values, low, g),
        Op::Custom { function } => {
            let (mut few, mut many) = ([0.0; 2 * FEW_INPUTS], Vec::new());
            let (inputs, partials) = room(list.len(), &mut few, &mut many);
            for l in 0..step.len * lanes {
                for (x, &Operand { at: from, .. }) in inputs.iter_mut().zip(list) {
                    *x = values[from + l].to_f64();
                }
                plan.functions[function as usize](inputs, partials);
                for (&p, &Operand { at: to, active, .. }) in partials.iter().zip(list) {
                    if active {
                        low[to + l] += guarded(g[l], g[l] * T::from_f64(p));
                    }
                }
            }
        }
        _ => {}
    }
}

/// `to[index[r]] += g[r]`, all lanes of each.
///
/// Neighbouring rows often share an element, and then each addition waits for the one before: four stretches of rows
/// take turns.
#[inline(always)]
pub(super) fn scatter_add<T: Lane>(index: &[u32], lanes: usize, g: &[T], to: &mut [T]) {
    if lanes > 1 {
        for (g, &k) in g.chunks_exact(lanes).zip(index) {
            add(g, &mut to[k as usize * lanes..][..lanes]);
        }
        return;
    }
    let n = index.len() / 4;
    let g = &g[..index.len()];
    let (stretch, rest) = index.split_at(4 * n);
    let (a, b, c, d) = (&stretch[..n], &stretch[n..2 * n], &stretch[2 * n..3 * n], &stretch[3 * n..]);
    let (e, f, p, q) = (&g[..n], &g[n..2 * n], &g[2 * n..3 * n], &g[3 * n..4 * n]);
    for r in 0..n {
        to[a[r] as usize] += e[r];
        to[b[r] as usize] += f[r];
        to[c[r] as usize] += p[r];
        to[d[r] as usize] += q[r];
    }
    for (&k, &g) in rest.iter().zip(&g[4 * n..]) {
        to[k as usize] += g;
    }
}

/// Inputs of a user's function up to which its numbers lie on the stack.
const FEW_INPUTS: usize = 16;

/// Room for `n` inputs and as many partial derivatives.
#[inline(always)]
fn room<'a>(n: usize, few: &'a mut [f64; 2 * FEW_INPUTS], many: &'a mut Vec<f64>) -> (&'a mut [f64], &'a mut [f64]) {
    if n <= FEW_INPUTS {
        return few[..2 * n].split_at_mut(n);
    }
    many.resize(2 * n, 0.0);
    many.split_at_mut(n)
}

/// The element an index lane points at; `None` outside of the vector.
#[inline(always)]
pub(crate) fn element_index<T: Lane>(index: T, len: usize) -> Option<usize> {
    let k = index.to_f64();
    (k >= 0.0 && k < len as f64).then_some(k as usize)
}

/// `out[..n]` becomes the log-sum-exp, `out[n..]` the softmax weights.
#[inline(always)]
fn log_sum_exp_lanes<T: Lane, const FMA: bool>(
    parts: impl Iterator<Item = usize> + Clone,
    n: usize,
    low: &[T],
    out: &mut [T],
) {
    let (value, softmax) = out.split_at_mut(n);
    value.fill(T::neg_infinity());
    for from in parts.clone() {
        for (m, &x) in value.iter_mut().zip(&low[from..from + n]) {
            *m = if x > *m || x.is_nan() { x } else { *m };
        }
    }
    // With every part at -inf the shift must stay finite.
    let mut total_at = 0;
    for (k, from) in parts.enumerate() {
        let weights = &mut softmax[k * n..(k + 1) * n];
        for ((w, &x), &m) in weights.iter_mut().zip(&low[from..from + n]).zip(value.iter()) {
            let shift = if m == T::neg_infinity() { T::zero() } else { m };
            *w = (x - shift).exp_lane::<FMA>();
        }
        total_at = k + 1;
    }
    // In blocks of lanes with the parts outside, so that every inner loop vectorises.
    const BLOCK: usize = 64;
    let mut from = 0;
    while from < n {
        let m = BLOCK.min(n - from);
        let mut totals = [T::zero(); BLOCK];
        let mut inverses = [T::zero(); BLOCK];
        for k in 0..total_at {
            for (t, &w) in totals[..m].iter_mut().zip(&softmax[k * n + from..][..m]) {
                *t += w;
            }
        }
        for (i, &t) in inverses[..m].iter_mut().zip(&totals[..m]) {
            *i = if t > T::zero() { t.recip() } else { T::zero() };
        }
        for k in 0..total_at {
            for (w, &i) in softmax[k * n + from..][..m].iter_mut().zip(&inverses[..m]) {
                *w *= i;
            }
        }
        for (v, &t) in value[from..][..m].iter_mut().zip(&totals[..m]) {
            let shift = if *v == T::neg_infinity() { T::zero() } else { *v };
            *v = shift + t.ln_lane::<FMA>();
        }
        from += m;
    }
}

#[inline(always)]
fn softmax_reverse<T: Lane>(softmax: &[T], g: &[T], to: &mut [T]) {
    for ((t, &s), &g) in to.iter_mut().zip(softmax).zip(g) {
        *t += guarded(g, g * s);
    }
}
