//! The posterior: fresh draws of a fitted q, what they say about the model, and whether to believe them.

mod assess;
mod bound;
pub mod chain;
mod contradictions;
mod importance;
mod predictive;
mod rows;
pub mod statistics;
mod table;

pub use assess::Assessment;
pub use bound::{Bound, MonteCarlo};
pub use importance::{RowFactors, log_evidence_of_factored_rows, log_evidence_of_normal_rows, log_evidence_of_rows};
pub use rows::{Loo, RowLogLikelihood, RowMeans};
pub use statistics::Summary;
pub use table::Reported;
pub(crate) use table::write_table;

use serde::{Deserialize, Serialize};

use crate::algorithm::Solution;
use crate::diagnose::verdict::{Evidence, Verdict};
use crate::fit::{Stop, Trace};
use crate::model::{Draws, Layout};
use crate::streams::Streams;
use crate::target::Constrained;

/// A fitted approximation with fresh draws from it, its bound, and the verdict on it.
///
/// Made by [`Posterior::assess`]; `println!("{posterior}")` prints the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Posterior {
    family: String,
    layout: Layout,
    solution: Solution,
    streams: Streams,
    /// Draws that are made and evaluated at a time; decides their noise.
    block: usize,
    /// Unconstrained draws outside of rows, `[latent][draw]`.
    #[serde(with = "crate::number::list")]
    latents: Vec<f64>,
    integers: Vec<u32>,
    draws: Constrained,
    #[serde(with = "crate::number::list")]
    log_p: Vec<f64>,
    #[serde(with = "crate::number::list")]
    log_q: Vec<f64>,
    #[serde(with = "crate::number::list")]
    log_weights: Vec<f64>,
    #[serde(with = "crate::number")]
    effective_size: f64,
    bound: Bound,
    evidence: Evidence,
    verdict: Verdict,
    stop: Stop,
    trace: Option<Trace>,
}

impl Posterior {
    /// Names of the quantities outside of rows: `mu`, `theta[0]`, in the order of the model.
    pub fn names(&self) -> &[String] {
        &self.draws.names
    }

    /// The draws of one quantity, in the model's space; `None` when there is none of that name.
    pub fn draws(&self, name: &str) -> Option<&[f64]> {
        self.draws.named(name)
    }

    /// All named draws, `[element][draw]`.
    pub fn constrained(&self) -> &Constrained {
        &self.draws
    }

    /// Number of draws.
    pub fn num_draws(&self) -> usize {
        self.draws.num_draws
    }

    /// `log p(x, z)` of each draw.
    pub fn log_p(&self) -> &[f64] {
        &self.log_p
    }

    /// `log q(z)` of each draw.
    pub fn log_q(&self) -> &[f64] {
        &self.log_q
    }

    /// Smoothed importance weights of the draws, normalised: `sum(exp(log_weights)) = 1`; `-inf` for a rejected draw.
    pub fn log_weights(&self) -> &[f64] {
        &self.log_weights
    }

    /// Number of independent draws of the posterior that the weighted draws are worth.
    pub fn effective_size(&self) -> f64 {
        self.effective_size
    }

    /// Mean, sd, Monte Carlo error and quantiles of every quantity under q.
    pub fn summary(&self) -> Vec<Summary> {
        self.summarise(None)
    }

    /// The same under the posterior, by importance weights: to be used where the verdict trusts them.
    pub fn weighted_summary(&self) -> Vec<Summary> {
        let weights: Vec<f64> = self.log_weights.iter().map(|l| l.exp()).collect();
        self.summarise(Some(&weights))
    }

    fn summarise(&self, weights: Option<&[f64]>) -> Vec<Summary> {
        let lines = self.draws.names.iter().enumerate();
        // There is at least one draw, and weights have a positive sum: nothing is left out.
        lines.filter_map(|(k, name)| statistics::summarise(name, self.draws.element(k), weights).ok()).collect()
    }

    /// The bound on the log evidence, in both forms, and what it leaves open.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Tail shape of the importance weights: `-inf` where q is the posterior, above 0.7 where q misses some of it.
    pub fn k_hat(&self) -> f64 {
        self.evidence.k_hat
    }

    /// What the verdict rests on.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Whether to trust the fit, why, and what to try next.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Why the optimisation ended.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The objective along the fit, where it was kept.
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// The model's learnable parameters, in the order of their declaration.
    pub fn theta(&self) -> &[f64] {
        &self.solution.theta
    }

    /// Parameters of q, and theta.
    pub fn solution(&self) -> &Solution {
        &self.solution
    }

    /// The name of q's family.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// Sites, latents and rows of the model.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The seed behind the draws.
    pub fn seed(&self) -> u64 {
        self.streams.seed()
    }

    /// Number of blocks the draws were made in.
    pub(crate) fn num_blocks(&self) -> usize {
        self.num_draws().div_ceil(self.block.max(1))
    }

    /// First draw and number of draws of a block.
    pub(crate) fn block_range(&self, block: usize) -> (usize, usize) {
        let first = block * self.block;
        (first, self.block.min(self.num_draws() - first))
    }

    /// The unconstrained draws outside of rows in a block.
    pub(crate) fn outside_of_rows(&self, block: usize) -> Draws {
        let (first, count) = self.block_range(block);
        let n = self.num_draws();
        let mut z = Draws { num_draws: count, ..Draws::default() };
        for lane in self.latents.chunks_exact(n) {
            z.latents.extend_from_slice(&lane[first..first + count]);
        }
        for lane in self.integers.chunks_exact(n) {
            z.integers.extend_from_slice(&lane[first..first + count]);
        }
        z
    }

    /// Whether the lengths of everything held fit together: what a file may get wrong.
    pub(crate) fn is_consistent(&self) -> bool {
        let n = self.num_draws();
        let latents = self.layout.num_latents * n == self.latents.len();
        let integers = self.layout.num_integers * n == self.integers.len();
        let draws = self.draws.names.len() * n == self.draws.values.len() && self.draws.num_rows == 1;
        let each = [&self.log_p, &self.log_q, &self.log_weights].iter().all(|v| v.len() == n);
        n > 0 && self.block > 0 && latents && integers && draws && each
    }
}
