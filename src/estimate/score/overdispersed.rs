//! The score function with draws from a wider member of the family.

use super::super::{Estimate, GradientEstimator, Point, Scratch, Space, Task, too_few_draws};
use super::{Unweighted, refuse_theta, signals};
use crate::family::Dispersed;
use crate::target::{DensityError, LogDensity};

/// `1/S sum_s w_s (f_s - b_s) d log q(z_s) / d params` with draws from `r`, the member of the family with `dispersion`
/// times the spread, `w = q / r`, `f = log p - log q` and `b_s = sum_(t != s) w_t f_t / sum_(t != s) w_t`.
///
/// The score is largest in the tails, where q seldom draws. Unbiased; needs two draws, one evaluation a draw. The
/// weights multiply over latents, so for many of them `dispersion` must be near one: the mean square of the weight of
/// one Gaussian latent is `dispersion / sqrt(2 dispersion - 1)`.
///
/// *Rejected draws*: as [`ScoreFunction`](super::ScoreFunction), with the sum of the weights of the accepted draws in place of `S`,
/// which leaves a bias of O(1 / S).
///
/// *Source*: Ruiz, Titsias and Blei 2016, equations 6 to 9. Departures: one proposal for all latents instead of one for
/// each; a leave-one-out baseline instead of their control variate; `dispersion` is given and not adapted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overdispersed {
    /// At least one; one draws from q.
    pub dispersion: f64,
}

impl Default for Overdispersed {
    fn default() -> Self {
        Overdispersed { dispersion: 1.5 }
    }
}

/// Parameters of the member of the family that is drawn from, and the rows of the pass, each counted once.
#[derive(Clone, Debug, Default)]
pub struct Wider {
    params: Vec<f64>,
    rows: Unweighted,
}

impl<T: LogDensity + ?Sized, F: Dispersed + ?Sized> GradientEstimator<T, F> for Overdispersed {
    type State = Scratch<Wider>;

    fn init(&self, _: &T, _: &F) -> Self::State {
        Scratch::default()
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut Self::State, space: &mut Space) -> Result<Estimate, DensityError> {
        let Wider { params: wider, rows } = &mut state.buffers;
        let Task { target, family, at } = *of;
        if at.num_draws < 2 {
            return Err(too_few_draws("the score function with overdispersed draws", 2, at.num_draws));
        }
        if !(self.dispersion >= 1.0 && self.dispersion.is_finite()) {
            let found = self.dispersion;
            return Err(DensityError::setting(format!("the dispersion of the draws is {found}; choose it at least 1")));
        }
        refuse_theta(target, "the score function with overdispersed draws")?;
        wider.resize(at.params.len(), 0.0);
        family.disperse(at.params, self.dispersion, wider);
        space.sample(&Task { at: Point { params: wider, ..at }, ..*of })?;
        // Draws know no weight of rows, and so their density must not: rows count once.
        let plain = rows.of(at.rows);
        family.log_q(wider, plain, &space.z, &mut space.weights);
        family.log_q(at.params, plain, &space.z, &mut space.log_q);
        space.weights.iter_mut().zip(&space.log_q).for_each(|(w, q)| *w = (q - *w).exp());
        space.evaluate(of)?;
        space.evaluate_q(of);
        let (_, accepted) = signals(space);
        let value = weigh(&space.log_weights, &mut space.weights);
        family.score(at.params, plain, &space.z, &space.weights, &mut space.grad);
        Ok(Estimate { value, rejected: at.num_draws - accepted, evaluations: at.num_draws })
    }
}

/// Overwrites `w_s` with `w_s (f_s - b_s)` over the finite signals, divided by `S` or, where some are not, by the sum of the
/// weights; returns the mean of `f` by the same weights, plus ln(their share).
fn weigh(signals: &[f64], weights: &mut [f64]) -> f64 {
    let (mut sum, mut total, mut all) = (0.0, 0.0, 0.0);
    for (w, f) in weights.iter_mut().zip(signals) {
        all += *w;
        if f.is_finite() {
            total += *w;
            sum += *w * f;
        } else {
            *w = 0.0;
        }
    }
    let share = 1.0 / if signals.iter().all(|f| f.is_finite()) { signals.len() as f64 } else { total };
    for (w, f) in weights.iter_mut().zip(signals).filter(|(_, f)| f.is_finite()) {
        let rest = total - *w;
        let baseline = if rest > f64::EPSILON * total { (sum - *w * f) / rest } else { 0.0 };
        *w *= share * (f - baseline);
    }
    share * sum + (total / all).ln()
}
