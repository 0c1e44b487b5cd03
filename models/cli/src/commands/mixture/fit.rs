//! Fits for each number of components: coordinate ascent with restarts, or stochastic steps for many rows.

use crate::cli::progress::Progress;
use jensen::algorithm::{Algorithm, Step};
use jensen::fit::{MaxSteps, Stop, run};
use jensen::mixture::{
    Kind, MixtureError, MixtureFit, MixtureFitted, MixtureStart, Rows, StochasticMixture, StochasticSettings,
    TriedStart, Weights, adjusted_rand,
};
use std::ops::{ControlFlow, RangeInclusive};

/// What to fit, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// The kind of component.
    pub component: Kind,
    /// Numbers of components to try.
    pub k: RangeInclusive<usize>,
    /// Distinct rows, counted up to twice the largest number: more components cannot be fitted.
    pub distinct: usize,
    /// A process in place of a Dirichlet prior.
    pub process: Option<Weights>,
    /// Where a start begins.
    pub start: MixtureStart,
    /// Starts for each number.
    pub restarts: usize,
    /// Seed of the first start.
    pub seed: u64,
    /// Steps of each start at most.
    pub steps: Option<u64>,
    /// Rows of a stochastic step.
    pub batch: Option<usize>,
}

/// Steps of coordinate ascent unless said otherwise.
const STEPS: u64 = 2000;
/// Passes of a stochastic fit unless said otherwise.
const PASSES: u64 = 20;
/// Rise of the exact bound over the last tenth of a stochastic fit, in nats a row, at which it has arrived.
const SETTLED: f64 = 1e-3;

impl Request {
    /// The fit of every number of components, as far as `progress` lets it come.
    ///
    /// # Errors
    /// When a number of components does not suit the rows, or all its starts fail.
    pub fn fit(&self, rows: &dyn Rows, progress: &mut Progress) -> Result<Vec<MixtureFitted>, MixtureError> {
        let mut fits: Vec<MixtureFitted> = Vec::new();
        for k in self.k.clone() {
            match self.batch {
                None => fits.push(self.ascent(rows, k)?),
                Some(_) => match self.stochastic(rows, k, progress)? {
                    Some(fitted) => fits.push(fitted),
                    None => break,
                },
            }
            let done = fits.len() as u64;
            if self.batch.is_none() && progress.update_doing(done, || format!("K {k}")).is_break() {
                break;
            }
        }
        Ok(fits)
    }

    fn weights(&self, k: usize) -> Weights {
        self.process.unwrap_or_else(|| Weights::dirichlet(1.0 / k as f64))
    }

    fn ascent(&self, rows: &dyn Rows, k: usize) -> Result<MixtureFitted, MixtureError> {
        let mixture = MixtureFit::new(self.component.clone(), k).weights(self.weights(k)).start(self.start.clone());
        let mixture = mixture.restarts(self.restarts).seed(self.seed).max_steps(self.steps.unwrap_or(STEPS));
        mixture.run(rows)
    }

    /// What progress counts: numbers of components, or steps of a stochastic fit.
    pub fn total(&self, rows: &dyn Rows) -> u64 {
        let each = if self.batch.is_some() { self.restarts as u64 * self.stochastic_steps(rows) } else { 1 };
        self.k.clone().count() as u64 * each
    }

    fn stochastic_steps(&self, rows: &dyn Rows) -> u64 {
        let pass = rows.num_blocks().div_ceil(self.blocks(rows)) as u64;
        self.steps.unwrap_or(PASSES * pass)
    }

    fn blocks(&self, rows: &dyn Rows) -> usize {
        self.batch.unwrap_or(1).div_ceil(rows.block_rows())
    }

    /// The best of the starts, or nothing where an interrupt left none.
    fn stochastic(
        &self,
        rows: &dyn Rows,
        k: usize,
        progress: &mut Progress,
    ) -> Result<Option<MixtureFitted>, MixtureError> {
        let mut fits: Vec<MixtureFitted> = Vec::new();
        for start in 0..self.restarts {
            let before = (k - self.k.start()) * self.restarts + start;
            let done = before as u64 * self.stochastic_steps(rows);
            match self.one(rows, k, self.seed.wrapping_add(start as u64), done, progress)? {
                Some(fitted) => fits.push(fitted),
                None => break,
            }
        }
        let Some(best) = fits.iter().max_by(|a, b| a.bound.total_cmp(&b.bound)) else { return Ok(None) };
        if fits.len() == 1 {
            let mut best = best.clone();
            best.starts = vec![TriedStart::new(best.bound, 1.0)];
            return Ok(Some(best));
        }
        let reference = best.labels(rows)?;
        let report = |fit: &MixtureFitted| {
            let agreement = adjusted_rand(&reference, &fit.labels(rows)?);
            Ok(TriedStart::new(fit.bound, agreement))
        };
        let starts: Result<Vec<_>, MixtureError> = fits.iter().map(report).collect();
        let mut best = best.clone();
        best.starts = starts?;
        Ok(Some(best))
    }

    /// One start; nothing where an interrupt ended it.
    fn one(
        &self,
        rows: &dyn Rows,
        k: usize,
        seed: u64,
        done: u64,
        progress: &mut Progress,
    ) -> Result<Option<MixtureFitted>, MixtureError> {
        let settings = StochasticSettings::default().batch(self.blocks(rows)).seed(seed);
        let algorithm = StochasticMixture::new(rows, &self.component, self.weights(k), k, settings)?;
        let algorithm = algorithm.start(self.start.clone());
        let steps = self.stochastic_steps(rows);
        let mut state = algorithm.init()?;
        let mut observer = |step: &Step| -> ControlFlow<()> { progress.update(done + step.index, step.objective) };
        let mut before = f64::NEG_INFINITY;
        for limit in [steps - steps.div_ceil(10), steps] {
            if limit > 0 {
                let stop = run(&algorithm, &mut state, &mut MaxSteps(limit), &mut observer)?;
                if matches!(stop, Stop::Interrupted { .. }) {
                    return Ok(None);
                }
            }
            if limit < steps {
                before = algorithm.bound(&state)?;
            }
        }
        let bound = algorithm.bound(&state)?;
        let statistic = (bound - before).abs() / rows.num_rows() as f64;
        let stop = if statistic < SETTLED { Stop::Converged { steps, statistic } } else { Stop::Budget { steps } };
        let mut fitted = MixtureFitted::from_state(self.component.clone(), self.weights(k), state, bound, stop);
        fitted.notes = jensen::mixture::Component::notes(&self.component);
        Ok(Some(fitted))
    }
}
