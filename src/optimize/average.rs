//! Averages of the iterates, in memory of the order of one or two iterates.

use serde::{Deserialize, Serialize};

use super::OptimizeError;
use super::error::{require, require_decay};

/// Which average of the iterates `x_1, .., x_t` is the answer.
///
/// A stochastic rule never comes to rest: its last iterate carries the noise of the last steps, an
/// average of a stationary stretch does not.
///
/// ```
/// use jensen::optimize::Average;
///
/// let average = Average::Polynomial { eta: 8.0 };
/// let mut state = average.init(&[0.0]);
/// for x in [1.0, 2.0, 3.0] {
///     average.update(&mut state, &[x]);
/// }
/// let mut answer = [0.0];
/// average.write(&state, &mut answer);
/// assert!(answer[0] > 2.0); // later iterates weigh more
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Average {
    /// The last iterate.
    Last,
    /// `mean += (eta + 1) / (t + eta) * (x_t - mean)`: the weight of an iterate grows as `t^eta`, so
    /// that about the last `1 / (eta + 1)` of the run decides, however long the run is.
    ///
    /// *Source*: Shamir and Zhang 2013, section 3.2, polynomial-decay averaging.
    Polynomial {
        /// Power of the weights; 0 is the plain mean.
        eta: f64,
    },
    /// The plain mean of the last half to three quarters of the iterates.
    ///
    /// A new mean is begun whenever `t` is a power of two and the one before it is kept: with
    /// `2^k <= t < 2^(k+1)` the answer is the mean of `x_i` for `i >= 2^(k-1)`.
    Tail,
    /// Weights `decay^(t - i)`, normalised: a window of about `1 / (1 - decay)` iterates.
    Exponential {
        /// Factor by which the weight of an iterate shrinks at each later one.
        decay: f64,
    },
}

const OTHER_LENGTH: &str = "the state belongs to params of another length";

/// The state of [`Average`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AverageState {
    num_iterates: u64,
    decay_power: f64,
    mean: Vec<f64>,
    num_older: u64,
    older: Vec<f64>,
}

impl Average {
    /// The state before the first iterate; until then the answer is `params`, the starting point.
    #[must_use]
    pub fn init(&self, params: &[f64]) -> AverageState {
        let older = if *self == Self::Tail { params.to_vec() } else { Vec::new() };
        AverageState { num_iterates: 0, decay_power: 1.0, mean: params.to_vec(), num_older: 0, older }
    }

    /// Takes in the next iterate `params`, without heap allocation.
    ///
    /// # Panics
    /// If `params` does not have the length given to [`init`](Average::init).
    pub fn update(&self, state: &mut AverageState, params: &[f64]) {
        assert_eq!(state.mean.len(), params.len(), "{OTHER_LENGTH}");
        state.num_iterates += 1;
        let weight = self.weight(state);
        if weight == 1.0 {
            state.mean.copy_from_slice(params);
            return;
        }
        for (mean, param) in state.mean.iter_mut().zip(params) {
            *mean += weight * (param - *mean);
        }
    }

    /// Whether `state` can go on with `num_params` params.
    pub fn fits(&self, state: &AverageState, num_params: usize) -> bool {
        let older = *self != Self::Tail || state.num_older == 0 || state.older.len() == num_params;
        state.mean.len() == num_params && older
    }

    /// Overwrites `params` with the average so far.
    ///
    /// # Panics
    /// If `params` does not have the length given to [`init`](Average::init).
    pub fn write(&self, state: &AverageState, params: &mut [f64]) {
        assert_eq!(state.mean.len(), params.len(), "{OTHER_LENGTH}");
        params.copy_from_slice(&state.mean);
        if *self == Self::Tail && state.num_older > 0 {
            let num_recent = (state.num_iterates + 1).saturating_sub(2 * state.num_older);
            let share = state.num_older as f64 / (state.num_older + num_recent) as f64;
            for (param, older) in params.iter_mut().zip(&state.older) {
                *param += share * (older - *param);
            }
        }
    }

    /// Refuses a negative power and a decay outside [0, 1).
    ///
    /// # Errors
    /// [`OptimizeError::Setting`] for the setting out of range.
    pub fn check(&self) -> Result<(), OptimizeError> {
        match *self {
            Self::Last | Self::Tail => Ok(()),
            Self::Polynomial { eta } => {
                require((0.0..f64::INFINITY).contains(&eta), "polynomial.eta", eta, "zero or more", "8")
            }
            Self::Exponential { decay } => require_decay("exponential.decay", decay, "0.999"),
        }
    }

