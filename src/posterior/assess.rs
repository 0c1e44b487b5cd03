//! [`Posterior::assess`]: fresh draws of q, and the evidence a verdict rests on.

use super::statistics::{mcse_mean, mean, sd, weighted_mcse_mean, weighted_mean, weighted_sd};
use super::{Bound, MonteCarlo, Posterior};
use crate::algorithm::{FitError, Solution};
use crate::diagnose::psis::{MIN_DRAWS, Psis, log_evidence, psis};
use crate::diagnose::verdict::{
    Evidence, HalfMeans, Missed, Trust, Verdict, halves_disagreement, restarts_disagreement,
};
use crate::family::Family;
use crate::fit::{Stop, Trace};
use crate::model::{Draws, Layout, RowSet, Site};
use crate::objective::Accepted;
use crate::streams::Streams;
use crate::target::{Constrained, LogDensity, Pass};

/// What a fit brings to its assessment.
#[derive(Clone, Debug)]
pub struct Assessment<'a> {
    /// The fit's randomness; the assessment takes its own part of it.
    pub streams: Streams,
    /// Fresh draws of q.
    pub num_draws: usize,
    /// Why the optimisation ended.
    pub stop: &'a Stop,
    /// The objective along the fit.
    pub trace: Option<&'a Trace>,
    /// Bound and standard error of each restart, where there were several.
    pub restarts: &'a [(f64, f64)],
    /// A second, independent solution of the same family: its means are held against the first's.
    pub second: Option<&'a Solution>,
    /// A value of an integer that the family is known to leave out.
    pub missed: Option<Missed>,
}

impl<'a> Assessment<'a> {
    /// 4000 fresh draws after one run that ended with `stop`.
    pub fn new(streams: Streams, stop: &'a Stop) -> Self {
        Assessment { streams, num_draws: 4000, stop, trace: None, restarts: &[], second: None, missed: None }
    }
}

/// Purposes of the streams; those of algorithms have small numbers.
const DRAWS: u32 = 0x6173_7365;
const SECOND: u32 = 0x7365_636f;

/// Numbers in a block of draws, row latents included, that keep a pass in bounded memory.
const BLOCK_NUMBERS: usize = 4_000_000;
/// Draws in a block at most.
const BLOCK_DRAWS: usize = 500;

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
        check(target.layout(), family, solution, settings)?;
        let streams = settings.streams.purpose(DRAWS);
        let block = block_of(target.layout(), settings.num_draws);
        let fresh = Fresh::take(target, family, solution, streams, settings.num_draws, block)?;
        let weighted = Weighted::new(&fresh.log_p, &fresh.log_q)?;
        let second = match settings.second {
            None => None,
            Some(other) => {
                check(target.layout(), family, other, settings)?;
                let streams = settings.streams.purpose(SECOND);
                Some(Fresh::take(target, family, other, streams, settings.num_draws, block)?)
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
            draws: fresh.draws,
            log_p: fresh.log_p,
            log_q: fresh.log_q,
            log_weights: weighted.log_weights,
            effective_size: weighted.effective_size,
            evidence,
            verdict,
            stop: settings.stop.clone(),
            trace: settings.trace.cloned(),
        })
    }
}

