//! A fit of parameters given data from simulations alone: training on pairs, and draws at the observed data.

mod judge;

use super::engine::{EngineError, Line, NamedDraws, Outcome, Request, Trace};
use super::network;
use jensen::algorithm::{Algorithm, Minibatch, Solution, Step, StochasticVi};
use jensen::diagnose::verdict::{HalfMeans, halves_disagreement};
use jensen::estimate::Pathwise;
use jensen::family::{Family, TracedFamily};
use jensen::fit::{MaxSteps, Observer, Stop, Trace as Kept, run};
use jensen::objective::mean_and_standard_error;
use jensen::optimize::{Adam, Average, Clip, Clipped, Schedule};
use jensen::posterior::statistics::summarise;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Options, Target};
use jensen_models::zoo::{Chain, Pairs, SimulatedPosterior};
use std::ops::ControlFlow;

/// Pairs of a step.
const BATCH: usize = 100;
/// Steps, unless asked for, and how often in a run the pairs set aside are looked at.
const STEPS: u64 = 8000;
const LOOKS: u64 = 32;
/// First step size.
const RATE: f64 = 0.005;
/// Length of a gradient, for each pair, from which it is cut.
const CLIP: f64 = 10.0;
/// Draws at each observed row.
const DRAWS: usize = 4000;

/// A run.
struct Trained {
    theta: Vec<f64>,
    /// Mean log q of the pairs set aside at each look.
    looks: Vec<f64>,
    stop: Stop,
    trace: Kept,
}

/// Whether a run had arrived.
struct Arrival {
    /// What the last quarter of the steps gained, in nats a pair.
    gain: f64,
    stop: Stop,
}

/// Fits q(z | x) to the simulated pairs of `model`.
pub(super) fn fit(request: Request, model: &SimulatedPosterior) -> Result<Outcome, EngineError> {
    let Request { method, observer, .. } = request;
    network::own_training(method, "on simulated pairs")?;
    if method.draws.is_some() {
        return Err(EngineError("it takes gradients of simulated pairs, without draws of q; leave --draws out".into()));
    }
    held(model, DRAWS)?;
    let threads = method.threads.map_or_else(super::engine::default_threads, std::num::NonZeroUsize::get);
    let options = Options { threads, ..Options::default() };
    let target = Target::with_options(model, options)?;
    let settings = (method.steps.map_or(STEPS, |n| n.get() as u64), method.learning_rate.unwrap_or(RATE));
    let mut runs = Vec::new();
    for restart in 0..method.restarts.map_or(2, std::num::NonZeroUsize::get) as u64 {
        let streams = Streams::new(method.seed.wrapping_mul(1000).wrapping_add(restart));
        let found = train(model, (&target, options), streams, settings, observer)?;
        let interrupted = matches!(found.stop, Stop::Interrupted { .. });
        runs.push(found);
        if interrupted {
            break;
        }
    }
    runs.sort_by(|a, b| best(&b.looks).total_cmp(&best(&a.looks)));
    outcome(model, &target, runs, Streams::new(method.seed).purpose(5))
}

