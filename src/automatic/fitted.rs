//! [`Fitted`]: what a fit gives.

use std::sync::Arc;

use super::plan::Plan;
use super::restarts;
use super::start::StartReport;
use crate::algorithm::{FitError, Solution};
use crate::family::Family;
use crate::fit::{Stop, Trace};
use crate::model::Model;
use crate::posterior::{Loo, Posterior, RowLogLikelihood};
use crate::streams::Streams;
use crate::target::{Constrained, Replicated, Target};

/// A finished fit: the posterior with its verdict, and how it came about.
///
/// It reads like its [`Posterior`]: `fitted.summary()`, `fitted.verdict()`, `println!("{fitted}")`.
#[non_exhaustive]
pub struct Fitted {
    /// Fresh draws of the solution, the bound, and the verdict.
    pub posterior: Posterior,
    /// The recorded model; none for a density from elsewhere.
    pub target: Option<Target>,
    /// The family of the solution.
    pub family: Arc<dyn Family>,
    /// Parameters of q, and of the model.
    pub solution: Solution,
    /// Why the chosen run ended.
    pub stop: Stop,
    /// The objective along the chosen run.
    pub trace: Trace,
    /// Every run, each with randomness of its own; the solution is that of the best bound.
    pub restarts: Vec<Restart>,
    /// Which of the restarts the solution is.
    pub chosen: usize,
    /// What the search for a start found.
    pub start: StartReport,
    /// What was run, and why.
    pub plan: Plan,
    /// The streams everything was drawn from; use a purpose of your own for what comes after.
    pub streams: Streams,
    /// Density evaluations of the whole fit, one for each draw.
    pub evaluations: u64,
    /// Draws of the whole fit that had no finite density.
    pub rejected: u64,
}

/// One run of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Restart {
    /// Where it ended.
    pub solution: Solution,
    /// Why.
    pub stop: Stop,
    /// Its bound from fresh draws, shared by all restarts; NaN where no draw has a finite density.
    pub bound: f64,
    /// Standard error of the bound.
    pub bound_se: f64,
    /// Fresh draws without a finite density.
    pub rejected: usize,
    /// Log evidence by the same draws: of the part of the posterior that this run found.
    pub evidence: f64,
    /// Where each latent and integer outside of rows lies.
    pub(super) place: Vec<restarts::Place>,
}

impl Fitted {
    /// Leave-one-out cross-validation: see [`Posterior::loo`].
    ///
    /// # Errors
    /// As there, and for a density that is no recorded model.
    pub fn loo(&self) -> Result<Loo, FitError> {
        self.posterior.loo(self.recorded()?)
    }

    /// New data of every `observe`, at the first `num_draws` draws: see [`Posterior::predictive`].
    ///
    /// # Errors
    /// As there, and for a density that is no recorded model.
    pub fn predictive(&self, num_draws: usize) -> Result<Vec<Replicated>, FitError> {
        self.posterior.predictive(self.recorded()?, Some(&*self.family), num_draws)
    }

    /// Data as `model` would give them at the first `num_draws` draws: the fitted model with other rows.
    ///
    /// What is observed in `model` may be anything in the support; only its covariates are read.
    ///
    /// ```
    /// use jensen::prelude::*;
    ///
    /// struct Line { x: Column, y: Column }
    ///
    /// impl Model for Line {
    ///     fn log_joint(&self, p: &LogJoint) {
    ///         let (a, b) = (p.draw("a", normal(0.0, 5.0)), p.draw("b", normal(0.0, 5.0)));
    ///         p.rows(self.x.len(), |i| i.observe(self.y.at(i), normal(a + b * self.x.at(i), 0.1)));
    ///     }
    /// }
    ///
    /// let fitted = jensen::fit(&Line { x: Column::new([0.0, 1.0, 2.0]), y: Column::new([1.0, 3.0, 5.0]) })?;
    /// let new = Line { x: Column::new([10.0]), y: Column::new([0.0]) };
    /// let at_ten = &fitted.predict(&new, 1000)?[0];
    /// let mean = at_ten.values.iter().sum::<f64>() / 1000.0;
    /// assert!((mean - 21.0).abs() < 0.5);
    /// # Ok::<(), jensen::algorithm::FitError>(())
    /// ```
    ///
    /// # Errors
    /// When `model` has a mistake or other latents, or its rows have latents of their own, of which nothing is known for
    /// new rows.
    pub fn predict(&self, model: &(impl Model + ?Sized), num_draws: usize) -> Result<Vec<Replicated>, FitError> {
        let options = self.recorded()?.options();
        self.posterior.predictive(&Target::with_options(model, options)?, None, num_draws)
    }

    /// Draws of the latents of all rows at the first `num_draws` draws: see [`Posterior::row_draws`].
    ///
    /// # Errors
    /// As there, and for a density that is no recorded model.
    pub fn row_draws(&self, num_draws: usize) -> Result<Constrained, FitError> {
        self.posterior.row_draws(self.recorded()?, &*self.family, num_draws)
    }

    /// Fresh draws that agree with the table, as many as wanted: see [`Posterior::resample`].
    ///
    /// # Errors
    /// As there, and for a density that is no recorded model.
    pub fn resample(&self, num_draws: usize) -> Result<Constrained, FitError> {
        self.posterior.resample(self.recorded()?, &*self.family, num_draws)
    }

    /// The log-likelihood of every row at every draw: see [`Posterior::row_log_likelihood`].
    ///
    /// # Errors
    /// As there, and for a density that is no recorded model.
    pub fn row_log_likelihood(&self) -> Result<RowLogLikelihood, FitError> {
        self.posterior.row_log_likelihood(self.recorded()?, Some(&*self.family))
    }

    fn recorded(&self) -> Result<&Target, FitError> {
        self.target.as_ref().ok_or_else(|| {
            FitError::unsupported("density", "the density is no recorded model, and the fit does not keep it; write it as a `Model`, or give it to the \
                 functions of `Posterior`")
        })
    }
}

impl std::ops::Deref for Fitted {
    type Target = Posterior;

    fn deref(&self) -> &Posterior {
        &self.posterior
    }
}

impl std::fmt::Display for Fitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.posterior.fmt(f)
    }
}

impl std::fmt::Debug for Fitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("Fitted");
        out.field("target", &self.target).field("family", &self.family.name()).field("solution", &self.solution);
        out.field("stop", &self.stop)
            .field("restarts", &self.restarts)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Fitted;

    #[test]
    fn a_fit_can_leave_its_thread() {
        fn leaves<X: Send + Sync>() {}
        leaves::<Fitted>();
    }
}
