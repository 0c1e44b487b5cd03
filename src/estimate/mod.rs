//! Gradient estimators: one file each, to be read beside its paper.
//!
//! An estimator draws from q, asks the target for densities (and gradients), and adds an estimate of the
//! objective's gradient in the parameters of q and of the model.

mod annealing;
mod control_variate;
mod delegate;
mod design;
mod discrete;
mod exact_kl;
mod groups;
mod hybrid;
mod hybrid_kl;
mod importance;
mod importance_rows;
mod measure_valued;
mod mixed;
mod multi_sample;
mod pathwise;
mod score;
mod semi_amortised;
mod sticking;

pub use annealing::Annealing;
pub use control_variate::{ControlVariate, Curvature};
pub use design::Design;
pub use discrete::{
    Arm, DisArm, DiscreteGradient, Enumerate, GumbelSoftmax, Lanes, LearnedRebar, LeaveOneOut, LocalExpectation, Rebar,
    Relax, Relaxation, Shape, StraightThrough, UnorderedSet,
};
pub use exact_kl::{ExactKl, standard_kl};
pub use hybrid::{Hybrid, RealGradient};
pub use hybrid_kl::HybridKl;
pub use importance::{ImportanceWeightedScore, Vimco, WakePhase};
pub use importance_rows::{ImportanceWeightedRows, PathWeight};
pub use measure_valued::MeasureValued;
pub use mixed::Mixed;
pub use multi_sample::{DoublyReparameterized, ImportanceWeightedPathwise, RenyiPathwise};
pub use pathwise::{Entropy, Pathwise};
pub use score::{Baseline, Overdispersed, RaoBlackwell, ScoreFunction};
pub use semi_amortised::{SemiAmortised, refine};
pub use sticking::StickingTheLanding;

use crate::family::{Family, NormalMoments, Reparam, lanes};
use crate::model::{Draws, Layout, RowSet};
use crate::objective::Accepted;
use crate::streams::Streams;
use crate::target::{DensityError, Differentiable, Pass};
use score::{Locals, Scores};

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
    /// How the noise of the draws is spread.
    pub design: Design,
}

/// The value that came with a gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The objective's estimate at the point.
    pub value: f64,
    /// Draws whose density or gradient was not finite: the objective is that of q restricted to the others
    /// ([`Accepted`]).
    pub rejected: usize,
    /// Evaluations of the density, one for each draw.
    pub evaluations: usize,
}

