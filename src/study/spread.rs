//! Errors of a mean of positive numbers with heavy tails.

use serde::{Deserialize, Serialize};

use crate::number;
use crate::streams::Streams;

/// Where a measured number lies with a probability of 90 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interval {
    /// Its lower end: the number lies below with 5 %.
    #[serde(with = "number")]
    pub low: f64,
    /// Its upper end.
    #[serde(with = "number")]
    pub high: f64,
}

/// Gradients below which an error of a variance says nothing.
pub(super) const FEWEST: usize = 30;

/// Times that a sample is drawn again.
const TIMES: usize = 300;

/// The chance, in events a sample, of an event of the size of the largest that was seen.
const UNSEEN: f64 = 2.0;

impl Interval {
    /// Of a number that was not measured often enough.
    pub(super) const UNKNOWN: Interval = Interval { low: f64::NAN, high: f64::NAN };

    /// Of a number without noise.
    pub(super) fn exact(value: f64) -> Self {
        Interval { low: value, high: value }
    }

    /// Whether it is known; an upper end that is infinite says that the tail is too heavy for one.
    pub fn is_known(&self) -> bool {
        self.low.is_finite() && !self.high.is_nan()
    }

    /// Of the mean of `values`, which are not negative.
    ///
    /// The bootstrap's distribution of the studentised logarithm of the mean gives both ends; where the tail is heavy
    /// that is still too low, since what has never been drawn is in no resample. So the upper end is raised by what an
    /// event as large as the largest would add that comes twice in as many gradients: that none comes in a sample then
    /// has a chance of `e^-2`. Events beyond the largest of a tail of shape `k` (one over Pareto's exponent) are larger by
    /// `1 / (1 - k)` on average; from a shape of one on they have no mean, and from 3/2 on there is no upper end.
    ///
    /// *Source*: Efron and Tibshirani 1993, section 12.5 (bootstrap-t on a transformed scale); Hill 1975 for the shape;
    /// departure: the upper end, measured in the notebook (estimators).
    pub(super) fn of_mean(values: &[f64], streams: Streams) -> Self {
        let n = values.len();
        if n < FEWEST {
            return Interval::UNKNOWN;
        }
        let (mean, error) = mean_and_error(values.iter().copied(), n);
        let largest = values.iter().copied().fold(0.0, f64::max);
        // Equal up to rounding, or all zero: nothing varies.
        if error.is_nan() || error <= 1e-12 * mean.abs() {
            return Interval::exact(mean);
        }
        let mut places = vec![0u32; n];
        let mut ratios: Vec<f64> = (0..TIMES)
            .filter_map(|time| {
                streams.at_step(time as u64).indices(n, &mut places);
                let (again, own) = mean_and_error(places.iter().map(|&k| values[k as usize]), n);
                let ratio = (again / mean).ln() / (own / again);
                ratio.is_finite().then_some(ratio)
            })
            .collect();
        if ratios.len() < TIMES / 2 {
            return Interval::UNKNOWN;
        }
        ratios.sort_by(f64::total_cmp);
        let quantile = |share: f64| ratios[((share * ratios.len() as f64) as usize).min(ratios.len() - 1)];
        let end = |ratio: f64| mean * (-ratio * error / mean).exp();
        let beyond = UNSEEN * largest / n as f64 * excess(values);
        Interval { low: end(quantile(0.95)).min(mean), high: end(quantile(0.05)).max(mean) + beyond }
    }
}

/// The shape of a tail from which an upper end is not known, and the most that events beyond the largest are larger by.
const SHAPELESS: f64 = 1.5;
const MOST: f64 = 10.0;

/// How much larger than the largest an event beyond it is on average, by the shape of the tail.
fn excess(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| *v > 0.0).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let count = (values.len() as f64).sqrt().ceil() as usize;
    let Some(&edge) = sorted.get(count) else { return MOST };
    let shape = sorted[..count].iter().map(|v| (v / edge).ln()).sum::<f64>() / count as f64;
    match shape {
        k if k >= SHAPELESS => f64::INFINITY,
        k if k < 1.0 => (1.0 / (1.0 - k)).min(MOST),
        _ => MOST,
    }
}

/// Mean, and its standard error from the spread of `n` independent numbers.
pub(super) fn mean_and_error(values: impl Iterator<Item = f64> + Clone, n: usize) -> (f64, f64) {
    let mean = values.clone().sum::<f64>() / n as f64;
    let squares: f64 = values.map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n as f64 - 1.0) / n as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares of `times` intervals that hold the mean, of `n` numbers each.
    fn coverage(n: usize, times: usize, mean: f64, value: impl Fn(f64) -> f64) -> f64 {
        let mut noise = vec![0.0; n];
        let holds = (0..times).filter(|&time| {
            Streams::new(9).at_step(time as u64).fill_normal(1, &mut noise);
            let values: Vec<f64> = noise.iter().map(|x| value(*x)).collect();
            let found = Interval::of_mean(&values, Streams::new(time as u64));
            found.low <= mean && mean <= found.high
        });
        holds.count() as f64 / times as f64
    }

    /// Squares of normals (the law of a Gaussian gradient's), their cubes, and log-normals, whose means are known.
    #[test]
    fn nine_in_ten_intervals_hold_the_mean_however_heavy_the_tail() {
        let check = |name: &str, mean: f64, value: &dyn Fn(f64) -> f64| {
            let share = coverage(500, 400, mean, value);
            // 400 intervals of nominal 90 % have a share with a standard error of 1.5 %.
            assert!((0.83..0.99).contains(&share), "{name}: {share}");
        };
        check("square", 1.0, &|x| x * x);
        check("sixth power", 15.0, &|x| x.powi(6));
        check("log-normal 1", 0.5f64.exp(), &|x| x.exp());
        check("log-normal 2", 2f64.exp(), &|x| (2.0 * x).exp());
        check("log-normal 3", 4.5f64.exp(), &|x| (3.0 * x).exp());
    }

    /// The planted fault: an error that forgets the tail holds the mean of a log-normal too seldom.
    #[test]
    fn the_plain_error_would_fail() {
        let (n, times, mean) = (500, 400, 2f64.exp());
        let mut noise = vec![0.0; n];
        let holds = (0..times).filter(|&time| {
            Streams::new(9).at_step(time as u64).fill_normal(1, &mut noise);
            let (found, error) = mean_and_error(noise.iter().map(|x| (2.0 * x).exp()), n);
            (found - mean).abs() <= 1.645 * error
        });
        assert!((holds.count() as f64) < 0.83 * times as f64);
    }

    #[test]
    fn few_numbers_have_no_error_and_equal_ones_none_to_speak_of() {
        let of = |values: &[f64]| Interval::of_mean(values, Streams::new(0));
        assert!(!of(&[1.0, 2.0]).is_known());
        assert_eq!(of(&[2.5; 40]), Interval::exact(2.5));
        assert_eq!(of(&[0.0; 40]), Interval::exact(0.0));
    }
}