fn check(layout: &Layout, family: &dyn Family, solution: &Solution, settings: &Assessment) -> Result<(), FitError> {
    let sizes = [
        ("parameters of q", solution.params.len(), family.num_params()),
        ("learnable parameters", solution.theta.len(), layout.num_parameters),
    ];
    for (what, found, expected) in sizes {
        if found != expected {
            return Err(FitError::Setting(format!(
                "the solution has {found} {what}, expected {expected}; give the one found for this target and family"
            )));
        }
    }
    if settings.num_draws < 2 {
        return Err(FitError::Setting(format!(
            "{} draws to assess the fit with, expected at least 2; take 4000",
            settings.num_draws
        )));
    }
    Ok(())
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

/// Draws in a block: a function of the model alone, since it decides which noise a draw gets.
fn block_of(layout: &Layout, num_draws: usize) -> usize {
    let outside: usize = layout.num_latents + layout.sites.iter().map(Site::num_constrained).sum::<usize>();
    let inside = (layout.num_row_latents + layout.num_row_integers) * layout.num_rows;
    (BLOCK_NUMBERS / (outside + inside).max(1)).clamp(8, BLOCK_DRAWS).min(num_draws)
}

impl Fresh {
    fn take(
        target: &dyn LogDensity,
        family: &dyn Family,
        solution: &Solution,
        streams: Streams,
        num_draws: usize,
        block: usize,
    ) -> Result<Self, FitError> {
        let layout = target.layout();
        let (rows, mut pass, mut z) = (RowSet::all(), Pass::default(), Draws::default());
        let mut log_q = vec![0.0; block];
        let mut out = Fresh {
            latents: vec![0.0; layout.num_latents * num_draws],
            integers: vec![0; layout.num_integers * num_draws],
            draws: Constrained::default(),
            log_p: Vec::with_capacity(num_draws),
            log_q: Vec::with_capacity(num_draws),
            data: Vec::new(),
        };
        for (k, first) in (0..num_draws).step_by(block).enumerate() {
            let count = block.min(num_draws - first);
            z.fit(layout, layout.num_rows, count);
            family.sample(&solution.params, &rows, streams.at_step(k as u64), &mut z);
            family.log_q(&solution.params, &rows, &z, &mut log_q[..count]);
            target.log_density(&solution.theta, &z, &rows, &mut pass)?;
            out.log_p.extend_from_slice(&pass.log_density[..count]);
            out.log_q.extend_from_slice(&log_q[..count]);
            if target.separates_data() {
                out.data.extend_from_slice(&pass.data[..count]);
            }
            place(&mut out.latents, &z.latents, first, count, num_draws);
            place(&mut out.integers, &z.integers, first, count, num_draws);
            let named = target.constrained(&solution.theta, &z);
            if first == 0 {
                let values = vec![0.0; named.names.len() * num_draws];
                out.draws = Constrained { names: named.names, num_rows: 1, num_draws, values };
            }
            place(&mut out.draws.values, &named.values, first, count, num_draws);
        }
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

/// Log ratios with weight zero for draws that are rejected.
fn log_ratios(log_p: &[f64], log_q: &[f64]) -> Vec<f64> {
    let ratio = |(p, q): (&f64, &f64)| if p.is_finite() { p - q } else { f64::NEG_INFINITY };
    log_p.iter().zip(log_q).map(ratio).collect()
}

/// Smoothed weights where there are enough draws, raw ones otherwise; zeros where no weight is usable.
fn weights_of(log_p: &[f64], log_q: &[f64]) -> Vec<f64> {
    let ratios = log_ratios(log_p, log_q);
    match psis(&ratios) {
        Ok(smooth) => smooth.log_weights.iter().map(|l| l.exp()).collect(),
        Err(_) => {
            let max = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            ratios.iter().map(|r| if max.is_finite() { (r - max).exp() } else { 0.0 }).collect()
        }
    }
}

/// Importance weights of all draws.
struct Weighted {
    k_hat: f64,
    log_weights: Vec<f64>,
    effective_size: f64,
    log_evidence: MonteCarlo,
}

impl Weighted {
    fn new(log_p: &[f64], log_q: &[f64]) -> Result<Self, FitError> {
        let ratios = log_ratios(log_p, log_q);
        if log_p.iter().all(|l| !l.is_finite()) {
            return Err(FitError::NotFinite {
                place: "fresh draws of q".into(),
                times: log_p.len(),
                detail: String::new(),
            });
        }
        let unusable = |e: &dyn std::fmt::Display| FitError::Unsupported(format!("{e} (log q is not finite there)"));
        if ratios.len() < MIN_DRAWS {
            let raw = log_evidence(&ratios).map_err(|e| unusable(&e))?;
            let weights = weights_of(log_p, log_q);
            let total: f64 = weights.iter().sum();
            let squares: f64 = weights.iter().map(|w| (w / total).powi(2)).sum();
            return Ok(Weighted {
                k_hat: f64::NAN,
                log_weights: weights.iter().map(|w| (w / total).ln()).collect(),
                effective_size: 1.0 / squares,
                log_evidence: MonteCarlo { value: raw.estimate, mcse: raw.mcse },
            });
        }
        let Psis { k_hat, log_weights, effective_size, log_evidence, .. } = psis(&ratios).map_err(|e| unusable(&e))?;
        let log_evidence = MonteCarlo { value: log_evidence.estimate, mcse: log_evidence.mcse };
        Ok(Weighted { k_hat, log_weights, effective_size, log_evidence })
    }
}
