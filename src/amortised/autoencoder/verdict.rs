//! Whether a trained autoencoder may be used.

use super::measure::Measures;
use super::training::Ended;
use crate::diagnose::verdict::{Finding, Trust, Verdict};
use std::fmt;

/// Why an autoencoder is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Training was interrupted.
    Interrupted {
        /// Epochs that are done.
        epochs: usize,
    },
    /// The bound of the test rows is not finite.
    NotFinite,
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
            Fault::Collapse { unused, all } => {
                write!(f, "posterior collapse: {unused} of {all} latents say nothing about the row")
            }
        }
    }
}

impl Measures {
    /// What speaks against the autoencoder, given how its training ended and after how many epochs.
    pub fn faults(&self, ended: Ended, epochs: usize) -> Vec<Fault> {
        let (active, all) = (self.num_active(), self.num_units());
        let found = [
            (ended == Ended::Interrupted, Fault::Interrupted { epochs }),
            (!self.test.bound.mean.is_finite(), Fault::NotFinite),
            (2 * active < all, Fault::Collapse { unused: all - active, all }),
        ];
        found.into_iter().filter_map(|(holds, fault)| holds.then_some(fault)).collect()
    }

    /// The verdict: an autoencoder is trusted where nothing speaks against it.
    pub fn verdict(&self, ended: Ended, epochs: usize) -> Verdict {
        let faults = self.faults(ended, epochs);
        if faults.is_empty() {
            let (active, all, test) = (self.num_active(), self.num_units(), self.test.bound);
            let reason = format!(
                "training went through {epochs} epochs, {active} of {all} latents are in use, and the bound of the test rows is \
                 {:.3} nats a row (standard error {:.3})",
                test.mean, test.se
            );
            return Verdict::from_findings(vec![Finding::new(Trust::Trust, reason, "")]);
        }
        let finding = |fault: &Fault| {
            let advice = match fault {
                Fault::Interrupted { .. } => "go on from the checkpoint",
                Fault::NotFinite => "take a smaller step size",
                Fault::Collapse { .. } => {
                    "give the KL less weight (beta, annealing, free nats), train longer, or take fewer latents"
                }
            };
            Finding::new(Trust::DoNotTrust, fault.to_string(), advice)
        };
        Verdict::from_findings(faults.iter().map(finding).collect())
    }
}