    /// The weight of the newest iterate against the mean it joins.
    fn weight(&self, state: &mut AverageState) -> f64 {
        match *self {
            Self::Last => 1.0,
            Self::Polynomial { eta } => (eta + 1.0) / (state.num_iterates as f64 + eta),
            Self::Exponential { decay } => {
                state.decay_power *= decay;
                (1.0 - decay) / (1.0 - state.decay_power)
            }
            Self::Tail => {
                let num_iterates = state.num_iterates;
                if num_iterates > 1 && num_iterates.is_power_of_two() {
                    // makes room once, for a state resumed from another average
                    state.older.resize(state.mean.len(), 0.0);
                    std::mem::swap(&mut state.mean, &mut state.older);
                    state.num_older = num_iterates / 2;
                }
                // the current mean began at the largest power of two up to here
                let begun = if state.num_older == 0 { 1 } else { 2 * state.num_older };
                1.0 / (num_iterates + 1).saturating_sub(begun) as f64
            }
        }
    }
}

impl Default for Average {
    /// Polynomial with `eta = 8`: about the last ninth of the run.
    fn default() -> Self {
        Self::Polynomial { eta: 8.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer after `iterates`, each beside its negative.
    fn answer(average: Average, iterates: &[f64]) -> f64 {
        let mut state = average.init(&[99.0, -99.0]);
        for x in iterates {
            average.update(&mut state, &[*x, -x]);
        }
        let mut params = [0.0; 2];
        average.write(&state, &mut params);
        assert_eq!(params[0], -params[1]);
        params[0]
    }

    fn squares(num: u32) -> Vec<f64> {
        (1..=num).map(|i| f64::from(i * i)).collect()
    }

    /// One update rounds three times: `3 * num` half ulps of the largest iterate bound a mean of `num`.
    fn close(found: f64, expected: f64, iterates: &[f64]) {
        let largest = iterates.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let tolerance = 1.5 * f64::EPSILON * iterates.len() as f64 * largest;
        assert!((found - expected).abs() <= tolerance, "{found} vs {expected} (+- {tolerance})");
    }

    #[test]
    fn before_the_first_iterate_the_answer_is_the_start() {
        for average in [Average::Last, Average::Tail, Average::default(), Average::Exponential { decay: 0.9 }] {
            assert_eq!(answer(average, &[]), 99.0);
            assert_eq!(answer(average, &[5.0]), 5.0, "and then the first iterate: {average:?}");
        }
    }

    #[test]
    fn tail_is_the_mean_from_half_the_last_power_of_two() {
        let iterates = squares(40);
        for num in 1..=40_usize {
            let first = [1, 1, 1, 2, 4, 8, 16][(num as f64).log2() as usize + 1];
            let tail = &iterates[first - 1..num];
            let expected = tail.iter().sum::<f64>() / tail.len() as f64;
            close(answer(Average::Tail, &iterates[..num]), expected, tail);
            assert!(2 * tail.len() >= num && (num < 4 || 4 * tail.len() <= 3 * num + 3), "{num}");
        }
    }

    #[test]
    fn polynomial_weights_are_rising_products() {
        // unrolled by hand for eta = 2: x_i has weight i (i + 1) / 2 times 6 / (t (t + 1) (t + 2))
        let iterates = squares(12);
        let sum: f64 = iterates.iter().zip(1..).map(|(x, i)| x * f64::from(i * (i + 1) / 2)).sum();
        close(answer(Average::Polynomial { eta: 2.0 }, &iterates), sum * 6.0 / (12.0 * 13.0 * 14.0), &iterates);
        let mean = iterates.iter().sum::<f64>() / 12.0;
        close(answer(Average::Polynomial { eta: 0.0 }, &iterates), mean, &iterates);
    }

    #[test]
    fn exponential_weights_are_normalised_powers() {
        let iterates = squares(12);
        let weights: Vec<f64> = (0..12).map(|i| 0.75_f64.powi(11 - i)).collect();
        let sum: f64 = iterates.iter().zip(&weights).map(|(x, w)| x * w).sum();
        let expected = sum / weights.iter().sum::<f64>();
        close(answer(Average::Exponential { decay: 0.75 }, &iterates), expected, &iterates);
    }

    #[test]
    fn last_is_the_last() {
        assert_eq!(answer(Average::Last, &[3.0, 1.0, 4.0]), 4.0);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        assert!(Average::Polynomial { eta: -1.0 }.check().is_err());
        assert!(Average::Exponential { decay: 1.0 }.check().is_err());
        assert_eq!(Average::default().check(), Ok(()));
    }
}
