//! From a joint Gaussian of many latents to one of these given a few shared ones, where that raises the bound.

use super::own::OwnNames;
use super::plan::Plan;
use super::restarts::is_plainly_right;
use super::run::Settings;
use super::{FamilyChoice, OptimizerChoice, Restart};
use crate::algorithm::{
    ConditionalFit, ConditionalFound, ConditionalStart, FitError, Minibatch, Solution, SparseNaturalGradient,
};
use crate::family::{ConditionalGaussian, Family, FullRank, Reparam, SparseGaussian};
use crate::model::{Draws, Layout, RowSet};
use crate::numerics::mean_and_standard_error;
use crate::posterior::WEIGHTED_TOGETHER;
use crate::program::LatentGraph;
use crate::streams::Streams;
use crate::target::{Differentiable, Pass, Target};

/// Purposes of the streams.
const CONDITIONAL: u32 = 58;
const COMPARED: u32 = 59;

/// Colours of the latents that are not shared, and numbers of their factor for each of them, at most: small blocks and bands.
const MOST_COLOURS: usize = 16;
const MOST_NUMBERS_EACH: usize = 16;

/// Antithetic pairs of draws that compare the two bounds, in batches until the difference is clear of its error, and at most.
const BATCH: usize = 32;
const MOST_PAIRS: usize = 512;

/// Errors of the difference by which the bound must rise, and from which it is clear.
const ERRORS: f64 = 2.0;
const CLEAR: f64 = 4.0;

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    /// Where the bound rose; the words do not say yet what came of that.
    pub found: Option<(ConditionalGaussian, Solution)>,
    /// What was tried, or why nothing was; nothing where the graph of the latents has no such structure.
    pub words: Option<String>,
    pub evaluations: u64,
}

/// The joint Gaussian that was fitted.
enum Joint<'a> {
    Sparse(&'a SparseGaussian),
    Full(FullRank),
}

impl Joint<'_> {
    fn reparam(&self) -> &dyn Reparam {
        match self {
            Joint::Sparse(family) => *family,
            Joint::Full(family) => family,
        }
    }

    fn start(&self, family: &ConditionalGaussian, params: &[f64]) -> Option<ConditionalStart> {
        match self {
            Joint::Sparse(joint) => Some(ConditionalStart::of_sparse(family, joint, params)),
            Joint::Full(joint) => ConditionalStart::of_full_rank(family, joint, params),
        }
    }

    /// The place of a latent's noise.
    fn place(&self, latent: usize) -> usize {
        match self {
            Joint::Sparse(joint) => joint.pattern().place[latent] as usize,
            Joint::Full(_) => latent,
        }
    }
}

