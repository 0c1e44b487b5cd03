//! A temperature that is learned from the squared lengths of gradients on either side of it.

use serde::{Deserialize, Serialize};

use super::rebar::Learns;

/// How far the sides are from the temperature, in its logarithm.
const SIDE: f64 = 0.25;

/// A step of the logarithm, in steps' root mean squares, is `RATE (steps + DELAY)^-POWER`.
const RATE: f64 = 0.5;
const DELAY: f64 = 50.0;
const POWER: f64 = 0.6;

/// Decay of the mean square of the slope and of the mean of the squared lengths.
const DECAY: f64 = 0.99;

/// The temperatures that are tried.
const RANGE: (f64, f64) = (0.02, 50.0);

/// What has been learned of a temperature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct TemperatureState {
    steps: f64,
    /// The logarithm of the temperature over that of the start.
    moved: f64,
    /// Running means of the squared slope, and of the squared length.
    slope: f64,
    length: f64,
}

/// The temperatures of one step's draws.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Temperature {
    start: f64,
    /// Nothing where it is not learned.
    learned: Option<Learned>,
}

#[derive(Clone, Copy, Debug)]
struct Learned {
    /// The logarithm of the temperature over that of the start.
    moved: f64,
    steps: f64,
}

impl Temperature {
    pub fn recall(start: f64, learns: Learns, state: &TemperatureState) -> Temperature {
        let TemperatureState { steps, moved, .. } = *state;
        Temperature { start, learned: (learns == Learns::Temperature).then_some(Learned { moved, steps }) }
    }

    pub fn of_draw(self, d: usize) -> f64 {
        match self.learned {
            None => self.start,
            Some(Learned { moved, steps }) => self.start * (moved + SIDE * side(d, steps)).exp(),
        }
    }

    /// One step down the slope of the variance.
    pub fn learn(self, squares: &[f64], share: &[f64], state: &mut TemperatureState) {
        let Some(Learned { moved, steps }) = self.learned else { return };
        let counted = || squares.iter().zip(share).enumerate().filter(|(_, (_, s))| **s > 0.0);
        let mean: f64 = counted().map(|(_, (square, share))| square * share).sum();
        if mean <= 0.0 {
            return;
        }
        // The mean over earlier steps says nothing of the side, so it can be taken off.
        let known = if steps > 0.0 { state.length } else { mean };
        let slope: f64 = counted().map(|(d, (square, share))| share * side(d, steps) * (square - known)).sum();
        let forget = if steps > 0.0 { DECAY } else { 0.0 };
        state.slope = forget * state.slope + (1.0 - forget) * slope * slope;
        state.length = forget * state.length + (1.0 - forget) * mean;
        state.steps = steps + 1.0;
        if state.slope > 0.0 {
            let moved = moved - RATE * (steps + DELAY).powf(-POWER) * (slope / state.slope.sqrt()).clamp(-2.0, 2.0);
            state.moved = moved.clamp((RANGE.0 / self.start).ln().min(0.0), (RANGE.1 / self.start).ln().max(0.0));
        }
    }
}

/// The side of a draw, by turns also from step to step.
fn side(d: usize, steps: f64) -> f64 {
    if (d + steps as usize).is_multiple_of(2) { 1.0 } else { -1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_temperature_goes_where_gradients_are_short() {
        // Squared lengths 1 + (ln t - ln 2)^2: shortest at 2, wherever it starts.
        for (start, num_draws) in [(0.2, 1), (20.0, 1), (0.2, 4)] {
            let mut state = TemperatureState::default();
            let share = vec![1.0 / num_draws as f64; num_draws];
            for _ in 0..4000 {
                let now = Temperature::recall(start, Learns::Temperature, &state);
                let length = |d| 1.0 + (now.of_draw(d) / 2.0).ln().powi(2);
                now.learn(&(0..num_draws).map(length).collect::<Vec<f64>>(), &share, &mut state);
            }
            let found = start * state.moved.exp();
            assert!((found / 2.0).ln().abs() < 0.1, "from {start}: {found}");
        }
    }

    #[test]
    fn what_is_not_learned_stays() {
        let mut state = TemperatureState::default();
        let fixed = Temperature::recall(0.5, Learns::Scale, &state);
        fixed.learn(&[3.0, 1.0], &[0.5, 0.5], &mut state);
        assert_eq!((fixed.of_draw(0), fixed.of_draw(1), state), (0.5, 0.5, TemperatureState::default()));
    }
}
