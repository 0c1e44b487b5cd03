//! [`Measured`]: what is measured of a fit in place of a bound.

use crate::posterior::MonteCarlo;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Figures of a fit: single ones, and a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Measured {
    /// What each single figure is, and its value; an error of 0 where it is exact.
    pub figures: Vec<(String, MonteCarlo)>,
    /// The subject of the table, in words.
    pub about: String,
    /// Headings of its numbers.
    pub columns: Vec<String>,
    /// One line for each measure.
    pub lines: Vec<MeasuredLine>,
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MeasuredLine {
    /// The quantity that the line is about.
    pub name: String,
    /// A number for each column.
    #[serde(with = "crate::number::list")]
    pub values: Vec<f64>,
}

impl Measured {
    /// Whether every figure is finite.
    pub(crate) fn is_finite(&self) -> bool {
        self.figures.iter().all(|(_, value)| value.is_finite())
            && self.lines.iter().flat_map(|line| &line.values).all(|x| x.is_finite())
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, value) in &self.figures {
            writeln!(f, "{what} {value}")?;
        }
        if self.lines.is_empty() {
            return Ok(());
        }
        let names = self.lines.iter().map(|line| line.name.chars().count());
        let width = names.fold(self.about.chars().count(), usize::max);
        write!(f, "\n{:width$}", self.about)?;
        self.columns.iter().try_for_each(|name| write!(f, "  {name:>11}"))?;
        for MeasuredLine { name, values } in &self.lines {
            write!(f, "\n{name:width$}")?;
            for (value, heading) in values.iter().zip(&self.columns) {
                write!(f, "  {value:>width$.3}", width = heading.chars().count().max(11))?;
            }
        }
        writeln!(f)
    }
}