/// Fits a conditional Gaussian beside the joint one of the run, where the graph allows it; one of few latents, none of them of
/// rows, where the user chose neither family nor steps.
///
/// # Errors
/// When the density can never be evaluated.
pub(super) fn conditional(
    target: &dyn Differentiable,
    (plan, settings): (&Plan, &Settings),
    family: &dyn Family,
    run: Option<&Restart>,
) -> Result<Outcome, FitError> {
    let streams = settings.streams;
    // A fit that was interrupted, or that saw some of the rows, has no time for it.
    let (layout, Some(run)) = (target.layout(), run) else { return Ok(Outcome::default()) };
    if plan.own != OwnNames::default() || layout.num_integers + layout.num_parameters > 0 {
        return Ok(Outcome::default());
    }
    let Some(graph) = target.known_graph() else { return Ok(Outcome::default()) };
    let not_tried = |why: String| Outcome { words: Some(format!("not tried: {why}")), ..Outcome::default() };
    let is_large = graph.num_latents() > WEIGHTED_TOGETHER;
    // Draws of few latents are weighted with tails around q, and latents of rows have none.
    let has_tails = layout.num_row_latents == 0;
    let is_open = is_large || has_tails && settings.wishes.family == FamilyChoice::Auto && settings.steps.is_none();
    let is_full = plan.family == FamilyChoice::FullRank && plan.optimizer == OptimizerChoice::NaturalGradient;
    let joint = match family.sparse() {
        _ if !is_open => return Ok(Outcome::default()),
        Some(sparse) if plan.family == FamilyChoice::Sparse => Joint::Sparse(sparse),
        None if is_full && !is_large => Joint::Full(FullRank::new(layout.num_latents)),
        // Of so many latents a graph was looked at, and led to another family.
        _ if is_large && plan.family == FamilyChoice::LowRank => {
            return Ok(not_tried(format!("the graph of the latents is {graph}")));
        }
        _ => return Ok(Outcome::default()),
    };
    let why = needs_none(graph, run).or_else(|| no_shared(graph));
    if let Some(why) = why {
        return Ok(if is_large { not_tried(why) } else { Outcome::default() });
    }
    let family = match family_on(layout, graph) {
        Ok(family) => family,
        Err(why) => return Ok(not_tried(why)),
    };
    let Some(start) = joint.start(&family, &run.solution.params) else {
        return Ok(not_tried("the joint Gaussian has no precision".into()));
    };
    let fit = ConditionalFit { target, family: &family, start, streams: streams.purpose(CONDITIONAL) };
    let ConditionalFound { params, rounds, words, mut evaluations } = fit.run()?;
    let Some(params) = params else {
        let words = Some(format!("{rounds} rounds, {evaluations} evaluations, not kept: {words}"));
        return Ok(Outcome { words, evaluations, ..Outcome::default() });
    };
    let (gain, error, taken) = gain(target, &joint, &run.solution.params, (&family, &params), streams)?;
    evaluations += taken;
    let gained = gain > ERRORS * error;
    let verdict = if gained { "" } else { ", not kept" };
    let words = format!("{rounds} rounds, {evaluations} evaluations, bound by {gain:+.2} ({error:.2}){verdict}");
    let found = gained.then(|| (family, Solution { params, theta: Vec::new() }));
    Ok(Outcome { found, words: Some(words), evaluations })
}

/// Whether runs of a sparse Gaussian need go only as far as a conditional one asks for, which then is the answer of most fits: where
/// nothing was chosen, and the graph of more latents than are weighted together allows it.
pub(super) fn conditional_may_follow(
    target: &dyn Differentiable,
    (plan, settings): (&Plan, &Settings),
    family: &dyn Family,
) -> bool {
    let (layout, wishes) = (target.layout(), &settings.wishes);
    let is_plain = plan.own == OwnNames::default()
        && plan.family == FamilyChoice::Sparse
        && plan.optimizer == OptimizerChoice::NaturalGradient
        && wishes.family == FamilyChoice::Auto
        && wishes.minibatch == Minibatch::Full
        && settings.steps.is_none()
        && layout.num_integers + layout.num_parameters == 0;
    let is_large = |graph: &&LatentGraph| graph.num_latents() > WEIGHTED_TOGETHER && no_shared(graph).is_none();
    let graph = target.known_graph().filter(|_| is_plain && family.sparse().is_some()).filter(is_large);
    graph.is_some_and(|graph| family_on(layout, graph).is_ok())
}

/// Why there is no law of many latents given a few.
fn no_shared(graph: &LatentGraph) -> Option<String> {
    let has_none = graph.is_dense() || graph.shared().is_empty();
    has_none.then(|| format!("the graph of the latents is {graph}, without a few that most others share"))
}

/// Why the joint Gaussian's run leaves nothing to try.
fn needs_none(graph: &LatentGraph, run: &Restart) -> Option<String> {
    if graph.num_latents() <= WEIGHTED_TOGETHER && is_plainly_right(run) {
        return Some("the joint Gaussian is right".into());
    }
    (!run.stop.has_converged()).then(|| "the joint Gaussian had not converged".into())
}

/// The family on a graph, or why it cannot be, or would cost too much.
fn family_on(layout: &Layout, graph: &LatentGraph) -> Result<ConditionalGaussian, String> {
    let family = ConditionalGaussian::new(layout, graph).map_err(|error| error.to_string())?;
    let (locals, graph) = family.locals();
    let colours = SparseNaturalGradient::<Target>::colours_of(graph);
    let numbers = family.pattern().num_numbers();
    if colours > MOST_COLOURS || numbers > MOST_NUMBERS_EACH * locals.len() {
        return Err(format!(
            "the latents that are not shared are {graph}, with {colours} colours and {numbers} numbers"
        ));
    }
    Ok(family)
}

