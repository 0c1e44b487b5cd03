//! Fits of models with a q of their own, a network from a row to its latents: training, and what is measured of it.
//!
//! Given theta the rows are independent, so that importance weights, log evidence and k-hat are those of single rows.

use super::engine::{Bound, EngineError, Estimate, Line, NamedDraws, OfRows, Outcome, Request, Trace};
use crate::cli::choices::{Design, Estimator, Family, Optimizer};
use jensen::algorithm::{Algorithm, Minibatch, Solution, Step, StochasticVi};
use jensen::diagnose::psis::psis;
use jensen::diagnose::verdict::{Evidence, HalfMeans, Verdict, halves_disagreement, restarts_disagreement};
use jensen::family::{Family as _, TracedFamily};
use jensen::fit::{MaxSteps, Observer, Plateau, Stop, Trace as Kept, run};
use jensen::model::{Draws, RowSet, SiteKind};
use jensen::objective::{log_mean_exp, mean_and_standard_error};
use jensen::optimize::{Adam, Average, Schedule};
use jensen::streams::Streams;
use jensen::target::{LogDensity, Options, Pass, Target};
use jensen_models::zoo::Amortised;
use std::ops::ControlFlow;

/// Rows of a step.
const BATCH: usize = 100;
/// Draws of each row that the fit is judged by, and rows at most.
const DRAWS: usize = 1000;
const JUDGED: usize = 500;
/// k-hat of a row from which it is measured again, with so many draws, and rows at most.
const LARGE_TAIL: f64 = 0.5;
const AGAIN: (usize, usize) = (10_000, 20);
/// Steps at most, and those with a falling step size at the end.
const MOST: u64 = 20_000;
const LAST: u64 = 1000;
/// Steps of a window whose mean objective is compared with the next one's, and nats of a gain that is none.
const WINDOW: u64 = 500;
const TOLERANCE: f64 = 0.1;

/// A run.
struct Trained {
    solution: Solution,
    stop: Stop,
    trace: Kept,
    judged: Judged,
}

/// What the draws of single rows say, summed over the rows.
struct Judged {
    bound: Estimate,
    log_joint: Estimate,
    entropy: Estimate,
    data: Option<Estimate>,
    log_evidence: Estimate,
    /// The largest of the rows.
    k_hat: f64,
    effective_share: f64,
    rejected_share: f64,
    halves: f64,
}

/// Fits the model of `request` with its network.
pub(super) fn fit(request: Request, network: &Amortised) -> Result<Outcome, EngineError> {
    let Request { model, method, observer, .. } = request;
    let chosen = (method.family, method.estimator, method.design, method.optimizer);
    if chosen != (Family::default(), Estimator::default(), Design::default(), Optimizer::default()) {
        return Err(EngineError(
            "its q is a network that is trained with Adam, sticking the landing; leave --family, --estimator, --design \
             and --optimizer out"
                .into(),
        ));
    }
    let threads = method.threads.map_or_else(super::engine::default_threads, std::num::NonZeroUsize::get);
    let options = Options { threads, ..Options::default() };
    let target = Target::with_options(model, options)?;
    let family = TracedFamily::with_workers(&*network.guide, target.layout(), target.workers())
        .map_err(|error| EngineError(error.to_string()))?
        .named("amortised");
    let rate = method.learning_rate.unwrap_or(network.rate);
    let most = method.steps.map_or(MOST, |n| n.get() as u64);
    let draws = method.draws.map_or(network.draws, std::num::NonZeroUsize::get);
    let mut runs = Vec::new();
    for restart in 0..method.restarts.map_or(2, std::num::NonZeroUsize::get) as u64 {
        let streams = Streams::new(method.seed.wrapping_mul(1000).wrapping_add(restart));
        let theta = (network.theta)(target.layout(), streams.purpose(3));
        let start = Solution { params: family.init(&[], 1.0), theta };
        let found = train((&target, &family), start, streams, (rate, most, draws), observer)?;
        let interrupted = matches!(found.stop, Stop::Interrupted { .. });
        runs.push(found);
        if interrupted {
            break;
        }
    }
    let bounds: Vec<(f64, f64)> = runs.iter().map(|r| (r.judged.bound.value, r.judged.bound.se)).collect();
    let best = runs.into_iter().max_by(|a, b| a.judged.bound.value.total_cmp(&b.judged.bound.value));
    let Some(best) = best else { return Err(EngineError("no run was made".into())) };
    let how = format!("amortised family, adam optimiser, sticking-the-landing estimator, {draws} draws");
    outcome((&target, &family), best, (how, bounds))
}

