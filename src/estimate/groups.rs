//! Groups of draws, as all multi-sample estimators share them: draws in groups of `particles`, weighed by an objective.

use super::{Estimate, Point, Space, Task, all_finite, chosen_draws, lanes_finite, scale_draws};
use crate::family::Reparam;
use crate::model::{Draws, RowSet};
use crate::objective::{Accepted, Objective};
use crate::target::{DensityError, Differentiable, LogDensity, Pass};

/// Checks the numbers of draws and rows that the estimator called `name` is asked for, and returns the number of
/// groups.
pub(super) fn num_groups(name: &str, particles: usize, at: &Point) -> Result<usize, DensityError> {
    if particles == 0 || !at.num_draws.is_multiple_of(particles) || at.num_draws == 0 {
        return Err(DensityError::setting(format!(
            "{name} with {particles} particles needs a multiple of them as the number of draws a step, not {}",
            at.num_draws
        )));
    }
    whole(name, at.rows)?;
    Ok(at.num_draws / particles)
}

/// Refuses a minibatch: the weights of a bound on log p(x) need all of the data.
fn whole(name: &str, rows: &RowSet) -> Result<(), DensityError> {
    if rows.weight == 1.0 {
        return Ok(());
    }
    Err(DensityError::unsupported(format!(
        "{name} cannot be estimated from a minibatch: the importance weights of the draws need every row; use the full \
         data, or an estimator of the ELBO"
    )))
}

/// Whether `target` has parameters theta, which needs a pass for the weights before the pass for the gradient.
fn two_passes<T: LogDensity + ?Sized>(target: &T) -> bool {
    target.layout().num_parameters > 0
}

/// Overwrites `log_weights` with `log p - log q`, `-inf` for a draw whose density is not finite.
pub(super) fn fill_log_weights(space: &mut Space) {
    let Space { pass, log_q, log_weights, .. } = space;
    for ((l, p), q) in log_weights.iter_mut().zip(&pass.log_density).zip(&*log_q) {
        *l = if p.is_finite() && q.is_finite() { p - q } else { f64::NEG_INFINITY };
    }
}

/// The groups of `particles` draws of which any has a finite density.
pub(super) fn accepted_groups(particles: usize, log_weights: &[f64]) -> Accepted {
    let groups = log_weights.chunks_exact(particles);
    let num_draws = groups.len();
    Accepted { count: groups.filter(|l| l.iter().any(|l| *l != f64::NEG_INFINITY)).count(), num_draws }
}

/// The mean of `objective` over the groups that have a finite density, plus ln(their share): the bound of q restricted to
/// such groups. Overwrites `weights` with the derivative of the mean in the log weights.
pub(super) fn weights_of(objective: &impl Objective, particles: usize, space: &mut Space) -> f64 {
    let accepted = accepted_groups(particles, &space.log_weights);
    let groups = accepted.count.max(1) as f64;
    let mut value = 0.0;
    for (l, w) in space.log_weights.chunks_exact(particles).zip(space.weights.chunks_exact_mut(particles)) {
        let own = objective.value_and_weights(l, w);
        value += if own == f64::NEG_INFINITY { 0.0 } else { own };
    }
    space.weights.iter_mut().for_each(|w| *w /= groups);
    value / groups + accepted.ln_share()
}

/// Draws, and evaluates `objective` of the log weights of each group.
///
/// Afterwards `weights` is `d value / d log_weights`, `z_bar` is `weights` times the gradient of log p, `q_bar` the
/// gradient of log q, and theta's gradient has been added to `grad_theta`.
pub(super) fn evaluate<T, F>(
    objective: &impl Objective,
    particles: usize,
    of: &Task<T, F>,
    space: &mut Space,
) -> Result<Estimate, DensityError>
where
    T: Differentiable + ?Sized,
    F: Reparam + ?Sized,
{
    let two_passes = two_passes(of.target);
    space.draw(of)?;
    space.evaluate_q(of);
    space.differentiate_q(of);
    if two_passes {
        space.evaluate(of)?;
    } else {
        space.differentiate(of)?;
        drop_gradients(space);
    }
    fill_log_weights(space);
    let value = weights_of(objective, particles, space);
    if two_passes {
        space.pass.draw_weights.clone_from(&space.weights);
        let done = space.differentiate(of);
        space.pass.draw_weights.clear();
        done?;
        drop_gradients(space);
    } else {
        space.weigh();
    }
    let lost = space.pass.log_density.iter().zip(&space.log_weights);
    let rejected = lost.filter(|(p, l)| !p.is_finite() || **l == f64::NEG_INFINITY).count();
    let mut evaluations = of.at.num_draws * if two_passes { 2 } else { 1 };
    if !space.grad_theta.is_empty() {
        // One rejected draw has poisoned the sum.
        if rejected > 0 || !all_finite(&space.theta_bar) {
            evaluations += theta_of_accepted(of.target, &of.at, space)?;
        }
        space.grad_theta.iter_mut().zip(&space.theta_bar).for_each(|(t, g)| *t += g);
    }
    Ok(Estimate { value, rejected, evaluations })
}

/// Overwrites `theta_bar` with the weighted sum over the draws that count alone, and returns how many these are.
fn theta_of_accepted<T: Differentiable + ?Sized>(
    target: &T,
    at: &Point,
    space: &mut Space,
) -> Result<usize, DensityError> {
    let counts = |(w, p): (&f64, &f64)| f64::from(u8::from(*w != 0.0 && p.is_finite()));
    let kept: Vec<f64> = space.weights.iter().zip(&space.pass.log_density).map(counts).collect();
    let z = chosen_draws(&space.z, &kept);
    if z.num_draws == 0 {
        space.theta_bar.fill(0.0);
        return Ok(0);
    }
    let draw_weights = space.weights.iter().zip(&kept).filter(|(_, k)| **k > 0.0).map(|(w, _)| *w).collect();
    let mut pass = Pass { data_weight: space.pass.data_weight, draw_weights, ..Pass::default() };
    let mut z_bar = Draws::default();
    target.log_density_and_gradient(at.theta, &z, at.rows, &mut pass, &mut z_bar, &mut space.theta_bar)?;
    Ok(z.num_draws)
}

/// Marks the draws without a finite gradient by a log density of `-inf`, and makes their gradients zero.
fn drop_gradients(space: &mut Space) {
    let n = space.z.num_draws;
    let Space { z_bar, q_bar, pass, .. } = &*space;
    let gradients = [&z_bar.latents, &z_bar.row_latents, &q_bar.latents, &q_bar.row_latents];
    if all_finite(&pass.log_density) && gradients.iter().all(|lanes| all_finite(lanes)) {
        return;
    }
    for d in 0..n {
        let Space { z_bar, q_bar, pass, .. } = &mut *space;
        let finite = pass.log_density[d].is_finite()
            && [&z_bar.latents, &z_bar.row_latents, &q_bar.latents, &q_bar.row_latents]
                .iter()
                .all(|lanes| lanes_finite(lanes, n, d));
        if finite {
            continue;
        }
        pass.log_density[d] = f64::NEG_INFINITY;
        for lanes in [&mut z_bar.latents, &mut z_bar.row_latents, &mut q_bar.latents, &mut q_bar.row_latents] {
            lanes.iter_mut().skip(d).step_by(n).for_each(|g| *g = 0.0);
        }
    }
}

/// `z_bar -= weights * q_bar`, which may be used up.
pub(super) fn subtract_weighted_q(space: &mut Space) {
    scale_draws(&mut space.q_bar, &space.weights);
    space.subtract_q();
}
