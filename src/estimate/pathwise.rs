//! The reparameterisation (pathwise) gradient of the ELBO.

use super::{Estimate, GradientEstimator, Space, Task, scale_draws};
use crate::family::Reparam;
use crate::target::{DensityError, Differentiable};

/// The form in which the entropy of q enters the gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entropy {
    /// In closed form where the family knows it, else by Monte Carlo.
    #[default]
    ClosedForm,
    /// By Monte Carlo with the total derivative of `log q`.
    MonteCarlo,
}

/// `1/S sum_s (d T / d params)' grad_z log p(z_s) + d H[q] / d params`, with `z_s = T(params, noise_s)`.
///
/// With [`Entropy::MonteCarlo`] the entropy's gradient is `-1/S sum_s d/d params log q(T(params, noise_s); params)`,
/// which for location-scale families equals the closed form draw by draw. Unbiased. *Assumes* a density with a gradient, no
/// jumps, and a family with a transform. *Cost*: one model gradient a draw.
///
/// *Rejected draws*: a density that vanishes outside of a set A jumps at its boundary. The objective is then the bound of
/// q restricted to A ([`Accepted`](crate::objective::Accepted)), and this gradient, a mean over the draws in A, lacks the
/// boundary's term: the flux of q through it as q moves, times `log p - log q` there less its mean over A, divided by q(A).
/// So does every pathwise gradient, of multi-sample bounds and of fixed draws too. The entropy in closed form is that of all of q besides.
/// [`ScoreFunction`](super::ScoreFunction) has the whole gradient; better still is a latent with a support, of which no
/// draw is rejected.
///
/// *Source*: Kingma and Welling 2014, section 2.3; Titsias and Lázaro-Gredilla 2014.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pathwise {
    /// The form in which the entropy enters: closed, or by the draws.
    pub entropy: Entropy,
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for Pathwise {
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        space.draw(of)?;
        space.differentiate(of)?;
        let Task { family, at, .. } = *of;
        let rejected = space.reject();
        let again = space.add_theta(of, rejected)?;
        space.weigh();
        let closed = match self.entropy {
            Entropy::ClosedForm => family.entropy(at.params, at.rows),
            Entropy::MonteCarlo => None,
        };
        let value = space.bound(of, rejected, closed);
        match closed {
            Some(_) if rejected < at.num_draws => family.add_entropy_gradient(at.params, at.rows, 1.0, &mut space.grad),
            Some(_) => {}
            None => monte_carlo_entropy(of, space),
        }
        space.pullback(of);
        Ok(Estimate { value, rejected, evaluations: at.num_draws + again })
    }
}

/// Takes `d log q / d z` off `z_bar` and the score off `grad`.
fn monte_carlo_entropy<T: ?Sized, F: Reparam + ?Sized>(of: &Task<T, F>, space: &mut Space) {
    space.differentiate_q(of);
    scale_draws(&mut space.q_bar, &space.weights);
    space.subtract_q();
    space.weights.iter_mut().for_each(|w| *w = -*w);
    space.score(of);
}
