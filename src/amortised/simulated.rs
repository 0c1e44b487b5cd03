//! [`SimulatedPosterior`]: parameters given data, learnt from simulated pairs alone.

mod bounds;
mod chain;
mod error;
mod judge;
mod pairs;
mod scale;

pub use error::{PairsError, PairsPart};
pub use scale::Scale;

use super::fitted::{self, AmortisedFitted, own};
use super::training::{AmortisedModel, AmortisedSettings, show_without_value};
use crate::algorithm::{Algorithm, FitError, Minibatch, Solution, Step, StochasticVi};
use crate::diagnose::verdict::{HalfMeans, halves_disagreement};
use crate::dist::{Support, normal};
use crate::estimate::Pathwise;
use crate::family::{Family, Guide, Guided, TracedFamily};
use crate::fit::{MaxSteps, Observer, Stop, Trace, run};
use crate::layers::{Activation, InitialWeights, Perceptron};
use crate::model::{Layout, LogJoint, Model};
use crate::optimize::{Adam, Average, Clip, Clipped, Schedule};
use crate::posterior::Summary;
use crate::program::{Matrix, Vector};
use crate::streams::Streams;
use crate::target::{Constrained, LogDensity, Target};
use chain::Chain;
use judge::{Arrival, judge};
use pairs::{Pairs, Split};
use std::ops::ControlFlow;

/// Pairs of a step.
const BATCH: usize = 100;
/// Runs and steps, unless chosen, and how often in a run the pairs set aside are looked at.
const RUNS: usize = 2;
const STEPS: u64 = 8000;
const LOOKS: u64 = 32;
/// First step size.
const RATE: f64 = 0.005;
/// Length of a gradient, for each pair, from which it is cut.
const CLIP: f64 = 10.0;
/// Draws at each observed row.
const DRAWS: usize = 4000;

/// A posterior learnt from a simulator: no density of the data is ever evaluated.
///
/// ```text
/// q(z | x) = prod_k N(z_k; mean_k(x, z_<k), sd_k(x, z_<k)^2)      maximised: the mean of log q(z | x) over simulated pairs
/// ```
///
/// Each mean and log standard deviation is a linear map with a network of tanh layers beside it, of standardised columns
/// (data beyond three standard deviations by their logarithm): each parameter is normal given the data and the parameters
/// before it. That minimises `KL(p(z | x) || q(z | x))`, averaged over the simulator's own data.
/// A fifth of the pairs, 1,000 at most, judges and is never trained on; half as many decide when to stop. The verdict is by
/// the ranks of their parameters among draws of q, by the agreement of two runs at the observed rows, and by how far these
/// lie from the simulations.
///
/// A parameter with bounds is learnt in a space without: [`with_supports`](Self::with_supports).
///
/// The pairs are the data of the model, the networks its theta, and nothing is latent.
///
/// ```
/// use jensen::amortised::{AmortisedFit, SimulatedPosterior};
/// use jensen::program::Matrix;
/// use jensen::streams::Streams;
///
/// // z ~ N(0, 1), x = z + noise: the posterior is N(x / 2, 1 / 2).
/// let mut e = vec![0.0; 4000];
/// Streams::new(1).fill_normal(1, &mut e);
/// let (z, noise) = e.split_at(2000);
/// let x: Vec<f64> = z.iter().zip(noise).map(|(z, e)| z + e).collect();
/// let model = SimulatedPosterior::new(&Matrix::new(x, 1)?, &Matrix::new(z, 1)?)?.hidden(&[8]).observed(1, &[1.0])?;
/// let fitted = AmortisedFit::new(&model).steps(1000).restarts(1).run()?;
/// println!("{fitted}"); // the posterior at x = 1, the calibration, the verdict
/// let line = &fitted.summary[0];
/// assert!((line.mean - 0.5).abs() < 0.15 && (line.sd - 0.5f64.sqrt()).abs() < 0.1, "{fitted}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// *Source*: Papamakarios and Murray (2016), Fast epsilon-free inference of simulation models with Bayesian conditional
/// density estimation, proposition 1, with the prior as the proposal and a chain of normals in place of a mixture;
/// Bornschein and Bengio (2015), Reweighted wake-sleep, the sleep phase.
#[derive(Clone, Debug)]
pub struct SimulatedPosterior {
    names: Vec<String>,
    hidden: Vec<usize>,
    pairs: Split,
    /// Rows of observed data: the row's number, and its standardised data.
    observed: Vec<(usize, Vec<f64>)>,
}

