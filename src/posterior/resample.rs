//! Draws of the posterior in place of draws of q: resampled by their importance weights.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::defence::Defence;
use super::sampler::{Sampler, block_of};
use super::weights::Weighted;
use super::{Covered, Posterior, Proposal, Summary};
use crate::algorithm::{FitError, Solution};
use crate::diagnose::verdict::{Evidence, Trust};
use crate::family::Family;
use crate::model::{Site, SiteKind};
use crate::streams::Streams;
use crate::target::{Constrained, LogDensity};

/// How many draws of the posterior were made from how many draws of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resampling {
    /// Number of draws made.
    pub num_draws: usize,
    /// Different draws of the proposal among them.
    pub num_distinct: usize,
    /// Draws of the proposal, q's own and those around them, that were weighted.
    pub num_proposals: usize,
}

impl fmt::Display for Resampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resampling { num_draws, num_distinct, num_proposals } = self;
        write!(
            f,
            "{num_draws} resampled by weight from {num_proposals} of the proposal, {num_distinct} of them distinct"
        )
    }
}

/// Purpose of the streams.
const RESAMPLE: u32 = 0x7265_7361;

/// Draws of the proposal for each draw of the posterior that is made afresh, and at least this many.
const PROPOSALS: usize = 4;
const LEAST_PROPOSALS: usize = 4000;

/// Makes `num_draws` draws of the posterior, resampled by importance weights from four times as many fresh draws of q and
/// around it ([`Proposal`]), at least 4000.
///
/// To be used where the verdict trusts the fit; [`Proposal::draw`](super::Proposal::draw) gives draws of q itself.
///
/// # Errors
/// A solution that is not of this family and target, a density that cannot be evaluated, or no draw of positive weight.
///
/// *Source*: Vehtari, Simpson, Gelman, Yao and Gabry (2024), Pareto smoothed importance sampling; systematic resampling
/// of Carpenter, Clifford and Fearnhead (1999), Improved particle filter for nonlinear problems.
pub fn resample(
    target: &dyn LogDensity,
    family: &dyn Family,
    solution: &Solution,
    streams: Streams,
    num_draws: usize,
) -> Result<(Constrained, Resampling), FitError> {
    let defence = Defence::around(family, target, solution);
    resample_by(target, family, solution, defence, streams, num_draws)
}

fn resample_by(
    target: &dyn LogDensity,
    family: &dyn Family,
    solution: &Solution,
    defence: Option<Defence>,
    streams: Streams,
    num_draws: usize,
) -> Result<(Constrained, Resampling), FitError> {
    let num_proposals = num_draws.saturating_mul(PROPOSALS).max(LEAST_PROPOSALS);
    let block = block_of(target.layout(), num_proposals);
    let sampler = Sampler { target, family, solution, streams, defence, block };
    let (mut log_p, mut all_log_q, mut log_t) = (Vec::new(), Vec::new(), Vec::new());
    sampler.each(0..num_proposals, |first, z, log_q, pass| {
        log_p.extend_from_slice(&pass.log_density[..log_q.len()]);
        all_log_q.extend_from_slice(log_q);
        log_t.extend(sampler.log_t(first, z, log_q));
        Ok(())
    })?;
    let weighted = Weighted::new(&log_p, &all_log_q, &log_t, sampler.defence.as_ref())?;
    let chosen = systematic(&weighted.log_weights, num_draws, streams);
    Ok((sampler.again(num_proposals, &chosen)?, count(&chosen, num_proposals)))
}

impl Posterior {
    /// Whether the table and the draws are of the posterior, by importance weights, or of q: the former where the verdict
    /// trusts the weights. Of a conditional Gaussian, whose weights of all latents together say nothing, they are always of q.
    pub fn is_weighted(&self) -> bool {
        self.verdict().trust == Trust::Trust && self.evidence().integrated.is_none()
    }

    /// How the draws were made from those of q; nothing where they are those of q.
    pub fn resampling(&self) -> Option<Resampling> {
        self.is_weighted().then(|| count(&self.chosen(), self.proposal.num_draws()))
    }

    /// The draws of one quantity, in the model's space; `None` when there is none of that name.
    ///
    /// They agree with the table: where that is weighted, these are the draws of [`Posterior::proposal`] resampled by their
    /// weights, as many as there are; elsewhere q's own among them. A draw of large weight is there several times, one after
    /// the other, so that an effective size by autocorrelation is that of the weights.
    pub fn draws(&self, name: &str) -> Option<Vec<f64>> {
        Some(self.taken(self.proposal.draws(name)?))
    }

