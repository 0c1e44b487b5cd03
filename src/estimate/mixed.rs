//! A mixture of the plain pathwise gradient and sticking the landing.

use super::pathwise::subtract;
use super::{Estimate, GradientEstimator, Point, Space, scale_draws};
use crate::family::Reparam;
use crate::target::{DensityError, Differentiable};

/// `(1 - share) Pathwise + share StickingTheLanding`, from the same draws.
///
/// Unbiased for every `share` fixed before the draws. Share 1 is best near the optimum of a rich family, where it has
/// no noise; share 0 where q is much narrower than the posterior. A share between them costs no more than either.
///
/// *Assumes* what [`Pathwise`](super::Pathwise) does. *Cost*: one model gradient a draw. Families without a closed entropy use its Monte Carlo estimate.
///
/// *Source*: Geffner and Domke 2018, "Using large ensembles of control variates", for mixtures of estimators.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixed {
    /// The share of sticking the landing; any finite number, meant for 0 to 1.
    pub share: f64,
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for Mixed {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        if !self.share.is_finite() {
            return Err(DensityError(format!(
                "a share of {} of sticking the landing; choose one from 0 to 1",
                self.share
            )));
        }
        space.draw(family, target.layout(), at)?;
        let Space { z, z_bar, pass, grad_theta: theta_bar, .. } = &mut *space;
        target.log_density_and_gradient(at.theta, z, at.rows, pass, z_bar, theta_bar)?;
        family.grad_log_q(at.params, at.rows, &space.z, &mut space.q_bar);
        let entropy = family.entropy(at.params, at.rows);
        // With the entropy in closed form the path through log q is the share's alone; else both have it.
        let path = if entropy.is_some() { self.share } else { 1.0 };
        let Space { q_bar, z_bar, .. } = &mut *space;
        q_bar.latents.iter_mut().chain(&mut q_bar.row_latents).for_each(|g| *g *= path);
        subtract(&q_bar.latents, &mut z_bar.latents);
        subtract(&q_bar.row_latents, &mut z_bar.row_latents);
        let rejected = space.reject();
        let again = space.add_theta(target, at, rejected, grad_theta)?;
        scale_draws(&mut space.z_bar, &space.weights);
        let value = space.bound(family, at, rejected, entropy);
        family.pullback(at.params, at.rows, &space.noise, &space.z, &space.z_bar, grad);
        match entropy {
            Some(_) if rejected < at.num_draws => {
                family.add_entropy_gradient(at.params, at.rows, 1.0 - self.share, grad);
            }
            Some(_) => {}
            None => {
                space.weights.iter_mut().for_each(|w| *w *= self.share - 1.0);
                family.score(at.params, at.rows, &space.z, &space.weights, grad);
            }
        }
        Ok(Estimate { value, rejected, evaluations: at.num_draws + again })
    }
}
