//! Small matrices, one to a lane: products, Cholesky factors and triangular solves, with their adjoints.

use super::sweep::Step;
use crate::numerics::Lane;

#[inline(always)]
pub(super) fn mat_vec<T: Lane, const FMA: bool>(rows: usize, lanes: usize, w: &[T], x: &[T], out: &mut [T]) {
    let columns = w.len() / (rows * lanes);
    for j in 0..rows {
        let o = &mut out[j * lanes..(j + 1) * lanes];
        o.fill(T::zero());
        for k in 0..columns {
            let (w, x) = (&w[(j * columns + k) * lanes..], &x[k * lanes..]);
            for l in 0..lanes {
                o[l] = w[l].fused::<FMA>(x[l], o[l]);
            }
        }
    }
}

#[inline(always)]
pub(super) fn mat_vec_reverse<T: Lane, const FMA: bool>(
    step: &Step,
    rows: usize,
    values: &[T],
    low: &mut [T],
    g: &[T],
) {
    let lanes = step.lanes;
    let columns = step.arg_len / rows;
    let [a, b, _] = step.args;
    for j in 0..rows {
        let g = &g[j * lanes..(j + 1) * lanes];
        for k in 0..columns {
            let at = (j * columns + k) * lanes;
            if step.active[0] {
                let (t, x) = (&mut low[a + at..], &values[b + k * lanes..]);
                for l in 0..lanes {
                    t[l] = g[l].fused::<FMA>(x[l], t[l]);
                }
            }
            if step.active[1] {
                let (t, w) = (&mut low[b + k * lanes..], &values[a + at..]);
                for l in 0..lanes {
                    t[l] = g[l].fused::<FMA>(w[l], t[l]);
                }
            }
        }
    }
}

/// `out = L` with `L L' = A`, lane by lane; a matrix that is not positive definite gives NaN.
#[inline(always)]
pub(super) fn cholesky<T: Lane>(n: usize, lanes: usize, a: &[T], out: &mut [T]) {
    out[..n * n * lanes].fill(T::zero());
    for j in 0..n {
        for i in j..n {
            for l in 0..lanes {
                let mut s = a[(i * n + j) * lanes + l];
                for k in 0..j {
                    s -= out[(i * n + k) * lanes + l] * out[(j * n + k) * lanes + l];
                }
                out[(i * n + j) * lanes + l] = if i == j { s.sqrt() } else { s / out[(j * n + j) * lanes + l] };
            }
        }
    }
}

/// Reverse of the Cholesky factorisation by rows, last to first (Murray 2016, section 2.1, unblocked).
///
/// The whole gradient goes to the lower triangle of `A`, which is the one that was read.
#[inline(always)]
pub(super) fn cholesky_reverse<T: Lane>(n: usize, lanes: usize, factor: &[T], g: &[T], a_bar: &mut [T]) {
    let mut bar = vec![T::zero(); n * n];
    for l in 0..lanes {
        let at = |i: usize, j: usize| (i * n + j) * lanes + l;
        let mut any = false;
        for i in 0..n {
            for j in 0..=i {
                bar[i * n + j] = g[at(i, j)];
                any |= g[at(i, j)] != T::zero();
            }
        }
        if !any {
            continue;
        }
        for j in (0..n).rev() {
            for i in (j..n).rev() {
                let diagonal = factor[at(j, j)];
                let v = if i == j {
                    bar[i * n + j] * T::from_f64(0.5) / diagonal
                } else {
                    let v = bar[i * n + j] / diagonal;
                    bar[j * n + j] -= v * factor[at(i, j)];
                    v
                };
                // s = a_ij - sum_k l_ik l_jk was divided by, or rooted to, the diagonal.
                a_bar[at(i, j)] += v;
                for k in 0..j {
                    bar[i * n + k] -= v * factor[at(j, k)];
                    bar[j * n + k] -= v * factor[at(i, k)];
                }
            }
        }
    }
}

#[inline(always)]
pub(super) fn solve_lower<T: Lane>(n: usize, lanes: usize, factor: &[T], b: &[T], out: &mut [T]) {
    for i in 0..n {
        for l in 0..lanes {
            let mut s = b[i * lanes + l];
            for k in 0..i {
                s -= factor[(i * n + k) * lanes + l] * out[k * lanes + l];
            }
            out[i * lanes + l] = s / factor[(i * n + i) * lanes + l];
        }
    }
}

#[inline(always)]
pub(super) fn solve_lower_reverse<T: Lane>(step: &Step, n: usize, values: &[T], low: &mut [T], g: &[T]) {
    let lanes = step.lanes;
    let [a, b, _] = step.args;
    let mut bar = vec![T::zero(); n];
    for l in 0..lanes {
        for i in 0..n {
            bar[i] = g[i * lanes + l];
        }
        for i in (0..n).rev() {
            // b_bar = L^-T g, L_bar = -b_bar x'.
            let v = bar[i] / values[a + (i * n + i) * lanes + l];
            for k in 0..i {
                bar[k] -= v * values[a + (i * n + k) * lanes + l];
            }
            if step.active[1] {
                low[b + i * lanes + l] += v;
            }
            if step.active[0] {
                for k in 0..=i {
                    low[a + (i * n + k) * lanes + l] -= v * values[step.out + k * lanes + l];
                }
            }
        }
    }
}
