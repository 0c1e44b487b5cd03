//! From a run and what was measured of it to a report, and what speaks against it.

use super::report::{Bits, Report};
use super::saved::Saved;
use jensen::amortised::autoencoder::{Ended, Fault, Mean, Measures};

/// Nats between all codes and their prior from which it is said. One draw a row finds about one where there is none.
const APART: f64 = 2.0;

impl Saved {
    /// The report of a run that ended so, in this time and at this many images a second; `counted` are the bits a character
    /// by counts.
    pub fn report(
        &self,
        measures: Measures,
        ended: Ended,
        (seconds, images_per_second): (f64, Option<f64>),
        counted: Option<f64>,
    ) -> Report {
        let bits = 1.0 / (self.architecture.autoencoder.num_columns as f64 * std::f64::consts::LN_2);
        let Mean { mean, se } = measures.test.bound;
        let by_bound = Mean { mean: -bits * mean, se: bits * se };
        let (reasons, notes) = self.judged(&measures, ended);
        Report {
            data: self.data.file.clone(),
            row: if self.architecture.is_of_text() { "window".into() } else { "image".into() },
            num_train: self.data.num_train,
            num_test: self.data.num_test,
            networks: self.architecture.words(),
            method: self.settings.words(),
            epochs: self.run.log.epochs.len(),
            rollbacks: self.run.log.rollbacks,
            images_per_second,
            active_units: measures.num_active(),
            bits: counted.map(|by_counts| Bits { by_bound, by_counts }),
            measures,
            reasons,
            notes,
            seconds,
        }
    }

    /// What speaks against the autoencoder, with the next step, and what else to know.
    fn judged(&self, measures: &Measures, ended: Ended) -> (Vec<String>, Vec<String>) {
        let remedy = "try a smaller --beta, --anneal linear, --free-bits 0.1, more --epochs, or fewer --latent";
        let words = |fault: Fault| match fault {
            Fault::Interrupted { epochs } => format!("interrupted after {epochs} epochs; go on with --resume"),
            Fault::Short { .. } | Fault::Rising { .. } => format!("{fault}; train for more --epochs"),
            Fault::BelowBaseline { .. } => {
                format!("{fault}; train for more --epochs, or take smaller --hidden where rows are few")
            }
            Fault::NotFinite => "the test bound is not finite; try a smaller --learning-rate".to_string(),
            Fault::Collapse { unused, all } => {
                format!("posterior collapse: {unused} of {all} latents say nothing about the image; {remedy}")
            }
            other => other.to_string(),
        };
        let faults = measures.faults(ended, &self.run.log);
        let (active, all) = (measures.num_active(), measures.num_units());
        let mut notes = Vec::new();
        if active < all && !faults.iter().any(|fault| matches!(fault, Fault::Collapse { .. })) {
            notes.push(format!("{} of {all} latents are not in use", all - active));
        }
        if let Some(nats) = measures.aggregate_kl().filter(|nats| *nats > APART) {
            notes.push(format!(
                "the codes of all rows together are {nats:.1} nats from their prior: draws of the prior lie where few rows do"
            ));
        }
        let (train, test) = (measures.train.bound, measures.test.bound);
        if train.mean - test.mean > 0.1 * train.mean.abs() + 4.0 * train.se.hypot(test.se) {
            notes.push(
                "the test bound is far below the training bound: fewer --epochs or smaller --hidden may do better"
                    .into(),
            );
        }
        if self.run.log.rollbacks > 0 {
            notes.push(format!(
                "{} times the bound or its gradient was not finite; training went back and ended with a step size of {:.1e}",
                self.run.log.rollbacks,
                self.settings.learning_rate * 0.5f64.powi(self.run.log.halvings as i32)
            ));
        }
        (faults.into_iter().map(words).collect(), notes)
    }
}
