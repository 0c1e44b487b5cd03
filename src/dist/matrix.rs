//! Small dense matrices of the log joint, row by row.

use super::rows::varies_by_row;
use crate::program::{Real, Vector, recording};

/// Notes a mistake unless `matrix` has `n * n` values.
#[track_caller]
pub(super) fn expect_square(what: &str, n: usize, matrix: &Vector) {
    if matrix.len() != n * n {
        recording::fail(format!("{what} needs a {n} x {n} matrix of {} values, not {}", n * n, matrix.len()));
    }
}

/// The side of a square matrix; anything else is a mistake.
#[track_caller]
pub(super) fn side(what: &str, matrix: &Vector) -> usize {
    let n = matrix.len().isqrt();
    if n * n != matrix.len() || n == 0 {
        recording::fail(format!("{what} needs a square matrix, not {} values", matrix.len()));
    }
    n
}

/// `sum_i ln factor_ii`: half the log determinant of `factor factor'`.
#[track_caller]
pub(super) fn sum_ln_diagonal(factor: &Vector, n: usize) -> Real {
    let diagonal: Vec<Real> = (0..n).map(|i| factor.at(i * n + i)).collect();
    Vector::new(&diagonal).map(Real::ln).sum()
}

/// The columns of a lower triangular `factor`.
#[track_caller]
pub(super) fn columns(factor: &Vector, n: usize) -> Vec<Vector> {
    let element = |i: usize, j: usize| if i < j { Real::from(0.0) } else { factor.at(i * n + j) };
    (0..n).map(|j| Vector::new(&(0..n).map(|i| element(i, j)).collect::<Vec<_>>())).collect()
}

/// The columns of the inverse of a lower triangular `factor`.
#[track_caller]
pub(super) fn inverse_columns(factor: &Vector, n: usize) -> Vec<Vector> {
    let unit = |j: usize| Vector::constant(&(0..n).map(|i| f64::from(u8::from(i == j))).collect::<Vec<_>>());
    (0..n).map(|j| factor.solve_lower(&unit(j))).collect()
}

/// `factor^-1 x` for a lower triangular `factor`.
///
/// With one factor for all rows its inverse is computed once and each row costs a product with it.
#[track_caller]
pub(super) fn whiten(factor: &Vector, x: &Vector) -> Vector {
    let n = x.len();
    if factor.len() != n * n || !varies_by_row(x.lanes()) || varies_by_row(factor.lanes()) {
        return factor.solve_lower(x);
    }
    let columns = inverse_columns(factor, n);
    let element = |i: usize, j: usize| if i < j { Real::from(0.0) } else { columns[j].at(i) };
    let inverse: Vec<Real> = (0..n * n).map(|k| element(k / n, k % n)).collect();
    Vector::new(&inverse).mat_vec(n, x)
}

/// The lower Cholesky factor of `matrix`, row by row.
#[cfg(test)]
pub(super) fn factor_of(n: usize, matrix: &[f64]) -> Vec<f64> {
    let factor = nalgebra::DMatrix::from_row_slice(n, n, matrix).cholesky().expect("positive definite").l();
    factor.transpose().as_slice().to_vec()
}
