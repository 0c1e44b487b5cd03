//! The bound with fixed draws: a deterministic function of q's parameters, maximised by any argmin solver.

mod bound;
mod design;
mod point;
mod solvers;

pub use bound::{FixedBound, HessianAt};
pub use design::{FixedDesign, fixed_noise};
pub use point::ArgminPoint;
pub use solvers::{FromArgmin, Lbfgs, NewtonCg, Solve, Solved, solve};

use nalgebra::{Cholesky, DMatrix};
use serde::{Deserialize, Serialize};

use super::{Algorithm, FitError, Solution, SolverFailure, Step};
use crate::family::{NoiseLaw, Reparam};
use crate::model::RowSet;
use crate::streams::Streams;
use crate::target::Differentiable;

/// Fits the sample average of the ELBO over draws of noise that are chosen once.
///
/// One step is a run of the solver from where the last one ended, with a fresh memory; the fit has converged when a
/// run gains less than `tolerance` nats. What is maximised leans towards the draws: score the answer on fresh ones.
///
/// *Source*: Giordano, Ingram and Broderick 2024 (DADVI); the draws are whitened: zero mean and identity second
/// moment, which makes mean-field Gaussians exact for Gaussian posteriors.
#[derive(Debug)]
pub struct FixedDraws<'a, T: Differentiable + ?Sized, F: Reparam + ?Sized, S> {
    /// The density that q approximates.
    pub target: &'a T,
    /// The family whose parameters are moved.
    pub family: &'a F,
    /// The solver that maximises the bound with its draws held fixed.
    pub solver: S,
    /// Number of draws.
    pub num_draws: usize,
    /// Where to start: parameters of the family.
    pub start: Vec<f64>,
    /// Iterations of the solver in one step.
    pub iterations: u64,
    /// Gain of a step, in nats, below which the fit has converged.
    pub tolerance: f64,
    /// Randomness of the draws.
    pub streams: Streams,
}

/// State of a fit with fixed draws; the draws themselves follow from the streams.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FixedDrawsState {
    params: Vec<f64>,
    value: f64,
    step: u64,
    #[serde(skip)]
    noise: Vec<f64>,
}

impl<T, F, S> FixedDraws<'_, T, F, S>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
{
    /// The noise of this fit.
    fn noise(&self) -> Vec<f64> {
        let elements = self.family.num_noise(&RowSet::all());
        fixed_noise(FixedDesign::Whitened, self.family.noise_law(), self.streams, elements, self.num_draws)
    }

    fn check(&self) -> Result<(), FitError> {
        let (d, layout) = (self.family.num_noise(&RowSet::all()), self.target.layout());
        if layout.num_parameters > 0 {
            return Err(FitError::unsupported(
                "theta",
                "fixed draws do not move the model's parameters theta; use adam, which moves them along",
            ));
        }
        if layout.num_integers + layout.num_row_integers > 0 {
            return Err(FitError::unsupported(
                "integers",
                "fixed draws need real latents, and this model has integer ones",
            ));
        }
        if self.start.len() != self.family.num_params() {
            let (given, wanted) = (self.start.len(), self.family.num_params());
            return Err(FitError::setting("start", format!("the start has {given} parameters, the family {wanted}")));
        }
        if self.num_draws < 2 {
            return Err(FitError::setting(
                "draws",
                format!("fixed draws need at least 2 draws, not {}", self.num_draws),
            ));
        }
        if self.family.num_params() >= d + d * (d + 1) / 2 && d > 1 && self.num_draws <= d {
            return Err(FitError::setting(
                "draws",
                format!(
                    "the full-rank bound with {} fixed draws in {d} dimensions has no maximum: q collapses onto the draws; \
                 use more than {d} draws, a mean-field or low-rank family, or the natural gradient",
                    self.num_draws
                ),
            ));
        }
        Ok(())
    }
}

