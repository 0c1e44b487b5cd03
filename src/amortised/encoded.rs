//! [`Encoded`]: a model of rows with an encoder, a network from a row to its latents, both trained on the bound.

use super::fitted::{AmortisedFitted, of_parameters, own};
use super::rows::{Judged, judge};
use super::training::{AmortisedModel, AmortisedSettings};
use crate::algorithm::{Algorithm, FitError, Minibatch, Solution, Step, StochasticVi};
use crate::diagnose::verdict::{Verdict, restarts_disagreement};
use crate::family::{Family, Guide, TracedFamily};
use crate::fit::{MaxSteps, Observer, Plateau, Stop, Trace, run};
use crate::layers::InitialWeights;
use crate::model::{Layout, Model};
use crate::optimize::{Adam, Average, Schedule};
use crate::streams::Streams;
use crate::target::{Constrained, LogDensity, Target};
use std::ops::ControlFlow;

/// Rows of a step.
const BATCH: usize = 100;
/// Runs unless chosen.
const RUNS: usize = 2;
/// Steps at most, and those with a falling step size at the end.
const MOST: u64 = 20_000;
const LAST: u64 = 1000;
/// Steps of a window whose mean objective is compared with the next one's, and nats of a gain that is none.
const WINDOW: u64 = 500;
const TOLERANCE: f64 = 0.1;

/// A model whose latents are all in rows, with a guide q(z_i | x_i) that is a network of the row's data.
///
/// ```text
/// maximised: sum_i E_q[log p(x_i, z_i | theta) - log q(z_i | x_i)]        by Adam, sticking the landing, in minibatches
/// ```
///
/// over the guide's parameters and theta. Rows are independent given theta, so that log evidence, importance weights and
/// k-hat are those of single rows, at most 500 of them by 1,000 draws each; the largest k-hat decides. Draws and summary are
/// those of what theta makes: derived quantities, or theta itself where the model has none.
///
/// ```
/// use jensen::amortised::{AmortisedFit, Encoded};
/// use jensen::layers::{Amortised, Perceptron};
/// use jensen::prelude::*;
///
/// /// z_i ~ N(0, 1), x_i ~ N(shift + z_i, 1): the exact q is N((x_i - shift) / 2, 1 / 2).
/// struct Shifted(Matrix);
///
/// impl Model for Shifted {
///     fn log_joint(&self, p: &LogJoint) {
///         let shift = p.parameter("shift", &[]).at(0);
///         p.rows(self.0.num_rows(), |i| {
///             let z = i.draws("z", normal(0.0, 1.0), 1).at(0);
///             i.observe(self.0.at(i).at(0), normal(shift + z, 1.0));
///         });
///     }
/// }
///
/// let x = Matrix::new([1.2, 2.9, 4.1, 3.3, 2.0, 1.1], 1)?;
/// let encoder = Amortised::new(x.clone(), "z", 1, Perceptron::new(&[1]));
/// let fitted = AmortisedFit::new(&Encoded::new(Shifted(x), encoder)).learning_rate(0.05).steps(4000).run()?;
/// println!("{fitted}"); // theta, the bound, the verdict
/// // The maximum of log p(x) is at the mean of the data.
/// assert!((fitted.summary[0].mean - 2.433).abs() < 0.1, "{fitted}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Encoded<M, G> {
    model: M,
    guide: G,
    start: InitialWeights,
    learning_rate: f64,
    draws: usize,
}

/// One run of the training, from its own randomness.
struct Run {
    solution: Solution,
    stop: Stop,
    trace: Trace,
    judged: Judged,
}

/// How a run goes.
struct Plan {
    rate: f64,
    steps: u64,
    draws: usize,
}

impl<M: Model, G: Guide> Encoded<M, G> {
    /// `model` with `guide` as its q; theta starts at random weights after Glorot, steps are of 0.01 with one draw of each row.
    pub fn new(model: M, guide: G) -> Self {
        Encoded { model, guide, start: InitialWeights::Glorot, learning_rate: 0.01, draws: 1 }
    }

    /// Other random weights for theta to start from.
    #[must_use]
    pub fn start(self, start: InitialWeights) -> Self {
        Encoded { start, ..self }
    }

    /// The step size of a fit that does not choose one.
    #[must_use]
    pub fn learning_rate(self, learning_rate: f64) -> Self {
        Encoded { learning_rate, ..self }
    }

    /// Draws of each row in a step of a fit that does not choose their number.
    #[must_use]
    pub fn draws(self, draws: usize) -> Self {
        Encoded { draws, ..self }
    }
}

impl<M: Model, G: Guide> AmortisedModel for Encoded<M, G> {
    fn fit(&self, training: &AmortisedSettings, observer: &mut dyn Observer) -> Result<AmortisedFitted, FitError> {
        let target = Target::with_options(&self.model, training.options)?;
        check(target.layout())?;
        let family = TracedFamily::with_workers(&self.guide, target.layout(), target.workers()).map_err(own)?;
        let family = family.named("amortised");
        let plan = Plan {
            rate: training.learning_rate.unwrap_or(self.learning_rate),
            steps: training.steps.unwrap_or(MOST),
            draws: training.draws.unwrap_or(self.draws),
        };
        let runs = training.each_run(
            RUNS,
            |run: &Run| &run.stop,
            |streams| {
                let theta = self.start.theta(target.layout(), streams.purpose(3));
                let start = Solution { params: family.init(&[], 1.0), theta };
                train(&target, &family, start, streams, &plan, observer)
            },
        )?;
        let elbo = |run: &Run| run.judged.bound.elbo;
        let bounds: Vec<(f64, f64)> = runs.iter().map(|run| (elbo(run).value, elbo(run).mcse)).collect();
        let best = runs.into_iter().max_by(|a, b| elbo(a).value.total_cmp(&elbo(b).value));
        let Some(Run { solution, stop, trace, judged }) = best else {
            return Err(FitError::setting("restarts", "a fit needs at least one run"));
        };
        let verdict = Verdict::from_evidence(&judged.evidence(&stop, restarts_disagreement(&bounds)));
        let how = format!("amortised family, adam optimiser, sticking-the-landing estimator, {} draws", plan.draws);
        Ok(AmortisedFitted {
            bound: Some(judged.bound),
            k_hat: judged.k_hat,
            ..AmortisedFitted::of_rows(how, &target, &family, solution, stop, trace, verdict)
        })
    }

