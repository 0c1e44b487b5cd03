//! [`Space`]: the gradient of a step, and the numbers of its draws.

use super::{Point, Task, independent};
use crate::family::{Family, Reparam};
use crate::model::{Draws, Layout};
use crate::numerics::dot;
use crate::objective::Accepted;
use crate::target::{DensityError, Differentiable, LogDensity, Pass};

/// The gradient of a step, and the numbers of its draws that all estimators share; its buffers are kept between steps.
///
/// Nothing in it is read in a later step: what an estimator keeps is its
/// [`State`](super::GradientEstimator::State).
#[derive(Clone, Debug, Default)]
pub struct Space {
    /// The gradient in the parameters of q.
    pub grad: Vec<f64>,
    /// The gradient in the model's parameters theta.
    pub grad_theta: Vec<f64>,
    /// The parts of the objective's value, where the estimator tells them apart.
    pub terms: Option<Terms>,
    /// Noise of the draws, `[element][draw]`.
    pub noise: Vec<f64>,
    /// The draws of q.
    pub z: Draws,
    /// Gradients in the draws.
    pub z_bar: Draws,
    /// Gradients of log q in the draws.
    pub q_bar: Draws,
    /// `log q` of each draw.
    pub log_q: Vec<f64>,
    /// Log weights `log p - log q`.
    pub log_weights: Vec<f64>,
    /// Weight of each draw in the gradient.
    pub weights: Vec<f64>,
    /// Theta's gradient as the target gives it, summed over the draws.
    pub theta_bar: Vec<f64>,
    /// The target's results and scratch memory.
    pub pass: Pass,
    /// Scratch memory of a design.
    order: Vec<u32>,
}

/// The parts of a bound, in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Terms {
    /// `E_q[log p(x | z)]`.
    pub data: f64,
    /// `KL(q || prior)`, counted once, whatever its weight in the objective.
    pub kl: f64,
}

impl Space {
    /// Draws from a reparameterised family in the design of the point, keeping the noise.
    ///
    /// # Errors
    /// When the design does not allow this number of draws or of elements of noise.
    pub fn draw<T, F>(&mut self, of: &Task<T, F>) -> Result<(), DensityError>
    where
        T: LogDensity + ?Sized,
        F: Reparam + ?Sized,
    {
        self.resize(of.target.layout(), &of.at);
        self.fill(of.family, &of.at)
    }

    /// Overwrites noise and draws, which have their size.
    pub(super) fn fill<F: Reparam + ?Sized>(&mut self, family: &F, at: &Point) -> Result<(), DensityError> {
        self.noise.resize(family.num_noise(at.rows) * at.num_draws, 0.0);
        at.design.fill(family.noise_law(), at.streams, at.num_draws, &mut self.noise, &mut self.order)?;
        family.transform(at.params, at.rows, &self.noise, &mut self.z);
        Ok(())
    }

    /// Draws from any family, independently.
    ///
    /// # Errors
    /// For another design, which needs the noise of a reparameterised family.
    pub fn sample<T, F>(&mut self, of: &Task<T, F>) -> Result<(), DensityError>
    where
        T: LogDensity + ?Sized,
        F: Family + ?Sized,
    {
        independent("an estimator that draws without noise", &of.at)?;
        self.resize(of.target.layout(), &of.at);
        of.family.sample(of.at.params, of.at.rows, of.at.streams, &mut self.z);
        Ok(())
    }

    /// Gives every buffer the size of `at.num_draws` draws of `layout`, and the gradient zeros; `draw` and `sample` do so
    /// themselves.
    ///
    /// Allocates only when a buffer grows.
    pub fn resize(&mut self, layout: &Layout, at: &Point) {
        self.clear(at);
        let num_rows = at.rows.len(layout);
        self.z.resize(layout, num_rows, at.num_draws);
        self.z_bar.resize(layout, num_rows, at.num_draws);
        self.q_bar.resize(layout, num_rows, at.num_draws);
        self.log_q.resize(at.num_draws, 0.0);
        self.log_weights.resize(at.num_draws, 0.0);
        self.weights.resize(at.num_draws, 0.0);
        self.theta_bar.resize(layout.num_parameters, 0.0);
    }

    /// Sets the gradient to zeros.
    pub(super) fn clear(&mut self, at: &Point) {
        self.terms = None;
        for (grad, num) in [(&mut self.grad, at.params.len()), (&mut self.grad_theta, at.theta.len())] {
            grad.clear();
            grad.resize(num, 0.0);
        }
    }

    /// Overwrites `pass.log_density` with `log p` of each draw.
    ///
    /// # Errors
    /// As the target's.
    pub fn evaluate<T: LogDensity + ?Sized, F: ?Sized>(&mut self, of: &Task<T, F>) -> Result<(), DensityError> {
        of.target.log_density(of.at.theta, &self.z, of.at.rows, &mut self.pass)
    }

