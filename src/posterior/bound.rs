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

/// The log evidence, and what each draw adds to it, relative to it: one on average.
pub(super) struct EvidenceOf {
    pub value: MonteCarlo,
    /// Of q's own accepted draws, in the order of their densities.
    pub accepted: Vec<f64>,
    /// Of q's own draws that were rejected.
    pub rejected: Vec<f64>,
    /// Of the draws that are not q's own.
    pub of_others: Vec<f64>,
}

/// The bound of q restricted to the draws that were `accepted`, whose log ratios these are.
pub(super) fn bound_of(log_ratios: &[f64], accepted: Accepted) -> MonteCarlo {
    MonteCarlo::mean_of(log_ratios).plus_independent(ln_share(accepted))
}

fn ln_share(accepted: Accepted) -> MonteCarlo {
    MonteCarlo { value: accepted.ln_share(), mcse: accepted.standard_error() }
}

impl Bound {
    /// The same where the weights are too uneven to say anything of the evidence.
    pub(super) fn without_evidence(self) -> Self {
        let unknown = MonteCarlo { value: f64::NAN, mcse: f64::NAN };
        Bound { log_evidence: unknown, gap: unknown, ..self }
    }

    /// The same with errors of the evidence, and of what it is above the bound, so many times as large.
    pub(super) fn with_errors_of_evidence(self, factor: f64) -> Self {
        let wider = |found: MonteCarlo| MonteCarlo { mcse: factor * found.mcse, ..found };
        Bound { log_evidence: wider(self.log_evidence), gap: wider(self.gap), ..self }
    }

    /// The same with a log evidence that comes of other draws.
    pub(super) fn with_evidence(self, log_evidence: MonteCarlo) -> Self {
        let elbo = MonteCarlo { value: -self.elbo.value, ..self.elbo };
        Bound { log_evidence, gap: log_evidence.plus_independent(elbo), ..self }
    }

    /// From those of q's own draws that were `accepted`: `log_p`, `log_q` and the data terms; `evidence` is of all draws.
    pub(super) fn new(
        log_p: &[f64],
        log_q: &[f64],
        data: Option<&[f64]>,
        evidence: &EvidenceOf,
        accepted: Accepted,
    ) -> Self {
        let minus = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let log_ratios = minus(log_p, log_q);
        let negative: Vec<f64> = log_q.iter().map(|l| -l).collect();
        let prior = data.map(|data| minus(log_p, data));
        let share = ln_share(accepted);
        let elbo = bound_of(&log_ratios, accepted);
        Bound {
            elbo,
            log_joint: MonteCarlo::mean_of(log_p),
            entropy: MonteCarlo::mean_of(&negative).plus_independent(share),
            data: data.map(MonteCarlo::mean_of),
            kl: prior.map(|prior| {
                let less = MonteCarlo { value: -share.value, ..share };
                MonteCarlo::mean_of(&minus(log_q, &prior)).plus_independent(less)
            }),
            log_evidence: evidence.value,
            gap: MonteCarlo {
                value: evidence.value.value - elbo.value,
                mcse: gap_error(&log_ratios, evidence, accepted),
            },
            ln_accepted: (accepted.count < accepted.num_draws).then_some(share),
        }
    }
}

/// Standard error of `log_evidence - elbo`; both come from the same draws, and most of their errors cancels.
///
/// By the delta method: of `n` draws, `m` of them q's own and a share `a` of these accepted, one that is q's own moves the gap by
/// `1 / m` of `i m / n - (r - mean) / a - 1 / a + 1` if it is accepted and of `i m / n + 1` if it is rejected, where `r` is its
/// log ratio and `i` what it adds to the evidence; one that is not q's own moves it by `(i - 1) / n`.
fn gap_error(log_ratios: &[f64], evidence: &EvidenceOf, accepted: Accepted) -> f64 {
    let EvidenceOf { accepted: of_accepted, rejected, of_others, .. } = evidence;
    let m = accepted.num_draws as f64;
    let n = m + of_others.len() as f64;
    let a = accepted.count as f64 / m;
    let mean = mean(log_ratios);
    let of_accepted = of_accepted.iter().zip(log_ratios).map(|(i, r)| i * m / n - (r - mean + 1.0) / a);
    let moves: Vec<f64> = of_accepted.chain(rejected.iter().map(|i| i * m / n)).collect();
    let own = MonteCarlo::mean_of(&moves).mcse;
    if of_others.is_empty() {
        return own;
    }
    own.hypot(of_others.len() as f64 / n * MonteCarlo::mean_of(of_others).mcse)
}
