//! A fit in other coordinates: latents of a hierarchy partly non-centred, where that raises the bound.

use nalgebra::{Cholesky, DMatrix};

use super::centring::{Centring, choose, has_candidates};
use super::job::{Run, natural_gradient};
use super::plan::Plan;
use super::restarts::compared;
use super::run::Settings;
use super::{FamilyChoice, OptimizerChoice, Restart};
use crate::algorithm::{FitError, Solution};
use crate::family::{Family, FullRank};
use crate::fit::{Observer, Stop, StoppingRule, Trace};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;
use crate::target::{LogDensity, Target};

/// Purposes of the streams.
const MOVED: u32 = 55;
const RECENTRED: u32 = 56;

/// Times that coordinates are chosen: the second from the fit in the first.
const ROUNDS: u32 = 2;

/// Draws that move q, and for each latent: moments of fewer have eigenvalues far from the truth.
const MOVED_DRAWS: usize = 2000;
const DRAWS_EACH: usize = 20;

/// Errors of a difference of bounds by which it must rise.
const ERRORS: f64 = 2.0;

/// What trying other coordinates needs.
pub(super) struct Recentring<'a> {
    /// The model in the coordinates that it is written in.
    pub centred: &'a Target,
    /// Records the model in the coordinates of a layout.
    pub record: &'a dyn Fn(&Layout) -> Result<Target, FitError>,
    pub plan: &'a Plan,
    pub settings: &'a Settings,
    /// A stopping rule for each run.
    pub rule: &'a dyn Fn() -> Box<dyn StoppingRule + 'a>,
}

/// A run in other coordinates.
struct Recentred {
    target: Target,
    restart: Restart,
    trace: Trace,
    /// Evaluations that its bound took.
    taken: u64,
}

/// The model in other coordinates, and the runs there.
pub(super) struct Moved {
    pub target: Target,
    /// From the best run in centred coordinates, then from another.
    pub restarts: Vec<Restart>,
    pub traces: Vec<Trace>,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    /// Where the bound rose.
    pub moved: Option<Moved>,
    /// What was tried, in words: one line for each try.
    pub words: Vec<String>,
    pub evaluations: u64,
    pub rejected: u64,
}

