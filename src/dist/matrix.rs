//! Small dense matrices, row-major: of the log joint, and of the samplers' plain numbers.

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

/// The lower Cholesky factor of `matrix`; NaN where it is not positive definite.
#[cfg(test)]
pub(super) fn cholesky(n: usize, matrix: &[f64]) -> Vec<f64> {
    let mut factor = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let rest = matrix[i * n + j] - dot(&factor[i * n..i * n + j], &factor[j * n..j * n + j]);
            factor[i * n + j] = if i == j { rest.sqrt() } else { rest / factor[j * n + j] };
        }
    }
    factor
}

/// `out = L b` for a lower triangular `L`.
pub(super) fn lower_times(n: usize, lower: &[f64], b: &[f64], out: &mut [f64]) {
    for (i, o) in out.iter_mut().enumerate().take(n) {
        *o = dot(&lower[i * n..=i * n + i], &b[..=i]);
    }
}

/// `b` becomes `L^-1 b`.
pub(super) fn solve_lower(n: usize, lower: &[f64], b: &mut [f64]) {
    for i in 0..n {
        b[i] = (b[i] - dot(&lower[i * n..i * n + i], &b[..i])) / lower[i * n + i];
    }
}

/// `b` becomes `L'^-1 b`.
pub(super) fn solve_lower_transposed(n: usize, lower: &[f64], b: &mut [f64]) {
    for i in (0..n).rev() {
        let below: f64 = (i + 1..n).map(|k| lower[k * n + i] * b[k]).sum();
        b[i] = (b[i] - below) / lower[i * n + i];
    }
}

/// `out = M M'` for a square `M`.
pub(super) fn times_own_transpose(n: usize, matrix: &[f64], out: &mut [f64]) {
    for i in 0..n {
        for j in 0..n {
            out[i * n + j] = dot(&matrix[i * n..(i + 1) * n], &matrix[j * n..(j + 1) * n]);
        }
    }
}

/// `sum_k a_k b_k`.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::super::testing_samples::close;
    use super::*;

    #[test]
    fn factor_and_solves_undo_each_other() {
        // L = [2 0 0; 1 3 0; -1 0.5 1.5], L L' by hand.
        let lower = [2.0, 0.0, 0.0, 1.0, 3.0, 0.0, -1.0, 0.5, 1.5];
        let mut square = [0.0; 9];
        times_own_transpose(3, &lower, &mut square);
        assert_eq!(square, [4.0, 2.0, -2.0, 2.0, 10.0, 0.5, -2.0, 0.5, 3.5]);
        assert_eq!(cholesky(3, &square), lower);
        let mut x = [0.0; 3];
        lower_times(3, &lower, &[1.0, -2.0, 4.0], &mut x);
        assert_eq!(x, [2.0, -5.0, 4.0]);
        solve_lower(3, &lower, &mut x);
        assert_eq!(x, [1.0, -2.0, 4.0]);
        // L' (1, -2, 4) = (2 - 2 - 4, -6 + 2, 6).
        let mut x = [-4.0, -4.0, 6.0];
        solve_lower_transposed(3, &lower, &mut x);
        for (x, expected) in x.into_iter().zip([1.0, -2.0, 4.0]) {
            close(x, expected, 4.0);
        }
        assert!(cholesky(2, &[1.0, 2.0, 2.0, 1.0])[3].is_nan());
    }
}
