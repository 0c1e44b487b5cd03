//! Natural-gradient variational inference for Gaussians with a sparse precision matrix.

mod colours;
mod evaluate;
mod steps;

use serde::{Deserialize, Serialize};

pub(super) use self::colours::Colours;
use self::evaluate::{Evaluator, Gaussian, Paired, Seen};
use super::{Algorithm, FitError, Solution, Step};
use crate::family::{Family, SparseGaussian};
use crate::numerics::Columns;
use crate::program::LatentGraph;
use crate::streams::Streams;
use crate::target::Differentiable;

/// Precision that a start has in latents which most others meet, where the others have one: a shared latent is known better.
const SHARED_PRECISION: f64 = 25.0;

/// How many times the draws of a step there are in the later stage.
const LATER_STAGE: usize = 4;

/// Latents up to which a tolerance is what it says; beyond, it grows with their number.
const FEW: f64 = 1e4;

/// Natural-gradient steps on the mean `m` and the sparse precision `P` of a Gaussian.
///
/// With fresh antithetic draws of q, the mean gradient `g` and the mean curvature `H = E_q[-d2 log p]` on the graph's
/// pattern, a step of size `rho` is
///
/// ```text
/// P <- (1 - rho) P + rho H            H += delta diag P, with delta = 0.1, 0.2, .. while P is not positive definite
/// m <- m + rho P^-1 g
/// ```
///
/// `H` comes from central differences of gradients along the colours of a star colouring: two gradients a draw and colour,
/// and a hierarchy with three shared latents has four colours, whatever the number of its groups.
///
/// A step is measured on the draws of the next one, which it has not seen: where the paired bound falls by more than three
/// standard errors, one nat, and three times what noise takes of a step from the optimum, it is halved. Every third step the
/// way of the last six is prolonged while the bound rises by more than two errors: along valleys steps are short. When
/// the last three steps gained nothing beyond their error, there are first four times as many draws. The next time, steps are
/// averaged: with the noise `n` of one step and `v` of all before it, both in nats, `rho = v / (v + n)` and
/// `v <- (1 - rho)^2 v + rho^2 n`. The fit has converged when `v` is below the tolerance and steps still gain nothing.
///
/// *Source*: Opper and Archambeau 2009 and Khan and Rue 2023 for the step; Tan and Nott 2018 for the sparse precision; Powell
/// and Toint 1979 for the differences. The rules for steps, stages and stop were chosen on hierarchies of 60 to 10,000
/// groups, random walks, counts with a latent in each row, item responses and stochastic volatility, where the stop is early when
/// the model is centred (`docs/notebook/structure.md`); they were checked on no others.
#[derive(Debug)]
pub struct SparseNaturalGradient<'a, T: Differentiable + ?Sized> {
    /// The density that q approximates.
    pub target: &'a T,
    /// The family whose parameters are moved.
    pub family: &'a SparseGaussian,
    /// Draws of a step at first; rounded up to pairs, of which there are at least two.
    pub num_draws: usize,
    /// Where to start: parameters of the family, such as [`SparseNaturalGradient::start_at`] gives.
    pub start: Vec<f64>,
    /// Noise of the last steps, in nats of the bound, below which a fit that gains no more has converged; above 10,000
    /// latents, a share of it for each: see [`SparseNaturalGradient::allowed`].
    pub tolerance: f64,
    /// Whether it ends where the few draws of its first stage show no more gain: near enough for another fit to begin there, at a
    /// quarter of the gradients.
    pub is_start: bool,
    /// The source of all randomness of the run.
    pub streams: Streams,
}

/// State of a sparse natural-gradient fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SparseNaturalGradientState {
    step: u64,
    /// Mean, in the new order, and precision.
    current: Place,
    /// Pairs of draws of the step to come.
    num_pairs: usize,
    /// Where the last steps came from, the latest last.
    past: Vec<Place>,
    /// Gains of the bound on draws that the step had not seen, with their errors.
    gains: Vec<(f64, f64)>,
    rho: f64,
    /// Noise that is left in mean and precision, in nats, if the steps so far began at the optimum.
    left: f64,
    /// Whether there are more draws.
    is_late: bool,
    /// Whether steps are averaged.
    is_settled: bool,
    failures: u32,
    /// The colours and what is read from each, functions of the graph alone, and what the state gives again.
    #[serde(skip)]
    work: Option<Work>,
}

