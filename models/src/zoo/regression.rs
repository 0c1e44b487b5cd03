//! Regression from a formula: see [`Regression`].

use super::{BuildError, Built, Input};
use crate::regression::{Regression, RegressionSettings};

/// The formula of the model's own data.
const OWN: &str = "reaction ~ days + (1 + days || subject)";

/// The regression of `--formula`.
///
/// # Errors
/// No formula, and everything that formula and data can have wrong.
pub fn build(input: &Input) -> Result<Built, BuildError> {
    let settings = input.options.settings.clone().unwrap_or_default();
    let own = input.embedded.then_some(OWN);
    let formula = input.named(input.options.formula.as_deref().or(own), "explained by which", "--formula \"y ~ x\"")?;
    Ok(built(Regression::with(formula, input.table, &settings)?))
}

/// The regression of a saved fit's options, for new rows.
///
/// # Errors
/// As [`build`].
pub fn again(input: &Input) -> Result<Regression, BuildError> {
    let settings: RegressionSettings = input.options.settings.clone().unwrap_or_default();
    let formula = input.options.formula.as_deref().unwrap_or(OWN);
    Ok(Regression::with(formula, input.table, &settings)?)
}

fn built(regression: Regression) -> Built {
    let (labels, notes, internal) = (regression.labels(), regression.notes().to_vec(), regression.internal());
    let num_rows = regression.num_rows();
    Built { labels, notes, internal, ..Built::new(regression, num_rows) }
}
