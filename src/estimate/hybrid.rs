//! Pathwise in the real block, a method of choice in the discrete one.

use super::discrete::{DiscreteGradient, LanesState, LeaveOneOut};
use super::{Estimate, GradientEstimator, Point, Space, Task, ln_accepted};
use crate::family::{DISCRETE, Family, Product, Reparam};
use crate::target::{DensityError, Differentiable};

/// How the gradient of the real block is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RealGradient {
    /// Reparameterisation, with the real family's entropy in closed form where it is known, else without the score.
    #[default]
    Pathwise,
    /// Sticking the landing: the path derivative alone.
    StickingTheLanding,
}

/// With `(z_s, k_s) ~ F G`: in the parameters of `F`
/// `1/S sum_s (d z_s / d params)' grad_z log p(z_s, k_s) + d H[F] / d params`, in those of `G` the gradient of `discrete`
/// given the `z_s`: [`LeaveOneOut`], [`Enumerate`](super::Enumerate), [`LocalExpectation`](super::LocalExpectation),
/// [`DisArm`](super::DisArm), [`Arm`](super::Arm),
/// [`UnorderedSet`](super::UnorderedSet), [`Rebar`](super::Rebar), [`Relax`](super::Relax), or with bias
/// [`GumbelSoftmax`](super::GumbelSoftmax) and [`StraightThrough`](super::StraightThrough).
///
/// Where the method knows the density at several values of `k` for one `z_s`, the gradient in `z_s` (and in theta) is
/// averaged over them by their probability. Unbiased: given the integers the real block is an ordinary
/// reparameterised one, and given the noise the integers are a problem of their own, whose score has mean zero.
/// Evaluations are `S` times the lanes of `discrete`.
///
/// *Rejected draws*: the real block lacks the boundary's term, as [`Pathwise`](super::Pathwise) says. The integers have
/// the whole gradient by [`LeaveOneOut`]; by a method of several lanes, where the density is finite at all values of the
/// integers or at none, since a draw with a lane that is not finite is left out.
///
/// *Source*: Schulman, Heess, Weber and Abbeel 2015, theorem 1, for one stochastic node of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hybrid<D = LeaveOneOut> {
    /// The real block's gradient.
    pub real: RealGradient,
    /// The integers' gradient.
    pub discrete: D,
}

impl<T, F, G, D> GradientEstimator<T, Product<F, G>> for Hybrid<D>
where
    T: Differentiable + ?Sized,
    F: Reparam,
    G: Family,
    D: DiscreteGradient<G>,
{
    type State = LanesState<D::State>;

    fn init(&self, _: &T, _: &Product<F, G>) -> Self::State {
        LanesState::default()
    }

    fn estimate(
        &self,
        of: &Task<T, Product<F, G>>,
        LanesState { learned, lanes }: &mut Self::State,
        space: &mut Space,
    ) -> Result<Estimate, DensityError> {
        let Task { target, family, at } = *of;
        let (real, discrete) = (family.real(), family.discrete());
        let (own, other) = family.split(at.params);
        let of_real = Task { target, family: real, at: Point { params: own, ..at } };
        let of_integers = Point { params: other, streams: at.streams.purpose(DISCRETE), ..at };
        let shape = self.discrete.shape(discrete, at.rows, at.num_draws)?;
        space.resize(target.layout(), &at);
        space.fill(real, &of_real.at)?;
        lanes.resize(shape, target.layout(), &at);
        lanes.spread_reals(&space.z);
        self.discrete.set(discrete, &of_integers, learned, lanes);
        lanes.differentiate(target, &at, shape.num_differentiated, space.pass.data_weight)?;
        space.evaluate_q(&of_real);
        let rejected = lanes.reject(&space.log_q);
        let mut evaluations = shape.evaluations() * at.num_draws;
        if rejected == at.num_draws {
            return Ok(Estimate { value: f64::NAN, rejected, evaluations });
        }
        space.weights.copy_from_slice(&lanes.share);
        lanes.gather_reals(&mut space.z_bar);
        let closed = match self.real {
            RealGradient::Pathwise => real.entropy(own, at.rows),
            RealGradient::StickingTheLanding => None,
        };
        if closed.is_none() {
            space.differentiate_q(&of_real);
            space.subtract_q();
        }
        silence(space);
        space.weigh();
        let Space { noise, z, z_bar, grad, grad_theta, .. } = &mut *space;
        let (real_grad, discrete_grad) = family.split_mut(grad);
        if closed.is_some() {
            real.add_entropy_gradient(own, at.rows, 1.0, real_grad);
        }
        real.pullback(own, at.rows, noise, z, z_bar, real_grad);
        let value = self.discrete.add_gradient(discrete, &of_integers, learned, lanes, discrete_grad);
        if !grad_theta.is_empty() {
            evaluations += lanes.add_theta(target, &at, rejected, grad_theta)?;
        }
        Ok(Estimate { value: value + ln_accepted(&at, rejected), rejected, evaluations })
    }
}

/// Sets the gradients of rejected draws to zero: a weight of zero does not silence one that is not finite.
pub(super) fn silence(space: &mut Space) {
    let draws = space.z_bar.num_draws;
    for (d, _) in space.weights.iter().enumerate().filter(|(_, w)| **w == 0.0) {
        for block in [&mut space.z_bar.latents, &mut space.z_bar.row_latents] {
            block.iter_mut().skip(d).step_by(draws).for_each(|g| *g = 0.0);
        }
    }
}
