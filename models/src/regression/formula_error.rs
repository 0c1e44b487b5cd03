//! A mistake in a formula, shown at its place.

use std::ops::Range;

/// A mistake in a formula: what it is, and where.
///
/// ```
/// # use jensen_models::regression::Formula;
/// let error = Formula::parse("y ~ x + * z").unwrap_err();
/// assert_eq!(error.to_string(), "the formula: `*` was not expected here\n  y ~ x + * z\n          ^");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the formula: {message}\n  {text}\n  {}", marks(text, span))]
pub struct FormulaError {
    /// The whole formula.
    pub text: String,
    /// The place of the mistake, in bytes.
    pub span: Range<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl FormulaError {
    /// A mistake at `span` of `text`.
    pub fn new(text: &str, span: Range<usize>, message: &str) -> Self {
        // A formula of several lines is shown on one.
        Self { text: text.replace(['\n', '\r', '\t'], " "), span, message: message.to_string() }
    }
}

/// Carets below the letters of the span, at least one.
fn marks(text: &str, span: &Range<usize>) -> String {
    let letters = |range: Range<usize>| text.get(range).map_or(0, |part| part.chars().count());
    " ".repeat(letters(0..span.start)) + &"^".repeat(letters(span.clone()).max(1))
}
