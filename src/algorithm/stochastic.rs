//! Stochastic variational inference: a gradient estimator, an optimiser, and an average of the iterates.

use serde::{Deserialize, Serialize};

use super::density::farthest;
use super::{Algorithm, FitError, Solution, Step};
use crate::estimate::{Design, GradientEstimator, Point, Space, StickingTheLanding};
use crate::family::{Family, lanes};
use crate::model::RowSet;
use crate::optimize::{Adam, Average, AverageState, Optimizer};
use crate::streams::Streams;
use crate::target::LogDensity;

/// Purposes of the streams, so that no two uses share their noise.
const NOISE: u32 = 1;
const BATCHES: u32 = 2;

/// Steps in a row without a finite gradient after which a fit gives up.
const PATIENCE: u32 = 50;

/// Stochastic gradient ascent on the objective of an estimator.
///
/// With `g = estimator(target, family)` at the step's rows and draws, `params += optimizer(g)`, and theta moves along by
/// an optimiser of its own. A step without a finite gradient moves nothing and is counted; 50 in a row end the fit.
///
/// *Source*: Ranganath, Gerrish and Blei 2014; Kucukelbir et al. 2017.
pub struct StochasticVi<'a, T: ?Sized, F: ?Sized, E, O> {
    /// What is approximated.
    pub target: &'a T,
    /// By what.
    pub family: &'a F,
    /// How the gradient is estimated.
    pub estimator: E,
    /// How it is followed.
    pub optimizer: O,
    /// What is returned: the last iterate or an average.
    pub average: Average,
    /// Monte Carlo draws in a step.
    pub num_draws: usize,
    /// How the draws of a step are spread; reparameterised estimators alone take another than the default.
    pub design: Design,
    /// Rows in a step.
    pub minibatch: Minibatch,
    /// Where to start.
    pub start: Solution,
    /// Randomness.
    pub streams: Streams,
}

/// The rows of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Minibatch {
    /// All rows.
    #[default]
    Full,
    /// This many rows, in a new order in each pass over the data; the last batch of a pass may be smaller.
    Shuffled(usize),
    /// This many rows drawn with replacement.
    Replaced(usize),
}

/// State of a stochastic fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "S: Serialize + serde::de::DeserializeOwned")]
pub struct StochasticState<S> {
    step: u64,
    params: Vec<f64>,
    theta: Vec<f64>,
    optimizer: S,
    theta_optimizer: S,
    average: AverageState,
    theta_average: AverageState,
    failures: u32,
    /// What the estimator keeps between steps.
    #[serde(default)]
    memory: Vec<f64>,
    #[serde(skip)]
    scratch: Scratch,
}

#[derive(Clone, Debug)]
struct Scratch {
    space: Space,
    grad: Vec<f64>,
    grad_theta: Vec<f64>,
    rows: RowSet,
    order: Vec<u32>,
    epoch: Option<u64>,
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch {
            space: Space::default(),
            grad: Vec::new(),
            grad_theta: Vec::new(),
            rows: RowSet::all(),
            order: Vec::new(),
            epoch: None,
        }
    }
}

impl<S> StochasticState<S> {
    /// Steps taken.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The current parameters of q (the iterate, not the average).
    pub fn params(&self) -> &[f64] {
        &self.params
    }

    /// The current parameters of the model.
    pub fn theta(&self) -> &[f64] {
        &self.theta
    }

    /// What the estimator remembers.
    pub fn memory(&self) -> &[f64] {
        &self.memory
    }
}

impl<'a, T: LogDensity + ?Sized, F: Family + ?Sized> StochasticVi<'a, T, F, StickingTheLanding, Adam> {
    /// Sticking the landing with 10 draws of all rows, Adam, the mean over the tail, from standard deviations of one
    /// about zero, seed 0; the other functions change one of these each.
    ///
    /// ```
    /// use jensen::algorithm::{Algorithm, StochasticVi};
    /// use jensen::family::FullRank;
    /// use jensen::fit::{MaxSteps, Plateau, run};
    /// use jensen::target::HandWritten;
    ///
    /// let target = HandWritten::new(&["x"], |z, grad| {
    ///     grad[0] = 3.0 - z[0];
    ///     -0.5 * (z[0] - 3.0).powi(2)
    /// });
    /// let family = FullRank::new(1);
    /// let algorithm = StochasticVi::new(&target, &family).draws(4);
    /// let mut state = algorithm.init()?;
    /// run(&algorithm, &mut state, &mut (MaxSteps(20_000), Plateau::new(500, 0.01)), &mut ())?;
    /// assert!((algorithm.output(&state).params[0] - 3.0).abs() < 0.1);
    /// # Ok::<(), jensen::algorithm::FitError>(())
    /// ```
    pub fn new(target: &'a T, family: &'a F) -> Self {
        let layout = target.layout();
        let params = family.init(&vec![0.0; layout.num_latents], 1.0);
        StochasticVi {
            target,
            family,
            estimator: StickingTheLanding,
            optimizer: Adam::default(),
            average: Average::Tail,
            num_draws: 10,
            design: Design::Independent,
            minibatch: Minibatch::Full,
            start: Solution { params, theta: vec![0.0; layout.num_parameters] },
            streams: Streams::new(0),
        }
    }
}

