//! The arguments of `jensen mixture` and `jensen predict`.

use super::bounded::{MOST, MOST_STEPS, up_to, whole};
use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

/// Arguments of `jensen mixture`.
#[derive(Debug, Clone, Args)]
pub struct MixtureArgs {
    /// CSV, JSON or Parquet file with a row for each thing to group [default: Old Faithful's eruptions]
    ///
    /// `-` is standard input; gzipped files are unpacked.
    /// A header line, then one line per row; comma, semicolon or tab. An empty cell or NA is a missing cell. A CSV with
    /// --batch, and every Parquet file, stays on disk and may be larger than memory (Parquet: a build with that feature).
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// What a component is.
    #[command(flatten, next_help_heading = "Model")]
    pub model: MixtureModelArgs,
    /// How it is fitted.
    #[command(flatten, next_help_heading = "Method")]
    pub method: MixtureMethodArgs,
    /// What is printed and written.
    #[command(flatten, next_help_heading = "Output")]
    pub output: MixtureOutputArgs,
}

/// The model of a mixture.
#[derive(Debug, Clone, Args)]
pub struct MixtureModelArgs {
    /// Number of components, or a range to choose from, both ends included [default: 1..8]
    ///
    /// Of a range, the number with the largest bound is chosen. With --dirichlet-process: the most that may be used
    /// [default: 20].
    #[arg(long, value_name = "N|A..B", value_parser = Components::from_str, allow_negative_numbers = true)]
    pub k: Option<Components>,
    /// Let a Dirichlet process find the number of components; X is large for many [default X: 1]
    #[arg(long, value_name = "X", num_args = 0..=1, require_equals = true, default_missing_value = "1",
        value_parser = concentration)]
    pub dirichlet_process: Option<f64>,
    /// Make it a Pitman-Yor process of this discount, from 0 to below 1: few large components and many small ones
    #[arg(long, value_name = "X", requires = "dirichlet_process", value_parser = discount, allow_negative_numbers = true)]
    pub discount: Option<f64>,
    /// Covariance of Gaussian columns within a component
    #[arg(long, value_name = "SHAPE", value_enum, default_value_t)]
    pub covariance: Covariance,
    /// Prior of the means and covariances of Gaussian columns with full covariance
    #[arg(long, value_name = "PRIOR", value_enum, default_value_t)]
    pub prior: Prior,
    /// Distribution of all columns, or of one as COLUMN=KIND, separated by commas
    ///
    /// Kinds: gaussian; student-t (see --tail, for outliers); bernoulli (0 and 1); categorical (words or codes); poisson
    /// (counts); multinomial (counts that share a total, joined as in a+b+c=multinomial, or all columns); exponential
    /// (waiting times); gamma (positive numbers, see --shape); auto: bernoulli where all cells are 0 or 1, categorical
    /// where all are words, else gaussian.
    #[arg(long, value_name = "KIND", value_delimiter = ',', default_value = "auto", value_parser = KindChoice::from_str)]
    pub kind: Vec<KindChoice>,
    /// Degrees of freedom of student-t columns, above 2; they are not estimated: compare the bounds of several
    #[arg(long, value_name = "X", default_value_t = 4.0, value_parser = tail, allow_negative_numbers = true)]
    pub tail: f64,
    /// Shape of gamma columns, the same in all components [default: of each column that of all its rows, at least 1]
    ///
    /// It is not estimated: compare the bounds of several.
    #[arg(long, value_name = "X", value_parser = shape, allow_negative_numbers = true)]
    pub shape: Option<f64>,
    /// Columns to use, separated by commas [default: all that have a name]
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    pub columns: Option<Vec<String>>,
}

