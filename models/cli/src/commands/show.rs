//! The command `jensen show`: the report of a saved fit.

use super::draws::Renaming;
use super::error::CommandError;
use super::outcome::Outcome;
use super::rebuilt::{Instead, Opened};
use super::report::Report;
use super::saved::Note;
use super::{mixture, paged, vae};
use crate::cli::exit::Exit;
use crate::cli::output::{print, spare};
use crate::cli::render::Length;
use crate::cli::saved_args::ShowArgs;
use jensen::export::{OutDir, SavedFit};
use std::path::Path;

const INSTEAD: Instead = Instead {
    of_others: "`--report` of `jensen mixture` and `jensen vae` writes theirs",
    of_own: "leave out --report",
};

/// Prints the report of a saved fit again.
pub(super) fn run(args: &ShowArgs) -> Result<Exit, CommandError> {
    let saved = SavedFit::open(&args.fit)?;
    saved.check_tables()?;
    let length = if args.all { Length::All } else { Length::Cut };
    let (text, exit) = match Outcome::read(&saved)? {
        Some(outcome) => {
            let note = Note::read(&saved, &outcome)?;
            let report = Report::new(&note, &outcome);
            if args.plot {
                let draws = Renaming::new(&note.labels).draws(outcome.draws());
                let mut folder = OutDir::create(saved.path().parent().unwrap_or(Path::new("")))?;
                for (name, bytes) in report.figures(&draws)? {
                    folder.write(&name, |out| out.write_all(&bytes))?;
                }
                folder.commit()?;
            }
            if let Some(path) = &args.report {
                spare(Some(path), Some(&args.fit))?;
                let fit = Opened::read(&args.fit, &INSTEAD)?;
                let (table, command) = (fit.note.table.clone(), paged::command_of(&fit.note));
                paged::write(path, &report, fit, table.as_ref(), command, false)?;
            }
            (if args.json { report.json().unwrap_or_default() } else { report.text(length) }, report.exit())
        }
        None if args.plot || args.report.is_some() => {
            return Err(CommandError::NoFigures { path: saved.path().display().to_string() });
        }
        None if saved.kind() == vae::KIND => vae::shown(&saved, args.json)?,
        None => mixture::shown(&saved, args.json)?,
    };
    print(std::io::stdout(), &text)?;
    Ok(exit)
}
