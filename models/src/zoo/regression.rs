//! Regression from a formula, see [`Regression`], and its presets: a likelihood, and columns in the place of a formula.

use super::{BuildError, Built, Input};
use crate::data::DesignError;
use crate::regression::{Regression, RegressionSettings, ResponseLaw};

/// The formula of the model's own data.
const OWN: &str = "reaction ~ days + (1 + days || subject)";

/// The regression of `--formula`.
///
/// # Errors
/// No formula, and everything that formula and data can have wrong.
pub fn build(input: &Input) -> Result<Built, BuildError> {
    let own = input.embedded.then_some(OWN);
    let formula = input.named(input.options.formula.as_deref().or(own), "explained by which", "--formula \"y ~ x\"")?;
    made(input, formula, None)
}

/// The regression of `--response` on `--features`.
///
/// # Errors
/// Columns that are not there or named twice, and everything that a regression's data can have wrong.
pub fn of_columns(input: &Input, likelihood: ResponseLaw) -> Result<Built, BuildError> {
    let (response, terms) = columns(input)?;
    made(input, &format!("{response} ~ {terms}"), Some(likelihood))
}

/// The same with intercept and slopes that vary by `--group`, independently of each other.
///
/// # Errors
/// As [`of_columns`], and no group.
pub fn of_groups(input: &Input, likelihood: ResponseLaw) -> Result<Built, BuildError> {
    let group = quoted(input.named(input.options.group.as_deref(), "the group", "--group NAME")?);
    let (response, terms) = columns(input)?;
    made(input, &format!("{response} ~ {terms} + ({terms} || {group})"), Some(likelihood))
}

fn made(input: &Input, formula: &str, likelihood: Option<ResponseLaw>) -> Result<Built, BuildError> {
    let settings = input.options.settings.clone().unwrap_or_default();
    let settings = RegressionSettings { likelihood: likelihood.or(settings.likelihood), ..settings };
    let regression = Regression::with(formula, input.table, &settings)?;
    let (labels, notes, internal) = (regression.labels(), regression.notes().to_vec(), regression.internal());
    let num_rows = regression.num_rows();
    let model = regression.clone();
    Ok(Built { labels, notes, internal, regression: Some(regression), ..Built::new(model, num_rows) })
}

/// The response, and an intercept and the features as terms; without a list all other columns with names are features.
fn columns(input: &Input) -> Result<(String, String), BuildError> {
    let (table, group) = (input.table, input.options.group.as_deref());
    let response = input.named(input.options.response.as_deref(), "the response", "--response NAME")?;
    let file = || table.file().to_string();
    let twice = |name: &str, role| DesignError::TwoRoles { file: file(), name: name.to_string(), role };
    if group == Some(response) {
        return Err(twice(response, "the response and the group").into());
    }
    let is_other = |name: &&str| *name != response && Some(*name) != group;
    let others = || table.given_names().filter(is_other).map(str::to_string).collect();
    let features: Vec<String> = input.options.features.clone().unwrap_or_else(others);
    for (j, name) in features.iter().enumerate() {
        let role = match name.as_str() {
            name if name == response => "the response and a feature",
            name if Some(name) == group => "the group and a feature",
            _ if features[..j].contains(name) => "a feature twice",
            _ => continue,
        };
        return Err(twice(name, role).into());
    }
    for name in features.iter().map(String::as_str).chain([response]).chain(group) {
        table.words(name)?;
    }
    let terms = std::iter::once("1".to_string()).chain(features.iter().map(|name| quoted(name)));
    Ok((quoted(response), terms.collect::<Vec<_>>().join(" + ")))
}

/// A name as a formula has it.
fn quoted(name: &str) -> String {
    let is_plain =
        name.chars().enumerate().all(|(k, c)| c.is_alphabetic() || c == '_' || k > 0 && (c.is_numeric() || c == '.'));
    if is_plain { name.to_string() } else { format!("`{name}`") }
}