/// A way of estimating the gradient of the objective.
#[diagnostic::on_unimplemented(
    message = "`{Self}` estimates no gradient of the parameters of `{F}`",
    label = "this estimator and this family do not go together",
    note = "the estimator's documentation names its families; `ScoreFunction` is for every family, and `Pathwise` for every one with a transform of noise"
)]
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
    /// What an estimator remembers from step to step: finite numbers, empty before its first step.
    ///
    /// An estimator that needs memory sizes it at its first use, and reads it before it writes what this step has
    /// taught, so that given the past its gradient stays unbiased. A fit saves it with its state.
    pub memory: Vec<f64>,
    scores: Scores,
    locals: Locals,
    /// Parameters of the family that is drawn from, where it is not q.
    wider: Vec<f64>,
    lanes: discrete::Lanes,
    unweighted: Unweighted,
    /// Scratch memory of a design.
    order: Vec<u32>,
    surrogate: control_variate::Surrogate,
    moments: NormalMoments,
    moments_bar: NormalMoments,
    chosen: importance_rows::Chosen,
    moved: measure_valued::Moved,
    factors: semi_amortised::Factors,
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
    /// Draws from a reparameterised family in the design of `at`, keeping the noise.
    ///
    /// # Errors
    /// When the design does not allow this number of draws or of elements of noise.
    pub fn draw<F: Reparam + ?Sized>(&mut self, family: &F, layout: &Layout, at: &Point) -> Result<(), DensityError> {
        self.fit(layout, at);
        self.noise.resize(family.num_noise(at.rows) * at.num_draws, 0.0);
        at.design.fill(family.noise_law(), at.streams, at.num_draws, &mut self.noise, &mut self.order)?;
        family.transform(at.params, at.rows, &self.noise, &mut self.z);
        Ok(())
    }

    /// Draws from any family, independently.
    ///
    /// # Errors
    /// For another design, which needs the noise of a reparameterised family.
    pub fn sample<F: Family + ?Sized>(&mut self, family: &F, layout: &Layout, at: &Point) -> Result<(), DensityError> {
        independent("an estimator that draws without noise", at)?;
        self.fit(layout, at);
        family.sample(at.params, at.rows, at.streams, &mut self.z);
        Ok(())
    }

    /// Gives every buffer the size of `at.num_draws` draws of `layout`; `draw` and `sample` do so themselves.
    ///
    /// Allocates only when a buffer grows.
    pub fn fit(&mut self, layout: &Layout, at: &Point) {
        let num_rows = at.rows.len(layout);
        self.z.fit(layout, num_rows, at.num_draws);
        self.z_bar.fit(layout, num_rows, at.num_draws);
        self.q_bar.fit(layout, num_rows, at.num_draws);
        self.log_q.resize(at.num_draws, 0.0);
        self.log_weights.resize(at.num_draws, 0.0);
        self.weights.resize(at.num_draws, 0.0);
        self.grad_theta.resize(layout.num_parameters, 0.0);
    }

    /// Rejects the draws whose `pass.log_density` or `z_bar` is not finite, and returns how many there are.
    ///
    /// The gradient is then that of q restricted to the accepted draws, as far as it moves *within* their set A: that the
    /// boundary of A moves relative to q is seen by no gradient at the draws (see [`Pathwise`]). Overwrites `weights` with one over the number of accepted draws, zero for a rejected one, and `z_bar` of a
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

    /// `grad_theta += mean of theta's gradient over the accepted draws`, and returns the evaluations this took.
    ///
    /// A rejected draw poisons the sum in `self.grad_theta`, so that steps with one take a second pass over the other
    /// draws, which allocates. Call it right after `reject`.
    ///
    /// # Errors
    /// As the target's.
    pub fn add_theta<T: Differentiable + ?Sized>(
        &mut self,
        target: &T,
        at: &Point,
        rejected: usize,
        grad_theta: &mut [f64],
    ) -> Result<usize, DensityError> {
        let accepted = at.num_draws - rejected;
        if grad_theta.is_empty() || accepted == 0 {
            return Ok(0);
        }
        let again = if rejected > 0 { self.theta_of_accepted(target, at, accepted)? } else { 0 };
        let share = 1.0 / accepted as f64;
        grad_theta.iter_mut().zip(&self.grad_theta).for_each(|(t, g)| *t += share * g);
        Ok(again)
    }

    /// Overwrites `self.grad_theta` with the sum over the accepted draws alone.
    fn theta_of_accepted<T: Differentiable + ?Sized>(
        &mut self,
        target: &T,
        at: &Point,
        accepted: usize,
    ) -> Result<usize, DensityError> {
        let z = chosen_draws(&self.z, &self.weights);
        let (mut pass, mut z_bar) = (Pass { data_weight: self.pass.data_weight, ..Pass::default() }, Draws::default());
        target.log_density_and_gradient(at.theta, &z, at.rows, &mut pass, &mut z_bar, &mut self.grad_theta)?;
        Ok(accepted)
    }

    /// The bound by the draws, after `reject`: the mean of `log p` plus `entropy`, or minus the mean of `log q` where that is
    /// none. Overwrites `log_q` in the latter case; NaN when no draw is accepted.
    ///
    /// With rejected draws it is the bound of q restricted to the others ([`Accepted`]), whose entropy is never `entropy`:
    /// the mean of `log p - log q` over the accepted draws, plus ln(their share).
    pub fn bound<F: Family + ?Sized>(&mut self, family: &F, at: &Point, rejected: usize, entropy: Option<f64>) -> f64 {
        if rejected == self.z.num_draws {
            return f64::NAN;
        }
        if rejected == 0
            && let Some(entropy) = entropy
        {
            return self.mean_log_density(0) + entropy;
        }
        family.log_q(at.params, at.rows, &self.z, &mut self.log_q);
        self.mean_log_density(rejected) - weighted_sum(&self.log_q, &self.weights) + ln_accepted(at, rejected)
    }

    /// Mean of `pass.log_density` by the `weights` of `reject`, over the accepted draws.
    fn mean_log_density(&self, rejected: usize) -> f64 {
        if rejected == 0 {
            return lanes::dot(&self.pass.log_density, &self.weights);
        }
        weighted_sum(&self.pass.log_density, &self.weights)
    }
}

/// What a mean over the accepted draws pays for the others: ln(their share).
fn ln_accepted(at: &Point, rejected: usize) -> f64 {
    Accepted { count: at.num_draws - rejected, num_draws: at.num_draws }.ln_share()
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
fn chosen_draws(z: &Draws, weights: &[f64]) -> Draws {
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
fn weighted_sum(values: &[f64], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(x, w)| if *w == 0.0 { 0.0 } else { w * x }).sum()
}

/// Refuses a design other than independent draws.
fn independent(estimator: &str, at: &Point) -> Result<(), DensityError> {
    match at.design {
        Design::Independent => Ok(()),
        other => Err(DensityError(format!(
            "{estimator} needs independent draws, and the design is {other:?}; use `Design::Independent`"
        ))),
    }
}

/// Refuses parameters theta, of which an estimator from values alone has no gradient.
fn no_theta(estimator: &str, layout: &Layout) -> Result<(), DensityError> {
    match layout.num_parameters {
        0 => Ok(()),
        _ => Err(DensityError(format!(
            "{estimator} has no gradient for the model's parameters theta; use a pathwise estimator"
        ))),
    }
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