impl Recentring<'_> {
    /// Whether it is of use: a full-rank Gaussian of latents outside of rows, by the natural gradient, and a latent whose
    /// prior has a scale that depends on latents.
    pub fn applies(&self) -> bool {
        self.plan.optimizer == OptimizerChoice::NaturalGradient
            && self.plan.family != FamilyChoice::Sparse
            && self.plan.own.algorithm.is_none()
            && has_candidates(self.centred)
    }

    /// Fits again from the run `chosen`, in the coordinates that the rule chooses, twice at most; what raises the bound by more
    /// than two errors of the difference is kept. The run `other` is then fitted in the same coordinates, so that two agree there
    /// or not.
    ///
    /// # Errors
    /// When the density cannot be evaluated; a run that cannot go on ends the attempt, and is told in words.
    pub fn climb(
        &self,
        restarts: &[Restart],
        chosen: usize,
        other: Option<usize>,
        streams: Streams,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, FitError> {
        let streams = streams.purpose(RECENTRED);
        let (mut out, mut best) = (Outcome::default(), None);
        for round in 0..ROUNDS {
            match self.round(best.as_ref(), &restarts[chosen], &mut out, streams.purpose(round), observer)? {
                Some(next) => best = Some(next),
                None => break,
            }
        }
        let Some(best) = best else { return Ok(out) };
        let mut moved = Moved { target: best.target, restarts: vec![best.restart], traces: vec![best.trace] };
        let interrupted = matches!(moved.restarts[0].stop, Stop::Interrupted { .. });
        if let Some(other) = other.filter(|_| !interrupted) {
            let (streams, solution) = (streams.purpose(ROUNDS), &restarts[other].solution);
            let z = centred_draws(self.centred, solution, streams);
            if let Ok(next) = self.run_in(moved.target.layout(), &z, &solution.theta, streams, observer) {
                out.count(&next);
                moved.restarts.push(next.restart);
                moved.traces.push(next.trace);
            }
        }
        out.moved = Some(moved);
        Ok(out)
    }

    /// A run in coordinates chosen by the best so far, where it is better; nothing where there are no others to try.
    fn round(
        &self,
        best: Option<&Recentred>,
        from: &Restart,
        out: &mut Outcome,
        streams: Streams,
        observer: &mut dyn Observer,
    ) -> Result<Option<Recentred>, FitError> {
        let (target, from) = best.map_or((self.centred, from), |best| (&best.target, &best.restart));
        if matches!(from.stop, Stop::Interrupted { .. }) {
            return Ok(None);
        }
        let z = centred_draws(target, &from.solution, streams);
        let theta = &from.solution.theta;
        let chosen = choose(self.centred, target.layout(), theta, &z, self.settings.difference)?;
        let Some(Centring { layout, words, evaluations }) = chosen else { return Ok(None) };
        out.evaluations += evaluations;
        // There is a fit already: an attempt that fails takes nothing away.
        let next = match self.run_in(&layout, &z, theta, streams, observer) {
            Ok(next) => next,
            Err(error) => {
                out.words.push(format!("{words}: {error}"));
                return Ok(None);
            }
        };
        out.count(&next);
        let Restart { bound, bound_se, .. } = next.restart;
        let kept = bound - from.bound > ERRORS * bound_se.hypot(from.bound_se);
        let verdict = if kept { "kept" } else { "not kept" };
        out.words.push(format!("{words}: bound {:.2} to {bound:.2} ({bound_se:.2}), {verdict}", from.bound));
        Ok(kept.then_some(next))
    }

    /// A run in the coordinates of `layout` from the moments of draws in centred ones.
    fn run_in(
        &self,
        layout: &Layout,
        z: &Draws,
        theta: &[f64],
        streams: Streams,
        observer: &mut dyn Observer,
    ) -> Result<Recentred, FitError> {
        let target = (self.record)(layout)?;
        let moved = self.centred.in_coordinates_of(target.layout(), theta, z);
        let family = FullRank::new(layout.num_latents);
        let start = gaussian_of(&family, &moved)?;
        let run = natural_gradient(&target, self.plan, start, streams, &mut *(self.rule)(), observer)?;
        let Run { solution, stop, trace, .. } = run;
        let (restart, taken) = compared(&target, &family, solution, stop, false, self.settings.streams)?;
        Ok(Recentred { target, restart, trace, taken })
    }
}

impl Outcome {
    fn count(&mut self, run: &Recentred) {
        self.evaluations += run.trace.evaluations + run.taken;
        self.rejected += run.trace.rejected;
    }
}

/// Draws of q in the centred coordinates.
fn centred_draws(target: &Target, solution: &Solution, streams: Streams) -> Draws {
    let layout = target.layout();
    let num_draws = MOVED_DRAWS.max(DRAWS_EACH * layout.num_latents);
    let mut z = Draws::zeros(layout, 0, num_draws);
    FullRank::new(layout.num_latents).sample(&solution.params, &RowSet::all(), streams.purpose(MOVED), &mut z);
    target.centred(&solution.theta, &z)
}

/// Parameters of the Gaussian with the moments of the draws that are finite.
fn gaussian_of(family: &FullRank, z: &Draws) -> Result<Vec<f64>, FitError> {
    let (d, n) = (family.dimension(), z.num_draws);
    let is_finite = |draw: &usize| (0..d).all(|k| z.latents[k * n + draw].is_finite());
    let usable: Vec<usize> = (0..n).filter(is_finite).collect();
    let count = usable.len() as f64;
    let lane = |k: usize| usable.iter().map(move |draw| z.latents[k * n + draw]);
    let mean: Vec<f64> = (0..d).map(|k| lane(k).sum::<f64>() / count).collect();
    let centred = DMatrix::from_row_iterator(
        d,
        usable.len(),
        (0..d).flat_map(|k| {
            let mean = mean[k];
            lane(k).map(move |x| x - mean)
        }),
    );
    let covariance = &centred * centred.transpose() / count;
    let factor = Cholesky::new(covariance)
        .ok_or_else(|| FitError::setting("start", "q moved to other coordinates has no covariance matrix there"))?;
    Ok(family.params_from(&mean, factor.l_dirty()))
}
