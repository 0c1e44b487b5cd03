//! The score function latent by latent, each with the terms that contain it.

use super::super::{Estimate, GradientEstimator, Scratch, Space, Task, ln_accepted, too_few_draws};
use super::refuse_theta;
use crate::family::IndependentLatents;
use crate::target::{DensityError, Factored};

/// For each latent `i` of a family of independent latents: `1/(S-1) sum_s (f_is - mean f_i) d log q_i(z_is) / d params`,
/// where `f_i` is the sum of the terms of `log p` that contain `z_i`, less `log q_i(z_i)`.
///
/// What does not contain a latent has, given the draw, a mean-free product with its score: leaving it out is unbiased,
/// and a latent's variance depends on its neighbours instead of on the number of latents. The recorded program knows
/// the terms, in the precision of the target, over any number of `rows` blocks; only latents of rows need their rows to
/// be one block. Needs two draws, one evaluation a draw and no derivative.
///
/// *Rejected draws*: as [`ScoreFunction`](super::ScoreFunction). A term whose support ties a latent to others ties it to all
/// that they are in: in a step that it rejects a draw in, `f_i` is the whole signal. Where supports tie latents, steps without a
/// rejection leave a bias of O(1 / S); where each latent has its own, none.
///
/// *Source*: Ranganath, Gerrish and Blei 2014, section 3.1, equation 5; leave-one-out on top of it: Kool, van Hoof and
/// Welling 2019.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RaoBlackwell;

/// Buffers for each latent, `[latent][draw]`.
#[derive(Clone, Debug, Default)]
pub struct Locals {
    signals: Vec<f64>,
    log_q: Vec<f64>,
}

impl<T: Factored + ?Sized, F: IndependentLatents + ?Sized> GradientEstimator<T, F> for RaoBlackwell {
    type State = Scratch<Locals>;

    fn init(&self, _: &T, _: &F) -> Self::State {
        Scratch::default()
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut Self::State, space: &mut Space) -> Result<Estimate, DensityError> {
        let Locals { signals, log_q } = &mut state.buffers;
        let Task { target, family, at } = *of;
        if at.num_draws < 2 {
            return Err(too_few_draws("the Rao-Blackwellised score function", 2, at.num_draws));
        }
        refuse_theta(target, "the Rao-Blackwellised score function")?;
        space.sample(of)?;
        let Space { z, pass, weights, log_weights, grad, .. } = space;
        target.local_log_density(at.theta, z, at.rows, pass, signals)?;
        log_q.resize(signals.len(), 0.0);
        family.log_q_each(at.params, at.rows, z, log_q);
        let mut accepted = 0;
        for (w, f) in weights.iter_mut().zip(&pass.log_density) {
            accepted += usize::from(f.is_finite());
            *w = if f.is_finite() { 1.0 } else { 0.0 };
        }
        let mut value = dot(&pass.log_density, weights);
        let share = if accepted > 1 { 1.0 / (accepted - 1) as f64 } else { 0.0 };
        let rejected = at.num_draws - accepted;
        if rejected > 0 {
            log_weights.copy_from_slice(&pass.log_density);
            for q in log_q.chunks_exact(at.num_draws) {
                log_weights.iter_mut().zip(q).for_each(|(f, q)| *f -= q);
            }
        }
        for (f, q) in signals.chunks_exact_mut(at.num_draws).zip(log_q.chunks_exact(at.num_draws)) {
            f.iter_mut().zip(q).for_each(|(f, q)| *f -= q);
            if rejected > 0 && f.iter().any(|f| !f.is_finite()) {
                f.copy_from_slice(log_weights);
            }
            let mean = dot(f, weights) / accepted as f64;
            value -= dot(q, weights);
            f.iter_mut().zip(&*weights).for_each(|(f, w)| *f = if *w > 0.0 { share * (*f - mean) } else { 0.0 });
        }
        family.score_each(at.params, at.rows, z, signals, grad);
        let value = value / accepted as f64 + ln_accepted(&at, rejected);
        Ok(Estimate { value, rejected, evaluations: at.num_draws })
    }
}

/// `sum_d values_d` over the draws that count.
fn dot(values: &[f64], counts: &[f64]) -> f64 {
    values.iter().zip(counts).filter(|(_, c)| **c > 0.0).map(|(v, _)| v).sum()
}