impl<'a, T: ?Sized, F: ?Sized, E, O> StochasticVi<'a, T, F, E, O> {
    /// How the gradient is estimated: for a density of values alone [`ScoreFunction`](crate::estimate::ScoreFunction).
    #[must_use]
    pub fn estimator<G: GradientEstimator<T, F>>(self, estimator: G) -> StochasticVi<'a, T, F, G, O> {
        let StochasticVi { target, family, optimizer, average, num_draws, design, minibatch, start, streams, .. } =
            self;
        StochasticVi { target, family, estimator, optimizer, average, num_draws, design, minibatch, start, streams }
    }

    /// How the gradient is followed.
    #[must_use]
    pub fn optimizer<P>(self, optimizer: P) -> StochasticVi<'a, T, F, E, P> {
        let StochasticVi { target, family, estimator, average, num_draws, design, minibatch, start, streams, .. } =
            self;
        StochasticVi { target, family, estimator, optimizer, average, num_draws, design, minibatch, start, streams }
    }

    /// Monte Carlo draws in a step.
    #[must_use]
    pub fn draws(self, num_draws: usize) -> Self {
        StochasticVi { num_draws, ..self }
    }

    /// How the draws of a step are spread.
    #[must_use]
    pub fn design(self, design: Design) -> Self {
        StochasticVi { design, ..self }
    }

    /// Rows in a step.
    #[must_use]
    pub fn minibatch(self, minibatch: Minibatch) -> Self {
        StochasticVi { minibatch, ..self }
    }

    /// Where to start.
    #[must_use]
    pub fn start(self, start: Solution) -> Self {
        StochasticVi { start, ..self }
    }

    /// Randomness.
    #[must_use]
    pub fn streams(self, streams: Streams) -> Self {
        StochasticVi { streams, ..self }
    }
}

impl<T, F, E, O> StochasticVi<'_, T, F, E, O>
where
    T: LogDensity + ?Sized,
    F: Family + ?Sized,
    O: Optimizer,
{
    /// Chooses this step's rows.
    fn choose_rows(&self, step: u64, scratch: &mut Scratch) -> Result<(), FitError> {
        let layout = self.target.layout();
        let (n, batch) = match self.minibatch {
            Minibatch::Full => {
                scratch.rows = RowSet::all();
                return Ok(());
            }
            Minibatch::Shuffled(b) | Minibatch::Replaced(b) => (layout.num_rows, b),
        };
        if n == 0 || batch == 0 || batch > n {
            return Err(FitError::Setting(format!(
                "a minibatch of {batch} rows out of {n}; choose between 1 and the number of rows of the model's `rows` block"
            )));
        }
        let streams = self.streams.purpose(BATCHES);
        let subset = scratch.rows.subset.get_or_insert_default();
        match self.minibatch {
            Minibatch::Replaced(_) => {
                subset.resize(batch, 0);
                streams.at_step(step).indices(n, subset);
            }
            _ => {
                let per_epoch = (n as u64).div_ceil(batch as u64);
                let (epoch, k) = (step / per_epoch, (step % per_epoch) as usize);
                if scratch.epoch != Some(epoch) {
                    scratch.order.resize(n, 0);
                    streams.at_step(epoch).permutation(n, &mut scratch.order);
                    scratch.epoch = Some(epoch);
                }
                subset.clear();
                subset.extend_from_slice(&scratch.order[k * batch..n.min((k + 1) * batch)]);
            }
        }
        subset.iter_mut().for_each(|r| *r += layout.first_row as u32);
        scratch.rows.weight = n as f64 / subset.len() as f64;
        Ok(())
    }
}

