//! [`Posterior::assess`]: fresh draws of q and around it, and the evidence a verdict rests on.

use super::batches::Batches;
use super::defence::Defence;
use super::ellipsoid::Ellipsoid;
use super::errors::MonteCarloErrors;
use super::fresh::Fresh;
use super::hamiltonian::Whitening;
use super::sampler::{Sampler, admit_draws, block_of, draws_of_conditional, draws_of_many, most_draws};
use super::second::{SECOND_DRAWS, Second};
use super::symmetry::even_means;
use super::weights::Weighted;
use super::witness::MOST_LATENTS;
use super::{Integrated, Posterior, Proposal, Residual, Witness};
use crate::algorithm::{FitError, Solution};
use crate::diagnose::psis::k_hat_threshold;
use crate::diagnose::verdict::{Evidence, Missed, OtherMode, Trust, Verdict, are_even, restarts_disagreement};
use crate::family::Family;
use crate::fit::{Stop, Trace};
use crate::model::{Draws, RowSet};
use crate::streams::Streams;
use crate::target::LogDensity;

/// What a fit brings to its assessment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Assessment<'a> {
    /// The fit's randomness; the assessment takes its own part of it.
    pub streams: Streams,
    /// Fresh draws, exactly; as many as it takes, up to `most_draws`, where this is nothing.
    pub num_draws: Option<usize>,
    /// Fresh draws at most.
    pub most_draws: usize,
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
    /// Modes of the posterior beside that of the best run.
    pub modes: &'a [OtherMode],
    /// Whether q covers those of them that hold a part of the posterior.
    pub covers_modes: bool,
}

/// Fresh draws at most, where no other number is chosen.
const MOST_DRAWS: usize = 64_000;

impl<'a> Assessment<'a> {
    /// As many fresh draws as it takes, up to 64,000, after one run that ended with `stop`.
    ///
    /// There are 3,000 at first, and more until the Monte Carlo errors are 0.02 standard deviations of every mean, 3 % of every
    /// standard deviation and 0.03 nats of the evidence, and k-hat is clear of its threshold. No more are made where the errors
    /// say that the most would not do, or where the run had not converged.
    pub fn new(streams: Streams, stop: &'a Stop) -> Self {
        Assessment {
            streams,
            num_draws: None,
            most_draws: MOST_DRAWS,
            stop,
            trace: None,
            restarts: &[],
            second: None,
            missed: None,
            modes: &[],
            covers_modes: false,
        }
    }

    /// Exactly so many fresh draws.
    #[must_use]
    pub fn num_draws(self, num_draws: usize) -> Self {
        Assessment { num_draws: Some(num_draws), ..self }
    }

    /// As many fresh draws as it takes, and at most so many.
    #[must_use]
    pub fn most_draws(self, most_draws: usize) -> Self {
        Assessment { num_draws: None, most_draws, ..self }
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
        Assessment { modes, covers_modes: false, ..self }
    }

    /// Modes of the posterior beside the best run's, all of which q covers that hold a part of it.
    #[must_use]
    pub fn covered_modes(self, modes: &'a [OtherMode]) -> Self {
        Assessment { modes, covers_modes: true, ..self }
    }
}

/// Purposes of the streams; those of algorithms have small numbers.
const DRAWS: u32 = 0x6173_7365;
const WITNESS: u32 = 0x7769_746e;
const FARTHER: u32 = 0x6661_7274;
const LAST: u32 = 0x6c61_7374;
const RESIDUAL: u32 = 0x7265_7369;

/// Latents of a sparse or a conditional Gaussian up to which all of them are weighted together: weights of more are those of a
/// few draws, whatever q is.
pub(crate) const WEIGHTED_TOGETHER: usize = 200;

/// Effective share from which no witness is asked: it costs more than the fit.
const PLAINLY_RIGHT: f64 = 0.5;

