//! Whether a mixture is trusted: why not, what to do, and what else to know.

use super::fit::Request;
use jensen::mixture::{MixtureFitted, TriedStart};
use serde::{Deserialize, Serialize};

/// Labels of two fits agree where their adjusted Rand index is at least this.
const AGREED: f64 = 0.9;
/// A bound nearer to the best, in nats, is as good.
const NEAR: f64 = 1.0;
/// Further below than this share of the best bound, and [`NEAR`], starts have not found the same.
const FAR: f64 = 0.005;

/// What to make of a fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Why it is not trusted, with the next step; empty where it is.
    pub reasons: Vec<String>,
    /// What else to know.
    pub notes: Vec<String>,
}

impl Judged {
    /// Judges the chosen one of `fits`, which `request` asked for.
    pub fn new(request: &Request, fits: &[MixtureFitted], chosen: &MixtureFitted) -> Self {
        let mut judged = Judged { reasons: disagreement(&chosen.starts).into_iter().collect(), notes: Vec::new() };
        if !chosen.stop.has_converged() {
            let steps = request.steps.map_or("--steps 10000".to_string(), |n| format!("--steps {}", 5 * n));
            judged.reasons.push(format!("the bound was still rising at the last step; try {steps}"));
        }
        let asked = request.k.clone().count();
        if fits.len() < asked {
            judged.reasons.push(format!("interrupted after {} of {asked} numbers of components", fits.len()));
        } else if request.batch.is_some() && chosen.starts.len() < request.restarts {
            judged.reasons.push(format!("interrupted after {} of {} starts", chosen.starts.len(), request.restarts));
        }
        // Convergence is said above, with a remedy.
        judged.notes.extend(chosen.notes.iter().filter(|n| !n.contains("still rising")).cloned());
        let (k, used) = (chosen.num_components(), chosen.occupied_components());
        let most = request.distinct.min(2 * k);
        if used == k && most == k {
            judged.notes.push(format!("there are no more than {k} distinct rows, so no more components to try"));
        } else if request.process.is_some() && used == k {
            judged.notes.push(format!("all {k} components offered are in use; offer more with --k {most}"));
        } else if fits.len() > 1 && k == *request.k.end() && used == k {
            let more = format!("--k {}..{most}", request.k.start());
            judged.notes.push(format!("the largest number of components has the largest bound; try {more}"));
        }
        if used < k {
            let are = if k - used == 1 { "is" } else { "are" };
            judged.notes.push(format!("{} of {k} components {are} empty and left out of the table", k - used));
        }
        judged
    }
}

/// Why starts that ended in different components are a reason for doubt, or nothing.
fn disagreement(starts: &[TriedStart]) -> Option<String> {
    let best = starts.iter().map(|s| s.bound).fold(f64::NEG_INFINITY, f64::max);
    // The same labels with a bound far below are another fit of the same groups: of their spreads, say.
    let is_near = |s: &&TriedStart| s.bound > best - NEAR - FAR * best.abs();
    let agreed = starts.iter().filter(|s| s.agreement >= AGREED).filter(is_near).count();
    let rival = starts.iter().filter(|s| s.agreement < AGREED && s.bound > best - NEAR);
    if let Some(rival) = rival.min_by(|a, b| a.agreement.total_cmp(&b.agreement)) {
        return Some(format!(
            "a restart came within {:.2} nats of the best bound with other labels (adjusted Rand index {:.2}), so the \
             data do not settle the components; try fewer with --k, or a simpler --covariance",
            best - rival.bound,
            rival.agreement
        ));
    }
    (2 * agreed <= starts.len() && starts.len() > 1).then(|| {
        format!(
            "only {agreed} of {} restarts found these components, so better ones may have been missed; try --restarts {}",
            starts.len(),
            4 * starts.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(bound: f64, agreement: f64) -> TriedStart {
        TriedStart::new(bound, agreement)
    }

    #[test]
    fn starts_that_agree_are_no_reason_and_others_are() {
        assert_eq!(disagreement(&[start(-10.0, 1.0)]), None);
        assert_eq!(disagreement(&[start(-10.0, 1.0), start(-10.1, 0.95), start(-30.0, 0.2)]), None);
        let rival = disagreement(&[start(-10.0, 1.0), start(-10.4, 0.3), start(-10.0, 1.0)]).expect("a reason");
        assert!(rival.contains("within 0.40 nats") && rival.contains("0.30"), "{rival}");
        // The same labels, and bounds that lie apart.
        let apart = disagreement(&[start(-602.6, 1.0), start(-733.1, 1.0), start(-700.0, 1.0)]).expect("a reason");
        assert!(apart.contains("only 1 of 3"), "{apart}");
        assert_eq!(disagreement(&[start(-602.6, 1.0), start(-603.0, 1.0)]), None);
        let few = disagreement(&[start(-10.0, 1.0), start(-20.0, 0.3), start(-30.0, 0.4)]).expect("a reason");
        assert!(few.contains("only 1 of 3") && few.contains("--restarts 12"), "{few}");
    }
}
