//! Small dense matrices in slices, row by row.

/// Overwrites the lower triangle of `a` (d x d) with its Cholesky factor; false if `a` is not positive definite.
pub(super) fn cholesky(a: &mut [f64], d: usize) -> bool {
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
pub(super) fn invert_lower(l: &mut [f64], d: usize) {
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
pub(super) fn log_diagonal(l: &[f64], d: usize) -> f64 {
    (0..d).map(|i| l[i * d + i].ln()).sum()
}

/// Copies the lower triangle over the upper one.
pub(super) fn mirror(a: &mut [f64], d: usize) {
    for i in 0..d {
        for j in 0..i {
            a[j * d + i] = a[i * d + j];
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
}
