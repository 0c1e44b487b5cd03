//! Laplace's approximation: a Gaussian with the mode's position and curvature.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn, SymmetricEigen};
use serde::{Deserialize, Serialize};

use super::density::Density;
use super::gaussian::PathGaussian;
use super::path::{Path, PathEnd};
use super::{Algorithm, FitError, Solution, SolverFailure, Step};
use crate::family::FullRank;
use crate::model::Layout;
use crate::objective::{Elbo, Objective};
use crate::streams::Streams;
use crate::target::Differentiable;

/// Draws in one block of a Hessian.
const BLOCK: usize = 64;

/// Climbs to the mode by limited-memory BFGS; the last step takes the Hessian by central differences of gradients.
///
/// Where the Hessian is not negative definite (a saddle, a path that ran away) its eigenvalues are repaired, and the
/// fit is not reported as converged.
#[derive(Debug)]
pub struct LaplaceApproximation<'a, T: Differentiable + ?Sized> {
    /// The density that q approximates.
    pub target: &'a T,
    /// The family that the approximation is one of.
    pub family: &'a FullRank,
    /// Learnable parameters of the model, held fixed.
    pub theta: &'a [f64],
    /// The point to start from, unconstrained.
    pub start: Vec<f64>,
    /// Step of the differences, in standard deviations.
    pub difference: f64,
}

/// State of [`LaplaceApproximation`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LaplaceState {
    path: Path,
    params: Vec<f64>,
    step: u64,
    repaired: bool,
}

impl LaplaceState {
    /// The place reached, `[latent]`, unconstrained: the mode once the fit has converged.
    pub fn position(&self) -> &[f64] {
        &self.path.position
    }

    /// Whether the Hessian had to be repaired.
    pub fn repaired(&self) -> bool {
        self.repaired
    }
}

impl<T: Differentiable + ?Sized> Algorithm for LaplaceApproximation<'_, T> {
    type State = LaplaceState;
    type Output = Solution;

    fn init(&self) -> Result<LaplaceState, FitError> {
        only_global_latents("Laplace's approximation", self.target.layout(), self.family)?;
        let mut density = Density::new(self.target, self.theta);
        let path = Path::begin(&mut density, &self.start, 10)?;
        let nothing = || FitError::NotFinite { place: "the start".into(), times: 1, detail: String::new() };
        let path = path.ok_or_else(nothing)?;
        let params = crate::family::Family::init(self.family, &path.position, 1.0);
        Ok(LaplaceState { path, params, step: 0, repaired: false })
    }

    fn step(&self, state: &mut LaplaceState) -> Result<Step, FitError> {
        let mut density = Density::new(self.target, self.theta);
        let mut converged = None;
        if state.path.end.is_none() {
            state.path.advance(&mut density)?;
        } else {
            let gaussian = PathGaussian::at(&state.path);
            let position = &state.path.position;
            let curvature = curvature(&mut density, position, &gaussian.sd(), self.difference)?;
            let (precision, repaired) = repaired(curvature, &gaussian.sd())?;
            let arrived = state.path.end == Some(PathEnd::Arrived) && !repaired;
            let mut mean = position.clone();
            if arrived && let Some(factor) = Cholesky::new(precision.clone()) {
                // One Newton step with the Hessian that is there anyway.
                let newton = factor.solve(&DVector::from_column_slice(&state.path.grad));
                mean.iter_mut().zip(newton.iter()).for_each(|(x, step)| *x += step);
            }
            state.params = params_of_precision(self.family, &mean, &precision)?;
            state.repaired = repaired;
            converged = arrived.then_some(state.path.grad.iter().map(|g| g * g).sum::<f64>().sqrt());
        }
        state.step += 1;
        Ok(Step {
            index: state.step,
            objective: Some(state.path.value),
            grad_norm: state.path.grad.iter().map(|g| g * g).sum::<f64>().sqrt(),
            evaluations: density.evaluations,
            converged,
            ..Step::default()
        })
    }

    fn output(&self, state: &LaplaceState) -> Solution {
        Solution { params: state.params.clone(), theta: self.theta.to_vec() }
    }
}

/// Refuses a model with latents a Gaussian of the global latents cannot cover.
pub(crate) fn only_global_latents(who: &str, layout: &Layout, family: &FullRank) -> Result<(), FitError> {
    if layout.num_row_latents > 0 {
        return Err(FitError::unsupported(
            "row latents",
            format!(
                "{who} covers latents outside of rows only, and this model has latents in its rows; use the mean-field family with adam"
            ),
        ));
    }
    if layout.num_integers + layout.num_row_integers > 0 {
        return Err(FitError::unsupported(
            "integers",
            format!("{who} needs real latents, and this model has integer ones"),
        ));
    }
    if family.dimension() != layout.num_latents {
        return Err(FitError::setting(
            "family",
            format!("the family has {} latents and the model {}", family.dimension(), layout.num_latents),
        ));
    }
    Ok(())
}