/// One run of the training, from its own randomness.
struct Run {
    theta: Vec<f64>,
    /// Mean log q of the pairs set aside at each look.
    looks: Vec<f64>,
    stop: Stop,
    trace: Trace,
}

impl SimulatedPosterior {
    /// Two hidden layers of 32 for the pairs of `x`, a row of data for each simulation, and `z`, the parameters that it was
    /// simulated from, both in units of their own.
    ///
    /// # Errors
    /// Not as many rows of both, fewer than 200, a number that is not finite, or a column that never changes.
    pub fn new(x: &Matrix, z: &Matrix) -> Result<Self, PairsError> {
        Self::with_supports(x, z, &[])
    }

    /// The same for parameters of which each lies in a support of its own, in the order of the columns of `z`: q is of
    /// numbers without bounds, and no draw lies outside.
    ///
    /// ```
    /// use jensen::amortised::SimulatedPosterior;
    /// use jensen::dist::Support;
    /// use jensen::program::Matrix;
    ///
    /// let z = Matrix::new((0..200).map(|k| 0.1 + f64::from(k)).collect::<Vec<_>>(), 1)?;
    /// let model = SimulatedPosterior::with_supports(&z, &z, &[Support::Positive])?;
    /// assert!(SimulatedPosterior::with_supports(&z, &z, &[Support::Unit]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new), and when a parameter of a simulation is outside of its support or at an edge, or a support is
    /// neither real, positive, above or below a number, between two numbers nor unit.
    pub fn with_supports(x: &Matrix, z: &Matrix, supports: &[Support]) -> Result<Self, PairsError> {
        let pairs = Split::new(x, z, supports)?;
        let names = (0..z.num_columns()).map(|k| format!("z[{k}]")).collect();
        Ok(SimulatedPosterior { names, hidden: vec![32, 32], pairs, observed: Vec::new() })
    }

    /// Names of the parameters, in the order of the columns of `z`; those that are missing keep theirs.
    #[must_use]
    pub fn named(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.names.iter_mut().zip(names).for_each(|(old, new)| *old = new.into());
        self
    }

    /// Hidden layers of other sizes.
    #[must_use]
    pub fn hidden(self, hidden: &[usize]) -> Self {
        SimulatedPosterior { hidden: hidden.to_vec(), ..self }
    }

    /// Data whose posterior is wanted, in the units of the simulated data; `row` is its number in reports.
    ///
    /// # Errors
    /// When it is not as long as a row of the simulated data, or holds a number that is not finite.
    pub fn observed(mut self, row: usize, x: &[f64]) -> Result<Self, PairsError> {
        let (expected, found) = (self.pairs.data.len(), x.iter().filter(|x| x.is_finite()).count());
        if found != expected || x.len() != expected {
            return Err(PairsError::Observed { row, found, expected });
        }
        self.observed.push((row, pairs::standardised(&self.pairs.data, x)));
        Ok(self)
    }

    /// What was taken out of each parameter, in the space without bounds, and of each column of data.
    pub fn scales(&self) -> (&[Scale], &[Scale]) {
        (&self.pairs.parameters, &self.pairs.data)
    }

    fn chain<'a>(&self, layout: &'a Layout, theta: &'a [f64]) -> Result<Chain<'a>, FitError> {
        Chain::new(layout, theta, self.pairs.data.len(), self.names.len(), &self.hidden).map_err(own)
    }