/// The method of a mixture fit.
#[derive(Debug, Clone, Args)]
pub struct MixtureMethodArgs {
    /// Where a start begins
    #[arg(long, value_name = "START", value_enum, default_value_t)]
    pub start: StartChoice,
    /// Starts from different seeds; the best bound wins, and the report says how far the others agree with it
    #[arg(long, value_name = "N", default_value = "5", value_parser = up_to::<10_000>, allow_negative_numbers = true)]
    pub restarts: NonZeroUsize,
    /// Seed of the starts: same seed, same result, for any number of threads
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole, allow_negative_numbers = true)]
    pub seed: u64,
    /// Leave this fraction of the rows out of the fit, drawn by --seed, and report their mean log density for each K
    ///
    /// With --batch whole blocks of rows are left out. All rows are labelled in the end.
    #[arg(long, value_name = "FRACTION", value_parser = fraction, allow_negative_numbers = true)]
    pub held_out: Option<f64>,
    /// Rows of a step, for many rows: stochastic natural gradient in place of passes over all rows; a CSV is then read
    /// again in each pass instead of held in memory
    #[arg(long, value_name = "ROWS", value_parser = up_to::<MOST_STEPS>, allow_negative_numbers = true)]
    pub batch: Option<NonZeroUsize>,
    /// Most steps of each start [default: 2000; with --batch, those of 20 passes]
    #[arg(long, value_name = "N", value_parser = up_to::<MOST_STEPS>, allow_negative_numbers = true)]
    pub steps: Option<NonZeroUsize>,
}

/// The output of a mixture fit.
#[derive(Debug, Clone, Default, Args)]
pub struct MixtureOutputArgs {
    /// Folder for fit.json (for `jensen predict`), labels.csv, parameters.csv and plots; all files appear together or not at all
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Also write N draws of all parameters to draws.csv in --out
    #[arg(long, value_name = "N", requires = "out", value_parser = up_to::<MOST>, allow_negative_numbers = true)]
    pub draws: Option<NonZeroUsize>,
    /// Also draw pairs of columns with the components, and the bound against K, as SVG and PNG [without --out: into
    /// ./jensen-mixture]
    #[arg(long)]
    pub plot: bool,
    /// Write the report with its plots as one page for a browser
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// No progress and no messages on standard error, errors apart
    #[arg(long, short)]
    pub quiet: bool,
    /// Print the report as JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `jensen predict`.
#[derive(Debug, Clone, Args)]
pub struct PredictArgs {
    /// fit.json, or the folder that `jensen fit regression --out` or `jensen mixture --out` wrote
    #[arg(value_name = "FIT")]
    pub fit: PathBuf,
    /// CSV, JSON or Parquet file with the new rows, or `-`; its columns are found by name, others are ignored
    #[arg(value_name = "FILE", required_unless_present = "simulate", conflicts_with = "simulate")]
    pub file: Option<PathBuf>,
    /// Draw N new rows from a mixture instead, each from its own draw of the parameters
    #[arg(long, value_name = "N", value_parser = up_to::<{ 10 * MOST }>, allow_negative_numbers = true)]
    pub simulate: Option<NonZeroUsize>,
    /// Of a regression: N new responses of every row in place of their summary
    #[arg(long, value_name = "N", conflicts_with = "simulate", value_parser = up_to::<MOST>, allow_negative_numbers = true)]
    pub draws: Option<NonZeroUsize>,
    /// Seed of what is drawn [default: 0]
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// File for the rows instead of standard output; the summary is then printed there
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// No summary on standard error
    #[arg(long, short)]
    pub quiet: bool,
}

impl MixtureOutputArgs {
    /// The folder for results: `--out`, or `jensen-mixture` where only `--plot` was given, or none.
    pub fn folder(&self) -> Option<PathBuf> {
        self.out.clone().or_else(|| self.plot.then(|| PathBuf::from("jensen-mixture")))
    }
}

/// Numbers of components from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Components {
    /// Smallest number of components.
    pub low: usize,
    /// Largest number of components.
    pub high: usize,
}

/// The most components of a mixture.
const MOST_COMPONENTS: usize = 10_000;

