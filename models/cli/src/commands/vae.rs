//! The command `jensen vae`: an autoencoder trained, and what can be done with it.

pub mod architecture;
mod checked;
mod codes;
mod data;
pub mod error;
mod figures;
mod judged;
mod options;
mod page;
pub mod report;
pub mod saved;
pub mod settings;
mod sizes;
pub mod text;
mod train;

use super::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::output::{print, write as write_file};
use crate::cli::plot::PlotError;
use crate::cli::vae_args::VaeArgs;
use architecture::{Architecture, Names, batch};
use data::Data;
use error::VaeError;
use figures::Test;
use jensen::amortised::autoencoder::{Autoencoder, Checkpoint, TrainedAutoencoder};
use jensen::export::{FIT_FILE, FitBody, OutDir, SavedFit};
use page::Drawn;
use report::Report;
use saved::{DataNote, Saved};
use settings::{Settings, engine};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;
use text::TextNote;
use train::{Plan, train};

/// Trains, prints the report and writes the folder; or puts a saved fit to use.
pub(super) fn run(args: &VaeArgs) -> Result<Exit, CommandError> {
    if let Some(command) = &args.command {
        return codes::run(command);
    }
    let plan = plan(args)?;
    let mut folder = args.output.out.as_deref().map(OutDir::create).transpose()?;
    let started = Instant::now();
    let (mut saved, ended, speed) = train(args, &plan, folder.as_ref())?;
    // From here on the folder holds a fit, whatever becomes of the pictures.
    if let Some(folder) = &folder {
        saved.write(folder.path())?;
    }
    let network = saved.network(engine(args.method.threads))?;
    let some_train = plan.data.some_train().map_err(VaeError::from)?;
    let encoded = |images| network.encoded(batch(images)).map_err(VaeError::from);
    let (train, test) = (encoded(&some_train)?, encoded(plan.data.test())?);
    let measures = network.measure(&train, &test, args.method.score_draws).map_err(VaeError::from)?;
    let counted = plan.data.bits_by_counts(&plan.architecture);
    let report = saved.report(measures, ended, (started.elapsed().as_secs_f64(), speed), counted);
    saved.report = Some(report.clone());
    let test = Test { images: plan.data.test(), codes: &test.codes };
    if let Some(path) = &args.output.report {
        let drawn = drawn(&network, test, (&saved, &report))?;
        write_file(Some(path), |out| out.write_all(page::page(&report, &drawn).as_bytes()))?;
    }
    if let Some(folder) = folder.take() {
        write(folder, &network, test, (&saved, &report), args.output.quiet)?;
    }
    print(std::io::stdout(), &if args.output.json { report.json() } else { report.text() })?;
    Ok(report.exit())
}

/// Reads images and checkpoint, and settles what is asked for.
fn plan(args: &VaeArgs) -> Result<Plan, VaeError> {
    let earlier = match (&args.output.out, args.output.resume) {
        (Some(folder), true) => Some(Saved::read(folder)?),
        _ => None,
    };
    let path = args.output.out.as_deref().map_or(String::new(), |p| p.join(FIT_FILE).display().to_string());
    let mut settings = match &earlier {
        None => Settings::new(args)?,
        Some(saved) => Settings::resumed(args, &saved.settings, &path)?,
    };
    let known = earlier.as_ref().map(|saved| &saved.architecture);
    let (data, note_of_text) = match args.data.text.as_deref() {
        Some(file) => {
            let (data, note) = of_text(args, file, known)?;
            (data, Some(note))
        }
        None => (Data::open(args, &options::asked(args, known)?, &mut settings, earlier.is_some())?, None),
    };
    let note = data.note();
    let architecture = match &earlier {
        None => {
            let most = note.range.1.max(data.most_of_test());
            let mut new = Architecture::new(args, data.test(), most, note_of_text)?;
            let rows = data.some_train().map_err(VaeError::from)?;
            new.autoencoder = new.autoencoder.in_units_of(batch(&rows));
            new
        }
        Some(saved) => {
            saved.architecture.same(args, &path)?;
            let words = |d: &DataNote| format!("{}, {} training rows", d.file, d.num_train);
            if (&saved.data.fingerprint, saved.data.num_train) != (&note.fingerprint, note.num_train) {
                return Err(VaeError::OtherData { path, trained: words(&saved.data), given: words(&note) });
            }
            saved.architecture.clone()
        }
    };
    architecture.check()?;
    // What is measured at the end must be held, too: found out before training.
    architecture.check_rows(data.most_held())?;
    architecture.check_draws(&settings, note.num_train, args.method.score_draws)?;
    Ok(Plan { data, architecture, settings, note, earlier })
}