/// `-d^2 log p` at `x` by central differences of gradients over `step * sd`, made symmetric; `2 d` evaluations in blocks.
///
/// # Errors
/// When a gradient near `x` is not finite.
pub(crate) fn curvature<T: Differentiable + ?Sized>(
    density: &mut Density<'_, T>,
    x: &[f64],
    sd: &[f64],
    step: f64,
) -> Result<DMatrix<f64>, FitError> {
    let d = x.len();
    let mut hessian = DMatrix::zeros(d, d);
    let per_block = (BLOCK / 2).min(d.max(1));
    let mut z = density.block(2 * per_block);
    for first in (0..d).step_by(per_block) {
        let count = per_block.min(d - first);
        for (lane, &x) in z.latents.chunks_exact_mut(2 * per_block).zip(x) {
            lane.fill(x);
        }
        for k in 0..count {
            let (i, h) = (first + k, step * sd[first + k]);
            z.latents[i * 2 * per_block + 2 * k] += h;
            z.latents[i * 2 * per_block + 2 * k + 1] -= h;
        }
        let (_, grad) = density.gradients(&z)?;
        for k in 0..count {
            // The step as it was stored, not as it was asked for.
            let i = first + k;
            let width = z.latents[i * 2 * per_block + 2 * k] - z.latents[i * 2 * per_block + 2 * k + 1];
            for j in 0..d {
                let lane = &grad[j * 2 * per_block..];
                hessian[(j, i)] = (lane[2 * k + 1] - lane[2 * k]) / width;
            }
        }
    }
    if hessian.iter().any(|h| !h.is_finite()) {
        return Err(FitError::solver(SolverFailure::NotFinite, "the gradient is not finite around the mode"));
    }
    Ok(0.5 * (&hessian + hessian.transpose()))
}

/// A positive definite matrix: the one given where it is, else with its eigenvalues (in units of `sd`) made positive.
pub(crate) fn repaired(matrix: DMatrix<f64>, sd: &[f64]) -> Result<(DMatrix<f64>, bool), FitError> {
    if Cholesky::new(matrix.clone()).is_some() {
        return Ok((matrix, false));
    }
    let scaled = DMatrix::from_fn(sd.len(), sd.len(), |i, j| sd[i] * matrix[(i, j)] * sd[j]);
    let eigen = SymmetricEigen::try_new(scaled, 1e-12, 10_000).ok_or_else(|| {
        FitError::solver(SolverFailure::NoConvergence, "the eigenvalues of the Hessian do not converge")
    })?;
    let values = eigen.eigenvalues.map(|v| if v > 1e-8 { v } else { v.abs().max(0.1) });
    let rebuilt = &eigen.eigenvectors * DMatrix::from_diagonal(&values) * eigen.eigenvectors.transpose();
    Ok((DMatrix::from_fn(sd.len(), sd.len(), |i, j| rebuilt[(i, j)] / (sd[i] * sd[j])), true))
}

/// Parameters of a full-rank Gaussian with this mean and precision matrix.
pub(crate) fn params_of_precision(
    family: &FullRank,
    mean: &[f64],
    precision: &DMatrix<f64>,
) -> Result<Vec<f64>, FitError> {
    let singular = || FitError::solver(SolverFailure::Singular, "the precision matrix is not positive definite");
    let covariance = Cholesky::new(precision.clone()).ok_or_else(singular)?.inverse();
    params_of_covariance(family, mean, covariance)
}

/// Parameters of a full-rank Gaussian with this mean and covariance matrix.
pub(crate) fn params_of_covariance(
    family: &FullRank,
    mean: &[f64],
    covariance: DMatrix<f64>,
) -> Result<Vec<f64>, FitError> {
    let singular = || FitError::solver(SolverFailure::Singular, "the covariance matrix is not positive definite");
    let factor: Cholesky<f64, Dyn> = Cholesky::new(covariance).ok_or_else(singular)?;
    Ok(family.params_from(mean, factor.l_dirty()))
}

/// The Cholesky factor of the precision matrix of a full-rank Gaussian.
pub(crate) fn precision_factor(family: &FullRank, params: &[f64]) -> Result<DMatrix<f64>, FitError> {
    let singular = || FitError::solver(SolverFailure::Singular, "the start's covariance matrix is singular");
    let d = family.dimension();
    let factor = family.factor(params);
    let inverse = factor.solve_lower_triangular(&DMatrix::identity(d, d)).ok_or_else(singular)?;
    let precision = inverse.tr_mul(&inverse);
    Ok(Cholesky::new(precision).ok_or_else(singular)?.unpack())
}

/// A start for the full-rank family.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FullRankStart {
    /// Parameters of the family.
    pub params: Vec<f64>,
    /// The bound of the start, from a few draws.
    pub bound: f64,
    /// Density evaluations used.
    pub evaluations: u64,
}

