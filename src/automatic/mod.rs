//! The automatic fit: a start, a family and an algorithm chosen for the model, each of them open to choice.

mod adapters;
mod around;
mod builder;
mod by_value;
mod candidates;
mod centring;
mod choices;
mod compare;
mod conditional;
mod density;
mod estimators;
mod families;
mod fitted;
mod flips;
mod flows;
mod improper;
mod integers;
mod job;
mod level;
mod measured;
mod modes;
mod objectives;
mod own;
mod parts;
mod plan;
mod recentred;
mod restarts;
#[cfg(feature = "argmin")]
mod rounds;
mod run;
mod runs;
mod start;
mod structure;
mod summing;
mod tried;
mod units;

pub use builder::Fit;
pub use choices::{DesignChoice, EstimatorChoice, FamilyChoice, IntegerChoice, OptimizerChoice, UnknownChoice};
pub use compare::Compare;
pub use estimators::{EstimatorEntry, MixedEstimator, MixedFamily, RealEstimator, estimators};
pub use families::family_of;
pub use fitted::Fitted;
pub use own::OwnNames;
pub use parts::{Begin, EstimatorPart, FamilyPart, OptimizerPart, OwnAlgorithm};
pub use plan::Plan;
pub use start::StartReport;
pub use tried::{Restart, Tried};

use crate::algorithm::FitError;
use crate::model::Model;

/// Fits `model` with defaults that need no tuning.
///
/// ```
/// use jensen::prelude::*;
///
/// /// x_i ~ N(mu, 1), mu ~ N(0, 10)
/// struct Mean { x: Column }
///
/// impl Model for Mean {
///     fn log_joint(&self, p: &LogJoint) {
///         let mu = p.draw("mu", normal(0.0, 10.0));
///         p.rows(self.x.len(), |i| i.observe(self.x.at(i), normal(mu, 1.0)));
///     }
/// }
///
/// let fitted = jensen::fit(&Mean { x: Column::new([1.0, 2.0, 3.0]) })?;
/// assert!(fitted.stop.has_converged());
/// // the table, the bound, k-hat and the verdict
/// let report = fitted.to_string();
/// assert!(report.contains("mu"));
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
///
/// # Errors
/// As [`Fit::run`].
pub fn fit(model: &(impl Model + ?Sized)) -> Result<Fitted, FitError> {
    Fit::new(model).run()
}
