//! The command `jensen fit`: one model fitted, reported and saved.

use super::built::{build, options, read};
use super::draws::{Renaming, with_densities, write_csv};
use super::error::CommandError;
use super::outcome::{EngineError, Outcome};
use super::rebuilt::Opened;
use super::report::Report;
use super::saved::Note;
use super::{engine, interrupt, network, paged};
use crate::cli::args::{FitArgs, MethodArgs};
use crate::cli::exit::Exit;
use crate::cli::output::{print, spare};
use crate::cli::page::command_line;
use crate::cli::progress::{Mode, Progress};
use crate::cli::render::Length;
use jensen::algorithm::Step;
use jensen::export::OutDir;
use jensen::posterior::statistics::{mean, quantiles};
use jensen_models::data::DataTable;
use jensen_models::zoo::{BuildError, Built};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Instant;

/// Fits a model, prints its report and writes its folder.
pub(super) fn run(args: &FitArgs) -> Result<Exit, CommandError> {
    let (source, options) = (args.data.data.as_deref(), options(&args.data));
    spare(args.folder().as_deref(), source)?;
    spare(args.output.report.as_deref(), source)?;
    let table = source.map(|path| read(path, &options, args.output.quiet)).transpose()?;
    let (entry, built) = build(&args.model, table.as_ref(), &options)?;
    // Found out before the fit: whether the folder can be written.
    let folder = args.folder().map(|path| OutDir::create(&path)).transpose()?;
    let note = Note {
        model: entry.name.to_string(),
        data: table.as_ref().map_or(entry.data, |table| table.file()).to_string(),
        num_rows: built.num_rows,
        standardised: built.scales.clone(),
        labels: built.labels.clone(),
        notes: built.notes.clone(),
        internal: built.internal.clone(),
        ratios: built.regression.as_ref().and_then(|r| r.ratios()).map(str::to_string),
        seed: args.method.seed,
        options,
        // Those that building the model has asked for.
        table: table.as_ref().map(DataTable::used),
        ..Note::default()
    };
    let started = Instant::now();
    let (outcome, mut note) = fitted(args, note, &built)?;
    note.seconds = Some(started.elapsed().as_secs_f64());
    if let Some(regression) = &built.regression {
        let own = table.is_none().then(|| entry.table()).transpose()?;
        let shares = table.as_ref().or(own.as_ref()).map(|table| regression.r_squared(&outcome.draws(), table));
        let shares = shares.transpose().map_err(BuildError::from)?.flatten();
        note.r_squared = shares.map(|shares| {
            let [low, high] = quantiles(&shares, [0.05, 0.95]);
            [mean(&shares), low, high]
        });
    }
    let report = Report::new(&note, &outcome);
    if let Some(folder) = folder {
        write(folder, &report, &note, &outcome, args.output.plot)?;
    }
    if let Some(path) = &args.output.report {
        let fit = Opened { outcome, note, entry, built };
        paged::write(path, &report, fit, table.as_ref(), command_line(), args.output.quiet)?;
    }
    let length = if args.output.all { Length::All } else { Length::Cut };
    print(std::io::stdout(), &if args.output.json { report.json().unwrap_or_default() } else { report.text(length) })?;
    Ok(report.exit())
}

/// The fit, and how it was done in the note.
fn fitted(args: &FitArgs, note: Note, built: &Built) -> Result<(Outcome, Note), CommandError> {
    let total = args.method.steps.map(|n| n.get() as u64);
    let mode = Mode::for_stderr(args.output.quiet);
    let mut progress = Progress::start(mode, &note.model, total).stop_on(interrupt::flag());
    let mut last = (0, None);
    let mut observer = |step: &Step| -> ControlFlow<()> {
        last = (step.index, step.objective.or(last.1));
        progress.update(last.0, last.1)
    };
    let mut method: MethodArgs = args.method.clone();
    method.restarts = method.restarts.or_else(|| built.restarts.and_then(NonZeroUsize::new));
    let name = note.model.clone();
    let outcome = match &built.network {
        Some(network) => network::fit(&**network, &method, &mut observer).map(|fitted| {
            let (method, of_rows) = (fitted.method.clone(), fitted.rows.clone());
            (Outcome::Amortised(fitted), Note { method, of_rows, ..note })
        }),
        None => engine::fit(&*built.model, &method, &mut observer).and_then(|fitted| {
            let (method, family) = (fitted.plan.to_string(), fitted.plan.family.to_string());
            let (tried, runs) = (fitted.tried.steps(), fitted.tried.run_lines());
            let note = Note { method, family, tried, runs, of_rows: engine::of_rows(&fitted)?, ..note };
            Ok::<_, EngineError>((Outcome::Posterior(fitted.posterior), note))
        }),
    };
    match &outcome {
        Ok(_) => progress.finish(last.0, last.1),
        Err(_) => progress.clear(),
    }
    outcome.map_err(|source| CommandError::Engine { model: name, source })
}

/// Draws of q itself, which not every q has with their densities.
const PROPOSAL: &str = "proposal_draws.csv";

/// What not every fit writes: an earlier one's would be of something else.
const NOT_ALWAYS: [&str; 5] = [PROPOSAL, "trace.svg", "trace.png", "marginals.svg", "marginals.png"];

fn write(mut folder: OutDir, report: &Report, note: &Note, outcome: &Outcome, plot: bool) -> Result<(), CommandError> {
    let renaming = Renaming::new(&note.labels);
    let draws = renaming.draws(outcome.draws());
    folder.write("draws.csv", |out| write_csv(&draws, out))?;
    if let Outcome::Posterior(posterior) = outcome {
        let proposal = renaming.draws(with_densities(posterior.proposal()));
        folder.write(PROPOSAL, |out| write_csv(&proposal, out))?;
    }
    folder.write("summary.csv", |out| report.write_summary(out))?;
    folder.write("trace.csv", |out| report.write_trace(out))?;
    folder.instead_of(NOT_ALWAYS);
    if plot {
        for (name, bytes) in report.figures(&draws)? {
            folder.write(&name, |out| out.write_all(&bytes))?;
        }
    }
    outcome.write(note, &mut folder)?;
    folder.commit()?;
    Ok(())
}
