//! Multi-sample gradients from values alone: the score function, VIMCO, and the wake phase.

use super::groups::{fill_log_weights, num_groups, weights_of};
use super::{Estimate, GradientEstimator, Space, Task, no_theta, too_few_draws};
use crate::family::Family;
use crate::objective::{ImportanceWeighted, log_mean_exp, sum};
use crate::target::{DensityError, LogDensity};

/// `sum_k (L - L_k - w_k) d log q(z_k) / d params` with `L = log 1/K sum_j exp(log_weights_j)`, `w` the softmax of
/// the log weights, and `L_k` the same as `L` with the mean of the other log weights in place of `log_weights_k`.
///
/// The importance-weighted bound without a gradient of the model: integers, branches. The draws of a step are
/// averaged in groups of `particles`. Unbiased for the bound of `K` draws; needs two particles. Its signal-to-noise
/// ratio falls with `K`. *Assumes* independent draws of all rows: minibatches are refused, and so are models with
/// parameters theta, whose gradient it does not have.
///
/// *Cost*: one model value a draw, and `K^2` additions of numbers.
///
/// A draw whose density is not finite weighs nothing and is left out of the others' `L_k`. Where a group has one accepted draw
/// alone, its signal is that of [`ImportanceWeightedScore`], and a group without any is rejected: the objective is the bound of
/// q restricted to the other groups, the mean of `L` over them plus ln(their share).
///
/// *Source*: Mnih and Rezende 2016, with the geometric mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vimco {
    /// Draws `K` under one logarithm.
    pub particles: usize,
}

/// `sum_k (L - B - w_k) d log q(z_k) / d params` with `L = log 1/K sum_j exp(log_weights_j)`, `w` the softmax of the log
/// weights, and `B` the mean of `L` over the other groups of `particles` draws of the step.
///
/// The importance-weighted bound by the plain score function: every draw of a group has the whole group's signal, which
/// [`Vimco`] tells apart. Unbiased for the bound of `K` draws; it is what VIMCO is held against. Take two groups or more:
/// with one, `B` is zero and the noise that of the bound's own size. *Assumes*, *cost* and errors as [`Vimco`], without
/// its `K^2`. The objective is that of the groups with a finite density, too. With `n` of them, each draw of another group
/// counts `-1 / (n + 1)`: that is the gradient of ln(the share of such groups).
///
/// *Source*: Mnih and Rezende 2016, equation 5, with the other groups as the independent baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportanceWeightedScore {
    /// Draws `K` under one logarithm.
    pub particles: usize,
}

/// `sum_k w_k d log q(z_k) / d params` with `w = softmax(log p(z_k) - log q(z_k))`, `z_k ~ q`: minus the gradient of the
/// forward divergence `KL(posterior || q)`, by self-normalised importance sampling.
///
/// The value is `sum_k w_k log q(z_k)`, for `E_posterior[log q]`, which this maximises in place of the ELBO. **Biased**
/// by O(1 / particles), as every self-normalised mean is, towards the wake of draws of q alone: with one particle the
/// gradient has mean zero. The draws of a step are averaged in groups of `particles`; take one large group. *Assumes*
/// independent draws of all rows: minibatches are refused, and so are models with parameters theta.
///
/// *Cost*: one model value a draw.
///
/// *Source*: Bornschein and Bengio 2015, the wake-phase update of q.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WakePhase {
    /// Draws that share a normalisation.
    pub particles: usize,
}

impl<T: LogDensity + ?Sized, F: Family + ?Sized> GradientEstimator<T, F> for Vimco {
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        if self.particles < 2 {
            return Err(too_few_draws("VIMCO", 2, self.particles));
        }
        num_groups("VIMCO", self.particles, &of.at)?;
        let (value, rejected) = weigh("VIMCO", self.particles, of, space)?;
        let others = Others::of(self.particles, &space.log_weights);
        for (l, w) in space.log_weights.chunks_exact(self.particles).zip(space.weights.chunks_exact_mut(self.particles))
        {
            let bound = log_mean_exp(l);
            if bound == f64::NEG_INFINITY {
                continue;
            }
            for (k, w) in w.iter_mut().enumerate() {
                // `w` holds w_k / groups; a draw of weight zero still has the signal of its absence.
                *w = match signal(l, k, bound) {
                    Some(signal) => signal / others.groups - *w,
                    None => others.signal(bound),
                };
            }
        }
        space.score(of);
        Ok(Estimate { value, rejected, evaluations: of.at.num_draws })
    }
}

