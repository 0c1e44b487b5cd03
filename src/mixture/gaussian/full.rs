//! A Gaussian with a covariance of its own.

use serde::{Deserialize, Serialize};

use super::super::component::{Component, Generative};
use super::super::lanes::{Moments, Quadratic, run, total};
use super::super::saved::Checked;
use super::super::{Block, MixtureError, Rows};
use super::missing;
use super::wishart::{self, NormalWishart, prepared};
use crate::streams::Stream;

/// A Gaussian with full covariance and a normal-Wishart prior.
///
/// Missing cells are latents of their row: their conditional mean and covariance enter the sums, so nothing is
/// thrown away and the bound still holds. A row costs O(columns^2); one with missing cells O(columns^3).
///
/// ```
/// use jensen::mixture::{MixtureFit, FullGaussian, Table};
///
/// let x: Vec<f64> = (0..40).map(|i| f64::from(i % 7) + if i < 20 { 0.0 } else { 50.0 }).collect();
/// let y: Vec<f64> = (0..40).map(|i| f64::from(i % 5) - if i < 20 { 0.0 } else { 40.0 }).collect();
/// let rows = Table::from_columns(&[x, y])?;
/// let fitted = MixtureFit::new(FullGaussian::from_rows(&rows)?, 2).restarts(2).run(&rows)?;
/// let labels = fitted.assign(&rows)?.labels;
/// assert!(labels[0] == labels[19] && labels[0] != labels[20], "{labels:?}");
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
///
/// *Source:* Bishop (2006), *Pattern Recognition and Machine Learning*, section 10.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FullGaussian {
    pub(super) prior: NormalWishart,
}

impl FullGaussian {
    /// A component with the given prior.
    pub fn new(prior: NormalWishart) -> Self {
        FullGaussian { prior }
    }

    /// With the prior of [`NormalWishart::from_rows`].
    ///
    /// # Errors
    /// As there.
    pub fn from_rows<R: Rows + ?Sized>(rows: &R) -> Result<Self, MixtureError> {
        Ok(Self::new(NormalWishart::from_rows(rows)?))
    }
}

impl Component for FullGaussian {
    fn num_columns(&self) -> usize {
        self.prior.mean.len()
    }

    fn num_params(&self) -> usize {
        self.prior.layout().num_params()
    }

    fn num_stats(&self) -> usize {
        self.prior.layout().num_stats()
    }

    fn num_cache(&self) -> usize {
        self.prior.layout().num_cache()
    }

    fn num_scratch(&self, stride: usize) -> usize {
        (self.num_columns() + 1) * stride
    }

    fn prior(&self, params: &mut [f64]) {
        self.prior.write(params);
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        wishart::prepare(params, cache, self.num_columns())
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], scratch: &mut [f64]) {
        let d = self.num_columns();
        let q = prepared(cache, d);
        let centred = &mut scratch[..d * block.stride()];
        missing::centre(block, &q, centred, |row, added, _, _| out[row] += added);
        run(Quadratic { centred, factor: q.factor, constant: q.constant, out });
    }

    fn accumulate(&self, cache: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], scratch: &mut [f64]) {
        let d = self.num_columns();
        let (head, second) = stats.split_at_mut(2 + d);
        let (centred, weighted) = scratch.split_at_mut(d * block.stride());
        missing::centre(block, &prepared(cache, d), centred, |row, _, cells, covariance| {
            missing::add_covariance(cells, covariance, weights[row], d, second);
        });
        let count = total(weights);
        head[0] += count;
        head[1] += count;
        let weighted = &mut weighted[..block.stride()];
        run(Moments { centred, weights, weighted, first: &mut head[2..], second });
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        wishart::update(&self.prior, params, stats, rate);
    }

    fn kl(&self, params: &[f64], cache: &[f64]) -> f64 {
        self.prior.kl(params, cache)
    }

    fn centre(&self, params: &[f64], row: &mut [f64]) {
        row.copy_from_slice(wishart::view(params, row.len()).mean);
    }

    fn notes(&self) -> Vec<String> {
        self.prior.notes()
    }
}

impl Generative for FullGaussian {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        predictive(params, block, out)
    }

    fn value_names(&self) -> Vec<String> {
        wishart::names(self.num_columns())
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        wishart::expectation(params, self.num_columns(), values);
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        let d = self.num_columns();
        let mut factor = vec![0.0; d * d];
        wishart::draw_factor(params, d, stream, &mut factor)?;
        wishart::draw_given(params, &factor, stream, values);
        Ok(())
    }

    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        wishart::sample(values, 1.0, stream, row)
    }
}

/// Adds the log density of each row under one component, averaged over q.
pub(super) fn predictive(params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
    let singular = MixtureError::Singular { what: "the covariance of a component" };
    let (mut row, mut space) = (vec![0.0; block.num_columns()], Vec::new());
    for (i, out) in out.iter_mut().enumerate().take(block.len()) {
        for (j, x) in row.iter_mut().enumerate() {
            *x = block.column(j)[i];
        }
        *out += wishart::predictive(params, &row, 1.0, &mut space).ok_or_else(|| singular.clone())?;
    }
    Ok(())
}

impl Checked for FullGaussian {
    fn check_prior(&self) -> Result<(), MixtureError> {
        self.prior.check()
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        wishart::check(params, self.num_columns())
    }
}
