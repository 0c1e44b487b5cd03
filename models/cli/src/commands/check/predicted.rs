//! Data as the model expects them, by a few statistics, beside those that were observed.

use jensen::target::{LogDensity, Replicated, Target};
use serde::Serialize;

/// Numbers that are simulated at most: 160 MB of them.
const MOST_NUMBERS: usize = 20_000_000;
const LEAST_SETS: usize = 100;

/// Data sets that are simulated: as many as asked for, fewer where the data are large.
pub(super) fn data_sets(target: &Target, wanted: usize) -> usize {
    wanted.min((MOST_NUMBERS / target.layout().num_rows.max(1)).max(LEAST_SETS))
}

/// Statistics of simulated data sets beside those of the data.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Predicted {
    pub num_sets: usize,
    /// The model reads the data that it observes: each value is simulated given the data before it.
    pub reads_its_data: bool,
    pub statistics: Vec<Statistic>,
    /// How often values occur in the data, and in some of the simulated data sets.
    #[serde(skip)]
    pub overlays: Vec<Overlay>,
}

/// Shares of values between edges.
#[derive(Debug, Clone)]
pub(super) struct Overlay {
    pub of: String,
    pub edges: Vec<f64>,
    pub observed: Vec<f64>,
    pub simulated: Vec<Vec<f64>>,
}

/// One statistic of one `observe`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Statistic {
    /// Of what: `data`, or `data_0`, `data_1`, ..
    pub of: String,
    pub name: &'static str,
    #[serde(with = "jensen::number")]
    pub observed: f64,
    /// Of the simulated data sets: the 5 %, 50 % and 95 % quantiles.
    #[serde(with = "jensen::number::list")]
    pub quantiles: [f64; 3],
    /// Share of the simulated data sets below the observed, half of those equal to it counted.
    #[serde(with = "jensen::number")]
    pub below: f64,
    /// Simulated data sets that are not finite, and count for neither side.
    pub num_not_finite: usize,
    /// The statistic of each simulated data set.
    #[serde(skip)]
    pub simulated: Vec<f64>,
}

impl Predicted {
    /// Data that themselves depend on latents are left out.
    pub fn new(data: &[Replicated], reads_its_data: bool) -> Self {
        let shown = data.iter().filter(|data| data.observed.iter().all(|y| !y.is_nan()));
        let overlays = shown.clone().filter(|data| data.observed.len() > 9).map(overlay).collect();
        let statistics = shown.flat_map(statistics).collect();
        Predicted { num_sets: data.first().map_or(0, |data| data.num_draws), reads_its_data, statistics, overlays }
    }
}

/// Data sets that are drawn over the data, and bins of numbers that are not whole.
const DRAWN_OVER: usize = 25;
const BINS: usize = 24;

/// Shares in bins over the data and half their range beyond them, where the simulated data reach that far.
fn overlay(data: &Replicated) -> Overlay {
    let every = data.num_draws.div_ceil(DRAWN_OVER).max(1);
    let sets: Vec<Vec<f64>> = (0..data.num_draws).step_by(every).map(|d| data.draw(d)).collect();
    let (first, last) = (least(&data.observed), largest(&data.observed));
    let all = || sets.iter().flatten().copied().filter(|x| x.is_finite());
    let beyond = 0.5 * (last - first);
    let low = all().fold(first, f64::min).max(first - beyond);
    let high = all().fold(last, f64::max).min(last + beyond);
    let is_whole = data.observed.iter().all(|y| y.fract() == 0.0) && all().all(|y| y.fract() == 0.0);
    let (from, width, bins) = if is_whole {
        let width = ((high - low + 1.0) / BINS as f64).ceil().max(1.0);
        (low.floor() - 0.5, width, ((high.floor() - low.floor() + 1.0) / width).ceil() as usize)
    } else {
        (low, ((high - low) / BINS as f64).max(f64::MIN_POSITIVE), BINS)
    };
    let shares = |values: &[f64]| {
        let mut counts = vec![0.0; bins];
        for x in values.iter().filter(|x| **x >= from) {
            let bin = ((x - from) / width) as usize;
            // The largest value belongs to the last bin.
            let bin = if bin == bins && *x <= high { bins - 1 } else { bin };
            if let Some(count) = counts.get_mut(bin) {
                *count += 1.0 / values.len() as f64;
            }
        }
        counts
    };
    Overlay {
        of: data.name.clone(),
        edges: (0..=bins).map(|k| from + width * k as f64).collect(),
        observed: shares(&data.observed),
        simulated: sets.iter().map(|set| shares(set)).collect(),
    }
}

type Named = (&'static str, fn(&[f64]) -> f64);

fn statistics(data: &Replicated) -> Vec<Statistic> {
    let mut wanted: Vec<Named> = vec![("mean", mean)];
    if data.observed.len() > 1 {
        wanted.extend([("sd", sd as fn(&[f64]) -> f64), ("smallest", least), ("largest", largest)]);
    }
    let are_whole = data.observed.iter().all(|y| y.fract() == 0.0);
    if are_whole && data.observed.len() > 1 && data.observed.contains(&0.0) {
        wanted.push(("share of zeros", zeros));
    }
    let sets: Vec<Vec<f64>> = (0..data.num_draws).map(|d| data.draw(d)).collect();
    wanted.into_iter().map(|(name, of)| statistic(data, name, of, &sets)).collect()
}

fn statistic(data: &Replicated, name: &'static str, of: fn(&[f64]) -> f64, sets: &[Vec<f64>]) -> Statistic {
    let observed = of(&data.observed);
    let mut simulated: Vec<f64> = sets.iter().map(|set| of(set)).filter(|x| x.is_finite()).collect();
    simulated.sort_by(f64::total_cmp);
    let n = simulated.len();
    // Rounding in sums of equal numbers is no difference.
    let same = 1e-12 * observed.abs();
    let less = simulated.iter().filter(|x| **x < observed - same).count() as f64;
    let equal = simulated.iter().filter(|x| (**x - observed).abs() <= same).count() as f64;
    let at =
        |share: f64| simulated.get(((n as f64 - 1.0) * share).round().max(0.0) as usize).copied().unwrap_or(f64::NAN);
    Statistic {
        of: data.name.clone(),
        name,
        observed,
        quantiles: [at(0.05), at(0.5), at(0.95)],
        below: (less + 0.5 * equal) / n as f64,
        num_not_finite: sets.len() - n,
        simulated,
    }
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn sd(x: &[f64]) -> f64 {
    let m = mean(x);
    (x.iter().map(|x| (x - m).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0)).sqrt()
}

fn least(x: &[f64]) -> f64 {
    x.iter().copied().fold(f64::INFINITY, f64::min)
}

fn largest(x: &[f64]) -> f64 {
    x.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn zeros(x: &[f64]) -> f64 {
    x.iter().filter(|x| **x == 0.0).count() as f64 / x.len() as f64
}
