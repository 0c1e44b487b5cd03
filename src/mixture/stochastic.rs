//! Stochastic natural gradient: the update of coordinate ascent, part of the way, from some of the blocks.

use std::sync::{Mutex, PoisonError};

use super::component::Component;
use super::pass::{Assign, Engine, MixtureState, Space};
use super::start::{MixtureStart, first_state};
use super::{MixtureError, Rows, Weights};
use crate::algorithm::{Algorithm, FitError, Step};
use crate::streams::Streams;

/// Stochastic natural gradient for a mixture, with step sizes `(step + delay)^-forgetting`.
///
/// Each step takes `batch` blocks, without replacement within a pass and in a new order every pass, scales their sums
/// to all blocks, and moves the natural parameters part of the way. Rows of one block stay together: shuffle sorted
/// data before. Blocks count equally, so the rows of a short last block count a little more.
/// The reported objective is the batch's noisy estimate of the bound.
///
/// *Source:* Hoffman, Blei, Wang and Paisley (2013), "Stochastic variational inference", section 2.
pub struct StochasticMixture<'a, R: ?Sized, C> {
    engine: Engine<'a, R, C>,
    start: MixtureStart,
    settings: StochasticSettings,
    space: Mutex<(Space, Vec<u32>)>,
}

/// The settings of a stochastic fit: blocks of a step, and how step sizes fall.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct StochasticSettings {
    /// Blocks in a step.
    pub batch: usize,
    /// Slows the first steps; 1 or more.
    pub delay: f64,
    /// Between 0.5 (exclusive) and 1: how fast step sizes fall.
    pub forgetting: f64,
    /// Of the start and the order of the blocks.
    pub seed: u64,
}

impl Default for StochasticSettings {
    fn default() -> Self {
        StochasticSettings { batch: 4, delay: 1.0, forgetting: 0.7, seed: 0 }
    }
}

impl StochasticSettings {
    /// Blocks in a step.
    #[must_use]
    pub fn batch(self, batch: usize) -> Self {
        StochasticSettings { batch, ..self }
    }

    /// Slows the first steps.
    #[must_use]
    pub fn delay(self, delay: f64) -> Self {
        StochasticSettings { delay, ..self }
    }

    /// Chooses how fast step sizes fall, between 0.5 (exclusive) and 1.
    #[must_use]
    pub fn forgetting(self, forgetting: f64) -> Self {
        StochasticSettings { forgetting, ..self }
    }

    /// The seed of the start and of the order of the blocks.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        StochasticSettings { seed, ..self }
    }
}

impl StochasticSettings {
    fn check(&self) -> Result<(), MixtureError> {
        let StochasticSettings { batch, delay, forgetting, .. } = *self;
        if batch == 0 || !(delay >= 1.0 && delay.is_finite()) || !(forgetting > 0.5 && forgetting <= 1.0) {
            let text = format!(
                "batch {batch}, delay {delay}, forgetting {forgetting}; need a block or more, 1 or more, and above 0.5 up to 1"
            );
            return Err(MixtureError::setting("stochastic", text));
        }
        Ok(())
    }
}

impl<'a, R: Rows + ?Sized, C: Component> StochasticMixture<'a, R, C> {
    /// A mixture of `k` components for `rows`.
    ///
    /// # Errors
    /// When a setting makes no sense, a cell does not fit the components, or there are more components than distinct rows.
    pub fn new(
        rows: &'a R,
        component: &'a C,
        weights: Weights,
        k: usize,
        settings: StochasticSettings,
    ) -> Result<Self, MixtureError> {
        settings.check()?;
        let engine = Engine { rows, component, weights, k };
        super::check::everything(&engine)?;
        Ok(StochasticMixture { engine, start: MixtureStart::KMeans, settings, space: Mutex::default() })
    }

    /// Where to begin; [`MixtureStart::KMeans`] unless said otherwise.
    pub fn start(self, start: MixtureStart) -> Self {
        StochasticMixture { start, ..self }
    }

    /// The exact bound of a state; one pass over all rows.
    ///
    /// # Errors
    /// When a row has no finite density, or cannot be read.
    pub fn bound(&self, state: &MixtureState) -> Result<f64, MixtureError> {
        self.with_space(|(space, _)| {
            let log_sum = self.engine.whole(state, Assign::BoundOnly, space)?;
            Ok(self.engine.bound(state, log_sum, space))
        })
    }

    /// Lends the working room, without holding the lock meanwhile (as [`super::CoordinateAscent`] does).
    fn with_space<T>(&self, work: impl FnOnce(&mut (Space, Vec<u32>)) -> T) -> T {
        let lock = || self.space.lock().unwrap_or_else(PoisonError::into_inner);
        let mut space = std::mem::take(&mut *lock());
        let out = work(&mut space);
        *lock() = space;
        out
    }

    /// The blocks of step number `step` (from 0), into `order`'s first entries.
    fn batch(&self, step: u64, order: &mut Vec<u32>) -> usize {
        let num_blocks = self.engine.rows.num_blocks();
        let batch = self.settings.batch.min(num_blocks);
        // Steps of a pass; blocks that do not fill a last batch wait for the next pass.
        let steps = (num_blocks / batch) as u64;
        order.resize(num_blocks, 0);
        Streams::new(self.settings.seed).at_step(step / steps).permutation(num_blocks, order);
        order.rotate_left((step % steps) as usize * batch);
        batch
    }

    fn advance(&self, state: &mut MixtureState, (space, order): &mut (Space, Vec<u32>)) -> Result<Step, MixtureError> {
        let batch = self.batch(state.step, order);
        let scale = self.engine.rows.num_blocks() as f64 / batch as f64;
        let log_sum = self.engine.pass(state, batch, &|b| order[b] as usize, Assign::Soft, space)?;
        let bound = self.engine.bound(state, scale * log_sum, space);
        let rate = (state.step as f64 + self.settings.delay).powf(-self.settings.forgetting);
        self.engine.update(state, rate, scale, space);
        state.step += 1;
        state.bound = Some(bound);
        let mut step = Step::new(state.step, bound);
        step.evaluations = (batch * self.engine.rows.block_rows()) as u64;
        Ok(step)
    }
}

impl<R: Rows + ?Sized, C: Component> Algorithm for StochasticMixture<'_, R, C> {
    type State = MixtureState;
    type Output = MixtureState;

    fn init(&self) -> Result<MixtureState, FitError> {
        Ok(self.with_space(|space| first_state(&self.engine, &self.start, self.settings.seed, &mut space.0))?)
    }

    fn step(&self, state: &mut MixtureState) -> Result<Step, FitError> {
        Ok(self.with_space(|space| self.advance(state, space))?)
    }

    fn output(&self, state: &MixtureState) -> MixtureState {
        state.clone()
    }
}
