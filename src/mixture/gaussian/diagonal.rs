//! Gaussians whose columns are independent.

use std::f64::consts::PI;

use libm::lgamma;
use rand_distr::{Distribution, Gamma, StandardNormal};
use serde::{Deserialize, Serialize};

use super::super::component::{Component, Generative};
use super::super::error::{all_positive, finite, positive};
use super::super::lanes::{Parabola, Sums, run};
use super::super::moments::ColumnMoments;
use super::super::saved::{Checked, few};
use super::super::{Block, MixtureError, Rows};
use crate::numerics::Lane;
use crate::streams::Stream;

/// A Gaussian with independent columns: `tau_j ~ Gamma(shape, rate_j)`, `mu_j | tau_j ~ N(mean_j, 1 / (mean_precision tau_j))`.
///
/// A missing cell is left out of its column, which marginalises it exactly.
///
/// ```
/// use jensen::mixture::{MixtureFit, DiagonalGaussian, Table};
///
/// let x: Vec<f64> = (0..40).map(|i| f64::from(i % 7) + if i < 20 { 0.0 } else { 50.0 }).collect();
/// let y: Vec<f64> = (0..40).map(|i| f64::from(i % 5) - if i < 20 { 0.0 } else { 40.0 }).collect();
/// let rows = Table::from_columns(&[x, y])?;
/// let fitted = MixtureFit::new(DiagonalGaussian::from_rows(&rows)?, 2).restarts(2).run(&rows)?;
/// let labels = fitted.assign(&rows)?.labels;
/// assert!(labels[0] == labels[19] && labels[0] != labels[20], "{labels:?}");
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiagonalGaussian {
    mean: Vec<f64>,
    mean_precision: f64,
    shape: f64,
    rate: Vec<f64>,
}

impl DiagonalGaussian {
    /// With the given prior; `mean` and `rate` have an entry for each column.
    ///
    /// # Errors
    /// When a number that must be positive is not, or the lengths differ.
    pub fn new(mean: Vec<f64>, mean_precision: f64, shape: f64, rate: Vec<f64>) -> Result<Self, MixtureError> {
        if mean.len() != rate.len() {
            return Err(MixtureError::Shape { what: "rate", found: rate.len(), expected: mean.len() });
        }
        rate.iter().try_for_each(|r| positive("rate", *r).map(|_| ()))?;
        let (mean_precision, shape) = (positive("mean_precision", mean_precision)?, positive("shape", shape)?);
        Ok(DiagonalGaussian { mean, mean_precision, shape, rate })
    }

    /// With the prior centred on the data: each column's mean, worth one row, and half its variance as rate, with shape 1/2.
    ///
    /// # Errors
    /// With fewer than two rows, and with a constant column.
    pub fn from_rows<R: Rows + ?Sized>(rows: &R) -> Result<Self, MixtureError> {
        let moments = ColumnMoments::of(rows)?;
        let rate = moments.variances().map(|v| 0.5 * v).collect();
        Self::new(moments.mean, 1.0, 0.5, rate)
    }
}

/// Params and stats of a column: `[beta, mean, shape, rate]` and `[count, first, second]`.
const PARAMS: usize = 4;
const STATS: usize = 3;
/// Cache of a column: `[constant, curvature, mean]`.
const CACHE: usize = 3;

impl Component for DiagonalGaussian {
    fn num_columns(&self) -> usize {
        self.mean.len()
    }

    fn num_params(&self) -> usize {
        PARAMS * self.mean.len()
    }

    fn num_stats(&self) -> usize {
        STATS * self.mean.len()
    }

    fn num_cache(&self) -> usize {
        CACHE * self.mean.len()
    }