impl FromStr for Components {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a whole number from 1 to {MOST_COMPONENTS}, or a range of them such as 1..8");
        let number = |part: &str| part.trim().parse::<usize>().ok().filter(|n| (1..=MOST_COMPONENTS).contains(n));
        let (low, high) = match text.split_once("..") {
            Some((low, high)) => number(low).zip(number(high.trim_start_matches('='))).ok_or_else(wrong)?,
            None => number(text).map(|n| (n, n)).ok_or_else(wrong)?,
        };
        if low > high {
            return Err(format!("the range runs backwards; write {high}..{low}"));
        }
        Ok(Components { low, high })
    }
}

/// Shape of the covariances of Gaussian columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Covariance {
    /// Each component has its own: ellipses of any shape
    #[default]
    Full,
    /// One for all components
    Tied,
    /// Columns independent within a component
    Diagonal,
    /// One variance for all columns of a component; for columns in the same unit
    Spherical,
}

/// Prior of Gaussian columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Prior {
    /// The components tell each other how large they are and how far they lie apart
    #[default]
    Learned,
    /// Mean and covariance of all rows, worth one row; with the other covariances it is the only one
    Fixed,
}

/// Where a start begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum StartChoice {
    /// k-means++, another one for each restart
    #[default]
    KMeans,
    /// Ward's hierarchy of at most 400 rows: one start, whatever --restarts says
    Hierarchical,
}

/// Distribution of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColumnChoice {
    /// By the cells
    #[default]
    Auto,
    /// Measurements
    Gaussian,
    /// Measurements with outliers
    StudentT,
    /// 0 and 1
    Bernoulli,
    /// Words or codes
    Categorical,
    /// Counts
    Poisson,
    /// Counts that share a total
    Multinomial,
    /// Waiting times
    Exponential,
    /// Positive numbers
    Gamma,
}

/// A kind for all columns, or for some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindChoice {
    /// The column, or several joined by `+`; `None` for all.
    pub column: Option<String>,
    /// The kind that was asked for.
    pub kind: ColumnChoice,
}

impl FromStr for KindChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (column, kind) = match text.rsplit_once('=') {
            Some((column, kind)) => (Some(column.trim().to_string()), kind),
            None => (None, text),
        };
        let names = "auto, gaussian, student-t, bernoulli, categorical, poisson, multinomial, exponential or gamma";
        let kind =
            ColumnChoice::from_str(kind.trim(), true).map_err(|_| format!("expected {names}, or COLUMN=KIND"))?;
        Ok(KindChoice { column, kind })
    }
}

fn tail(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 2.0 => Ok(value),
        _ => Err("expected a number above 2, below which a Student-t has no variance".to_string()),
    }
}

fn shape(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("expected a positive number such as 2".to_string()),
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("expected a number between 0 and 1, such as 0.2".to_string()),
    }
}

fn discount(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0 to below 1, such as 0.3".to_string()),
    }
}

fn concentration(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("expected a positive number such as 1".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_of_components() {
        assert_eq!("3".parse(), Ok(Components { low: 3, high: 3 }));
        assert_eq!("2..=5".parse(), Ok(Components { low: 2, high: 5 }));
        for (text, words) in
            [("0", "from 1 to 10000"), ("0..20000", "from 1 to 10000"), ("5..2", "write 2..5"), ("x", "whole number")]
        {
            let error = text.parse::<Components>().expect_err(text);
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn kinds_of_all_columns_and_of_one() {
        let one = KindChoice { column: Some("a=b".into()), kind: ColumnChoice::Poisson };
        assert_eq!("a=b=poisson".parse(), Ok(one));
        assert_eq!("student-t".parse(), Ok(KindChoice { column: None, kind: ColumnChoice::StudentT }));
        assert!("normal".parse::<KindChoice>().expect_err("unknown").contains("gaussian"));
    }
}
