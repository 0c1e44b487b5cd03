//! [`Fresh`]: draws of a solution, the densities there, and what they say of q.

use super::bound::{EvidenceOf, bound_of};
use super::defence::Defence;
use super::sampler::Sampler;
use super::statistics::{mcse_mean, mean, sd, weighted_mcse_mean, weighted_mean, weighted_sd};
use super::weights::{Weighted, weights_of};
use super::{Bound, MonteCarlo};
use crate::algorithm::FitError;
use crate::diagnose::psis::{error_factor, k_hat_error};
use crate::diagnose::verdict::{HalfMeans, Trust, Verdict, halves_disagreement};
use crate::model::Layout;
use crate::objective::Accepted;
use crate::target::Constrained;

/// Fresh draws of a solution and the densities there.
#[derive(Default)]
pub(super) struct Fresh {
    pub latents: Vec<f64>,
    /// Those of q, or those that the density sums out, drawn given the latents.
    pub integers: Vec<u32>,
    /// How many of them are q's.
    pub num_integers: usize,
    pub draws: Constrained,
    pub log_p: Vec<f64>,
    pub log_q: Vec<f64>,
    /// As [`Defence::log_t`] gives it.
    pub log_t: Vec<f64>,
    pub data: Vec<f64>,
    /// What the draws that are not q's own were stretched to.
    pub defence: Option<Defence>,
}

impl Fresh {
    /// Goes on to `num_draws` draws in all; there are whole blocks so far.
    pub fn grow(&mut self, sampler: &Sampler, num_draws: usize) -> Result<(), FitError> {
        let layout = sampler.target.layout();
        let (before, more) = (self.num_draws(), num_draws - self.num_draws());
        self.defence.clone_from(&sampler.defence);
        self.latents = widened(&self.latents, layout.num_latents, before, num_draws);
        self.num_integers = layout.num_integers;
        self.integers = widened(&self.integers, layout.num_drawn_integers(), before, num_draws);
        let old = std::mem::take(&mut self.draws);
        if before > 0 {
            self.draws.place(0, num_draws, &old);
        }
        self.log_p.reserve(more);
        self.log_q.reserve(more);
        sampler.each(before..num_draws, |first, z, log_q, pass| {
            self.log_p.extend_from_slice(&pass.log_density[..z.num_draws]);
            self.log_q.extend_from_slice(log_q);
            self.log_t.extend(sampler.log_t(first, z, log_q));
            if sampler.target.separates_data() {
                self.data.extend_from_slice(&pass.data[..z.num_draws]);
            }
            place(&mut self.latents, &z.latents, first, z.num_draws, num_draws);
            let z = sampler.with_integers(first, z)?;
            place(&mut self.integers, &z.integers, first, z.num_draws, num_draws);
            self.draws.place(first, num_draws, &sampler.target.constrained(&sampler.solution.theta, &z));
            Ok(())
        })
    }

    pub fn num_draws(&self) -> usize {
        self.log_p.len()
    }

    pub fn accepted(&self, draw: usize) -> bool {
        self.log_p[draw].is_finite()
    }

    /// Logarithms of even weights of the draws that the model accepts.
    pub fn even_weights(&self) -> Vec<f64> {
        let accepted = (0..self.num_draws()).filter(|&d| self.accepted(d)).count().max(1) as f64;
        let weight = |draw| if self.accepted(draw) { -accepted.ln() } else { f64::NEG_INFINITY };
        (0..self.num_draws()).map(weight).collect()
    }

    /// Whether a draw is q's own.
    pub fn is_of_q(&self, draw: usize) -> bool {
        self.defence.is_none() || Defence::is_of_q(draw)
    }

    /// What is said of q's own draws, in their order.
    pub fn of_q(&self, values: &[f64]) -> Vec<f64> {
        (0..values.len()).filter(|&d| self.is_of_q(d)).map(|d| values[d]).collect()
    }

    /// Share of q's own draws without a finite density.
    pub fn rejected_share(&self) -> f64 {
        let Accepted { count, num_draws } = self.accepted_share();
        (num_draws - count) as f64 / num_draws as f64
    }

    /// The bound of q's own draws, beside the evidence of all, whose error is that of weights with such a tail.
    pub fn bound(&self, weighted: &Weighted) -> Bound {
        let n = self.num_draws();
        let own = self.accepted_of_q();
        let keep =
            |v: &[f64]| -> Vec<f64> { if v.is_empty() { Vec::new() } else { own.iter().map(|&d| v[d]).collect() } };
        let influence = |is: &dyn Fn(usize) -> bool| -> Vec<f64> {
            (0..n).filter(|&d| is(d)).map(|d| weighted.influence[d]).collect()
        };
        let evidence = EvidenceOf {
            value: weighted.log_evidence,
            accepted: keep(&weighted.influence),
            rejected: influence(&|d| self.is_of_q(d) && !self.accepted(d)),
            of_others: influence(&|d| !self.is_of_q(d)),
        };
        let (log_p, log_q, data) = (keep(&self.log_p), keep(&self.log_q), keep(&self.data));
        // k-hat is an estimate: what it may be by its own error counts.
        let k_hat = weighted.k_hat + k_hat_error(weighted.k_hat, n);
        let slower = if weighted.is_even { 1.0 } else { error_factor(k_hat, n) };
        Bound::new(&log_p, &log_q, (!data.is_empty()).then_some(&data), &evidence, self.accepted_share())
            .with_errors_of_evidence(slower)
    }

    /// The evidence lower bound of q's own draws.
    pub fn elbo(&self) -> MonteCarlo {
        let ratios: Vec<f64> = self.accepted_of_q().iter().map(|&d| self.log_p[d] - self.log_q[d]).collect();
        bound_of(&ratios, self.accepted_share())
    }

