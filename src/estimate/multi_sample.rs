//! Pathwise gradients of multi-sample objectives, plain and doubly reparameterised.

use super::groups::{accepted_groups, evaluate, num_groups, subtract_weighted_q};
use super::{Estimate, GradientEstimator, Space, Task, independent};
use crate::family::Reparam;
use crate::objective::{Objective, ObjectiveError, TwiceDifferentiable};
use crate::target::{DensityError, Differentiable};

/// `sum_k w_k d log_weights_k / d params` with `w_k = d objective / d log_weights_k`, the log weights
/// `log p(z_k) - log q(z_k)` of `particles` draws `z_k = T(params, noise_k)`: the gradient of any [`Objective`].
///
/// With [`ImportanceWeighted`](crate::objective::ImportanceWeighted) that of the importance-weighted bound, with
/// [`Renyi`](crate::objective::Renyi) that of the Renyi bound, with an objective of your own that of your function of the
/// log weights:
///
/// ```
/// use jensen::estimate::MultiSamplePathwise;
/// use jensen::objective::Objective;
///
/// /// The mean of `tanh(log_weights)`, which no single draw can run away with.
/// struct Robust;
///
/// impl Objective for Robust {
///     fn value_and_weights(&self, log_weights: &[f64], weights: &mut [f64]) -> f64 {
///         let share = 1.0 / log_weights.len() as f64;
///         weights.iter_mut().zip(log_weights).for_each(|(w, l)| *w = share * (1.0 - l.tanh().powi(2)));
///         log_weights.iter().map(|l| share * l.tanh()).sum()
///     }
/// }
///
/// let estimator = MultiSamplePathwise { objective: Robust, particles: 8 };
/// ```
///
/// The draws of a step are averaged in groups of `particles`, their number a multiple of it. The gradient of the
/// reported value at fixed noise, hence unbiased for its expectation. *Assumes* all rows in each step: minibatches
/// are refused. For the importance-weighted bound its signal-to-noise ratio falls as `sqrt(groups / particles)`;
/// [`DoublyReparameterized`] has the same mean and no such fall. With another design than independent draws the bound is
/// that of draws so spread, still below log p(x). *Rejected draws* weigh nothing, and the boundary's term is lacking, as
/// [`Pathwise`](super::Pathwise) says.
///
/// *Cost*: one model gradient a draw, and where the model has parameters theta one value besides, since theta's
/// gradient needs the weights first.
///
/// # Errors
/// When the number of draws is no multiple of `particles`, for a minibatch, or for settings out of the objective's range.
///
/// *Source*: Burda, Grosse and Salakhutdinov 2016; the fall: Rainforth et al. 2018; the Renyi bound: Li and Turner 2016, with
/// every draw kept in the gradient and not one chosen by weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MultiSamplePathwise<O> {
    /// The function of the log weights that is maximised.
    pub objective: O,
    /// Draws `K` under one objective.
    pub particles: usize,
}

/// `sum_k (w_k - d w_k / d log_weights_k) (d T / d params)' [grad_z log p(z_k) - grad_z log q(z_k)]` with the weights of
/// [`MultiSamplePathwise`]: the path alone, for every objective whose weights have derivatives.
///
/// Unbiased: the score that is left out, weighted by `w_k`, is itself reparameterised. The importance-weighted bound has the
/// weights `w_k^2`, the Renyi bound `alpha w_k + (1 - alpha) w_k^2`; the ELBO, or one particle, is
/// [`StickingTheLanding`](super::StickingTheLanding). For these zero where q is the posterior, and the signal-to-noise
/// ratio of the importance-weighted bound grows as `sqrt(groups * particles)`. *Assumes* draws independent of one another:
/// other designs are refused, and so are minibatches. Theta's gradient is `sum_k w_k grad_theta log p(z_k)`.
///
/// *Cost* and errors: as [`MultiSamplePathwise`], without the score.
///
/// *Source*: Tucker, Lawson, Gu and Maddison 2019, the estimator for the importance-weighted bound; for the Renyi bound
/// Daudel, Benton, Shi and Doucet 2023. For any objective the argument is theirs: given the other draws,
/// `E[w_k d log q(z_k) / d params]` is `E[(d w_k / d log_weights_k) (d T / d params)' grad_z log_weights_k]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoublyReparameterized<O> {
    /// The function of the log weights that is maximised.
    pub objective: O,
    /// Draws `K` under one objective.
    pub particles: usize,
}

impl<T, F, O> GradientEstimator<T, F> for MultiSamplePathwise<O>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
    O: Objective,
{
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        num_groups("a multi-sample objective", self.particles, &of.at)?;
        self.objective.check().map_err(worded)?;
        let estimate = evaluate(&self.objective, self.particles, of, space)?;
        subtract_weighted_q(space);
        space.pullback(of);
        space.weights.iter_mut().for_each(|w| *w = -*w);
        space.score(of);
        Ok(estimate)
    }
}

impl<T, F, O> GradientEstimator<T, F> for DoublyReparameterized<O>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
    O: TwiceDifferentiable,
{
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        num_groups("the doubly-reparameterised gradient", self.particles, &of.at)?;
        independent("the doubly-reparameterised gradient", &of.at)?;
        self.objective.check().map_err(worded)?;
        let estimate = evaluate(&self.objective, self.particles, of, space)?;
        subtract_weighted_q(space);
        // z_bar holds w_k / groups already, and weights is that number.
        let groups = accepted_groups(self.particles, &space.log_weights).count as f64;
        space.weights.iter_mut().for_each(|w| *w *= groups);
        let both = space.log_weights.chunks_exact(self.particles).zip(space.weights.chunks_exact_mut(self.particles));
        both.for_each(|(l, w)| self.objective.path_shares(l, w));
        space.weigh();
        space.pullback(of);
        Ok(estimate)
    }
}

fn worded(error: ObjectiveError) -> DensityError {
    DensityError::setting(error.to_string())
}
