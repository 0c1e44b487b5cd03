//! The commands of `jensen`.

mod built;
mod check;
mod compare;
mod compare_fits;
mod compare_page;
mod compare_plots;
mod comparison;
mod draws;
mod effects;
pub mod engine;
mod error;
mod expected;
mod fit;
mod fit_page;
mod interrupt;
mod list;
mod manual;
mod measured;
pub mod mixture;
mod network;
pub mod outcome;
mod paged;
mod predict;
mod rebuilt;
pub mod report;
mod sample;
pub mod saved;
mod show;
pub mod vae;

use crate::cli::args::{Cli, Command};
use crate::cli::exit::{Exit, parse};
use crate::cli::output::visible;
use error::CommandError;
use std::ffi::OsString;
use std::io::Write;

/// Runs the command line `args`, the program's name first, and says how it ended.
///
/// Errors go to standard error as one message that names the place and the remedy.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match parse(args) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    run(&cli).unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "error: {}", visible(&error.to_string())); // a closed stream leaves nobody to tell
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
        Command::Check(args) => check::run(args),
        Command::Effects(args) => effects::run(args),
        Command::CompareFits(args) => compare_fits::run(args),
        Command::Vae(args) => vae::run(args),
        Command::Completions(args) => manual::completions(args),
        Command::Man(args) => manual::man(args),
    }
}
