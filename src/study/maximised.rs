//! The objective whose gradient the estimators of a study follow.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::objective::{Elbo, ImportanceWeighted, Objective, Renyi, log_sum_exp, sum};

/// The objective whose gradient the estimators of one study estimate: its value is what a short fit reaches.
///
/// Estimators of different objectives have different means, and are never compared with one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Maximised {
    /// The evidence lower bound, [`Elbo`].
    #[default]
    Elbo,
    /// The importance-weighted bound of so many draws, [`ImportanceWeighted`].
    ImportanceWeighted {
        /// Draws under one logarithm.
        particles: usize,
    },
    /// The Renyi bound of so many draws, [`Renyi`].
    Renyi {
        /// Order of the divergence.
        alpha: f64,
        /// Draws under one logarithm.
        particles: usize,
    },
    /// The posterior's mean of log q, by draws of q that importance weights make the posterior's: its maximum has the
    /// least forward divergence `KL(posterior || q)`.
    Forward {
        /// Draws that share a normalisation.
        particles: usize,
    },
}

/// Draws that share a normalisation where the forward objective is evaluated, at least.
const FORWARD: usize = 200;

impl Maximised {
    /// Whether it bounds the log evidence.
    pub(super) fn is_bound(self) -> bool {
        !matches!(self, Maximised::Forward { .. })
    }

    /// Draws that one value takes.
    pub(super) fn group(self) -> usize {
        match self {
            Maximised::Elbo => 1,
            Maximised::ImportanceWeighted { particles } | Maximised::Renyi { particles, .. } => particles.max(1),
            Maximised::Forward { particles } => particles.max(FORWARD),
        }
    }

    /// Independent values whose mean estimates the objective: one for each whole group of draws that has a value.
    pub(super) fn values(self, log_weights: &[f64], log_q: &[f64]) -> Vec<f64> {
        let mut scratch = vec![0.0; self.group()];
        let groups = log_weights.chunks_exact(self.group()).zip(log_q.chunks_exact(self.group()));
        groups.map(|(l, q)| self.value(l, q, &mut scratch)).filter(|value| value.is_finite()).collect()
    }

    fn value(self, log_weights: &[f64], log_q: &[f64], scratch: &mut [f64]) -> f64 {
        match self {
            Maximised::Elbo => Elbo.value_and_weights(log_weights, scratch),
            Maximised::ImportanceWeighted { .. } => ImportanceWeighted.value_and_weights(log_weights, scratch),
            Maximised::Renyi { alpha, .. } => Renyi { alpha }.value_and_weights(log_weights, scratch),
            Maximised::Forward { .. } => {
                let total = log_sum_exp(log_weights);
                let weighted = |(l, q): (&f64, &f64)| if *l == f64::NEG_INFINITY { 0.0 } else { (l - total).exp() * q };
                scratch.iter_mut().zip(log_weights.iter().zip(log_q)).for_each(|(s, pair)| *s = weighted(pair));
                sum(scratch)
            }
        }
    }
}

impl fmt::Display for Maximised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let draws = |n: usize| if n == 1 { "1 draw".to_string() } else { format!("{n} draws") };
        match *self {
            Maximised::Elbo => write!(f, "the evidence lower bound"),
            Maximised::ImportanceWeighted { particles } => {
                write!(f, "the importance-weighted bound of {}", draws(particles))
            }
            Maximised::Renyi { alpha, particles } => {
                write!(f, "the Renyi bound of order {alpha} of {}", draws(particles))
            }
            Maximised::Forward { particles } => {
                write!(f, "the posterior's mean of log q, by {} with weights", draws(particles))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_formulas() {
        let (l, q) = ([0.0, 3f64.ln(), f64::NEG_INFINITY, 2f64.ln()], [1.0, 5.0, 7.0, 9.0]);
        assert_eq!(Maximised::Elbo.values(&l, &q), [0.0, 3f64.ln(), 2f64.ln()]);
        // (1 + 3) / 2 and (0 + 2) / 2.
        let found = Maximised::ImportanceWeighted { particles: 2 }.values(&l, &q);
        assert!((found[0] - 2f64.ln()).abs() < 1e-15 && found[1].abs() < 1e-15, "{found:?}");
        // 2 ln of the mean root, (1 + sqrt 3) / 2; of the accepted draw alone ln 2, and ln of its share of a half.
        let found = Maximised::Renyi { alpha: 0.5, particles: 2 }.values(&l, &q);
        let expected = [2.0 * (0.5 + 0.5 * 3f64.sqrt()).ln(), 0.0];
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-14), "{found:?}");
        // Weights 1, 3, 0 and 2 in a group of their own, and less than a group has no value.
        let forward = Maximised::Forward { particles: 1 };
        assert!(forward.values(&l, &q).is_empty());
        let (l, q): (Vec<f64>, Vec<f64>) = (0..FORWARD).map(|k| (l[k % 4], q[k % 4])).unzip();
        let found = forward.values(&l, &q);
        assert!(found.len() == 1 && (found[0] - (1.0 + 15.0 + 18.0) / 6.0).abs() < 1e-12, "{found:?}");
    }
}