    /// All named draws, `[element][draw]`; of what, [`Posterior::draws`] says.
    pub fn constrained(&self) -> Constrained {
        let all = &self.proposal.draws;
        if !self.is_weighted() {
            return self.proposal.of_q();
        }
        let chosen = self.chosen();
        let values = all.values.chunks_exact(all.num_draws).flat_map(|lane| chosen.iter().map(|&d| lane[d as usize]));
        Constrained { names: all.names.clone(), values: values.collect(), ..*all }
    }

    /// `log p(x, z)` of each of the draws.
    pub fn log_p(&self) -> Vec<f64> {
        self.taken(&self.proposal.log_p)
    }

    /// `log q(z)` of each of the draws.
    pub fn log_q(&self) -> Vec<f64> {
        self.taken(&self.proposal.log_q)
    }

    /// The table: mean, sd, Monte Carlo error and quantiles of every quantity, of the posterior by importance weights
    /// where the verdict trusts them, and of q elsewhere.
    pub fn summary(&self) -> Vec<Summary> {
        let mut lines = if self.is_weighted() { self.proposal.weighted_summary() } else { self.proposal.summary() };
        lines.iter_mut().for_each(|line| line.covered = self.covered(&line.name));
        lines
    }

    /// What the verdict says of a quantity.
    fn covered(&self, name: &str) -> Covered {
        match self.verdict().trust {
            Trust::Trust if self.evidence().unknown_sds.iter().any(|unknown| unknown == name) => Covered::Mean,
            Trust::Trust => Covered::All,
            Trust::TrustMeansOnly if self.speaks_for_mean(name) => Covered::Mean,
            _ => Covered::Nothing,
        }
    }

    /// Whether a verdict of means alone is of this quantity's: symmetry protects it, or, with very many latents, it is a latent
    /// of its own that most others do not share.
    fn speaks_for_mean(&self, name: &str) -> bool {
        let Evidence { even_means, residual, integrated, .. } = self.evidence();
        let site = self.layout().site(name.split('[').next().unwrap_or(name));
        let is_protected = even_means.as_ref().is_none_or(|even| even.names.iter().any(|even| even == name));
        let is_local = residual.as_ref().is_none_or(|residual| {
            site.is_some_and(|site| site.kind != SiteKind::Derived && !residual.shared.contains(&site.name))
        });
        let is_known = integrated.as_ref().is_none_or(|integrated| {
            let is_own = |site: &Site| site.kind != SiteKind::Derived && !integrated.shared.contains(&site.name);
            integrated.is_known() || site.is_some_and(is_own)
        });
        is_protected && is_local && is_known
    }

    /// Makes `num_draws` fresh draws that agree with the table: of the posterior, by [`resample`], where it is weighted, and
    /// of q elsewhere. The same number gives the same draws.
    ///
    /// # Errors
    /// As [`resample`].
    pub fn resample(
        &self,
        target: &dyn LogDensity,
        family: &dyn Family,
        num_draws: usize,
    ) -> Result<Constrained, FitError> {
        let streams = self.streams.purpose(RESAMPLE);
        if self.is_weighted() {
            return Ok(self.resample_with(target, family, streams, num_draws)?.0);
        }
        Ok(Proposal::draw(target, family, &self.solution, streams, num_draws)?.draws)
    }

    /// As [`resample`], from the law of this fit's own [`proposal`](Posterior::proposal), which may reach where q does not.
    ///
    /// # Errors
    /// As there.
    pub fn resample_with(
        &self,
        target: &dyn LogDensity,
        family: &dyn Family,
        streams: Streams,
        num_draws: usize,
    ) -> Result<(Constrained, Resampling), FitError> {
        resample_by(target, family, &self.solution, self.proposal.defence.clone(), streams, num_draws)
    }

    /// Which of the proposal's draws the draws are, in ascending order.
    pub(super) fn chosen(&self) -> Vec<u32> {
        let n = self.proposal.num_draws();
        if !self.is_weighted() {
            return (0..n).filter(|d| self.proposal.is_of_q(*d)).map(|d| d as u32).collect();
        }
        systematic(&self.proposal.log_weights, n, self.streams)
    }

    fn taken(&self, own: &[f64]) -> Vec<f64> {
        self.chosen().iter().map(|&d| own[d as usize]).collect()
    }
}