/// `most` steps at most: some until the bound levels off, and some with a falling step size. One numbering for both.
fn train(
    (target, family): (&Target, &TracedFamily),
    start: Solution,
    streams: Streams,
    (rate, most, draws): (f64, u64, usize),
    observer: &mut dyn Observer,
) -> Result<Trained, EngineError> {
    let batch = BATCH.min(target.layout().num_rows);
    let vi = StochasticVi { start, average: Average::Last, ..StochasticVi::new(target, family) };
    let vi = vi.draws(draws).minibatch(Minibatch::Shuffled(batch)).streams(streams).optimizer(Adam::new(rate));
    let (mut state, mut trace) = (vi.init()?, Kept::default());
    let late = LAST.min(most / 2);
    let mut rules = (MaxSteps(most - late), Plateau::new(WINDOW, TOLERANCE));
    let mut before = 0;
    let mut seen = |step: &Step, before: u64| -> ControlFlow<()> {
        let mut step = *step;
        step.index += before;
        let kept = trace.on_step(&step);
        if observer.on_step(&step).is_break() { ControlFlow::Break(()) } else { kept }
    };
    let mut stop = run(&vi, &mut state, &mut rules, &mut |step: &Step| seen(step, before))?;
    let solution = Solution { params: state.params().to_vec(), theta: state.theta().to_vec() };
    // The step falls to a fiftieth, and the solution is the mean over the last of them.
    let vi =
        vi.start(solution).streams(streams.purpose(4)).optimizer(Adam::new(Schedule::cosine(rate, rate / 50.0, late)));
    let vi = StochasticVi { average: Average::Polynomial { eta: 8.0 }, ..vi };
    let mut last = vi.init()?;
    if late > 0 && !matches!(stop, Stop::Interrupted { .. }) {
        before = stop.steps();
        let end = run(&vi, &mut last, &mut MaxSteps(late), &mut |step: &Step| seen(step, before))?;
        stop = after(stop, &end);
    }
    let solution = vi.output(&last);
    let judged = judge(target, family, &solution, streams.purpose(5))?;
    Ok(Trained { solution, stop, trace, judged })
}

/// Why both parts ended: the reason of the first, with the steps of both, unless the second was interrupted.
fn after(first: Stop, second: &Stop) -> Stop {
    let steps = first.steps() + second.steps();
    match (first, second) {
        (_, Stop::Interrupted { .. }) => Stop::Interrupted { steps },
        (Stop::Plateau { gain, gain_se, .. }, _) => Stop::Plateau { steps, gain, gain_se },
        (_, _) => Stop::Budget { steps },
    }
}

/// A quantity that is summed over rows, of which some were looked at.
#[derive(Default)]
struct Sum {
    rows: Vec<f64>,
    /// Of the Monte Carlo error.
    variance: f64,
}

impl Sum {
    fn add(&mut self, (mean, se): (f64, f64)) {
        self.rows.push(mean);
        self.variance += se * se;
    }

    /// The sum over all `n` rows; rows that were not looked at add to its error.
    fn total(&self, n: usize) -> Estimate {
        let count = self.rows.len().max(1);
        let scale = n as f64 / count as f64;
        let (mean, se) = mean_and_standard_error(&self.rows);
        let left_out = if count < n { (n as f64 * se).powi(2) } else { 0.0 };
        Estimate { value: mean * n as f64, se: (scale * scale * self.variance + left_out).sqrt() }
    }
}