    fn prior(&self, params: &mut [f64]) {
        for (j, p) in params.chunks_exact_mut(PARAMS).enumerate() {
            p.copy_from_slice(&[self.mean_precision, self.mean[j], self.shape, self.rate[j]]);
        }
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        for (p, c) in params.chunks_exact(PARAMS).zip(cache.chunks_exact_mut(CACHE)) {
            let constant = 0.5 * (p[2].digamma() - p[3].ln() - (2.0 * PI).ln() - 1.0 / p[0]);
            c.copy_from_slice(&[constant, 0.5 * p[2] / p[3], p[1]]);
        }
        Ok(())
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], _: &mut [f64]) {
        for (j, c) in cache.chunks_exact(CACHE).enumerate() {
            let (constant, curvature, pivot) = (c[0], c[1], c[2]);
            run(Parabola { x: block.column(j), pivot, constant, slope: 0.0, curvature, out });
        }
    }

    fn accumulate(&self, cache: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], _: &mut [f64]) {
        for (j, (c, s)) in cache.chunks_exact(CACHE).zip(stats.chunks_exact_mut(STATS)).enumerate() {
            let sums = run(Sums { x: block.column(j), weights, pivot: c[2] });
            s.iter_mut().zip(sums).for_each(|(s, x)| *s += x);
        }
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        for (j, (p, s)) in params.chunks_exact_mut(PARAMS).zip(stats.chunks_exact(STATS)).enumerate() {
            let offset = self.mean[j] - p[1];
            let beta = (1.0 - rate) * p[0] + rate * (self.mean_precision + s[0]);
            let shift = rate * (self.mean_precision * offset + s[1]) / beta;
            let second = self.rate[j] + 0.5 * (self.mean_precision * offset * offset + s[2]);
            p[3] = (1.0 - rate) * p[3] + rate * second - 0.5 * beta * shift * shift;
            p[2] = (1.0 - rate) * p[2] + rate * (self.shape + 0.5 * s[0]);
            (p[0], p[1]) = (beta, p[1] + shift);
        }
    }

    fn kl(&self, params: &[f64], _: &[f64]) -> f64 {
        let column = |(j, p): (usize, &[f64])| {
            let ratio = self.mean_precision / p[0];
            let distance = self.mean_precision * p[2] / p[3] * (p[1] - self.mean[j]).powi(2);
            gamma_kl(p[2], p[3], self.shape, self.rate[j]) + 0.5 * (ratio - 1.0 - ratio.ln() + distance)
        };
        params.chunks_exact(PARAMS).enumerate().map(column).sum()
    }

    fn centre(&self, params: &[f64], row: &mut [f64]) {
        row.iter_mut().zip(params.chunks_exact(PARAMS)).for_each(|(x, p)| *x = p[1]);
    }
}

impl Generative for DiagonalGaussian {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        for (j, p) in params.chunks_exact(PARAMS).enumerate() {
            let spread = 1.0 + 1.0 / p[0];
            let constant = student_constant(p[2], 1.0, spread) - 0.5 * p[3].ln();
            for (out, x) in out.iter_mut().zip(block.column(j)).filter(|(_, x)| !x.is_nan()) {
                *out += constant - (p[2] + 0.5) * ((x - p[1]).powi(2) / (2.0 * p[3] * spread)).ln_1p();
            }
        }
        Ok(())
    }

    fn value_names(&self) -> Vec<String> {
        (0..self.mean.len()).flat_map(|j| [format!("mean[{j}]"), format!("variance[{j}]")]).collect()
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        for (p, v) in params.chunks_exact(PARAMS).zip(values.chunks_exact_mut(2)) {
            (v[0], v[1]) = (p[1], p[3] / p[2]);
        }
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        for (p, v) in params.chunks_exact(PARAMS).zip(values.chunks_exact_mut(2)) {
            v[1] = 1.0 / draw_gamma(p[2], p[3], stream)?;
            let z: f64 = StandardNormal.sample(stream);
            v[0] = p[1] + z * (v[1] / p[0]).sqrt();
        }
        Ok(())
    }

    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        for (v, x) in values.chunks_exact(2).zip(row) {
            let z: f64 = StandardNormal.sample(stream);
            *x = v[0] + z * v[1].sqrt();
        }
        Ok(())
    }
}

/// A draw of `Gamma(shape, rate)`.
pub(in super::super) fn draw_gamma(shape: f64, rate: f64, stream: &mut Stream) -> Result<f64, MixtureError> {
    let gamma =
        Gamma::new(shape, 1.0 / rate).map_err(|e| MixtureError::setting("values", format!("gamma draw: {e}")))?;
    Ok(gamma.sample(stream).max(f64::MIN_POSITIVE))
}

/// KL of `Gamma(a, b)` from `Gamma(a0, b0)`, rates second.
pub(in super::super) fn gamma_kl(a: f64, b: f64, a0: f64, b0: f64) -> f64 {
    (a - a0) * a.digamma() - lgamma(a) + lgamma(a0) + a0 * (b.ln() - b0.ln()) + a * (b0 - b) / b
}

/// Constant of a t density of `cells` cells with scale `rate`, but for `ln rate` times `cells / 2`.
pub(in super::super) fn student_constant(shape: f64, cells: f64, spread: f64) -> f64 {
    lgamma(shape + 0.5 * cells) - lgamma(shape) - 0.5 * cells * (2.0 * PI * spread).ln()
}

impl Checked for DiagonalGaussian {
    fn check_prior(&self) -> Result<(), MixtureError> {
        few("columns", self.mean.len())?;
        finite("mean", &self.mean)?;
        Self::new(self.mean.clone(), self.mean_precision, self.shape, self.rate.clone()).map(|_| ())
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        params.chunks_exact(PARAMS).try_for_each(|p| {
            finite("mean", &p[1..2])?;
            all_positive("a precision, shape or rate", &[p[0], p[2], p[3]])
        })
    }
}
