//! [`Posterior::assess`]: fresh draws of q and around it, and the evidence a verdict rests on.

use super::batches::Batches;
use super::defence::Defence;
use super::errors::MonteCarloErrors;
use super::fresh::{Fresh, places};
use super::sampler::{Sampler, admit_draws, block_of, most_draws};
use super::weights::Weighted;
use super::{Bound, Posterior, Proposal};
use crate::algorithm::{FitError, Solution};
use crate::diagnose::verdict::{Evidence, Missed, OtherMode, Verdict, restarts_disagreement};
use crate::family::Family;
use crate::fit::{Stop, Trace};
use crate::model::RowSet;
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
    /// Modes of the posterior that q does not cover.
    pub modes: &'a [OtherMode],
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
        Assessment { modes, ..self }
    }
}

/// Purposes of the streams; those of algorithms have small numbers.
const DRAWS: u32 = 0x6173_7365;
const SECOND: u32 = 0x7365_636f;

impl Posterior {
    /// Draws afresh from q at `solution` and around it, evaluates the model there, and judges the fit.
    ///
    /// The law of the draws is that of [`Proposal`]. Draws at which the model's density is not finite get weight zero. The
    /// bound is that of q restricted to the others ([`Bound`]), and the share of q's own that were rejected counts in the verdict.
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
        let defence = Defence::around(family, layout, solution);
        let sampler = Sampler { target, family, solution, streams, defence, block };
        let batches = match settings.num_draws {
            Some(exact) => Batches::exactly(exact, block),
            None if settings.stop.has_converged() => Batches::up_to(most, block),
            None => Batches::exactly(Batches::up_to(most, block).first(), block),
        };
        let (mut fresh, mut next) = (Fresh::default(), Some(batches.first()));
        let (mut weighted, mut errors) = (None, MonteCarloErrors::default());
        while let Some(num_draws) = next {
            fresh.grow(&sampler, num_draws)?;
            let found = Weighted::new(&fresh.log_p, &fresh.log_q, sampler.defence.as_ref())?;
            errors = MonteCarloErrors::of(&fresh.draws, &found.log_weights);
            next = batches.next(num_draws, &found, &errors);
            weighted = Some(found);
        }
        let weighted = weighted.expect("batches begin with one");
        let bound = fresh.bound(&weighted);
        let second = Second::of(&sampler, settings, &bound)?;
        let num_draws = fresh.num_draws();
        let is_a_point = fresh.is_a_point();
        let evidence = Evidence {
            k_hat: if is_a_point { f64::NAN } else { weighted.k_hat },
            effective_share: if is_a_point { 0.0 } else { weighted.effective_size / num_draws as f64 },
            mean_error: errors.mean,
            sd_error: errors.sd,
            num_draws,
            has_integers: layout.num_integers + layout.num_row_integers > 0,
            converged: settings.stop.has_converged(),
            stop_reason: settings.stop.to_string(),
            rejected_share: fresh.rejected_share(),
            halves_disagreement: if is_a_point {
                0.0
            } else {
                fresh.disagreement(&weighted.log_density, second.places.as_deref())
            },
            restarts_disagreement: restarts_disagreement(&second.bounds),
        };
        let verdict = if is_a_point {
            Verdict::of_a_point(&evidence)
        } else {
            let mut verdict = Verdict::from_evidence(&evidence);
            settings.missed.iter().for_each(|missed| verdict.judge_missed(missed));
            verdict.judge_modes(settings.modes);
            fresh.say_what_is_fixed(layout, &mut verdict);
            let entropy = family.entropy(&solution.params, &RowSet::all());
            fresh.say_what_cannot_be(target, entropy, &bound, &mut verdict);
            verdict
        };
        Ok(Posterior {
            family: family.name(),
            layout: layout.clone(),
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

/// What a second solution is held against the first by.
struct Second {
    /// Where its latents lie.
    places: Option<Vec<Vec<f64>>>,
    /// The bounds to compare: those of the restarts, or of the two solutions.
    bounds: Vec<(f64, f64)>,
}

/// Draws that tell where a second solution lies.
const SECOND_DRAWS: usize = 4000;

impl Second {
    /// Evaluates the density only where the bound of the second solution is not known.
    fn of(sampler: &Sampler, settings: &Assessment, bound: &Bound) -> Result<Second, FitError> {
        let mut out = Second { places: None, bounds: settings.restarts.to_vec() };
        let Some(solution) = settings.second else { return Ok(out) };
        let num_draws = settings.num_draws.unwrap_or(SECOND_DRAWS);
        let streams = settings.streams.purpose(SECOND);
        let block = block_of(sampler.target.layout(), num_draws);
        let sampler = Sampler { solution, streams, block, defence: None, ..*sampler };
        if !settings.restarts.is_empty() {
            out.places = Some(places(&sampler, num_draws)?);
            return Ok(out);
        }
        let mut fresh = Fresh::default();
        fresh.grow(&sampler, num_draws)?;
        out.bounds = [bound.elbo, fresh.elbo()].map(|elbo| (elbo.value, elbo.mcse)).to_vec();
        out.places = Some(fresh.lanes().collect());
        Ok(out)
    }
}
