//! The posterior: fresh draws of a fitted q, what they say about the model, and whether to believe them.

mod assess;
mod batches;
mod bound;
pub mod chain;
mod check;
mod contradictions;
mod defence;
mod ellipsoid;
mod errors;
mod fresh;
mod hamiltonian;
mod importance;
mod integrated;
mod others;
mod pit;
mod power_scaling;
mod predictive;
mod proposal;
mod resample;
mod residual;
mod rows;
mod sampler;
mod second;
pub mod statistics;
mod symmetry;
mod table;
mod weights;
mod witness;

pub use assess::Assessment;
pub(crate) use assess::WEIGHTED_TOGETHER;
pub use bound::{Bound, MonteCarlo};
pub use importance::{RowFactors, log_evidence_of_factored_rows, log_evidence_of_normal_rows, log_evidence_of_rows};
pub use integrated::{Integrated, Largest};
pub use pit::LooPit;
pub use power_scaling::{Change, PowerScaling, PriorInfluence, Reweighted, SENSITIVE, Sensitivity};
pub use proposal::Proposal;
pub use resample::{Resampling, resample};
pub use residual::Residual;
pub use rows::{Loo, RowLogLikelihood, RowMeans};
pub(crate) use sampler::admit_draws;
pub use statistics::{Covered, Summary};
pub use table::table_is_of;
pub(crate) use table::write_table;
pub use witness::Witness;

use serde::{Deserialize, Serialize};

use crate::algorithm::Solution;
use crate::diagnose::verdict::{Evidence, Verdict};
use crate::fit::{Stop, Trace};
use crate::model::{Draws, Layout};
use crate::streams::Streams;

/// A fitted approximation with fresh draws from it, its bound, and the verdict on it.
///
/// Made by [`Posterior::assess`]; `println!("{posterior}")` prints the table.
///
/// ```
/// use jensen::posterior::Posterior;
/// use jensen::prelude::*;
///
/// let fitted = jensen::fit(&model(|p| {
///     let mu = p.draw("mu", normal(0.0, 2.0));
///     p.observe(1.5, normal(mu, 1.0));
/// }))?;
/// let posterior: &Posterior = &fitted.posterior;
/// assert_eq!(posterior.names(), ["mu"]);
/// let mu = &posterior.summary()[0];
/// assert!((mu.mean - 1.2).abs() < 0.05 && (mu.sd - 0.8f64.sqrt()).abs() < 0.05);
/// // log p(x): x is N(0, 5)
/// let exact = -0.5 * (10.0 * std::f64::consts::PI).ln() - 0.5 * 1.5 * 1.5 / 5.0;
/// assert!((posterior.bound().elbo.value - exact).abs() < 0.01);
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Posterior {
    family: String,
    layout: Layout,
    solution: Solution,
    streams: Streams,
    /// Draws that are made and evaluated at a time; decides their noise.
    block: usize,
    /// The unconstrained draws of the proposal outside of rows, `[latent][draw]`.
    #[serde(with = "crate::number::list")]
    latents: Vec<f64>,
    integers: Vec<u32>,
    proposal: Proposal,
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
        &self.proposal.draws.names
    }

    /// Number of [`Posterior::draws`].
    pub fn num_draws(&self) -> usize {
        let all = 0..self.proposal.num_draws();
        if self.is_weighted() { all.len() } else { all.filter(|d| self.proposal.is_of_q(*d)).count() }
    }

    /// Draws of q and around it, with their densities and weights.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// Evaluations of the density that the assessment took.
    pub(crate) fn num_evaluations(&self) -> u64 {
        let of_witness = self.evidence.witness.as_ref().map_or(0, |witness| witness.evaluations);
        let of_means = self.evidence.even_means.as_ref().map_or(0, |even| even.evaluations);
        let of_residual = self.evidence.residual.as_ref().map_or(0, |residual| residual.evaluations);
        let of_shared = self.evidence.integrated.as_ref().map_or(0, |integrated| integrated.evaluations);
        self.proposal.num_draws() as u64 + of_witness + of_means + of_residual + of_shared
    }

    /// Number of independent draws of the posterior that the weighted draws are worth.
    pub fn effective_size(&self) -> f64 {
        self.effective_size
    }

    /// The bound on the log evidence, in both forms, and what it leaves open.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Tail shape of the importance weights: below zero, or `-inf`, where q is the posterior, above 0.7 where q misses some of it.
    pub fn k_hat(&self) -> f64 {
        self.evidence.k_hat
    }

    /// The numbers that the verdict rests on.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Whether to trust the fit, why, and what to try next.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The reason for which the optimisation ended.
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
        self.proposal.num_draws().div_ceil(self.block.max(1))
    }

    /// First draw and number of draws of a block.
    pub(crate) fn block_range(&self, block: usize) -> (usize, usize) {
        let first = block * self.block;
        (first, self.block.min(self.proposal.num_draws() - first))
    }

    /// The unconstrained draws outside of rows in a block.
    pub(crate) fn outside_of_rows(&self, block: usize) -> Draws {
        let (first, count) = self.block_range(block);
        let n = self.proposal.num_draws();
        let mut z = Draws { num_draws: count, ..Draws::default() };
        for lane in self.latents.chunks_exact(n) {
            z.latents.extend_from_slice(&lane[first..first + count]);
        }
        for lane in self.integers.chunks_exact(n) {
            z.integers.extend_from_slice(&lane[first..first + count]);
        }
        z
    }
}
