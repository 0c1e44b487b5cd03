//! Coordinate ascent: responsibilities given parameters, parameters given responsibilities.

use std::sync::{Mutex, PoisonError};

use super::component::Component;
use super::pass::{Assign, Engine, MixtureState, Space};
use super::start::{MixtureStart, first_state};
use super::{MixtureError, Rows, Weights};
use crate::algorithm::{Algorithm, FitError, Step};

/// Coordinate ascent for a mixture.
///
/// A step makes one pass over the rows and reports the exact bound of the q it found, every constant included:
///
/// ```text
/// sum_n log sum_k exp(E[log weight_k] + E[log p(x_n | k)]) - KL(q(weights) || prior) - sum_k KL(q_k || prior)
/// ```
///
/// and then moves q. The bound never falls; a rise below the tolerance ends the fit. A pass costs O(rows x components x
/// cost of a density), needs no memory that grows with the rows, and gives the same bits for any number of threads.
///
/// *Source:* Bishop (2006), section 10.2, with the responsibilities at their optimum put into the bound.
pub struct CoordinateAscent<'a, R: ?Sized, C> {
    pub(super) engine: Engine<'a, R, C>,
    start: MixtureStart,
    seed: u64,
    tolerance: f64,
    space: Mutex<Space>,
}

impl<'a, R: Rows + ?Sized, C: Component> CoordinateAscent<'a, R, C> {
    /// A mixture of `k` components for `rows`.
    ///
    /// # Errors
    /// When a setting makes no sense, a cell does not fit the components, or there are more components than distinct rows.
    pub fn new(rows: &'a R, component: &'a C, weights: Weights, k: usize) -> Result<Self, MixtureError> {
        let engine = Engine { rows, component, weights, k };
        super::check::everything(&engine)?;
        Ok(CoordinateAscent { engine, start: MixtureStart::KMeans, seed: 0, tolerance: 1e-6, space: Mutex::default() })
    }

    /// Where to begin; [`MixtureStart::KMeans`] unless said otherwise.
    pub fn start(self, start: MixtureStart) -> Self {
        CoordinateAscent { start, ..self }
    }

    /// Seed of the start.
    pub fn seed(self, seed: u64) -> Self {
        CoordinateAscent { seed, ..self }
    }

    /// Rise of the bound, in nats, below which a fit has arrived; 1e-6 unless said otherwise.
    pub fn tolerance(self, tolerance: f64) -> Self {
        CoordinateAscent { tolerance, ..self }
    }

    /// The exact bound of a state; one pass.
    ///
    /// # Errors
    /// When a row has no finite density, or cannot be read.
    pub fn bound(&self, state: &MixtureState) -> Result<f64, MixtureError> {
        self.with_space(|space| {
            let log_sum = self.engine.whole(state, Assign::BoundOnly, space)?;
            Ok(self.engine.bound(state, log_sum, space))
        })
    }

    /// Lends the working room. The lock is not held meanwhile: a thread that waits for others may take up work that asks
    /// for the room again, and then finds an empty one.
    pub(super) fn with_space<T>(&self, work: impl FnOnce(&mut Space) -> T) -> T {
        let lock = || self.space.lock().unwrap_or_else(PoisonError::into_inner);
        let mut space = std::mem::take(&mut *lock());
        let out = work(&mut space);
        *lock() = space;
        out
    }

    fn advance(&self, state: &mut MixtureState, space: &mut Space) -> Result<Step, MixtureError> {
        let log_sum = self.engine.whole(state, Assign::Soft, space)?;
        let bound = self.engine.bound(state, log_sum, space);
        let gain = state.bound.map(|before| bound - before);
        self.engine.update(state, 1.0, 1.0, space);
        state.step += 1;
        state.bound = Some(bound);
        let mut step = Step::new(state.step, bound);
        step.evaluations = self.engine.rows.num_rows() as u64;
        step.grad_norm = gain.unwrap_or(0.0).abs();
        // Below its own rounding error a rise says nothing.
        step.converged = gain.filter(|g| *g < self.tolerance.max(1e-13 * bound.abs()));
        Ok(step)
    }
}

impl<R: Rows + ?Sized, C: Component> Algorithm for CoordinateAscent<'_, R, C> {
    type State = MixtureState;
    type Output = MixtureState;

    fn init(&self) -> Result<MixtureState, FitError> {
        Ok(self.with_space(|space| first_state(&self.engine, &self.start, self.seed, space))?)
    }

    fn step(&self, state: &mut MixtureState) -> Result<Step, FitError> {
        Ok(self.with_space(|space| self.advance(state, space))?)
    }

    fn output(&self, state: &MixtureState) -> MixtureState {
        state.clone()
    }
}
