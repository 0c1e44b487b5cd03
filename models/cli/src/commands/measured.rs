//! What is measured of a fit beside a bound, or in its place.

use super::engine::Estimate;
use crate::cli::number::significant;
use crate::cli::render::{Align, TextTable};
use serde::{Deserialize, Serialize};

/// Figures of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Single figures: what each is, and its value.
    pub figures: Vec<(String, Estimate)>,
    /// What the table is of.
    pub about: String,
    /// Headings of its numbers.
    pub columns: Vec<String>,
    /// Its lines: a name and a number for each column.
    pub lines: Vec<MeasuredLine>,
}

/// A line of figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredLine {
    /// What they are of.
    pub name: String,
    /// The figures.
    pub values: Vec<Number>,
}

/// A number, also one that is not finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Number(#[serde(with = "crate::cli::number::as_text")] pub f64);

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (what, Estimate { value, se }) in &self.figures {
            let error = if *se > 0.0 { format!(" (standard error {})", significant(*se, 2)) } else { String::new() };
            writeln!(f, "{what} {}{error}", significant(*value, 5))?;
        }
        if self.lines.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        let numbers = self.columns.iter().map(|name| (name.as_str(), Align::Point));
        let header: Vec<_> = std::iter::once((self.about.as_str(), Align::Left)).chain(numbers).collect();
        let mut table = TextTable::new(&header);
        for MeasuredLine { name, values } in &self.lines {
            let cells = values.iter().map(|v| significant(v.0, 3));
            table.push(std::iter::once(name.clone()).chain(cells));
        }
        write!(f, "{table}")
    }
}
