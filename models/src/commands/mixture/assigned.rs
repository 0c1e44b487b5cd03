//! Rows with their labels, as CSV.

use jensen::mixture::{Assignments, Fitted, MixtureError, Score, Table};
use std::io::{self, Write};

/// What a mixture says about rows.
#[derive(Debug, Clone)]
pub struct Assigned {
    assignments: Assignments,
    log_density: Vec<f64>,
    num_components: usize,
}

impl Assigned {
    /// Labels, probabilities and densities of `rows`.
    ///
    /// # Errors
    /// When a row has no finite density.
    pub fn new(fitted: &Fitted, rows: &Table) -> Result<Self, MixtureError> {
        let num_components = fitted.num_components();
        Ok(Assigned { assignments: fitted.assign(rows)?, log_density: fitted.log_density(rows)?, num_components })
    }

    /// The most probable component of each row.
    pub fn labels(&self) -> &[usize] {
        &self.assignments.labels
    }

    /// Mean log density with its standard error over rows.
    pub fn score(&self) -> Score {
        let n = self.log_density.len() as f64;
        let mean = self.log_density.iter().sum::<f64>() / n;
        let variance = self.log_density.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        Score { mean, standard_error: (variance / n).sqrt() }
    }

    /// Rows of each component.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.num_components];
        self.labels().iter().for_each(|&l| sizes[l] += 1);
        sizes
    }

    /// Writes a line for each row; rows and components are counted from 1.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = csv::Writer::from_writer(out);
        let mut head = vec!["row".to_string(), "label".to_string()];
        head.extend((1..=self.num_components).map(|c| format!("probability_{c}")));
        head.extend(["entropy".to_string(), "log_density".to_string()]);
        lines.write_record(&head)?;
        let probabilities = self.assignments.probabilities.chunks_exact(self.num_components);
        for (i, row) in probabilities.enumerate() {
            let mut line = vec![(i + 1).to_string(), (self.labels()[i] + 1).to_string()];
            line.extend(row.iter().map(f64::to_string));
            line.extend([self.assignments.entropy[i].to_string(), self.log_density[i].to_string()]);
            lines.write_record(&line)?;
        }
        lines.flush()
    }
}
