//! Where integers are summed out: a Gaussian for each of their joint values that holds some of the posterior, and their mixture.

use super::candidates::{Candidate, more_trusted};
use super::density::Density;
use super::job::natural_gradient;
use super::own::OwnNames;
use super::plan::{Gradient, Plan, decide};
use super::restarts::compared;
use super::run::Settings;
use super::start::{COMPARABLE, StartReport, check_point};
use super::structure::Structure;
use super::{FamilyChoice, Fitted, OptimizerChoice, Restart, Tried};
use crate::algorithm::{Explored, FitError, FullRankStart, PathGaussian, Solution, StartSearch};
use crate::diagnose::verdict::Trust;
use crate::family::{Family, FullRank, FullRankMixture};
use crate::fit::{MaxSteps, Observer, Stop, Trace};
use crate::objective::log_sum_exp;
use crate::posterior::{Assessment, Posterior};
use crate::streams::Streams;
use crate::target::{AtState, Differentiable, LogDensity, Target};

/// Purposes of the streams.
const VALUES: u32 = 61;
const MODES: u32 = 62;

/// Nats below the best value's bound, from the few draws that score a path, at which a value is left alone: e^-16 of the posterior
/// is 5 % of a variance only from 700 standard deviations on.
const FAR: f64 = 16.0;

/// Part of the posterior below which a value gets no Gaussian, and Gaussians at most: draws of a mixture cost a density of each.
const LEAST_SHARE: f64 = 1e-4;
const MOST: usize = 128;

/// Numbers of their means and factors at most, which a saved fit holds.
const MOST_OF_Q: usize = 1 << 20;

/// Part of the posterior that may be at values without a Gaussian, in all.
const MOST_LOST: f64 = 0.02;

/// Steps of the natural gradient at one value at most: a Gaussian that has not arrived is a poorer law to draw from, whose weights
/// say so.
const STEPS: u64 = 100;

/// Paths at the first value, which lend their end to the others; and at each of the likeliest, where they may lead to other modes.
const FIRST_PATHS: usize = 4;
const LOOKED_AT: usize = 3;

/// Nats that a path from elsewhere may be above a value's own: the errors of bounds from sixteen draws, about.
const BETTER: f64 = 2.0;

/// Standard deviations from the mean of one value at which the path of the next begins.
const BESIDE: f64 = 0.1;

/// Numbers that the draws at the end may take, each of which is evaluated at all values: a minute or so. And draws at least.
const MOST_NUMBERS: f64 = 1.5e11;
const LEAST_DRAWS: usize = 2000;

/// A share that moves no mean, and the part of a variance that may be left out with it.
const RARE: f64 = 0.05;
const OF_VARIANCE: f64 = 0.05;

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub found: Option<ByValue>,
    /// Evaluations of a search that found nothing, each of all values: one at a single value is that part of it.
    pub evaluations: u64,
}

/// The mixture, with what its draws say.
pub(super) struct ByValue {
    pub answer: Candidate,
    pub posterior: Posterior,
    /// Whether a value that holds little makes up much of a latent's variance: a single Gaussian then is no alternative.
    pub widens: bool,
    run: Restart,
    trace: Trace,
    start: StartReport,
    pub words: String,
    pub evaluations: u64,
}

/// Fits a Gaussian `q(z | k)` at each joint value `k` of the integers outside of rows that are summed out, and mixes those that hold
/// some of the posterior by their evidence: `q(z) = sum_k q(k) q(z | k)`.
///
/// One Gaussian of `z` has the moments of the values where most of the posterior is. A value with a few thousandths of it under
/// which a latent is anywhere under its prior (the mean after a change where nothing changed) makes up a good part of
/// that latent's variance, is no mode of `p(z | x)` but a shoulder, and is met by no draw of such a Gaussian.
///
/// Nothing is tried where a family, an algorithm, steps or several runs were asked for.
///
/// # Errors
/// When the density can never be evaluated.
pub(super) fn by_value(
    target: &dyn Differentiable,
    settings: &Settings,
    observer: &mut dyn Observer,
) -> Result<Outcome, FitError> {
    let layout = target.layout();
    let Some(summed) = target.summed().filter(|_| is_open(settings)) else { return Ok(Outcome::default()) };
    let num_values = summed.at_states().count();
    if num_values < 2 || layout.num_integers + layout.num_parameters + layout.num_row_latents > 0 {
        return Ok(Outcome::default());
    }
    let structure = Structure::of(target, &settings.wishes);
    let plan = decide(layout, structure, settings.wishes, &settings.own, Gradient::There)?;
    if plan.family != FamilyChoice::FullRank || plan.optimizer != OptimizerChoice::NaturalGradient {
        return Ok(Outcome::default());
    }
    settings.check(&plan, layout)?;
    check_point(layout, settings)?;
    let mut search = Search { target: summed, plan: &plan, settings, start: StartReport::default(), taken: 0 };
    let (parts, left) = search.parts(observer)?;
    let Search { start, taken, .. } = search;
    let mut evaluations = taken.div_ceil(num_values as u64);
    let Some(Mixed { family, solution, held, widens }) = mixed(&parts, left, layout.num_latents) else {
        return Ok(Outcome { found: None, evaluations });
    };
    let best = &parts[0];
    let (run, taken) = compared(target, &family, solution.clone(), best.run.stop.clone(), false, settings.streams)?;
    evaluations += taken;
    let why = "one for each joint value of the integers that holds some of the posterior";
    let mixture = Candidate::beside(&plan, FamilyChoice::FullRank, family, solution, why);
    let usual = Assessment::new(settings.streams, &run.stop);
    let affordable = (MOST_NUMBERS / (num_values * summed.work()) as f64) as usize;
    let most_draws = usual.most_draws.min(affordable.max(LEAST_DRAWS));
    let assessment = Assessment { num_draws: settings.posterior_draws, most_draws, ..usual };
    let (answer, posterior, taken) = more_trusted(target, mixture, None, &assessment)?;
    evaluations += taken;
    let words = format!("{held} of {num_values} joint values with a Gaussian each, bound {:.2}", run.bound);
    let trace = parts.into_iter().next().map_or_else(Trace::default, |part| part.trace);
    let start = StartReport { evaluations: 0, ..start };
    Ok(Outcome {
        found: Some(ByValue { answer, posterior, widens, run, trace, start, words, evaluations }),
        evaluations: 0,
    })
}

