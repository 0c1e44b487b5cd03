//! `jensen show`.

use super::draws::NamedDraws;
use super::error::CommandError;
use super::saved::{SavedError, SavedFit};
use crate::cli::args::ShowArgs;
use crate::cli::exit::Exit;
use crate::cli::output::print;
use crate::cli::render::Length;
use jensen::export::OutDir;

/// Prints the report of a saved fit again.
pub(super) fn run(args: &ShowArgs) -> Result<Exit, CommandError> {
    let report = SavedFit::read(&args.fit)?.report;
    if args.plot {
        let path = args.fit.join("draws.csv");
        let name = path.display().to_string();
        let text = std::fs::read(&path)
            .map_err(|error| SavedError::NotFound { path: name.clone(), reason: error.to_string() })?;
        let draws = NamedDraws::read_csv(&text).map_err(|reason| SavedError::Damaged { path: name, reason })?;
        let mut folder = OutDir::create(&args.fit)?;
        for (name, bytes) in report.figures(&draws)? {
            folder.write(&name, |out| out.write_all(&bytes))?;
        }
        folder.commit()?;
    }
    let length = if args.all { Length::All } else { Length::Cut };
    print(std::io::stdout(), &if args.json { report.json().unwrap_or_default() } else { report.text(length) })?;
    Ok(report.exit())
}
