//! Reductions over lanes with a fixed order of partial sums, so that they vectorise.

/// `sum_l a_l`.
#[inline]
pub(crate) fn sum(a: &[f64]) -> f64 {
    let mut partial = [0.0; 4];
    let chunks = a.chunks_exact(4);
    let rest = chunks.remainder();
    for a in chunks {
        for l in 0..4 {
            partial[l] += a[l];
        }
    }
    for (p, &a) in partial.iter_mut().zip(rest) {
        *p += a;
    }
    (partial[0] + partial[1]) + (partial[2] + partial[3])
}

/// `sum_l a_l b_l`.
#[inline]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut partial = [0.0; 4];
    let (x, y) = (a.chunks_exact(4), b.chunks_exact(4));
    let (rest_x, rest_y) = (x.remainder(), y.remainder());
    for (x, y) in x.zip(y) {
        for l in 0..4 {
            partial[l] += x[l] * y[l];
        }
    }
    for (p, (&x, &y)) in partial.iter_mut().zip(rest_x.iter().zip(rest_y)) {
        *p += x * y;
    }
    (partial[0] + partial[1]) + (partial[2] + partial[3])
}
