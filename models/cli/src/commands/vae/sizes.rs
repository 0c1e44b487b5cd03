//! How large networks and their rows become, counted before any of it is made.

use super::architecture::Architecture;
use super::error::VaeError;
use super::settings::Settings;
use crate::cli::number::grouped;
use crate::cli::vae_args::VaeEstimator;
use jensen::amortised::autoencoder::Autoencoder;

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
        let total = self.autoencoder.num_weights();
        if total <= MOST_WEIGHTS {
            return Ok(());
        }
        let smaller = match self.autoencoder.levels() {
            _ if self.is_of_text() => "--states, --hidden, --window or --latent",
            1.. => "--hidden or --latent, or images of fewer pixels or categories",
            0 => "--hidden or --latent, or images of fewer pixels",
        };
        Err(VaeError::Options(format!(
            "networks of {} weights are too large, {} is the most; give smaller {smaller}",
            grouped(total as u64),
            grouped(MOST_WEIGHTS as u64)
        )))
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
        let what = match (&self.names.text, self.autoencoder.levels()) {
            (Some(_), _) => "windows of text, a zero or one for each character that a place may hold",
            (None, 0) => "images",
            (None, _) => "images, a zero or one for each category of each pixel",
        };
        let remedy = match (&self.names.text, self.autoencoder.given > 1000) {
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
        let (latents, most) = (self.autoencoder.num_latents.max(1), grouped(MOST_DRAWN as u64));
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
        let copies = if self.is_of_text() { 2 } else { 1 };
        let Autoencoder { num_columns, given, .. } = self.autoencoder;
        let read = num_columns.saturating_mul(self.autoencoder.levels().max(1)).saturating_add(given);
        read.saturating_mul(copies).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::architecture::Names;
    use super::super::text::TextNote;
    use super::*;
    use jensen::layers::Likelihood;

    fn of(likelihood: Likelihood) -> Architecture {
        let autoencoder = Autoencoder::new(6, 2, &[5, 4], likelihood);
        Architecture { autoencoder, names: Names::default() }
    }

    #[test]
    fn what_cannot_be_held_is_refused_with_what_to_make_smaller() {
        let mut of_text = of(Likelihood::Categorical { levels: 4 });
        of_text.autoencoder = of_text.autoencoder.recurrent(10_000);
        of_text.names.text = Some(TextNote { characters: vec!['a', 'b', 'c'] });
        let said = of_text.check().unwrap_err().to_string();
        // Three gates of 10,000 x 10,000, and little beside them.
        assert!(said.starts_with("networks of 300,") && said.contains("smaller --states"), "{said}");
        let mut wide = of(Likelihood::Bernoulli);
        wide.autoencoder.hidden = vec![usize::MAX];
        assert!(wide.check().unwrap_err().to_string().contains("smaller --hidden"));
        let plain = of(Likelihood::Bernoulli);
        assert!(plain.check().is_ok() && plain.check_rows(1_000_000).is_ok());
        let categories = of(Likelihood::Categorical { levels: 256 });
        let said = categories.check_rows(1_000_000).unwrap_err().to_string();
        assert!(said.contains("are 1,536,000,000 numbers") && said.contains("--buffer"), "{said}");
        assert!(categories.most_rows() < 1_000_000 && categories.check_rows(categories.most_rows()).is_ok());
    }
}
