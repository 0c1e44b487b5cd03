//! Finds a column that the earlier columns determine.

/// Relative length of the remainder below which a column counts as determined by the others.
///
/// Double rounding in a few hundred columns leaves about 1e-13; columns rounded to six digits leave 1e-6.
const TOLERANCE: f64 = 1e-9;

/// Column `column` equals the sum of `weight * columns[j]` over the pairs in `terms`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependence {
    /// The index of the determined column.
    pub column: usize,
    /// Index and weight of each column with a part in it; earlier ones only.
    pub terms: Vec<(usize, f64)>,
}

/// Returns the first of `columns` that is a linear combination of the ones before it.
///
/// Gram-Schmidt with a second pass per column, which keeps the basis orthogonal to rounding.
pub fn first_dependence(columns: &[Vec<f64>]) -> Option<Dependence> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut triangle: Vec<Vec<f64>> = Vec::new();
    for (column, values) in columns.iter().enumerate() {
        let mut rest = values.clone();
        let mut parts = vec![0.0; column];
        for _ in 0..2 {
            for (part, direction) in parts.iter_mut().zip(&basis) {
                let along = dot(direction, &rest);
                *part += along;
                rest.iter_mut().zip(direction).for_each(|(r, d)| *r -= along * d);
            }
        }
        let length = dot(&rest, &rest).sqrt();
        if length <= TOLERANCE * dot(values, values).sqrt() {
            return Some(Dependence { column, terms: solve(&triangle, parts) });
        }
        rest.iter_mut().for_each(|r| *r /= length);
        basis.push(rest);
        parts.push(length);
        triangle.push(parts);
    }
    None
}

/// Back substitution; column `j` of the triangle is `triangle[j]`. Weights that are rounding are left out.
fn solve(triangle: &[Vec<f64>], mut parts: Vec<f64>) -> Vec<(usize, f64)> {
    for j in (0..parts.len()).rev() {
        parts[j] /= triangle[j][j];
        for i in 0..j {
            parts[i] -= parts[j] * triangle[j][i];
        }
    }
    let largest = parts.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
    let counts = |weight: f64| weight.abs() > 1e-6 * largest;
    parts.into_iter().enumerate().filter(|&(_, weight)| counts(weight)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn independent() -> Vec<Vec<f64>> {
        vec![vec![1.0, -1.0, 0.5, 2.0, 0.0], vec![0.3, 2.0, 1.0, -1.0, 1.0], vec![5.0, 1.0, 0.0, 0.0, -2.0]]
    }

    #[test]
    fn independent_columns_pass() {
        assert_eq!(first_dependence(&independent()), None);
        assert_eq!(first_dependence(&[]), None);
    }

    #[test]
    fn a_combination_is_found_with_its_weights() {
        let mut columns = independent();
        columns.push((0..5).map(|i| 2.0 * columns[0][i] - 0.5 * columns[2][i]).collect());
        let found = first_dependence(&columns).unwrap();
        assert_eq!(found.column, 3);
        assert_eq!(found.terms.iter().map(|t| t.0).collect::<Vec<_>>(), [0, 2]);
        assert!((found.terms[0].1 - 2.0).abs() < 1e-12);
        assert!((found.terms[1].1 + 0.5).abs() < 1e-12);
    }

    #[test]
    fn nearly_equal_columns_pass_when_the_difference_is_real() {
        let mut columns = independent();
        let mut near = columns[0].clone();
        near[3] += 1e-6;
        columns.push(near);
        assert_eq!(first_dependence(&columns), None);
    }
}
