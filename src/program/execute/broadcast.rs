//! Vectors and one number for all their elements: products, sums and squared distances.
//!
//! With one draw the elements are the lanes; with several, each element has the draws for lanes, and so has the number.

use super::super::ops::{FEW, WIDE, add_lanes, guarded, map_lanes, padded};
use super::super::recording::Op;
use super::sweep::{Segment, Step, clear_first, sum_lanes};
use crate::numerics::Lane;

/// Overwrites `out` for [`Op::Scaled`], [`Op::Shifted`] and [`Op::SquaredDistance`].
#[inline(always)]
pub(super) fn forward<T: Lane>(step: &Step, low: &[T], out: &mut [T]) {
    let [a, b, _] = step.args;
    match step.op {
        Op::SquaredDistance { len } => squared_distance(step, len as usize, low, out),
        _ if step.lanes == 1 => {
            let n = padded(step.len);
            let (x, s, out) = (&low[a..a + n], low[b], &mut out[..n]);
            match step.op {
                Op::Scaled => map_lanes!(out, [x => x], x * s),
                _ => map_lanes!(out, [x => x], x + s),
            }
        }
        _ => {
            let (n, s) = (step.lanes, &low[b..b + step.lanes]);
            let x = &low[a..a + step.len * n];
            for (x, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
                match step.op {
                    Op::Scaled => {
                        for l in 0..n {
                            out[l] = x[l] * s[l]
                        }
                    }
                    _ => {
                        for l in 0..n {
                            out[l] = x[l] + s[l]
                        }
                    }
                }
            }
        }
    }
}

/// Adds to the operands' adjoints, or assigns where this step is the first to reach them.
#[inline(always)]
pub(super) fn reverse<T: Lane>(step: &Step, segment: &Segment, values: &[T], low: &mut [T], g: &[T]) {
    if let Op::SquaredDistance { len } = step.op {
        return squared_distance_reverse(step, segment, len as usize, values, low, g);
    }
    let ([a, b, _], scales) = (step.args, step.op == Op::Scaled);
    if step.lanes == 1 {
        let n = padded(step.len);
        if step.active[0] {
            let (s, g, to) = (values[b], &g[..n], &mut low[a..a + n]);
            if scales {
                add_lanes!(to, step.first[0], [g => g], guarded(g, g * s))
            } else {
                add_lanes!(to, step.first[0], [g => g], g)
            }
        }
        if step.active[1] {
            let g = &g[..step.len];
            let sum = if scales { dot(g, &values[a..a + step.len]) } else { sum_lanes(g) };
            low[b] = if step.first[1] { T::zero() } else { low[b] } + sum;
        }
        return;
    }
    clear_first(step, segment, low);
    let n = step.lanes;
    for e in 0..step.len {
        let (x, s, g) = (&values[a + e * n..][..n], &values[b..b + n], &g[e * n..][..n]);
        for (k, at, y) in [(0, a + e * n, s), (1, b, x)] {
            if step.active[k] {
                let to = &mut low[at..at + n];
                if scales {
                    for l in 0..n {
                        to[l] += guarded(g[l], g[l] * y[l])
                    }
                } else {
                    for l in 0..n {
                        to[l] += g[l]
                    }
                }
            }
        }
    }
}

/// `sum_e (x_e - m_e)^2`, and behind it, from the next whole group on, the differences.
#[inline(always)]
fn squared_distance<T: Lane>(step: &Step, len: usize, low: &[T], out: &mut [T]) {
    let ([a, b, _], n) = (step.args, step.lanes);
    let (sum, rest) = out.split_at_mut(padded(n));
    if n == 1 {
        let m = padded(len);
        let x = &low[a..a + m];
        if step.sizes[1] == 1 {
            let y = low[b];
            map_lanes!(&mut rest[..m], [x => x], x - y);
        } else {
            let y = &low[b..b + m];
            map_lanes!(&mut rest[..m], [x => x, y => y], x - y);
        }
        // What lies behind a part of a vector is the rest of it: nothing may come back there.
        rest[len..m].fill(T::zero());
        sum[0] = dot(&rest[..len], &rest[..len]);
        return;
    }
    let sum = &mut sum[..n];
    sum.fill(T::zero());
    let ahead = if step.sizes[1] == n { 0 } else { n };
    for e in 0..len {
        let (x, y, r) = (&low[a + e * n..][..n], &low[b + e * ahead..][..n], &mut rest[e * n..][..n]);
        for l in 0..n {
            r[l] = x[l] - y[l];
            sum[l] += r[l] * r[l];
        }
    }
}

#[inline(always)]
fn squared_distance_reverse<T: Lane>(step: &Step, segment: &Segment, len: usize, values: &[T], low: &mut [T], g: &[T]) {
    let ([a, b, _], n) = (step.args, step.lanes);
    let rest = &values[step.out + padded(n)..];
    if n == 1 {
        let (m, twice) = (padded(len), g[0] + g[0]);
        let r = &rest[..m];
        if step.active[0] {
            add_lanes!(&mut low[a..a + m], step.first[0], [r => r], guarded(twice, twice * r));
        }
        if step.active[1] && step.sizes[1] == 1 {
            let sum = guarded(twice, twice * sum_lanes(&r[..len]));
            low[b] = if step.first[1] { T::zero() } else { low[b] } - sum;
        } else if step.active[1] {
            add_lanes!(&mut low[b..b + m], step.first[1], [r => r], -guarded(twice, twice * r));
        }
        return;
    }
    clear_first(step, segment, low);
    let ahead = if step.sizes[1] == n { 0 } else { n };
    for e in 0..len {
        let (r, g) = (&rest[e * n..][..n], &g[..n]);
        if step.active[0] {
            let to = &mut low[a + e * n..][..n];
            for l in 0..n {
                to[l] += guarded(g[l], (g[l] + g[l]) * r[l])
            }
        }
        if step.active[1] {
            let to = &mut low[b + e * ahead..][..n];
            for l in 0..n {
                to[l] -= guarded(g[l], (g[l] + g[l]) * r[l])
            }
        }
    }
}

/// Groups after which a sum goes into double precision.
const SPAN: usize = 32;

/// `sum_l x[l] y[l]`; a product that is not finite counts as zero where `x` is.
#[inline(always)]
fn dot<T: Lane>(x: &[T], y: &[T]) -> T {
    let ((xs, x), (ys, y)) = (x.as_chunks::<WIDE>(), y.as_chunks::<WIDE>());
    let mut all = 0.0;
    for (xs, ys) in xs.chunks(SPAN).zip(ys.chunks(SPAN)) {
        let mut sum = [T::zero(); WIDE];
        for (x, y) in xs.iter().zip(ys) {
            for l in 0..WIDE {
                sum[l] += guarded(x[l], x[l] * y[l]);
            }
        }
        all += sum_of_eight(sum);
    }
    for (&x, &y) in x.iter().zip(y) {
        all += guarded(x, x * y).to_f64();
    }
    T::from_f64(all)
}

#[inline(always)]
fn sum_of_eight<T: Lane>(x: [T; WIDE]) -> f64 {
    let mut four = [0.0; WIDE / 2];
    for l in 0..WIDE / 2 {
        four[l] = x[l].to_f64() + x[l + WIDE / 2].to_f64();
    }
    (four[0] + four[2]) + (four[1] + four[3])
}