/// Whether nothing was asked for that a fit by value does not do.
pub(super) fn is_open(settings: &Settings) -> bool {
    settings.wishes.family == FamilyChoice::Auto
        && !settings.has_own_family
        && settings.own == OwnNames::default()
        && settings.steps.is_none()
        && settings.restarts.is_none_or(|n| n < 2)
}

impl ByValue {
    pub fn is_trusted(&self) -> bool {
        self.posterior.verdict().trust == Trust::Trust
    }

    /// Whether it is the answer beside that of a single Gaussian.
    pub fn is_better_than(&self, other: &Posterior) -> bool {
        self.widens || self.posterior.verdict().trust <= other.verdict().trust
    }

    /// The fit that it is, where nothing else was run.
    pub fn into_fitted(self, density: Density, settings: &Settings) -> Fitted {
        let ByValue { answer, posterior, run, trace, start, words, evaluations, .. } = self;
        let Candidate { plan, family, solution, .. } = answer;
        let rejected = run.rejected as u64;
        let tried = Tried {
            start,
            failed: Vec::new(),
            chosen: 0,
            trace,
            coordinates: Vec::new(),
            values: Some(words),
            flow: None,
            conditional: None,
            runs: vec![run],
        };
        Fitted {
            posterior,
            family,
            solution,
            stop: tried.runs[0].stop.clone(),
            tried,
            plan,
            streams: settings.streams,
            evaluations,
            rejected,
            target: match density {
                Density::Recorded(target, _) => Some(*target),
                _ => None,
            },
        }
    }
}

/// The Gaussian at one value.
struct Part {
    run: Restart,
    trace: Trace,
}

/// Goes through the values.
struct Search<'a> {
    target: &'a Target,
    plan: &'a Plan,
    settings: &'a Settings,
    start: StartReport,
    /// Evaluations at single values.
    taken: u64,
}

impl<'a> Search<'a> {
    /// The Gaussians of the values that may hold some of the posterior, the most evidence first, and the bounds of those that were
    /// left alone; no Gaussians after an interruption, or where one value has several modes.
    fn parts(&mut self, observer: &mut dyn Observer) -> Result<(Vec<Part>, Vec<f64>), FitError> {
        let streams = self.settings.streams.purpose(VALUES);
        let family = FullRank::new(self.target.layout().num_latents);
        let mut starts = self.starts()?;
        let most = starts.first().map_or(f64::NEG_INFINITY, |start| start.path.bound);
        starts.retain(|start| start.path.bound > most - FAR);
        let left = starts.iter().skip(2 * MOST).map(|start| start.path.bound).collect();
        starts.truncate(2 * MOST);
        for start in starts.iter().take(LOOKED_AT) {
            if self.has_modes(start, streams.purpose(start.number as u32))? {
                return Ok((Vec::new(), left));
            }
        }
        let mut parts = Vec::new();
        for Start { number, at, path } in starts {
            let streams = streams.purpose(number as u32);
            let start = FullRankStart::new(&at, &family, &path.gaussian, streams, self.settings.difference)?;
            let fitted = natural_gradient(&at, self.plan, start.params, streams, &mut MaxSteps(STEPS), observer)?;
            if matches!(fitted.stop, Stop::Interrupted { .. }) {
                return Ok((Vec::new(), left));
            }
            let (run, drawn) = compared(&at, &family, fitted.solution, fitted.stop, true, streams)?;
            self.taken += start.evaluations + fitted.trace.evaluations + drawn;
            if run.evidence.is_finite() {
                parts.push(Part { run, trace: fitted.trace });
            }
        }
        parts.sort_by(|a, b| b.run.evidence.total_cmp(&a.run.evidence));
        Ok((parts, left))
    }

