//! Squared lengths of slices, summed in four interleaved parts so that the loops vectorise, and a clamp.

/// The squared Euclidean norm, `sum_i values[i]^2`.
pub(super) fn squared_norm(values: &[f64]) -> f64 {
    let mut parts = [0.0; 4];
    let mut blocks = values.chunks_exact(4);
    for block in blocks.by_ref() {
        for (part, x) in parts.iter_mut().zip(block) {
            *part += x * x;
        }
    }
    for (part, x) in parts.iter_mut().zip(blocks.remainder()) {
        *part += x * x;
    }
    (parts[0] + parts[2]) + (parts[1] + parts[3])
}

/// `sum_i (a[i] - b[i])^2` over the common length.
pub(super) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let mut parts = [0.0; 4];
    let (mut blocks_a, mut blocks_b) = (a.chunks_exact(4), b.chunks_exact(4));
    for (block_a, block_b) in blocks_a.by_ref().zip(blocks_b.by_ref()) {
        for (part, (x, y)) in parts.iter_mut().zip(block_a.iter().zip(block_b)) {
            *part += (x - y) * (x - y);
        }
    }
    for (part, (x, y)) in parts.iter_mut().zip(blocks_a.remainder().iter().zip(blocks_b.remainder())) {
        *part += (x - y) * (x - y);
    }
    (parts[0] + parts[2]) + (parts[1] + parts[3])
}

/// `x` within plus or minus `bound`; a NaN stays NaN, and no bound panics.
pub(super) fn bounded(x: f64, bound: f64) -> f64 {
    if x > bound {
        bound
    } else if x < -bound {
        -bound
    } else {
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_summed_exactly() {
        for len in 0..20_u32 {
            let values: Vec<f64> = (1..=len).map(f64::from).collect();
            let twice: Vec<f64> = values.iter().map(|x| 2.0 * x).collect();
            let exact = f64::from(len * (len + 1) * (2 * len + 1) / 6);
            assert_eq!(squared_norm(&values), exact, "length {len}");
            assert_eq!(squared_distance(&twice, &values), exact, "length {len}");
        }
    }

    #[test]
    fn bounded_keeps_nan_and_never_panics() {
        assert_eq!([-3.0, -1.0, 2.0, 5.0].map(|x| bounded(x, 2.0)), [-2.0, -1.0, 2.0, 2.0]);
        assert_eq!(bounded(f64::NEG_INFINITY, 2.0), -2.0);
        assert!(bounded(f64::NAN, 2.0).is_nan());
        assert_eq!(bounded(1.0, f64::NAN), 1.0);
    }
}
