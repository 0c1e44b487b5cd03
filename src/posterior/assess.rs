//! [`Posterior::assess`]: fresh draws of q, and the evidence a verdict rests on.

use super::sampler::{Sampler, block_of};
use super::statistics::{mcse_mean, mean, sd, weighted_mcse_mean, weighted_mean, weighted_sd};
use super::weights::{Weighted, weights_of};
use super::{Bound, MonteCarlo, Posterior, Proposal};
use crate::algorithm::{FitError, Solution};
use crate::diagnose::verdict::{
    Evidence, HalfMeans, Missed, OtherMode, Trust, Verdict, halves_disagreement, restarts_disagreement,
};
use crate::family::Family;
use crate::fit::{Stop, Trace};
use crate::model::{Layout, RowSet};
use crate::objective::Accepted;
use crate::streams::Streams;
use crate::target::{Constrained, LogDensity};

/// What a fit brings to its assessment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Assessment<'a> {
    /// The fit's randomness; the assessment takes its own part of it.
    pub streams: Streams,
    /// Fresh draws of q.
    pub num_draws: usize,
    /// The reason for which the optimisation ended.
    pub stop: &'a Stop,
    /// The objective along the fit.
    pub trace: Option<&'a Trace>,
    /// Bound and standard error of each restart, where there were several.
    pub restarts: &'a [(f64, f64)],
    /// A second, independent solution of the same family: its means are held against the first's.
    pub second: Option<&'a Solution>,
    /// A value of an integer that the family is known to leave out.
    pub missed: Option<Missed>,
    /// Modes of the posterior that q does not cover.
    pub modes: &'a [OtherMode],
}

impl<'a> Assessment<'a> {
    /// 4000 fresh draws after one run that ended with `stop`.
    pub fn new(streams: Streams, stop: &'a Stop) -> Self {
        Assessment {
            streams,
            num_draws: 4000,
            stop,
            trace: None,
            restarts: &[],
            second: None,
            missed: None,
            modes: &[],
        }
    }

    /// Fresh draws of q.
    #[must_use]
    pub fn num_draws(self, num_draws: usize) -> Self {
        Assessment { num_draws, ..self }
    }

    /// The objective along the fit.
    #[must_use]
    pub fn trace(self, trace: &'a Trace) -> Self {
        Assessment { trace: Some(trace), ..self }
    }

    /// Bound and standard error of each restart.
    #[must_use]
    pub fn restarts(self, restarts: &'a [(f64, f64)]) -> Self {
        Assessment { restarts, ..self }
    }

    /// A second, independent solution.
    #[must_use]
    pub fn second(self, second: &'a Solution) -> Self {
        Assessment { second: Some(second), ..self }
    }

    /// A value of an integer that the family leaves out.
    #[must_use]
    pub fn missed(self, missed: Missed) -> Self {
        Assessment { missed: Some(missed), ..self }
    }

    /// Modes of the posterior that q does not cover.
    #[must_use]
    pub fn modes(self, modes: &'a [OtherMode]) -> Self {
        Assessment { modes, ..self }
    }
}

/// Purposes of the streams; those of algorithms have small numbers.
const DRAWS: u32 = 0x6173_7365;
const SECOND: u32 = 0x7365_636f;

/// Fresh draws of a solution and the densities there.
pub(super) struct Fresh {
    latents: Vec<f64>,
    integers: Vec<u32>,
    draws: Constrained,
    pub(super) log_p: Vec<f64>,
    pub(super) log_q: Vec<f64>,
    pub(super) data: Vec<f64>,
}