    fn draws(&self, solution: &Solution, num_draws: usize, _: Streams) -> Result<Constrained, FitError> {
        of_parameters(&Target::new(&self.model)?, solution, num_draws)
    }
}

/// Rows are judged one by one, which leaves room for nothing that they share but theta.
fn check(layout: &Layout) -> Result<(), FitError> {
    let outside = layout.num_latents + layout.num_integers;
    if outside == 0 && layout.num_row_integers == 0 && layout.num_row_latents > 0 {
        return Ok(());
    }
    Err(FitError::unsupported(
        "latents",
        format!(
            "a model with {} real latents and {} integers in its rows and {outside} latents outside of them; an encoder is for real \
         latents of rows alone: make the others parameters, sum integers out, or use `Fit`",
            layout.num_row_latents, layout.num_row_integers
        ),
    ))
}

/// Steps until the bound levels off, and some with a falling step size, `plan.steps` at most. One numbering for both.
fn train(
    target: &Target,
    family: &TracedFamily,
    start: Solution,
    streams: Streams,
    plan: &Plan,
    observer: &mut dyn Observer,
) -> Result<Run, FitError> {
    let batch = BATCH.min(target.layout().num_rows);
    let vi = StochasticVi { start, average: Average::Last, ..StochasticVi::new(target, family) };
    let vi =
        vi.draws(plan.draws).minibatch(Minibatch::Shuffled(batch)).streams(streams).optimizer(Adam::new(plan.rate));
    let (mut state, mut trace) = (vi.init()?, Trace::default());
    let late = LAST.min(plan.steps / 2);
    let mut rules = (MaxSteps(plan.steps - late), Plateau::new(WINDOW, TOLERANCE));
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
    let falling = Schedule::cosine(plan.rate, plan.rate / 50.0, late);
    let vi = vi.start(solution).streams(streams.purpose(4)).optimizer(Adam::new(falling));
    let vi = StochasticVi { average: Average::Polynomial { eta: 8.0 }, ..vi };
    let mut last = vi.init()?;
    if late > 0 && !matches!(stop, Stop::Interrupted { .. }) {
        before = stop.steps();
        let end = run(&vi, &mut last, &mut MaxSteps(late), &mut |step: &Step| seen(step, before))?;
        stop = after(stop, &end);
    }
    let solution = vi.output(&last);
    let judged = judge(target, family, &solution, streams.purpose(5))?;
    Ok(Run { solution, stop, trace, judged })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Amortised, Perceptron};
    use crate::prelude::*;

    /// `z_i ~ N(0, 1)`, `x_i ~ N(z_i, 1)` in six rows, with what else `more` declares.
    struct Rows(fn(&LogJoint));

    fn data() -> Matrix {
        Matrix::new([0.3, -1.0, 0.8, 2.0, -0.4, 0.1], 1).unwrap()
    }

    impl Model for Rows {
        fn log_joint(&self, p: &LogJoint) {
            (self.0)(p);
            let x = data();
            p.rows(6, |i| {
                let z = i.draws("z", normal(0.0, 1.0), 1).at(0);
                i.observe(x.at(i).at(0), normal(z, 1.0));
            });
        }
    }

    /// The steps that an observer sees who breaks at one of them, and why the run ended.
    fn seen(steps: u64, break_at: u64) -> (Vec<u64>, Stop) {
        let target = Target::new(&Rows(|_| ())).unwrap();
        let encoder = Amortised::new(data(), "z", 1, Perceptron::new(&[1]));
        let family = TracedFamily::new(&encoder, target.layout()).unwrap();
        let start = Solution { params: family.init(&[], 1.0), theta: Vec::new() };
        let mut found = Vec::new();
        let mut observer = |step: &Step| {
            found.push(step.index);
            if step.index >= break_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let plan = Plan { rate: 0.01, steps, draws: 1 };
        let run = train(&target, &family, start, Streams::new(2), &plan, &mut observer).unwrap();
        assert_eq!(run.trace.steps, found);
        (found, run.stop)
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

    #[test]
    fn latents_that_rows_share_are_refused() {
        fn real(p: &LogJoint) {
            p.draw("a", normal(0.0, 1.0));
        }
        fn integer(p: &LogJoint) {
            p.draw_integer("k", bernoulli(0.5));
        }
        let shared: [fn(&LogJoint); 2] = [real, integer];
        for more in shared {
            let encoder = Amortised::new(data(), "z", 1, Perceptron::new(&[1]));
            let error = crate::amortised::AmortisedFit::new(&Encoded::new(Rows(more), encoder)).run().unwrap_err();
            assert!(error.to_string().contains("1 latents outside of them"), "{error}");
        }
    }
}
