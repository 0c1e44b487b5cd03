//! Missing cells of a correlated Gaussian, as latents of their row.

use super::super::Block;
use super::wishart::Prepared;
use crate::numerics::{LN_2_PI, cholesky};

/// Overwrites `centred` with the rows about the component's mean, missing cells with their mean given the others.
///
/// With precision `A = factor' factor`, cells m missing and o seen, the missing ones have mean `-A_mm^-1 A_mo x_o` and
/// covariance `A_mm^-1`; summing them out adds `(|m| log 2 pi - log |A_mm|) / 2` to the log density.
/// `each(row, added, missing, covariance)` is called for every row with a missing cell.
pub(super) fn centre(
    block: &Block,
    q: &Prepared,
    centred: &mut [f64],
    mut each: impl FnMut(usize, f64, &[usize], &[f64]),
) {
    let (d, stride) = (block.num_columns(), block.stride());
    for j in 0..d {
        super::super::lanes::centre(block.column(j), q.mean[j], &mut centred[j * stride..(j + 1) * stride]);
    }
    if block.is_complete() {
        return;
    }
    for row in 0..block.len() {
        let missing: Vec<usize> = (0..d).filter(|j| centred[j * stride + row].is_nan()).collect();
        if !missing.is_empty() {
            let (added, covariance) = fill(q.factor, d, stride, row, &missing, centred);
            each(row, added, &missing, &covariance);
        }
    }
}

/// Fills the missing cells of one row; gives what they add to the log density, and their covariance.
fn fill(
    factor: &[f64],
    d: usize,
    stride: usize,
    row: usize,
    missing: &[usize],
    centred: &mut [f64],
) -> (f64, Vec<f64>) {
    let m = missing.len();
    let precision = |a: usize, b: usize| (a.max(b)..d).map(|j| factor[j * d + a] * factor[j * d + b]).sum::<f64>();
    let mut root = vec![0.0; m * m];
    for i in 0..m {
        (0..=i).for_each(|j| root[i * m + j] = precision(missing[i], missing[j]));
    }
    // A principal block of a positive definite matrix; if rounding spoils it, the row's density is not finite and is named.
    let ok = cholesky(&mut root, m);
    let log_det = if ok { 2.0 * crate::numerics::ln_diagonal(&root, m) } else { f64::NAN };
    crate::numerics::invert_lower(&mut root, m);
    let mut covariance = vec![0.0; m * m];
    for i in 0..m {
        for j in 0..m {
            covariance[i * m + j] = (i.max(j)..m).map(|k| root[k * m + i] * root[k * m + j]).sum();
        }
    }
    let pull: Vec<f64> = missing
        .iter()
        .map(|&a| (0..d).filter(|b| !missing.contains(b)).map(|b| precision(a, b) * centred[b * stride + row]).sum())
        .collect();
    for i in 0..m {
        centred[missing[i] * stride + row] = -(0..m).map(|j| covariance[i * m + j] * pull[j]).sum::<f64>();
    }
    (0.5 * (m as f64 * LN_2_PI - log_det), covariance)
}

/// Adds `weight` times the covariance of a row's missing cells to the lower half of the d x d `second`.
pub(super) fn add_covariance(cells: &[usize], covariance: &[f64], weight: f64, d: usize, second: &mut [f64]) {
    for (a, &i) in cells.iter().enumerate() {
        for (b, &j) in cells[..=a].iter().enumerate() {
            second[i * d + j] += weight * covariance[a * cells.len() + b];
        }
    }
}
