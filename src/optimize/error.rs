//! Errors in the settings of an optimiser.

use std::fmt;

use super::AnyOptimizer;

/// A setting or a name that no optimiser can work with.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OptimizeError {
    /// No optimiser has this name.
    UnknownName {
        /// The name as it was given.
        name: String,
    },
    /// A setting lies outside its range.
    Setting {
        /// The setting, as `rule.field`.
        place: &'static str,
        /// The value found.
        value: f64,
        /// The values allowed, in words.
        expected: &'static str,
        /// A value that works.
        remedy: &'static str,
    },
}

impl fmt::Display for OptimizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName { name } => {
                let choices = AnyOptimizer::NAMES.join(", ");
                write!(f, "unknown optimiser `{name}`: expected one of {choices}; try `adam`")
            }
            Self::Setting { place, value, expected, remedy } => {
                write!(f, "{place} is {value}: expected {expected}; try {remedy}")
            }
        }
    }
}

impl std::error::Error for OptimizeError {}

/// `Ok` when `value` satisfies `holds`, which a NaN never does if `holds` is built from comparisons.
pub(super) fn require(
    holds: bool,
    place: &'static str,
    value: f64,
    expected: &'static str,
    remedy: &'static str,
) -> Result<(), OptimizeError> {
    if holds { Ok(()) } else { Err(OptimizeError::Setting { place, value, expected, remedy }) }
}

/// `Ok` for a `value` in [0, 1), the range of every decay and momentum.
pub(super) fn require_decay(place: &'static str, value: f64, remedy: &'static str) -> Result<(), OptimizeError> {
    require((0.0..1.0).contains(&value), place, value, "a number in [0, 1)", remedy)
}

/// `Ok` for a positive, finite `value`.
pub(super) fn require_positive(place: &'static str, value: f64, remedy: &'static str) -> Result<(), OptimizeError> {
    require(value > 0.0 && value.is_finite(), place, value, "a positive, finite number", remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_place_the_value_and_a_remedy() {
        let error = require_decay("adam.b1", 1.5, "0.9").expect_err("1.5 is no decay");
        assert_eq!(error.to_string(), "adam.b1 is 1.5: expected a number in [0, 1); try 0.9");
    }

    #[test]
    fn nan_is_never_in_range() {
        assert!(require_decay("adam.b1", f64::NAN, "0.9").is_err());
        assert!(require_positive("adam.eps", f64::NAN, "1e-8").is_err());
        assert!(require_positive("adam.eps", f64::INFINITY, "1e-8").is_err());
    }
}
