//! The arguments of the commands that begin with saved fits: `sample`, `show`, `check` and `compare-fits`.

use super::bounded::{MOST, MOST_THREADS, column_name, small, up_to, whole};
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Arguments of `jensen sample`.
#[derive(Debug, Clone, Args)]
pub struct SampleArgs {
    /// Folder that `jensen fit --out` wrote
    #[arg(value_name = "FIT")]
    pub fit: PathBuf,
    /// Number of draws; where the table is weighted they are resampled from 4 times as many of q and around it, at least 4000
    #[arg(long, value_name = "N", default_value = "1000", value_parser = up_to::<MOST>, allow_negative_numbers = true)]
    pub draws: NonZeroUsize,
    /// Draws of q itself, the distribution that was fitted, with their log p, log q, log proposal and log weight
    #[arg(long)]
    pub proposal: bool,
    /// Seed of the draws
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole, allow_negative_numbers = true)]
    pub seed: u64,
    /// File to write instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print JSON, one list per name, instead of CSV
    #[arg(long)]
    pub json: bool,
    /// No messages on standard error, errors apart
    #[arg(long, short)]
    pub quiet: bool,
}

/// Arguments of `jensen show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// fit.json, or the folder of `--out`, of any command; or what a program of yours has saved
    #[arg(value_name = "FIT")]
    pub fit: PathBuf,
    /// Draw the plots of `jensen fit` again, as SVG and PNG, into the folder
    #[arg(long)]
    pub plot: bool,
    /// Write the fit with plots and checks as one page for a browser
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print every row of the posterior table, however long
    #[arg(long)]
    pub all: bool,
    /// Print the report as JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `jensen effects`.
#[derive(Debug, Clone, Args)]
pub struct EffectsArgs {
    /// Folder that `jensen fit regression --out` wrote, or its fit.json
    #[arg(value_name = "FIT")]
    pub fit: PathBuf,
    /// Column of the table whose effect is asked for
    #[arg(value_name = "COLUMN")]
    pub column: String,
    /// Average the rows of each level of this column by themselves
    #[arg(long, value_name = "COLUMN")]
    pub by: Option<String>,
    /// File to write as CSV besides
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `jensen check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Folder that `jensen fit --out` wrote, or its fit.json
    #[arg(value_name = "FIT")]
    pub fit: PathBuf,
    /// Write the checks with figures as one page for a browser
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Latents whose priors are scaled, separated by commas [default: all whose priors rest on no other latents]
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', value_parser = column_name)]
    pub priors: Option<Vec<String>>,
    /// Data sets to simulate from the model and fit, at least 30; 0 for none [default: 30 where that takes up to a minute]
    #[arg(long, value_name = "N", value_parser = small::<0, MOST>, allow_negative_numbers = true)]
    pub simulations: Option<u32>,
    /// Data sets to draw from the prior, and as many from the fitted model; fewer where the data are large
    #[arg(long, value_name = "N", default_value = "1000", value_parser = up_to::<MOST>, allow_negative_numbers = true)]
    pub draws: NonZeroUsize,
    /// Seed of all randomness
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads to use [default: one per core]
    #[arg(long, value_name = "N", value_parser = up_to::<MOST_THREADS>, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,
    /// No progress on standard error
    #[arg(long, short)]
    pub quiet: bool,
    /// Print the checks as JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `jensen compare-fits`.
#[derive(Debug, Clone, Args)]
pub struct CompareFitsArgs {
    /// Folders that `jensen fit --out` wrote, or their fit.json: two or more, of the same rows
    #[arg(value_name = "FIT", required = true, num_args = 2..)]
    pub fits: Vec<PathBuf>,
    /// Print the comparison as JSON instead of text
    #[arg(long)]
    pub json: bool,
}
