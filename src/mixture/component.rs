//! The traits of a kind of component: [`Component`] to be fitted, [`Generative`] to predict and simulate,
//! [`SharedParams`] if its components learn something in common.

use super::{Block, MixtureError};
use crate::streams::Stream;

/// One kind of component of a conjugate mixture: a density of rows, a prior, and a q of the same form.
///
/// An implementation holds the prior and nothing else; everything that changes lies in slices:
/// `params` of one component's q, `cache` computed from it, and `stats`, sums over rows that are linear in the weights.
///
/// ```
/// use jensen::mixture::{Block, Component, MixtureError, MixtureFit, Table};
///
/// /// `x ~ N(mu, 1)` with `mu ~ N(0, 1 / precision)`; `params = [precision * mean, precision]` of q(mu).
/// #[derive(Clone)]
/// struct UnitNormal { precision: f64 }
///
/// impl Component for UnitNormal {
///     fn num_columns(&self) -> usize { 1 }
///     fn num_params(&self) -> usize { 2 }
///     /// `[sum of x, rows]`
///     fn num_stats(&self) -> usize { 2 }
///     /// `[mean, variance]` of q(mu)
///     fn num_cache(&self) -> usize { 2 }
///
///     fn prior(&self, params: &mut [f64]) {
///         params.copy_from_slice(&[0.0, self.precision]);
///     }
///
///     fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError> {
///         cache.copy_from_slice(&[params[0] / params[1], 1.0 / params[1]]);
///         Ok(())
///     }
///
///     fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], _: &mut [f64]) {
///         let constant = -0.5 * (2.0 * std::f64::consts::PI).ln();
///         for (out, x) in out.iter_mut().zip(block.column(0)) {
///             *out += constant - 0.5 * ((x - cache[0]).powi(2) + cache[1]);
///         }
///     }
///
///     fn accumulate(&self, _: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], _: &mut [f64]) {
///         for (weight, x) in weights.iter().zip(block.column(0)) {
///             stats[0] += weight * x;
///             stats[1] += weight;
///         }
///     }
///
///     fn update(&self, params: &mut [f64], stats: &[f64], rate: f64) {
///         params[0] += rate * (stats[0] - params[0]);
///         params[1] += rate * (self.precision + stats[1] - params[1]);
///     }
///
///     fn kl(&self, params: &[f64], cache: &[f64]) -> f64 {
///         let ratio = self.precision / params[1];
///         0.5 * (ratio - 1.0 - ratio.ln() + self.precision * cache[0] * cache[0])
///     }
///
///     fn centre(&self, params: &[f64], row: &mut [f64]) {
///         row[0] = params[0] / params[1];
///     }
/// }
///
/// let rows = Table::from_columns(&[vec![-3.2, -2.9, 3.3, 2.8, -3.1]])?;
/// let fitted = MixtureFit::new(UnitNormal { precision: 0.01 }, 2).run(&rows)?;
/// assert_eq!(fitted.labels(&rows)?, [0, 0, 1, 1, 0]);
/// # Ok::<(), MixtureError>(())
/// ```
pub trait Component: Clone + Send + Sync {
    /// Columns of a row.
    fn num_columns(&self) -> usize;

    /// Length of `params`.
    fn num_params(&self) -> usize;

    /// Length of `stats`.
    fn num_stats(&self) -> usize;

    /// Length of `cache`, at least 1.
    fn num_cache(&self) -> usize;

    /// Overwrites `params` with the prior.
    fn prior(&self, params: &mut [f64]);

    /// Overwrites `cache` with what the rows need of `params`.
    ///
    /// # Errors
    /// When a matrix is not positive definite.
    fn prepare(&self, params: &[f64], cache: &mut [f64]) -> Result<(), MixtureError>;

    /// Adds `E_q[log p(row | params)]` to `out`, latents of the row alone maximised over their q.
    fn log_density(&self, cache: &[f64], block: &Block, out: &mut [f64], scratch: &mut [f64]);

    /// Adds the sums of the block under `weights` to `stats`.
    ///
    /// Sums are best taken about a pivot that `cache` fixes (the current mean), so that nothing cancels. Weights of padding
    /// are 0.
    fn accumulate(&self, cache: &[f64], block: &Block, weights: &[f64], stats: &mut [f64], scratch: &mut [f64]);

    /// Moves the natural parameters by `rate` of the way to prior plus `stats`; all the way is coordinate ascent.
    fn update(&self, params: &mut [f64], stats: &[f64], rate: f64);

    /// KL(q || prior) of one component.
    fn kl(&self, params: &[f64], cache: &[f64]) -> f64;

    /// Overwrites `row` with the mean of a row under the point estimates.
    fn centre(&self, params: &[f64], row: &mut [f64]);

    /// Looks at every cell.
    ///
    /// # Errors
    /// At the first cell that this kind cannot explain. A cell that is let through and has no density ends the fit with
    /// [`MixtureError::NoDensity`].
    fn check(&self, _block: &Block) -> Result<(), MixtureError> {
        Ok(())
    }

    /// Adds the part of the log density that is the same for every component and every q; `out` has a place for each row.
    fn log_base(&self, _block: &Block, _out: &mut [f64]) {}

    /// Length of the working space for a block with this stride.
    fn num_scratch(&self, _stride: usize) -> usize {
        0
    }

    /// What a user should know about the prior, such as a regularisation.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// How all components move together, where they learn something in common.
    fn shared(&self) -> Option<&dyn SharedParams> {
        None
    }
}

/// Components whose parameters are partly the same for all, such as one covariance.
///
/// Every component's slice repeats what is shared.
pub trait SharedParams {
    /// [`Component::update`] of all components, one after the other in the slices.
    fn update_all(&self, params: &mut [f64], stats: &[f64], rate: f64);

    /// KL(q || prior) of all components together; what they share counts once.
    fn kl_all(&self, params: &[f64], caches: &[f64]) -> f64;
}

/// A component that predicts rows, names its parameters and draws them.
pub trait Generative: Component {
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
}

/// Updates all components, one after the other in the slices.
pub(super) fn update_all(component: &impl Component, params: &mut [f64], stats: &[f64], rate: f64) {
    if let Some(shared) = component.shared() {
        return shared.update_all(params, stats, rate);
    }
    let each = params.chunks_exact_mut(component.num_params()).zip(stats.chunks_exact(component.num_stats()));
    each.for_each(|(p, s)| component.update(p, s, rate));
}

/// KL(q || prior) of all components.
pub(super) fn kl_all(component: &impl Component, params: &[f64], caches: &[f64]) -> f64 {
    if let Some(shared) = component.shared() {
        return shared.kl_all(params, caches);
    }
    let each = params.chunks_exact(component.num_params()).zip(caches.chunks_exact(component.num_cache()));
    each.map(|(p, c)| component.kl(p, c)).sum()
}
