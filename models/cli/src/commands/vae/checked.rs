//! Checks of the note of a checkpoint before it is believed: its file may have been edited.

use super::architecture::Architecture;
use super::saved::{DataNote, Saved};
use super::settings::Settings;
use jensen::amortised::autoencoder::Log;

impl Saved {
    /// Checks the parts against each other.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let Saved { architecture, settings, data, run, .. } = self;
        architecture.check_names()?;
        numbers(settings)?;
        of_data(architecture, data)?;
        epochs(settings, data, &run.log, run.state.step())
    }
}

fn numbers(settings: &Settings) -> Result<(), String> {
    let Settings { batch, beta, anneal_epochs, free_nats, importance, learning_rate, buffer, .. } = settings;
    let weight = |x: f64| x.is_finite() && x >= 0.0;
    let counts = [*batch, *anneal_epochs, *importance, buffer.unwrap_or(1)];
    let counted = counts.iter().all(|n| (1..=1 << 32).contains(n));
    let right = counted && weight(*beta) && weight(*free_nats) && weight(*learning_rate) && *learning_rate > 0.0;
    if right { Ok(()) } else { Err(format!("settings out of range: {}", settings.words())) }
}

fn of_data(architecture: &Architecture, data: &DataNote) -> Result<(), String> {
    let fits = data.shape.is_none_or(|(h, w)| h.checked_mul(w) == Some(architecture.autoencoder.num_columns));
    let range = data.range.0.is_finite() && data.range.1.is_finite() && data.threshold.is_none_or(f64::is_finite);
    if fits && range && data.num_train > 0 {
        Ok(())
    } else {
        Err(format!(
            "{} training images of the shape {:?} for networks of {} pixels",
            data.num_train, data.shape, architecture.autoencoder.num_columns
        ))
    }
}

/// The log has an epoch for every pass that the state has made.
fn epochs(settings: &Settings, data: &DataNote, log: &Log, step: u64) -> Result<(), String> {
    let per_epoch = data.num_train.div_ceil(settings.batch.min(data.num_train)) as u64;
    let passes = step / per_epoch;
    if passes == log.epochs.len() as u64 && log.halvings <= log.rollbacks {
        Ok(())
    } else {
        Err(format!("{} epochs in the log and {passes} in the state", log.epochs.len()))
    }
}
