//! One check of each further amortised model against something that is known.
#![allow(clippy::print_stdout, reason = "what a check has measured, for the book")]

mod adversarial;
mod characters;
mod clusters;
mod conditional;
mod discrete;
mod factors;
mod refined;
mod sequences;
mod simulated;
mod topics;

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::GradientEstimator;
use jensen::family::{Family, Guide, TracedFamily};
use jensen::fit::{MaxSteps, run};
use jensen::model::{Draws, Layout, Model, RowSet};
use jensen::objective::mean_and_standard_error;
use jensen::optimize::{Adam, Average, Schedule};
use jensen::streams::Streams;
use jensen::target::{LogDensity, Pass, Target};

/// A model with its q.
pub struct Ready {
    /// The model recorded.
    pub target: Target,
    /// Its q.
    pub family: TracedFamily,
}

/// Records a model with its q.
pub fn ready<M: Model + Guide>(model: &M) -> Ready {
    let target = Target::new(model).unwrap();
    let family = TracedFamily::new(model, target.layout()).unwrap();
    Ready { target, family }
}

/// Adam from `theta`, falling from `rate` to a fiftieth of it, with the average over the tail.
pub fn train<E: GradientEstimator<Target, TracedFamily>>(
    Ready { target, family }: &Ready,
    estimator: E,
    theta: impl Fn(&Layout) -> Vec<f64>,
    (batch, draws): (usize, usize),
    (rate, steps): (f64, u64),
) -> Solution {
    let start = Solution { params: family.init(&[], 1.0), theta: theta(target.layout()) };
    let vi = StochasticVi { start, average: Average::Polynomial { eta: 8.0 }, ..StochasticVi::new(target, family) };
    let vi = vi.estimator(estimator).draws(draws).minibatch(Minibatch::Shuffled(batch));
    let vi = vi.optimizer(Adam::new(Schedule::cosine(rate, rate / 50.0, steps))).streams(Streams::new(5));
    let mut state = vi.init().unwrap();
    run(&vi, &mut state, &mut MaxSteps(steps), &mut ()).unwrap();
    vi.output(&state)
}

/// The bound of a row at `solution`, by `draws` draws, and its standard error.
pub fn bound(Ready { target, family }: &Ready, solution: &Solution, draws: usize) -> (f64, f64) {
    let (rows, n) = (RowSet::all(), target.layout().num_rows);
    let mut z = Draws::zeros(target.layout(), n, draws);
    family.sample(&solution.params, &rows, Streams::new(6), &mut z);
    let mut pass = Pass::default();
    target.log_density(&solution.theta, &z, &rows, &mut pass).unwrap();
    let mut log_q = vec![0.0; draws];
    family.log_q(&solution.params, &rows, &z, &mut log_q);
    let each: Vec<f64> = pass.log_density.iter().zip(&log_q).map(|(p, q)| (p - q) / n as f64).collect();
    mean_and_standard_error(&each)
}

/// Standard normal numbers of a seed.
pub fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n];
    Streams::new(seed).fill_normal(1, &mut out);
    out
}

/// Uniform numbers of a seed.
pub fn uniform(seed: u64, n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n];
    Streams::new(seed).fill_uniform(1, &mut out);
    out
}
