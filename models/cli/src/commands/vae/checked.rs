//! What a checkpoint must be before it is believed: its file may have been cut, edited or mixed with another.

use super::architecture::Architecture;
use super::saved::{DataNote, Saved};
use super::settings::Settings;
use crate::cli::vae_args::PixelLikelihood;
use jensen::amortised::autoencoder::Log;

impl Saved {
    /// Checks the parts against each other.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let Saved { architecture, settings, data, log, state, good, .. } = self;
        sizes(architecture)?;
        parts(architecture)?;
        numbers(settings)?;
        of_data(architecture, data)?;
        epochs(settings, data, log, state.step())?;
        let finite = |x: &[f64]| x.iter().all(|x| x.is_finite());
        let all = std::iter::once(state).chain(good);
        if all.into_iter().all(|s| finite(s.params()) && finite(s.theta())) {
            Ok(())
        } else {
            Err("numbers of the networks that are not finite".into())
        }
    }
}

fn sizes(architecture: &Architecture) -> Result<(), String> {
    let Architecture { num_pixels, num_latents, hidden, levels, .. } = architecture;
    let sizes = [&[*num_pixels, architecture.code_len()], &hidden[..]].concat();
    let wrong = sizes.iter().any(|n| *n == 0 || *n > 1 << 24) || *levels > 256 || *num_latents > 1 << 24;
    if wrong { Err(format!("networks of the sizes {}", architecture.words())) } else { Ok(()) }
}

/// Parts of the networks that go together.
fn parts(architecture: &Architecture) -> Result<(), String> {
    let Architecture { likelihood, levels, classes, clusters, given, text, num_latents, .. } = architecture;
    let is_categorical = *likelihood == PixelLikelihood::Categorical;
    let right = match text {
        Some(note) => {
            let plain = *classes == 0 && *clusters == 0 && given.is_none() && *num_latents > 0;
            plain && is_categorical && *levels == note.levels() && !note.characters.is_empty() && note.states > 0
        }
        None => is_categorical == (*levels > 0),
    };
    let sorts = *classes != 1 && (*classes == 0 || *clusters == 0) && (*clusters == 0 || *num_latents > 0);
    let given = given.as_ref().is_none_or(|g| !g.classes.is_empty());
    if right && sorts && given {
        Ok(())
    } else {
        Err(format!("parts that do not go together: {}", architecture.words()))
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
    let fits = data.shape.is_none_or(|(h, w)| h.checked_mul(w) == Some(architecture.num_pixels));
    if fits && data.num_train > 0 {
        Ok(())
    } else {
        Err(format!(
            "{} training images of the shape {:?} for networks of {} pixels",
            data.num_train, data.shape, architecture.num_pixels
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
