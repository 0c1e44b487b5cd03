//! `jensen predict`.

use super::CommandError;
use super::mixture::assigned::{self, Summary};
use super::mixture::columns;
use super::mixture::error::ClusterError;
use super::mixture::saved::SavedMixture;
use super::mixture::{encoded, is_text};
use crate::cli::exit::Exit;
use crate::cli::mixture_args::PredictArgs;
use crate::cli::number::{grouped, significant};
use crate::cli::output::{OutputError, print, write_atomic};
use crate::data::Table;
use crate::data::stream::{StreamedTable, is_parquet};
use jensen::mixture::{BLOCK_ROWS, Rows};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Labels the rows of a table by a saved mixture; the table stays in its file, JSON apart.
pub(super) fn run(args: &PredictArgs) -> Result<Exit, CommandError> {
    let (columns, fitted) = SavedMixture::read(&args.fit)?;
    let file = args.file.display().to_string();
    let rows: Box<dyn Rows> = match is_parquet(&args.file) || is_text(&args.file) {
        true => Box::new(encoded(&StreamedTable::open(&args.file, BLOCK_ROWS).map_err(ClusterError::from)?, &columns)?),
        false => Box::new(columns::encoded(&Table::read(&args.file)?, &columns)?),
    };
    let mut labelled = None;
    let mut fill = |out: &mut dyn Write| -> io::Result<()> {
        labelled = Some(assigned::write(&fitted, rows.as_ref(), out)?);
        Ok(())
    };
    match &args.out {
        Some(path) => {
            write_atomic(path, &mut fill)?;
            let text = labelled.map(|l| summary(&file, &l)).unwrap_or_default();
            print(std::io::stdout(), &text)?;
        }
        None => {
            match fill(&mut io::BufWriter::new(std::io::stdout().lock())) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                other => other.map_err(|e| OutputError::new(Path::new("standard output"), "write", &e))?,
            }
            if let (false, Some(labelled)) = (args.quiet, labelled) {
                let _ = write!(std::io::stderr(), "{}", summary(&file, &labelled)); // a closed stream leaves nobody to tell
            }
        }
    }
    Ok(Exit::Success)
}

fn summary(file: &str, labelled: &Summary) -> String {
    let Summary { sizes, score } = labelled;
    format!(
        "{file}: {} rows; rows of each component: {}\nmean log density {} (standard error {}) a row\n",
        grouped(sizes.iter().sum::<usize>() as u64),
        sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        significant(score.mean, 6),
        significant(score.standard_error, 2),
    )
}
