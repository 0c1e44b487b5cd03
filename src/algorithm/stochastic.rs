//! Stochastic variational inference: a gradient estimator, an optimiser, and an average of the iterates.

use serde::{Deserialize, Serialize};

use super::density::{culprit, farthest};
use super::minibatch::{Chosen, Minibatch};
use super::{Algorithm, FitError, Solution, Step};
use crate::estimate::{Design, GradientEstimator, Point, Space, StickingTheLanding, Task};
use crate::family::Family;
use crate::model::RowSet;
use crate::numerics::dot;
use crate::optimize::{Adam, Average, AverageState, Optimizer};
use crate::streams::Streams;
use crate::target::LogDensity;

/// Purposes of the streams, so that no two uses share their noise.
const NOISE: u32 = 1;
const BATCHES: u32 = 2;

/// Parameters that are worth another thread.
const MANY: usize = 4096;

/// Steps in a row without a finite gradient after which a fit gives up.
const PATIENCE: u32 = 50;

/// Stochastic gradient ascent on the objective of an estimator.
///
/// With `g = estimator(target, family)` at the step's rows and draws, `params += optimizer(g)`, and theta moves along by
/// an optimiser of its own. A step without a finite gradient moves nothing and is counted; 50 in a row end the fit.
///
/// ```
/// use jensen::algorithm::{Algorithm, StochasticVi};
/// use jensen::family::MeanField;
/// use jensen::fit::{MaxSteps, run};
/// use jensen::optimize::Adam;
/// use jensen::prelude::*;
/// use jensen::target::{LogDensity, Target};
///
/// let target = Target::new(&model(|p| {
///     let mu = p.draw("mu", normal(0.0, 1.0));
///     p.observe(2.0, normal(mu, 1.0));
/// }))?;
/// let family = MeanField::new(target.layout());
/// let vi = StochasticVi::new(&target, &family).optimizer(Adam::new(0.02)).draws(4);
/// let mut state = vi.init()?;
/// run(&vi, &mut state, &mut MaxSteps(1000), &mut ())?;
/// assert!((vi.output(&state).params[0] - 1.0).abs() < 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// *Source*: Ranganath, Gerrish and Blei 2014; Kucukelbir et al. 2017.
pub struct StochasticVi<'a, T: ?Sized, F: ?Sized, E, O> {
    /// The density that q approximates.
    pub target: &'a T,
    /// The family whose parameters are moved.
    pub family: &'a F,
    /// The estimator of the gradient.
    pub estimator: E,
    /// The optimiser that follows the gradient.
    pub optimizer: O,
    /// What is returned: the last iterate or an average.
    pub average: Average,
    /// Monte Carlo draws in a step.
    pub num_draws: usize,
    /// How the draws of a step are spread; reparameterised estimators alone take another than the default.
    pub design: Design,
    /// Rows in a step.
    pub minibatch: Minibatch,
    /// Parameters of q and theta at the start.
    pub start: Solution,
    /// The source of all randomness of the run.
    pub streams: Streams,
}

/// State of a stochastic fit by an optimiser of state `S` and an estimator of state `E`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "S: Serialize + serde::de::DeserializeOwned, E: Serialize + serde::de::DeserializeOwned")]
pub struct StochasticState<S, E> {
    step: u64,
    params: Vec<f64>,
    theta: Vec<f64>,
    optimizer: S,
    theta_optimizer: S,
    estimator: E,
    average: AverageState,
    theta_average: AverageState,
    failures: u32,
    #[serde(skip)]
    scratch: Scratch,
}

/// Parameters, with what it takes to move them.
struct Climber<'a, S> {
    optimizer: &'a mut S,
    average: &'a mut AverageState,
    grad: &'a [f64],
    params: &'a mut [f64],
}

#[derive(Clone, Debug, Default)]
struct Scratch {
    space: Space,
    chosen: Chosen,
}

impl<S, E> StochasticState<S, E> {
    /// Number of steps taken so far.
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

