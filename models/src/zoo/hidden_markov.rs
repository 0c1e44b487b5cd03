//! A hidden Markov chain of two states with Poisson emissions, the states summed out by the forward recursion.
//!
//! ```text
//! stay_k ~ Beta(5, 1)    log_rate_1 < log_rate_2, log_rate_k ~ N(0, 2)
//! state_1 ~ even    state_t = state_(t-1) with probability stay    count_t ~ Poisson(rate of state_t)
//! ```

use super::{BuildError, Built, Input};
use jensen::prelude::*;
use jensen::program::log_sum_exp;

/// A series of counts whose rate goes back and forth between two.
#[derive(Debug, Clone)]
pub struct HiddenMarkov {
    /// The counts, at least two.
    pub counts: Vec<f64>,
}

impl Model for HiddenMarkov {
    fn log_joint(&self, p: &LogJoint) {
        let n = self.counts.len();
        let stay = p.draws("stay", beta(5.0, 1.0), 2);
        let log_rate = p.ordered("log_rate", 2);
        (0..2).for_each(|k| p.add(normal(0.0, 2.0).log_density(log_rate.at(k))));
        let step = [[stay.at(0).ln(), (-stay.at(0)).ln_1p()], [(-stay.at(1)).ln_1p(), stay.at(1).ln()]];
        let emission = |k: usize, t: usize| poisson_log(log_rate.at(k)).log_density(Real::from(self.counts[t]));
        let even = Real::from(-std::f64::consts::LN_2);
        // forward_k = log p(count_1 .. count_t, state_t = k)
        let forward = p.scan_many(n, [even, even], |before, t| {
            [0, 1].map(|k| match t {
                0 => before[k] + emission(k, t),
                _ => log_sum_exp(&[before[0] + step[0][k], before[1] + step[1][k]]) + emission(k, t),
            })
        });
        p.add(log_sum_exp(&[forward[0].at(n - 1), forward[1].at(n - 1)]));
        p.derive("rate", log_rate.map(Real::exp));
        // Probability of the second state at each time, given the counts up to then.
        p.derive("second", forward[1].zip(&forward[0], |b, a| (b - a).sigmoid()));
    }
}

impl HiddenMarkov {
    /// The model of the series `--response`.
    ///
    /// # Errors
    /// A series that is constant, too short, or has cells that are no counts.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let (name, _) = input.series()?;
        input.at_least(10, "")?;
        let counts = input.counts(&name, "a count")?;
        let num_rows = counts.len();
        Ok(Built::new(HiddenMarkov { counts }, num_rows))
    }
}