    /// q's own draws with a finite density.
    fn accepted_of_q(&self) -> Vec<usize> {
        (0..self.num_draws()).filter(|&d| self.is_of_q(d) && self.accepted(d)).collect()
    }

    fn accepted_share(&self) -> Accepted {
        let num_draws = (0..self.num_draws()).filter(|&d| self.is_of_q(d)).count();
        Accepted { count: self.accepted_of_q().len(), num_draws }
    }

    /// Every latent outside of rows, `[draw]`, in the space the family works in, where moments exist.
    pub fn lanes(&self) -> impl Iterator<Item = Vec<f64>> {
        let n = self.num_draws();
        let of_q = self.integers.chunks_exact(n).take(self.num_integers);
        let integers = of_q.map(|lane| lane.iter().map(|&k| f64::from(k)).collect());
        self.latents.chunks_exact(n).map(<[f64]>::to_vec).chain(integers)
    }

    /// Whether all draws are the same point, whose equal weights say nothing.
    pub fn is_a_point(&self) -> bool {
        let mut lanes = self.lanes().peekable();
        lanes.peek().is_some() && lanes.all(|lane| is_fixed(&lane))
    }

    /// Latents without any spread in q have no uncertainty to report.
    pub fn say_what_is_fixed(&self, layout: &Layout, verdict: &mut Verdict) {
        let n = self.num_draws();
        let names = layout.latent_names();
        let fixed = self.latents.chunks_exact(n).enumerate().filter(|(_, lane)| is_fixed(lane));
        let fixed: Vec<String> = fixed.map(|(k, _)| names.get(k).cloned().unwrap_or(format!("z[{k}]"))).collect();
        let Some(first) = fixed.first() else { return };
        let others = if fixed.len() > 1 { format!(" and {} others have", fixed.len() - 1) } else { " has".into() };
        if verdict.trust == Trust::Trust {
            verdict.trust = Trust::TrustMeansOnly;
            verdict.reasons.clear();
        }
        verdict.reasons.push(format!("{first}{others} the same value in every draw: a point, without its uncertainty"));
        verdict.advice.push("use a family with a spread for every latent that is to be reported".into());
    }

    /// How far means move between two halves of the draws, weighted afresh, and from q's own to those of another solution.
    pub fn disagreement(&self, log_density: &[f64], second: Option<&[Vec<f64>]>) -> f64 {
        let n = self.num_draws();
        if self.latents.is_empty() && self.num_integers == 0 {
            // Only learnable parameters, or latents of rows alone: there is no mean to compare.
            return 0.0;
        }
        let halves = [0..n / 2, n / 2..n];
        let weights = halves.clone().map(|half| weights_of(&self.log_p[half.clone()], &log_density[half]));
        let all = weights_of(&self.log_p, log_density);
        let within: Vec<HalfMeans> = self
            .lanes()
            .map(|lane| {
                let [a, b] = [0, 1].map(|h| (&lane[halves[h].clone()], &weights[h]));
                let scale = weighted_sd(&lane, &all);
                HalfMeans {
                    means: [weighted_mean(a.0, a.1), weighted_mean(b.0, b.1)],
                    mcse: [a, b].map(|(x, w)| if is_fixed(x) { 0.0 } else { weighted_mcse_mean(x, w) }),
                    sd: if is_fixed(&lane) { 0.0 } else { scale },
                }
            })
            .collect();
        larger_or_nan(halves_disagreement(&within), self.difference(second))
    }

    /// How far means move from q's own draws to those of another solution.
    pub fn difference(&self, second: Option<&[Vec<f64>]>) -> f64 {
        let between = second.map(|other| {
            let pairs = self.lanes().map(|lane| self.of_q(&lane)).zip(other);
            let means: Vec<HalfMeans> = pairs
                .map(|(a, b)| HalfMeans { means: [mean(&a), mean(b)], mcse: [mcse_mean(&a), mcse_mean(b)], sd: sd(&a) })
                .collect();
            halves_disagreement(&means)
        });
        between.unwrap_or(0.0)
    }
}

/// Every latent and integer outside of rows at `num_draws` draws, `[draw]`; no density is evaluated.
pub(super) fn places(sampler: &Sampler, num_draws: usize) -> Result<Vec<Vec<f64>>, FitError> {
    let layout = sampler.target.layout();
    let mut lanes = vec![Vec::with_capacity(num_draws); layout.num_latents + layout.num_integers];
    sampler.each_block(0..num_draws, |_, z| {
        let (reals, integers) = lanes.split_at_mut(layout.num_latents);
        let of_reals = reals.iter_mut().zip(z.latents.chunks_exact(z.num_draws));
        of_reals.for_each(|(lane, from)| lane.extend_from_slice(from));
        let of_integers = integers.iter_mut().zip(z.integers.chunks_exact(z.num_draws));
        of_integers.for_each(|(lane, from)| lane.extend(from.iter().map(|&k| f64::from(k))));
        Ok(())
    })?;
    Ok(lanes)
}

fn is_fixed(lane: &[f64]) -> bool {
    lane.iter().all(|x| *x == lane[0])
}

fn larger_or_nan(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// The same lanes with room for more draws.
fn widened<T: Copy + Default>(lanes: &[T], num_lanes: usize, before: usize, num_draws: usize) -> Vec<T> {
    let mut out = vec![T::default(); num_lanes * num_draws];
    place(&mut out, lanes, 0, before, num_draws);
    out
}

/// Copies a block of `count` draws to its place among all draws.
fn place<T: Copy>(all: &mut [T], block: &[T], first: usize, count: usize, num_draws: usize) {
    for (lane, from) in all.chunks_exact_mut(num_draws).zip(block.chunks_exact(count.max(1))) {
        lane[first..first + count].copy_from_slice(from);
    }
}