impl<T: LogDensity + ?Sized, F: Family + ?Sized> GradientEstimator<T, F> for ImportanceWeightedScore {
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        let name = "the score function of a bound";
        let groups = num_groups(name, self.particles, &of.at)?;
        let (value, rejected) = weigh(name, self.particles, of, space)?;
        let others = Others::of(self.particles, &space.log_weights);
        let Space { log_weights, weights, .. } = &mut *space;
        for (l, w) in log_weights.chunks_exact(self.particles).zip(weights.chunks_exact_mut(self.particles)) {
            let bound = log_mean_exp(l);
            if bound == f64::NEG_INFINITY {
                w.fill(if others.groups > 0.0 { -1.0 / (others.groups + 1.0) } else { 0.0 });
                continue;
            }
            let signal = if groups == 1 { bound } else { others.signal(bound) };
            // `w` holds w_k / groups.
            w.iter_mut().for_each(|w| *w = signal - *w);
        }
        space.score(of);
        Ok(Estimate { value, rejected, evaluations: of.at.num_draws })
    }
}

/// The bounds of the groups that have a finite density.
struct Others {
    total: f64,
    groups: f64,
}

impl Others {
    fn of(particles: usize, log_weights: &[f64]) -> Self {
        let bounds = log_weights.chunks_exact(particles).map(log_mean_exp).filter(|l| l.is_finite());
        let (total, groups) = bounds.fold((0.0, 0.0), |(sum, num), l| (sum + l, num + 1.0));
        Others { total, groups }
    }

    /// `(L - B) / groups`, `B` the mean over the other groups; zero where there is none.
    fn signal(&self, bound: f64) -> f64 {
        if self.groups > 1.0 { (bound - (self.total - bound) / (self.groups - 1.0)) / self.groups } else { 0.0 }
    }
}

/// `L - L_k`; none where the other draws say nothing.
fn signal(log_weights: &[f64], k: usize, bound: f64) -> Option<f64> {
    let others = || log_weights.iter().enumerate().filter(move |&(j, l)| j != k && l.is_finite()).map(|(_, l)| *l);
    let num = others().count();
    if num == 0 {
        return None;
    }
    let mean = others().sum::<f64>() / num as f64;
    let most = others().fold(mean, f64::max);
    let total: f64 = (mean - most).exp() + others().map(|l| (l - most).exp()).sum::<f64>();
    Some(bound - (most + (total / log_weights.len() as f64).ln()))
}

impl<T: LogDensity + ?Sized, F: Family + ?Sized> GradientEstimator<T, F> for WakePhase {
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        num_groups("the wake phase", self.particles, &of.at)?;
        let (_, rejected) = weigh("the wake phase", self.particles, of, space)?;
        space.score(of);
        let Space { weights, log_q, log_weights, .. } = &mut *space;
        for ((l, w), q) in log_weights.iter_mut().zip(&*weights).zip(&*log_q) {
            *l = if *w > 0.0 { w * q } else { 0.0 };
        }
        let value = if rejected == of.at.num_draws { f64::NAN } else { sum(log_weights) };
        Ok(Estimate { value, rejected, evaluations: of.at.num_draws })
    }
}

/// Draws, overwrites `log_weights` and `weights` (the softmax of each group over the number of groups), and returns
/// the importance-weighted bound and the number of draws that were rejected.
fn weigh<T, F>(name: &str, particles: usize, of: &Task<T, F>, space: &mut Space) -> Result<(f64, usize), DensityError>
where
    T: LogDensity + ?Sized,
    F: Family + ?Sized,
{
    no_theta(name, of.target.layout())?;
    space.sample(of)?;
    space.evaluate(of)?;
    space.evaluate_q(of);
    fill_log_weights(space);
    let value = weights_of(&ImportanceWeighted, particles, space);
    let rejected = space.log_weights.iter().filter(|l| !l.is_finite()).count();
    Ok((value, rejected))
}
