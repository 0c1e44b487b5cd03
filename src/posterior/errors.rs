//! [`MonteCarloErrors`]: how well weighted draws know the means and standard deviations of a posterior.

use crate::diagnose::psis::psis;
use crate::diagnose::verdict::{LARGEST_THRESHOLD, SD_REACHED};
use crate::target::Constrained;

/// The largest Monte Carlo errors of weighted summaries, over quantities that have a spread.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct MonteCarloErrors {
    /// Of a mean, in standard deviations of its quantity.
    pub mean: f64,
    /// Of a standard deviation, relative to itself, over those that draws can know.
    pub sd: f64,
    /// Numbers of the quantities whose standard deviation few large draws decide.
    pub unknown: Vec<usize>,
}

impl MonteCarloErrors {
    /// Errors by the delta method, of weights `w` that sum to one and are functions of the draws:
    ///
    /// ```text
    /// mean: sqrt(sum w^2 (x - m)^2) / s              s^2 = sum w (x - m)^2
    /// sd:   sqrt(sum w^2 ((x - m)^2 - s^2)^2) / (2 s^2)
    /// ```
    ///
    /// The second has the quantity's own kurtosis in it. A quantity for which it is above what an assessment goes on for, and whose squared
    /// deviations have so heavy a tail that their sum says nothing (a Pareto shape above 0.7, as of a ratio of two normals), is
    /// named instead: no number of draws would do. Where that is most of them, the weights are to blame, and their errors count.
    ///
    /// *Source*: Owen, Monte Carlo theory, methods and examples, chapter 9, for the mean of any function of the draws.
    pub fn of(draws: &Constrained, log_weights: &[f64]) -> Self {
        let weights: Vec<f64> = log_weights.iter().map(|l| l.exp()).collect();
        let (mut worst, mut of_unknown, mut num_known) = (MonteCarloErrors::default(), 0.0_f64, 0);
        for k in 0..draws.names.len() {
            let lane = draws.element(k);
            let Some([mean, sd]) = Self::of_one(lane, &weights) else { continue };
            worst.mean = worst.mean.max(mean);
            if sd > SD_REACHED && !has_variance(lane, log_weights) {
                worst.unknown.push(k);
                of_unknown = of_unknown.max(sd);
            } else {
                num_known += 1;
                worst.sd = worst.sd.max(sd);
            }
        }
        if worst.unknown.len() > num_known {
            return MonteCarloErrors { sd: worst.sd.max(of_unknown), unknown: Vec::new(), ..worst };
        }
        worst
    }

    /// Nothing for a quantity without a spread, or one that is not finite everywhere.
    fn of_one(lane: &[f64], weights: &[f64]) -> Option<[f64; 2]> {
        let pairs = || lane.iter().zip(weights).filter(|(_, w)| **w > 0.0);
        let mean: f64 = pairs().map(|(x, w)| w * x).sum();
        let variance: f64 = pairs().map(|(x, w)| w * (x - mean).powi(2)).sum();
        let first = pairs().next()?.0;
        if !(variance.is_finite() && variance > 0.0) || pairs().all(|(x, _)| x == first) {
            return None;
        }
        let of_mean: f64 = pairs().map(|(x, w)| (w * (x - mean)).powi(2)).sum();
        let of_variance: f64 = pairs().map(|(x, w)| (w * ((x - mean).powi(2) - variance)).powi(2)).sum();
        Some([(of_mean / variance).sqrt(), of_variance.sqrt() / (2.0 * variance)])
    }
}