    /// The state of the estimator.
    pub fn estimator(&self) -> &E {
        &self.estimator
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

    /// Chooses the optimiser that follows the gradient.
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

    /// Chooses the parameters of q and theta to start from.
    #[must_use]
    pub fn start(self, start: Solution) -> Self {
        StochasticVi { start, ..self }
    }

    /// Chooses the source of all randomness of the run.
    #[must_use]
    pub fn streams(self, streams: Streams) -> Self {
        StochasticVi { streams, ..self }
    }
}

impl<T, F, E, O> Algorithm for StochasticVi<'_, T, F, E, O>
where
    T: LogDensity + ?Sized,
    F: Family + ?Sized,
    E: GradientEstimator<T, F>,
    O: Optimizer,
{
    type State = StochasticState<O::State, E::State>;
    type Output = Solution;

    fn init(&self) -> Result<Self::State, FitError> {
        let (layout, params, theta) = (self.target.layout(), &self.start.params, &self.start.theta);
        if params.len() != self.family.num_params() || theta.len() != layout.num_parameters {
            return Err(FitError::setting(
                "start",
                format!(
                    "the start has {} parameters of q and {} of the model; the family has {} and the model {}",
                    params.len(),
                    theta.len(),
                    self.family.num_params(),
                    layout.num_parameters
                ),
            ));
        }
        self.family.covers(layout)?;
        if self.num_draws == 0 {
            return Err(FitError::setting("draws", "a step needs at least one draw"));
        }
        Ok(StochasticState {
            step: 0,
            params: params.clone(),
            theta: theta.clone(),
            optimizer: self.optimizer.init(params),
            theta_optimizer: self.optimizer.init(theta),
            estimator: self.estimator.init(self.target, self.family),
            average: self.average.init(params),
            theta_average: self.average.init(theta),
            failures: 0,
            scratch: Scratch::default(),
        })
    }

    fn step(&self, state: &mut Self::State) -> Result<Step, FitError> {
        let (layout, streams) = (self.target.layout(), self.streams.purpose(BATCHES));
        state.scratch.chosen.choose(self.minibatch, layout, streams, state.step)?;
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
    pub fn step_on(&self, state: &mut <Self as Algorithm>::State, rows: &RowSet) -> Result<Step, FitError> {
        state.scratch.chosen.take(rows);
        self.advance(state)
    }

    /// One step on the rows that are chosen.
    fn advance(&self, state: &mut <Self as Algorithm>::State) -> Result<Step, FitError> {
        self.hold(state)?;
        let Scratch { space, chosen } = &mut state.scratch;
        let at = Point {
            params: &state.params,
            theta: &state.theta,
            rows: &chosen.rows,
            streams: self.streams.purpose(NOISE).at_step(state.step),
            num_draws: self.num_draws,
            design: self.design,
        };
        let task = Task { target: self.target, family: self.family, at };
        let estimate = self.estimator.estimate(&task, &mut state.estimator, space)?;
        let Space { grad, grad_theta, terms, .. } = space;
        let norm = (dot(grad, grad) + dot(grad_theta, grad_theta)).sqrt();
        let terms = *terms;
        if norm.is_finite() && estimate.rejected < self.num_draws {
            state.failures = 0;
            self.climb([
                Climber {
                    optimizer: &mut state.optimizer,
                    average: &mut state.average,
                    grad,
                    params: &mut state.params,
                },
                Climber {
                    optimizer: &mut state.theta_optimizer,
                    average: &mut state.theta_average,
                    grad: grad_theta,
                    params: &mut state.theta,
                },
            ]);
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
            terms,
            converged: None,
        })
    }

    /// Moves the parameters of q and those of the model along their gradients, at the same time where both are many.
    fn climb(&self, [mut q, mut model]: [Climber<O::State>; 2]) {
        let one = |of: &mut Climber<O::State>| {
            self.optimizer.ascend(of.optimizer, of.grad, of.params);
            self.average.update(of.average, of.params);
        };
        match self.target.workers() {
            Some(workers) if q.params.len().min(model.params.len()) >= MANY => workers.each(&mut [q, model], one),
            _ => {
                one(&mut q);
                if !model.params.is_empty() {
                    one(&mut model);
                }
            }
        }
    }

    /// Holds a state, which may have been saved, to the model's and the family's sizes.
    fn hold(&self, state: &<Self as Algorithm>::State) -> Result<(), FitError> {
        let sizes = [self.family.num_params(), self.target.layout().num_parameters];
        let optimizers =
            self.optimizer.fits(&state.optimizer, sizes[0]) && self.optimizer.fits(&state.theta_optimizer, sizes[1]);
        let averages = self.average.fits(&state.average, sizes[0]) && self.average.fits(&state.theta_average, sizes[1]);
        let estimator = self.estimator.fits(&state.estimator, self.target, self.family);
        if [state.params.len(), state.theta.len()] == sizes && optimizers && averages && estimator {
            return Ok(());
        }
        let words =
            "the state belongs to another model, family, estimator or optimiser, or is damaged; begin with `init`";
        Err(FitError::setting("state", words))
    }

    /// A step without a usable draw moves nothing; too many in a row end the fit.
    fn count_failure(&self, state: &mut <Self as Algorithm>::State) -> Result<(), FitError> {
        let space = &state.scratch.space;
        state.failures += 1;
        if state.failures < PATIENCE {
            return Ok(());
        }
        let detail = farthest(self.target.layout(), &space.z) + &culprit(self.target, &state.theta, &space.z);
        Err(FitError::NotFinite { place: format!("step {}", state.step + 1), times: PATIENCE as usize, detail })
    }
}
