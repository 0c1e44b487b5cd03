//! Rows that are left out of a fit, and how well it predicts them.

use super::columns::Column;
use super::error::ClusterError;
use jensen::mixture::{MixtureError, MixtureFitted, Rows, SelectedBlocks, Table};
use jensen::objective::mean_and_standard_error;
use jensen::streams::Streams;
use serde::{Deserialize, Serialize};

/// Which rows are fitted and which are left out.
pub enum Split {
    /// Rows of a table in memory, one by one.
    Rows {
        /// Those of the fit.
        kept: Table,
        /// The rows that are left out of the fit.
        left_out: Table,
        /// Numbers of both in the table.
        numbers: [Vec<usize>; 2],
    },
    /// Whole blocks of a table that stays in its file.
    Blocks {
        /// Those of the fit.
        kept: Vec<usize>,
        /// The rows that are left out of the fit.
        left_out: Vec<usize>,
    },
}

/// Mean log density of the rows left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Mean over rows.
    pub mean: f64,
    /// Its standard error over rows.
    pub standard_error: f64,
    /// The mean less that of the chosen number of components.
    pub difference: f64,
    /// Standard error of the difference, row by row.
    pub difference_error: f64,
}

/// Numbers below `count`, rising: those that stay, and those that are left out, a share of `fraction`.
fn parted(count: usize, fraction: f64, seed: u64) -> [Vec<usize>; 2] {
    let mut order = vec![0; count];
    Streams::new(seed).purpose(2).permutation(count, &mut order);
    let mut order: Vec<usize> = order.into_iter().map(|i| i as usize).collect();
    let mut kept = order.split_off((fraction * count as f64).round() as usize);
    kept.sort_unstable();
    order.sort_unstable();
    [kept, order]
}

impl Split {
    /// Leaves rows of `cells`, column by column, out.
    ///
    /// # Errors
    /// When fewer than two rows would be on either side, or a column that varies would not among the rows that stay.
    pub fn rows(
        file: &str,
        columns: &[Column],
        cells: &[Vec<f64>],
        block_rows: usize,
        fraction: f64,
        seed: u64,
    ) -> Result<Self, ClusterError> {
        let count = cells.first().map_or(0, Vec::len);
        let numbers = parted(count, fraction, seed);
        enough(fraction, numbers[1].len(), count, "")?;
        for (column, cells) in columns.iter().zip(cells).filter(|(column, _)| column.is_of_its_own()) {
            let mut kept = numbers[0].iter().map(|&i| cells[i]).filter(|x| !x.is_nan());
            let first = kept.next();
            if kept.all(|x| Some(x) == first) {
                return Err(ClusterError::Options(format!(
                    "--held-out {fraction} leaves no two values of column `{}` to fit; choose another --seed or a smaller \
                     share",
                    column.name
                )));
            }
        }
        let table = |rows: &[usize]| {
            let some: Vec<Vec<f64>> = cells.iter().map(|column| rows.iter().map(|&i| column[i]).collect()).collect();
            super::columns::rows(file, &some, block_rows)
        };
        Ok(Split::Rows { kept: table(&numbers[0])?, left_out: table(&numbers[1])?, numbers })
    }

    /// Leaves blocks of `rows` out.
    ///
    /// # Errors
    /// When no block, or no more than a row, would be on either side.
    pub fn blocks(rows: &dyn Rows, fraction: f64, seed: u64) -> Result<Self, ClusterError> {
        let [kept, left_out] = parted(rows.num_blocks(), fraction, seed);
        let count = SelectedBlocks::new(rows, left_out.iter().copied()).num_rows();
        let remedy = "; a table that stays in its file is parted by blocks, which a smaller --batch makes smaller";
        enough(fraction, count, rows.num_rows(), remedy)?;
        Ok(Split::Blocks { kept, left_out })
    }

    /// The rows of the fit; `all` are those of the table.
    pub fn kept<'a>(&'a self, all: &'a dyn Rows) -> Box<dyn Rows + 'a> {
        match self {
            Split::Rows { kept, .. } => Box::new(kept),
            Split::Blocks { kept, .. } => Box::new(SelectedBlocks::new(all, kept.iter().copied())),
        }
    }

    /// The rows that are left out of the fit.
    pub fn left_out<'a>(&'a self, all: &'a dyn Rows) -> Box<dyn Rows + 'a> {
        match self {
            Split::Rows { left_out, .. } => Box::new(left_out),
            Split::Blocks { left_out, .. } => Box::new(SelectedBlocks::new(all, left_out.iter().copied())),
        }
    }

