//! The commands of `jensen`.

mod amortised;
mod compare;
mod compare_page;
pub mod engine;
mod findings;
mod fit;
mod implicit;
mod interrupt;
mod list;
pub mod measured;
pub mod mixture;
mod network;
mod predict;
pub mod report;
mod sample;
pub mod saved;
mod show;
mod simulated;
pub mod vae;

use crate::cli::args::{Cli, Command};
use crate::cli::exit::{Exit, parse};
use crate::cli::output::OutputError;
use jensen::export::FileError;
use jensen_models::data::{DataError, Table};
use jensen_models::registry::{self, Entry, UnknownModel};
use jensen_models::zoo::{BuildError, Built, DataOptions};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

/// Runs the command line `args`, the program's name first, and says how it ended.
///
/// Errors go to standard error as one message that names the place and the remedy.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match parse(args) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    run(&cli).unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "error: {error}"); // a closed stream leaves nobody to tell
        Exit::Error
    })
}

fn run(cli: &Cli) -> Result<Exit, CommandError> {
    match &cli.command {
        Command::List(args) => list::run(args),
        Command::Fit(args) => fit::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Mixture(args) => mixture::run(args),
        Command::Predict(args) => predict::run(args),
        Command::Sample(args) => sample::run(args),
        Command::Show(args) => show::run(args),
        Command::Vae(args) => vae::run(args),
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No such model.
    #[error(transparent)]
    Model(#[from] UnknownModel),
    /// The data cannot be used.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The fit failed.
    #[error("{model}: {source}")]
    Engine {
        /// The model.
        model: String,
        /// What went wrong.
        source: engine::EngineError,
    },
    /// A mixture cannot be fitted or used.
    #[error(transparent)]
    Mixture(#[from] mixture::error::ClusterError),
    /// An autoencoder cannot be trained or used.
    #[error(transparent)]
    Vae(#[from] vae::error::VaeError),
    /// A result cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A saved fit cannot be read.
    #[error(transparent)]
    Saved(#[from] saved::SavedError),
    /// A figure cannot be drawn.
    #[error(transparent)]
    Plot(#[from] crate::cli::plot::PlotError),
}

impl From<FileError> for CommandError {
    fn from(error: FileError) -> Self {
        Self::Output(error.into())
    }
}

impl From<DataError> for CommandError {
    fn from(error: DataError) -> Self {
        Self::Build(error.into())
    }
}

/// Says on standard error which columns of `table` no model will see, unless they are not wanted or all are chosen.
fn say_left_out(table: &Table, options: &DataOptions, quiet: bool) {
    if quiet || options.features.is_some() {
        return;
    }
    say_nameless(table.file(), table.nameless());
}

/// Says on standard error that the columns at these positions have no name and are left out.
fn say_nameless(file: &str, positions: impl IntoIterator<Item = usize>) {
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
fn build(
    name: &str,
    data: Option<&Path>,
    options: &DataOptions,
    quiet: bool,
) -> Result<(&'static Entry, Built), CommandError> {
    let entry = registry::find(name)?;
    let built = match data {
        None => entry.build_embedded(options)?,
        Some(path) => {
            let table = Table::read(path)?;
            let built = entry.build(&table, options)?;
            say_left_out(&table, options, quiet);
            built
        }
    };
    Ok((entry, built))
}
