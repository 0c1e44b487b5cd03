//! Step sizes as functions of the step.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::OptimizeError;
use super::error::{require, require_positive};

/// The step size at each step, counted from 0.
///
/// ```
/// use jensen::optimize::Schedule;
///
/// let schedule = Schedule::exponential(0.1, 0.01, 1000).with_warm_up(10);
/// assert_eq!(schedule.at(0), 0.1 / 10.0);
/// assert_eq!(schedule.at(10), 0.1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Schedule {
    /// The same size at every step.
    Constant(f64),
    /// `initial / sqrt(1 + step / delay)`: nearly constant for `delay` steps, then falling as
    /// `step^(-1/2)`, the slowest fall for which averages of the iterates still converge.
    InverseSqrt {
        /// Size at step 0.
        initial: f64,
        /// Steps after which the size has fallen to `initial / sqrt(2)`.
        delay: f64,
    },
    /// `initial * factor^(step / num_steps)`, and `initial * factor` from `num_steps` on.
    Exponential {
        /// Size at step 0.
        initial: f64,
        /// Share of `initial` left at `num_steps`.
        factor: f64,
        /// Steps over which the size falls.
        num_steps: u64,
    },
    /// `last + (initial - last) * (1 + cos(pi * step / num_steps)) / 2`, and `last` from `num_steps` on.
    ///
    /// *Source*: Loshchilov and Hutter 2017 (SGDR), eq. 5, without restarts.
    Cosine {
        /// Size at step 0.
        initial: f64,
        /// Size from `num_steps` on.
        last: f64,
        /// Steps over which the size falls.
        num_steps: u64,
    },
    /// `then(0) * (step + 1) / num_steps` for the first `num_steps` steps, then `then` from its start.
    WarmUp {
        /// Steps of linear growth.
        num_steps: u64,
        /// The schedule that follows.
        then: Box<Schedule>,
    },
}

impl Schedule {
    /// The step size at `step`, counted from 0.
    #[must_use]
    pub fn at(&self, step: u64) -> f64 {
        match self {
            Self::Constant(size) => *size,
            Self::InverseSqrt { initial, delay } => initial / (1.0 + step as f64 / delay).sqrt(),
            Self::Exponential { initial, factor, num_steps } => initial * factor.powf(share(step, *num_steps)),
            Self::Cosine { initial, last, num_steps } => {
                last + 0.5 * (initial - last) * (1.0 + (PI * share(step, *num_steps)).cos())
            }
            Self::WarmUp { num_steps, then } if step < *num_steps => then.at(0) * (step + 1) as f64 / *num_steps as f64,
            Self::WarmUp { num_steps, then } => then.at(step - num_steps),
        }
    }

    /// [`Schedule::InverseSqrt`] from its fields.
    #[must_use]
    pub fn inverse_sqrt(initial: f64, delay: f64) -> Self {
        Self::InverseSqrt { initial, delay }
    }

    /// [`Schedule::Exponential`] from its fields.
    #[must_use]
    pub fn exponential(initial: f64, factor: f64, num_steps: u64) -> Self {
        Self::Exponential { initial, factor, num_steps }
    }

    /// [`Schedule::Cosine`] from its fields.
    #[must_use]
    pub fn cosine(initial: f64, last: f64, num_steps: u64) -> Self {
        Self::Cosine { initial, last, num_steps }
    }

    /// This schedule after `num_steps` steps of linear growth.
    #[must_use]
    pub fn with_warm_up(self, num_steps: u64) -> Self {
        Self::WarmUp { num_steps, then: Box::new(self) }
    }

    /// Refuses sizes that are not positive and finite, and falls over no steps.
    ///
    /// # Errors
    /// [`OptimizeError::Setting`] for the first setting out of range.
    pub fn check(&self) -> Result<(), OptimizeError> {
        match self {
            Self::Constant(size) => require_positive("step_size", *size, "0.01"),
            Self::InverseSqrt { initial, delay } => {
                require_positive("inverse_sqrt.initial", *initial, "0.1")?;
                require_positive("inverse_sqrt.delay", *delay, "100")
            }
            Self::Exponential { initial, factor, num_steps } => {
                require_positive("exponential.initial", *initial, "0.1")?;
                require_positive("exponential.factor", *factor, "0.01")?;
                require_steps("exponential.num_steps", *num_steps)
            }
            Self::Cosine { initial, last, num_steps } => {
                require_positive("cosine.initial", *initial, "0.1")?;
                require((0.0..f64::INFINITY).contains(last), "cosine.last", *last, "zero or more", "0")?;
                require_steps("cosine.num_steps", *num_steps)
            }
            Self::WarmUp { then, .. } => then.check(),
        }
    }
}

impl From<f64> for Schedule {
    fn from(size: f64) -> Self {
        Self::Constant(size)
    }
}

/// `step / num_steps`, at most 1; a fall over no steps is over at once.
fn share(step: u64, num_steps: u64) -> f64 {
    if step < num_steps { step as f64 / num_steps as f64 } else { 1.0 }
}

fn require_steps(place: &'static str, num_steps: u64) -> Result<(), OptimizeError> {
    require(num_steps > 0, place, num_steps as f64, "at least one step", "the length of the run")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each expected value takes at most four rounded operations by hand: 8 ulps allow for both sides.
    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 8.0 * f64::EPSILON * expected.abs(), "{found} vs {expected}");
    }

    #[test]
    fn each_shape_passes_through_its_known_points() {
        let falling = Schedule::inverse_sqrt(0.3, 100.0);
        close(falling.at(0), 0.3);
        close(falling.at(300), 0.15);
        let falling = Schedule::exponential(0.1, 0.01, 200);
        close(falling.at(0), 0.1);
        close(falling.at(100), 0.01);
        close(falling.at(200), 0.001);
        close(falling.at(u64::MAX), 0.001);
        let falling = Schedule::cosine(0.9, 0.1, 90);
        close(falling.at(0), 0.9);
        close(falling.at(30), 0.7); // cos(60 degrees) = 1/2
        close(falling.at(45), 0.5);
        close(falling.at(90), 0.1);
        close(falling.at(91), 0.1);
    }

    #[test]
    fn warm_up_grows_linearly_and_hands_over_without_a_jump() {
        let schedule = Schedule::exponential(0.8, 0.5, 10).with_warm_up(4);
        for (step, expected) in [(0, 0.2), (1, 0.4), (2, 0.6), (3, 0.8), (4, 0.8), (14, 0.4)] {
            close(schedule.at(step), expected);
        }
        assert_eq!(Schedule::Constant(0.5).with_warm_up(0).at(0), 0.5);
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        for (schedule, place) in [
            (Schedule::Constant(-0.1), "step_size"),
            (Schedule::Constant(f64::NAN), "step_size"),
            (Schedule::inverse_sqrt(0.1, 0.0), "inverse_sqrt.delay"),
            (Schedule::exponential(0.1, 0.0, 10), "exponential.factor"),
            (Schedule::exponential(0.1, 0.1, 0), "exponential.num_steps"),
            (Schedule::cosine(0.1, -1.0, 10), "cosine.last"),
            (Schedule::Constant(0.0).with_warm_up(5), "step_size"),
        ] {
            let error = schedule.check().expect_err(place);
            assert!(error.to_string().starts_with(place), "{error}");
        }
        assert_eq!(Schedule::cosine(0.1, 0.0, 10).with_warm_up(3).check(), Ok(()));
    }
}