/// The windows of a file of text, numbered as those of an earlier run are.
fn of_text(args: &VaeArgs, file: &Path, earlier: Option<&Architecture>) -> Result<(Data, TextNote), VaeError> {
    options::hold(&args.data)?;
    let asked = &args.model;
    if asked.likelihood.is_some() || asked.classes.is_some() || asked.clusters.is_some() || args.method.buffer.is_some()
    {
        let words = "text has categories as its likelihood, a code of real latents with a standard normal prior, and is read \
                     at once: leave out --likelihood, --classes, --clusters and --buffer";
        return Err(VaeError::Options(words.into()));
    }
    let text = text::read(file)?;
    let (window, note) = match earlier {
        Some(Architecture { autoencoder, names: Names { text: Some(note), .. } }) => {
            (autoencoder.num_columns, note.clone())
        }
        _ => {
            let size = |n: Option<NonZeroUsize>, default: usize| n.map_or(default, NonZeroUsize::get);
            (size(args.data.window, 12), TextNote::of(&text))
        }
    };
    let rows = note.rows(&file.display().to_string(), &text, window)?;
    Ok((data::split(rows, args.method.test_share)?, note))
}

/// What the page of a run shows.
fn drawn(network: &TrainedAutoencoder, test: Test, (saved, report): (&Saved, &Report)) -> Result<Drawn, CommandError> {
    let (mut pictures, mut texts, mut charts) = (Vec::new(), Vec::new(), Vec::new());
    match &saved.architecture.names.text {
        Some(text) => texts = figures::texts(network, text, test).map_err(VaeError::from)?,
        None => {
            let grids = figures::grids(network, &saved.data, test, &report.measures).map_err(VaeError::from)?;
            for (_, title, tiles) in grids {
                match tiles.svg(title) {
                    Ok(svg) => pictures.push((title, svg)),
                    // Images so wide make no picture.
                    Err(PlotError::TooLarge { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    charts.extend(figures::latents(test, &report.measures).map(|figure| ("latents", figure)));
    if !saved.run.log.epochs.is_empty() {
        charts.push(("training", figures::training(saved)));
    }
    Ok(Drawn { pictures, texts, figures: charts })
}

/// Pictures and pages of a fit, as PNG and SVG or as text: an earlier run's would be of something else.
const PICTURES: [&str; 6] = ["interpolations", "latents", "reconstructions", "samples", "training", "traversals"];

/// Writes pictures and report.
fn write(
    mut folder: OutDir,
    network: &TrainedAutoencoder,
    test: Test,
    (saved, report): (&Saved, &Report),
    quiet: bool,
) -> Result<(), CommandError> {
    folder.instead_of(PICTURES.iter().flat_map(|name| ["png", "svg", "txt"].map(|end| format!("{name}.{end}"))));
    let mut pictures = Vec::new();
    if let Some(text) = &saved.architecture.names.text {
        for (name, text) in figures::texts(network, text, test).map_err(VaeError::from)? {
            folder.write(&format!("{name}.txt"), |out| out.write_all(text.as_bytes()))?;
        }
    } else {
        let grids = figures::grids(network, &saved.data, test, &report.measures).map_err(VaeError::from)?;
        for (name, title, tiles) in grids {
            pictures.push((name, tiles.png().and_then(|png| Ok((png, tiles.svg(title)?)))));
        }
    }
    if let Some(latents) = figures::latents(test, &report.measures) {
        pictures.push(("latents", latents.png().map(|png| (png, latents.svg()))));
    }
    if !saved.run.log.epochs.is_empty() {
        let training = figures::training(saved);
        pictures.push(("training", training.png().map(|png| (png, training.svg()))));
    }
    for (name, made) in pictures {
        match made {
            Ok((png, svg)) => {
                folder.write(&format!("{name}.png"), |out| out.write_all(&png))?;
                folder.write(&format!("{name}.svg"), |out| out.write_all(svg.as_bytes()))?;
            }
            // A picture of very wide images is not worth the rest of the results.
            Err(PlotError::TooLarge { .. }) => {
                let words = "is left out: images so wide make no picture; say their height and width with --shape";
                if !quiet {
                    let _ = writeln!(std::io::stderr(), "{name} {words}"); // a closed stream leaves nobody to tell
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    folder.write("report.json", |out| out.write_all(report.json().as_bytes()))?;
    saved.write_last(&mut folder)?;
    folder.commit()?;
    Ok(())
}

/// The kind of its saved fits.
pub(super) const KIND: &str = Checkpoint::KIND;

/// What there is to say of a saved run: its report where it has ended, and how far it has come elsewhere.
///
/// # Errors
/// When it contradicts itself.
pub(super) fn shown(saved: &SavedFit, json: bool) -> Result<(String, Exit), CommandError> {
    let run: Checkpoint = saved.body()?;
    let report = if saved.has_note() { Saved::of(saved)?.report } else { None };
    if let Some(report) = report {
        return Ok((if json { report.json() } else { report.text() }, report.exit()));
    }
    let Autoencoder { num_columns, num_latents, .. } = run.autoencoder;
    let (epochs, step) = (run.log.epochs.len(), run.state.step());
    let objective = run.log.epochs.last().map(|epoch| epoch.objective);
    let text = if json {
        let found = serde_json::json!({ "columns": num_columns, "latents": num_latents, "epochs": epochs, "steps": step,
            "objective": objective });
        format!("{found:#}\n")
    } else {
        let reached = objective.map_or(String::new(), |nats| format!(", objective {nats:.3} nats a row"));
        format!(
            "an autoencoder of {num_columns} columns and {num_latents} latents in training\n{epochs} epochs, {step} \
                 steps{reached}; nothing has been measured yet\n"
        )
    };
    Ok((text, Exit::NotTrusted))
}
