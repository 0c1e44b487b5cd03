//! Columns of zeros and ones.

use libm::lgamma;
use rand_distr::{Beta, Distribution, StandardUniform};
use serde::{Deserialize, Serialize};

use super::component::{Component, Generative};
use super::error::{all_positive, positive};
use super::lanes::{Parabola, Sums, run};
use super::saved::{Checked, few};
use super::{Block, MixtureError};
use crate::numerics::Lane;
use crate::streams::Stream;

/// Independent columns of zeros and ones, each with a probability `p_j ~ Beta(ones, zeros)`.
///
/// A missing cell is left out, which marginalises it exactly.
///
/// ```
/// use jensen::mixture::{MixtureFit, BernoulliColumns, Table};
///
/// let rows = Table::from_columns(&[vec![1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0], vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], vec![1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]])?;
/// let fitted = MixtureFit::new(BernoulliColumns::new(3, 0.5, 0.5)?, 2).restarts(2).run(&rows)?;
/// let labels = fitted.assign(&rows)?.labels;
/// assert!(labels[0] == labels[2] && labels[0] != labels[5], "{labels:?}");
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BernoulliColumns {
    columns: usize,
    ones: f64,
    zeros: f64,
}

impl BernoulliColumns {
    /// `columns` columns under the prior `Beta(ones, zeros)`.
    ///
    /// # Errors
    /// When `ones` or `zeros` is not positive.
    pub fn new(columns: usize, ones: f64, zeros: f64) -> Result<Self, MixtureError> {
        Ok(BernoulliColumns { columns, ones: positive("ones", ones)?, zeros: positive("zeros", zeros)? })
    }
}

/// KL of `Beta(a, b)` from `Beta(a0, b0)`.
pub(super) fn beta_kl(a: f64, b: f64, a0: f64, b0: f64) -> f64 {
    let log_beta = |a: f64, b: f64| lgamma(a) + lgamma(b) - lgamma(a + b);
    let total = (a + b).digamma();
    log_beta(a0, b0) - log_beta(a, b) + (a - a0) * (a.digamma() - total) + (b - b0) * (b.digamma() - total)
}

/// A draw of `Beta(a, b)` inside the open interval.
pub(super) fn draw_beta(a: f64, b: f64, stream: &mut Stream) -> Result<f64, MixtureError> {
    let beta = Beta::new(a, b).map_err(|e| MixtureError::setting("values", format!("beta draw: {e}")))?;
    Ok(beta.sample(stream).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON))
}

impl Component for BernoulliColumns {
    fn num_columns(&self) -> usize {
        self.columns
    }

    fn num_params(&self) -> usize {
        2 * self.columns
    }

    /// `[cells, ones]` of each column.
    fn num_stats(&self) -> usize {
        2 * self.columns
    }

    /// `[constant, slope]` of each column.
    fn num_cache(&self) -> usize {
        2 * self.columns
    }

    fn check(&self, block: &Block) -> Result<(), MixtureError> {
        let good = |x: f64| x.is_nan() || x == 0.0 || x == 1.0;
        super::columns::each_cell(block, good, "0 or 1", "recode the column, or use another kind of component")
    }

    fn prior(&self, params: &mut [f64]) {
        params.chunks_exact_mut(2).for_each(|p| p.copy_from_slice(&[self.ones, self.zeros]));
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        for (p, c) in params.chunks_exact(2).zip(cache.chunks_exact_mut(2)) {
            c[0] = p[1].digamma() - (p[0] + p[1]).digamma();
            c[1] = p[0].digamma() - p[1].digamma();
        }
        Ok(())
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], _: &mut [f64]) {
        for (j, c) in cache.chunks_exact(2).enumerate() {
            let (constant, slope) = (c[0], c[1]);
            run(Parabola { x: block.column(j), pivot: 0.0, constant, slope, curvature: 0.0, out });
        }
    }

    fn accumulate(&self, _: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], _: &mut [f64]) {
        for (j, s) in stats.chunks_exact_mut(2).enumerate() {
            let [cells, ones, _] = run(Sums { x: block.column(j), weights, pivot: 0.0 });
            s[0] += cells;
            s[1] += ones;
        }
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        for (p, s) in params.chunks_exact_mut(2).zip(stats.chunks_exact(2)) {
            p[0] = (1.0 - rate) * p[0] + rate * (self.ones + s[1]);
            p[1] = (1.0 - rate) * p[1] + rate * (self.zeros + (s[0] - s[1]).max(0.0));
        }
    }

    fn kl(&self, params: &[f64], _: &[f64]) -> f64 {
        params.chunks_exact(2).map(|p| beta_kl(p[0], p[1], self.ones, self.zeros)).sum()
    }

    fn centre(&self, params: &[f64], row: &mut [f64]) {
        self.expectation(params, row);
    }
}

impl Generative for BernoulliColumns {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        for (j, p) in params.chunks_exact(2).enumerate() {
            let total = (p[0] + p[1]).ln();
            for (out, &x) in out.iter_mut().zip(block.column(j)).filter(|(_, x)| !x.is_nan()) {
                *out += if x == 1.0 { p[0].ln() } else { p[1].ln() } - total;
            }
        }
        Ok(())
    }

    fn value_names(&self) -> Vec<String> {
        (0..self.columns).map(|j| format!("probability[{j}]")).collect()
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        params.chunks_exact(2).zip(values).for_each(|(p, v)| *v = p[0] / (p[0] + p[1]));
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        for (p, v) in params.chunks_exact(2).zip(values) {
            *v = draw_beta(p[0], p[1], stream)?;
        }
        Ok(())
    }

    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        for (v, x) in values.iter().zip(row) {
            let u: f64 = StandardUniform.sample(stream);
            *x = if u < *v { 1.0 } else { 0.0 };
        }
        Ok(())
    }
}

impl Checked for BernoulliColumns {
    fn check_prior(&self) -> Result<(), MixtureError> {
        few("columns", self.columns)?;
        all_positive("a number of the prior", &[self.ones, self.zeros])
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        all_positive("a parameter", params)
    }
}
