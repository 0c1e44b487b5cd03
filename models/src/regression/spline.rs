//! B-splines of a column: piecewise polynomials that join smoothly at knots.
//!
//! As R's `bs` and patsy have them: knots at equal quantiles of the column, the first of the basis left out, since all of them
//! add up to one.
//! *Source*: the recurrence of de Boor (1978), "A practical guide to splines", chapter X.

/// The degree and all knots, those at the ends `degree + 1` times; `None` where the values are too few.
pub(super) fn learn(x: &[f64], df: usize, degree: usize) -> Option<Vec<f64>> {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    let num_different = 1 + sorted.windows(2).filter(|pair| pair[0] < pair[1]).count();
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    if num_different <= df {
        return None;
    }
    let num_inner = df - degree;
    // Between neighbours in proportion, as R's type 7 and NumPy.
    let quantile = |k: usize| {
        let at = k as f64 / (num_inner + 1) as f64 * (sorted.len() - 1) as f64;
        let (below, share) = (at.floor() as usize, at.fract());
        sorted[below] + share * (sorted[(below + 1).min(sorted.len() - 1)] - sorted[below])
    };
    let mut state = vec![degree as f64];
    state.extend(std::iter::repeat_n(first, degree + 1));
    state.extend((1..=num_inner).map(quantile));
    state.extend(std::iter::repeat_n(last, degree + 1));
    Some(state)
}

/// The ends between which the splines are.
pub(super) fn ends(state: &[f64]) -> (f64, f64) {
    (state.get(1).copied().unwrap_or(0.0), state.last().copied().unwrap_or(0.0))
}

/// The splines but the first at `x`; a row outside of the ends is the error.
pub(super) fn columns(x: &[f64], state: &[f64]) -> Result<Vec<Vec<f64>>, usize> {
    let [degree, knots @ ..] = state else { return Ok(Vec::new()) };
    let degree = *degree as usize;
    let (low, high) = ends(state);
    let num = knots.len() - degree - 1;
    let mut out = vec![Vec::with_capacity(x.len()); num - 1];
    for (row, &x) in x.iter().enumerate() {
        if !(low..=high).contains(&x) {
            return Err(row);
        }
        // The piece that holds `x`; the last one holds its end.
        let piece = (degree..num).rev().find(|&k| knots[k] <= x && knots[k] < knots[k + 1]).unwrap_or(degree);
        let mut basis = vec![0.0; num + degree + 1];
        basis[piece] = 1.0;
        for d in 1..=degree {
            for k in piece.saturating_sub(d)..=piece {
                let share = |from: usize, to: usize, up: bool| {
                    let length = knots[to] - knots[from];
                    let part = if up { x - knots[from] } else { knots[to] - x };
                    if length > 0.0 { part / length } else { 0.0 }
                };
                basis[k] = share(k, k + d, true) * basis[k] + share(k + 1, k + d + 1, false) * basis[k + 1];
            }
        }
        out.iter_mut().zip(&basis[1..]).for_each(|(column, b)| column.push(*b));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without inner knots they are Bernstein's polynomials, `3 x (1-x)^2, 3 x^2 (1-x), x^3`.
    #[test]
    fn without_knots_they_are_those_of_bernstein() {
        let x = [0.0, 0.25, 0.5, 0.8, 1.0];
        let state = learn(&x, 3, 3).expect("five values");
        let of = |x: f64| [3.0 * x * (1.0 - x).powi(2), 3.0 * x * x * (1.0 - x), x.powi(3)];
        let found = columns(&x, &state).expect("inside");
        for (k, column) in found.iter().enumerate() {
            column.iter().zip(x).for_each(|(b, x)| assert!((b - of(x)[k]).abs() < 1e-15, "{k} at {x}: {b}"));
        }
        assert_eq!(columns(&[0.5, 1.1], &state), Err(1));
    }

    /// Cubic ones at equal knots of distance one have the values 1/6, 2/3 and 1/6 at a knot (de Boor), away from the ends; the mean
    /// of neighbours is the knot for a grid of eleven values.
    #[test]
    fn at_equal_knots_they_have_the_tabulated_values() {
        let x: Vec<f64> = (0..=10).map(f64::from).collect();
        let state = learn(&x, 12, 3);
        assert_eq!(state, None, "eleven values are too few");
        let x: Vec<f64> = (0..=100).map(|k| f64::from(k) / 10.0).collect();
        let state = learn(&x, 12, 3).expect("101 values");
        assert_eq!(state[5..14], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        let at: Vec<f64> = columns(&[5.0], &state).expect("inside").iter().map(|c| c[0]).collect();
        let expected = [0.0, 0.0, 0.0, 0.0, 1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        at.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-14, "{at:?}"));
        // All but the first add up to one where the first is zero.
        for x in [1.5, 4.2, 10.0] {
            let sum: f64 = columns(&[x], &state).expect("inside").iter().map(|c| c[0]).sum();
            assert!((sum - 1.0).abs() < 1e-14, "{x}: {sum}");
        }
    }
}
