//! Whether a trained autoencoder may be used.

use super::baseline::BaselineModel;
use super::log::{Epoch, Log};
use super::measure::Measures;
use super::training::Ended;
use crate::diagnose::verdict::{Finding, Trust, Verdict};
use crate::numerics::mean_and_standard_error;
use std::fmt;

/// Epochs from which a course can be told from a rise: four windows of two.
const LEAST_EPOCHS: usize = 8;

/// Share of all that training has gained beyond which the gain of its last quarter is still a rise.
///
/// Where a bound goes on like `1 / epochs`, the last quarter gains about half of what is left.
const STILL_RISES: f64 = 0.02;

/// Why an autoencoder is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Training was interrupted.
    Interrupted {
        /// Epochs that are done.
        epochs: usize,
    },
    /// The bound of the test rows is not finite.
    NotFinite,
    /// Too few epochs to know whether the bound has levelled off.
    Short {
        /// Epochs that are done.
        epochs: usize,
    },
    /// The bound of the training rows still rises.
    Rising {
        /// What the last quarter of the epochs is above the quarter before it, in nats a row.
        gain: f64,
        /// What all of training has gained since its first epoch, in nats a row.
        of: f64,
    },
    /// A model without a network gives the test rows a higher density.
    BelowBaseline {
        /// The model.
        model: BaselineModel,
        /// Its mean log density of a test row.
        log_p: f64,
        /// The best that is known of the autoencoder's.
        own: f64,
    },
    /// More than half of the latents say nothing about the row.
    Collapse {
        /// Latents that are not in use, the class included.
        unused: usize,
        /// All of them.
        all: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Interrupted { epochs } => write!(f, "training was interrupted after {epochs} epochs"),
            Fault::NotFinite => f.write_str("the bound of the test rows is not finite"),
            Fault::Short { epochs } => write!(
                f,
                "{epochs} epoch{} are too few to know whether the bound has levelled off; it takes {LEAST_EPOCHS}",
                if *epochs == 1 { "" } else { "s" }
            ),
            Fault::Rising { gain, of } => write!(
                f,
                "the bound still rises: by {gain:.3} nats a row in the last quarter of the epochs, of {of:.2} since the first"
            ),
            Fault::BelowBaseline { model, log_p, own } => {
                write!(f, "{model} give the test rows {log_p:.2} nats a row, the autoencoder {own:.2}")
            }
            Fault::Collapse { unused, all } => {
                write!(f, "posterior collapse: {unused} of {all} latents say nothing about the row")
            }
        }
    }
}

impl Log {
    /// Whether the bound still rises, or has had too few epochs to tell.
    ///
    /// The means of the last two quarters of the epochs are compared. A gain counts beyond two of its standard errors and
    /// beyond a fiftieth of what all of training has gained.
    pub fn rises(&self) -> Option<Fault> {
        let epochs = self.epochs.len();
        if epochs < LEAST_EPOCHS {
            return Some(Fault::Short { epochs });
        }
        // Weights of the KL may change along a schedule: the bound itself, where both its parts are known.
        let bound = |epoch: &Epoch| match (epoch.data, epoch.kl) {
            (Some(data), Some(kl)) => data - kl,
            _ => epoch.objective,
        };
        let bounds: Vec<f64> = self.epochs.iter().map(bound).collect();
        let window = epochs / 4;
        let (before, last) = bounds[epochs - 2 * window..].split_at(window);
        let ((before, se_before), (last, se_last)) = (mean_and_standard_error(before), mean_and_standard_error(last));
        let (gain, of) = (last - before, last - bounds[0]);
        let rises = gain > 2.0 * se_before.hypot(se_last) && gain > STILL_RISES * of;
        rises.then_some(Fault::Rising { gain, of })
    }
}