    /// As [`evaluate`](Self::evaluate), and overwrites `z_bar` and `theta_bar` with the gradients of `log p`.
    ///
    /// # Errors
    /// As the target's.
    pub fn differentiate<T: Differentiable + ?Sized, F: ?Sized>(
        &mut self,
        of: &Task<T, F>,
    ) -> Result<(), DensityError> {
        let Space { z, z_bar, pass, theta_bar, .. } = self;
        of.target.log_density_and_gradient(of.at.theta, z, of.at.rows, pass, z_bar, theta_bar)
    }

    /// Overwrites `log_q` with `log q` of each draw.
    pub fn evaluate_q<T: ?Sized, F: Family + ?Sized>(&mut self, of: &Task<T, F>) {
        of.family.log_q(of.at.params, of.at.rows, &self.z, &mut self.log_q);
    }

    /// Overwrites `q_bar` with the gradient of `log q` in the draws.
    pub fn differentiate_q<T: ?Sized, F: Reparam + ?Sized>(&mut self, of: &Task<T, F>) {
        of.family.grad_log_q(of.at.params, of.at.rows, &self.z, &mut self.q_bar);
    }

    /// `z_bar -= q_bar`.
    pub fn subtract_q(&mut self) {
        subtract(&self.q_bar.latents, &mut self.z_bar.latents);
        subtract(&self.q_bar.row_latents, &mut self.z_bar.row_latents);
    }

    /// Rejects the draws whose `pass.log_density` or `z_bar` is not finite, and returns how many there are.
    ///
    /// The gradient is then that of q restricted to the accepted draws, as far as it moves *within* their set A: that the
    /// boundary of A moves relative to q is seen by no gradient at the draws (see [`Pathwise`](super::Pathwise)). Overwrites `weights` with one over the number of accepted draws, zero for a rejected one, and `z_bar` of a
    /// rejected draw with zeros.
    pub fn reject(&mut self) -> usize {
        let n = self.z.num_draws;
        if all_finite(&self.pass.log_density) && all_finite(&self.z_bar.latents) && all_finite(&self.z_bar.row_latents)
        {
            self.weights.fill(1.0 / n as f64);
            return 0;
        }
        let mut rejected = 0;
        for d in 0..n {
            let finite = self.pass.log_density[d].is_finite()
                && lanes_finite(&self.z_bar.latents, n, d)
                && lanes_finite(&self.z_bar.row_latents, n, d);
            self.weights[d] = if finite { 1.0 } else { 0.0 };
            if !finite {
                rejected += 1;
                self.z_bar.latents.iter_mut().skip(d).step_by(n).for_each(|g| *g = 0.0);
                self.z_bar.row_latents.iter_mut().skip(d).step_by(n).for_each(|g| *g = 0.0);
            }
        }
        let share = 1.0 / (n - rejected).max(1) as f64;
        self.weights.iter_mut().for_each(|w| *w *= share);
        rejected
    }

    /// Multiplies each draw's `z_bar` with its entry of `weights`.
    pub fn weigh(&mut self) {
        scale_draws(&mut self.z_bar, &self.weights);
    }

    /// `grad += sum_s (d T / d params)' z_bar_s`: carries the gradients in the draws back to the parameters of q.
    pub fn pullback<T: ?Sized, F: Reparam + ?Sized>(&mut self, of: &Task<T, F>) {
        let Space { noise, z, z_bar, grad, .. } = self;
        of.family.pullback(of.at.params, of.at.rows, noise, z, z_bar, grad);
    }

    /// `grad += sum_s weights_s d log q(z_s) / d params`.
    pub fn score<T: ?Sized, F: Family + ?Sized>(&mut self, of: &Task<T, F>) {
        of.family.score(of.at.params, of.at.rows, &self.z, &self.weights, &mut self.grad);
    }

    /// `grad_theta += mean of theta's gradient over the accepted draws`, and returns the evaluations this took.
    ///
    /// A rejected draw poisons the sum in `theta_bar`, so that steps with one take a second pass over the other
    /// draws, which allocates. Call it right after `reject`.
    ///
    /// # Errors
    /// As the target's.
    pub fn add_theta<T, F>(&mut self, of: &Task<T, F>, rejected: usize) -> Result<usize, DensityError>
    where
        T: Differentiable + ?Sized,
        F: ?Sized,
    {
        let accepted = of.at.num_draws - rejected;
        if self.grad_theta.is_empty() || accepted == 0 {
            return Ok(0);
        }
        let again = if rejected > 0 { self.theta_of_accepted(of.target, &of.at, accepted)? } else { 0 };
        let share = 1.0 / accepted as f64;
        self.grad_theta.iter_mut().zip(&self.theta_bar).for_each(|(t, g)| *t += share * g);
        Ok(again)
    }

    /// Overwrites `theta_bar` with the sum over the accepted draws alone.
    fn theta_of_accepted<T: Differentiable + ?Sized>(
        &mut self,
        target: &T,
        at: &Point,
        accepted: usize,
    ) -> Result<usize, DensityError> {
        let z = chosen_draws(&self.z, &self.weights);
        let (mut pass, mut z_bar) = (Pass { data_weight: self.pass.data_weight, ..Pass::default() }, Draws::default());
        target.log_density_and_gradient(at.theta, &z, at.rows, &mut pass, &mut z_bar, &mut self.theta_bar)?;
        Ok(accepted)
    }

