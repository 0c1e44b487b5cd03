//! How large networks and their rows become, counted before any of it is made.

use super::architecture::Architecture;
use super::error::VaeError;
use super::settings::Settings;
use crate::cli::number::grouped;
use crate::cli::vae_args::VaeEstimator;

/// Weights at most: training keeps some hundred bytes for each.
const MOST_WEIGHTS: usize = 50_000_000;
/// Numbers of rows at most, 4 GB.
const MOST_NUMBERS: usize = 500_000_000;
/// Numbers of draws at most, 400 MB.
const MOST_DRAWN: usize = 50_000_000;

impl Architecture {
    /// Checks that the networks can be held.
    ///
    /// # Errors
    /// When they have more than 50,000,000 weights.
    pub fn check(&self) -> Result<(), VaeError> {
        let total = self.num_weights();
        if total <= MOST_WEIGHTS {
            return Ok(());
        }
        let smaller = match self.text {
            Some(_) => "--states, --hidden, --window or --latent",
            None if self.levels > 0 => "--hidden or --latent, or images of fewer pixels or categories",
            None => "--hidden or --latent, or images of fewer pixels",
        };
        Err(VaeError::Options(format!(
            "networks of {} weights are too large, {} is the most; give smaller {smaller}",
            grouped(total as u64),
            grouped(MOST_WEIGHTS as u64)
        )))
    }

    /// Weights of both networks; as many as can be counted where they are more.
    fn num_weights(&self) -> usize {
        let outputs = self.num_pixels.saturating_mul(self.levels.max(1));
        let inputs = outputs.saturating_add(self.num_given());
        let hidden = &self.hidden[..];
        let mut total = dense(inputs, hidden, self.num_latents.saturating_mul(2));
        if self.classes > 0 {
            // The class has a network of its own.
            total = total.saturating_add(dense(inputs, hidden, self.classes));
        }
        let decoder = match &self.text {
            Some(note) => {
                let states = note.states;
                // A cell has three gates of the character before and of the state.
                let gate = dense(self.levels, &[], states).saturating_add(dense(states, &[], states));
                let ends = dense(self.num_latents, &[], states).saturating_add(dense(states, &[], self.levels));
                gate.saturating_mul(3).saturating_add(ends)
            }
            None => dense(outputs, hidden, self.code_len()),
        };
        let of_cluster = self.num_latents.saturating_mul(2).saturating_add(1);
        total.saturating_add(decoder).saturating_add(self.clusters.saturating_mul(of_cluster))
    }

    /// Checks that `num_rows` rows can be held as the networks read them.
    ///
    /// # Errors
    /// When they are more than 500,000,000 numbers.
    pub fn check_rows(&self, num_rows: usize) -> Result<(), VaeError> {
        let (read, numbers) = (self.num_read(), num_rows.saturating_mul(self.num_read()));
        if numbers <= MOST_NUMBERS {
            return Ok(());
        }
        let what = match (&self.text, self.levels) {
            (Some(_), _) => "windows of text, a zero or one for each character that a place may hold",
            (None, 0) => "images",
            (None, _) => "images, a zero or one for each category of each pixel",
        };
        let remedy = match (&self.text, self.num_given() > 1000) {
            (Some(_), _) => "give a part of the text",
            (None, true) => "--condition names a column of very many classes: give one of fewer",
            (None, false) => {
                "hold fewer at a time with --buffer (of a CSV or IDX file) and a smaller --test-share, or give fewer"
            }
        };
        Err(VaeError::Options(format!(
            "{} {what}, are {} numbers, and {} can be held; {remedy}",
            grouped(num_rows as u64),
            grouped(num_rows.saturating_mul(read) as u64),
            grouped(MOST_NUMBERS as u64)
        )))
    }

