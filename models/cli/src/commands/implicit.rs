//! A fit of a q without a density, by adversarial training, and how far it is from the exact posterior.

use super::engine::{EngineError, Estimate, Line, Outcome, Request, Trace};
use super::findings::{Finding, verdict};
use super::measured::Measured;
use super::{amortised, network};
use jensen::algorithm::{AdversarialVi, Algorithm, Solution, Step};
use jensen::diagnose::verdict::{HalfMeans, Trust, halves_disagreement};
use jensen::family::{Family, TracedFamily};
use jensen::fit::{MaxSteps, Observer, Stop, Trace as Kept, run};
use jensen::model::{Draws, RowSet};
use jensen::optimize::{Adam, Average, Schedule};
use jensen::streams::Streams;
use jensen::target::{LogDensity, Options, Target};
use jensen_models::zoo::{ImplicitFactors, Posterior};
use std::ops::ControlFlow;

/// Steps, unless asked for.
const STEPS: u64 = 8000;
/// Rows of a step, draws of each, and steps of the ratio before each step of q.
const BATCH: usize = 100;
const DRAWS: usize = 4;
const RATIO_STEPS: usize = 5;
/// First step size of q and theta; the ratio takes steps so many times as long, and the first ones alone: a q whose density
/// is not yet known narrows to a point, from which there is no way back.
const RATE: f64 = 0.0015;
const AHEAD: (f64, u64) = (33.0, 500);
/// Draws of each row that q is judged by, and rows at most.
const JUDGED: (usize, usize) = (4000, 500);

/// A run.
struct Trained {
    solution: Solution,
    stop: Stop,
    trace: Kept,
    log_evidence: f64,
}

/// How far q is from the exact posterior at the same parameters, in its standard deviations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Distance {
    num_rows: usize,
    /// Of the means: over the rows, and the largest, beyond Monte Carlo error.
    rms: f64,
    worst: f64,
    /// Least and largest ratio of the standard deviations in any direction.
    sds: [f64; 2],
}

/// Fits factors with an encoder that has no density.
pub(super) fn fit(request: Request, model: &ImplicitFactors) -> Result<Outcome, EngineError> {
    let Request { method, observer, .. } = request;
    network::own_training(method, "against a logistic regression of its draws")?;
    let threads = method.threads.map_or_else(super::engine::default_threads, std::num::NonZeroUsize::get);
    let options = Options { threads, ..Options::default() };
    let target = Target::with_options(model, options)?;
    let failed = |error: jensen::family::FamilyError| EngineError(error.to_string());
    let family =
        |seed: u64| TracedFamily::with_workers(&model.encoder(seed), target.layout(), target.workers()).map_err(failed);
    let settings = (method.steps.map_or(STEPS, |n| n.get() as u64), method.learning_rate.unwrap_or(RATE));
    let draws = method.draws.map_or(DRAWS, std::num::NonZeroUsize::get);
    let mut best: Option<(TracedFamily, Trained)> = None;
    for restart in 0..method.restarts.map_or(1, std::num::NonZeroUsize::get) as u64 {
        let streams = Streams::new(method.seed.wrapping_mul(1000).wrapping_add(restart));
        let encoder = family(streams.seed())?;
        let found = train(model, (&target, &encoder, options), streams, (settings, draws), observer)?;
        let interrupted = matches!(found.stop, Stop::Interrupted { .. });
        if best.as_ref().is_none_or(|(_, b)| found.log_evidence > b.log_evidence) {
            best = Some((encoder, found));
        }
        if interrupted {
            break;
        }
    }
    let Some((encoder, found)) = best else { return Err(EngineError("no run was made".into())) };
    let how = format!("implicit network, adam optimiser, adversarial, {draws} draws");
    outcome(model, (&target, &encoder), found, (how, Streams::new(method.seed).purpose(5)))
}