fn count(chosen: &[u32], num_proposals: usize) -> Resampling {
    Resampling { num_draws: chosen.len(), num_distinct: chosen.chunk_by(|a, b| a == b).count(), num_proposals }
}

/// Draws `num_draws` times with replacement, draw `d` with probability `exp(log_weights[d])`; in ascending order.
///
/// One uniform number shifts evenly spaced positions along the running sum of the weights, so that a draw comes up as
/// often as is expected of it, rounded up or down: even weights give each draw once. The draws are independent, so
/// that their order cannot fall in with the spacing.
///
/// *Source*: systematic resampling of Carpenter, Clifford and Fearnhead (1999); Douc, Cappé and Moulines (2005),
/// Comparison of resampling schemes for particle filtering, on its variance.
pub(super) fn systematic(log_weights: &[f64], num_draws: usize, streams: Streams) -> Vec<u32> {
    let mut shift = [0.0];
    streams.purpose(RESAMPLE).fill_uniform(1, &mut shift);
    let weights: Vec<f64> = log_weights.iter().map(|l| l.exp()).collect();
    let total: f64 = weights.iter().sum();
    // Rounding in the sum must not lead to a draw without weight.
    let last = weights.iter().rposition(|w| *w > 0.0).unwrap_or(0);
    let (mut draw, mut reached) = (0, weights[0]);
    let positions = (0..num_draws).map(|i| (i as f64 + shift[0]) / num_draws as f64 * total);
    positions
        .map(|position| {
            while reached <= position && draw < last {
                draw += 1;
                reached += weights[draw];
            }
            draw as u32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights from nearly even to a few that have most of the sum, one of them zero.
    fn weights(spread: f64) -> Vec<f64> {
        let mut noise = vec![0.0; 400];
        Streams::new(3).fill_normal(1, &mut noise);
        let raw: Vec<f64> = noise.iter().map(|e| (spread * e).exp()).collect();
        let total: f64 = raw.iter().sum::<f64>() - raw[17];
        let weight = |(d, w): (usize, &f64)| if d == 17 { 0.0 } else { w / total };
        raw.iter().enumerate().map(weight).collect()
    }

    fn counts(chosen: &[u32], len: usize) -> Vec<f64> {
        let mut counts = vec![0.0; len];
        chosen.iter().for_each(|&d| counts[d as usize] += 1.0);
        counts
    }

    #[test]
    fn a_draw_comes_up_as_often_as_expected_up_to_rounding() {
        for (spread, num_draws) in [(0.1, 400), (1.0, 400), (1.0, 1000), (3.0, 37)] {
            let weights = weights(spread);
            let logs: Vec<f64> = weights.iter().map(|w| w.ln()).collect();
            let (seeds, mut means) = (2000, vec![0.0; weights.len()]);
            for seed in 0..seeds {
                let chosen = systematic(&logs, num_draws, Streams::new(seed));
                assert_eq!(chosen.len(), num_draws);
                assert!(chosen.is_sorted());
                for ((count, w), mean) in counts(&chosen, weights.len()).iter().zip(&weights).zip(&mut means) {
                    // Rounding errors of 400 sums move a position by less than 1e-12 of a place.
                    let expected = w * num_draws as f64;
                    assert!(
                        *count >= (expected - 1e-9).floor() && *count <= (expected + 1e-9).ceil(),
                        "{count} {expected}"
                    );
                    *mean += count / seeds as f64;
                }
            }
            for (mean, w) in means.iter().zip(&weights) {
                // A count is one of two numbers: its variance is at most a quarter. Five standard errors for 1600 means.
                let expected = w * num_draws as f64;
                assert!((mean - expected).abs() < 5.0 * 0.5 / (seeds as f64).sqrt(), "{mean} {expected}");
            }
        }
    }

    #[test]
    fn even_weights_give_every_draw_once() {
        let chosen = systematic(&[-4000f64.ln(); 4000], 4000, Streams::new(1));
        assert!(chosen.iter().enumerate().all(|(k, &d)| k == d as usize));
    }

    #[test]
    fn one_draw_may_have_all_the_weight() {
        let mut logs = [f64::NEG_INFINITY; 30];
        logs[7] = 0.0;
        assert_eq!(systematic(&logs, 5, Streams::new(2)), [7; 5]);
        assert_eq!(count(&[7; 5], 30), Resampling { num_draws: 5, num_distinct: 1, num_proposals: 30 });
    }
}