    /// Checks that the draws of a step and those of log p(x), `score_draws` of a row, can be held.
    ///
    /// # Errors
    /// When they are more than 50,000,000 numbers.
    pub fn check_draws(&self, settings: &Settings, num_train: usize, score_draws: usize) -> Result<(), VaeError> {
        let (latents, most) = (self.num_latents.max(1), grouped(MOST_DRAWN as u64));
        let draws = if settings.estimator == VaeEstimator::Iwae { settings.importance } else { 1 };
        let batch = settings.batch.min(num_train);
        if batch.saturating_mul(draws).saturating_mul(latents) > MOST_DRAWN {
            return Err(VaeError::Options(format!(
                "steps of {batch} rows with {draws} draws of {latents} latents are more than the {most} numbers that can be \
                 held; give a smaller --batch, --importance or --latent"
            )));
        }
        if score_draws.saturating_mul(latents) > MOST_DRAWN {
            return Err(VaeError::Options(format!(
                "{score_draws} draws of {latents} latents are more than the {most} numbers that can be held; give \
                 --score-draws {} or less",
                MOST_DRAWN / latents
            )));
        }
        Ok(())
    }

    /// Rows that may be held at a time.
    pub fn most_rows(&self) -> usize {
        (MOST_NUMBERS / self.num_read()).max(1)
    }

    /// Numbers that a row is kept as.
    fn num_read(&self) -> usize {
        let copies = if self.text.is_some() { 2 } else { 1 };
        let read = self.num_pixels.saturating_mul(self.levels.max(1)).saturating_add(self.num_given());
        read.saturating_mul(copies).max(1)
    }
}

/// Weights and biases of dense layers of these sizes, the hidden ones in the middle.
fn dense(from: usize, hidden: &[usize], to: usize) -> usize {
    let sizes = [&[from], hidden, &[to]].concat();
    let layer = |pair: &[usize]| pair[0].saturating_add(1).saturating_mul(pair[1]);
    sizes.windows(2).map(layer).fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::vae_args::PixelLikelihood;
    use crate::commands::vae::text::TextNote;

    fn plain() -> Architecture {
        Architecture::plain(6, 2, &[5, 4])
    }

    /// Against the networks themselves: no weight less than they have, and few more.
    #[test]
    fn weights_are_counted_as_they_are() {
        let text = TextNote { characters: vec!['a', 'b', 'c'], states: 7 };
        let categorical = PixelLikelihood::Categorical;
        for architecture in [
            plain(),
            Architecture { hidden: vec![], ..plain() },
            Architecture { classes: 3, ..plain() },
            Architecture { clusters: 3, ..plain() },
            Architecture { likelihood: categorical, levels: 3, ..plain() },
            Architecture { likelihood: categorical, levels: 4, text: Some(text), ..plain() },
        ] {
            let (encoder, decoder) = architecture.autoencoder().num_parameters().unwrap();
            let found = encoder + decoder;
            let counted = architecture.num_weights();
            // The decoder's biases are counted from its other end.
            assert!(counted.abs_diff(found) <= 20, "{}: {counted} for {found}", architecture.words());
        }
    }

    #[test]
    fn what_cannot_be_held_is_refused_with_what_to_make_smaller() {
        let text = TextNote { characters: vec!['a', 'b', 'c'], states: 10_000 };
        let of_text = Architecture { levels: 4, text: Some(text), ..plain() };
        let said = of_text.check().unwrap_err().to_string();
        // Three gates of 10,000 x 10,000, and little beside them.
        assert!(said.starts_with("networks of 300,") && said.contains("smaller --states"), "{said}");
        let wide = Architecture { hidden: vec![usize::MAX], ..plain() };
        assert!(wide.check().unwrap_err().to_string().contains("smaller --hidden"));
        assert!(plain().check().is_ok() && plain().check_rows(1_000_000).is_ok());
        let categories = Architecture { levels: 256, ..plain() };
        let said = categories.check_rows(1_000_000).unwrap_err().to_string();
        assert!(said.contains("are 1,536,000,000 numbers") && said.contains("--buffer"), "{said}");
        assert!(categories.most_rows() < 1_000_000 && categories.check_rows(categories.most_rows()).is_ok());
    }
}
