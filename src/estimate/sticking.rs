//! Sticking the landing: the pathwise gradient without the score term.

use super::{Estimate, GradientEstimator, Space, Task};
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
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        space.draw(of)?;
        space.differentiate(of)?;
        space.differentiate_q(of);
        space.subtract_q();
        let rejected = space.reject();
        let evaluations = of.at.num_draws + space.add_theta(of, rejected)?;
        space.weigh();
        space.pullback(of);
        Ok(Estimate { value: space.bound(of, rejected, None), rejected, evaluations })
    }
}
