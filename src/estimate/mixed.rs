//! A mixture of the plain pathwise gradient and sticking the landing.

use super::{Estimate, GradientEstimator, Space, Task};
use crate::family::Reparam;
use crate::model::Draws;
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
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        let share = self.share;
        if !share.is_finite() {
            let words = format!("a share of {share} of sticking the landing; choose one from 0 to 1");
            return Err(DensityError::setting(words));
        }
        space.draw(of)?;
        space.differentiate(of)?;
        space.differentiate_q(of);
        let Task { family, at, .. } = *of;
        let entropy = family.entropy(at.params, at.rows);
        // With the entropy in closed form the path through log q is the share's alone; else both have it.
        let path = if entropy.is_some() { share } else { 1.0 };
        let Draws { latents, row_latents, .. } = &mut space.q_bar;
        latents.iter_mut().chain(row_latents).for_each(|g| *g *= path);
        space.subtract_q();
        let rejected = space.reject();
        let again = space.add_theta(of, rejected)?;
        space.weigh();
        let value = space.bound(of, rejected, entropy);
        space.pullback(of);
        match entropy {
            Some(_) if rejected < at.num_draws => {
                family.add_entropy_gradient(at.params, at.rows, 1.0 - share, &mut space.grad);
            }
            Some(_) => {}
            None => {
                space.weights.iter_mut().for_each(|w| *w *= share - 1.0);
                space.score(of);
            }
        }
        Ok(Estimate { value, rejected, evaluations: at.num_draws + again })
    }
}