fn train(
    model: &ImplicitFactors,
    (target, encoder, options): (&Target, &TracedFamily, Options),
    streams: Streams,
    ((steps, rate), num_draws): ((u64, f64), usize),
    observer: &mut dyn Observer,
) -> Result<Trained, EngineError> {
    let ratio = model.ratio();
    let contest = Target::with_options(&ratio.contest(), options)?;
    let log_q = Target::with_options(&ratio.log_q(), options)?;
    let ratio_rate = AHEAD.0 * rate;
    let mut vi = AdversarialVi {
        target,
        encoder,
        contest: &contest,
        log_q: &log_q,
        start: Solution { params: encoder.init(&[], 1.0), theta: model.theta(target.layout(), streams.purpose(3)) },
        ratio_start: vec![0.0; log_q.layout().num_parameters],
        optimizer: Adam::new(0.0),
        ratio_optimizer: Adam::new(ratio_rate),
        ratio_steps: RATIO_STEPS,
        batch: BATCH.min(target.layout().num_rows),
        num_draws,
        average: Average::Polynomial { eta: 8.0 },
        streams: streams.purpose(4),
    };
    let mut ahead = vi.init()?;
    let stop = run(&vi, &mut ahead, &mut MaxSteps(AHEAD.1), &mut |step: &Step| observe(observer, step))?;
    vi.ratio_start = ahead.ratio().to_vec();
    vi.optimizer = Adam::new(Schedule::cosine(rate, rate / 25.0, steps));
    vi.ratio_optimizer = Adam::new(Schedule::cosine(ratio_rate, ratio_rate / 10.0, steps));
    vi.streams = streams;
    let (mut state, mut trace) = (vi.init()?, Kept::default());
    let mut seen = |step: &Step| {
        let kept = trace.on_step(step);
        if observe(observer, step).is_break() { ControlFlow::Break(()) } else { kept }
    };
    let stop = match stop {
        Stop::Interrupted { .. } => Stop::Interrupted { steps: 0 },
        _ => run(&vi, &mut state, &mut MaxSteps(steps), &mut seen)?,
    };
    let solution = vi.output(&state);
    let log_evidence = log_evidence(model, &exact(model, target, &solution)?);
    Ok(Trained { solution, stop, trace, log_evidence })
}

/// Shows a step without its value, which is no bound.
pub(super) fn observe(observer: &mut dyn Observer, step: &Step) -> ControlFlow<()> {
    let mut shown = *step;
    shown.objective = None;
    observer.on_step(&shown)
}

fn exact(model: &ImplicitFactors, target: &Target, solution: &Solution) -> Result<Posterior, EngineError> {
    let found = model.posterior(target.layout(), &solution.theta);
    found.ok_or_else(|| EngineError("the parameters are not this model's; fit again".into()))
}

fn log_evidence(model: &ImplicitFactors, exact: &Posterior) -> f64 {
    (0..model.x.num_rows()).map(|row| exact.log_evidence(model.x.row(row))).sum()
}

/// Holds draws of q, whitened by the exact posterior, against a standard normal.
fn distance(
    model: &ImplicitFactors,
    (target, encoder): (&Target, &TracedFamily),
    (params, exact): (&[f64], &Posterior),
    streams: Streams,
) -> Distance {
    let (layout, (draws, most)) = (target.layout(), JUDGED);
    let num_rows = layout.num_rows.min(most);
    let [[a, b], [_, c]] = exact.covariance;
    let lower = (a.sqrt(), b / a.sqrt(), (c - b * b / a).sqrt());
    let (mut z, mut halves, mut squares, mut covariance) = (Draws::default(), Vec::new(), 0.0, [0.0; 3]);
    let error = 1.0 / (draws as f64).sqrt();
    for k in 0..num_rows {
        let row = k * layout.num_rows / num_rows;
        let one = RowSet { subset: Some(vec![(layout.first_row + row) as u32]), weight: 1.0, global_terms: false };
        z.fit(layout, 1, draws);
        encoder.sample(params, &one, streams.at_step(row as u64), &mut z);
        let mean = exact.mean(model.x.row(row));
        let (first, second) = z.row_latents.split_at(draws);
        let white = first.iter().zip(second).map(|(x, y)| {
            let u = (x - mean[0]) / lower.0;
            (u, (y - mean[1] - lower.1 * u) / lower.2)
        });
        let (mut sum, mut products) = ([0.0; 2], [0.0; 3]);
        for (u, v) in white {
            sum = [sum[0] + u, sum[1] + v];
            products = [products[0] + u * u, products[1] + u * v, products[2] + v * v];
        }
        let [u, v] = sum.map(|s| s / draws as f64);
        let centre = [u * u, u * v, v * v];
        for (total, (p, c)) in covariance.iter_mut().zip(products.iter().zip(centre)) {
            *total += (p / draws as f64 - c) / num_rows as f64;
        }
        squares += (u * u + v * v - 2.0 * error * error) / (2 * num_rows) as f64;
        halves.extend([u, v].map(|m| HalfMeans { means: [m, 0.0], mcse: [error, 0.0], sd: 1.0 }));
    }
    let [a, b, c] = covariance;
    let (middle, half) = (0.5 * (a + c), (0.25 * (a - c).powi(2) + b * b).sqrt());
    let sds = [middle - half, middle + half].map(|v: f64| v.max(0.0).sqrt());
    Distance { num_rows, rms: f64::max(squares, 0.0).sqrt(), worst: halves_disagreement(&halves), sds }
}