impl Posterior {
    /// Draws afresh from q at `solution` and around it, evaluates the model there, and judges the fit.
    ///
    /// The law of the draws is that of [`Proposal`]. Draws at which the model's density is not finite get weight zero. The
    /// bound is that of q restricted to the others ([`Bound`](super::Bound)), and the share of q's own that were rejected counts in the verdict.
    /// There is one evaluation of the density for each draw, and as many for a second solution whose bound is not among the
    /// restarts'.
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
        let layout = target.layout();
        let most = settings.num_draws.unwrap_or_else(|| settings.most_draws.min(most_draws(layout)));
        if most < 2 {
            return Err(FitError::setting(
                "draws",
                format!("{most} draws to assess the fit with, expected at least 2; take 4000"),
            ));
        }
        admit_draws(most, layout.num_latents + layout.num_integers)?;
        let (streams, block) = (settings.streams.purpose(DRAWS), block_of(layout, most));
        let many = family.sparse().filter(|sparse| sparse.dimension() > WEIGHTED_TOGETHER);
        let conditional = family.conditional().filter(|family| family.dimension() > WEIGHTED_TOGETHER);
        let has_many = many.is_some() || conditional.is_some();
        let defence = if has_many { None } else { Defence::around(family, target, solution) };
        let mut sampler = Sampler { target, family, solution, streams, defence, block };
        let batches = match settings.num_draws {
            Some(exact) => Batches::exactly(exact, block),
            None if conditional.is_some() => Batches::exactly(most.min(draws_of_conditional(layout)), block),
            None if has_many => Batches::exactly(most.min(draws_of_many(layout)), block),
            None if settings.stop.has_converged() => Batches::up_to(most, block),
            None => Batches::exactly(Batches::up_to(most, block).first(), block),
        };
        let mut drawn = Drawn::of(&sampler, batches.first())?;
        let (mut witness, mut replaced, mut is_moved) = (None, 0, has_many || !settings.stop.has_converged());
        loop {
            if !is_moved && !drawn.is_plainly_right() {
                is_moved = true;
                if let Some((called, defence)) = drawn.moved(&sampler, settings.streams)? {
                    witness = Some(called);
                    // As many as before: the share of few draws of a heavy tail is too good.
                    let num_draws = drawn.fresh.num_draws();
                    let farther =
                        Sampler { streams: streams.purpose(FARTHER), defence: Some(defence), ..sampler.clone() };
                    let other = Drawn::of(&farther, num_draws)?;
                    replaced = num_draws as u64;
                    if other.is_better_than(&drawn) {
                        (sampler, drawn) = (farther, other);
                    }
                }
            }
            match batches.next(drawn.fresh.num_draws(), &drawn.weighted, &drawn.errors) {
                Some(num_draws) => drawn.grow(&sampler, num_draws)?,
                None => break,
            }
        }
        let Drawn { fresh, weighted, errors } = &drawn;
        let residual = match (many, target.differentiable()) {
            (Some(sparse), Some(target)) => {
                Some(Residual::measure(target, sparse, &solution.params, settings.streams.purpose(RESIDUAL))?)
            }
            _ => None,
        };
        let integrated = match (conditional, target.differentiable()) {
            (Some(family), Some(target)) => {
                Some(Integrated::measure(target, family, &solution.params, settings.streams.purpose(RESIDUAL))?)
            }
            _ => None,
        };
        let bound = match (&residual, &integrated) {
            (_, Some(integrated)) => integrated.on(fresh.bound(weighted)),
            (Some(_), _) if !are_even(drawn.share(), weighted.largest) => fresh.bound(weighted).without_evidence(),
            _ => fresh.bound(weighted),
        };
        // The table is of q's own draws then.
        let of_q = integrated.as_ref().map(|_| MonteCarloErrors::of(&fresh.draws, &fresh.even_weights()));
        let errors = of_q.as_ref().unwrap_or(errors);
        let most = if has_many { fresh.num_draws() } else { SECOND_DRAWS };
        let second = Second::of(&sampler, settings, &bound, most)?;
        let num_draws = fresh.num_draws();
        let is_a_point = fresh.is_a_point();
        let mut evidence = Evidence {
            k_hat: if is_a_point || has_many { f64::NAN } else { weighted.k_hat },
            effective_share: if is_a_point { 0.0 } else { weighted.effective_size / num_draws as f64 },
            largest_weight: weighted.largest,
            mean_error: errors.mean,
            sd_error: errors.sd,
            unknown_sds: errors.unknown.iter().map(|k| fresh.draws.names[*k].clone()).collect(),
            even_means: None,
            num_draws,
            has_integers: layout.num_integers + layout.num_row_integers > 0,
            converged: settings.stop.has_converged(),
            stop_reason: settings.stop.to_string(),
            rejected_share: fresh.rejected_share(),
            halves_disagreement: if is_a_point {
                0.0
            } else if let Some(integrated) = &integrated {
                integrated.halves
            } else if residual.is_some() {
                // Without weights, which would be those of a few draws, there is a second solution to compare alone.
                fresh.difference(second.places.as_deref())
            } else {
                fresh.disagreement(&weighted.log_density, second.places.as_deref())
            },
            restarts_disagreement: restarts_disagreement(&second.bounds),
            residual,
            integrated,
            witness: None,
        };
        // The first call was of other draws: where it was alarmed, those that came of it must stand.
        let is_in_doubt = match &witness {
            Some(called) => called.is_alarmed(),
            None => !has_many && !drawn.is_plainly_right(),
        };
        if is_in_doubt && !is_a_point && Verdict::from_evidence(&evidence).trust == Trust::Trust {
            let before = witness.take().map_or(0, |called: Witness| called.evaluations);
            let last = drawn.called(&sampler, settings.streams.purpose(LAST))?;
            witness = last.map(|(called, _, _)| Witness { evaluations: called.evaluations + before, ..called });
        }
        evidence.witness = witness.map(|called| Witness { evaluations: called.evaluations + replaced, ..called });
        if !has_many && !is_a_point && evidence.converged && Verdict::from_evidence(&evidence).trust != Trust::Trust {
            evidence.even_means = even_means(&sampler, &drawn.fresh)?;
        }
        let verdict = if is_a_point {
            Verdict::of_a_point(&evidence)
        } else {
            let mut verdict = Verdict::from_evidence(&evidence);
            if sampler.bends() && !has_many {
                verdict.judge_bent(evidence.k_hat, num_draws);
            }
            settings.missed.iter().for_each(|missed| verdict.judge_missed(missed));
            match settings.covers_modes {
                true => verdict.say_modes(settings.modes),
                false => verdict.judge_modes(settings.modes),
            }
            fresh.say_what_is_fixed(layout, &mut verdict);
            let entropy = family.entropy(&solution.params, &RowSet::all());
            fresh.say_what_cannot_be(target, entropy, &bound, &mut verdict);
            verdict
        };
        let Drawn { fresh, weighted, .. } = drawn;
        Ok(Posterior {
            family: family.name(),
            layout: layout.clone(),
            solution: solution.clone(),
            streams: sampler.streams,
            block,
            bound,
            latents: fresh.latents,
            integers: fresh.integers,
            proposal: Proposal {
                draws: fresh.draws,
                log_p: fresh.log_p,
                log_q: fresh.log_q,
                log_t: fresh.log_t,
                log_weights: weighted.log_weights,
                defence: sampler.defence,
            },
            effective_size: weighted.effective_size,
            evidence,
            verdict,
            stop: settings.stop.clone(),
            trace: settings.trace.cloned(),
        })
    }
}

