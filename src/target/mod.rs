//! Targets: what an algorithm sees of a model, at three doors.
//!
//! [`Target`] is a recorded [`Model`](crate::model::Model); [`HandWritten`] a density with its own gradient; [`ValueOnly`] a density without one.

mod at_state;
mod constrained;
mod coordinates;
mod data;
mod delegate;
mod error;
mod factored;
mod functions;
#[cfg(test)]
mod fused_tests;
mod graph;
mod other_data;
mod parts;
mod pass;
mod recorded;
mod relaxed;
mod schedule;
mod simulate;
mod states;
mod summed;

pub(crate) use at_state::AtState;
pub use constrained::Constrained;
pub(crate) use coordinates::Frames;
pub use error::{DensityError, DensityErrorKind, TargetError};
pub use factored::Factored;
pub use functions::{HandWritten, ValueOnly, check_gradient};
pub use other_data::OnData;
pub use parts::{DrawnSite, PriorOf};
pub use pass::Pass;
pub use recorded::{Options, Precision, Target, Workers};
pub use simulate::{Replicated, Simulation, SimulationError};
pub(crate) use summed::with_integers;

use crate::model::{Draws, Layout, RowSet};
use crate::program::LatentGraph;

/// An unnormalised log density log p(x, z) over blocks of draws.
///
/// Everything is in the unconstrained space, Jacobians included. A draw at which the density cannot be
/// evaluated gets a non-finite value; estimators count such draws as rejected.
pub trait LogDensity: Sync {
    /// The latents, parameters and rows of the density.
    fn layout(&self) -> &Layout;

    /// Overwrites `out` with the log density of each draw of `z`.
    ///
    /// # Errors
    /// When the density can never be evaluated, whatever the draw: the fit stops with this error.
    fn log_density(&self, theta: &[f64], z: &Draws, rows: &RowSet, out: &mut Pass) -> Result<(), DensityError>;

    /// Whether prior and data terms are told apart, so that the data term and KL form of the bound and prior draws exist.
    fn separates_data(&self) -> bool {
        false
    }

    /// Why the terms of a row are not its log-likelihood, in words; nothing where they are.
    ///
    /// A density that tells prior and data apart has them; a recorded model needs no more than data that are observed in
    /// rows which have no bare term.
    fn lacks_row_likelihoods(&self) -> Option<String> {
        let words = "the density does not tell data from priors; write it with `draw` and `observe` alone";
        (!self.separates_data()).then(|| words.into())
    }

    /// Relative error of one rounding in the arithmetic of the density.
    fn unit_roundoff(&self) -> f64 {
        f64::EPSILON
    }

    /// Which unconstrained latents meet in the density, where that is known.
    fn known_graph(&self) -> Option<&LatentGraph> {
        None
    }

    /// This density as one that tells its terms apart, where it does.
    fn factored(&self) -> Option<&dyn Factored> {
        None
    }

    /// This density with the weights of each integer's values as real latents in the place of the integer, behind the
    /// other latents: first those of the integers outside of rows, in the order of draws, and so for the integers of
    /// rows. At a corner of the simplex it has this density's value.
    ///
    /// # Errors
    /// When it has no relaxation; the words name the site and what it is used for.
    fn relaxed(&self) -> Result<&dyn Differentiable, DensityError> {
        Err(DensityError::unsupported(
            "this density has no relaxation of its integers, which a recorded model has; use leave-one-out",
        ))
    }

    /// This density as a target that sums out integers, which it can draw; none where it sums out none.
    fn summed(&self) -> Option<&Target> {
        None
    }

    /// This density as one with a gradient: `Some(self)` for every [`Differentiable`], so that a fit finds it.
    fn differentiable(&self) -> Option<&dyn Differentiable> {
        None
    }

    /// The place in the source, and the row, of the first term that is not a finite number at the first draw of `z`, which holds
    /// all rows; in words. Nothing where there is none, or where nobody knows.
    fn not_finite_at(&self, theta: &[f64], z: &Draws) -> Option<String> {
        let _ = (theta, z);
        None
    }

    /// The threads it runs on, for other work between its passes.
    fn workers(&self) -> Option<&Workers> {
        None
    }

    /// Named values of everything outside of rows, in the space the model was written in: latents, integers,
    /// parameters and derived quantities. The latents of rows in `z` are not looked at. What depends on integers that the
    /// density sums out is not a number where `z` does not hold them.
    ///
    /// A density without a model gives its latents as they are.
    fn constrained(&self, theta: &[f64], z: &Draws) -> Constrained {
        constrained::unchanged(self.layout(), theta, z)
    }

    /// Named values of the sites inside of rows, for the rows of the pass; none without a model.
    fn constrained_rows(&self, theta: &[f64], z: &Draws, rows: &RowSet) -> Constrained {
        let _ = (theta, rows);
        Constrained { num_rows: z.num_rows, num_draws: z.num_draws, ..Constrained::default() }
    }
}

/// A density with a gradient in its real latents and in theta.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no gradient",
    label = "this density only has values",
    note = "implement `Differentiable`, or use the `ScoreFunction` estimator, which needs no gradient"
)]
pub trait Differentiable: LogDensity {
    /// As `log_density`, and overwrites `grad_z` and `grad_theta` with the gradient of
    /// `sum_d draw_weights[d] * log_density[d]` (weights one when `out.draw_weights` is empty).
    ///
    /// # Errors
    /// As [`LogDensity::log_density`].
    fn log_density_and_gradient(
        &self,
        theta: &[f64],
        z: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        grad_z: &mut Draws,
        grad_theta: &mut [f64],
    ) -> Result<(), DensityError>;
}
