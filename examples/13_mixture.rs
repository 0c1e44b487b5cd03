//! How many kinds of eruptions has Old Faithful? 272 eruptions, their length and the wait for the next (minutes).
//!
//! A Dirichlet process mixture of Gaussians with full covariances: ten components are offered, the data keep some.
//! No gradient is used: coordinate ascent, merges and splits, and an exact bound.
//!
//! Output:
//! ```text
//! components in use 2 of 10
//! weight 0.64  length 4.3  wait 80
//! weight 0.35  length 2.1  wait 55
//! a new row: probability 1.00, entropy 0.00
//! a new row: probability 0.69, entropy 0.68
//! bound -1183.1
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::mixture::{FullGaussian, MixtureFit, Table, Weights};

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let mut columns = [Vec::new(), Vec::new()];
    for line in include_str!("data/faithful.csv").lines().skip(1) {
        for (column, cell) in columns.iter_mut().zip(line.split(',')) {
            column.push(cell.parse()?);
        }
    }
    let rows = Table::from_columns(&columns)?;
    let mixture = MixtureFit::new(FullGaussian::from_rows(&rows)?, 10).weights(Weights::dirichlet_process(1.0));
    let fitted = mixture.restarts(5).run(&rows)?;

    let mut out = String::new();
    writeln!(out, "components in use {} of {}", fitted.occupied_components(), fitted.num_components())?;
    let kept = fitted.weights().into_iter().zip(fitted.means()).take(fitted.occupied_components());
    for (weight, mean) in kept {
        writeln!(out, "weight {weight:.2}  length {:.1}  wait {:.0}", mean[0], mean[1])?;
    }
    let new = Table::from_rows(&[[1.9, 50.0], [3.1, 66.0]])?;
    let assigned = fitted.assign(&new)?;
    for (row, entropy) in assigned.probabilities.chunks(fitted.num_components()).zip(&assigned.entropy) {
        let largest = row.iter().copied().fold(0.0, f64::max);
        writeln!(out, "a new row: probability {largest:.2}, entropy {entropy:.2}")?;
    }
    writeln!(out, "bound {:.1}", fitted.bound)?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
