//! Mixtures: reference bounds, monotone ascent, exact enumeration, threads, bad input.
//!
//! `data/three_gaussians.csv` is simulated: 1000 rows of a mixture of three Gaussians (weights 0.5, 0.3, 0.2; means
//! (-2, 0), (2, 1), (0.5, -2.5); standard deviations (0.7, 1), (0.9, 0.6), (0.8, 0.5)), with start labels for 3 and 10
//! components.

use jensen::algorithm::Algorithm;
use jensen::fit::{MaxSteps, run};
use jensen::mixture::*;

/// Rows and both sets of start labels.
fn three_gaussians() -> (Table, Vec<u32>, Vec<u32>) {
    let text = include_str!("data/three_gaussians.csv");
    let mut columns = vec![Vec::new(); 4];
    for line in text.lines().skip(1) {
        for (column, cell) in columns.iter_mut().zip(line.split(',')) {
            column.push(cell.parse::<f64>().expect("a number"));
        }
    }
    let labels = |j: usize| columns[j].iter().map(|&x| x as u32).collect();
    (Table::from_columns(&columns[..2]).expect("a table"), labels(2), labels(3))
}

/// Bound after `steps` updates from the labels, the first of them from the labels alone.
fn bound_after(rows: &Table, k: usize, labels: Vec<u32>, steps: u64) -> f64 {
    let component = FullGaussian::from_rows(rows).expect("a prior");
    let weights = Weights::dirichlet(1.0 / k as f64);
    let ascent = CoordinateAscent::new(rows, &component, weights, k).expect("settings");
    let ascent = ascent.start(Start::Labels(labels)).tolerance(-f64::INFINITY);
    let mut state = ascent.init().expect("a start");
    run(&ascent, &mut state, &mut MaxSteps(steps), &mut ()).expect("a fit");
    ascent.bound(&state).expect("a bound")
}

/// The values are those of scikit-learn 1.9.1 (BayesianGaussianMixture from the same labels), its fitted attributes put
/// into the complete bound (Bishop 2006, 10.70 to 10.77) by an independent program; four decimals are known.
#[test]
fn the_bounds_of_another_program_are_met() {
    let (rows, three, ten) = three_gaussians();
    let found = bound_after(&rows, 3, three, 16);
    assert!((found + 3363.9321).abs() < 1e-6 * 3363.9321, "{found}");
    let found = bound_after(&rows, 10, ten, 209);
    assert!((found + 3371.7452).abs() < 1e-6 * 3371.7452, "{found}");
}
