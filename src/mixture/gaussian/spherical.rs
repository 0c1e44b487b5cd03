//! Gaussians with one variance for all columns.

use std::f64::consts::PI;

use libm::lgamma;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::super::component::{Component, Generative};
use super::super::error::{all_positive, finite, positive};
use super::super::lanes::{Parabola, Sums, run};
use super::super::moments::ColumnMoments;
use super::super::saved::{Checked, few};
use super::super::{Block, MixtureError, Rows};
use super::diagonal::{draw_gamma, gamma_kl};
use crate::numerics::Lane;
use crate::streams::Stream;

/// A Gaussian with the same variance in every column: `tau ~ Gamma(shape, rate)`, `mu_j | tau ~ N(mean_j, 1 / (mean_precision tau))`.
///
/// A missing cell is left out, which marginalises it exactly.
///
/// ```
/// use jensen::mixture::{MixtureFit, SphericalGaussian, Table};
///
/// let x: Vec<f64> = (0..40).map(|i| f64::from(i % 7) + if i < 20 { 0.0 } else { 50.0 }).collect();
/// let y: Vec<f64> = (0..40).map(|i| f64::from(i % 5) - if i < 20 { 0.0 } else { 40.0 }).collect();
/// let rows = Table::from_columns(&[x, y])?;
/// let fitted = MixtureFit::new(SphericalGaussian::from_rows(&rows)?, 2).restarts(2).run(&rows)?;
/// let labels = fitted.assign(&rows)?.labels;
/// assert!(labels[0] == labels[19] && labels[0] != labels[20], "{labels:?}");
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SphericalGaussian {
    mean: Vec<f64>,
    mean_precision: f64,
    shape: f64,
    rate: f64,
}

/// Params: `[shape, rate]`, then `[beta, mean]` of each column; stats `[second]`, then `[count, first]`.
const SHARED: usize = 2;

impl SphericalGaussian {
    /// With the given prior; `mean` has an entry for each column.
    ///
    /// # Errors
    /// When a number that must be positive is not.
    pub fn new(mean: Vec<f64>, mean_precision: f64, shape: f64, rate: f64) -> Result<Self, MixtureError> {
        let (shape, rate) = (positive("shape", shape)?, positive("rate", rate)?);
        Ok(SphericalGaussian { mean, mean_precision: positive("mean_precision", mean_precision)?, shape, rate })
    }

    /// With the prior centred on the data: the columns' means, worth one row, half the number of columns as shape, and
    /// half the sum of their variances as rate.
    ///
    /// # Errors
    /// With fewer than two rows, and with a constant column.
    pub fn from_rows<R: Rows + ?Sized>(rows: &R) -> Result<Self, MixtureError> {
        let moments = ColumnMoments::of(rows)?;
        let (half, rate) = (0.5 * moments.mean.len() as f64, 0.5 * moments.variances().sum::<f64>());
        Self::new(moments.mean, 1.0, half, rate)
    }
}

fn columns(params: &[f64]) -> std::slice::ChunksExact<'_, f64> {
    params[SHARED..].chunks_exact(2)
}

impl Component for SphericalGaussian {
    fn num_columns(&self) -> usize {
        self.mean.len()
    }

    fn num_params(&self) -> usize {
        SHARED + 2 * self.mean.len()
    }

    fn num_stats(&self) -> usize {
        1 + 2 * self.mean.len()
    }

    /// `[curvature]`, then `[constant, mean]` of each column.
    fn num_cache(&self) -> usize {
        1 + 2 * self.mean.len()
    }

