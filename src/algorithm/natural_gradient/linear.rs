//! Triangular solves on blocks of draws, and the size of a matrix.

use nalgebra::{DMatrix, DVector};

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

/// The largest absolute eigenvalue of a symmetric matrix, about; anything below `enough` when it is certainly below.
pub(super) fn largest_eigenvalue(a: &DMatrix<f64>, enough: f64) -> f64 {
    let bound = a.norm();
    if bound <= enough || !bound.is_finite() {
        return bound;
    }
    let mut v = DVector::from_fn(a.nrows(), |i, _| 1.0 + (i % 7) as f64 / 7.0);
    let mut size = 0.0;
    for _ in 0..12 {
        let w = a * &v;
        size = w.norm() / v.norm();
        if !(size > 0.0 && size.is_finite()) {
            return bound;
        }
        v = w / size;
    }
    // Power iterations come from below.
    (1.1 * size).min(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

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
