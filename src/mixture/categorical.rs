//! A column of categories.

use rand_distr::{Distribution, StandardUniform};
use serde::{Deserialize, Serialize};

use super::component::{Component, Generative};
use super::error::{all_positive, positive};
use super::saved::{Checked, few};
use super::weights::{dirichlet_kl, draw_dirichlet};
use super::{Block, MixtureError};
use crate::numerics::Lane;
use crate::streams::Stream;

/// One column of categories `0, 1, .., levels - 1` with probabilities `~ Dirichlet(concentration, ..)`.
///
/// A missing cell is left out, which marginalises it exactly. A category not among the levels is an error, at the fit
/// and at prediction; declare a level for it and the prior gives it a probability.
///
/// ```
/// use jensen::mixture::{CategoricalColumn, MixtureFit, Table};
///
/// // One component: the bound is the evidence, (1/2) (1/2 . 3/2) (1/2) / (3/2 . 5/2 . 7/2 . 9/2).
/// let rows = Table::from_columns(&[vec![0.0, 1.0, 1.0, 2.0]])?;
/// let fitted = MixtureFit::new(CategoricalColumn::new(3, 0.5)?, 1).run(&rows)?;
/// assert!((fitted.bound - (0.1875f64 / 59.0625).ln()).abs() < 1e-9);
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoricalColumn {
    levels: usize,
    concentration: f64,
}

impl CategoricalColumn {
    /// A column with `levels` categories.
    ///
    /// # Errors
    /// Without levels, or when `concentration` is not positive.
    pub fn new(levels: usize, concentration: f64) -> Result<Self, MixtureError> {
        if levels == 0 {
            return Err(MixtureError::setting("levels", "a categorical column needs at least one level"));
        }
        Ok(CategoricalColumn { levels, concentration: positive("concentration", concentration)? })
    }
}

impl Component for CategoricalColumn {
    fn num_columns(&self) -> usize {
        1
    }

    fn num_params(&self) -> usize {
        self.levels
    }

    fn num_stats(&self) -> usize {
        self.levels
    }

    fn num_cache(&self) -> usize {
        self.levels
    }

    fn check(&self, block: &Block) -> Result<(), MixtureError> {
        let good = |x: f64| x.is_nan() || (x >= 0.0 && x.fract() == 0.0 && x < self.levels as f64);
        let expected = format!("a category from 0 to {}", self.levels - 1);
        super::columns::each_cell(block, good, &expected, "declare more levels, or write NaN for an unknown category")
    }

    fn prior(&self, params: &mut [f64]) {
        params.fill(self.concentration);
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        let total = params.iter().sum::<f64>().digamma();
        params.iter().zip(cache).for_each(|(p, c)| *c = p.digamma() - total);
        Ok(())
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], _: &mut [f64]) {
        for (out, x) in out.iter_mut().zip(block.column(0)).filter(|(_, x)| !x.is_nan()) {
            *out += cache.get(*x as usize).copied().unwrap_or(f64::NEG_INFINITY);
        }
    }

    fn accumulate(&self, _: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], _: &mut [f64]) {
        for (w, x) in weights.iter().zip(block.column(0)).filter(|(_, x)| !x.is_nan()) {
            if let Some(s) = stats.get_mut(*x as usize) {
                *s += w;
            }
        }
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        for (p, s) in params.iter_mut().zip(stats) {
            *p = (1.0 - rate) * *p + rate * (self.concentration + s);
        }
    }

    fn kl(&self, params: &[f64], _: &[f64]) -> f64 {
        dirichlet_kl(params, self.concentration)
    }

    /// The commonest category.
    fn centre(&self, params: &[f64], row: &mut [f64]) {
        row[0] = super::largest(params) as f64;
    }
}

impl Generative for CategoricalColumn {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        let total = params.iter().sum::<f64>().ln();
        for (out, x) in out.iter_mut().zip(block.column(0)).filter(|(_, x)| !x.is_nan()) {
            *out += params.get(*x as usize).map_or(f64::NEG_INFINITY, |p| p.ln() - total);
        }
        Ok(())
    }

    fn value_names(&self) -> Vec<String> {
        (0..self.levels).map(|l| format!("probability[{l}]")).collect()
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        let total: f64 = params.iter().sum();
        params.iter().zip(values).for_each(|(p, v)| *v = p / total);
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        draw_dirichlet(params, stream, values)
    }

    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        let u: f64 = StandardUniform.sample(stream);
        row[0] = pick(values, u) as f64;
        Ok(())
    }
}

/// The index whose cumulated probability first exceeds `u`.
pub(super) fn pick(probabilities: &[f64], u: f64) -> usize {
    let mut sum = 0.0;
    let found = probabilities.iter().position(|p| {
        sum += p;
        u < sum
    });
    found.unwrap_or(probabilities.len().saturating_sub(1))
}

impl Checked for CategoricalColumn {
    fn check_prior(&self) -> Result<(), MixtureError> {
        few("levels", self.levels)?;
        all_positive("concentration", &[self.concentration])
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        all_positive("a parameter", params)
    }
}