/// Draws so far, with their weights and Monte Carlo errors.
struct Drawn {
    fresh: Fresh,
    weighted: Weighted,
    errors: MonteCarloErrors,
}

impl Drawn {
    fn of(sampler: &Sampler, num_draws: usize) -> Result<Self, FitError> {
        let mut fresh = Fresh::default();
        fresh.grow(sampler, num_draws)?;
        let weighted = Self::weigh(&fresh, sampler)?;
        let errors = MonteCarloErrors::of(&fresh.draws, &weighted.log_weights);
        Ok(Drawn { fresh, weighted, errors })
    }

    fn grow(&mut self, sampler: &Sampler, num_draws: usize) -> Result<(), FitError> {
        self.fresh.grow(sampler, num_draws)?;
        self.weighted = Self::weigh(&self.fresh, sampler)?;
        self.errors = MonteCarloErrors::of(&self.fresh.draws, &self.weighted.log_weights);
        Ok(())
    }

    fn weigh(fresh: &Fresh, sampler: &Sampler) -> Result<Weighted, FitError> {
        let weighted = Weighted::new(&fresh.log_p, &fresh.log_q, &fresh.log_t, sampler.defence.as_ref())?;
        // A flow goes where its draws pulled it: [`Verdict::judge_bent`].
        let is_even = weighted.is_even && !sampler.bends();
        Ok(Weighted { is_even, ..weighted })
    }

