//! Sticking the landing: the pathwise gradient without the score term.

use super::pathwise::subtract;
use super::{Estimate, GradientEstimator, Point, Space, scale_draws};
use crate::family::Reparam;
use crate::target::{DensityError, Differentiable};

/// `1/S sum_s (d T / d params)' [grad_z log p(z_s) - grad_z log q(z_s)]`: the path derivative alone.
///
/// Unbiased, since the score it leaves out has mean zero under q; its variance is exactly zero where q is the
/// posterior. It belongs to the ELBO: under the importance-weighted bound the same omission is wrong. *Assumes* a density
/// with a gradient and a family with a transform. *Cost*: one model gradient a draw, and the gradient of log q. *Rejected
/// draws*: it lacks the boundary's term alone, as [`Pathwise`](super::Pathwise) says.
///
/// *Source*: Roeder, Wu and Duvenaud 2017, equation 6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StickingTheLanding;

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for StickingTheLanding {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        space.draw(family, target.layout(), at)?;
        let Space { z, z_bar, pass, grad_theta: theta_bar, .. } = &mut *space;
        target.log_density_and_gradient(at.theta, z, at.rows, pass, z_bar, theta_bar)?;
        family.grad_log_q(at.params, at.rows, &space.z, &mut space.q_bar);
        subtract(&space.q_bar.latents, &mut space.z_bar.latents);
        subtract(&space.q_bar.row_latents, &mut space.z_bar.row_latents);
        let rejected = space.reject();
        let again = space.add_theta(target, at, rejected, grad_theta)?;
        scale_draws(&mut space.z_bar, &space.weights);
        let value = space.bound(family, at, rejected, None);
        family.pullback(at.params, at.rows, &space.noise, &space.z, &space.z_bar, grad);
        Ok(Estimate { value, rejected, evaluations: at.num_draws + again })
    }
}
