//! [`Bound`]: the evidence lower bound in both forms, the log evidence, and the gap between them.

use serde::{Deserialize, Serialize};

use super::statistics::{mean, sd};
use crate::objective::Accepted;

/// A Monte Carlo estimate with its standard error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MonteCarlo {
    /// The estimate itself.
    #[serde(with = "crate::number")]
    pub value: f64,
    /// The Monte Carlo standard error of the estimate.
    #[serde(with = "crate::number")]
    pub mcse: f64,
}

impl MonteCarlo {
    /// The mean of independent terms.
    pub fn mean_of(terms: &[f64]) -> Self {
        MonteCarlo { value: mean(terms), mcse: sd(terms) / (terms.len() as f64).sqrt() }
    }

    /// The sum of two estimates whose errors have nothing to do with one another.
    fn plus_independent(self, other: Self) -> Self {
        MonteCarlo { value: self.value + other.value, mcse: self.mcse.hypot(other.mcse) }
    }
}

/// The evidence lower bound of a fit: that of q restricted to the draws the model accepts.
///
/// ```text
/// elbo = E_q[log p(x, z)] + E_q[-log q(z)]              log_joint + entropy
///      = E_q[log p(x | z)] - KL(q(z) || p(z))            data - kl
///      = log p(x) - KL(q(z) || p(z | x))                 log_evidence - gap
/// ```
///
/// Every part is estimated from the same draws, so the first two lines agree to rounding. In the last, `log_evidence`
/// is an importance-sampling estimate that is right where k-hat is small; elsewhere it is too low, and so is the gap.
///
/// Where draws were rejected, q stands for `q_A = q / a` on the accepted set A of probability `a = q(A)`, since q itself has
/// a bound of minus infinity: means are over the accepted draws, and `ln a`, in `ln_accepted`, is part of `elbo` and of
/// `entropy` and is taken off in `kl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bound {
    /// The evidence lower bound, in nats.
    pub elbo: MonteCarlo,
    /// `E_q[log p(x, z)]`.
    pub log_joint: MonteCarlo,
    /// The entropy of q, `E_q[-log q(z)]`.
    pub entropy: MonteCarlo,
    /// `E_q[log p(x | z)]`; nothing where the model does not tell data from priors.
    pub data: Option<MonteCarlo>,
    /// `KL(q(z) || p(z))`; nothing where the model does not tell data from priors.
    pub kl: Option<MonteCarlo>,
    /// `log p(x)` by importance sampling with smoothed weights; a rejected draw has weight zero and counts as a draw.
    pub log_evidence: MonteCarlo,
    /// Jensen's gap `log p(x) - elbo`, an estimate of `KL(q(z) || p(z | x))`.
    pub gap: MonteCarlo,
    /// `ln` of the accepted share of the draws; nothing where every draw was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ln_accepted: Option<MonteCarlo>,
}

impl Bound {
    /// From the draws that were `accepted` alone: `log_p`, `log_q` and the data terms; `evidence` is over all draws.
    pub(super) fn new(
        log_p: &[f64],
        log_q: &[f64],
        data: Option<&[f64]>,
        evidence: MonteCarlo,
        accepted: Accepted,
    ) -> Self {
        let minus = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let log_ratios = minus(log_p, log_q);
        let negative: Vec<f64> = log_q.iter().map(|l| -l).collect();
        let prior = data.map(|data| minus(log_p, data));
        let share = MonteCarlo { value: accepted.ln_share(), mcse: accepted.standard_error() };
        let of_ratios = MonteCarlo::mean_of(&log_ratios);
        let elbo = of_ratios.plus_independent(share);
        Bound {
            elbo,
            log_joint: MonteCarlo::mean_of(log_p),
            entropy: MonteCarlo::mean_of(&negative).plus_independent(share),
            data: data.map(MonteCarlo::mean_of),
            kl: prior.map(|prior| {
                let less = MonteCarlo { value: -share.value, ..share };
                MonteCarlo::mean_of(&minus(log_q, &prior)).plus_independent(less)
            }),
            log_evidence: evidence,
            gap: MonteCarlo {
                value: evidence.value - elbo.value,
                mcse: gap_error(&log_ratios, of_ratios.value, evidence.value, accepted),
            },
            ln_accepted: (accepted.count < accepted.num_draws).then_some(share),
        }
    }
}

/// Standard error of `log_evidence - elbo`; both come from the same draws, and most of their errors cancels.
///
/// By the delta method an accepted draw with ratio `r` moves the gap by `a exp(r - log_evidence) - (r - mean) - 1`, with the
/// accepted share `a` and the mean over the accepted draws, and a rejected draw does not move it.
fn gap_error(log_ratios: &[f64], mean: f64, log_evidence: f64, accepted: Accepted) -> f64 {
    let share = accepted.count as f64 / accepted.num_draws as f64;
    // Weights beyond the estimate's own error are those that smoothing cut off.
    let moves = log_ratios.iter().map(|r| share * (r - log_evidence).exp() - (r - mean));
    MonteCarlo::mean_of(&moves.collect::<Vec<f64>>()).mcse
}
