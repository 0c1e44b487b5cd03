//! The command `jensen compare`: gradient estimators measured on a model.

use super::built::{build, options, read};
use super::comparison::Comparison;
use super::engine::{affordable, choice};
use super::error::CommandError;
use super::outcome::EngineError;
use super::{compare_page, interrupt};
use crate::cli::args::CompareArgs;
use crate::cli::choices::Place;
use crate::cli::exit::Exit;
use crate::cli::output::{print, spare};
use crate::cli::progress::{Mode, Progress};
use jensen::automatic::Compare;
use jensen::export::OutDir;
use jensen::study::{At, StudyReport};
use std::ops::ControlFlow;

/// Compares estimators, prints the tables and writes the folder.
pub(super) fn run(args: &CompareArgs) -> Result<Exit, CommandError> {
    let source = args.data.data.as_deref();
    let options = options(&args.data);
    spare(args.output.out.as_deref(), source)?;
    let table = source.map(|path| read(path, &options, args.output.quiet)).transpose()?;
    let (entry, built) = build(&args.model, table.as_ref(), &options)?;
    let engine = |source| CommandError::Engine { model: entry.name.to_string(), source };
    if built.network.is_some() {
        let words = "its q is a network, which no other estimator than its own trains; compare on another model";
        return Err(engine(EngineError(words.into())));
    }
    let folder = args.output.out.as_deref().map(OutDir::create).transpose()?;
    let report = compared(args, entry.name, &*built.model).map_err(engine)?;
    let data = source.map_or_else(|| entry.data.to_string(), jensen_models::data::file::name);
    let command = command(std::env::args());
    let found = Comparison { model: entry.name.to_string(), data, num_rows: built.num_rows, command, report };
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
        let display = shown.get_or_insert_with(|| Progress::of_work(mode, name).stop_on(flag.clone()));
        display.update_share(progress.share, || progress.doing.to_string())
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

/// The command line as it can be typed again: what holds more than plain letters stands in quotes.
fn command(words: impl Iterator<Item = String>) -> String {
    let plain = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_=,./:+".contains(c));
    let quoted = |word: String| if plain(&word) { word } else { format!("'{}'", word.replace('\'', "'\\''")) };
    let rest = words.skip(1).map(quoted);
    std::iter::once("jensen".to_string()).chain(rest).collect::<Vec<_>>().join(" ")
}

fn write(mut folder: OutDir, found: &Comparison) -> Result<(), CommandError> {
    folder.write("compare.csv", |out| found.csv(out))?;
    folder.write("repeats.csv", |out| found.repeats(out))?;
    folder.write("compare.json", |out| out.write_all(found.json().as_bytes()))?;
    folder.write("compare.html", |out| out.write_all(compare_page::page(found).as_bytes()))?;
    folder.commit()?;
    Ok(())
}
