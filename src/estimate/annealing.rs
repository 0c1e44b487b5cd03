//! [`Annealing`]: the weight of the KL term as a function of the step.

use serde::{Deserialize, Serialize};

/// A factor of the KL term between 0 and 1 at each step, counted from 0.
///
/// ```
/// use jensen::estimate::Annealing;
///
/// let annealing = Annealing::Cyclical { period: 100, rise: 50 };
/// assert_eq!([0, 25, 50, 99, 100].map(|step| annealing.at(step)), [0.0, 0.5, 1.0, 1.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Annealing {
    /// One at every step.
    #[default]
    None,
    /// `step / steps`, and one from `steps` on.
    ///
    /// *Source*: Bowman et al. 2016, "Generating sentences from a continuous space", section 3.1; linear in place of
    /// sigmoid.
    Linear {
        /// Steps until it is one.
        steps: u64,
    },
    /// In every period of `period` steps: `k / rise` at its step `k`, one from `rise` on.
    ///
    /// *Source*: Fu et al. 2019, "Cyclical annealing schedule", equations 6 and 7, linear.
    Cyclical {
        /// Steps from one zero to the next.
        period: u64,
        /// Steps of a period until it is one.
        rise: u64,
    },
}

impl Annealing {
    /// The factor at `step`.
    #[must_use]
    pub fn at(self, step: u64) -> f64 {
        let share = |k: u64, of: u64| if k >= of { 1.0 } else { k as f64 / of as f64 };
        match self {
            Annealing::None => 1.0,
            Annealing::Linear { steps } => share(step, steps),
            Annealing::Cyclical { period, rise } => share(step % period.max(1), rise),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_rise_from_zero_to_one_and_no_period_divides_by_zero() {
        assert_eq!([0, 1, 4, 9].map(|s| Annealing::Linear { steps: 4 }.at(s)), [0.0, 0.25, 1.0, 1.0]);
        assert_eq!(Annealing::Linear { steps: 0 }.at(0), 1.0);
        assert_eq!(Annealing::Cyclical { period: 0, rise: 0 }.at(7), 1.0);
        let cycles = Annealing::Cyclical { period: 4, rise: 2 };
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(|s| cycles.at(s)), [0.0, 0.5, 1.0, 1.0, 0.0, 0.5, 1.0]);
        assert_eq!(Annealing::None.at(0), 1.0);
    }
}
