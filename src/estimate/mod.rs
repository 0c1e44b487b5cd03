//! Gradient estimators: one file each, to be read beside its paper.
//!
//! An estimator draws from q, asks the target for densities (and gradients), and adds an estimate of the
//! objective's gradient in the parameters of q and of the model.

mod hybrid;
mod pathwise;
mod score;
mod sticking;

pub use hybrid::{Hybrid, RealGradient};
pub use pathwise::{Entropy, Pathwise};
pub use score::{Baseline, ScoreFunction};
pub use sticking::StickingTheLanding;

use crate::family::{Family, Reparam, fill_noise, lanes};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;
use crate::target::{DensityError, Differentiable, Pass};

/// Where a gradient is estimated, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// Parameters of q.
    pub params: &'a [f64],
    /// Learnable parameters of the model.
    pub theta: &'a [f64],
    /// Rows of the pass.
    pub rows: &'a RowSet,
    /// Randomness of this step.
    pub streams: Streams,
    /// Monte Carlo draws.
    pub num_draws: usize,
}

/// The value that came with a gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The objective's estimate at the point.
    pub value: f64,
    /// Draws whose density or gradient was not finite; they are left out and counted.
    pub rejected: usize,
    /// Evaluations of the density, one for each draw.
    pub evaluations: usize,
}

/// A way of estimating the gradient of the objective.
pub trait GradientEstimator<T: ?Sized, F: ?Sized>: Sync {
    /// Adds to `grad` (of `params`) and `grad_theta`, and returns the objective's value.
    ///
    /// # Errors
    /// When the target can never be evaluated, or fewer draws are asked for than the estimator needs.
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError>;
}

/// Buffers an estimator works in, kept between steps.
#[derive(Clone, Debug, Default)]
pub struct Space {
    /// Noise of the draws, `[element][draw]`.
    pub noise: Vec<f64>,
    /// The draws.
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
    /// A gradient of theta before it is added.
    pub grad_theta: Vec<f64>,
    /// The target's results and scratch memory.
    pub pass: Pass,
    unweighted: Unweighted,
}

/// The rows of a pass, each counted once.
///
/// A score-function gradient multiplies the signal, in which rows count by their weight, with the score of the
/// draws as they were drawn, in which they do not.
#[derive(Clone, Debug, Default)]
struct Unweighted(Option<RowSet>);

impl Unweighted {
    /// Allocates only when the rows grow.
    fn of(&mut self, rows: &RowSet) -> &RowSet {
        let own = self.0.get_or_insert_with(RowSet::all);
        own.subset.clone_from(&rows.subset);
        own
    }
}

impl Space {
    /// Draws from a reparameterised family, keeping the noise.
    pub fn draw<F: Reparam + ?Sized>(&mut self, family: &F, layout: &Layout, at: &Point) {
        self.fit(layout, at);
        self.noise.resize(family.num_noise(at.rows) * at.num_draws, 0.0);
        fill_noise(family.noise_law(), at.streams, at.num_draws, &mut self.noise);
        family.transform(at.params, at.rows, &self.noise, &mut self.z);
    }

    /// Draws from any family.
    pub fn sample<F: Family + ?Sized>(&mut self, family: &F, layout: &Layout, at: &Point) {
        self.fit(layout, at);
        family.sample(at.params, at.rows, at.streams, &mut self.z);
    }

    fn fit(&mut self, layout: &Layout, at: &Point) {
        let num_rows = at.rows.len(layout);
        self.z.fit(layout, num_rows, at.num_draws);
        self.z_bar.fit(layout, num_rows, at.num_draws);
        self.q_bar.fit(layout, num_rows, at.num_draws);
        self.log_q.resize(at.num_draws, 0.0);
        self.log_weights.resize(at.num_draws, 0.0);
        self.weights.resize(at.num_draws, 0.0);
        self.grad_theta.resize(layout.num_parameters, 0.0);
    }

