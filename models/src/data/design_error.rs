//! Errors in a regression's data, with the remedy.

use super::error::DataError;
use super::nearest::listed;

/// An error in a regression's data.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message says what each field is")]
pub enum DesignError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error("{file}: no features, the response is the only column; name some with --features a,b,c")]
    NoFeatures { file: String },
    #[error("{file}: column `{name}` is named as {role}; name it once")]
    TwoRoles { file: String, name: String, role: &'static str },
    #[error("{file}: one row is too few; at least two are needed")]
    OneRow { file: String },
    #[error("{file}: feature `{name}` is constant (every value is {value}); leave it out, the intercept covers it")]
    ConstantFeature { file: String, name: String, value: f64 },
    #[error(
        "{file}: response `{name}` is constant (every value is {value}); there is nothing to explain, choose another --response"
    )]
    ConstantResponse { file: String, name: String, value: f64 },
    #[error("{file}: feature `{name}` repeats feature `{other}`; leave one of them out")]
    Duplicate { file: String, name: String, other: String },
    #[error(
        "{file}: feature `{name}` is collinear with {} ({name} = {formula} + constant); leave one of them out",
        listed(others, 8)
    )]
    Collinear { file: String, name: String, others: Vec<String>, formula: String },
    #[error(
        "{file}: `{name}` is a linear function of {} in every row ({name} = {formula} + constant): the residual scale would be zero; leave out the features that it was made from, or choose another --response",
        listed(others, 8)
    )]
    Explained { file: String, name: String, others: Vec<String>, formula: String },
    #[error(
        "{file}: {num_features} features and an intercept from {num_rows} rows; choose fewer with --features, or use the model `horseshoe`"
    )]
    TooManyFeatures { file: String, num_features: usize, num_rows: usize },
}
