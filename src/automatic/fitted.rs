//! [`Fitted`]: what a fit gives.

use std::path::Path;
use std::sync::Arc;

use super::plan::Plan;
use super::tried::Tried;
use crate::algorithm::{FitError, Solution};
use crate::diagnose::verdict::{Evidence, Verdict};
use crate::export::FileError;
use crate::family::Family;
use crate::fit::Stop;
use crate::model::Model;
use crate::posterior::{Bound, Loo, LooPit, Posterior, PowerScaling, Proposal, RowLogLikelihood, Summary};
use crate::streams::Streams;
use crate::target::{Constrained, Replicated, Target};

/// A finished fit: the posterior with its verdict, and how it came about.
///
/// What is asked most is answered here: `fitted.summary()`, `fitted.verdict()`, `println!("{fitted}")`; all else by its
/// [`posterior`](Self::posterior).
///
/// ```
/// use jensen::prelude::*;
///
/// let coin = model(|p| {
///     let chance = p.draw("chance", beta(1.0, 1.0));
///     p.derive("odds", chance / (1.0 - chance));
///     p.observe(7.0, binomial(10, chance));
/// });
/// let fitted = jensen::fit(&coin)?;
/// println!("{fitted}"); // the table, the bound, the verdict
/// let (chance, draws) = (&fitted.summary()[0], fitted.draws("odds").unwrap());
/// assert!((chance.mean - 8.0 / 12.0).abs() < 0.01); // Beta(8, 4)
/// assert_eq!(draws.len(), fitted.posterior.num_draws());
/// let again = fitted.predictive(100)?; // ten new throws, a hundred times
/// assert!(again[0].values.iter().all(|heads| (0.0..=10.0).contains(heads)));
/// # Ok::<(), jensen::algorithm::FitError>(())
/// ```
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
    /// The reason for which the chosen run ended.
    pub stop: Stop,
    /// The search for a start, every run, and the objective along the chosen one.
    pub tried: Tried,
    /// The plan that was run, with its reasons.
    pub plan: Plan,
    /// The streams everything was drawn from; use a purpose of your own for what comes after.
    pub streams: Streams,
    /// Density evaluations of the whole fit, one for each draw.
    pub evaluations: u64,
    /// Draws of the whole fit that had no finite density.
    pub rejected: u64,
}

impl Fitted {
    /// The table of the posterior: see [`Posterior::summary`].
    pub fn summary(&self) -> Vec<Summary> {
        self.posterior.summary()
    }

    /// Whether to trust it: see [`Posterior::verdict`].
    pub fn verdict(&self) -> &Verdict {
        self.posterior.verdict()
    }

    /// The bound on the log evidence: see [`Posterior::bound`].
    pub fn bound(&self) -> &Bound {
        self.posterior.bound()
    }

    /// The numbers behind the verdict: see [`Posterior::evidence`].
    pub fn evidence(&self) -> &Evidence {
        self.posterior.evidence()
    }

    /// Pareto k-hat of the importance weights: see [`Posterior::k_hat`].
    pub fn k_hat(&self) -> f64 {
        self.posterior.k_hat()
    }

    /// Draws that agree with the table, of one quantity: see [`Posterior::draws`].
    pub fn draws(&self, name: &str) -> Option<Vec<f64>> {
        self.posterior.draws(name)
    }

    /// Draws that agree with the table, of all quantities: see [`Posterior::constrained`].
    pub fn constrained(&self) -> Constrained {
        self.posterior.constrained()
    }

    /// q's own draws: see [`Posterior::proposal`].
    pub fn proposal(&self) -> &Proposal {
        self.posterior.proposal()
    }

    /// Learnable parameters of the model: see [`Posterior::theta`].
    pub fn theta(&self) -> &[f64] {
        self.posterior.theta()
    }

    /// Saves everything but the model: see [`Posterior::save`].
    ///
    /// # Errors
    /// As there.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        self.posterior.save(path)
    }

    /// Leave-one-out cross-validation: see [`Posterior::loo`].
    ///
    /// # Errors
    /// As there, and for a density that is no recorded model.
    pub fn loo(&self) -> Result<Loo, FitError> {
        self.posterior.loo(self.recorded()?)
    }

    /// Where each observed value falls among new ones, its row left out: see [`Posterior::loo_pit`].
    ///
    /// # Errors
    /// As there, and for a density that is no recorded model.
    pub fn loo_pit(&self) -> Result<Vec<LooPit>, FitError> {
        self.posterior.loo_pit(self.recorded()?)
    }

    /// Sensitivity to the prior and to the data: see [`Posterior::power_scaling`].
    ///
    /// # Errors
    /// As there, and for a density that is no recorded model.
    pub fn power_scaling(&self, priors: Option<&[&str]>) -> Result<PowerScaling, FitError> {
        self.posterior.power_scaling(self.recorded()?, Some(&*self.family), priors)
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
        let target = Target::in_coordinates(model, options, self.posterior.layout())?;
        self.posterior.predictive(&target, None, num_draws)
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

impl std::fmt::Display for Fitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.posterior.fmt(f)
    }
}

impl std::fmt::Debug for Fitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("Fitted");
        out.field("target", &self.target).field("family", &self.family.name()).field("solution", &self.solution);
        out.field("stop", &self.stop).field("tried", &self.tried).field("plan", &self.plan).finish_non_exhaustive()
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
