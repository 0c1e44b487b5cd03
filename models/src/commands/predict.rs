//! `jensen predict`.

use super::CommandError;
use super::mixture::assigned::Assigned;
use super::mixture::columns::encoded;
use super::mixture::error::ClusterError;
use super::mixture::saved::SavedMixture;
use crate::cli::exit::Exit;
use crate::cli::mixture_args::PredictArgs;
use crate::cli::number::{grouped, significant};
use crate::cli::output::{print, write_atomic};
use crate::data::Table;
use std::io::Write;

/// Labels the rows of a table by a saved mixture.
pub(super) fn run(args: &PredictArgs) -> Result<Exit, CommandError> {
    let (columns, fitted) = SavedMixture::read(&args.fit)?;
    let table = Table::read(&args.file)?;
    let rows = encoded(&table, &columns)?;
    let assigned = Assigned::new(&fitted, &rows).map_err(|e| ClusterError::fit(table.file(), e))?;
    let mut bytes = Vec::new();
    // Writing into memory does not fail.
    let _ = assigned.write_csv(&mut bytes);
    let summary = summary(table.file(), &assigned);
    match &args.out {
        Some(path) => {
            write_atomic(path, |out| out.write_all(&bytes))?;
            print(std::io::stdout(), &summary)?;
        }
        None => {
            print(std::io::stdout(), &String::from_utf8_lossy(&bytes))?;
            if !args.quiet {
                let _ = write!(std::io::stderr(), "{summary}"); // a closed stream leaves nobody to tell
            }
        }
    }
    Ok(Exit::Success)
}

fn summary(file: &str, assigned: &Assigned) -> String {
    let score = assigned.score();
    let sizes: Vec<_> = assigned.sizes().iter().map(usize::to_string).collect();
    format!(
        "{file}: {} rows; rows of each component: {}\nmean log density {} (standard error {}) a row\n",
        grouped(assigned.labels().len() as u64),
        sizes.join(", "),
        significant(score.mean, 6),
        significant(score.standard_error, 2),
    )
}
