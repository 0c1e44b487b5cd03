//! Training on the command line: what it starts from, what is shown, and what is saved when.

use super::architecture::Architecture;
use super::data::Data;
use super::error::VaeError;
use super::saved::{DataNote, Saved};
use super::settings::{Settings, engine};
use crate::cli::number::{grouped, significant};
use crate::cli::progress::{Mode, Progress};
use crate::cli::vae_args::VaeArgs;
use crate::commands::error::CommandError;
use crate::commands::interrupt;
use jensen::amortised::autoencoder::{AutoencoderError, Checkpoint, Ended, Moment, Training};
use jensen::export::OutDir;
use std::ops::ControlFlow;
use std::time::Instant;

/// What a run starts from.
pub(super) struct Plan {
    pub data: Data,
    pub architecture: Architecture,
    pub settings: Settings,
    pub note: DataNote,
    pub earlier: Option<Saved>,
}

impl Plan {
    /// What is kept of the run.
    fn saved(&self, run: Checkpoint) -> Saved {
        let Plan { architecture, settings, note, .. } = self;
        Saved { run, architecture: architecture.clone(), settings: settings.clone(), data: note.clone(), report: None }
    }
}

/// Trains; the run, how it ended, and images a second.
pub(super) fn train(
    args: &VaeArgs,
    plan: &Plan,
    folder: Option<&OutDir>,
) -> Result<(Saved, Ended, Option<f64>), CommandError> {
    let Plan { architecture, settings, note, .. } = plan;
    let per_epoch = note.num_train.div_ceil(settings.batch.min(note.num_train)) as u64;
    let earlier = plan.earlier.as_ref().map(|saved| {
        let mut run = saved.run.clone();
        // A step size that is given anew is meant as it stands.
        if args.method.learning_rate.is_some() {
            run.log.halvings = 0;
        }
        run
    });
    let how = settings.training(per_epoch, engine(args.method.threads));
    let training = Training::new(&architecture.autoencoder, plan.data.source(), how, earlier);
    let mut training = training.map_err(VaeError::from)?;
    let epochs = args.method.epochs.get();
    let mut progress = Progress::start(Mode::for_stderr(args.output.quiet), "vae", Some(epochs as u64 * per_epoch))
        .stop_on(interrupt::flag());
    let (started, first) = (Instant::now(), training.step());
    // None where steps were taken back beyond the first.
    let num_rows =
        |training: &Training| training.step().saturating_sub(first) as f64 / per_epoch as f64 * note.num_train as f64;
    let row = if architecture.is_of_text() { "window" } else { "image" };
    let mut unsaved = None;
    let ended = training.run(epochs, &mut |moment, training| match (moment, folder) {
        (Moment::Step, _) => progress.update_doing(training.step(), || {
            let speed = num_rows(training) / started.elapsed().as_secs_f64().max(1e-9);
            doing(training, speed, row)
        }),
        (Moment::RolledBack, _) => {
            progress.message(&rolled_back(training));
            ControlFlow::Continue(())
        }
        (Moment::Checkpoint, Some(folder)) => {
            unsaved = plan.saved(training.checkpoint()).write(folder.path()).err();
            if unsaved.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
        _ => ControlFlow::Continue(()),
    });
    progress.clear();
    if let Some(error) = unsaved {
        return Err(error.into());
    }
    let ended = ended.map_err(|error| given_up(error, folder.is_some()))?;
    let speed = (training.step() > first).then(|| num_rows(&training) / started.elapsed().as_secs_f64());
    Ok((plan.saved(training.checkpoint()), ended, speed))
}

/// What training does, in words.
fn doing(training: &Training, speed: f64, row: &str) -> String {
    let (epoch, terms) = training.under_way();
    let parts = match (terms.data, terms.kl) {
        (Some(data), Some(kl)) => format!(" (data {}, KL {})", significant(data, 4), significant(kl, 3)),
        _ => String::new(),
    };
    let objective = significant(terms.objective, 5);
    format!("epoch {epoch}, objective {objective}{parts}, {} {row}s/s", grouped(speed as u64))
}

fn rolled_back(training: &Training) -> String {
    let epoch = training.log().epochs.len();
    format!(
        "epoch {}: the bound or its gradient is not finite; back to the end of epoch {epoch} with a step size of {:.1e}",
        epoch + 1,
        training.rate()
    )
}

/// What is said when training gives up; `kept` is whether the last good state is saved.
fn given_up(error: AutoencoderError, kept: bool) -> VaeError {
    let AutoencoderError::NotFinite { epoch, times, rate } = error else { return error.into() };
    let kept = if kept {
        "the last good state is saved: go on with --resume and a smaller --learning-rate"
    } else {
        "nothing is kept without --out; try a smaller --learning-rate"
    };
    VaeError::NotFinite { epoch, times, rate, kept: kept.to_string() }
}