    /// The best Gaussian of a quasi-Newton path at each value, the best bound first.
    fn starts(&mut self) -> Result<Vec<Start<'a>>, FitError> {
        let streams = self.settings.streams.purpose(VALUES);
        let (mut point, mut starts, mut num_paths) = (self.settings.point.clone(), Vec::new(), FIRST_PATHS);
        for (number, at) in self.target.at_states().enumerate() {
            let search = StartSearch::new(streams.purpose(number as u32));
            let found = match (StartSearch { point: point.clone(), num_paths, ..search }).find(&at, &[]) {
                Ok(found) => found,
                // Data that are impossible at a value say that it holds nothing.
                Err(FitError::NotFinite { .. }) => continue,
                Err(error) => return Err(error),
            };
            self.taken += found.evaluations;
            self.start.num_candidates += found.paths.len();
            self.start.num_paths += num_paths;
            if let Some(path) = found.paths.into_iter().next() {
                (point, num_paths) = (Some(beside(&path.gaussian)), 1);
                starts.push(Start { number, at, path });
            }
        }
        starts.sort_by(|a, b| b.path.bound.total_cmp(&a.path.bound));
        self.start.bound = starts.first().map(|start| start.path.bound);
        Ok(starts)
    }

    /// Whether paths from many points lead to several places of comparable bounds at a value, where one Gaussian is not enough, or
    /// to a better one than that of its start.
    fn has_modes(&mut self, start: &Start, streams: Streams) -> Result<bool, FitError> {
        let found = StartSearch::new(streams.purpose(MODES)).find(&start.at, &[])?;
        self.taken += found.evaluations;
        self.start.num_paths += found.paths.len();
        let best = found.paths.first().map_or(f64::NAN, |path| path.bound);
        let num_modes = found.places.iter().filter(|place| place.is_mode && place.bound > best - COMPARABLE).count();
        Ok(num_modes > 1 || best > start.path.bound + BETTER)
    }
}

/// The start at one value.
struct Start<'a> {
    number: usize,
    at: AtState<'a>,
    path: Explored,
}

/// A point beside the mean, where latents that the next value does not know would have a gradient of exactly zero, as if they were in
/// no term at all.
fn beside(gaussian: &PathGaussian) -> Vec<f64> {
    gaussian.mean.iter().zip(gaussian.sd()).map(|(mean, sd)| mean + BESIDE * sd).collect()
}

/// The Gaussians that hold some of the posterior, as a mixture.
struct Mixed {
    family: FullRankMixture,
    solution: Solution,
    held: usize,
    widens: bool,
}

fn mixed(parts: &[Part], left: Vec<f64>, num_latents: usize) -> Option<Mixed> {
    let evidence: Vec<f64> = parts.iter().map(|part| part.run.evidence).chain(left).collect();
    let total = log_sum_exp(&evidence);
    let shares: Vec<f64> = evidence.iter().map(|own| (own - total).exp()).collect();
    let most = MOST.min(MOST_OF_Q / FullRank::new(num_latents).num_params().max(1)).min(parts.len());
    let held = shares.iter().take(most).filter(|share| **share > LEAST_SHARE).count();
    if held == 0 || shares[held..].iter().sum::<f64>() > MOST_LOST {
        return None;
    }
    let (parts, shares) = (&parts[..held], &shares[..held]);
    let family = FullRankMixture::new(num_latents, held).ok()?;
    let of_parts: Vec<&[f64]> = parts.iter().map(|part| &part.run.solution.params[..]).collect();
    let solution = Solution { params: family.params_from(shares, &of_parts), theta: Vec::new() };
    let widens = widens(parts, shares, num_latents);
    Some(Mixed { family, solution, held, widens })
}

/// Whether leaving out a value that holds little would take a good part of a latent's variance.
fn widens(parts: &[Part], shares: &[f64], num_latents: usize) -> bool {
    let variance = |latent: usize, without: Option<usize>| {
        let counted = || (0..parts.len()).filter(|k| Some(*k) != without);
        let place = |k: usize| parts[k].run.place[latent];
        let total: f64 = counted().map(|k| shares[k]).sum();
        let mean = counted().map(|k| shares[k] * place(k).mean()).sum::<f64>() / total;
        let each = |k: usize| shares[k] * (place(k).sd().powi(2) + (place(k).mean() - mean).powi(2));
        counted().map(each).sum::<f64>() / total
    };
    (0..parts.len()).filter(|k| shares[*k] < RARE).any(|rare| {
        let is_less = |latent| variance(latent, Some(rare)) < (1.0 - OF_VARIANCE) * variance(latent, None);
        (0..num_latents).any(is_less)
    })
}
