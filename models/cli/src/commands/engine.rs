//! What the commands need of the library: a fit from choices, and draws from a saved one.

use super::measured::Measured;
use crate::cli::args::MethodArgs;
use jensen::algorithm::{FitError, Solution};
use jensen::automatic::{UnknownChoice, family_of};
use jensen::diagnose::verdict::Verdict;
use jensen::fit::Observer;
use jensen::model::{Draws, Layout, Model, RowSet};
use jensen::posterior::{MonteCarlo, Reported, Summary};
use jensen::streams::Streams;
use jensen::target::{Constrained, LogDensity, Target, TargetError};
use jensen::{FamilyChoice, Fit, OptimizerChoice};
use jensen_models::zoo::Network;
use serde::{Deserialize, Serialize};

/// What to fit, and how.
pub struct Request<'a> {
    /// The model on its data.
    pub model: &'a (dyn Model + Send),
    /// Its q, where that is a network.
    pub network: Option<&'a Network>,
    /// The choices of the command line.
    pub method: &'a MethodArgs,
    /// Sees every step; breaking ends the fit with what was reached.
    pub observer: &'a mut dyn Observer,
}

/// What a fit gives.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it was done, in words.
    pub method: String,
    /// Whether the lines are of the posterior, by importance weights, or of q alone.
    pub weighted: bool,
    /// One line for each quantity.
    pub posterior: Vec<Line>,
    /// The bound and its parts, where there is one.
    pub bound: Option<Bound>,
    /// What was measured beside it, or in its place.
    pub measured: Option<Measured>,
    /// Tail shape of the importance weights; NaN where there are none.
    pub k_hat: f64,
    /// Whether to trust it.
    pub verdict: Verdict,
    /// Why it ended.
    pub stop: String,
    /// Number of steps taken.
    pub num_steps: u64,
    /// The objective along the fit.
    pub trace: Trace,
    /// The latents of rows, in short.
    pub of_rows: Vec<OfRows>,
    /// Draws of every quantity.
    pub draws: NamedDraws,
    /// All that a later command needs to draw again.
    pub saved: serde_json::Value,
}

/// A latent that every row has: the means of its rows under q.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfRows {
    /// The latent.
    pub name: String,
    /// Rows that have it.
    pub num_rows: usize,
    /// The mean of its rows' means.
    pub mean: f64,
    /// The least and the largest of them.
    pub range: (f64, f64),
}

/// Draws the means of rows are taken over.
const ROW_DRAWS: usize = 400;

/// The latents of rows of a fit.
fn of_rows(fitted: &jensen::automatic::Fitted) -> Result<Vec<OfRows>, EngineError> {
    let layout = fitted.layout();
    if layout.num_row_latents + layout.num_row_integers == 0 {
        return Ok(Vec::new());
    }
    let draws = fitted.row_draws(ROW_DRAWS)?;
    let size = draws.num_rows * draws.num_draws;
    let one = |(name, values): (&String, &[f64])| {
        let means: Vec<f64> =
            values.chunks_exact(draws.num_draws).map(|row| row.iter().sum::<f64>() / row.len() as f64).collect();
        let extreme = |pick: fn(f64, f64) -> f64| means.iter().copied().reduce(pick).unwrap_or(f64::NAN);
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        OfRows { name: name.clone(), num_rows: means.len(), mean, range: (extreme(f64::min), extreme(f64::max)) }
    };
    Ok(draws.names.iter().zip(draws.values.chunks_exact(size.max(1))).map(one).collect())
}

/// A line of the posterior table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The quantity.
    pub name: String,
    /// Its posterior mean.
    #[serde(with = "crate::cli::number::as_text")]
    pub mean: f64,
    /// Its posterior standard deviation.
    #[serde(with = "crate::cli::number::as_text")]
    pub sd: f64,
    /// Monte Carlo standard error of the mean.
    #[serde(with = "crate::cli::number::as_text")]
    pub mcse: f64,
    /// The 5 % quantile.
    #[serde(with = "crate::cli::number::as_text")]
    pub q05: f64,
    /// The median.
    #[serde(with = "crate::cli::number::as_text")]
    pub q50: f64,
    /// The 95 % quantile.
    #[serde(with = "crate::cli::number::as_text")]
    pub q95: f64,
}