fn best(looks: &[f64]) -> f64 {
    looks.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Follows the gradient of mean log q, and keeps the parameters that are best for the pairs set aside.
fn train(
    model: &SimulatedPosterior,
    (target, options): (&Target, Options),
    streams: Streams,
    (steps, rate): (u64, f64),
    observer: &mut dyn Observer,
) -> Result<Trained, EngineError> {
    let family = TracedFamily::with_options(model, target.layout(), options);
    let family = family.map_err(|error| EngineError(error.to_string()))?;
    let theta = model.theta(target.layout(), streams.purpose(3));
    let start = Solution { params: family.init(&[], 1.0), theta };
    let average = Average::Polynomial { eta: 8.0 };
    let vi = StochasticVi { start, average, ..StochasticVi::new(target, &family) };
    let vi = vi.estimator(Pathwise::default()).draws(1).streams(streams);
    let vi = vi.minibatch(Minibatch::Shuffled(BATCH.min(model.trained.x.num_rows())));
    // A few pairs far out must not throw all others over.
    let clip = Clip::Norm(CLIP * model.trained.x.num_rows() as f64);
    let inner = Adam::new(Schedule::cosine(rate, rate / 50.0, steps));
    let vi = vi.optimizer(Clipped { inner, clip });
    let (mut state, mut trace) = (vi.init()?, Kept::default());
    let mut seen = |step: &Step| -> ControlFlow<()> {
        let kept = trace.on_step(step);
        if super::implicit::observe(observer, step).is_break() { ControlFlow::Break(()) } else { kept }
    };
    let (mut looks, mut kept, mut stop) = (Vec::new(), Vec::new(), Stop::Budget { steps: 0 });
    for look in 1..=LOOKS {
        let until = steps * look / LOOKS;
        if until <= state.step() {
            continue;
        }
        stop = run(&vi, &mut state, &mut MaxSteps(until), &mut seen)?;
        let theta = vi.output(&state).theta;
        let (log_q, _) = mean_log_q(&model.chain(target.layout(), &theta), &model.stopped);
        if log_q > best(&looks) {
            kept = theta;
        }
        looks.push(log_q);
        if matches!(stop, Stop::Interrupted { .. }) {
            break;
        }
    }
    if kept.is_empty() {
        let words = "log q of the pairs that were set aside is not finite; take a smaller --learning-rate";
        return Err(EngineError(words.into()));
    }
    Ok(Trained { theta: kept, looks, stop, trace })
}

/// Mean and standard error of log q of pairs, standardised.
fn mean_log_q(chain: &Chain, pairs: &Pairs) -> (f64, f64) {
    let of = |row: usize| chain.log_q(pairs.x.row(row), pairs.z.row(row));
    mean_and_standard_error(&(0..pairs.x.num_rows()).map(of).collect::<Vec<f64>>())
}

fn held(model: &SimulatedPosterior, num_draws: usize) -> Result<(), EngineError> {
    super::engine::held_numbers(model.observed.len() * model.parameters.len(), num_draws)
}

/// Draws of the parameters of each observed row, in their own units.
pub(super) fn draws(
    model: &SimulatedPosterior,
    target: &Target,
    theta: &[f64],
    (num_draws, streams): (usize, Streams),
) -> Result<NamedDraws, EngineError> {
    held(model, num_draws)?;
    let chain = model.chain(target.layout(), theta);
    let mut all = NamedDraws::default();
    let mut noise = vec![0.0; num_draws * model.parameters.len()];
    for (row, x) in &model.observed {
        streams.at_step(*row as u64).fill_normal(num_draws, &mut noise);
        chain.draw(x, &mut noise);
        for (scale, z) in model.parameters.iter().zip(noise.chunks_exact(num_draws)) {
            let single = model.observed.len() == 1;
            all.names.push(if single { scale.name.clone() } else { format!("{}[row {row}]", scale.name) });
            all.values.push(z.iter().map(|z| scale.undo(*z)).collect());
        }
    }
    Ok(all)
}

/// The largest difference of the means of two runs at an observed row, in posterior standard deviations.
fn disagreement(a: &[Line], b: &[Line]) -> f64 {
    let pair = |(a, b): (&Line, &Line)| HalfMeans { means: [a.mean, b.mean], mcse: [a.mcse, b.mcse], sd: a.sd };
    halves_disagreement(&a.iter().zip(b).map(pair).collect::<Vec<_>>())
}

fn outcome(
    model: &SimulatedPosterior,
    target: &Target,
    runs: Vec<Trained>,
    streams: Streams,
) -> Result<Outcome, EngineError> {
    let of_run = |run: &Trained| -> Result<(NamedDraws, Vec<Line>), EngineError> {
        let draws = draws(model, target, &run.theta, (DRAWS, streams))?;
        let line = |(name, z): (&String, &Vec<f64>)| summarise(name, z, None).map(Line::from);
        let lines = draws.names.iter().zip(&draws.values).map(line).collect::<Result<Vec<_>, _>>();
        Ok((draws, lines.map_err(|error| EngineError(error.to_string()))?))
    };
    let second = runs.get(1).map(of_run).transpose()?;
    let Some(run) = runs.into_iter().next() else { return Err(EngineError("no run was made".into())) };
    let (draws, posterior) = of_run(&run)?;
    let repeated = second.map(|(_, lines)| disagreement(&posterior, &lines));
    let quarter = run.looks.len() - run.looks.len().div_ceil(4);
    let gain = best(&run.looks) - best(&run.looks[..quarter]);
    let arrival = Arrival { gain, stop: run.stop.clone() };
    let chain = model.chain(target.layout(), &run.theta);
    let judged = judge::judge(model, &chain, streams.purpose(6))?;
    Ok(Outcome {
        method: "network of simulated pairs, adam optimiser, forward divergence".into(),
        weighted: false,
        posterior,
        bound: None,
        k_hat: f64::NAN,
        verdict: judged.verdict(&arrival, repeated),
        measured: Some(judged.measured),
        num_steps: run.stop.steps(),
        stop: arrival.to_string(),
        trace: Trace { steps: run.trace.steps, objective: run.trace.objective },
        of_rows: Vec::new(),
        draws,
        saved: super::engine::saved("simulated", &Solution { params: Vec::new(), theta: run.theta })?,
    })
}

impl std::fmt::Display for Arrival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.stop {
            Stop::Interrupted { steps } => write!(f, "interrupted after {steps} steps"),
            _ => write!(
                f,
                "after all of its {} steps, the last quarter of which gained {:.3} nats a pair",
                self.stop.steps(),
                self.gain
            ),
        }
    }
}