/// Draws of each of some rows, and their weights.
fn judge(target: &Target, family: &TracedFamily, solution: &Solution, streams: Streams) -> Result<Judged, EngineError> {
    let layout = target.layout();
    let (n, count) = (layout.num_rows, layout.num_rows.min(JUDGED));
    let (mut z, mut pass, mut log_q) = (Draws::default(), Pass::default(), vec![0.0; DRAWS]);
    let [mut bound, mut joint, mut entropy, mut data, mut evidence] =
        [const { Sum { rows: Vec::new(), variance: 0.0 } }; 5];
    let (mut tails, mut effective, mut rejected, mut halves) = (Vec::new(), 0.0f64, 0usize, Vec::new());
    for k in 0..count {
        let row = (layout.first_row + k * n / count) as u32;
        let one = RowSet { subset: Some(vec![row]), weight: 1.0, global_terms: false };
        z.fit(layout, 1, DRAWS);
        family.sample(&solution.params, &one, streams.at_step(u64::from(row)), &mut z);
        let density = target.log_density(&solution.theta, &z, &one, &mut pass);
        density.map_err(|error| EngineError(error.to_string()))?;
        family.log_q(&solution.params, &one, &z, &mut log_q);
        rejected += pass.log_density.iter().filter(|l| !l.is_finite()).count();
        let log_weights: Vec<f64> = pass.log_density.iter().zip(&log_q).map(|(p, q)| p - q).collect();
        bound.add(mean_and_standard_error(&log_weights));
        joint.add(mean_and_standard_error(&pass.log_density));
        let (mean, se) = mean_and_standard_error(&log_q);
        entropy.add((-mean, se));
        data.add(mean_and_standard_error(&pass.data));
        let log_evidence = log_mean_exp(&log_weights);
        let weights: Vec<f64> = log_weights.iter().map(|w| (w - log_evidence).exp()).collect();
        // The weights have mean one, so that the error of their mean is that of its logarithm.
        evidence.add((log_evidence, mean_and_standard_error(&weights).1));
        tails.push((psis(&log_weights).map_or(f64::INFINITY, |found| found.k_hat), row));
        let (all, squares) = (weights.iter().sum::<f64>(), weights.iter().map(|w| w * w).sum::<f64>());
        effective += all * all / squares / (DRAWS * count) as f64;
        halves.extend(z.row_latents.chunks_exact(DRAWS).map(|z| half_means(z, &weights)));
    }
    Ok(Judged {
        bound: bound.total(n),
        log_joint: joint.total(n),
        entropy: entropy.total(n),
        data: target.separates_data().then(|| data.total(n)),
        log_evidence: evidence.total(n),
        k_hat: largest_tail(target, family, solution, tails, streams.purpose(1))?,
        effective_share: effective,
        rejected_share: rejected as f64 / (count * DRAWS) as f64,
        halves: halves_disagreement(&halves),
    })
}

/// The largest k-hat of rows. Large ones are taken of many other draws, from the largest on until that is above all that are
/// left: among rows the largest of noisy values is too large.
fn largest_tail(
    target: &Target,
    family: &TracedFamily,
    solution: &Solution,
    mut tails: Vec<(f64, u32)>,
    streams: Streams,
) -> Result<f64, EngineError> {
    tails.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut z, mut pass, mut log_q) = (Draws::zeros(target.layout(), 1, AGAIN.0), Pass::default(), vec![0.0; AGAIN.0]);
    let mut largest = f64::NEG_INFINITY;
    for (k, &(first, row)) in tails.iter().enumerate() {
        if first < LARGE_TAIL || first <= largest || k == AGAIN.1 {
            return Ok(first.max(largest));
        }
        let one = RowSet { subset: Some(vec![row]), weight: 1.0, global_terms: false };
        family.sample(&solution.params, &one, streams.at_step(u64::from(row)), &mut z);
        let density = target.log_density(&solution.theta, &z, &one, &mut pass);
        density.map_err(|error| EngineError(error.to_string()))?;
        family.log_q(&solution.params, &one, &z, &mut log_q);
        let log_weights: Vec<f64> = pass.log_density.iter().zip(&log_q).map(|(p, q)| p - q).collect();
        largest = psis(&log_weights).map_or(f64::INFINITY, |found| found.k_hat).max(largest);
    }
    Ok(largest)
}

/// The weighted mean of a latent over each half of its draws.
fn half_means(z: &[f64], weights: &[f64]) -> HalfMeans {
    let mean_of = |range: std::ops::Range<usize>| {
        let (z, w) = (&z[range.clone()], &weights[range]);
        let all: f64 = w.iter().sum();
        let mean = z.iter().zip(w).map(|(z, w)| w * z).sum::<f64>() / all;
        let error = z.iter().zip(w).map(|(z, w)| (w * (z - mean)).powi(2)).sum::<f64>().sqrt() / all;
        (mean, error, z.iter().zip(w).map(|(z, w)| w * (z - mean).powi(2)).sum::<f64>() / all)
    };
    let half = z.len() / 2;
    let (a, b) = (mean_of(0..half), mean_of(half..z.len()));
    HalfMeans { means: [a.0, b.0], mcse: [a.1, b.1], sd: (0.5 * (a.2 + b.2)).sqrt() }
}

