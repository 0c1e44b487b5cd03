//! [`Pairs`]: what a simulator has made, standardised and split.

use super::bounds::Bounds;
use super::error::{PairsError, PairsPart};
use super::scale::Scale;
use crate::dist::Support;
use crate::program::Matrix;
use crate::streams::Streams;

/// Fewest simulations that can be split into training, stopping and judging.
const FEWEST: usize = 200;
/// One in so many pairs judges, and one in twice as many decides when to stop; of either not more than `MOST`.
const SHARE: usize = 5;
const MOST: usize = 1000;

/// Pairs of parameters and data, both standardised.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    /// Data, beyond three standard deviations by their logarithm.
    pub x: Matrix,
    /// The parameters they were simulated from.
    pub z: Matrix,
}

/// All pairs, and how they were standardised.
#[derive(Clone, Debug)]
pub(super) struct Split {
    pub data: Vec<Scale>,
    pub parameters: Vec<Scale>,
    /// Where each parameter lies: it is standardised in the space without bounds.
    pub bounds: Vec<Bounds>,
    /// Pairs that q is trained on.
    pub trained: Pairs,
    /// Pairs that decide when to stop.
    pub stopped: Pairs,
    /// Pairs that judge, of which the fit knows nothing.
    pub judged: Pairs,
}

impl Split {
    /// Rows of `x` that were simulated from those of `z`, whose columns lie in `supports`; anywhere where there are none.
    pub fn new(x: &Matrix, z: &Matrix, supports: &[Support]) -> Result<Split, PairsError> {
        let (found, expected) = (x.num_rows(), z.num_rows());
        if found != expected {
            return Err(PairsError::Rows { data: found, parameters: expected });
        }
        if found < FEWEST {
            return Err(PairsError::Few { found, needed: FEWEST });
        }
        let bounds = Bounds::of(supports, z.num_columns())?;
        let z = &unbounded(z, &bounds)?;
        // In an order that depends on their number alone.
        let mut order = vec![0; found];
        Streams::new(1).permutation(found, &mut order);
        let (judged, rest) = order.split_at((found / SHARE).min(MOST));
        let (stopped, trained) = rest.split_at(judged.len().div_ceil(2));
        let parameters = scales(z, PairsPart::Parameters, trained)?;
        let data = scales(x, PairsPart::Data, trained)?;
        let pairs = |rows: &[u32]| -> Result<Pairs, PairsError> {
            Ok(Pairs {
                x: chosen(x, rows, |row| standardised(&data, row)),
                z: chosen(z, rows, |row| apply(&parameters, row)),
            })
        };
        Ok(Split {
            trained: pairs(trained)?,
            stopped: pairs(stopped)?,
            judged: pairs(judged)?,
            data,
            parameters,
            bounds,
        })
    }
}

/// The parameters in the space without bounds.
fn unbounded(z: &Matrix, bounds: &[Bounds]) -> Result<Matrix, PairsError> {
    let mut values = Vec::with_capacity(z.num_rows() * z.num_columns());
    for row in 0..z.num_rows() {
        for (column, (bounds, &value)) in bounds.iter().zip(z.row(row)).enumerate() {
            // What is no number is told as such.
            let free = if value.is_finite() { bounds.free(value) } else { Some(value) };
            let outside = || PairsError::Outside { row, column, value, support: bounds.to_string() };
            values.push(free.ok_or_else(outside)?);
        }
    }
    // Rows of a matrix are as long as its columns are many.
    Ok(Matrix::new(values, z.num_columns()).unwrap_or_else(|_| z.clone()))
}

/// Data in the networks' units.
pub(super) fn standardised(scales: &[Scale], row: &[f64]) -> Vec<f64> {
    apply(scales, row).into_iter().map(tamed).collect()
}

fn apply(scales: &[Scale], row: &[f64]) -> Vec<f64> {
    scales.iter().zip(row).map(|(scale, x)| scale.apply(*x)).collect()
}

fn chosen(from: &Matrix, rows: &[u32], convert: impl Fn(&[f64]) -> Vec<f64>) -> Matrix {
    let values: Vec<f64> = rows.iter().flat_map(|&r| convert(from.row(r as usize))).collect();
    // Rows of a matrix are as long as its columns are many.
    Matrix::new(values, from.num_columns()).unwrap_or_else(|_| from.clone())
}

fn scales(from: &Matrix, part: PairsPart, rows: &[u32]) -> Result<Vec<Scale>, PairsError> {
    let one = |column: usize| {
        let all = (0..from.num_rows()).map(|r| from.row(r)[column]);
        if let Some((row, value)) = all.enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(PairsError::NotFinite { part, row, column, value });
        }
        let values: Vec<f64> = rows.iter().map(|&r| from.row(r as usize)[column]).collect();
        let scale = Scale::measure(&values);
        if scale.sd > 0.0 { Ok(scale) } else { Err(PairsError::Constant { part, column, value: values[0] }) }
    };
    (0..from.num_columns()).map(one).collect()
}

/// Data beyond three standard deviations grow as their logarithm: far ones would move everything.
fn tamed(x: f64) -> f64 {
    const FAR: f64 = 3.0;
    if x.abs() <= FAR { x } else { (FAR + (x.abs() - FAR).ln_1p()).copysign(x) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_data_grow_as_their_logarithm() {
        assert_eq!((tamed(-2.5), tamed(3.0)), (-2.5, 3.0));
        assert!((tamed(-1e6) + 3.0 + (1e6f64 - 2.0).ln()).abs() < 1e-9);
    }

    #[test]
    fn simulations_that_teach_nothing_are_refused() {
        let column = |rows: usize, of: fn(usize) -> f64| Matrix::new((0..rows).map(of).collect::<Vec<_>>(), 1).unwrap();
        let said = |x: Matrix, z: Matrix| Split::new(&x, &z, &[]).unwrap_err().to_string();
        let good = || column(300, |r| r as f64);
        assert!(said(column(299, |r| r as f64), good()).starts_with("299 rows of data and 300 of parameters"));
        let few = said(column(10, |r| r as f64), column(10, |r| r as f64));
        assert!(few.starts_with("10 simulations are too few"), "{few}");
        assert!(said(good(), column(300, |_| 3.0)).contains("column 0 of the parameters is 3 in every simulation"));
        let broken = said(column(300, |r| if r == 7 { f64::NAN } else { r as f64 }), good());
        assert!(broken.starts_with("row 7, column 0 of the data is NaN"), "{broken}");
    }
}