/// An estimate with its Monte Carlo standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    #[serde(with = "crate::cli::number::as_text")]
    pub value: f64,
    /// Its standard error.
    #[serde(with = "crate::cli::number::as_text")]
    pub se: f64,
}

/// The bound on the log evidence in both forms, and what it leaves open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The evidence lower bound; nothing, as the four below, where q is a point and bounds nothing.
    pub elbo: Option<Estimate>,
    /// `E_q[log p(x, z)]`.
    pub log_joint: Estimate,
    /// `-E_q[log q(z)]`.
    pub entropy: Estimate,
    /// `E_q[log p(x | z)]`, where priors and data are told apart.
    pub data: Option<Estimate>,
    /// `KL(q(z) || p(z))`, where priors and data are told apart.
    pub kl: Option<Estimate>,
    /// `log p(x)` by importance sampling.
    pub log_evidence: Option<Estimate>,
    /// Jensen's gap.
    pub gap: Option<Estimate>,
    /// `ln` of the accepted share of the draws, where any was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ln_accepted: Option<Estimate>,
}

/// The objective along a fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The step of each point.
    pub steps: Vec<u64>,
    /// The objective there.
    pub objective: Vec<f64>,
}

impl Trace {
    /// Writes a line for each kept point.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write_csv(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        writeln!(out, "step,bound")?;
        for (step, bound) in self.steps.iter().zip(&self.objective) {
            writeln!(out, "{step},{bound}")?;
        }
        Ok(())
    }
}

/// Draws of q by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NamedDraws {
    /// The quantities.
    pub names: Vec<String>,
    /// The draws of each, all equally long.
    pub values: Vec<Vec<f64>>,
    /// Logarithm of the importance weight of each draw, all weights adding up to 1; empty where they are not known.
    pub log_weights: Vec<f64>,
}

/// A fit that failed, or a saved one that does not fit its model.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub String);

/// Purpose of the streams of `jensen sample`, apart from those of fits.
const SAMPLE: u32 = 0x7361_6d70;

const OTHER_MODEL: &str = "the saved fit belongs to another model or other data; fit again with --out";

/// What is saved: enough to draw again with the model.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    family: String,
    solution: Solution,
}

/// Fits `request.model`.
///
/// # Errors
/// When the model cannot be recorded, the choices do not go together, or the fit cannot go on.
pub fn fit(request: Request) -> Result<Outcome, EngineError> {
    if let Some(network) = request.network {
        return super::network::fit(request, network);
    }
    let Request { model, method, observer, .. } = request;
    affordable(model, method.draws.map_or(0, std::num::NonZeroUsize::get))?;
    let threads = method.threads.map_or_else(default_threads, std::num::NonZeroUsize::get);
    let mut fit = Fit::new(model)
        .family(choice::<FamilyChoice>(method.family)?)
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
    let fitted = fit.run()?;
    let posterior = &fitted.posterior;
    let Reported { weighted, lines } = posterior.reported();
    Ok(Outcome {
        method: fitted.plan.to_string(),
        weighted,
        posterior: lines.into_iter().map(Line::from).collect(),
        bound: Some(Bound::from(posterior.bound())),
        measured: None,
        k_hat: posterior.k_hat(),
        verdict: posterior.verdict().clone(),
        stop: posterior.stop().to_string(),
        num_steps: posterior.stop().steps(),
        trace: Trace { steps: fitted.trace.steps.clone(), objective: fitted.trace.objective.clone() },
        of_rows: of_rows(&fitted)?,
        draws: NamedDraws {
            log_weights: posterior.log_weights().to_vec(),
            ..NamedDraws::from(posterior.constrained())
        },
        saved: saved(&fitted.plan.family.to_string(), &fitted.solution)?,
    })
}

/// A fit as it is saved.
///
/// # Errors
/// None for numbers.
pub(super) fn saved(family: &str, solution: &Solution) -> Result<serde_json::Value, EngineError> {
    let saved = Saved { family: family.to_string(), solution: solution.clone() };
    serde_json::to_value(saved).map_err(|error| EngineError(error.to_string()))
}

