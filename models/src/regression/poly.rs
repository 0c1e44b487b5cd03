//! Orthogonal polynomials of a column: each of length one, mean zero, and orthogonal to the others.
//!
//! *Source*: the recurrence of Forsythe (1957), "Generation and use of orthogonal polynomials for data-fitting with a
//! digital computer": `p_(k+1) = (x - a_k) p_k - (n_k / n_(k-1)) p_(k-1)`, with `n_k` the squared length of `p_k`.

/// Shifts `a_k` and squared lengths `n_k`, from which the polynomials of other values follow; `None` where the values
/// are too few for the degree.
pub(super) fn learn(x: &[f64], degree: usize) -> Option<Vec<f64>> {
    let mut state = Vec::new();
    let (mut before, mut last, mut length_before) = (vec![0.0; x.len()], vec![1.0; x.len()], 1.0);
    for k in 0..=degree {
        let length: f64 = last.iter().map(|p| p * p).sum();
        let scale: f64 = x.iter().map(|x| x.abs()).fold(f64::MIN_POSITIVE, f64::max).powi(k as i32);
        let is_new = length > 1e-20 * scale * scale * x.len() as f64;
        if !is_new {
            return None;
        }
        let shift = last.iter().zip(x).map(|(p, x)| x * p * p).sum::<f64>() / length;
        state.extend([shift, length]);
        let next = |i: usize| (x[i] - shift) * last[i] - if k == 0 { 0.0 } else { length / length_before * before[i] };
        let next: Vec<f64> = (0..x.len()).map(next).collect();
        before = std::mem::replace(&mut last, next);
        length_before = length;
    }
    Some(state)
}

/// The polynomials from degree one on, at `x`.
pub(super) fn columns(x: &[f64], state: &[f64]) -> Vec<Vec<f64>> {
    let degree = (state.len() / 2).saturating_sub(1);
    let mut out = vec![Vec::with_capacity(x.len()); degree];
    for x in x {
        let (mut before, mut last) = (0.0, 1.0);
        for k in 0..degree {
            let ratio = if k == 0 { 0.0 } else { state[2 * k + 1] / state[2 * k - 1] };
            let next = (x - state[2 * k]) * last - ratio * before;
            (before, last) = (last, next);
            out[k].push(next / state[2 * k + 3].sqrt());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrasts of five equally spaced levels, which are tabulated: (-2 .. 2) / sqrt 10 and (2, -1, -2, -1, 2) / sqrt 14.
    #[test]
    fn five_levels_have_the_tabulated_contrasts() {
        let x = [10.0, 20.0, 30.0, 40.0, 50.0];
        let state = learn(&x, 2).expect("three different values");
        let expected = [
            [-2.0, -1.0, 0.0, 1.0, 2.0].map(|c: f64| c / 10f64.sqrt()),
            [2.0, -1.0, -2.0, -1.0, 2.0].map(|c: f64| c / 14f64.sqrt()),
        ];
        for (column, expected) in columns(&x, &state).iter().zip(&expected) {
            column.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-14, "{a} {b}"));
        }
        // At other values the polynomials are the same ones: the line continues.
        assert!((columns(&[60.0], &state)[0][0] - 3.0 / 10f64.sqrt()).abs() < 1e-14);
        assert_eq!((learn(&[1.0, 1.0, 2.0], 2), learn(&[3.0], 1)), (None, None));
    }
}
