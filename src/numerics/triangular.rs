//! Small dense and triangular matrices in slices, row by row.

use super::sums::dot_in_order as dot;

/// Overwrites the lower triangle of `a` (d x d) with its Cholesky factor; false if `a` is not positive definite.
pub fn cholesky(a: &mut [f64], d: usize) -> bool {
    for j in 0..d {
        let (above, rest) = a.split_at_mut(j * d);
        for i in 0..j {
            let dot: f64 = (0..i).map(|k| above[i * d + k] * rest[k]).sum();
            rest[i] = (rest[i] - dot) / above[i * d + i];
        }
        let pivot = rest[j] - rest[..j].iter().map(|x| x * x).sum::<f64>();
        if !(pivot > 0.0 && pivot.is_finite()) {
            return false;
        }
        rest[j] = pivot.sqrt();
    }
    true
}

/// Overwrites a lower triangular matrix (d x d) with its inverse.
pub fn invert_lower(l: &mut [f64], d: usize) {
    for i in 0..d {
        let inverse = 1.0 / l[i * d + i];
        for j in 0..i {
            let dot: f64 = (j..i).map(|k| l[i * d + k] * l[k * d + j]).sum();
            l[i * d + j] = -dot * inverse;
        }
        l[i * d + i] = inverse;
    }
}

/// Sum of the logarithms of the diagonal.
pub fn ln_diagonal(l: &[f64], d: usize) -> f64 {
    (0..d).map(|i| l[i * d + i].ln()).sum()
}

/// Copies the lower triangle over the upper one.
pub fn mirror(a: &mut [f64], d: usize) {
    for i in 0..d {
        for j in 0..i {
            a[j * d + i] = a[i * d + j];
        }
    }
}

/// `out = L b` for a lower triangular `L`.
pub fn lower_times(n: usize, lower: &[f64], b: &[f64], out: &mut [f64]) {
    for (i, o) in out.iter_mut().enumerate().take(n) {
        *o = dot(&lower[i * n..=i * n + i], &b[..=i]);
    }
}

/// `b` becomes `L^-1 b`.
pub fn solve_lower(n: usize, lower: &[f64], b: &mut [f64]) {
    for i in 0..n {
        b[i] = (b[i] - dot(&lower[i * n..i * n + i], &b[..i])) / lower[i * n + i];
    }
}

/// `b` becomes `L'^-1 b`.
pub fn solve_lower_transposed(n: usize, lower: &[f64], b: &mut [f64]) {
    for i in (0..n).rev() {
        let below: f64 = (i + 1..n).map(|k| lower[k * n + i] * b[k]).sum();
        b[i] = (b[i] - below) / lower[i * n + i];
    }
}

/// `out = M M'` for a square `M`.
pub fn times_own_transpose(n: usize, matrix: &[f64], out: &mut [f64]) {
    for i in 0..n {
        for j in 0..n {
            out[i * n + j] = dot(&matrix[i * n..(i + 1) * n], &matrix[j * n..(j + 1) * n]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factor_and_inverse_of_a_known_matrix() {
        // [[4, 2], [2, 5]] = [[2, 0], [1, 2]] [[2, 1], [0, 2]]; exact in binary.
        let mut a = [4.0, 0.0, 2.0, 5.0];
        assert!(cholesky(&mut a, 2));
        assert_eq!([a[0], a[2], a[3]], [2.0, 1.0, 2.0]);
        invert_lower(&mut a, 2);
        assert_eq!([a[0], a[2], a[3]], [0.5, -0.25, 0.5]);
        assert!(!cholesky(&mut [1.0, 0.0, 1.0, 1.0], 2));
    }

    #[test]
    fn solves_undo_products() {
        // L = [2 0 0; 1 3 0; -1 0.5 1.5], L L' by hand.
        let lower = [2.0, 0.0, 0.0, 1.0, 3.0, 0.0, -1.0, 0.5, 1.5];
        let mut square = [0.0; 9];
        times_own_transpose(3, &lower, &mut square);
        assert_eq!(square, [4.0, 2.0, -2.0, 2.0, 10.0, 0.5, -2.0, 0.5, 3.5]);
        let mut x = [0.0; 3];
        lower_times(3, &lower, &[1.0, -2.0, 4.0], &mut x);
        assert_eq!(x, [2.0, -5.0, 4.0]);
        solve_lower(3, &lower, &mut x);
        assert_eq!(x, [1.0, -2.0, 4.0]);
        // L' (1, -2, 4) = (2 - 2 - 4, -6 + 2, 6).
        let mut x = [-4.0, -4.0, 6.0];
        solve_lower_transposed(3, &lower, &mut x);
        for (x, expected) in x.into_iter().zip([1.0, -2.0, 4.0]) {
            assert!((x - expected).abs() <= 4.0 * f64::EPSILON * f64::abs(expected), "{x} in place of {expected}");
        }
    }
}
