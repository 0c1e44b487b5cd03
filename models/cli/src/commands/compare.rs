//! `jensen compare`.

use super::engine::{EngineError, affordable, choice};
use super::saved::options;
use super::{CommandError, build, compare_page, interrupt};
use crate::cli::args::CompareArgs;
use crate::cli::choices::Place;
use crate::cli::exit::Exit;
use crate::cli::output::print;
use crate::cli::progress::{Mode, Progress};
use jensen::automatic::Compare;
use jensen::export::OutDir;
use jensen::study::{At, Cell, Figures, Refused, StudyReport};
use serde::Serialize;
use std::io::{self, Write};
use std::ops::ControlFlow;

/// What is printed and written.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// The model.
    pub model: String,
    /// Its data, in words.
    pub data: String,
    /// Rows of data.
    pub num_rows: usize,
    /// What was found.
    #[serde(flatten)]
    pub report: StudyReport,
}

/// Compares estimators, prints the tables and writes the folder.
pub(super) fn run(args: &CompareArgs) -> Result<Exit, CommandError> {
    let source = args.data.data.as_deref();
    let (entry, built) = build(&args.model, source, &options(&args.data), args.output.quiet)?;
    let engine = |source| CommandError::Engine { model: entry.name.to_string(), source };
    if built.network.is_some() {
        let words = "its q is a network, which no other estimator than its own trains; compare on another model";
        return Err(engine(EngineError(words.into())));
    }
    let folder = args.output.out.as_deref().map(OutDir::create).transpose()?;
    let report = compared(args, entry.name, &*built.model).map_err(engine)?;
    let data = source.map_or_else(|| entry.data.to_string(), |path| path.display().to_string());
    let found = Comparison { model: entry.name.to_string(), data, num_rows: built.num_rows, report };
    if let Some(folder) = folder {
        write(folder, &found)?;
    }
    print(std::io::stdout(), &if args.output.json { found.json() } else { found.text() })?;
    let sure = found.report.complete && found.report.each().any(|r| r.recommendation.estimator.is_some());
    Ok(if sure { Exit::Success } else { Exit::NotTrusted })
}

fn compared(
    args: &CompareArgs,
    name: &str,
    model: &(dyn jensen::model::Model + Send),
) -> Result<StudyReport, EngineError> {
    let (mode, flag) = (Mode::for_stderr(args.output.quiet), interrupt::flag());
    let mut shown: Option<Progress> = None;
    let mut observer = |progress: &jensen::study::Progress| -> ControlFlow<()> {
        let display = shown.get_or_insert_with(|| {
            Progress::start(mode, name, Some(progress.total)).counting("gradient").stop_on(flag.clone())
        });
        display.update_doing(progress.done, || progress.doing.to_string())
    };
    let study = &args.study;
    let mut compare = Compare::new(model)
        .family(choice(study.family)?)
        .designs(unrepeated(&study.design).into_iter().map(choice).collect::<Result<Vec<_>, _>>()?)
        .at(places(&study.at))
        .repeats(study.repeats as usize)
        .budget(study.budget)
        .seed(study.seed)
        .threads(study.threads.get())
        .observer(&mut observer);
    let most = study.draws.iter().flatten().map(|n| n.get()).max();
    affordable(model, most.unwrap_or(0))?;
    if let Some(draws) = &study.draws {
        compare = compare.draws(draws.iter().map(|n| n.get()));
    }
    if let Some(estimators) = &study.estimators {
        compare = compare.estimators(unrepeated(estimators));
    }
    let report = compare.run();
    if let Some(display) = shown {
        display.clear();
    }
    Ok(report?)
}

/// The points in the order of a fit, each once.
fn places(chosen: &[Place]) -> Vec<At> {
    let pairs = [(Place::Init, At::Init), (Place::Middle, At::Middle), (Place::Optimum, At::Optimum)];
    pairs.into_iter().filter(|(place, _)| chosen.contains(place)).map(|(_, at)| at).collect()
}

fn unrepeated<C: Copy + PartialEq>(choices: &[C]) -> Vec<C> {
    let mut out: Vec<C> = Vec::new();
    choices.iter().for_each(|c| {
        if !out.contains(c) {
            out.push(*c)
        }
    });
    out
}

fn write(mut folder: OutDir, found: &Comparison) -> Result<(), CommandError> {
    folder.write("compare.csv", |out| found.csv(out))?;
    folder.write("compare.json", |out| out.write_all(found.json().as_bytes()))?;
    folder.write("compare.html", |out| out.write_all(compare_page::page(found).as_bytes()))?;
    folder.commit()?;
    Ok(())
}

/// The numbers of a cell in the CSV file.
const NUMBERS: [&str; 14] = [
    "repeats",
    "not_finite",
    "rejected",
    "bias_se",
    "bias_threshold",
    "bias_relative",
    "variance",
    "signal_to_noise",
    "evaluations",
    "seconds",
    "variance_x_evaluations",
    "variance_x_seconds",
    "bound_here",
    "biased",
];

impl Comparison {
    fn text(&self) -> String {
        let rows = if self.num_rows == 1 { "row" } else { "rows" };
        format!("{} on {} ({} {rows})\n{}", self.model, self.data, self.num_rows, self.report)
    }

    fn json(&self) -> String {
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// A line for each cell, with the short fit of its estimator and number of draws, and one for each estimator that
    /// was refused.
    fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = csv::Writer::from_writer(out);
        let head = ["point", "estimator", "draws"].into_iter().chain(NUMBERS);
        let tail = ["fit_bound", "fit_bound_se", "fit_steps", "fit_seconds", "failure", "objective"];
        lines.write_record(head.chain(tail))?;
        for report in self.report.each() {
            for cell in &report.cells {
                lines.write_record(line(report, cell))?;
            }
        }
        for Refused { estimator, reason } in &self.report.refused {
            let mut line = vec![String::new(); 3 + NUMBERS.len() + tail.len()];
            line[1].clone_from(estimator);
            line[3 + NUMBERS.len() + 4].clone_from(reason);
            lines.write_record(&line)?;
        }
        lines.flush()
    }
}

fn line(report: &StudyReport, cell: &Cell) -> Vec<String> {
    let mut line = vec![cell.point.clone(), cell.estimator.clone(), cell.num_draws.to_string()];
    match &cell.figures {
        Some(figures) => line.extend(numbers(figures)),
        None => line.extend(NUMBERS.map(|_| String::new())),
    }
    match report.fits.iter().find(|f| f.estimator == cell.estimator && f.num_draws == cell.num_draws) {
        Some(f) => {
            let steps = f.steps.to_string();
            line.extend([f.bound.to_string(), f.standard_error.to_string(), steps, f.seconds.to_string()]);
        }
        None => line.extend([const { String::new() }; 4]),
    }
    line.push(cell.failure.clone().unwrap_or_default());
    line.push(report.objective.to_string());
    line
}

fn numbers(f: &Figures) -> [String; 14] {
    let of = |value: fn(&jensen::study::Bias) -> String| f.bias.as_ref().map(value).unwrap_or_default();
    [
        f.repeats.to_string(),
        f.not_finite.to_string(),
        f.rejected.to_string(),
        of(|b| b.largest.to_string()),
        of(|b| b.threshold.to_string()),
        of(|b| b.relative.to_string()),
        f.total_variance.to_string(),
        f.signal_to_noise.to_string(),
        f.evaluations.to_string(),
        f.seconds.to_string(),
        f.variance_x_evaluations.to_string(),
        f.variance_x_seconds.to_string(),
        f.bound.to_string(),
        of(|b| b.is_biased().to_string()),
    ]
}
