//! `jensen fit`.

use super::built::build;
use super::error::CommandError;
use super::outcome::Outcome;
use super::report::{Renaming, Report};
use super::saved::{FILE, SavedFit, Source, options};
use super::{engine, interrupt, network};
use crate::cli::args::{FitArgs, MethodArgs};
use crate::cli::choices::Family;
use crate::cli::exit::Exit;
use crate::cli::output::print;
use crate::cli::progress::{Mode, Progress};
use crate::cli::render::Length;
use jensen::algorithm::Step;
use jensen::export::OutDir;
use jensen_models::zoo::Built;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Instant;

/// Fits a model, prints its report and writes its folder.
pub(super) fn run(args: &FitArgs) -> Result<Exit, CommandError> {
    let source = args.data.data.as_deref();
    let (entry, built) = build(&args.model, source, &options(&args.data), args.output.quiet)?;
    // Found out before the fit: whether the folder can be written, and what the data were.
    let folder = args.folder().map(|path| OutDir::create(&path)).transpose()?;
    let origin = Source::new(&args.data)?;
    let started = Instant::now();
    let mut outcome = fitted(args, entry.name, &built)?;
    let seconds = started.elapsed().as_secs_f64();
    let data = source.map_or_else(|| entry.data.to_string(), |path| path.display().to_string());
    let report = Report::new(entry.name, data, &built, args.method.seed, &outcome, seconds);
    let renaming = Renaming::new(&built.labels);
    [&mut outcome.draws, &mut outcome.proposal].into_iter().for_each(|draws| renaming.draws(draws));
    if let Some(folder) = folder {
        write(folder, &report, origin, &outcome, args.output.plot)?;
    }
    let length = if args.output.all { Length::All } else { Length::Cut };
    print(std::io::stdout(), &if args.output.json { report.json().unwrap_or_default() } else { report.text(length) })?;
    Ok(report.exit())
}

fn fitted(args: &FitArgs, name: &str, built: &Built) -> Result<Outcome, CommandError> {
    let total = args.method.steps.map(|n| n.get() as u64);
    let mut progress = Progress::start(Mode::for_stderr(args.output.quiet), name, total).stop_on(interrupt::flag());
    let mut last = (0, None);
    let mut observer = |step: &Step| -> ControlFlow<()> {
        last = (step.index, step.objective.or(last.1));
        progress.update(last.0, last.1)
    };
    let mut method: MethodArgs = args.method.clone();
    if method.family == Family::Auto && built.is_heavy_tailed {
        method.family = Family::StudentT;
    }
    method.restarts = method.restarts.or_else(|| built.restarts.and_then(NonZeroUsize::new));
    let outcome = match &built.network {
        Some(network) => network::fit(&**network, &method, &mut observer),
        None => engine::fit(&*built.model, &method, &mut observer),
    };
    match &outcome {
        Ok(_) => progress.finish(last.0, last.1),
        Err(_) => progress.clear(),
    }
    outcome.map_err(|source| CommandError::Engine { model: name.to_string(), source })
}

/// Draws of q itself, which not every q has with their densities.
const PROPOSAL: &str = "proposal_draws.csv";

/// What not every fit writes: an earlier one's would be of something else.
const NOT_ALWAYS: [&str; 5] = [PROPOSAL, "trace.svg", "trace.png", "marginals.svg", "marginals.png"];

fn write(
    mut folder: OutDir,
    report: &Report,
    source: Source,
    outcome: &Outcome,
    plot: bool,
) -> Result<(), CommandError> {
    let saved = SavedFit::new(source, report.clone(), outcome.saved.clone());
    folder.write(FILE, |out| {
        serde_json::to_writer(&mut *out, &saved)?;
        out.write_all(b"\n")
    })?;
    folder.write("draws.csv", |out| outcome.draws.write_csv(out))?;
    if !outcome.proposal.names.is_empty() {
        folder.write(PROPOSAL, |out| outcome.proposal.write_csv(out))?;
    }
    folder.write("summary.csv", |out| report.write_summary(out))?;
    folder.write("trace.csv", |out| outcome.trace.write_csv(out))?;
    folder.instead_of(NOT_ALWAYS);
    if plot {
        for (name, bytes) in report.figures(&outcome.draws)? {
            folder.write(&name, |out| out.write_all(&bytes))?;
        }
    }
    folder.commit()?;
    Ok(())
}