    /// An error of the fit with the row's number in the table; rows of blocks have kept theirs.
    pub fn numbered(&self, error: MixtureError) -> MixtureError {
        match (self, error) {
            (Split::Rows { numbers, .. }, MixtureError::NoDensity { row }) => {
                MixtureError::NoDensity { row: numbers[0].get(row).copied().unwrap_or(row) }
            }
            (_, error) => error,
        }
    }

    /// The number in a table of blocks of `height` of a row left out.
    fn number(&self, row: usize, height: usize) -> usize {
        let found = match self {
            Split::Rows { numbers, .. } => numbers[1].get(row).copied(),
            Split::Blocks { left_out, .. } => left_out.get(row / height).map(|block| block * height + row % height),
        };
        found.unwrap_or(row)
    }
}

fn enough(fraction: f64, left_out: usize, count: usize, remedy: &str) -> Result<(), ClusterError> {
    if left_out >= 2 && count >= left_out + 2 {
        return Ok(());
    }
    Err(ClusterError::Options(format!(
        "--held-out {fraction} leaves {left_out} of {count} rows out; two or more are needed on either side{remedy}"
    )))
}

/// The score of every fit on the rows left out; `chosen` is the place of the chosen one.
///
/// # Errors
/// A row without a finite density, as one of `split`.
pub fn scores(
    fits: &[MixtureFitted],
    chosen: usize,
    split: &Split,
    all: &dyn Rows,
) -> Result<Vec<HeldOut>, MixtureError> {
    let rows = split.left_out(all);
    let density = |fitted: &MixtureFitted| {
        let values = fitted.log_density(rows.as_ref())?;
        match values.iter().position(|x| !x.is_finite()) {
            None => Ok(values),
            Some(row) => Err(MixtureError::NoDensity { row: split.number(row, all.block_rows()) }),
        }
    };
    let all = fits.iter().map(density).collect::<Result<Vec<_>, _>>()?;
    let Some(reference) = all.get(chosen) else { return Ok(Vec::new()) };
    let score = |values: &Vec<f64>| {
        let (mean, standard_error) = mean_and_standard_error(values);
        let apart: Vec<f64> = values.iter().zip(reference).map(|(a, b)| a - b).collect();
        let (difference, difference_error) = mean_and_standard_error(&apart);
        HeldOut { mean, standard_error, difference, difference_error }
    };
    Ok(all.iter().map(score).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_on_one_side_and_the_seed_says_on_which() {
        let cells = [(0..50).map(f64::from).collect::<Vec<_>>()];
        let split = |seed| Split::rows("t.csv", &[], &cells, 16, 0.3, seed).expect("a split");
        let values = |rows: &dyn Rows| {
            let mut space = Vec::new();
            (0..rows.num_blocks())
                .flat_map(|b| {
                    let block = rows.block(b, &mut space).expect("a block");
                    block.column(0)[..block.len()].to_vec()
                })
                .collect::<Vec<f64>>()
        };
        let all = super::super::columns::rows("t.csv", &cells, 16).expect("a table");
        let first = split(1);
        let (kept, left_out) = (values(first.kept(&all).as_ref()), values(first.left_out(&all).as_ref()));
        assert_eq!((kept.len(), left_out.len()), (35, 15));
        let mut both = [kept, left_out.clone()].concat();
        both.sort_by(f64::total_cmp);
        assert_eq!(both, cells[0]);
        assert_eq!(values(split(1).left_out(&all).as_ref()), left_out);
        assert_ne!(values(split(2).left_out(&all).as_ref()), left_out);
        let blocks = Split::blocks(&all, 0.5, 3).expect("a split");
        let (kept, left_out) = (values(blocks.kept(&all).as_ref()), values(blocks.left_out(&all).as_ref()));
        // Cells are row numbers.
        let numbers = |split: &Split, n: usize| (0..n).map(|i| split.number(i, 16) as f64).collect::<Vec<_>>();
        assert_eq!(numbers(&blocks, left_out.len()), left_out);
        assert_eq!(numbers(&first, 15), values(first.left_out(&all).as_ref()));
        let mut both = [kept, left_out].concat();
        both.sort_by(f64::total_cmp);
        assert_eq!(both, cells[0]);
        assert!(
            Split::rows("t.csv", &[], &cells, 16, 0.02, 1).is_err()
                && Split::rows("t.csv", &[], &cells, 16, 0.98, 1).is_err()
        );
    }
}
