//! The command `jensen mixture`: rows of a table grouped by a conjugate mixture.

pub mod assigned;
pub mod columns;
pub mod component;
mod data;
pub mod error;
pub mod fit;
pub mod held_out;
pub mod kinds;
mod noticed;
mod page;
mod parameters;
pub mod plots;
pub mod report;
pub mod saved;
mod streamed;
pub mod verdict;

pub(super) use data::is_text;
pub(super) use saved::shown;
pub(super) use streamed::encoded;

use super::built::say_nameless;
use super::error::CommandError;
use super::interrupt;
use crate::cli::exit::Exit;
use crate::cli::mixture_args::{MixtureArgs, MixtureModelArgs, MixtureOutputArgs, StartChoice};
use crate::cli::output::{print, spare, write as write_file};
use crate::cli::progress::{Mode, Progress};
use columns::ColumnKind;
use data::Data;
use error::ClusterError;
use fit::Request;
use jensen::export::OutDir;
use jensen::fit::Stop;
use jensen::mixture::{MixtureError, MixtureFitted, MixtureStart, Weights};
use report::{Report, TriedLine};
use std::time::Instant;

/// Components offered unless said otherwise: a range to choose from, and to a Dirichlet process.
const RANGE: (usize, usize) = (1, 8);
const PROCESS: usize = 20;

/// Fits mixtures, prints the report and writes the folder.
pub(super) fn run(args: &MixtureArgs) -> Result<Exit, CommandError> {
    spare(args.output.folder().as_deref(), args.file.as_deref())?;
    spare(args.output.report.as_deref(), args.file.as_deref())?;
    let data = Data::read(args)?;
    if !args.output.quiet {
        say_nameless(&data.file, data.nameless.iter().copied());
    }
    let request = request(args, &data)?;
    let folder = args.output.folder().map(|path| OutDir::create(&path)).transpose()?;
    let started = Instant::now();
    let rows = data.fitted_rows();
    let total = request.total(rows.as_ref());
    let mut progress = Progress::start(Mode::for_stderr(args.output.quiet), "mixture", Some(total))
        .counting(if request.batch.is_some() { "step" } else { "fit" })
        .stop_on(interrupt::flag());
    let fits = request.fit(rows.as_ref(), &mut progress);
    progress.clear();
    let fits = fits.map_err(|e| data.fit_error(e))?;
    let Some(chosen) = (0..fits.len()).max_by(|&a, &b| fits[a].bound.total_cmp(&fits[b].bound)) else {
        return Err(
            ClusterError::Options("interrupted before the first start had ended; nothing was fitted".into()).into()
        );
    };
    let best = &fits[chosen];
    let mut report = report(args, &data, &request, &fits, best, started.elapsed().as_secs_f64());
    if let Some(split) = &data.split {
        let scores = held_out::scores(&fits, chosen, split, data.rows.as_ref());
        report.scored(scores.map_err(|e| ClusterError::fit(&data.file, e))?, data.rows.num_rows() - rows.num_rows());
    }
    if let Some(folder) = folder {
        write(folder, &data, &report, best, &args.output)?;
    }
    if let Some(path) = &args.output.report {
        let figures = page::figures(&data, &report, best).map_err(|e| data.fit_error(e))?;
        write_file(Some(path), |out| out.write_all(page::page(&report, &figures).as_bytes()))?;
    }
    print(std::io::stdout(), &if args.output.json { report.json() } else { report.text() })?;
    Ok(report.exit())
}

fn request(args: &MixtureArgs, data: &Data) -> Result<Request, CommandError> {
    let (model, method) = (&args.model, &args.method);
    let asked = model.k.map_or(PROCESS.max(RANGE.1), |k| k.high);
    let (failed, rows) = (|e| data.fit_error(e), data.fitted_rows());
    let distinct = data.distinct(2 * asked).map_err(failed)?;
    let k = match (model.k, model.dirichlet_process) {
        (Some(k), Some(_)) if k.low != k.high => {
            let text = "--dirichlet-process finds the number of components itself; give --k N as the most it may use";
            return Err(ClusterError::Options(text.into()).into());
        }
        (Some(k), _) => k.low..=k.high,
        (None, Some(_)) => PROCESS.min(distinct)..=PROCESS.min(distinct),
        (None, None) => RANGE.0..=RANGE.1.min(distinct),
    };
    if *k.end() > distinct {
        let file = data.file.clone();
        return Err(ClusterError::TooManyComponents { file, components: *k.end(), distinct }.into());
    }
    Ok(Request {
        component: component::component(&data.columns, rows.as_ref(), model).map_err(failed)?,
        k,
        distinct,
        process: model.dirichlet_process.map(|x| Weights::pitman_yor(x, model.discount.unwrap_or(0.0))),
        start: match method.start {
            StartChoice::KMeans => MixtureStart::KMeans,
            StartChoice::Hierarchical => MixtureStart::Hierarchical,
        },
        restarts: if method.start == StartChoice::Hierarchical { 1 } else { method.restarts.get() },
        seed: method.seed,
        steps: method.steps.map(|n| n.get() as u64),
        batch: method.batch.map(|n| n.get().min(rows.num_rows())),
    })
}

