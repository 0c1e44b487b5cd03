//! Columns of positive numbers.

use libm::lgamma;
use rand_distr::Distribution;
use serde::{Deserialize, Serialize};

use super::component::{Component, Generative};
use super::error::{all_positive, positive};
use super::gaussian::{draw_gamma, gamma_kl};
use super::lanes::{Parabola, Sums, run};
use super::saved::{Checked, few};
use super::{Block, MixtureError};
use crate::numerics::Lane;
use crate::streams::Stream;

/// Independent columns of positive numbers, `x ~ Gamma(power, r)` with known `power` and `r ~ Gamma(shape, rate)`.
///
/// With `power` 1 a column is exponential. A missing cell is left out, which marginalises it exactly.
///
/// ```
/// use jensen::mixture::{MixtureFit, GammaColumns, Table};
///
/// let rows = Table::from_columns(&[vec![0.2, 0.3, 0.1, 0.2, 30.0, 28.0, 33.0, 31.0]])?;
/// let fitted = MixtureFit::new(GammaColumns::new(1, 1.0, 1.0, 1.0)?, 2).restarts(2).run(&rows)?;
/// let labels = fitted.assign(&rows)?.labels;
/// assert!(labels[0] == labels[2] && labels[0] != labels[5], "{labels:?}");
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GammaColumns {
    columns: usize,
    power: f64,
    shape: f64,
    rate: f64,
}

impl GammaColumns {
    /// `columns` columns of shape `power`, under the prior `Gamma(shape, rate)` of their rates.
    ///
    /// # Errors
    /// When `power`, `shape` or `rate` is not positive.
    pub fn new(columns: usize, power: f64, shape: f64, rate: f64) -> Result<Self, MixtureError> {
        let (power, shape) = (positive("power", power)?, positive("shape", shape)?);
        Ok(GammaColumns { columns, power, shape, rate: positive("rate", rate)? })
    }

    /// Exponential columns.
    ///
    /// # Errors
    /// When `shape` or `rate` is not positive.
    pub fn exponential(columns: usize, shape: f64, rate: f64) -> Result<Self, MixtureError> {
        Self::new(columns, 1.0, shape, rate)
    }
}

impl Component for GammaColumns {
    fn num_columns(&self) -> usize {
        self.columns
    }

    fn num_params(&self) -> usize {
        2 * self.columns
    }

    /// `[cells, sum]` of each column.
    fn num_stats(&self) -> usize {
        2 * self.columns
    }

    /// `[constant, slope]` of each column.
    fn num_cache(&self) -> usize {
        2 * self.columns
    }

    fn check(&self, block: &Block) -> Result<(), MixtureError> {
        let is_exponential = self.power == 1.0;
        let good = |x: f64| x.is_nan() || x > 0.0 || (is_exponential && x == 0.0);
        super::columns::each_cell(block, good, "a positive number", "shift the column, or use Gaussian components")
    }

    fn prior(&self, params: &mut [f64]) {
        params.chunks_exact_mut(2).for_each(|p| p.copy_from_slice(&[self.shape, self.rate]));
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        for (p, c) in params.chunks_exact(2).zip(cache.chunks_exact_mut(2)) {
            (c[0], c[1]) = (self.power * (p[0].digamma() - p[1].ln()), -p[0] / p[1]);
        }
        Ok(())
    }

    fn log_base(&self, block: &Block, out: &mut [f64]) {
        if self.power == 1.0 {
            return;
        }
        let constant = lgamma(self.power);
        for j in 0..self.columns {
            for (out, x) in out.iter_mut().zip(block.column(j)).filter(|(_, x)| !x.is_nan()) {
                *out += (self.power - 1.0) * x.ln() - constant;
            }
        }
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], _: &mut [f64]) {
        for (j, c) in cache.chunks_exact(2).enumerate() {
            let (constant, slope) = (c[0], c[1]);
            run(Parabola { x: block.column(j), pivot: 0.0, constant, slope, curvature: 0.0, out });
        }
    }

    fn accumulate(&self, _: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], _: &mut [f64]) {
        for (j, s) in stats.chunks_exact_mut(2).enumerate() {
            let [cells, sum, _] = run(Sums { x: block.column(j), weights, pivot: 0.0 });
            s[0] += cells;
            s[1] += sum;
        }
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        for (p, s) in params.chunks_exact_mut(2).zip(stats.chunks_exact(2)) {
            p[0] = (1.0 - rate) * p[0] + rate * (self.shape + self.power * s[0]);
            p[1] = (1.0 - rate) * p[1] + rate * (self.rate + s[1]);
        }
    }

    fn kl(&self, params: &[f64], _: &[f64]) -> f64 {
        params.chunks_exact(2).map(|p| gamma_kl(p[0], p[1], self.shape, self.rate)).sum()
    }

    fn centre(&self, params: &[f64], row: &mut [f64]) {
        params.chunks_exact(2).zip(row).for_each(|(p, x)| *x = self.power * p[1] / p[0]);
    }
}

impl Generative for GammaColumns {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        for (j, p) in params.chunks_exact(2).enumerate() {
            let half = p[0] + self.power;
            let constant = lgamma(half) - lgamma(p[0]) - self.power * p[1].ln();
            for (out, x) in out.iter_mut().zip(block.column(j)).filter(|(_, x)| !x.is_nan()) {
                *out += constant - half * (x / p[1]).ln_1p();
            }
        }
        Ok(())
    }

    fn value_names(&self) -> Vec<String> {
        (0..self.columns).map(|j| format!("rate[{j}]")).collect()
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        params.chunks_exact(2).zip(values).for_each(|(p, v)| *v = p[0] / p[1]);
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        for (p, v) in params.chunks_exact(2).zip(values) {
            *v = draw_gamma(p[0], p[1], stream)?;
        }
        Ok(())
    }

    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        for (v, x) in values.iter().zip(row) {
            let gamma = rand_distr::Gamma::new(self.power, 1.0 / v);
            *x = gamma.map_err(|e| MixtureError::setting("values", format!("rate {v}: {e}")))?.sample(stream);
        }
        Ok(())
    }
}

impl Checked for GammaColumns {
    fn check_prior(&self) -> Result<(), MixtureError> {
        few("columns", self.columns)?;
        all_positive("a number of the prior", &[self.power, self.shape, self.rate])
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        all_positive("a parameter", params)
    }
}
