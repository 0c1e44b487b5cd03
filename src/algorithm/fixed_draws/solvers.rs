//! Solvers for the fixed bound: argmin's, behind one door.

use argmin::core::{Executor, IterState, Solver, State, TerminationStatus};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use argmin::solver::trustregion::{Steihaug, TrustRegion};

use super::{ArgminPoint, FixedBound};
use crate::algorithm::{FitError, SolverFailure};
use crate::family::Reparam;
use crate::target::Differentiable;

/// Where a solver ended, and what it said.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Solved {
    /// The best parameters it saw.
    pub params: Vec<f64>,
    /// Why it stopped, in its own words.
    pub said: String,
}

/// A solver that raises a fixed bound.
pub trait Solve<T: ?Sized, F: ?Sized> {
    /// Raises `bound` from `start` with at most `iterations` of its own.
    ///
    /// # Errors
    /// When the density cannot be evaluated; a solver that merely stops early is no error.
    fn maximise(&self, bound: &FixedBound<'_, T, F>, start: &[f64], iterations: u64) -> Result<Solved, FitError>;
}

/// Runs any argmin solver whose state is an [`IterState`] of [`ArgminPoint`]s on a fixed bound.
///
/// # Errors
/// When the density cannot be evaluated.
pub fn solve<'a, T, F, S, G, H>(
    bound: &FixedBound<'a, T, F>,
    solver: S,
    start: &[f64],
    iterations: u64,
) -> Result<Solved, FitError>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
    S: Solver<FixedBound<'a, T, F>, IterState<ArgminPoint, G, (), H, (), f64>>,
{
    let executor = Executor::new(bound.clone(), solver).ctrlc(false);
    let executor = executor.configure(|state| state.param(ArgminPoint(start.to_vec())).max_iters(iterations));
    match executor.run() {
        Ok(result) => {
            // argmin also returns Ok where a line search broke off; only the status says so, and the caller
            // checks the bound itself.
            let said = match result.state().get_termination_status() {
                TerminationStatus::Terminated(reason) => reason.to_string(),
                TerminationStatus::NotTerminated => "not terminated".into(),
            };
            let best = result.state().get_best_param().map_or_else(|| start.to_vec(), |p| p.0.clone());
            Ok(Solved { params: best, said })
        }
        Err(error) => match error.downcast::<crate::target::DensityError>() {
            Ok(density) => Err(density.into()),
            // A solver's own complaint leaves the start as it was: the caller sees that nothing was gained.
            Err(other) => Ok(Solved { params: start.to_vec(), said: other.to_string() }),
        },
    }
}

/// Limited-memory BFGS with a strong Wolfe line search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lbfgs {
    /// Number of past steps that the curvature is made from.
    pub history: usize,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Lbfgs { history: 10 }
    }
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> Solve<T, F> for Lbfgs {
    fn maximise(&self, bound: &FixedBound<'_, T, F>, start: &[f64], iterations: u64) -> Result<Solved, FitError> {
        let setting = |e: argmin::core::Error| FitError::solver(SolverFailure::External, e.to_string());
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), self.history);
        let solver = solver.with_tolerance_grad(1e-7).map_err(setting)?.with_tolerance_cost(1e-12).map_err(setting)?;
        solve::<_, _, _, ArgminPoint, ()>(bound, solver, start, iterations)
    }
}

/// Iterations of the trust region between two looks at the bound: by itself it does not stop at a maximum.
const PIECE: u64 = 5;

/// Gain of a piece, in nats, below which it has settled.
const SETTLED: f64 = 1e-7;

/// Residual of a subproblem, relative to its gradient: a model that is left behind anyway is not solved to the end. It is
/// also the length of a gradient that counts as none, some 1e-6 nats from the maximum.
const RESIDUAL: f64 = 1e-3;

/// A trust-region Newton method: each subproblem is solved by conjugate gradients on Hessian-vector products.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NewtonCg {
    /// Length of the first step at most.
    pub radius: f64,
    /// Conjugate-gradient steps of one subproblem at most.
    pub inner: u64,
}

impl Default for NewtonCg {
    fn default() -> Self {
        NewtonCg { radius: 1.0, inner: 50 }
    }
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> Solve<T, F> for NewtonCg {
    fn maximise(&self, bound: &FixedBound<'_, T, F>, start: &[f64], iterations: u64) -> Result<Solved, FitError> {
        let setting = |e: argmin::core::Error| FitError::solver(SolverFailure::External, e.to_string());
        let (mut value, mut left) = (bound.value(start)?, iterations);
        let mut solved = Solved { params: start.to_vec(), said: String::new() };
        while left > 0 {
            let inner = Steihaug::new().with_max_iters(self.inner).with_epsilon(RESIDUAL).map_err(setting)?;
            let solver = TrustRegion::new(inner).with_radius(self.radius).map_err(setting)?;
            let piece = solve(bound, solver, &solved.params, left.min(PIECE))?;
            left -= left.min(PIECE);
            let gain = bound.value(&piece.params)? - value;
            if gain > 0.0 {
                value += gain;
                solved = piece;
            }
            if gain.is_nan() || gain < SETTLED {
                solved.said = "settled".into();
                break;
            }
        }
        Ok(solved)
    }
}

/// The door for any other solver: a closure that makes a call of [`solve`].
///
/// ```
/// use argmin::solver::gradientdescent::SteepestDescent;
/// use argmin::solver::linesearch::{BacktrackingLineSearch, condition::ArmijoCondition};
/// use jensen::algorithm::{ArgminPoint, FitError, FixedBound, FixedDraws, FromArgmin, SolverFailure, solve};
/// # use jensen::{algorithm::Algorithm, family::{Family, MeanField}, streams::Streams, target::HandWritten};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let target = HandWritten::new(&["x"], |z, grad| { grad[0] = 3.0 - z[0]; -0.5 * (z[0] - 3.0).powi(2) });
/// # let family = MeanField::of_dimension(1);
/// let steepest = FromArgmin(|bound: &FixedBound<'_, _, _>, start: &[f64], iterations| {
///     let failed = |e: argmin::core::Error| FitError::solver(SolverFailure::External, e.to_string());
///     let condition = ArmijoCondition::new(0.1).map_err(failed)?;
///     let solver = SteepestDescent::new(BacktrackingLineSearch::new(condition));
///     solve::<_, _, _, ArgminPoint, ()>(bound, solver, start, iterations)
/// });
/// # let fit = FixedDraws { target: &target, family: &family, solver: steepest, num_draws: 16,
/// #     start: family.init(&[0.0], 0.5), iterations: 100, tolerance: 1e-8, streams: Streams::new(1) };
/// # let mut state = fit.init()?;
/// # jensen::fit::run(&fit, &mut state, &mut jensen::fit::MaxSteps(50), &mut ())?;
/// # assert!((fit.output(&state).params[0] - 3.0).abs() < 1e-3);
/// # Ok(())
/// # }
/// ```
pub struct FromArgmin<C>(pub C);

impl<T, F, C> Solve<T, F> for FromArgmin<C>
where
    T: ?Sized,
    F: ?Sized,
    C: Fn(&FixedBound<'_, T, F>, &[f64], u64) -> Result<Solved, FitError>,
{
    fn maximise(&self, bound: &FixedBound<'_, T, F>, start: &[f64], iterations: u64) -> Result<Solved, FitError> {
        self.0(bound, start, iterations)
    }
}
