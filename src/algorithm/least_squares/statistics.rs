//! [`ExponentialFamily`]: families whose log density is linear in a few statistics.

use nalgebra::{Cholesky, DMatrix, DVector, SymmetricEigen};

use crate::family::{BernoulliFactors, CategoricalFactors, Discrete, Family, FullRank, MeanField};
use crate::model::{Draws, RowSet};

/// A family with `log q(z) = lambda . s(z) - const`, for latents outside of rows: Gaussians with and without correlations,
/// probabilities of integers.
pub trait ExponentialFamily: Family {
    /// Statistics, the constant left out.
    fn num_statistics(&self) -> usize;

    /// Overwrites `out`, `[statistic][draw]`, with the statistics of the draws; they may be any whose span with the constant is
    /// that of `s`, such as those of the draws whitened by q.
    fn statistics(&self, params: &[f64], z: &Draws, out: &mut [f64]);

    /// The parameters after `lambda` has moved by `share` times `coefficients` of the statistics; none where that is no
    /// distribution, or further than a regression on draws of q can be believed.
    fn moved(&self, params: &[f64], coefficients: &[f64], share: f64) -> Option<Vec<f64>>;
}

/// The largest share of a whitened precision that one step may take away, and standard deviations of q that the means may move
/// in one step, root mean square.
const MOST: f64 = 0.75;
const FURTHEST: f64 = 2.0;

/// The most that a logit may move in one step.
const LOGIT: f64 = 3.0;

/// The mean and the factor of the covariance, both whitened, of the Gaussian of the whitened precision `I - share B` and of
/// `share b` beside it.
fn whitened(b: &DVector<f64>, curvature: DMatrix<f64>, share: f64) -> Option<(DVector<f64>, DMatrix<f64>)> {
    let d = b.len();
    let largest = SymmetricEigen::new(curvature.clone()).eigenvalues.max();
    if share * largest > MOST {
        return None;
    }
    let precision = Cholesky::new(DMatrix::identity(d, d) - share * curvature)?;
    let mean = precision.solve(&(share * b));
    let factor = Cholesky::new(precision.inverse())?.l();
    (mean.norm() <= FURTHEST * (d as f64).sqrt()).then_some((mean, factor))
}

/// Statistics `e_i`, then `(e_i^2 - 1) / 2` and, by rows, `e_i e_j` for `j < i`, of `z = mean + L e`.
impl ExponentialFamily for FullRank {
    fn num_statistics(&self) -> usize {
        let d = self.dimension();
        d + d * (d + 1) / 2
    }

    fn statistics(&self, params: &[f64], z: &Draws, out: &mut [f64]) {
        let (d, draws) = (self.dimension(), z.num_draws);
        let factor = self.factor(params);
        let mut e = DMatrix::from_fn(d, draws, |i, s| z.latents[i * draws + s] - params[i]);
        // The factor has a positive diagonal.
        let solved = factor.solve_lower_triangular_mut(&mut e);
        debug_assert!(solved);
        let mut columns = out.chunks_exact_mut(draws);
        let mut next = |value: &dyn Fn(usize) -> f64| {
            if let Some(column) = columns.next() {
                column.iter_mut().enumerate().for_each(|(s, x)| *x = value(s));
            }
        };
        (0..d).for_each(|i| next(&|s| e[(i, s)]));
        for i in 0..d {
            (0..i).for_each(|j| next(&|s| e[(i, s)] * e[(j, s)]));
            next(&|s| 0.5 * (e[(i, s)] * e[(i, s)] - 1.0));
        }
    }

    fn moved(&self, params: &[f64], coefficients: &[f64], share: f64) -> Option<Vec<f64>> {
        let d = self.dimension();
        let b = DVector::from_column_slice(&coefficients[..d]);
        let of = |i: usize, j: usize| coefficients[d + i * (i + 1) / 2 + j];
        let curvature = DMatrix::from_fn(d, d, |i, j| if j <= i { of(i, j) } else { of(j, i) });
        let (mean, own) = whitened(&b, curvature, share)?;
        let factor = self.factor(params);
        let mean: Vec<f64> = (&factor * mean).iter().zip(params).map(|(step, m)| m + step).collect();
        let moved = self.params_from(&mean, &(factor * own));
        moved.iter().all(|p| p.is_finite()).then_some(moved)
    }
}