impl FullRankStart {
    /// The path's Gaussian, or the one with the Hessian at its mean where that has the better bound.
    ///
    /// `difference` is the step of the differences in standard deviations: 1e-3, or more in single precision.
    ///
    /// # Errors
    /// When the density cannot be evaluated.
    pub fn new<T: Differentiable + ?Sized>(
        target: &T,
        family: &FullRank,
        gaussian: &PathGaussian,
        streams: Streams,
        difference: f64,
    ) -> Result<Self, FitError> {
        only_global_latents("a Gaussian start", target.layout(), family)?;
        let theta = vec![0.0; target.layout().num_parameters];
        let mut density = Density::new(target, &theta);
        let sd = gaussian.sd();
        let params = params_of_covariance(family, &gaussian.mean, gaussian.covariance()).unwrap_or_else(|_| {
            let diagonal = DMatrix::from_diagonal(&DVector::from_column_slice(&sd));
            family.params_from(&gaussian.mean, &diagonal)
        });
        let (bound, rejected) = full_rank_score(&mut density, family, &params, streams)?;
        let mut best = (params, bound, rejected);
        if let Ok(hessian) = curvature(&mut density, &gaussian.mean, &sd, difference)
            && let Ok((precision, _)) = repaired(hessian, &sd)
            && let Ok(params) = params_of_precision(family, &gaussian.mean, &precision)
        {
            let (bound, rejected) = full_rank_score(&mut density, family, &params, streams)?;
            if rejected < best.2 || rejected == best.2 && bound > best.1 {
                best = (params, bound, rejected);
            }
        }
        Ok(FullRankStart { params: best.0, bound: best.1, evaluations: density.evaluations })
    }
}

/// The bound of a full-rank Gaussian from the draws that scored the paths.
fn full_rank_score<T: Differentiable + ?Sized>(
    density: &mut Density<'_, T>,
    family: &FullRank,
    params: &[f64],
    streams: Streams,
) -> Result<(f64, usize), FitError> {
    use crate::family::{Family, Reparam, fill_noise};
    let (half, rows) = (16, crate::model::RowSet::all());
    let mut z = density.block(2 * half);
    let mut one = vec![0.0; family.dimension() * half];
    fill_noise(family.noise_law(), streams.purpose(13), half, &mut one);
    let noise: Vec<f64> = one.chunks_exact(half).flat_map(|e| e.iter().copied().chain(e.iter().map(|e| -e))).collect();
    family.transform(params, &rows, &noise, &mut z);
    let values = density.values(&z)?;
    let rejected = values.iter().filter(|v| !v.is_finite()).count();
    if rejected == 0 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        return Ok((mean + family.entropy(params, &rows).unwrap_or(f64::NAN), 0));
    }
    // The entropy in closed form is that of rejected draws, too.
    let mut log_q = vec![0.0; values.len()];
    family.log_q(params, &rows, &z, &mut log_q);
    let weight = |(p, q): (&f64, &f64)| if p.is_finite() { p - q } else { f64::NEG_INFINITY };
    let log_weights: Vec<f64> = values.iter().zip(&log_q).map(weight).collect();
    Ok((Elbo.value_and_weights(&log_weights, &mut log_q), rejected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::{MaxSteps, Stop, run};
    use crate::target::HandWritten;

    #[test]
    fn the_mode_and_curvature_of_a_gamma_are_exact() {
        // x = exp(u), x ~ Gamma(5, 2) with Jacobian: log p = 5 u - 2 e^u; mode ln 2.5, curvature 5.
        let target = HandWritten::new(&["u"], |z, grad| {
            grad[0] = 5.0 - 2.0 * z[0].exp();
            5.0 * z[0] - 2.0 * z[0].exp()
        });
        let family = FullRank::new(1);
        let laplace =
            LaplaceApproximation { target: &target, family: &family, theta: &[], start: vec![-1.0], difference: 1e-3 };
        let mut state = laplace.init().unwrap();
        let stop = run(&laplace, &mut state, &mut MaxSteps(100), &mut ()).unwrap();
        assert!(matches!(stop, Stop::Converged { .. }), "{stop}");
        let out = laplace.output(&state);
        assert!((out.params[0] - 2.5f64.ln()).abs() < 1e-6);
        // The curvature 2 e^u is taken before the last Newton step, less than 1e-4 away.
        assert!((out.params[1] - 0.2f64.sqrt().ln()).abs() < 1e-4);
    }

    #[test]
    fn a_saddle_is_repaired_and_said_so() {
        let matrix = DMatrix::from_row_slice(2, 2, &[2.0, 0.0, 0.0, -3.0]);
        let (made, repaired) = repaired(matrix, &[1.0, 1.0]).unwrap();
        assert!(repaired);
        assert!((made[(0, 0)] - 2.0).abs() < 1e-12 && (made[(1, 1)] - 3.0).abs() < 1e-12);
    }
}
