//! Gradient estimators: one file each, to be read beside its paper.
//!
//! An estimator draws from q, asks the target for densities (and gradients), and adds an estimate of the
//! objective's gradient in the parameters of q and of the model.

mod delegate;
mod control_variate;
mod design;
mod groups;
mod discrete;
mod hybrid;
mod importance;
mod measure_valued;
mod mixed;
mod multi_sample;
mod pathwise;
mod score;
mod sticking;

pub use control_variate::{ControlVariate, Curvature};
pub use design::Design;
pub use discrete::{Arm, DisArm, DiscreteGradient, Enumerate, Lanes, LeaveOneOut, LocalExpectation, Shape};
pub use hybrid::{Hybrid, RealGradient};
pub use importance::{Vimco, WakePhase};
pub use measure_valued::MeasureValued;
pub use mixed::Mixed;
pub use multi_sample::{DoublyReparameterized, ImportanceWeightedPathwise, RenyiPathwise};
pub use pathwise::{Entropy, Pathwise};
pub use score::{Baseline, Overdispersed, RaoBlackwell, ScoreFunction};
pub use sticking::StickingTheLanding;

use crate::family::{Family, Reparam, lanes};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;
use crate::target::{DensityError, Pass};
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
    moved: measure_valued::Moved,
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
    /// Overwrites `weights` with one over the number of accepted draws, zero for a rejected one, and `z_bar` of a
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

    /// `grad_theta += share * self.grad_theta`, unless draws were rejected: one of them would have poisoned the sum.
    pub fn add_theta(&self, rejected: usize, share: f64, grad_theta: &mut [f64]) {
        add_theta(self, rejected, share, grad_theta);
    }

    /// Mean of `pass.log_density` by the `weights` of `reject`, over the accepted draws; NaN when there is none.
    pub fn mean_log_density(&self, rejected: usize) -> f64 {
        if rejected == self.z.num_draws {
            return f64::NAN;
        }
        if rejected == 0 {
            return lanes::dot(&self.pass.log_density, &self.weights);
        }
        let terms = self.pass.log_density.iter().zip(&self.weights);
        terms.filter(|(_, w)| **w > 0.0).map(|(l, w)| w * l).sum()
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

/// `bar_d *= weight_d` for all latents.
fn scale_draws(bar: &mut Draws, weights: &[f64]) {
    let n = bar.num_draws;
    if n == 1 {
        let all = bar.latents.iter_mut().chain(&mut bar.row_latents);
        return all.for_each(|g| *g *= weights[0]);
    }
    for lane in bar.latents.chunks_exact_mut(n).chain(bar.row_latents.chunks_exact_mut(n)) {
        for (g, w) in lane.iter_mut().zip(weights) {
            *g *= w;
        }
    }
}

/// Adds theta's gradient when every draw counted; a rejected draw would have poisoned the sum.
fn add_theta(space: &Space, rejected: usize, share: f64, grad_theta: &mut [f64]) {
    if rejected == 0 {
        for (t, g) in grad_theta.iter_mut().zip(&space.grad_theta) {
            *t += share * g;
        }
    }
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