/// The report of the best run.
fn outcome(
    (target, family): (&Target, &TracedFamily),
    Trained { solution, stop, trace, judged }: Trained,
    (method, bounds): (String, Vec<(f64, f64)>),
) -> Result<Outcome, EngineError> {
    let Judged { bound, log_joint, entropy, data, log_evidence, k_hat, .. } = judged;
    let evidence = Evidence {
        k_hat,
        effective_share: judged.effective_share,
        num_draws: DRAWS,
        has_integers: false,
        converged: stop.has_converged(),
        stop_reason: stop.to_string(),
        rejected_share: judged.rejected_share,
        halves_disagreement: judged.halves,
        restarts_disagreement: restarts_disagreement(&bounds),
    };
    let draws = of_parameters(target, &solution);
    let line = |(name, values): (&String, &Vec<f64>)| {
        let mean = values[0];
        Line { name: name.clone(), mean, sd: 0.0, mcse: 0.0, q05: mean, q50: mean, q95: mean }
    };
    let saved = super::engine::saved("amortised", &solution)?;
    let gap = Estimate { value: log_evidence.value - bound.value, se: log_evidence.se.hypot(bound.se) };
    let kl = data.map(|d| Estimate { value: d.value - bound.value, se: d.se.hypot(bound.se) });
    Ok(Outcome {
        method,
        weighted: false,
        posterior: draws.names.iter().zip(&draws.values).map(line).collect(),
        bound: Some(Bound {
            elbo: Some(bound),
            log_joint,
            entropy,
            data,
            kl,
            log_evidence: Some(log_evidence),
            gap: Some(gap),
            ln_accepted: None,
        }),
        measured: None,
        k_hat,
        verdict: Verdict::from_evidence(&evidence),
        num_steps: stop.steps(),
        stop: stop.to_string(),
        trace: Trace { steps: trace.steps, objective: trace.objective },
        of_rows: of_rows(target, family, &solution),
        draws,
        saved,
    })
}

/// What theta makes, as a draw that has no noise: derived quantities where the model has some, else theta itself.
pub(super) fn of_parameters(target: &Target, solution: &Solution) -> NamedDraws {
    let layout = target.layout();
    let all = NamedDraws::from(&target.constrained(&solution.theta, &Draws::zeros(layout, layout.num_rows, 2)));
    let of_theta = |name: &str| {
        let site = name.split('[').next().unwrap_or(name);
        layout.site(site).is_some_and(|s| s.kind == SiteKind::Parameter)
    };
    let derived: Vec<bool> = all.names.iter().map(|name| !of_theta(name)).collect();
    if !derived.contains(&true) {
        return all;
    }
    let kept = all.names.into_iter().zip(all.values).zip(derived).filter(|(_, derived)| *derived);
    let (names, values) = kept.map(|(one, _)| one).unzip();
    NamedDraws { names, values, log_weights: Vec::new() }
}

/// The latents of rows, in short.
pub(super) fn of_rows(target: &Target, family: &TracedFamily, solution: &Solution) -> Vec<OfRows> {
    const FEW: usize = 200;
    let layout = target.layout();
    let mut z = Draws::zeros(layout, layout.num_rows, FEW);
    family.sample(&solution.params, &RowSet::all(), Streams::new(1), &mut z);
    let found = target.constrained_rows(&solution.theta, &z, &RowSet::all());
    let size = found.num_rows * found.num_draws;
    let one = |(name, values): (&String, &[f64])| {
        let means: Vec<f64> = values.chunks_exact(FEW).map(|row| row.iter().sum::<f64>() / FEW as f64).collect();
        let extreme = |pick: fn(f64, f64) -> f64| means.iter().copied().reduce(pick).unwrap_or(f64::NAN);
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        OfRows { name: name.clone(), num_rows: means.len(), mean, range: (extreme(f64::min), extreme(f64::max)) }
    };
    found.names.iter().zip(found.values.chunks_exact(size.max(1))).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jensen_models::registry::find;
    use jensen_models::zoo::{DataOptions, Network};

    /// The steps that an observer sees who breaks at one of them, and why the run ended.
    fn seen(most: u64, break_at: u64) -> (Vec<u64>, Stop) {
        let built = find("topics").unwrap().build_embedded(&DataOptions::default()).unwrap();
        let Some(Network::Amortised(network)) = built.network else { panic!("a network of a bound") };
        let target = Target::new(&*built.model).unwrap();
        let family = TracedFamily::new(&*network.guide, target.layout()).unwrap();
        let theta = (network.theta)(target.layout(), Streams::new(1));
        let start = Solution { params: family.init(&[], 1.0), theta };
        let mut steps = Vec::new();
        let mut observer = |step: &Step| {
            steps.push(step.index);
            if step.index >= break_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let found = train((&target, &family), start, Streams::new(2), (0.01, most, 1), &mut observer).unwrap();
        assert_eq!(found.trace.steps, steps);
        (steps, found.stop)
    }

    #[test]
    fn a_run_takes_as_many_steps_as_asked_for_and_heeds_an_interrupt_in_each() {
        for most in [1, 2, 7] {
            let (steps, stop) = seen(most, u64::MAX);
            assert_eq!((steps, stop), ((1..=most).collect(), Stop::Budget { steps: most }));
        }
        // Of 6 steps the last three have the falling step size.
        for at in [2, 5] {
            let (steps, stop) = seen(6, at);
            assert_eq!((steps, stop), ((1..=at).collect(), Stop::Interrupted { steps: at }));
        }
    }
}
