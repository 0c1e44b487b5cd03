//! What a kind of component must know.

use super::{Block, MixtureError};
use crate::streams::Stream;

/// One kind of component of a conjugate mixture: a density of rows, a prior, and a q of the same form.
///
/// An implementation holds the prior and nothing else; everything that changes lies in slices:
/// `params` of one component's q, `cache` computed from it, and `stats`, sums over rows that are linear in the weights.
/// Sums are taken about a pivot that `cache` fixes (the current mean), so that nothing cancels.
pub trait Component: Clone + Send + Sync {
    /// Columns of a row.
    fn num_columns(&self) -> usize;

    /// Length of `params`.
    fn num_params(&self) -> usize;

    /// Length of `stats`.
    fn num_stats(&self) -> usize;

    /// Length of `cache`.
    fn num_cache(&self) -> usize;

    /// Length of the working space for a block with this stride.
    fn num_scratch(&self, stride: usize) -> usize {
        let _ = stride;
        0
    }

    /// Looks at every cell.
    ///
    /// # Errors
    /// At the first cell that this kind cannot explain.
    fn check(&self, block: &Block) -> Result<(), MixtureError>;

    /// Overwrites `params` with the prior.
    fn prior(&self, params: &mut [f64]);

    /// Overwrites `cache` with what the rows need of `params`.
    ///
    /// # Errors
    /// When a matrix is not positive definite.
    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError>;

    /// Adds the part of the log density that is the same for every component and every q; `out` has a place for each row.
    fn log_base(&self, block: &Block, out: &mut [f64]) {
        let _ = (block, out);
    }

    /// Adds `E_q[log p(row | params)]` to `out`, latents of the row alone maximised over their q.
    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], scratch: &mut [f64]);

    /// Adds the sums of the block under `weights` to `stats`.
    fn accumulate(&self, cache: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], scratch: &mut [f64]);

    /// Moves the natural parameters by `rate` of the way to prior plus `stats`; all the way is coordinate ascent.
    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64);

    /// [`update`](Self::update) of all components, one after the other in the slices.
    fn update_all(&self, params: &mut [f64], stats: &[f64], rate: f64) {
        for (p, s) in params.chunks_exact_mut(self.num_params()).zip(stats.chunks_exact(self.num_stats())) {
            self.update(p, s, rate);
        }
    }

    /// KL(q || prior) of one component.
    fn kl(&self, params: &[f64], cache: &[f64]) -> f64;

    /// KL(q || prior) of all components together.
    fn kl_all(&self, params: &[f64], caches: &[f64]) -> f64 {
        let each = params.chunks_exact(self.num_params()).zip(caches.chunks_exact(self.num_cache()));
        each.map(|(p, c)| self.kl(p, c)).sum()
    }

    /// Adds the log density of rows under one component, its parameters averaged over q (the base measure left out).
    ///
    /// # Errors
    /// When a matrix is not positive definite.
    fn predictive(&self, params: &[f64], block: &Block, out: &mut [f64]) -> Result<(), MixtureError>;

    /// Names of the parameters that [`draw`](Self::draw) gives.
    fn value_names(&self) -> Vec<String>;

    /// Overwrites `values` with point estimates: posterior means of locations, rates and probabilities; for a covariance
    /// the inverse of the posterior mean of the precision, which always exists.
    fn expectation(&self, params: &[f64], values: &mut [f64]);

    /// Overwrites `values` with a draw from q.
    ///
    /// # Errors
    /// When a matrix is not positive definite.
    fn draw(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError>;

    /// [`draw`](Self::draw) of all components, one after the other in the slices.
    ///
    /// # Errors
    /// As [`draw`](Self::draw).
    fn draw_all(&self, params: &[f64], stream: &mut Stream, values: &mut [f64]) -> Result<(), MixtureError> {
        let length = values.len() / (params.len() / self.num_params()).max(1);
        for (p, v) in params.chunks_exact(self.num_params()).zip(values.chunks_exact_mut(length.max(1))) {
            self.draw(p, stream, v)?;
        }
        Ok(())
    }

    /// Overwrites `row` with a row drawn from a component with these `values`.
    ///
    /// # Errors
    /// When `values` describe no distribution.
    fn sample(&self, values: &[f64], stream: &mut Stream, row: &mut [f64]) -> Result<(), MixtureError>;

    /// Overwrites `row` with the mean of a row under the point estimates.
    fn centre(&self, params: &[f64], row: &mut [f64]);

    /// What a user should know about the prior, such as a regularisation.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}
