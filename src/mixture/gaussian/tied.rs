//! Gaussians that share one covariance.

use serde::{Deserialize, Serialize};

use super::super::component::{Component, Generative, SharedParams};
use super::super::saved::Checked;
use super::super::{Block, MixtureError, Rows};
use super::full::FullGaussian;
use super::wishart::{self, NormalWishart};
use crate::streams::Stream;

/// Gaussians with one full covariance in common: `Lambda ~ Wishart`, `mu_k | Lambda ~ N(mean, (mean_precision Lambda)^-1)`.
///
/// Every component's slice repeats the shared `q(Lambda)`, whose KL is counted once.
///
/// ```
/// use jensen::mixture::{MixtureFit, TiedGaussian, Table};
///
/// let x: Vec<f64> = (0..40).map(|i| f64::from(i % 7) + if i < 20 { 0.0 } else { 50.0 }).collect();
/// let y: Vec<f64> = (0..40).map(|i| f64::from(i % 5) - if i < 20 { 0.0 } else { 40.0 }).collect();
/// let rows = Table::from_columns(&[x, y])?;
/// let fitted = MixtureFit::new(TiedGaussian::from_rows(&rows)?, 2).restarts(2).run(&rows)?;
/// let labels = fitted.assign(&rows)?.labels;
/// assert!(labels[0] == labels[19] && labels[0] != labels[20], "{labels:?}");
/// # Ok::<(), jensen::mixture::MixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TiedGaussian {
    each: FullGaussian,
}

impl TiedGaussian {
    /// A component with the given prior.
    pub fn new(prior: NormalWishart) -> Self {
        TiedGaussian { each: FullGaussian::new(prior) }
    }

    /// With the prior of [`NormalWishart::from_rows`].
    ///
    /// # Errors
    /// As there.
    pub fn from_rows<R: Rows + ?Sized>(rows: &R) -> Result<Self, MixtureError> {
        Ok(TiedGaussian { each: FullGaussian::from_rows(rows)? })
    }
}

impl Component for TiedGaussian {
    fn num_columns(&self) -> usize {
        self.each.num_columns()
    }

    fn num_params(&self) -> usize {
        self.each.num_params()
    }

    fn num_stats(&self) -> usize {
        self.each.num_stats()
    }

    fn num_cache(&self) -> usize {
        self.each.num_cache()
    }

    fn num_scratch(&self, stride: usize) -> usize {
        self.each.num_scratch(stride)
    }

    fn prior(&self, params: &mut [f64]) {
        self.each.prior(params);
    }

    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
        self.each.prepare(params, cache)
    }

    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], scratch: &mut [f64]) {
        self.each.log_density(cache, block, out, scratch);
    }

    fn accumulate(&self, cache: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], scratch: &mut [f64]) {
        self.each.accumulate(cache, block, weights, stats, scratch);
    }

    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        self.update_all(params, stats, rate);
    }

    fn kl(&self, params: &[f64], cache: &[f64]) -> f64 {
        self.each.kl(params, cache)
    }

    fn centre(&self, params: &[f64], row: &mut [f64]) {
        self.each.centre(params, row);
    }

    fn notes(&self) -> Vec<String> {
        self.each.notes()
    }

    fn shared(&self) -> Option<&dyn SharedParams> {
        Some(self)
    }
}

impl SharedParams for TiedGaussian {
    fn update_all(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        let (prior, d, length) = (&self.each.prior, self.num_columns(), self.num_params());
        let pairs = || stats.chunks_exact(length);
        let count: f64 = pairs().map(|s| s[1]).sum();
        // Slice 0 keeps the shared matrix; the others collect what their means add to it, and hand it over.
        for (k, p) in params.chunks_exact_mut(length).enumerate() {
            p[1] = (1.0 - rate) * p[1] + rate * (prior.degrees + count);
            for (m, s) in p[2 + d..].iter_mut().zip(&prior.scale_inverse) {
                *m = if k == 0 { (1.0 - rate) * *m + rate * s } else { 0.0 };
            }
        }
        for (p, s) in params.chunks_exact_mut(length).zip(pairs()) {
            wishart::blend_second(prior, p, s, rate);
            wishart::settle(prior, p, s, rate);
        }
        let (shared, others) = params.split_at_mut(length);
        for p in others.chunks_exact(length) {
            (2 + d..length).for_each(|e| shared[e] += p[e]);
        }
        for p in others.chunks_exact_mut(length) {
            p[2 + d..].copy_from_slice(&shared[2 + d..]);
        }
    }

    fn kl_all(&self, params: &[f64], caches: &[f64]) -> f64 {
        let (prior, length, cache) = (&self.each.prior, self.num_params(), self.num_cache());
        let each = params.chunks_exact(length).zip(caches.chunks_exact(cache));
        prior.precision_kl(&params[..length], &caches[..cache]) + each.map(|(p, c)| prior.mean_kl(p, c)).sum::<f64>()
    }
}

impl Generative for TiedGaussian {
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError> {
        self.each.predictive(params, block, out)
    }

    fn value_names(&self) -> Vec<String> {
        self.each.value_names()
    }

    fn expectation(&self, params: &[f64], values: &mut [f64]) {
        self.each.expectation(params, values);
    }

    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        self.each.draw(params, stream, values)
    }

    fn draw_all(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        let (d, length) = (self.num_columns(), self.num_params());
        let mut factor = vec![0.0; d * d];
        wishart::draw_factor(&params[..length], d, stream, &mut factor)?;
        for (p, v) in params.chunks_exact(length).zip(values.chunks_exact_mut(d + d * d)) {
            wishart::draw_given(p, &factor, stream, v);
        }
        Ok(())
    }

    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError> {
        self.each.sample(values, stream, row)
    }
}

impl Checked for TiedGaussian {
    fn check_prior(&self) -> Result<(), MixtureError> {
        self.each.check_prior()
    }

    fn check_params(&self, params: &[f64]) -> Result<(), MixtureError> {
        self.each.check_params(params)
    }
}
