//! Pathwise gradients of multi-sample bounds: importance weighted, Renyi, and both doubly reparameterised.

use super::groups::{accepted_groups, evaluate, num_groups, subtract_weighted_q};
use super::{Estimate, GradientEstimator, Point, Space, independent, scale_draws};
use crate::family::Reparam;
use crate::objective::{ImportanceWeighted, Objective, Renyi};
use crate::target::{DensityError, Differentiable};

/// `sum_k w_k d log_weights_k / d params` with `w = softmax(log_weights)`: the gradient of the importance-weighted bound
/// `log 1/K sum_k exp(log_weights_k)`, `log_weights_k = log p(z_k) - log q(z_k)`, `z_k = T(params, noise_k)`.
///
/// The draws of a step are averaged in groups of `particles`, their number a multiple of it. The gradient of the
/// reported value at fixed noise, hence unbiased for its expectation. *Assumes* all rows in each step: minibatches
/// are refused. Its signal-to-noise ratio falls as `sqrt(groups / particles)`; [`DoublyReparameterized`] has the same
/// mean and no such fall. With another design than independent draws the bound is that of draws so spread, still
/// below log p(x). *Rejected draws* weigh nothing, and the boundary's term is lacking, as
/// [`Pathwise`](super::Pathwise) says.
///
/// *Cost*: one model gradient a draw, and where the model has parameters theta one value besides, since theta's
/// gradient needs the weights first.
///
/// # Errors
/// When the number of draws is no multiple of `particles`, or for a minibatch.
///
/// *Source*: Burda, Grosse and Salakhutdinov 2016; the fall: Rainforth et al. 2018.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportanceWeightedPathwise {
    /// Draws `K` under one logarithm.
    pub particles: usize,
}

/// As [`ImportanceWeightedPathwise`] for the Renyi bound
/// `1/(1 - alpha) log 1/K sum_k exp((1 - alpha) log_weights_k)`, `w = softmax((1 - alpha) log_weights)`.
///
/// `alpha` 0 is the importance-weighted bound, 1 the ELBO. Unbiased for the bound of `K` draws, which for `alpha > 0`
/// lies below log p(x) and for `alpha < 0` may lie above it; as an estimate of the divergence of infinitely many
/// draws it is biased by O(1/K).
///
/// *Source*: Li and Turner 2016, with every draw kept in the gradient and not one chosen by weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RenyiPathwise {
    /// Order of the divergence; any finite number.
    pub alpha: f64,
    /// Draws `K` under one logarithm.
    pub particles: usize,
}

/// `sum_k (alpha w_k + (1 - alpha) w_k^2) (d T / d params)' [grad_z log p(z_k) - grad_z log q(z_k)]` with
/// `w = softmax((1 - alpha) log_weights)`: the path alone, for the bound of [`RenyiPathwise`].
///
/// Unbiased: the score that is left out, weighted by `w_k`, is itself reparameterised. `alpha` 0, the importance-weighted
/// bound, has the weights `w_k^2`; `alpha` 1, or one particle, is [`StickingTheLanding`](super::StickingTheLanding).
/// Zero where q is the posterior, and the signal-to-noise ratio grows as `sqrt(groups * particles)`. *Assumes* draws
/// independent of one another: other designs are refused, and so are minibatches. Theta's gradient is
/// `sum_k w_k grad_theta log p(z_k)`.
///
/// *Cost* and errors: as [`ImportanceWeightedPathwise`], without the score.
///
/// *Source*: Tucker, Lawson, Gu and Maddison 2019, the estimator for the importance-weighted bound; for `alpha` other
/// than 0 Daudel, Benton, Shi and Doucet 2023.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DoublyReparameterized {
    /// Order of the divergence; 0 for the importance-weighted bound.
    pub alpha: f64,
    /// Draws `K` under one logarithm.
    pub particles: usize,
}

impl DoublyReparameterized {
    /// For the importance-weighted bound of `particles` draws.
    pub fn new(particles: usize) -> Self {
        DoublyReparameterized { alpha: 0.0, particles }
    }
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for ImportanceWeightedPathwise {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        num_groups("the importance-weighted bound", self.particles, at)?;
        total(&ImportanceWeighted, self.particles, (target, family), at, space, (grad, grad_theta))
    }
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for RenyiPathwise {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        num_groups("the Renyi bound", self.particles, at)?;
        finite(self.alpha)?;
        total(&Renyi { alpha: self.alpha }, self.particles, (target, family), at, space, (grad, grad_theta))
    }
}

/// The total derivative: path and score.
fn total<T, F>(
    objective: &impl Objective,
    particles: usize,
    (target, family): (&T, &F),
    at: &Point,
    space: &mut Space,
    (grad, grad_theta): (&mut [f64], &mut [f64]),
) -> Result<Estimate, DensityError>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
{
    let estimate = evaluate(objective, particles, (target, family), at, space, grad_theta)?;
    subtract_weighted_q(space);
    family.pullback(at.params, at.rows, &space.noise, &space.z, &space.z_bar, grad);
    space.weights.iter_mut().for_each(|w| *w = -*w);
    family.score(at.params, at.rows, &space.z, &space.weights, grad);
    Ok(estimate)
}

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for DoublyReparameterized {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        num_groups("the doubly-reparameterised gradient", self.particles, at)?;
        independent("the doubly-reparameterised gradient", at)?;
        finite(self.alpha)?;
        let objective = Renyi { alpha: self.alpha };
        let estimate = evaluate(&objective, self.particles, (target, family), at, space, grad_theta)?;
        subtract_weighted_q(space);
        // z_bar holds w_k / groups already, and weights is that number.
        let groups = accepted_groups(self.particles, &space.log_weights).count as f64;
        for w in &mut space.weights {
            *w = self.alpha + (1.0 - self.alpha) * *w * groups;
        }
        scale_draws(&mut space.z_bar, &space.weights);
        family.pullback(at.params, at.rows, &space.noise, &space.z, &space.z_bar, grad);
        Ok(estimate)
    }
}

fn finite(alpha: f64) -> Result<(), DensityError> {
    match alpha.is_finite() {
        true => Ok(()),
        false => Err(DensityError(format!("a Renyi bound of order {alpha}; choose a finite order, such as 0.5"))),
    }
}
