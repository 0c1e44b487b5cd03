//! The score-function gradient: no derivative of the density is needed.

mod baseline;
mod control_variate;
mod overdispersed;
mod rao_blackwell;

pub use baseline::Baseline;
pub use overdispersed::Overdispersed;
pub use rao_blackwell::RaoBlackwell;

use serde::{Deserialize, Serialize};

use super::{Estimate, GradientEstimator, Space, Task, ln_accepted, too_few_draws};
use crate::family::Family;
use crate::model::RowSet;
use crate::target::{DensityError, LogDensity};
use control_variate::Scores;

/// `1/S sum_s (f_s - b_s) d log q(z_s) / d params` with `f_s = log p(z_s) - log q(z_s)`.
///
/// Needs only values of the density: discrete latents, branches, non-differentiable models. Unbiased when the
/// support of q does not depend on its parameters, with every [`Baseline`]. *Assumes* independent draws, and no parameters
/// theta, whose gradient it does not have. *Cost*: one model value a draw.
///
/// *Rejected draws*: the objective is the bound of q restricted to the set A of finite densities
/// ([`Accepted`](crate::objective::Accepted)), whose gradient is `Cov(f, score | A)`. Over A the score has a mean, so that a
/// baseline is no longer free: with `n` of `S` draws accepted, the accepted ones count `(f_s - b) / n` and each
/// rejected one `(mean f - b) / (n + 1)`, where the mean is over the accepted ones. Since the score has mean zero over A and the
/// rest together, and `E[(S - n) / (n + 1)]` is the odds of a rejection up to a power of S, this is unbiased for every fixed `b`
/// unless whole steps are rejected: with one draw a step, only where `b` is the mean of `f`.
///
/// *Source*: Williams 1992; Ranganath, Gerrish and Blei 2014; leave-one-out: Kool, van Hoof and Welling 2019.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreFunction {
    /// What is taken off the learning signal.
    pub baseline: Baseline,
}

/// What a baseline has learned, and buffers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ScoreState {
    /// Empty before the first step.
    learned: Vec<f64>,
    #[serde(skip)]
    unweighted: Unweighted,
    #[serde(skip)]
    scores: Scores,
}

impl<T: LogDensity + ?Sized, F: Family + ?Sized> GradientEstimator<T, F> for ScoreFunction {
    type State = ScoreState;

    fn init(&self, _: &T, _: &F) -> ScoreState {
        ScoreState::default()
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut ScoreState, space: &mut Space) -> Result<Estimate, DensityError> {
        let Task { target, family, at } = *of;
        self.baseline.check(at.num_draws)?;
        refuse_theta(target, "the score-function gradient")?;
        space.sample(of)?;
        space.evaluate(of)?;
        space.evaluate_q(of);
        let (mean, accepted) = signals(space);
        let rows = state.unweighted.of(at.rows);
        if self.baseline == Baseline::ControlVariate {
            control_variate::add(family, at.params, rows, &mut state.scores, space, accepted);
        } else {
            self.baseline.weigh(target.layout(), at.rows, mean, accepted, &mut state.learned, space);
            family.score(at.params, rows, &space.z, &space.weights, &mut space.grad);
        }
        let rejected = at.num_draws - accepted;
        Ok(Estimate { value: mean + ln_accepted(&at, rejected), rejected, evaluations: at.num_draws })
    }

    fn fits(&self, state: &ScoreState, target: &T, _: &F) -> bool {
        self.baseline.fits(&state.learned, target.layout())
    }
}

/// The rows of a pass, each counted once.
///
/// A score-function gradient multiplies the signal, in which rows count by their weight, with the score of the
/// draws as they were drawn, in which they do not.
#[derive(Clone, Debug, Default)]
pub(super) struct Unweighted(Option<RowSet>);

impl Unweighted {
    /// Allocates only when the rows grow.
    pub(super) fn of(&mut self, rows: &RowSet) -> &RowSet {
        let own = self.0.get_or_insert_with(RowSet::all);
        own.subset.clone_from(&rows.subset);
        own
    }
}

/// Overwrites `log_weights` with `f_s`; returns the mean over the finite ones and their number.
pub(super) fn signals(space: &mut Space) -> (f64, usize) {
    let (mut sum, mut accepted) = (0.0, 0);
    for (w, (p, q)) in space.log_weights.iter_mut().zip(space.pass.log_density.iter().zip(&space.log_q)) {
        *w = p - q;
        if w.is_finite() {
            sum += *w;
            accepted += 1;
        }
    }
    (sum / accepted as f64, accepted)
}

/// Refuses a model with learnable parameters, which need the density's own derivative.
pub(super) fn refuse_theta<T: LogDensity + ?Sized>(target: &T, estimator: &str) -> Result<(), DensityError> {
    match target.layout().num_parameters {
        0 => Ok(()),
        _ => Err(DensityError::unsupported(format!(
            "{estimator} has no gradient for the model's parameters theta; use a pathwise estimator, or `Hybrid` for \
             a model with real latents and integers"
        ))),
    }
}
