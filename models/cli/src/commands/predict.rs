//! The command `jensen predict`: new rows under a saved regression, or labelled by a saved mixture, or drawn from it.

use super::error::CommandError;
use super::expected;
use super::mixture::assigned::{self, Summary};
use super::mixture::columns::{self, Column, ColumnKind};
use super::mixture::error::ClusterError;
use super::mixture::saved;
use super::mixture::{encoded, is_text};
use crate::cli::exit::Exit;
use crate::cli::mixture_args::PredictArgs;
use crate::cli::number::{grouped, significant};
use crate::cli::output::{print, spare, visible, write};
use jensen::export::FileError;
use jensen::mixture::{BLOCK_ROWS, MixtureFitted, Rows};
use jensen_models::data::DataTable;
use jensen_models::data::stream::{StreamedTable, is_parquet};
use std::io::{self, Write};
use std::path::Path;

/// Labels the rows of a table by a saved mixture, or draws new rows from it.
pub(super) fn run(args: &PredictArgs) -> Result<Exit, CommandError> {
    spare(args.out.as_deref(), Some(&args.fit))?;
    spare(args.out.as_deref(), args.file.as_deref())?;
    if expected::is_of_a_model(&args.fit)? {
        return expected::run(args);
    }
    let unused = match (args.draws, args.seed, args.simulate) {
        (Some(_), ..) => Some("--draws is of regressions; of a mixture draw new rows with --simulate"),
        (_, Some(_), None) => {
            Some("--seed is of what is drawn, and rows of a mixture are labelled without draws; leave it out")
        }
        _ => None,
    };
    if let Some(found) = unused {
        return Err(FileError::NotSaved { path: args.fit.clone(), found: found.into() }.into());
    }
    let (columns, fitted) = saved::read(&args.fit)?;
    match (&args.file, args.simulate) {
        (Some(file), _) => label(args, file, &columns, &fitted),
        (None, num_rows) => simulate(args, &columns, &fitted, num_rows.map_or(1, |n| n.get())),
    }
}

/// Writes rows drawn from the mixture one at a time, words as words.
fn simulate(
    args: &PredictArgs,
    columns: &[Column],
    fitted: &MixtureFitted,
    num_rows: usize,
) -> Result<Exit, CommandError> {
    let cell = |(x, column): (&f64, &Column)| match &column.kind {
        ColumnKind::Categorical { levels } => levels.get(*x as usize).cloned().unwrap_or_default(),
        _ => x.to_string(),
    };
    let mut failure = None;
    let mut fill = |out: &mut dyn Write| -> io::Result<()> {
        let mut lines = csv::Writer::from_writer(out);
        lines.write_record(columns.iter().map(|c| &c.name))?;
        for row in fitted.simulated(num_rows, args.seed.unwrap_or(0)) {
            let row = row.map_err(|error| {
                failure = Some(error.clone());
                io::Error::other(error)
            })?;
            lines.write_record(row.iter().zip(columns).map(cell))?;
        }
        lines.flush()
    };
    let written = write(args.out.as_deref(), &mut fill);
    if let Some(failure) = failure {
        return Err(ClusterError::fit(&args.fit.display().to_string(), failure).into());
    }
    written?;
    Ok(Exit::Success)
}

/// Writes labels, probabilities and densities; the table stays in its file, JSON apart.
fn label(args: &PredictArgs, path: &Path, columns: &[Column], fitted: &MixtureFitted) -> Result<Exit, CommandError> {
    let file = jensen_models::data::file::name(path);
    let rows: Box<dyn Rows> = if is_parquet(path) || is_text(path) {
        Box::new(encoded(&StreamedTable::open(path, BLOCK_ROWS).map_err(ClusterError::from)?, columns)?)
    } else {
        Box::new(columns::encoded(&DataTable::read(path)?, columns)?)
    };
    let (mut labelled, mut failure) = (None, None);
    let mut fill = |out: &mut dyn Write| -> io::Result<()> {
        labelled = Some(assigned::write(fitted, rows.as_ref(), out).inspect_err(|e| failure = assigned::cause(e))?);
        Ok(())
    };
    let written = write(args.out.as_deref(), &mut fill);
    if let Some(failure) = failure {
        return Err(ClusterError::fit(&file, failure).into());
    }
    written?;
    let text = labelled.map(|l| summary(&file, &l)).unwrap_or_default();
    if args.out.is_some() {
        print(std::io::stdout(), &text)?;
    } else if !args.quiet {
        let _ = write!(std::io::stderr(), "{}", visible(&text)); // a closed stream leaves nobody to tell
    }
    Ok(Exit::Success)
}

fn summary(file: &str, labelled: &Summary) -> String {
    let Summary { sizes, score } = labelled;
    let num_rows = sizes.iter().sum::<usize>() as u64;
    let rows = if num_rows == 1 { "1 row".into() } else { format!("{} rows", grouped(num_rows)) };
    let error = match score.standard_error {
        error if error.is_nan() => "no standard error from one row".into(),
        error => format!("standard error {}", significant(error, 2)),
    };
    format!(
        "{file}: {rows}; rows of each component: {}\nmean log density {} ({error}) a row\n",
        sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        significant(score.mean, 6),
    )
}
