//! [`Batches`]: how many draws a fit is judged by.

use super::errors::MonteCarloErrors;
use super::weights::Weighted;
use crate::diagnose::psis::{k_hat_error, k_hat_threshold};
use crate::diagnose::verdict::{MEAN_REACHED, SD_REACHED};

/// Draws of the first batch. A mean is known to 0.02 sd by 2,500 even weights, and the effective share of the mixture is 0.93
/// and more where q is the posterior.
const FIRST: usize = 3000;

/// Nats of Monte Carlo error of the log evidence.
const EVIDENCE_REACHED: f64 = 0.03;

/// Where the errors at hand say that the budget will be missed by more than this factor, more draws are not begun.
const OUT_OF_REACH: f64 = 2.0;

/// Standard errors of k-hat that shall lie between it and its threshold: with two of them, half of the fits whose weights have a
/// shape from 0.55 to 0.85 would use up any budget.
const SETTLED: f64 = 1.0;

/// A growing number of draws.
pub(super) struct Batches {
    most: usize,
    block: usize,
    grows: bool,
}

impl Batches {
    /// Exactly so many draws, in one batch.
    pub fn exactly(num_draws: usize, block: usize) -> Self {
        Batches { most: num_draws, block, grows: false }
    }

    /// Batches of whole blocks, up to a budget.
    pub fn up_to(most: usize, block: usize) -> Self {
        Batches { most, block, grows: true }
    }

    pub fn first(&self) -> usize {
        if self.grows { self.whole_blocks(FIRST as f64) } else { self.most }
    }

    /// How many draws to go on to from `n`; nothing where they are enough, and where all that may be made are not.
    ///
    /// Enough: the Monte Carlo errors of means, standard deviations and evidence are reached, and k-hat is a standard
    /// error of its own away from its threshold. With errors `e` times too large it takes some `n e^2`, at most twice as many at a time.
    pub fn next(&self, n: usize, weighted: &Weighted, errors: &MonteCarloErrors) -> Option<usize> {
        if !self.grows || n >= self.most {
            return None;
        }
        let excess =
            [errors.mean / MEAN_REACHED, errors.sd / SD_REACHED, weighted.log_evidence.mcse / EVIDENCE_REACHED];
        let excess = excess.into_iter().fold(1.0, f64::max);
        let needed = n as f64 * excess * excess;
        if needed > OUT_OF_REACH * self.most as f64 {
            return None;
        }
        let doubled = 2.0 * n as f64;
        if excess > 1.0 {
            Some(self.whole_blocks(doubled.min(1.1 * needed)))
        } else if is_settled(n, weighted) {
            None
        } else {
            Some(self.whole_blocks(doubled))
        }
    }

    fn whole_blocks(&self, num_draws: f64) -> usize {
        let blocks = (num_draws / self.block as f64).ceil() as usize;
        (blocks * self.block).min(self.most)
    }
}

/// Whether k-hat is clearly on one side of its threshold, or beside the point.
fn is_settled(n: usize, weighted: &Weighted) -> bool {
    let Weighted { k_hat, is_even, .. } = *weighted;
    if !k_hat.is_finite() || is_even {
        return true;
    }
    (k_hat - k_hat_threshold(n)).abs() > SETTLED * k_hat_error(k_hat, n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posterior::MonteCarlo;

    fn weighted(k_hat: f64, share: f64, n: usize) -> Weighted {
        Weighted {
            k_hat,
            log_density: Vec::new(),
            log_weights: Vec::new(),
            effective_size: share * n as f64,
            largest: 100.0,
            is_even: share > 0.9,
            log_evidence: MonteCarlo { value: 0.0, mcse: 0.001 },
            influence: Vec::new(),
        }
    }

    #[test]
    fn batches_grow_as_far_as_the_errors_ask() {
        let batches = Batches::up_to(64_000, 500);
        assert_eq!(batches.first(), 3000);
        let next = |n: usize, k_hat: f64, share: f64, mean: f64, sd: f64| {
            batches.next(n, &weighted(k_hat, share, n), &MonteCarloErrors { mean, sd, ..MonteCarloErrors::default() })
        };
        assert_eq!(next(3000, 0.1, 0.95, 0.019, 0.02), None);
        // An error a tenth too large: 3000 x 1.21 x 1.1 draws, in whole blocks; one twice as large: twice as many.
        assert_eq!(next(3000, 0.1, 0.95, 0.022, 0.02), Some(4000));
        assert_eq!(next(3000, 0.1, 0.95, 0.019, 0.06), Some(6000));
        assert_eq!(next(48_000, 0.1, 0.95, 0.021, 0.02), Some(58_500));
        assert_eq!(next(60_000, 0.1, 0.95, 0.021, 0.02), Some(64_000));
        assert_eq!(next(64_000, 0.1, 0.95, 0.021, 0.02), None);
        // Some 270,000 draws would be needed.
        assert_eq!(next(3000, 0.1, 0.02, 0.19, 0.02), None);
        // k-hat near 0.7 is looked at again, one clear of it is not, nor is that of nearly even weights.
        assert_eq!(next(3000, 0.65, 0.5, 0.019, 0.02), Some(6000));
        assert_eq!(next(3000, 0.5, 0.5, 0.019, 0.02), None);
        assert_eq!(next(3000, 1.5, 0.5, 0.019, 0.02), None);
        assert_eq!(next(3000, 0.65, 0.95, 0.019, 0.02), None);
    }

    #[test]
    fn a_number_asked_for_is_kept_to() {
        let batches = Batches::exactly(1234, 500);
        assert_eq!(batches.first(), 1234);
        assert_eq!(
            batches.next(
                1234,
                &weighted(0.7, 0.1, 1234),
                &MonteCarloErrors { mean: 1.0, sd: 1.0, ..MonteCarloErrors::default() }
            ),
            None
        );
        // Whole blocks of a large model, and a budget below the first batch.
        assert_eq!(Batches::up_to(64_000, 37).first(), 3034);
        assert_eq!(Batches::up_to(2000, 500).first(), 2000);
    }
}
