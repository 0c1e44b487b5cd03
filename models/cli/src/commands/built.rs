//! The model that a command is about, on its data.

use super::error::CommandError;
use crate::cli::args::DataArgs;
use jensen_models::data::DataTable;
use jensen_models::registry::{self, Entry};
use jensen_models::regression::RegressionSettings;
use jensen_models::zoo::{Built, DataOptions};
use std::io::Write;
use std::path::Path;

/// Says on standard error that the columns at these positions have no name and are left out.
pub(super) fn say_nameless(file: &str, positions: impl IntoIterator<Item = usize>) {
    for position in positions {
        let remedy = "name it in the header to use it";
        // A closed stream leaves nobody to tell.
        let _ = writeln!(std::io::stderr(), "{file}: column {position} has no name and is left out; {remedy}");
    }
}

/// The table at `path`; says on standard error which columns no model will see, unless they are not wanted or all are
/// chosen.
///
/// # Errors
/// Everything that the file can have wrong.
pub(super) fn read(path: &Path, options: &DataOptions, quiet: bool) -> Result<DataTable, CommandError> {
    let table = DataTable::read(path)?;
    if !quiet && options.features.is_none() {
        say_nameless(table.file(), table.nameless());
    }
    Ok(table)
}

/// The model `name` on `table`, or on its own data.
///
/// # Errors
/// No such model, and everything the data can have wrong.
pub(super) fn build(
    name: &str,
    table: Option<&DataTable>,
    options: &DataOptions,
) -> Result<(&'static Entry, Built), CommandError> {
    let entry = registry::find(name)?;
    let built = match table {
        None => entry.build_embedded(options)?,
        Some(table) => entry.build(table, options)?,
    };
    Ok((entry, built))
}

/// The parts of the columns that `args` names.
pub(super) fn options(args: &DataArgs) -> DataOptions {
    DataOptions {
        response: args.response.clone(),
        features: args.features.clone(),
        group: args.group.clone(),
        lags: args.lags.map(usize::from),
        supports: args.supports.clone(),
        formula: args.formula.clone(),
        settings: settings(args),
    }
}

/// The choices of a regression; none where nothing was chosen.
fn settings(args: &DataArgs) -> Option<RegressionSettings> {
    let settings = RegressionSettings {
        likelihood: args.likelihood,
        link: args.link,
        priors: args.priors.clone(),
        missing: args.missing.unwrap_or_default(),
    };
    (args.missing.is_some() || settings != RegressionSettings::default()).then_some(settings)
}