    /// Draws of the parameters of each observed row, in their own units.
    fn draws_at(&self, chain: &Chain, num_draws: usize, streams: Streams) -> Result<Constrained, FitError> {
        fitted::held(self.observed.len() * self.names.len(), num_draws)?;
        let mut all = Constrained { num_rows: 1, num_draws, ..Constrained::default() };
        let mut noise = vec![0.0; num_draws * self.names.len()];
        for (row, x) in &self.observed {
            streams.at_step(*row as u64).fill_normal(num_draws, &mut noise);
            chain.draw(x, &mut noise);
            let scales = self.pairs.parameters.iter().zip(&self.pairs.bounds);
            for ((name, (scale, bounds)), z) in self.names.iter().zip(scales).zip(noise.chunks_exact(num_draws)) {
                let single = self.observed.len() == 1;
                all.names.push(if single { name.clone() } else { format!("{name}[row {row}]") });
                all.values.extend(z.iter().map(|z| bounds.value(scale.undo(*z)).0));
            }
        }
        Ok(all)
    }

    /// Follows the gradient of mean log q, and keeps the parameters that are best for the pairs set aside.
    fn train(
        &self,
        target: &Target,
        streams: Streams,
        training: &AmortisedSettings,
        observer: &mut dyn Observer,
    ) -> Result<Run, FitError> {
        let (steps, rate) = (training.steps.unwrap_or(STEPS), training.learning_rate.unwrap_or(RATE));
        let family = TracedFamily::with_options(self, target.layout(), training.options).map_err(own)?;
        let theta = InitialWeights::Glorot.theta(target.layout(), streams.purpose(3));
        let start = Solution { params: family.init(&[], 1.0), theta };
        let average = Average::Polynomial { eta: 8.0 };
        let vi = StochasticVi { start, average, ..StochasticVi::new(target, &family) };
        let vi = vi.estimator(Pathwise::default()).draws(1).streams(streams);
        let num_pairs = self.pairs.trained.x.num_rows();
        let vi = vi.minibatch(Minibatch::Shuffled(BATCH.min(num_pairs)));
        // A few pairs far out must not throw all others over.
        let clip = Clip::Norm(CLIP * num_pairs as f64);
        let inner = Adam::new(Schedule::cosine(rate, rate / 50.0, steps));
        let vi = vi.optimizer(Clipped { inner, clip });
        let (mut state, mut trace) = (vi.init()?, Trace::default());
        let mut seen = |step: &Step| -> ControlFlow<()> {
            let kept = trace.on_step(step);
            if show_without_value(observer, step).is_break() { ControlFlow::Break(()) } else { kept }
        };
        let (mut looks, mut kept, mut stop) = (Vec::new(), Vec::new(), Stop::Budget { steps: 0 });
        for look in 1..=LOOKS {
            let until = steps * look / LOOKS;
            if until <= state.step() {
                continue;
            }
            stop = run(&vi, &mut state, &mut MaxSteps(until), &mut seen)?;
            let theta = vi.output(&state).theta;
            let (log_q, _) = self.chain(target.layout(), &theta)?.mean_log_q(&self.pairs.stopped);
            if log_q > best(&looks) {
                kept = theta;
            }
            looks.push(log_q);
            if matches!(stop, Stop::Interrupted { .. }) {
                break;
            }
        }
        if kept.is_empty() {
            let words = "log q of the pairs that were set aside is not finite; take a smaller learning rate";
            return Err(FitError::setting("learning rate", words));
        }
        Ok(Run { theta: kept, looks, stop, trace })
    }
}