impl Measures {
    /// What speaks against the autoencoder, given how its training ended and its course.
    pub fn faults(&self, ended: Ended, log: &Log) -> Vec<Fault> {
        let (active, all) = (self.num_active(), self.num_units());
        let interrupted = (ended == Ended::Interrupted).then_some(Fault::Interrupted { epochs: log.epochs.len() });
        let not_finite = (!self.test.bound.mean.is_finite()).then_some(Fault::NotFinite);
        let collapse = (2 * active < all).then_some(Fault::Collapse { unused: all - active, all });
        let rises = if interrupted.is_some() { None } else { log.rises() };
        interrupted.into_iter().chain(not_finite).chain(rises).chain(self.below_baseline()).chain(collapse).collect()
    }

    /// The best model without a network, where the autoencoder is below it by more than two standard errors.
    fn below_baseline(&self) -> Option<Fault> {
        let known = std::iter::once(self.test.bound).chain(self.log_p.map(|p| p.mean));
        let own = known.max_by(|a, b| a.mean.total_cmp(&b.mean))?;
        let best = self.baselines.iter().max_by(|a, b| a.log_p.mean.total_cmp(&b.log_p.mean))?;
        let error = own.se.hypot(best.log_p.se);
        let below = best.log_p.mean - own.mean > 2.0 * error;
        below.then_some(Fault::BelowBaseline { model: best.model, log_p: best.log_p.mean, own: own.mean })
    }

    /// The verdict: an autoencoder is trusted where nothing speaks against it.
    pub fn verdict(&self, ended: Ended, log: &Log) -> Verdict {
        let faults = self.faults(ended, log);
        if faults.is_empty() {
            let (active, all, test) = (self.num_active(), self.num_units(), self.test.bound);
            let reason = format!(
                "training went through {} epochs and the bound has levelled off, {active} of {all} latents are in use, and \
                 the bound of the test rows is {:.3} nats a row (standard error {:.3})",
                log.epochs.len(),
                test.mean,
                test.se
            );
            return Verdict::from_findings(vec![Finding::new(Trust::Trust, reason, "")]);
        }
        let finding = |fault: &Fault| {
            let advice = match fault {
                Fault::Interrupted { .. } => "go on from the checkpoint",
                Fault::NotFinite => "take a smaller step size",
                Fault::Short { .. } | Fault::Rising { .. } => "train for more epochs, or take a larger step size",
                Fault::BelowBaseline { .. } => {
                    "train longer, take smaller networks where rows are few, and for real numbers have the networks work in \
                     the units of the data"
                }
                Fault::Collapse { .. } => {
                    "give the KL less weight (beta, annealing, free nats), train longer, or take fewer latents"
                }
            };
            Finding::new(Trust::DoNotTrust, fault.to_string(), advice)
        };
        Verdict::from_findings(faults.iter().map(finding).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(bound: impl Fn(f64) -> f64, epochs: usize) -> Log {
        let epoch = |k: usize| Epoch { objective: bound(k as f64 + 1.0), data: None, kl: None };
        Log { epochs: (0..epochs).map(epoch).collect(), ..Log::default() }
    }

    #[test]
    fn a_rise_is_told_from_a_level_and_from_noise() {
        let wave = |k: f64| if (k as u64).is_multiple_of(2) { 0.3 } else { -0.3 };
        assert!(matches!(log(|k| k, 7).rises(), Some(Fault::Short { epochs: 7 })));
        assert!(matches!(log(|k| -100.0 + k, 40).rises(), Some(Fault::Rising { .. })));
        assert!(matches!(log(|k| -20.0 - 20.0 * (-k / 30.0).exp(), 40).rises(), Some(Fault::Rising { .. })));
        assert_eq!(log(|k| -20.0 - 20.0 * (-k / 5.0).exp(), 40).rises(), None);
        assert_eq!(log(|k| -20.0 - 20.0 * (-k / 5.0).exp() + wave(k), 40).rises(), None);
        // The same in other units.
        assert!(matches!(log(|k| 1e3 * (-20.0 - 20.0 * (-k / 30.0).exp()), 40).rises(), Some(Fault::Rising { .. })));
    }
}