/// The most numbers that the draws of one command may hold: a fit keeps some 160 bytes for each, which makes 4 GB.
const MOST_NUMBERS: usize = 25_000_000;

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
    held_numbers(layout.num_latents + layout.num_integers + of_rows, num_draws)
}

/// Checks that `num_draws` draws of so many latents can be held.
///
/// # Errors
/// When they are too many.
pub(super) fn held_numbers(size: usize, num_draws: usize) -> Result<(), EngineError> {
    let size = size.max(1);
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

/// Fresh draws of a saved fit of `model`.
///
/// # Errors
/// When `saved` does not belong to `model`.
pub fn sample(
    (model, network): (&(dyn Model + Send), Option<&Network>),
    saved: &serde_json::Value,
    num_draws: usize,
    seed: u64,
) -> Result<NamedDraws, EngineError> {
    let Saved { family, solution } = Saved::deserialize(saved)
        .map_err(|error| EngineError(format!("the saved fit is damaged ({error}); fit again with --out")))?;
    let target = Target::new(model)?;
    let layout = target.layout();
    held(layout, num_draws)?;
    if let Some(network) = network {
        if solution.theta.len() != layout.num_parameters {
            return Err(EngineError(OTHER_MODEL.into()));
        }
        return super::network::sample(&target, network, &solution, (num_draws, Streams::new(seed).purpose(SAMPLE)));
    }
    let family = family_of(choice(family)?, layout)?;
    if solution.params.len() != family.num_params() || solution.theta.len() != layout.num_parameters {
        return Err(EngineError(OTHER_MODEL.into()));
    }
    let rows = RowSet::all();
    let mut z = Draws::zeros(layout, rows.len(layout), num_draws);
    family.sample(&solution.params, &rows, Streams::new(seed).purpose(SAMPLE), &mut z);
    Ok(NamedDraws::from(&target.constrained(&solution.theta, &z)))
}

pub(super) fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

impl From<Summary> for Line {
    fn from(s: Summary) -> Self {
        Line { name: s.name, mean: s.mean, sd: s.sd, mcse: s.mcse, q05: s.q5, q50: s.q50, q95: s.q95 }
    }
}

impl From<&jensen::posterior::Bound> for Bound {
    fn from(b: &jensen::posterior::Bound) -> Self {
        let estimate = |e: MonteCarlo| Estimate { value: e.value, se: e.mcse };
        let bounded = |e: MonteCarlo| (!b.is_of_a_point()).then(|| estimate(e));
        Bound {
            elbo: bounded(b.elbo),
            log_joint: estimate(b.log_joint),
            entropy: estimate(b.entropy),
            data: b.data.map(estimate),
            kl: b.kl.and_then(bounded),
            log_evidence: bounded(b.log_evidence),
            gap: bounded(b.gap),
            ln_accepted: b.ln_accepted.map(estimate),
        }
    }
}

impl From<&Bound> for jensen::posterior::Bound {
    fn from(b: &Bound) -> Self {
        let monte_carlo = |e: Estimate| MonteCarlo { value: e.value, mcse: e.se };
        // Of a point, the report shows the log joint alone.
        let bounded = |e: Option<Estimate>| monte_carlo(e.unwrap_or(b.log_joint));
        Self {
            elbo: bounded(b.elbo),
            log_joint: monte_carlo(b.log_joint),
            entropy: monte_carlo(b.entropy),
            data: b.data.map(monte_carlo),
            kl: b.kl.map(monte_carlo),
            log_evidence: bounded(b.log_evidence),
            gap: bounded(b.gap),
            ln_accepted: b.ln_accepted.map(monte_carlo),
        }
    }
}

impl From<&Constrained> for NamedDraws {
    fn from(draws: &Constrained) -> Self {
        let values = (0..draws.names.len()).map(|k| draws.element(k).to_vec()).collect();
        NamedDraws { names: draws.names.clone(), values, log_weights: Vec::new() }
    }
}

impl From<FitError> for EngineError {
    fn from(error: FitError) -> Self {
        EngineError(error.to_string())
    }
}

impl From<TargetError> for EngineError {
    fn from(error: TargetError) -> Self {
        EngineError(error.to_string())
    }
}
