//! Errors between data and a model, with the remedy.

use crate::data::{DataError, DesignError};
use crate::regression::RegressionError;

/// Data or options that a model cannot use.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message says what each field is")]
pub enum BuildError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Design(#[from] DesignError),
    #[error(transparent)]
    Regression(#[from] RegressionError),
    #[error("{file}: which column is {role} is not said; name it with {option} (the columns are {columns})")]
    NotNamed { file: String, role: &'static str, option: &'static str, columns: String },
    #[error("`{model}` does not use {option}; leave it out{hint}")]
    UnusedOption { model: &'static str, option: &'static str, hint: String },
    #[error("{file}: {column} \"{name}\" twice, {places}; give each its own name")]
    NameTwice { file: String, column: &'static str, name: String, places: String },
    #[error("{place}: {role} must be positive, found {value}; correct the cell")]
    NotPositive { place: String, role: &'static str, value: f64 },
    #[error("{file}: column `{column}` is constant (every value is {value}); there is nothing to explain")]
    Constant { file: String, column: String, value: f64 },
    #[error("{file}: {found} rows are too few; this model needs at least {needed}{hint}")]
    TooFewRows { file: String, found: usize, needed: usize, hint: String },
    #[error("{file}: {found} rows are too many for a {n} x {n} covariance matrix at every step; give at most {most}", n = found)]
    TooManyRows { file: String, found: usize, most: usize },
    #[error("{place}: {role} must be a whole number of at least 0, found {value}; correct the cell")]
    NotACount { place: String, role: &'static str, value: f64 },
    #[error("{place}: an answer must be 0 or 1, found {value}; correct the cell")]
    NotAnAnswer { place: String, value: f64 },
    #[error("{file}: {found} questions are too few to tell classes apart; give at least {needed} columns of 0 and 1")]
    TooFewQuestions { file: String, found: usize, needed: usize },
    #[error(
        "{file}: {found} columns are too few; give at least {needed} of {of}, which are those of --features, or all of the file"
    )]
    TooFewColumns { file: String, found: usize, needed: usize, of: &'static str },
    #[error("{file}: one feature is needed, found {found}; name one with --features x")]
    OneFeature { file: String, found: usize },
    #[error("{file}: users and items are two columns, found {found}; name them with --features USER,ITEM")]
    TwoFeatures { file: String, found: usize },
    #[error("{reason}")]
    Row { reason: String },
    #[error("{file}: {reason}")]
    NoModel { file: String, reason: String },
    #[error(
        "{file}: {found} items, and at least 3 are needed, since the axes of the factors are laid through two of them; add \
         ratings of other items, or name another column of items with --features USER,ITEM"
    )]
    TooFewItems { file: String, found: usize },
}