fn findings(distance: &Distance, (short, num_theta): (f64, usize), stop: &Stop) -> Vec<Finding> {
    let Distance { worst, sds: [least, most], num_rows, .. } = *distance;
    let off = f64::max(most.ln(), -least.ln());
    // Near its maximum log p(x) falls by half a squared standard error for each parameter.
    let errors = (2.0 * short.max(0.0) / num_theta as f64).sqrt();
    let longer = "take more --steps, a smaller --learning-rate or other --restarts; a q with a density is safer where there \
                  is one";
    let mut findings = vec![
        Finding::by(
            errors,
            [0.1, 0.3],
            format!(
                "log p(x) at the parameters found is {short:.2} nats below its maximum, both exact: {num_theta} parameters \
                 are some {errors:.2} of their standard errors from theirs"
            ),
            longer,
        ),
        Finding::by(
            worst,
            [0.1, 0.3],
            format!(
                "means of q are off the exact posterior's by at most {worst:.3} of its standard deviations in {num_rows} \
                 rows, beyond Monte Carlo error (q has no density, so that nothing but this model's exact posterior \
                 can say so)"
            ),
            longer,
        ),
        Finding::by(
            off,
            [0.1, 0.3],
            format!("standard deviations of q are between {least:.3} and {most:.3} of the exact posterior's"),
            longer,
        ),
    ];
    if let Stop::Interrupted { .. } = stop {
        findings.push(Finding {
            trust: Trust::DoNotTrust,
            reason: format!("the fit was {stop}"),
            advice: "let it end",
        });
    }
    findings
}

fn outcome(
    model: &ImplicitFactors,
    (target, encoder): (&Target, &TracedFamily),
    Trained { solution, stop, trace, log_evidence }: Trained,
    (method, streams): (String, Streams),
) -> Result<Outcome, EngineError> {
    let exact = exact(model, target, &solution)?;
    let distance = distance(model, (target, encoder), (&solution.params, &exact), streams);
    let most = model.most_log_evidence();
    let draws = amortised::of_parameters(target, &solution);
    let line = |(name, values): (&String, &Vec<f64>)| {
        let mean = values[0];
        Line { name: name.clone(), mean, sd: 0.0, mcse: 0.0, q05: mean, q50: mean, q95: mean }
    };
    let figure = |what: &str, value: f64| (what.to_string(), Estimate { value, se: 0.0 });
    let figures = vec![
        figure("log p(x) at the parameters found, exactly", log_evidence),
        figure("largest log p(x) of any parameters, exactly", most),
        figure("means of q off the exact posterior's, in its sds, root mean square", distance.rms),
        figure(
            "means of q off the exact posterior's, in its sds, most of any row beyond Monte Carlo error",
            distance.worst,
        ),
        figure("sds of q over the exact posterior's, least of any direction", distance.sds[0]),
        figure("sds of q over the exact posterior's, most of any direction", distance.sds[1]),
    ];
    Ok(Outcome {
        method,
        weighted: false,
        posterior: draws.names.iter().zip(&draws.values).map(line).collect(),
        bound: None,
        measured: Some(Measured { figures, about: String::new(), columns: Vec::new(), lines: Vec::new() }),
        k_hat: f64::NAN,
        verdict: verdict(findings(&distance, (most - log_evidence, solution.theta.len()), &stop)),
        num_steps: stop.steps(),
        stop: match stop {
            Stop::Budget { steps } => format!("after all of its {steps} steps"),
            other => other.to_string(),
        },
        trace: Trace { steps: trace.steps, objective: trace.objective },
        of_rows: amortised::of_rows(target, encoder, &solution),
        draws,
        saved: super::engine::saved("implicit", &solution)?,
    })
}
