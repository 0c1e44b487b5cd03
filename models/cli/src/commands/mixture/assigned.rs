//! Rows with their labels, as CSV.

use jensen::mixture::{Assignments, MixtureError, MixtureFitted, Rows, Score, SelectedBlocks};
use rayon::prelude::*;
use std::io::{self, Write};

/// Blocks that are labelled at a time by each thread, so that memory does not grow with the rows.
const BLOCKS: usize = 32;

/// How many rows each component has, and how well the mixture predicts them.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Rows of each component.
    pub sizes: Vec<usize>,
    /// Mean log density with its standard error over rows, NaN for a single one.
    pub score: Score,
}

/// Writes a line for each row; rows and components are counted from 1.
///
/// # Errors
/// Those of the stream, and, as one of kind `Other`, a row without a finite density.
pub fn write(fitted: &MixtureFitted, rows: &dyn Rows, out: &mut dyn Write) -> io::Result<Summary> {
    head(fitted.num_components(), out)?;
    let (mut sizes, mut moments) = (vec![0; fitted.num_components()], (0.0, 0.0, 0.0));
    let group = BLOCKS * rayon::current_num_threads().max(1);
    for first in (0..rows.num_blocks()).step_by(group) {
        let spans = (first..(first + group).min(rows.num_blocks())).step_by(BLOCKS).collect::<Vec<_>>();
        let labelled: Vec<_> = spans.into_par_iter().map(|b| Labelled::new(fitted, rows, b)).collect();
        for labelled in labelled {
            let labelled = labelled.map_err(io::Error::other)?;
            out.write_all(&labelled.lines)?;
            labelled.assignments.labels.iter().for_each(|&l| sizes[l] += 1);
            labelled.log_density.iter().for_each(|&x| push(&mut moments, x));
        }
    }
    out.flush()?;
    let (n, mean, squares) = moments;
    let standard_error = (squares / (n - 1.0_f64) / n).sqrt();
    Ok(Summary { sizes, score: Score { mean, standard_error } })
}

/// What a mixture could not say, where that is why [`write()`] failed.
pub fn cause(error: &io::Error) -> Option<MixtureError> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<MixtureError>()).cloned()
}

/// Takes a value into its count, mean and sum of squares about the mean.
fn push((n, mean, squares): &mut (f64, f64, f64), x: f64) {
    *n += 1.0;
    let distance = x - *mean;
    *mean += distance / *n;
    *squares += distance * (x - *mean);
}

fn head(num_components: usize, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "row,label")?;
    (1..=num_components).try_for_each(|c| write!(out, ",probability_{c}"))?;
    writeln!(out, ",entropy,log_density")
}

/// Some blocks of rows with what the mixture says of them.
struct Labelled {
    assignments: Assignments,
    log_density: Vec<f64>,
    lines: Vec<u8>,
}

impl Labelled {
    fn new(fitted: &MixtureFitted, rows: &dyn Rows, first: usize) -> Result<Self, MixtureError> {
        let span = SelectedBlocks::new(rows, first..first + BLOCKS);
        let (assignments, log_density) = (fitted.assign(&span)?, fitted.log_density(&span)?);
        let mut labelled = Labelled { assignments, log_density, lines: Vec::new() };
        let mut lines = Vec::new();
        // Writing into memory does not fail.
        let _ = labelled.write(first * rows.block_rows(), fitted.num_components(), &mut lines);
        labelled.lines = lines;
        Ok(labelled)
    }

    fn write(&self, first: usize, num_components: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let Assignments { labels, probabilities, entropy, .. } = &self.assignments;
        for (i, row) in probabilities.chunks_exact(num_components).enumerate() {
            write!(out, "{},{}", first + i + 1, labels[i] + 1)?;
            row.iter().try_for_each(|p| write!(out, ",{p}"))?;
            writeln!(out, ",{},{}", entropy[i], self.log_density[i])?;
        }
        Ok(())
    }
}