impl<T, F, S> Algorithm for FixedDraws<'_, T, F, S>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
    S: Solve<T, F>,
{
    type State = FixedDrawsState;
    type Output = Solution;

    fn init(&self) -> Result<FixedDrawsState, FitError> {
        self.check()?;
        let noise = self.noise();
        let bound = FixedBound::new(self.target, self.family, &noise, self.num_draws);
        let value = bound.value(&self.start)?;
        if !value.is_finite() {
            return Err(FitError::NotFinite {
                place: "the start".into(),
                times: bound.rejected(),
                detail: format!(" ({} of the {} fixed draws)", bound.rejected(), self.num_draws),
            });
        }
        Ok(FixedDrawsState { params: self.start.clone(), value, step: 0, noise })
    }

    fn step(&self, state: &mut FixedDrawsState) -> Result<Step, FitError> {
        if state.noise.is_empty() {
            state.noise = self.noise();
        }
        let bound = FixedBound::new(self.target, self.family, &state.noise, self.num_draws);
        let solved = self.solver.maximise(&bound, &state.params, self.iterations)?;
        let mut grad = vec![0.0; state.params.len()];
        let value = bound.value_and_gradient(&solved.params, &mut grad)?;
        // Whatever the solver said, only a finite and no lower bound is accepted.
        let gain = value - state.value;
        if gain > 0.0 && value.is_finite() {
            (state.params, state.value) = (solved.params, value);
        }
        state.step += 1;
        if let Some(far) = state.params.iter().find(|p| p.abs() > 1e12) {
            return Err(FitError::solver(
                SolverFailure::NoMaximum,
                format!(
                    "the bound with fixed draws has no maximum in reach (a parameter is at {far:.0e}); give every latent a proper prior"
                ),
            ));
        }
        let done = gain <= self.tolerance;
        Ok(Step {
            index: state.step,
            objective: Some(state.value),
            grad_norm: grad.iter().map(|g| g * g).sum::<f64>().sqrt(),
            evaluations: bound.evaluations(),
            converged: done.then_some(gain.max(0.0)),
            ..Step::default()
        })
    }

    fn output(&self, state: &FixedDrawsState) -> Solution {
        Solution { params: state.params.clone(), theta: Vec::new() }
    }
}

impl<T, F, S> FixedDraws<'_, T, F, S>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
{
    /// Standard deviations of the first `num_latents` parameters (the means of a Gaussian family) by linear response:
    /// the square roots of the diagonal of the inverse Hessian of the fixed bound.
    ///
    /// They see the correlations that a mean-field q leaves out, and are exact for a Gaussian posterior.
    ///
    /// *Source*: Giordano, Broderick and Jordan 2018; Giordano, Ingram and Broderick 2024, section 3.3.
    ///
    /// # Errors
    /// When `state` is no strict maximum.
    pub fn linear_response(&self, state: &FixedDrawsState, num_latents: usize) -> Result<Vec<f64>, FitError> {
        let noise = if state.noise.is_empty() { self.noise() } else { state.noise.clone() };
        let bound = FixedBound::new(self.target, self.family, &noise, self.num_draws);
        let n = state.params.len();
        let mut hessian = DMatrix::zeros(n, n);
        for k in 0..n {
            let mut unit = vec![0.0; n];
            unit[k] = 1.0;
            let column = bound.curvature_times(&state.params, &unit)?;
            hessian.column_mut(k).copy_from_slice(&column);
        }
        let symmetric = 0.5 * (&hessian + hessian.transpose());
        let singular = || {
            FitError::solver(
                SolverFailure::NoMaximum,
                "the fixed bound has no strict maximum here, so there is no linear response",
            )
        };
        let inverse = Cholesky::new(symmetric).ok_or_else(singular)?.inverse();
        Ok((0..num_latents.min(n)).map(|k| inverse[(k, k)].sqrt()).collect())
    }
}

/// The noise laws fixed draws know how to spread evenly.
pub(crate) fn is_normal(law: NoiseLaw) -> bool {
    law == NoiseLaw::Normal
}
