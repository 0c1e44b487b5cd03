//! Pathwise in the real block, score function in the discrete one.

use super::pathwise::subtract;
use super::{Estimate, GradientEstimator, Point, Space, add_theta, scale_draws, theta_of_accepted, too_few_draws};
use crate::family::{Family, Product, Reparam};
use crate::target::{DensityError, Differentiable};

/// How the gradient of the real block is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RealGradient {
    /// Reparameterisation, with the real family's entropy in closed form where it is known, else without the score.
    #[default]
    Pathwise,
    /// Sticking the landing: the path derivative alone.
    StickingTheLanding,
}

/// With `(z_s, k_s) ~ F G` and `f_s = log p(z_s, k_s) - log F(z_s) - log G(k_s)`: in the parameters of `F`
/// `1/S sum_s (d z_s / d params)' grad_z log p(z_s, k_s) + d H[F] / d params`, in those of `G`
/// `1/(S-1) sum_s (f_s - mean f) d log G(k_s) / d params`.
///
/// Unbiased: given the integers the real block is an ordinary reparameterised one, and given the noise the integers
/// are an ordinary score-function problem whose own score has mean zero. Needs two draws.
///
/// *Source*: Schulman, Heess, Weber and Abbeel 2015, theorem 1, for one stochastic node of each kind; the
/// leave-one-out baseline of Kool, van Hoof and Welling 2019.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hybrid {
    /// The real block's gradient.
    pub real: RealGradient,
}

impl<T, F, G> GradientEstimator<T, Product<F, G>> for Hybrid
where
    T: Differentiable + ?Sized,
    F: Reparam,
    G: Family,
{
    fn estimate(
        &self,
        target: &T,
        family: &Product<F, G>,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        if at.num_draws < 2 {
            return Err(too_few_draws("the hybrid gradient", 2, at.num_draws));
        }
        let (real, discrete) = (family.real(), family.discrete());
        let (own, other) = family.split(at.params);
        let (real_grad, discrete_grad) = family.split_mut(grad);
        space.draw(real, target.layout(), &Point { params: own, ..*at });
        family.sample_discrete(at.params, at.rows, at.streams, &mut space.z);
        let Space { z, z_bar, pass, grad_theta: theta_bar, .. } = &mut *space;
        target.log_density_and_gradient(at.theta, z, at.rows, pass, z_bar, theta_bar)?;
        let rejected = space.reject();
        let again = theta_of_accepted(target, at, space, rejected)?;
        family.log_q(at.params, at.rows, &space.z, &mut space.log_q);
        let closed = match self.real {
            RealGradient::Pathwise => real.entropy(own, at.rows),
            RealGradient::StickingTheLanding => None,
        };
        if closed.is_none() {
            real.grad_log_q(own, at.rows, &space.z, &mut space.q_bar);
            subtract(&space.q_bar.latents, &mut space.z_bar.latents);
            subtract(&space.q_bar.row_latents, &mut space.z_bar.row_latents);
        } else if rejected < at.num_draws {
            real.add_entropy_gradient(own, at.rows, 1.0, real_grad);
        }
        scale_draws(&mut space.z_bar, &space.weights);
        real.pullback(own, at.rows, &space.noise, &space.z, &space.z_bar, real_grad);
        let value = leave_one_out(space, at.num_draws - rejected);
        discrete.score(other, space.unweighted.of(at.rows), &space.z, &space.weights, discrete_grad);
        add_theta(space, at.num_draws - rejected, grad_theta);
        Ok(Estimate { value, rejected, evaluations: at.num_draws + again })
    }
}

/// Overwrites `weights` of the accepted draws with `(f - mean f) / (accepted - 1)` and returns `mean f`.
fn leave_one_out(space: &mut Space, accepted: usize) -> f64 {
    let Space { pass, log_q, log_weights, weights, .. } = space;
    let mut sum = 0.0;
    for (((f, p), q), w) in log_weights.iter_mut().zip(&pass.log_density).zip(&*log_q).zip(&*weights) {
        *f = if *w > 0.0 { p - q } else { 0.0 };
        sum += *f;
    }
    let mean = sum / accepted as f64;
    let share = if accepted > 1 { 1.0 / (accepted - 1) as f64 } else { 0.0 };
    for (w, f) in weights.iter_mut().zip(&*log_weights) {
        *w = if *w > 0.0 { share * (f - mean) } else { 0.0 };
    }
    mean
}