/// A mean and a precision on the pattern.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    mean: Vec<f64>,
    precision: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Work {
    colours: Colours,
    plan: Vec<Vec<(u32, u32)>>,
    columns: Columns,
    /// What is seen at the current place with the noise of the step to come.
    seen: Option<Seen>,
}

impl<'a, T: Differentiable + ?Sized> SparseNaturalGradient<'a, T> {
    /// Parameters of a start around a point, given for the latents outside of rows: those of rows begin at zero. Precision one,
    /// and 25 in latents that at least half of the others meet.
    pub fn start_at(family: &SparseGaussian, centre: &[f64]) -> Vec<f64> {
        let mut params = family.init(centre, 1.0);
        let pattern = family.pattern();
        for latent in family.graph().shared().into_iter().filter(|_| !family.graph().is_dense()) {
            let slot = pattern.diagonal()[pattern.place[latent] as usize];
            params[family.dimension() + slot] = 0.5 * SHARED_PRECISION.ln();
        }
        params
    }

    /// Noise in nats that a converged fit may have left: the tolerance, times the latents' number over 10,000 where that is more
    /// than one.
    pub fn allowed(&self) -> f64 {
        self.tolerance * (self.family.dimension() as f64 / FEW).max(1.0)
    }

    /// Colours of the differences: a step takes two gradients a draw for each.
    pub fn num_colours(family: &SparseGaussian) -> usize {
        Colours::new(family.graph()).count
    }

    /// Colours of the differences on a graph.
    pub(crate) fn colours_of(graph: &LatentGraph) -> usize {
        Colours::new(graph).count
    }

    fn pairs(&self, is_late: bool) -> usize {
        self.num_draws.div_ceil(2).max(2) * if is_late { LATER_STAGE } else { 1 }
    }

    fn gaussian(
        &self,
        evaluator: &Evaluator<'_, T>,
        place: &Place,
        columns: &mut Columns,
    ) -> Result<Gaussian, FitError> {
        let found = evaluator.gaussian(place.mean.clone(), place.precision.clone(), columns);
        found.ok_or_else(|| {
            FitError::solver(
                super::SolverFailure::Singular,
                "the precision matrix lost its positive eigenvalues; rescale the data",
            )
        })
    }
}

impl<T: Differentiable + ?Sized> Algorithm for SparseNaturalGradient<'_, T> {
    type State = SparseNaturalGradientState;
    type Output = Solution;

    fn init(&self) -> Result<Self::State, FitError> {
        let layout = self.target.layout();
        self.family.covers(layout)?;
        if layout.num_parameters > 0 {
            return Err(FitError::unsupported(
                "model",
                "the natural gradient does not move the model's parameters theta; use adam, which moves them along",
            ));
        }
        if self.start.len() != self.family.num_params() {
            return Err(FitError::setting(
                "start",
                format!("the start has {} numbers, q {} parameters", self.start.len(), self.family.num_params()),
            ));
        }
        if !(self.tolerance.is_finite() && self.tolerance > 0.0) {
            return Err(FitError::setting("tolerance", format!("a tolerance of {} nats; choose 0.05", self.tolerance)));
        }
        let pattern = self.family.pattern();
        let (mean, factor) = self.family.split(&self.start);
        Ok(SparseNaturalGradientState {
            step: 0,
            current: Place {
                mean: pattern.order.iter().map(|&old| mean[old as usize]).collect(),
                precision: pattern.square(&factor),
            },
            num_pairs: self.pairs(false),
            past: Vec::new(),
            gains: Vec::new(),
            rho: 1.0,
            left: 0.0,
            is_late: false,
            is_settled: false,
            failures: 0,
            work: None,
        })
    }

    fn step(&self, state: &mut Self::State) -> Result<Step, FitError> {
        let mut work = state.work.take().unwrap_or_else(|| {
            let colours = Colours::new(self.family.graph());
            Work { plan: colours.plan(self.family.graph()), colours, columns: Columns::default(), seen: None }
        });
        let outcome = self.step_with(state, &mut work);
        state.work = Some(work);
        outcome
    }

    fn output(&self, state: &Self::State) -> Solution {
        let pattern = self.family.pattern();
        let mut factor = state.current.precision.clone();
        let params = match pattern.factor(&mut factor, &mut Columns::default()) {
            Ok(()) => {
                let mean = pattern.place.iter().map(|&new| state.current.mean[new as usize]);
                self.family.params_from(&mean.collect::<Vec<f64>>(), &factor)
            }
            Err(_) => self.start.clone(),
        };
        Solution { params, theta: Vec::new() }
    }
}
