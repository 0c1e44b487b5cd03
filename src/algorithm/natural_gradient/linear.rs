//! Products and triangular solves on blocks of draws, and the size of a matrix.

use nalgebra::{DMatrix, DVector};

use crate::numerics::dot;

/// Latents up to which products are plain loops over columns; for more, nalgebra's are faster, which set memory aside
/// for themselves.
const FEW: usize = 64;

/// `out <- scale X' Y`
pub(super) fn transposed_product(scale: f64, x: &DMatrix<f64>, y: &DMatrix<f64>, out: &mut DMatrix<f64>) {
    if x.ncols() > FEW {
        return out.gemm_tr(scale, x, y, 0.0);
    }
    let (m, d) = (x.nrows().max(1), x.ncols().max(1));
    for (y, out) in y.as_slice().chunks_exact(m).zip(out.as_mut_slice().chunks_exact_mut(d)) {
        for (x, out) in x.as_slice().chunks_exact(m).zip(out) {
            *out = scale * dot(x, y);
        }
    }
}

/// `out <- A B` for lower triangular `A` and `B`.
pub(super) fn lower_product(a: &DMatrix<f64>, b: &DMatrix<f64>, out: &mut DMatrix<f64>) {
    let d = a.nrows();
    if d > FEW {
        return a.mul_to(b, out);
    }
    for (j, out) in out.as_mut_slice().chunks_exact_mut(d.max(1)).enumerate() {
        out.fill(0.0);
        for k in j..d {
            add_multiple(&a.column(k).as_slice()[k..], b[(k, j)], &mut out[k..]);
        }
    }
}

/// `out <- A A'` for a lower triangular `A`; `scratch` is of its size.
pub(super) fn lower_square(a: &DMatrix<f64>, scratch: &mut DMatrix<f64>, out: &mut DMatrix<f64>) {
    let d = a.nrows();
    if d > FEW {
        a.transpose_to(scratch);
        return out.gemm(1.0, a, scratch, 0.0);
    }
    for (j, out) in out.as_mut_slice().chunks_exact_mut(d.max(1)).enumerate() {
        out.fill(0.0);
        for k in 0..=j {
            add_multiple(&a.column(k).as_slice()[k..], a[(j, k)], &mut out[k..]);
        }
    }
}

/// `y += factor x`
fn add_multiple(x: &[f64], factor: f64, y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// `X <- X C^-1` for `C` lower triangular and `X` of `m` rows, by columns.
pub(super) fn solve_right(c: &DMatrix<f64>, m: usize, x: &mut [f64]) {
    for j in (0..c.nrows()).rev() {
        let (before, after) = x.split_at_mut((j + 1) * m);
        let own = &mut before[j * m..];
        for (other, &l) in after.chunks_exact(m).zip(&c.column(j).as_slice()[j + 1..]) {
            own.iter_mut().zip(other).for_each(|(x, y)| *x -= l * y);
        }
        let inverse = 1.0 / c[(j, j)];
        own.iter_mut().for_each(|x| *x *= inverse);
    }
}

/// `X <- X C^-T` for `C` lower triangular and `X` of `m` rows, by columns.
pub(super) fn solve_right_transposed(c: &DMatrix<f64>, m: usize, x: &mut [f64]) {
    for j in 0..c.nrows() {
        let (before, after) = x.split_at_mut((j + 1) * m);
        let own = &mut before[j * m..];
        let inverse = 1.0 / c[(j, j)];
        own.iter_mut().for_each(|x| *x *= inverse);
        for (other, &l) in after.chunks_exact_mut(m).zip(&c.column(j).as_slice()[j + 1..]) {
            other.iter_mut().zip(&*own).for_each(|(x, y)| *x -= l * y);
        }
    }
}

/// Scratch memory of power iterations.
#[derive(Clone, Debug, Default)]
pub(super) struct Powers {
    v: DVector<f64>,
    w: DVector<f64>,
}

/// The largest absolute eigenvalue of a symmetric matrix, about; anything below `enough` when it is certainly below.
pub(super) fn largest_eigenvalue(a: &DMatrix<f64>, enough: f64, powers: &mut Powers) -> f64 {
    let bound = a.norm();
    if bound <= enough || !bound.is_finite() {
        return bound;
    }
    let Powers { v, w } = powers;
    if v.len() != a.nrows() {
        (*v, *w) = (DVector::zeros(a.nrows()), DVector::zeros(a.nrows()));
    }
    v.iter_mut().enumerate().for_each(|(i, v)| *v = 1.0 + (i % 7) as f64 / 7.0);
    let mut size = 0.0;
    for _ in 0..12 {
        w.gemv(1.0, a, v, 0.0);
        size = w.norm() / v.norm();
        if !(size > 0.0 && size.is_finite()) {
            return bound;
        }
        v.iter_mut().zip(w.iter()).for_each(|(v, w)| *v = w / size);
    }
    // Power iterations come from below.
    (1.1 * size).min(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_few_and_of_many_latents_are_those_of_matrices() {
        for d in [1, 3, FEW, FEW + 1] {
            let value = |i: usize, j: usize| ((i * 7 + j * 5) % 11) as f64 / 4.0 - 1.0;
            let lower = DMatrix::from_fn(d, d, |i, j| if j > i { 0.0 } else { value(i, j) });
            let other = DMatrix::from_fn(d, d, |i, j| if j > i { 0.0 } else { value(j, i + 2) });
            let (x, y) = (DMatrix::from_fn(10, d, value), DMatrix::from_fn(10, d, |i, j| value(j, i)));
            let (mut out, mut scratch) = (DMatrix::from_element(d, d, 7.0), DMatrix::zeros(d, d));
            // Multiples of 1/16 below 2^10: every sum is exact.
            transposed_product(0.5, &x, &y, &mut out);
            assert_eq!(out, x.transpose() * &y * 0.5);
            lower_product(&lower, &other, &mut out);
            assert_eq!(out, &lower * &other);
            lower_square(&lower, &mut scratch, &mut out);
            assert_eq!(out, &lower * lower.transpose());
        }
    }

    #[test]
    fn triangular_solves_undo_products() {
        let c = DMatrix::from_row_slice(3, 3, &[2.0, 0.0, 0.0, -1.0, 1.5, 0.0, 0.3, 0.7, 0.5]);
        let x = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, -1.0, 0.5, -3.0, 4.0]);
        let (mut right, mut transposed) = (&x * &c, &x * c.transpose());
        solve_right(&c, 2, right.as_mut_slice());
        solve_right_transposed(&c, 2, transposed.as_mut_slice());
        assert!((right - &x).norm() < 1e-14 && (transposed - x).norm() < 1e-14);
    }
}
