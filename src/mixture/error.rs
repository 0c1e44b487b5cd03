//! Errors in the data or the settings of a mixture.

use std::sync::Arc;

use crate::algorithm::FitError;

/// A mixture that cannot be fitted or used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MixtureError {
    /// A cell that the component of its column cannot explain.
    #[error("row {row}, column {column}: {value} is not {expected}; {remedy}")]
    Cell {
        /// Row, counted from 0.
        row: usize,
        /// Column, counted from 0.
        column: usize,
        /// The value that was found.
        value: f64,
        /// The values that are allowed, in words.
        expected: String,
        /// A remedy, in words.
        remedy: &'static str,
    },
    /// A column that does not vary.
    #[error(
        "column {column} is {value:?} in every row, so its spread is not defined; leave the column out, or give a prior by hand"
    )]
    Constant {
        /// Column, counted from 0.
        column: usize,
        /// The only value.
        value: f64,
    },
    /// More components than distinct rows.
    #[error("{components} components for {distinct} distinct rows; use at most {distinct}")]
    TooManyComponents {
        /// Components asked for.
        components: usize,
        /// Distinct rows of the data.
        distinct: usize,
    },
    /// A shape that does not fit.
    #[error("{what}: {found} where {expected} are expected")]
    Shape {
        /// The thing that has the wrong shape, in words.
        what: &'static str,
        /// The size found.
        found: usize,
        /// The size expected.
        expected: usize,
    },
    /// A matrix that must be positive definite and is not.
    #[error("{what} is not positive definite; look for columns that are sums or copies of others, and leave them out")]
    Singular {
        /// The matrix, in words.
        what: &'static str,
    },
    /// A row whose density vanishes or overflows under every component.
    #[error(
        "row {row} has no finite density under any component; look for a value far from all others, or rescale the column"
    )]
    NoDensity {
        /// Row, counted from 0.
        row: usize,
    },
    /// A setting that makes no sense.
    #[error("{reason}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What is wrong with it, and what to try.
        reason: String,
    },
    /// Rows that cannot be read.
    #[error("rows {from} to {to} cannot be read: {reason}")]
    Read {
        /// First row of the block.
        from: usize,
        /// Row after the block.
        to: usize,
        /// The reason that the reader gives.
        reason: String,
    },
    /// The fit stopped.
    #[error(transparent)]
    Fit(FitError),
}

impl MixtureError {
    /// A setting that makes no sense.
    pub fn setting(name: &'static str, reason: impl Into<String>) -> Self {
        MixtureError::Setting { name, reason: reason.into() }
    }
}

impl From<MixtureError> for FitError {
    fn from(error: MixtureError) -> Self {
        match error {
            MixtureError::Fit(inner) => inner,
            other => FitError::Own(Arc::new(other)),
        }
    }
}

impl From<FitError> for MixtureError {
    fn from(error: FitError) -> Self {
        // What came from a mixture is that again, its row and column with it.
        match &error {
            FitError::Own(own) => own.downcast_ref::<MixtureError>().cloned().unwrap_or(MixtureError::Fit(error)),
            _ => MixtureError::Fit(error),
        }
    }
}

/// Refuses what is not finite.
pub(super) fn finite(name: &'static str, values: &[f64]) -> Result<(), MixtureError> {
    let Some(value) = values.iter().find(|x| !x.is_finite()) else { return Ok(()) };
    Err(MixtureError::setting(name, format!("{name} is {value}; it must be a finite number")))
}

/// Refuses what is not positive and finite.
pub(super) fn all_positive(name: &'static str, values: &[f64]) -> Result<(), MixtureError> {
    values.iter().try_for_each(|x| positive(name, *x).map(|_| ()))
}

/// `value` if it is positive and finite.
pub(super) fn positive(name: &'static str, value: f64) -> Result<f64, MixtureError> {
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(MixtureError::setting(name, format!("{name} is {value}; it must be a positive number")))
}
