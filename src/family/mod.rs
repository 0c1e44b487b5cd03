//! Variational families q(z; params): parameters are a flat, unconstrained slice owned by the algorithm.
//!
//! A family never sees a target: it samples, evaluates its own log density, and carries gradients with respect
//! to draws back to its parameters.

mod full_rank;
pub(crate) mod lanes;
mod mean_field;

pub use full_rank::FullRank;
pub use mean_field::MeanField;

use crate::model::{Draws, RowSet};
use crate::streams::Streams;

/// A parametric density q(z; params) over the unconstrained latents of a model.
pub trait Family: Sync {
    /// Length of `params`.
    fn num_params(&self) -> usize;

    /// Overwrites the `z.num_draws` draws of `z`, noise keyed by `streams`, the draw and the latent.
    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws);

    /// Overwrites `log_q[d] = log q(z_d; params)`, with every constant.
    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]);

    /// `grad += sum_d weights[d] * d log q(z_d; params) / d params` with `z` fixed.
    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]);

    /// `E_q[-log q]` where it is known in closed form.
    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64>;

    /// `grad += weight * d entropy / d params`; does nothing where the entropy is not known.
    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]);

    /// Parameters of a q around `centre` (the real latents) with standard deviation `scale`.
    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64>;

    /// The centre of q for the real latents outside of rows: where reports and restarts look.
    fn centre(&self, params: &[f64]) -> Vec<f64>;

    /// A short name for reports.
    fn name(&self) -> String;
}

/// The law of a family's noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseLaw {
    /// Independent standard normal.
    Normal,
    /// Independent uniform on (0, 1).
    Uniform,
}

/// A family whose draws are a differentiable function of its parameters: `z = T(params, noise)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be reparameterised",
    label = "this family has no transform of noise",
    note = "pathwise gradients need `z = T(params, noise)`; use the `ScoreFunction` estimator for discrete latents"
)]
pub trait Reparam: Family {
    /// Numbers of noise in one draw.
    fn num_noise(&self, rows: &RowSet) -> usize;

    /// The law of the noise.
    fn noise_law(&self) -> NoiseLaw {
        NoiseLaw::Normal
    }

    /// Overwrites `z` with `T(params, noise)`; `noise` is `[element][draw]`.
    fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws);

    /// `grad += sum_d (d T(params, noise_d) / d params)' z_bar_d`.
    fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]);

    /// Overwrites `grad_z` with `d log q(z_d; params) / d z_d`.
    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws);
}

/// Fills `noise` for the draws of a family from its law.
pub fn fill_noise(law: NoiseLaw, streams: Streams, num_draws: usize, noise: &mut [f64]) {
    match law {
        NoiseLaw::Normal => streams.fill_normal(num_draws, noise),
        NoiseLaw::Uniform => streams.fill_uniform(num_draws, noise),
    }
}

/// `ln sqrt(2 pi)`
pub(crate) const LN_SQRT_2_PI: f64 = 0.918_938_533_204_672_7;