/// Whether the weighted squared deviations from the mean have a tail that a sum over draws can be trusted with.
fn has_variance(lane: &[f64], log_weights: &[f64]) -> bool {
    let mean: f64 =
        lane.iter().zip(log_weights).filter(|(_, l)| **l > f64::NEG_INFINITY).map(|(x, l)| l.exp() * x).sum();
    let terms: Vec<f64> = lane.iter().zip(log_weights).map(|(x, l)| l + 2.0 * (x - mean).abs().ln()).collect();
    psis(&terms).is_ok_and(|tail| tail.k_hat <= LARGEST_THRESHOLD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::Streams;

    /// `quantity(noise)` of `n` standard normal numbers.
    fn drawn(n: usize, seed: u64, quantity: impl Fn(f64) -> f64) -> Constrained {
        let mut noise = vec![0.0; n];
        Streams::new(seed).fill_normal(n, &mut noise);
        let values = noise.iter().map(|e| quantity(*e)).collect();
        Constrained { names: vec!["x".into()], num_rows: 1, num_draws: n, values }
    }

    fn even(n: usize) -> Vec<f64> {
        vec![-(n as f64).ln(); n]
    }

    #[test]
    fn even_weights_give_the_textbooks_errors() {
        // A normal number: 1 / sqrt(n), and sqrt((3 - 1) / n) / 2.
        let found = MonteCarloErrors::of(&drawn(40_000, 1, |e| 3.0 + 7.0 * e), &even(40_000));
        assert!((found.mean * 200.0 - 1.0).abs() < 1e-3, "{found:?}");
        assert!((found.sd * 200.0 / 0.5f64.sqrt() - 1.0).abs() < 0.03, "{found:?}");
        // A chi-squared number of one degree of freedom has a kurtosis of 15.
        let found = MonteCarloErrors::of(&drawn(40_000, 1, |e| e * e), &even(40_000));
        assert!((found.sd * 200.0 / 3.5f64.sqrt() - 1.0).abs() < 0.15, "{found:?}");
    }

    /// Draws of N(0, 1) weighted to N(1/2, 1): the errors are the spread over seeds of what they are errors of.
    #[test]
    fn uneven_weights_give_the_spread_over_seeds() {
        let (n, seeds) = (2000, 300);
        let (mut means, mut sds, mut errors) = (Vec::new(), Vec::new(), [0.0; 2]);
        for seed in 0..seeds {
            let draws = drawn(n, seed, |e| e);
            let raw: Vec<f64> = draws.values.iter().map(|e| 0.5 * e - 0.125 - (n as f64).ln()).collect();
            let total = crate::numerics::log_sum_exp(&raw);
            let log_weights: Vec<f64> = raw.iter().map(|l| l - total).collect();
            let weights: Vec<f64> = log_weights.iter().map(|l| l.exp()).collect();
            let mean: f64 = weights.iter().zip(&draws.values).map(|(w, x)| w * x).sum();
            means.push(mean);
            sds.push(weights.iter().zip(&draws.values).map(|(w, x)| w * (x - mean).powi(2)).sum::<f64>().sqrt());
            let found = MonteCarloErrors::of_one(&draws.values, &weights).unwrap();
            (0..2).for_each(|k| errors[k] += found[k] / seeds as f64);
        }
        let spread = crate::posterior::statistics::sd;
        // A spread over 300 seeds is known to 4 %, one of a heavier tail to some more.
        assert!((spread(&means) / errors[0] - 1.0).abs() < 0.15, "{} {errors:?}", spread(&means));
        assert!((spread(&sds) / errors[1] - 1.0).abs() < 0.2, "{} {errors:?}", spread(&sds));
    }

    #[test]
    fn nothing_is_asked_of_what_has_no_spread_or_no_variance() {
        let fixed = MonteCarloErrors::of(&drawn(1000, 1, |_| 0.1), &even(1000));
        assert_eq!(fixed, MonteCarloErrors::default());
        let undefined = MonteCarloErrors::of(&drawn(1000, 1, |e| if e > 2.0 { f64::NAN } else { e }), &even(1000));
        assert_eq!(undefined, MonteCarloErrors::default());
        // 1 / e has no mean: the error of its sd is near a third, and is counted where there is nothing else.
        let alone = MonteCarloErrors::of(&drawn(4000, 1, |e| 1.0 / e), &even(4000));
        assert!(alone.sd > 0.2 && alone.mean > 0.0 && alone.unknown.is_empty(), "{alone:?}");
        let mut two = drawn(4000, 1, |e| 1.0 / e);
        two.values.extend(drawn(4000, 2, |e| e).values);
        two.names.push("y".into());
        let beside = MonteCarloErrors::of(&two, &even(4000));
        assert!(beside.sd < 0.02 && beside.unknown == [0], "{beside:?}");
        // A heavy tail that matters to no digit is no reason to leave a quantity out: 39 of 100 samples of a tilted normal
        // number show one.
        let tilted: Vec<f64> = (0..100)
            .map(|seed| {
                let draws = drawn(4000, seed, |e| e);
                let raw: Vec<f64> = draws.values.iter().map(|e| 0.5 * e).collect();
                let total = crate::numerics::log_sum_exp(&raw);
                let found = MonteCarloErrors::of(&draws, &raw.iter().map(|l| l - total).collect::<Vec<_>>());
                assert!(found.unknown.is_empty());
                found.sd
            })
            .collect();
        assert!(tilted.iter().all(|sd| (0.01..0.05).contains(sd)), "{tilted:?}");
        // Draws of weight zero may be anything.
        let mut draws = drawn(1000, 1, |e| e);
        draws.values[3] = f64::NAN;
        let mut log_weights = even(1000);
        log_weights[3] = f64::NEG_INFINITY;
        assert!(MonteCarloErrors::of(&draws, &log_weights).mean > 0.03);
    }
}
