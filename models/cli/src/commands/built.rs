//! The model that a command is about, on its data.

use super::error::CommandError;
use jensen_models::data::DataTable;
use jensen_models::registry::{self, Entry};
use jensen_models::zoo::{Built, DataOptions};
use std::io::Write;
use std::path::Path;

/// Says on standard error which columns of `table` no model will see, unless they are not wanted or all are chosen.
fn say_left_out(table: &DataTable, options: &DataOptions, quiet: bool) {
    if quiet || options.features.is_some() {
        return;
    }
    say_nameless(table.file(), table.nameless());
}

/// Says on standard error that the columns at these positions have no name and are left out.
pub(super) fn say_nameless(file: &str, positions: impl IntoIterator<Item = usize>) {
    for position in positions {
        let remedy = "name it in the header to use it";
        // A closed stream leaves nobody to tell.
        let _ = writeln!(std::io::stderr(), "{file}: column {position} has no name and is left out; {remedy}");
    }
}

/// The model `name` on the file `data`, or on its own data.
///
/// # Errors
/// No such model, and everything the data can have wrong.
pub(super) fn build(
    name: &str,
    data: Option<&Path>,
    options: &DataOptions,
    quiet: bool,
) -> Result<(&'static Entry, Built), CommandError> {
    let entry = registry::find(name)?;
    let built = match data {
        None => entry.build_embedded(options)?,
        Some(path) => {
            let table = DataTable::read(path)?;
            let built = entry.build(&table, options)?;
            say_left_out(&table, options, quiet);
            built
        }
    };
    Ok((entry, built))
}