impl Posterior {
    /// Draws afresh from q at `solution`, evaluates the model there, and judges the fit.
    ///
    /// Draws at which the model's density is not finite get weight zero. The bound is that of q restricted to the others
    /// ([`Bound`]), and the share of rejected draws counts in the verdict.
    ///
    /// # Errors
    /// Fewer than two draws asked for, a solution that is not of this family and target, a density that cannot be
    /// evaluated, or one that is finite at no draw.
    pub fn assess(
        target: &dyn LogDensity,
        family: &dyn Family,
        solution: &Solution,
        settings: &Assessment,
    ) -> Result<Posterior, FitError> {
        let (num_draws, streams) = (settings.num_draws, settings.streams.purpose(DRAWS));
        if num_draws < 2 {
            return Err(FitError::setting(
                "draws",
                format!("{num_draws} draws to assess the fit with, expected at least 2; take 4000"),
            ));
        }
        let block = block_of(target.layout(), num_draws);
        let sampler = Sampler { target, family, solution, streams, num_draws, block };
        let fresh = Fresh::take(&sampler)?;
        let weighted = Weighted::new(&fresh.log_p, &fresh.log_q)?;
        let second = match settings.second {
            None => None,
            Some(solution) => {
                let streams = settings.streams.purpose(SECOND);
                Some(Fresh::take(&Sampler { solution, streams, ..sampler })?)
            }
        };
        let bound = fresh.bound(weighted.log_evidence);
        let restarts = restarts(settings, &bound, second.as_ref());
        let is_a_point = fresh.is_a_point();
        let evidence = Evidence {
            k_hat: if is_a_point { f64::NAN } else { weighted.k_hat },
            effective_share: if is_a_point { 0.0 } else { weighted.effective_size / settings.num_draws as f64 },
            num_draws: settings.num_draws,
            has_integers: target.layout().num_integers + target.layout().num_row_integers > 0,
            converged: settings.stop.has_converged(),
            stop_reason: settings.stop.to_string(),
            rejected_share: fresh.rejected() as f64 / settings.num_draws as f64,
            halves_disagreement: if is_a_point { 0.0 } else { fresh.disagreement(second.as_ref()) },
            restarts_disagreement: restarts_disagreement(&restarts),
        };
        let verdict = if is_a_point {
            Verdict::of_a_point(&evidence)
        } else {
            let mut verdict = Verdict::from_evidence(&evidence);
            settings.missed.iter().for_each(|missed| verdict.judge_missed(missed));
            verdict.judge_modes(settings.modes);
            fresh.say_what_is_fixed(target.layout(), &mut verdict);
            let entropy = family.entropy(&solution.params, &RowSet::all());
            fresh.say_what_cannot_be(target, entropy, &bound, &mut verdict);
            verdict
        };
        Ok(Posterior {
            family: family.name(),
            layout: target.layout().clone(),
            solution: solution.clone(),
            streams,
            block,
            bound,
            latents: fresh.latents,
            integers: fresh.integers,
            proposal: Proposal {
                draws: fresh.draws,
                log_p: fresh.log_p,
                log_q: fresh.log_q,
                log_weights: weighted.log_weights,
            },
            effective_size: weighted.effective_size,
            evidence,
            verdict,
            stop: settings.stop.clone(),
            trace: settings.trace.cloned(),
        })
    }
}

/// The bounds to compare: those of the restarts, or of the two solutions.
fn restarts(settings: &Assessment, bound: &Bound, second: Option<&Fresh>) -> Vec<(f64, f64)> {
    match second {
        Some(other) if settings.restarts.is_empty() => {
            // Its log evidence is not needed for its bound.
            let other = other.bound(bound.log_evidence).elbo;
            vec![(bound.elbo.value, bound.elbo.mcse), (other.value, other.mcse)]
        }
        _ => settings.restarts.to_vec(),
    }
}