/// Statistics `e_i`, then `(e_i^2 - 1) / 2`, of `z_i = mean_i + sd_i e_i`.
impl ExponentialFamily for MeanField {
    fn num_statistics(&self) -> usize {
        self.num_params()
    }

    fn statistics(&self, params: &[f64], z: &Draws, out: &mut [f64]) {
        let (d, draws) = (z.latents.len() / z.num_draws, z.num_draws);
        let (linear, square) = out.split_at_mut(d * draws);
        for i in 0..d {
            let sd = params[d + i].exp();
            for s in i * draws..(i + 1) * draws {
                let e = (z.latents[s] - params[i]) / sd;
                (linear[s], square[s]) = (e, 0.5 * (e * e - 1.0));
            }
        }
    }

    fn moved(&self, params: &[f64], coefficients: &[f64], share: f64) -> Option<Vec<f64>> {
        let d = params.len() / 2;
        let (mut moved, mut length) = (params.to_vec(), 0.0);
        for i in 0..d {
            let precision = 1.0 - share * coefficients[d + i];
            if precision.is_nan() || precision < 1.0 - MOST {
                return None;
            }
            let step = share * coefficients[i] / precision;
            length += step * step;
            moved[i] += params[d + i].exp() * step;
            moved[d + i] -= 0.5 * precision.ln();
        }
        let near = length <= FURTHEST * FURTHEST * d as f64;
        (near && moved.iter().all(|p| p.is_finite())).then_some(moved)
    }
}

/// Statistics `b_i - E b_i`; the coefficients are those of the logits.
impl ExponentialFamily for BernoulliFactors {
    fn num_statistics(&self) -> usize {
        self.num_params()
    }

    fn statistics(&self, params: &[f64], z: &Draws, out: &mut [f64]) {
        let (rows, mut p) = (RowSet::all(), Vec::new());
        for (latent, column) in out.chunks_exact_mut(z.num_draws).enumerate() {
            let integer = self.integer(&rows, latent);
            self.probabilities(params, &rows, latent, &mut p);
            column.iter_mut().zip(integer.lane(z)).for_each(|(x, b)| *x = f64::from(b - integer.low) - p[1]);
        }
    }

    fn moved(&self, params: &[f64], coefficients: &[f64], share: f64) -> Option<Vec<f64>> {
        add(params, coefficients.iter().map(|c| share * c))
    }
}

/// Statistics `1[k_i = v] - q(k_i = v)` for every value but the first; the coefficients are those of the logits, the first
/// one's held.
impl ExponentialFamily for CategoricalFactors {
    fn num_statistics(&self) -> usize {
        self.num_params() - self.num_integers()
    }

    fn statistics(&self, params: &[f64], z: &Draws, out: &mut [f64]) {
        let (rows, mut p) = (RowSet::all(), Vec::new());
        let mut columns = out.chunks_exact_mut(z.num_draws);
        for latent in 0..self.num_integers() {
            let integer = self.integer(&rows, latent);
            self.probabilities(params, &rows, latent, &mut p);
            for (v, p) in p.iter().enumerate().skip(1) {
                let Some(column) = columns.next() else { return };
                let is = |k: &u32| f64::from(u8::from((k - integer.low) as usize == v));
                column.iter_mut().zip(integer.lane(z)).for_each(|(x, k)| *x = is(k) - p);
            }
        }
    }

    fn moved(&self, params: &[f64], coefficients: &[f64], share: f64) -> Option<Vec<f64>> {
        let mut steps = Vec::with_capacity(params.len());
        let mut next = coefficients.iter();
        for latent in 0..self.num_integers() {
            steps.push(0.0);
            let values = self.integer(&RowSet::all(), latent).num_values;
            steps.extend(next.by_ref().take(values - 1).map(|c| share * c));
        }
        add(params, steps.into_iter())
    }
}

/// The parameters with the steps added, where none is too large.
fn add(params: &[f64], steps: impl Iterator<Item = f64>) -> Option<Vec<f64>> {
    let steps: Vec<f64> = steps.collect();
    let near = steps.iter().all(|s| s.abs() <= LOGIT);
    near.then(|| params.iter().zip(&steps).map(|(p, s)| p + s).collect())
}
