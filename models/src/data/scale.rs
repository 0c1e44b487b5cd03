//! Standardisation of a column, kept so that it can be reported and undone.

use serde::{Deserialize, Serialize};

/// The mean and standard deviation by which a column was standardised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standardisation {
    /// The column's name.
    pub name: String,
    /// The mean over rows.
    pub mean: f64,
    /// The standard deviation over rows, with divisor `num_rows - 1`.
    pub sd: f64,
}

impl Standardisation {
    /// Measures `values`; `sd` is exactly 0 when they are equal up to rounding.
    pub fn measure(name: &str, values: &[f64]) -> Self {
        let jensen::amortised::Scale { mean, sd } = jensen::amortised::Scale::measure(values);
        Self { name: name.to_string(), mean, sd }
    }

    /// The scale that changes nothing: mean 0, sd 1.
    pub fn identity(name: &str) -> Self {
        Self { name: name.to_string(), mean: 0.0, sd: 1.0 }
    }

    /// The standardised value `(value - mean) / sd`.
    pub fn apply(&self, value: f64) -> f64 {
        (value - self.mean) / self.sd
    }

    /// The value in original units, `mean + sd * value`.
    pub fn undo(&self, value: f64) -> f64 {
        self.mean + self.sd * value
    }
}