    fn share(&self) -> f64 {
        self.weighted.effective_size / self.fresh.num_draws() as f64
    }

    /// Whether the tail of the weights is no reason to doubt them.
    fn has_fair_tail(&self) -> bool {
        let Weighted { k_hat, is_even, .. } = self.weighted;
        k_hat <= k_hat_threshold(self.fresh.num_draws()) || is_even
    }

    fn is_plainly_right(&self) -> bool {
        self.share() >= PLAINLY_RIGHT && self.has_fair_tail()
    }

    /// Whether these weights are the better ones: by their tail, and by what they are worth.
    fn is_better_than(&self, other: &Drawn) -> bool {
        let rank = |drawn: &Drawn| (drawn.has_fair_tail(), drawn.weighted.effective_size);
        rank(self).partial_cmp(&rank(other)) == Some(std::cmp::Ordering::Greater)
    }

    /// What moved draws say, the draws, and the coordinates they were moved in; nothing where they cannot be moved.
    fn called(&self, sampler: &Sampler, streams: Streams) -> Result<Option<(Witness, Draws, Whitening)>, FitError> {
        let layout = sampler.target.layout();
        let others = layout.num_integers + layout.num_row_latents + layout.num_row_integers;
        let can_move = others == 0 && (1..=MOST_LATENTS).contains(&layout.num_latents);
        let Some(target) = sampler.target.differentiable().filter(|_| can_move) else { return Ok(None) };
        let lanes = self.fresh.latents.chunks_exact(self.fresh.num_draws());
        let own: Vec<f64> = lanes.flat_map(|lane| self.fresh.of_q(lane)).collect();
        let Some(whitening) = Whitening::of(&own, own.len() / layout.num_latents) else { return Ok(None) };
        let weighted = (&self.fresh.latents[..], &self.weighted.log_weights[..]);
        let theta = &sampler.solution.theta;
        let (witness, moved) = Witness::call(target, theta, &whitening, weighted, streams.purpose(WITNESS))?;
        Ok(Some((witness, moved, whitening)))
    }

    /// The same, with a defence around the moved draws; nothing where q has no defence.
    fn moved(&self, sampler: &Sampler, streams: Streams) -> Result<Option<(Witness, Defence)>, FitError> {
        let Some(defence) = sampler.defence.clone() else { return Ok(None) };
        let Some((witness, moved, whitening)) = self.called(sampler, streams)? else { return Ok(None) };
        let ellipsoid = Ellipsoid::of_moments(&moved, &whitening);
        Ok(Some((witness, ellipsoid.map_or(defence.clone(), |ellipsoid| defence.elsewhere(ellipsoid)))))
    }
}