    fn prior(&self, params: &mut [f64]) {
        (params[0], params[1]) = (self.shape, self.rate);
        for (p, mean) in params[SHARED..].chunks_exact_mut(2).zip(&self.mean) {
            (p[0], p[1]) = (self.mean_precision, *mean);
        }
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        let (shape, rate) = (params[0], params[1]);
        cache[0] = 0.5 * shape / rate;
        let shared = shape.digamma() - rate.ln() - (2.0 * PI).ln();
        for (p, c) in columns(params).zip(cache[1..].chunks_exact_mut(2)) {
            (c[0], c[1]) = (0.5 * (shared - 1.0 / p[0]), p[1]);
        }
        Ok(())
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], _: &mut [f64]) {
        for (j, c) in cache[1..].chunks_exact(2).enumerate() {
            let (x, constant, pivot) = (block.column(j), c[0], c[1]);
            run(Parabola { x, pivot, constant, slope: 0.0, curvature: cache[0], out });
        }
    }

    fn accumulate(&self, cache: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], _: &mut [f64]) {
        for (j, c) in cache[1..].chunks_exact(2).enumerate() {
            let [count, first, second] = run(Sums { x: block.column(j), weights, pivot: c[1] });
            stats[0] += second;
            stats[1 + 2 * j] += count;
            stats[2 + 2 * j] += first;
        }
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        let cells: f64 = stats[1..].chunks_exact(2).map(|s| s[0]).sum();
        let mut second = self.rate + 0.5 * stats[0];
        let mut lost = 0.0;
        for (j, (p, s)) in params[SHARED..].chunks_exact_mut(2).zip(stats[1..].chunks_exact(2)).enumerate() {
            let offset = self.mean[j] - p[1];
            let beta = (1.0 - rate) * p[0] + rate * (self.mean_precision + s[0]);
            let shift = rate * (self.mean_precision * offset + s[1]) / beta;
            second += 0.5 * self.mean_precision * offset * offset;
            lost += 0.5 * beta * shift * shift;
            (p[0], p[1]) = (beta, p[1] + shift);
        }
        params[0] = (1.0 - rate) * params[0] + rate * (self.shape + 0.5 * cells);
        params[1] = (1.0 - rate) * params[1] + rate * second - lost;
    }

    fn kl(&self, params: &[f64], _: &[f64]) -> f64 {
        let (shape, rate) = (params[0], params[1]);
        let column = |(p, mean): (&[f64], &f64)| {
            let ratio = self.mean_precision / p[0];
            0.5 * (ratio - 1.0 - ratio.ln() + self.mean_precision * shape / rate * (p[1] - mean).powi(2))
        };
        gamma_kl(shape, rate, self.shape, self.rate) + columns(params).zip(&self.mean).map(column).sum::<f64>()
    }

    fn centre(&self, params: &[f64], row: &mut [f64]) {
        row.iter_mut().zip(columns(params)).for_each(|(x, p)| *x = p[1]);
    }
}

impl Generative for SphericalGaussian {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        let (shape, rate) = (params[0], params[1]);
        for (i, out) in out.iter_mut().enumerate().take(block.len()) {
            let (mut cells, mut distance, mut log_spread) = (0.0, 0.0, 0.0);
            for (j, p) in columns(params).enumerate() {
                let x = block.column(j)[i];
                if !x.is_nan() {
                    let spread = 1.0 + 1.0 / p[0];
                    cells += 1.0;
                    distance += (x - p[1]).powi(2) / spread;
                    log_spread += (2.0 * PI * spread * rate).ln();
                }
            }
            let half = shape + 0.5 * cells;
            *out += lgamma(half) - lgamma(shape) - 0.5 * log_spread - half * (0.5 * distance / rate).ln_1p();
        }
        Ok(())
    }

    fn value_names(&self) -> Vec<String> {
        let means = (0..self.mean.len()).map(|j| format!("mean[{j}]"));
        means.chain(std::iter::once("variance".to_owned())).collect()
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        self.centre(params, &mut values[..self.mean.len()]);
        values[self.mean.len()] = params[1] / params[0];
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        let variance = 1.0 / draw_gamma(params[0], params[1], stream)?;
        for (p, v) in columns(params).zip(values.iter_mut()) {
            let z: f64 = StandardNormal.sample(stream);
            *v = p[1] + z * (variance / p[0]).sqrt();
        }
        values[self.mean.len()] = variance;
        Ok(())
    }

    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        let sd = values[self.mean.len()].sqrt();
        for (v, x) in values.iter().zip(row) {
            let z: f64 = StandardNormal.sample(stream);
            *x = v + z * sd;
        }
        Ok(())
    }
}

impl Checked for SphericalGaussian {
    fn check_prior(&self) -> Result<(), MixtureError> {
        few("columns", self.mean.len())?;
        finite("mean", &self.mean)?;
        all_positive("a number of the prior", &[self.mean_precision, self.shape, self.rate])
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        all_positive("shape or rate", &params[..SHARED])?;
        columns(params).try_for_each(|p| {
            finite("mean", &p[1..])?;
            all_positive("a precision", &p[..1])
        })
    }
}