    /// The bound by the draws, after `reject`: the mean of `log p` plus `entropy`, or minus the mean of `log q` where that is
    /// none. Overwrites `log_q` in the latter case; NaN when no draw is accepted.
    ///
    /// With rejected draws it is the bound of q restricted to the others ([`Accepted`]), whose entropy is never `entropy`:
    /// the mean of `log p - log q` over the accepted draws, plus ln(their share).
    pub fn bound<T, F>(&mut self, of: &Task<T, F>, rejected: usize, entropy: Option<f64>) -> f64
    where
        T: ?Sized,
        F: Family + ?Sized,
    {
        if rejected == self.z.num_draws {
            return f64::NAN;
        }
        if rejected == 0
            && let Some(entropy) = entropy
        {
            return self.mean_log_density(0) + entropy;
        }
        self.evaluate_q(of);
        self.mean_log_density(rejected) - weighted_sum(&self.log_q, &self.weights) + ln_accepted(&of.at, rejected)
    }

    /// Mean of `pass.log_density` by the `weights` of `reject`, over the accepted draws.
    pub(super) fn mean_log_density(&self, rejected: usize) -> f64 {
        if rejected == 0 {
            return dot(&self.pass.log_density, &self.weights);
        }
        weighted_sum(&self.pass.log_density, &self.weights)
    }
}

/// What a mean over the accepted draws pays for the others: ln(their share).
pub(super) fn ln_accepted(at: &Point, rejected: usize) -> f64 {
    Accepted { count: at.num_draws - rejected, num_draws: at.num_draws }.ln_share()
}

/// Whether no number is infinite or NaN: `0 * x` is zero for every finite number and for no other.
pub(super) fn all_finite(values: &[f64]) -> bool {
    let chunks = values.chunks_exact(4);
    let rest = chunks.remainder();
    let mut partial = [0.0; 4];
    for chunk in chunks {
        for l in 0..4 {
            partial[l] += 0.0 * chunk[l];
        }
    }
    partial.iter().sum::<f64>() + rest.iter().map(|x| 0.0 * x).sum::<f64>() == 0.0
}

pub(super) fn lanes_finite(values: &[f64], num_draws: usize, draw: usize) -> bool {
    values.iter().skip(draw).step_by(num_draws).all(|g| g.is_finite())
}

/// `bar_d *= weight_d` for all latents; zero where the weight is, whatever `bar_d` is.
pub(super) fn scale_draws(bar: &mut Draws, weights: &[f64]) {
    let n = bar.num_draws;
    if n == 1 && weights[0] != 0.0 {
        let all = bar.latents.iter_mut().chain(&mut bar.row_latents);
        return all.for_each(|g| *g *= weights[0]);
    }
    for lane in bar.latents.chunks_exact_mut(n).chain(bar.row_latents.chunks_exact_mut(n)) {
        for (g, w) in lane.iter_mut().zip(weights) {
            *g = if *w == 0.0 { 0.0 } else { *g * w };
        }
    }
}

/// The draws of positive weight.
pub(super) fn chosen_draws(z: &Draws, weights: &[f64]) -> Draws {
    let n = z.num_draws;
    Draws {
        num_draws: weights.iter().filter(|w| **w > 0.0).count(),
        num_rows: z.num_rows,
        latents: chosen(&z.latents, weights, n),
        integers: chosen(&z.integers, weights, n),
        row_latents: chosen(&z.row_latents, weights, n),
        row_integers: chosen(&z.row_integers, weights, n),
    }
}

fn chosen<X: Copy>(lanes: &[X], weights: &[f64], num_draws: usize) -> Vec<X> {
    let kept =
        |lane: &[X]| -> Vec<X> { lane.iter().zip(weights).filter(|(_, w)| **w > 0.0).map(|(x, _)| *x).collect() };
    lanes.chunks_exact(num_draws).flat_map(kept).collect()
}

/// `sum_d weight_d value_d` over the draws that have a weight: a rejected draw may have no finite value.
pub(super) fn weighted_sum(values: &[f64], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(x, w)| if *w == 0.0 { 0.0 } else { w * x }).sum()
}

/// `to -= from`.
pub(super) fn subtract(from: &[f64], to: &mut [f64]) {
    for (t, f) in to.iter_mut().zip(from) {
        *t -= f;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_without_weight_count_for_nothing_whatever_they_hold() {
        let weights = [0.5, 0.0, 0.5, 0.0];
        let values = [2.0, f64::NAN, 4.0, f64::NEG_INFINITY];
        assert_eq!(weighted_sum(&values, &weights), 3.0);
        let mut bar = Draws { num_draws: 4, latents: values.to_vec(), ..Draws::default() };
        scale_draws(&mut bar, &weights);
        assert_eq!(bar.latents, [1.0, 0.0, 2.0, 0.0]);
    }
}