fn report(
    args: &MixtureArgs,
    data: &Data,
    request: &Request,
    fits: &[MixtureFitted],
    best: &MixtureFitted,
    seconds: f64,
) -> Report {
    let weights = match (args.model.dirichlet_process, args.model.discount) {
        (Some(x), Some(discount)) => format!("Pitman-Yor process of concentration {x} and discount {discount}"),
        (Some(x), None) => format!("Dirichlet process of concentration {x}"),
        (None, _) => "Dirichlet(1 / K) weights".to_string(),
    };
    let covariance = covariance(&args.model, data);
    let how = if request.batch.is_some() { "stochastic natural gradient" } else { "coordinate ascent" };
    let starts = if request.restarts == 1 { "start" } else { "starts" };
    Report {
        data: data.file.clone(),
        num_rows: data.rows.num_rows(),
        held_out_rows: 0,
        missing: data.missing as usize,
        columns: data.columns.clone(),
        method: format!("{weights}{covariance}; {how}, {} {starts}, seed {}", request.restarts, request.seed),
        seed: request.seed,
        tried: fits.iter().map(TriedLine::new).collect(),
        k: best.num_components(),
        bound: best.bound,
        occupied: best.occupied_components(),
        effective: best.effective_components(),
        components: report::components(&data.columns, best),
        starts: best.starts.clone(),
        judged: judged(data, request, fits, best),
        stop: stop(&best.stop),
        seconds,
    }
}

/// What to make of the fit, with what was noticed of the cells.
fn judged(data: &Data, request: &Request, fits: &[MixtureFitted], best: &MixtureFitted) -> verdict::Judged {
    let mut judged = verdict::Judged::new(request, fits, best);
    judged.reasons.extend(report::shrunk(&data.columns, &data.spacings, best));
    judged.notes.extend(data.notes.iter().cloned());
    judged
}

/// Covariance and prior of Gaussian columns, in words.
fn covariance(model: &MixtureModelArgs, data: &Data) -> String {
    if !data.columns.iter().any(|c| c.kind == ColumnKind::Gaussian) {
        return String::new();
    }
    let learned = if component::is_learned(model) { " with a learned prior" } else { "" };
    format!(", {} covariance{learned}", format!("{:?}", model.covariance).to_lowercase())
}

fn stop(stop: &Stop) -> String {
    match stop {
        Stop::Converged { steps, .. } | Stop::Plateau { steps, .. } => format!("arrived after {steps} steps"),
        other => format!("ended before it arrived: {other:?}").to_lowercase(),
    }
}

/// Files of an earlier mixture that may not be written again, and would be of something else.
const OPTIONAL: [&str; 5] = ["draws.csv", "pairs.svg", "pairs.png", "bound_against_k.svg", "bound_against_k.png"];

fn write(
    mut folder: OutDir,
    data: &Data,
    report: &Report,
    fitted: &MixtureFitted,
    output: &MixtureOutputArgs,
) -> Result<(), CommandError> {
    let failed = |e: MixtureError| ClusterError::fit(&data.file, e);
    let mut failure = None;
    let labels = folder.write("labels.csv", |out| {
        let written = assigned::write(fitted, data.rows.as_ref(), out);
        written.map(|_| ()).inspect_err(|e| failure = assigned::cause(e))
    });
    if let Some(failure) = failure {
        return Err(failed(failure).into());
    }
    labels?;
    let names = component::quantities(&data.columns, fitted);
    folder.write("parameters.csv", |out| parameters::write(fitted, &names, report.seed, out))?;
    if let Some(num_draws) = output.draws {
        folder.write("draws.csv", |out| parameters::write_draws(fitted, &names, num_draws.get(), report.seed, out))?;
    }
    folder.write("report.json", |out| out.write_all(report.json().as_bytes()))?;
    folder.instead_of(OPTIONAL);
    if output.plot {
        let figures = page::figures(data, report, fitted).map_err(failed)?;
        for (name, figure) in figures {
            let (svg, png) = (figure.svg(), figure.png()?);
            folder.write(&format!("{name}.svg"), |out| out.write_all(svg.as_bytes()))?;
            folder.write(&format!("{name}.png"), |out| out.write_all(&png))?;
        }
    }
    folder.write_fit(fitted, &saved::Note { columns: data.columns.clone(), report: report.clone() })?;
    folder.commit()?;
    Ok(())
}