impl Fresh {
    fn take(sampler: &Sampler) -> Result<Self, FitError> {
        let (layout, num_draws) = (sampler.target.layout(), sampler.num_draws);
        let mut out = Fresh {
            latents: vec![0.0; layout.num_latents * num_draws],
            integers: vec![0; layout.num_integers * num_draws],
            draws: Constrained::default(),
            log_p: Vec::with_capacity(num_draws),
            log_q: Vec::with_capacity(num_draws),
            data: Vec::new(),
        };
        sampler.each(|first, z, log_q, pass| {
            out.log_p.extend_from_slice(&pass.log_density[..z.num_draws]);
            out.log_q.extend_from_slice(log_q);
            if sampler.target.separates_data() {
                out.data.extend_from_slice(&pass.data[..z.num_draws]);
            }
            place(&mut out.latents, &z.latents, first, z.num_draws, num_draws);
            place(&mut out.integers, &z.integers, first, z.num_draws, num_draws);
            out.draws.place(first, num_draws, &sampler.target.constrained(&sampler.solution.theta, z));
        })?;
        Ok(out)
    }

    pub(super) fn accepted(&self, draw: usize) -> bool {
        self.log_p[draw].is_finite()
    }

    fn rejected(&self) -> usize {
        (0..self.log_p.len()).filter(|&d| !self.accepted(d)).count()
    }

    fn bound(&self, log_evidence: MonteCarlo) -> Bound {
        let keep = |v: &[f64]| -> Vec<f64> { (0..v.len()).filter(|&d| self.accepted(d)).map(|d| v[d]).collect() };
        let (log_p, log_q, data) = (keep(&self.log_p), keep(&self.log_q), keep(&self.data));
        let accepted = Accepted { count: log_p.len(), num_draws: self.log_p.len() };
        Bound::new(&log_p, &log_q, (!self.data.is_empty()).then_some(&data), log_evidence, accepted)
    }

    /// Every latent outside of rows, `[draw]`, in the space the family works in, where moments exist.
    fn lanes(&self) -> impl Iterator<Item = Vec<f64>> {
        let n = self.log_p.len();
        let integers = self.integers.chunks_exact(n).map(|lane| lane.iter().map(|&k| f64::from(k)).collect());
        self.latents.chunks_exact(n).map(<[f64]>::to_vec).chain(integers)
    }

    /// Whether all draws are the same point, whose equal weights say nothing.
    fn is_a_point(&self) -> bool {
        let mut lanes = self.lanes().peekable();
        lanes.peek().is_some() && lanes.all(|lane| is_fixed(&lane))
    }

    /// Latents without any spread in q have no uncertainty to report.
    fn say_what_is_fixed(&self, layout: &Layout, verdict: &mut Verdict) {
        let n = self.log_p.len();
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

    /// How far means move between two halves of the draws, weighted afresh, and between two solutions.
    fn disagreement(&self, second: Option<&Fresh>) -> f64 {
        let n = self.log_p.len();
        if self.latents.is_empty() && self.integers.is_empty() {
            // Only learnable parameters, or latents of rows alone: there is no mean to compare.
            return 0.0;
        }
        let halves = [0..n / 2, n / 2..n];
        let weights = halves.clone().map(|half| weights_of(&self.log_p[half.clone()], &self.log_q[half]));
        let all = weights_of(&self.log_p, &self.log_q);
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
        let between = second.map(|other| {
            let pairs = self.lanes().zip(other.lanes());
            let means: Vec<HalfMeans> = pairs
                .map(|(a, b)| HalfMeans {
                    means: [mean(&a), mean(&b)],
                    mcse: [mcse_mean(&a), mcse_mean(&b)],
                    sd: sd(&a),
                })
                .collect();
            halves_disagreement(&means)
        });
        larger_or_nan(halves_disagreement(&within), between.unwrap_or(0.0))
    }
}

fn is_fixed(lane: &[f64]) -> bool {
    lane.iter().all(|x| *x == lane[0])
}

fn larger_or_nan(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// Copies a block of `count` draws to its place among all draws.
fn place<T: Copy>(all: &mut [T], block: &[T], first: usize, count: usize, num_draws: usize) {
    for (lane, from) in all.chunks_exact_mut(num_draws).zip(block.chunks_exact(count)) {
        lane[first..first + count].copy_from_slice(from);
    }
}