    /// Sets the gradients of draws that are not finite to zero, gives the accepted draws equal weight
    /// (`weights`), and returns how many were rejected.
    fn reject(&mut self) -> usize {
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

    /// Mean log density over the accepted draws; NaN when there is none.
    fn mean_log_density(&self, rejected: usize) -> f64 {
        if rejected == self.z.num_draws {
            return f64::NAN;
        }
        if rejected == 0 {
            return lanes::dot(&self.pass.log_density, &self.weights);
        }
        weighted_sum(&self.pass.log_density, &self.weights)
    }
}

/// Whether no number is infinite or NaN: `0 * x` is zero for every finite number and for no other.
fn all_finite(values: &[f64]) -> bool {
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

fn lanes_finite(values: &[f64], num_draws: usize, draw: usize) -> bool {
    values.iter().skip(draw).step_by(num_draws).all(|g| g.is_finite())
}

/// `bar_d *= weight_d` for all latents; zero where the weight is, whatever `bar_d` is.
fn scale_draws(bar: &mut Draws, weights: &[f64]) {
    let n = bar.num_draws;
    for lane in bar.latents.chunks_exact_mut(n).chain(bar.row_latents.chunks_exact_mut(n)) {
        for (g, w) in lane.iter_mut().zip(weights) {
            *g = if *w == 0.0 { 0.0 } else { *g * w };
        }
    }
}

/// Overwrites `space.grad_theta` with the gradient over the accepted draws alone, by a second pass over these, since a
/// rejected draw poisons the sum; returns the evaluations this took, none where every draw counted.
///
/// Call it after [`Space::reject`], while the weights say which draws were accepted. It allocates.
fn theta_of_accepted<T: Differentiable + ?Sized>(
    target: &T,
    at: &Point,
    space: &mut Space,
    rejected: usize,
) -> Result<usize, DensityError> {
    let (n, accepted) = (at.num_draws, at.num_draws - rejected);
    if rejected == 0 || space.grad_theta.is_empty() {
        return Ok(0);
    }
    space.grad_theta.fill(0.0);
    if accepted == 0 {
        return Ok(0);
    }
    let mut z = Draws { num_draws: accepted, num_rows: space.z.num_rows, ..Draws::default() };
    z.latents = chosen(&space.z.latents, &space.weights, n);
    z.integers = chosen(&space.z.integers, &space.weights, n);
    z.row_latents = chosen(&space.z.row_latents, &space.weights, n);
    z.row_integers = chosen(&space.z.row_integers, &space.weights, n);
    let (mut pass, mut z_bar) = (Pass::default(), Draws::default());
    target.log_density_and_gradient(at.theta, &z, at.rows, &mut pass, &mut z_bar, &mut space.grad_theta)?;
    Ok(accepted)
}

/// The draws of positive weight.
fn chosen<X: Copy>(lanes: &[X], weights: &[f64], num_draws: usize) -> Vec<X> {
    let kept =
        |lane: &[X]| -> Vec<X> { lane.iter().zip(weights).filter(|(_, w)| **w > 0.0).map(|(x, _)| *x).collect() };
    lanes.chunks_exact(num_draws).flat_map(kept).collect()
}

/// Adds the mean over the accepted draws of theta's gradient.
fn add_theta(space: &Space, accepted: usize, grad_theta: &mut [f64]) {
    let share = 1.0 / accepted.max(1) as f64;
    for (t, g) in grad_theta.iter_mut().zip(&space.grad_theta) {
        *t += share * g;
    }
}

/// `sum_d weight_d value_d` over the draws that have a weight: a rejected draw may have no finite value.
fn weighted_sum(values: &[f64], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(x, w)| if *w == 0.0 { 0.0 } else { w * x }).sum()
}

/// The worded error for an estimator that needs more draws.
fn too_few_draws(estimator: &str, needed: usize, found: usize) -> DensityError {
    DensityError(format!("{estimator} needs at least {needed} draws a step, not {found}; raise the number of draws"))
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
