//! Mean and covariance of the data.

use super::{Block, MixtureError, Rows};

/// Mean and unbiased covariance of the columns; missing cells are left out of the means and count as the mean after.
pub(super) struct ColumnMoments {
    pub mean: Vec<f64>,
    pub covariance: Vec<f64>,
}

impl ColumnMoments {
    /// The moments of all rows, in two passes.
    pub fn of<R: Rows + ?Sized>(rows: &R) -> Result<Self, MixtureError> {
        let d = rows.num_columns();
        if rows.num_rows() < 2 {
            let text = "one row has no covariance to set a prior from; give the prior by hand";
            return Err(MixtureError::setting("rows", text));
        }
        let (mean, count) = means(rows)?;
        let mut covariance = vec![0.0; d * d];
        for part in super::chunks::fold(
            rows,
            || vec![0.0; d * d],
            |sums, block| {
                products(block, &mean, sums);
                Ok(())
            },
        )? {
            covariance.iter_mut().zip(&part).for_each(|(a, b)| *a += b);
        }
        for i in 0..d {
            for j in 0..=i {
                covariance[i * d + j] /= (count[i].min(count[j]) - 1.0).max(1.0);
            }
            if !covariance[i * d + i].is_finite() {
                let text = format!("the cells of column {i} lie too far apart to be squared; rescale the column");
                return Err(MixtureError::setting("rows", text));
            }
            // Rounding leaves a constant column with a variance of some ulp of its mean.
            if covariance[i * d + i].sqrt() <= 1e-14 * mean[i].abs() || covariance[i * d + i] == 0.0 {
                return Err(MixtureError::Constant { column: i, value: first_cell(rows, i)? });
            }
        }
        crate::numerics::mirror(&mut covariance, d);
        Ok(ColumnMoments { mean, covariance })
    }

    /// The diagonal of the covariance.
    pub fn variances(&self) -> impl Iterator<Item = f64> + '_ {
        let d = self.mean.len();
        (0..d).map(move |i| self.covariance[i * d + i])
    }
}

/// Adds the lower triangle of the products of the block's cells about `mean`; missing cells count as the mean.
fn products(block: &Block, mean: &[f64], sums: &mut [f64]) {
    let d = mean.len();
    let about = |(j, mean): (usize, &f64)| {
        let cells = block.column(j)[..block.len()].iter();
        cells.map(|x| if x.is_nan() { 0.0 } else { x - mean }).collect::<Vec<f64>>()
    };
    let centred: Vec<Vec<f64>> = mean.iter().enumerate().map(about).collect();
    for i in 0..d {
        for j in 0..=i {
            sums[i * d + j] += centred[i].iter().zip(&centred[j]).map(|(a, b)| a * b).sum::<f64>();
        }
    }
}

/// Mean and number of cells of each column.
fn means<R: Rows + ?Sized>(rows: &R) -> Result<(Vec<f64>, Vec<f64>), MixtureError> {
    let d = rows.num_columns();
    let (mut sum, mut count) = (vec![0.0; d], vec![0.0; d]);
    for (s, c) in super::chunks::fold(
        rows,
        || (vec![0.0; d], vec![0.0; d]),
        |(sum, count), block| {
            for j in 0..d {
                for x in block.column(j)[..block.len()].iter().filter(|x| !x.is_nan()) {
                    sum[j] += x;
                    count[j] += 1.0;
                }
            }
            Ok(())
        },
    )? {
        sum.iter_mut().zip(&s).for_each(|(a, b)| *a += b);
        count.iter_mut().zip(&c).for_each(|(a, b)| *a += b);
    }
    for (column, (s, c)) in sum.iter_mut().zip(&count).enumerate() {
        if *c == 0.0 {
            let text = format!("column {column} has no cell that is not missing; leave the column out");
            return Err(MixtureError::setting("rows", text));
        }
        *s /= c;
    }
    Ok((sum, count))
}

/// The first cell of a column that is not missing.
fn first_cell<R: Rows + ?Sized>(rows: &R, column: usize) -> Result<f64, MixtureError> {
    let mut space = Vec::new();
    for b in 0..rows.num_blocks() {
        let block = rows.block(b, &mut space)?;
        if let Some(x) = block.column(column)[..block.len()].iter().find(|x| !x.is_nan()) {
            return Ok(*x);
        }
    }
    Ok(f64::NAN)
}
