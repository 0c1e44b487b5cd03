//! A fit from the choices of the command line, and draws from a saved one.

use super::draws::with_densities;
use super::outcome::{EngineError, Outcome};
use crate::cli::args::MethodArgs;
use jensen::algorithm::Solution;
use jensen::automatic::{Fitted, UnknownChoice, family_of};
use jensen::family::Family;
use jensen::fit::Observer;
use jensen::model::{Layout, Model};
use jensen::posterior::{Proposal, Resampling, RowMeans};
use jensen::streams::Streams;
use jensen::target::{Constrained, LogDensity, Options, Target};
use jensen::{FamilyChoice, Fit, IntegerChoice, OptimizerChoice};
use std::num::NonZeroUsize;

/// Draws the means of rows are taken over.
const ROW_DRAWS: usize = 400;

/// The most numbers that the draws of one command may hold: a fit keeps some 160 bytes for each, which makes 4 GB.
const MOST_NUMBERS: usize = 25_000_000;

/// Fits `model` by the choices of `method`; `observer` sees every step.
///
/// # Errors
/// When the model cannot be recorded, the choices do not go together, or the fit cannot go on.
pub fn fit(
    model: &(dyn Model + Send),
    method: &MethodArgs,
    observer: &mut dyn Observer,
) -> Result<Fitted, EngineError> {
    affordable(model, method.draws.map_or(0, NonZeroUsize::get))?;
    let threads = method.threads.map_or_else(default_threads, NonZeroUsize::get);
    let mut fit = Fit::new(model)
        .family(choice::<FamilyChoice>(method.family)?)
        .integers(choice::<IntegerChoice>(method.integers)?)
        .estimator(method.estimator)
        .design(choice(method.design)?)
        .optimizer(choice::<OptimizerChoice>(method.optimizer)?)
        .seed(method.seed)
        .threads(threads)
        .observer(observer);
    if let Some(draws) = method.draws {
        fit = fit.draws(draws.get());
    }
    if let Some(steps) = method.steps {
        fit = fit.steps(steps.get() as u64);
    }
    if let Some(restarts) = method.restarts {
        fit = fit.restarts(restarts.get());
    }
    if let Some(rate) = method.learning_rate {
        fit = fit.learning_rate(rate);
    }
    Ok(fit.run()?)
}

/// The latents of rows of a fit.
///
/// # Errors
/// None for the fit as it ended.
pub(super) fn of_rows(fitted: &Fitted) -> Result<Vec<RowMeans>, EngineError> {
    let layout = fitted.posterior.layout();
    if !layout.has_row_sites() {
        return Ok(Vec::new());
    }
    Ok(RowMeans::of(&fitted.row_draws(ROW_DRAWS)?))
}

/// Checks that `num_draws` draws of `model` can be held.
///
/// # Errors
/// When they are too many, or the model cannot be recorded.
pub(super) fn affordable(model: &(dyn Model + Send), num_draws: usize) -> Result<(), EngineError> {
    // Any model can be drawn from that often, and most fits need not record theirs twice.
    if num_draws <= 1000 { Ok(()) } else { held(Target::new(model)?.layout(), num_draws) }
}

fn held(layout: &Layout, num_draws: usize) -> Result<(), EngineError> {
    let of_rows = layout.num_rows * (layout.num_row_latents + layout.num_row_integers);
    let size = (layout.num_latents + layout.num_integers + of_rows).max(1);
    if num_draws <= MOST_NUMBERS / size {
        return Ok(());
    }
    let most = (MOST_NUMBERS / size).max(1);
    Err(EngineError(format!("{num_draws} draws of {size} latents are too many to hold; ask for at most {most}")))
}

/// The library's choice of the same name.
pub(super) fn choice<C: std::str::FromStr<Err = UnknownChoice>>(
    named: impl std::fmt::Display,
) -> Result<C, EngineError> {
    named.to_string().parse().map_err(|error: UnknownChoice| EngineError(error.to_string()))
}

/// What is drawn from a saved fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// What its table is of: the posterior where that is `weighted`, and q elsewhere.
    Table {
        /// Whether the table is of the posterior, by importance weights.
        weighted: bool,
    },
    /// Its q, with the densities and weights of the draws where they are known.
    Proposal,
}

/// A model in the coordinates of a saved fit, and the family of its solution.
///
/// # Errors
/// When the solution does not belong to `model` and a family of this name.
pub(super) fn recorded(
    model: &(dyn Model + Send),
    family: &str,
    coordinates: Option<&Layout>,
    solution: &Solution,
    threads: usize,
) -> Result<(Target, Box<dyn Family>), EngineError> {
    let options = Options::default().threads(threads);
    let target = match coordinates {
        Some(layout) => Target::in_coordinates(model, options, layout)?,
        None => Target::with_options(model, options)?,
    };
    let layout = target.layout();
    let family = family_of(choice(family)?, &target, solution)?;
    if solution.params.len() != family.num_params() || solution.theta.len() != layout.num_parameters {
        let words = "the saved fit belongs to another model or other data; fit again with --out";
        return Err(EngineError(words.into()));
    }
    Ok((target, family))
}

/// Fresh draws of a saved fit of `model`, and how they were made by weights.
///
/// # Errors
/// When the solution does not belong to `model` and a family of this name.
pub(super) fn sample(
    model: &(dyn Model + Send),
    family: &str,
    outcome: &Outcome,
    wanted: Wanted,
    num_draws: usize,
    streams: Streams,
) -> Result<(Constrained, Option<Resampling>), EngineError> {
    let solution = outcome.solution();
    let (target, family) = recorded(model, family, outcome.layout(), solution, 1)?;
    held(target.layout(), num_draws)?;
    if let (Wanted::Table { weighted: true }, Outcome::Posterior(posterior)) = (wanted, outcome) {
        let (draws, resampling) = posterior.resample_with(&target, &*family, streams, num_draws)?;
        return Ok((draws, Some(resampling)));
    }
    let own = Proposal::draw(&target, &*family, solution, streams, num_draws)?;
    let draws = if wanted == Wanted::Proposal { with_densities(&own) } else { own.constrained().clone() };
    Ok((draws, None))
}

pub(super) fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