impl Model for SimulatedPosterior {
    fn log_joint(&self, p: &LogJoint) {
        let Pairs { x, z } = &self.pairs.trained;
        let declared = |k: usize| {
            let ([linear, network], [sizes, deep]) = (chain::names(k), chain::sizes(x.num_columns(), &self.hidden, k));
            let linear = Perceptron::new(&sizes).of_model(p, &linear);
            (linear, Perceptron::new(&deep).activation(Activation::Tanh).of_model(p, &network))
        };
        let parts: Vec<_> = (0..z.num_columns()).map(declared).collect();
        p.rows(x.num_rows(), |i| {
            let (x, z) = (x.at(i).to_vector().elements(), z.at(i).to_vector().elements());
            for (k, (linear, network)) in parts.iter().enumerate() {
                let read = Vector::new(&[&x[..], &z[..k]].concat());
                let out = linear.apply(&read).zip(&network.apply(&read), |a, b| a + b);
                i.observe(z[k], normal(out.at(0), out.at(1).exp()));
            }
        });
    }
}

/// Nothing is latent.
impl Guide for SimulatedPosterior {
    fn draw(&self, _: &Guided) {}
}

impl AmortisedModel for SimulatedPosterior {
    fn fit(&self, training: &AmortisedSettings, observer: &mut dyn Observer) -> Result<AmortisedFitted, FitError> {
        if training.draws.is_some() {
            let words = "it takes gradients of simulated pairs, without draws of q; leave the draws out";
            return Err(FitError::setting("draws", words));
        }
        if self.observed.is_empty() {
            return Err(FitError::setting(
                "observed",
                "no observed data; add a row of them, whose posterior is wanted",
            ));
        }
        fitted::held(self.observed.len() * self.names.len(), DRAWS)?;
        let target = Target::with_options(self, training.options)?;
        let one = |streams| self.train(&target, streams, training, observer);
        let mut runs = training.each_run(RUNS, |run: &Run| &run.stop, one)?;
        runs.sort_by(|a, b| best(&b.looks).total_cmp(&best(&a.looks)));
        let streams = Streams::new(training.seed).purpose(5);
        let of_run = |run: &Run| -> Result<(Constrained, Vec<Summary>), FitError> {
            let draws = self.draws_at(&self.chain(target.layout(), &run.theta)?, DRAWS, streams)?;
            let lines = fitted::summary(&draws)?;
            Ok((draws, lines))
        };
        let second = runs.get(1).map(of_run).transpose()?;
        let Some(run) = runs.into_iter().next() else {
            return Err(FitError::setting("restarts", "a fit needs at least one run"));
        };
        let (draws, summary) = of_run(&run)?;
        let repeated = second.map(|(_, lines)| disagreement(&summary, &lines));
        let quarter = run.looks.len() - run.looks.len().div_ceil(4);
        let gain = best(&run.looks) - best(&run.looks[..quarter]);
        let arrival = Arrival { gain, stop: run.stop.clone() };
        let judged = judge(
            &self.pairs,
            &self.names,
            &self.observed,
            &self.chain(target.layout(), &run.theta)?,
            streams.purpose(6),
        )?;
        Ok(AmortisedFitted {
            method: "network of simulated pairs, adam optimiser, forward divergence".into(),
            verdict: judged.verdict(&arrival, repeated),
            measured: Some(judged.measured),
            stopped: arrival.to_string(),
            solution: Solution { params: Vec::new(), theta: run.theta },
            draws,
            summary,
            rows: Vec::new(),
            bound: None,
            k_hat: f64::NAN,
            stop: run.stop,
            trace: run.trace,
        })
    }

    fn draws(&self, solution: &Solution, num_draws: usize, streams: Streams) -> Result<Constrained, FitError> {
        let target = Target::new(self)?;
        self.draws_at(&self.chain(target.layout(), &solution.theta)?, num_draws, streams)
    }
}

fn best(looks: &[f64]) -> f64 {
    looks.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The largest difference of the means of two runs at an observed row, in posterior standard deviations.
fn disagreement(a: &[Summary], b: &[Summary]) -> f64 {
    let pair = |(a, b): (&Summary, &Summary)| HalfMeans { means: [a.mean, b.mean], mcse: [a.mcse, b.mcse], sd: a.sd };
    halves_disagreement(&a.iter().zip(b).map(pair).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
