//! [`Bound`]: the evidence lower bound in both forms, the log evidence, and the gap between them.

use serde::{Deserialize, Serialize};

use super::statistics::{mean, sd};

/// A Monte Carlo estimate with its standard error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonteCarlo {
    /// The estimate.
    #[serde(with = "crate::number")]
    pub value: f64,
    /// Its standard error.
    #[serde(with = "crate::number")]
    pub mcse: f64,
}

impl MonteCarlo {
    /// The mean of independent terms.
    pub fn mean_of(terms: &[f64]) -> Self {
        MonteCarlo { value: mean(terms), mcse: sd(terms) / (terms.len() as f64).sqrt() }
    }
}

/// The evidence lower bound of a fit, over its accepted draws.
///
/// ```text
/// elbo = E_q[log p(x, z)] + E_q[-log q(z)]              log_joint + entropy
///      = E_q[log p(x | z)] - KL(q(z) || p(z))            data - kl
///      = log p(x) - KL(q(z) || p(z | x))                 log_evidence - gap
/// ```
///
/// Every part is estimated from the same draws, so the first two lines agree to rounding. In the last, `log_evidence`
/// is an importance-sampling estimate that is right where k-hat is small; elsewhere it is too low, and so is the gap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The bound.
    pub elbo: MonteCarlo,
    /// `E_q[log p(x, z)]`.
    pub log_joint: MonteCarlo,
    /// `E_q[-log q(z)]`.
    pub entropy: MonteCarlo,
    /// `E_q[log p(x | z)]`; nothing where the model does not tell data from priors.
    pub data: Option<MonteCarlo>,
    /// `KL(q(z) || p(z))`; nothing where the model does not tell data from priors.
    pub kl: Option<MonteCarlo>,
    /// `log p(x)` by importance sampling with smoothed weights.
    pub log_evidence: MonteCarlo,
    /// Jensen's gap `log p(x) - elbo`, an estimate of `KL(q(z) || p(z | x))`.
    pub gap: MonteCarlo,
}

impl Bound {
    /// From the accepted draws alone: `log_p`, `log_q` and the data terms; `evidence` is over all draws.
    pub(super) fn new(log_p: &[f64], log_q: &[f64], data: Option<&[f64]>, evidence: MonteCarlo, share: f64) -> Self {
        let minus = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let log_ratios = minus(log_p, log_q);
        let negative: Vec<f64> = log_q.iter().map(|l| -l).collect();
        let prior = data.map(|data| minus(log_p, data));
        let elbo = MonteCarlo::mean_of(&log_ratios);
        Bound {
            elbo,
            log_joint: MonteCarlo::mean_of(log_p),
            entropy: MonteCarlo::mean_of(&negative),
            data: data.map(MonteCarlo::mean_of),
            kl: prior.map(|prior| MonteCarlo::mean_of(&minus(log_q, &prior))),
            log_evidence: evidence,
            gap: gap(&log_ratios, elbo.value, evidence, share),
        }
    }
}

/// `log_evidence - elbo`; both come from the same draws, and most of their errors cancels.
///
/// By the delta method an accepted draw with ratio `r` moves the gap by `exp(r - log_evidence) - (r - elbo)`.
fn gap(log_ratios: &[f64], elbo: f64, evidence: MonteCarlo, share: f64) -> MonteCarlo {
    let moves = log_ratios.iter().map(|r| {
        // Weights beyond the estimate's own error are those that smoothing cut off.
        share * (r - evidence.value).exp() - (r - elbo)
    });
    let moves: Vec<f64> = moves.collect();
    MonteCarlo { value: evidence.value - elbo, mcse: MonteCarlo::mean_of(&moves).mcse }
}
