//! A temperature that is learned from the squared lengths of gradients on either side of it.

use super::rebar::{Learns, SLOPES, STEPS};

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

/// What the memory holds from `SLOPES` on: the logarithm over that of the start, the mean square of the slope, and the
/// mean squared length.
pub(super) const NUM_LEARNED: usize = 3;

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
    pub fn recall(start: f64, learns: Learns, memory: &[f64]) -> Temperature {
        let at = |k: usize| memory.get(k).copied().unwrap_or(0.0);
        let learned = (learns == Learns::Temperature).then(|| Learned { moved: at(SLOPES), steps: at(STEPS) });
        Temperature { start, learned }
    }

    pub fn of_draw(self, d: usize) -> f64 {
        match self.learned {
            None => self.start,
            Some(Learned { moved, steps }) => self.start * (moved + SIDE * side(d, steps)).exp(),
        }
    }

    /// One step down the slope of the variance.
    pub fn learn(self, squares: &[f64], share: &[f64], memory: &mut [f64]) {
        let (Some(Learned { moved, steps }), Some(own)) = (self.learned, memory.get_mut(STEPS..)) else { return };
        let counted = || squares.iter().zip(share).enumerate().filter(|(_, (_, s))| **s > 0.0);
        let mean: f64 = counted().map(|(_, (square, share))| square * share).sum();
        if mean <= 0.0 {
            return;
        }
        // The mean over earlier steps says nothing of the side, so it can be taken off.
        let known = if steps > 0.0 { own[3] } else { mean };
        let slope: f64 = counted().map(|(d, (square, share))| share * side(d, steps) * (square - known)).sum();
        let forget = if steps > 0.0 { DECAY } else { 0.0 };
        own[2] = forget * own[2] + (1.0 - forget) * slope * slope;
        own[3] = forget * own[3] + (1.0 - forget) * mean;
        own[0] = steps + 1.0;
        if own[2] > 0.0 {
            let moved = moved - RATE * (steps + DELAY).powf(-POWER) * (slope / own[2].sqrt()).clamp(-2.0, 2.0);
            own[1] = moved.clamp((RANGE.0 / self.start).ln().min(0.0), (RANGE.1 / self.start).ln().max(0.0));
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
            let mut memory = vec![0.0; SLOPES + NUM_LEARNED];
            let share = vec![1.0 / num_draws as f64; num_draws];
            for _ in 0..4000 {
                let now = Temperature::recall(start, Learns::Temperature, &memory);
                let length = |d| 1.0 + (now.of_draw(d) / 2.0).ln().powi(2);
                now.learn(&(0..num_draws).map(length).collect::<Vec<f64>>(), &share, &mut memory);
            }
            let found = start * memory[SLOPES].exp();
            assert!((found / 2.0).ln().abs() < 0.1, "from {start}: {found}");
        }
    }

    #[test]
    fn what_is_not_learned_stays() {
        let mut memory = vec![0.0; SLOPES];
        let fixed = Temperature::recall(0.5, Learns::Scale, &memory);
        fixed.learn(&[3.0, 1.0], &[0.5, 0.5], &mut memory);
        assert_eq!((fixed.of_draw(0), fixed.of_draw(1), memory), (0.5, 0.5, vec![0.0; SLOPES]));
    }
}