/// By how much the bound of the conditional Gaussian is above that of the joint one on fresh antithetic draws with the same
/// noise, its standard error, and the evaluations.
fn gain(
    target: &dyn Differentiable,
    joint: &Joint,
    start: &[f64],
    (family, params): (&ConditionalGaussian, &[f64]),
    streams: Streams,
) -> Result<(f64, f64, u64), FitError> {
    let d = family.dimension();
    let mut differences = Vec::new();
    let mut gain = (f64::NAN, f64::NAN);
    let (mut noise, mut both) = (vec![0.0; d * BATCH], vec![0.0; 2 * d * BATCH]);
    // What is no number is not clear.
    let is_clear = |(gain, error): (f64, f64)| gain.abs() > CLEAR * error;
    while differences.len() < MOST_PAIRS && !is_clear(gain) {
        streams.purpose(COMPARED).at_step(differences.len() as u64).fill_normal(BATCH, &mut noise);
        for (to, e) in both.chunks_exact_mut(2 * BATCH).zip(noise.chunks_exact(BATCH)) {
            to[..BATCH].copy_from_slice(e);
            to[BATCH..].iter_mut().zip(e).for_each(|(to, e)| *to = -e);
        }
        let new = bounds(target, family, params, &both)?;
        let old = bounds(target, joint.reparam(), start, &of_joint(family, joint, &both))?;
        let pair = |k: usize| 0.5 * (new[k] - old[k] + new[k + BATCH] - old[k + BATCH]);
        differences.extend((0..BATCH).map(pair));
        // A draw of either that the model rejects leaves no bound to compare.
        gain = mean_and_standard_error(&differences);
        if gain.0.is_nan() {
            break;
        }
    }
    Ok((gain.0, gain.1, 4 * differences.len() as u64))
}

/// Noise of the conditional Gaussian, latent by latent that of the joint one.
fn of_joint(family: &ConditionalGaussian, joint: &Joint, noise: &[f64]) -> Vec<f64> {
    let (shared, (locals, _), draws) = (family.shared(), family.locals(), 2 * BATCH);
    let mut out = vec![0.0; noise.len()];
    let mut put = |latent: usize, from: usize| {
        let to = joint.place(latent) * draws;
        out[to..to + draws].copy_from_slice(&noise[from * draws..(from + 1) * draws]);
    };
    shared.iter().enumerate().for_each(|(k, &latent)| put(latent, k));
    let order = family.pattern().order.iter().enumerate();
    order.for_each(|(new, &own)| put(locals[own as usize], shared.len() + new));
    out
}

/// The bound of each draw with this noise, in parts that fit into memory.
fn bounds(
    target: &dyn Differentiable,
    family: &dyn Reparam,
    params: &[f64],
    noise: &[f64],
) -> Result<Vec<f64>, FitError> {
    const NUMBERS: usize = 1 << 18;
    let (layout, rows, draws) = (target.layout(), RowSet::all(), 2 * BATCH);
    let each = (NUMBERS * draws / noise.len()).clamp(1, draws);
    let (mut pass, mut z, mut out, mut part) = (Pass::default(), Draws::default(), Vec::new(), Vec::new());
    for first in (0..draws).step_by(each) {
        let count = each.min(draws - first);
        part.clear();
        noise.chunks_exact(draws).for_each(|lane| part.extend_from_slice(&lane[first..first + count]));
        z.resize(layout, layout.num_rows, count);
        family.transform(params, &rows, &part, &mut z);
        let mut log_q = vec![0.0; count];
        family.log_q(params, &rows, &z, &mut log_q);
        target.log_density(&[], &z, &rows, &mut pass)?;
        out.extend(pass.log_density.iter().zip(&log_q).map(|(p, q)| p - q));
    }
    Ok(out)
}
