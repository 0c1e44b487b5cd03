//! Contradictions between draws and their log q, as a covariance that is singular to rounding makes them.

use super::fresh::Fresh;
use super::statistics::mean;
use super::{Bound, MonteCarlo};
use crate::diagnose::verdict::{Trust, Verdict};
use crate::target::LogDensity;

/// Standard errors beyond which two estimates of one number are not of one number.
const BEYOND: f64 = 8.0;

/// Operations that make a term of a log density, each of which rounds: more than any of the library's take.
const OPERATIONS: f64 = 16.0;

impl Fresh {
    /// A log q that does not belong to its draws, as where a covariance is singular to rounding: its entropy in closed
    /// form is not the mean over the draws, or the divergence from the prior is negative.
    pub(super) fn say_what_cannot_be(
        &self,
        target: &dyn LogDensity,
        closed: Option<f64>,
        bound: &Bound,
        verdict: &mut Verdict,
    ) {
        let negative: Vec<f64> = self.of_q(&self.log_q).iter().map(|l| -l).collect();
        let drawn = MonteCarlo::mean_of(&negative);
        let differs = |closed: f64| {
            let difference = (closed - drawn.value).abs();
            difference.is_nan() || difference > BEYOND * drawn.mcse + self.rounding(target, &[&self.log_q])
        };
        let of_all = || self.rounding(target, &[&self.log_p, &self.log_q, &self.data]);
        let reason = match (closed, bound.kl) {
            (Some(closed), _) if differs(closed) => {
                format!("the entropy of q is {closed:.6} in closed form and {:.6} over its draws", drawn.value)
            }
            (_, Some(kl)) if kl.value < -(BEYOND * kl.mcse + of_all()) => {
                format!("the divergence of q from the prior is estimated as {:.3}, and none is negative", kl.value)
            }
            _ => return,
        };
        verdict.trust = Trust::DoNotTrust;
        verdict.reasons.insert(0, format!("{reason}: log q does not belong to these draws, and no figure can be used"));
        verdict.advice.insert(0, "fit the mean-field family, or take smaller steps: q has become singular".into());
    }

    /// Nats by which rounding alone moves a mean of sums of these `densities`.
    ///
    /// Where q is the prior, every draw has the same difference, and the standard error of their mean is that of their
    /// rounding: it says nothing of what is common to all. A sum of `n` terms rounds each of them in a few operations and in at
    /// most `n` additions, by a unit of roundoff of all that is summed; terms of both signs hide from the sum, and are taken
    /// to be of one nat each besides.
    fn rounding(&self, target: &dyn LogDensity, densities: &[&[f64]]) -> f64 {
        let layout = target.layout();
        let in_rows = layout.num_row_latents + layout.num_row_integers + 1;
        let terms = (layout.num_latents + layout.num_integers + in_rows * layout.num_rows) as f64;
        let size = |d: usize| densities.iter().filter_map(|density| density.get(d)).map(|x| x.abs()).sum();
        let sizes: Vec<f64> =
            (0..self.num_draws()).filter(|&d| self.is_of_q(d) && self.accepted(d)).map(size).collect();
        target.unit_roundoff() * (OPERATIONS + terms) * (terms + mean(&sizes))
    }
}
