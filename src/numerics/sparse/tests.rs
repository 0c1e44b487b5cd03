//! Sparse factors against dense ones.

use nalgebra::{DMatrix, DVector};

use super::numeric::Columns;
use super::*;

/// Graphs without symmetry: an arrow, a band, a grid, one with hubs, one of parts, one without edges, and a dense one.
fn graphs() -> Vec<Vec<Vec<usize>>> {
    let of = |n: usize, edge: &dyn Fn(usize, usize) -> bool| -> Vec<Vec<usize>> {
        (0..n).map(|i| (0..n).filter(|&j| i != j && edge(i.min(j), i.max(j))).collect()).collect()
    };
    vec![
        of(12, &|i, _| i < 2),
        of(15, &|i, j| j - i <= 2),
        of(25, &|i, j| j - i == 5 || (j - i == 1 && j % 5 != 0)),
        of(30, &|i, j| i == 7 || j == 7 || (i * 7 + j * 13) % 11 == 0),
        of(10, &|i, j| i / 3 == j / 3),
        of(4, &|_, _| false),
        of(6, &|_, _| true),
        of(1, &|_, _| false),
    ]
}

fn pattern(graph: &[Vec<usize>]) -> SparsePattern {
    SparsePattern::new(graph.len(), |k| graph[k].iter().copied()).unwrap()
}

/// A matrix of the pattern, positive definite by its diagonal, dense and in numbers of the pattern.
fn matrix(graph: &[Vec<usize>], pattern: &SparsePattern) -> (DMatrix<f64>, Vec<f64>) {
    let n = graph.len();
    let value = |i: usize, j: usize| 0.5 + (((i.min(j) * 31 + i.max(j) * 17) as f64) * 0.7).sin();
    let mut dense = DMatrix::zeros(n, n);
    for i in 0..n {
        graph[i].iter().for_each(|&j| dense[(i, j)] = value(i, j));
        dense[(i, i)] = 1.0 + graph[i].iter().map(|&j| value(i, j).abs()).sum::<f64>();
    }
    let mut numbers = vec![0.0; pattern.num_numbers()];
    for i in 0..n {
        for j in graph[i].iter().copied().chain([i]) {
            let slot = pattern.slot(i, j).unwrap();
            assert!(pattern.is_own[slot]);
            numbers[slot] = dense[(i, j)];
        }
    }
    let own = pattern.is_own.iter().filter(|own| **own).count();
    assert_eq!(own, n + graph.iter().map(Vec::len).sum::<usize>() / 2, "the numbers of the matrix itself");
    (dense, numbers)
}

#[test]
fn factors_solves_and_products_are_those_of_dense_matrices() {
    for graph in graphs() {
        let (pattern, n) = (pattern(&graph), graph.len());
        let (dense, mut numbers) = matrix(&graph, &pattern);
        pattern.factor(&mut numbers, &mut Columns::default()).unwrap();
        let permuted = DMatrix::from_fn(n, n, |i, j| dense[(pattern.order[i] as usize, pattern.order[j] as usize)]);
        let expected = permuted.cholesky().unwrap().l();
        for j in 0..n {
            for i in j..n {
                let found = pattern.slot(pattern.order[i] as usize, pattern.order[j] as usize);
                let found = found.map_or(0.0, |slot| numbers[slot]);
                assert!((found - expected[(i, j)]).abs() < 1e-13, "{i} {j}: {found} {}", expected[(i, j)]);
            }
        }
        assert!((pattern.ln_det(&numbers) - dense.determinant().ln()).abs() < 1e-11);
        let (_, own) = matrix(&graph, &pattern);
        assert!(pattern.square(&numbers).iter().zip(&own).all(|(a, b)| (a - b).abs() < 1e-13));
        let draws = 3;
        let value = |k: usize| ((k * k) as f64).cos();
        let start: Vec<f64> = (0..n * draws).map(value).collect();
        let lane = |x: &[f64], d: usize| DVector::from_fn(n, |k, _| x[k * draws + d]);
        let close = |x: &[f64], expected: &dyn Fn(DVector<f64>) -> DVector<f64>| {
            for d in 0..draws {
                let difference = (lane(x, d) - expected(lane(&start, d))).norm();
                assert!(difference < 1e-12 * (1.0 + lane(x, d).norm()), "{difference}");
            }
        };
        let mut x = start.clone();
        pattern.multiply(&numbers, draws, &mut x);
        close(&x, &|y| &expected * y);
        pattern.solve(&numbers, draws, &mut x);
        close(&x, &|y| y);
        pattern.multiply_transposed(&numbers, draws, &mut x);
        close(&x, &|y| expected.transpose() * y);
        pattern.solve_transposed(&numbers, draws, &mut x);
        close(&x, &|y| y);
    }
}

#[test]
fn the_inverse_is_right_wherever_the_factor_has_numbers() {
    for graph in graphs() {
        let pattern = pattern(&graph);
        let (dense, mut numbers) = matrix(&graph, &pattern);
        pattern.factor(&mut numbers, &mut Columns::default()).unwrap();
        let (found, expected) = (pattern.inverse_on_pattern(&numbers), dense.try_inverse().unwrap());
        for j in 0..graph.len() {
            for t in pattern.column(j) {
                let (a, b) = (pattern.order[pattern.rows[t] as usize] as usize, pattern.order[j] as usize);
                assert!((found[t] - expected[(a, b)]).abs() < 1e-13, "{a} {b}");
            }
        }
    }
}

#[test]
fn an_arrow_and_a_band_do_not_fill_and_what_is_not_positive_is_refused() {
    // Fill is looked at where the order has something to gain: of a few rows it may give away a number.
    let arrow: Vec<Vec<usize>> = (0..300).map(|i| (0..300).filter(|&j| i != j && i.min(j) < 3).collect()).collect();
    let band: Vec<Vec<usize>> =
        (0..300usize).map(|i| (0..300).filter(|&j| i != j && i.abs_diff(j) <= 2).collect()).collect();
    for (graph, numbers) in [(&arrow, 300 + 299 + 298 + 297), (&band, 300 + 299 + 298)] {
        assert_eq!(pattern(graph).num_numbers(), numbers);
    }
    let graphs = graphs();
    let pattern = pattern(&graphs[1]);
    let (_, mut numbers) = matrix(&graphs[1], &pattern);
    numbers[pattern.diagonal()[9]] = -1.0;
    assert_eq!(pattern.factor(&mut numbers, &mut Columns::default()), Err(NotPositive));
    let (_, mut numbers) = matrix(&graphs[1], &pattern);
    numbers[pattern.diagonal()[9]] = f64::NAN;
    assert_eq!(pattern.factor(&mut numbers, &mut Columns::default()), Err(NotPositive));
}