impl<T, F, E, O> Algorithm for StochasticVi<'_, T, F, E, O>
where
    T: LogDensity + ?Sized,
    F: Family + ?Sized,
    E: GradientEstimator<T, F>,
    O: Optimizer,
{
    type State = StochasticState<O::State>;
    type Output = Solution;

    fn init(&self) -> Result<Self::State, FitError> {
        let (layout, params, theta) = (self.target.layout(), &self.start.params, &self.start.theta);
        if params.len() != self.family.num_params() || theta.len() != layout.num_parameters {
            return Err(FitError::Setting(format!(
                "the start has {} parameters of q and {} of the model; the family has {} and the model {}",
                params.len(),
                theta.len(),
                self.family.num_params(),
                layout.num_parameters
            )));
        }
        self.family.covers(layout).map_err(|e| FitError::Unsupported(e.to_string()))?;
        if self.num_draws == 0 {
            return Err(FitError::Setting("a step needs at least one draw".into()));
        }
        Ok(StochasticState {
            step: 0,
            params: params.clone(),
            theta: theta.clone(),
            optimizer: self.optimizer.init(params),
            theta_optimizer: self.optimizer.init(theta),
            average: self.average.init(params),
            theta_average: self.average.init(theta),
            failures: 0,
            memory: Vec::new(),
            scratch: Scratch::default(),
        })
    }

    fn step(&self, state: &mut Self::State) -> Result<Step, FitError> {
        self.choose_rows(state.step, &mut state.scratch)?;
        self.advance(state)
    }

    fn output(&self, state: &Self::State) -> Solution {
        let mut out = Solution { params: state.params.clone(), theta: state.theta.clone() };
        self.average.write(&state.average, &mut out.params);
        self.average.write(&state.theta_average, &mut out.theta);
        out
    }
}

impl<T, F, E, O> StochasticVi<'_, T, F, E, O>
where
    T: LogDensity + ?Sized,
    F: Family + ?Sized,
    E: GradientEstimator<T, F>,
    O: Optimizer,
{
    /// One step on these rows of the target, whatever `minibatch` says: for data of which a target holds a part.
    ///
    /// `rows.weight` is the number of all rows, those that the target does not hold included, over the rows of the step.
    /// Rows are numbered from the layout's `first_row`. A state goes on with another target of the same
    /// parameters.
    ///
    /// # Errors
    /// As [`Algorithm::step`].
    pub fn step_on(&self, state: &mut StochasticState<O::State>, rows: &RowSet) -> Result<Step, FitError> {
        state.scratch.rows.clone_from(rows);
        state.scratch.epoch = None;
        self.advance(state)
    }

    /// One step on the rows that are chosen.
    fn advance(&self, state: &mut StochasticState<O::State>) -> Result<Step, FitError> {
        self.hold(state)?;
        let Scratch { space, grad, grad_theta, rows, .. } = &mut state.scratch;
        grad.clear();
        grad.resize(state.params.len(), 0.0);
        grad_theta.clear();
        grad_theta.resize(state.theta.len(), 0.0);
        let at = Point {
            params: &state.params,
            theta: &state.theta,
            rows,
            streams: self.streams.purpose(NOISE).at_step(state.step),
            num_draws: self.num_draws,
            design: self.design,
        };
        std::mem::swap(&mut space.memory, &mut state.memory);
        let estimate = self.estimator.estimate(self.target, self.family, &at, space, grad, grad_theta);
        std::mem::swap(&mut space.memory, &mut state.memory);
        let estimate = estimate?;
        let norm = (lanes::dot(grad, grad) + lanes::dot(grad_theta, grad_theta)).sqrt();
        if norm.is_finite() && estimate.rejected < self.num_draws {
            state.failures = 0;
            self.optimizer.ascend(&mut state.optimizer, grad, &mut state.params);
            self.average.update(&mut state.average, &state.params);
            if !state.theta.is_empty() {
                self.optimizer.ascend(&mut state.theta_optimizer, grad_theta, &mut state.theta);
                self.average.update(&mut state.theta_average, &state.theta);
            }
        } else {
            self.count_failure(state)?;
        }
        state.step += 1;
        Ok(Step {
            index: state.step,
            objective: estimate.value.is_finite().then_some(estimate.value),
            grad_norm: norm,
            evaluations: estimate.evaluations as u64,
            rejected: estimate.rejected as u64,
            converged: None,
        })
    }

    /// Holds a state, which may have been saved, to the model's and the family's sizes.
    fn hold(&self, state: &StochasticState<O::State>) -> Result<(), FitError> {
        let sizes = [self.family.num_params(), self.target.layout().num_parameters];
        let optimizers =
            self.optimizer.fits(&state.optimizer, sizes[0]) && self.optimizer.fits(&state.theta_optimizer, sizes[1]);
        let averages = self.average.fits(&state.average, sizes[0]) && self.average.fits(&state.theta_average, sizes[1]);
        if [state.params.len(), state.theta.len()] == sizes && optimizers && averages {
            return Ok(());
        }
        let words = "the state belongs to another model, family or optimiser, or is damaged; begin with `init`";
        Err(FitError::Setting(words.into()))
    }

    /// A step without a usable draw moves nothing; too many in a row end the fit.
    fn count_failure(&self, state: &mut StochasticState<O::State>) -> Result<(), FitError> {
        let space = &state.scratch.space;
        state.failures += 1;
        if state.failures < PATIENCE {
            return Ok(());
        }
        let detail = farthest(self.target.layout(), &space.z);
        Err(FitError::NotFinite { place: format!("step {}", state.step + 1), times: PATIENCE as usize, detail })
    }
}
