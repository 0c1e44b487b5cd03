//! Ranks with a probability: noise for the work, drawn again from the gradients that were taken.

use super::report::{Rank, StudyReport};
use super::sample::Sample;
use super::spread::{FEWEST, Interval};
use crate::streams::Streams;

/// The floor below which a variance x evaluations counts as none at all, relative to the largest at the point.
const MOST_RATIO: f64 = 1e6;

/// Times that the gradients are drawn again.
const TIMES: usize = 400;

/// Noise for the work that is more by no more than this is as good where runs of equal work end alike: points of a fit from
/// another seed move the ratio of two estimators by about as much.
const AS_GOOD: f64 = 2.0;

/// How sure a difference has to be.
const SURE: f64 = 0.95;

/// An estimator with a number of draws, measured at every point.
#[derive(Clone, Debug)]
pub(super) struct Contender<'r> {
    pub estimator: &'r str,
    pub num_draws: usize,
    /// Whether its short fits ended as high as the best.
    pub arrives: bool,
    /// At each point: the sample, the variance, and the evaluations of a gradient.
    pub points: Vec<(&'r Sample, f64, f64)>,
}

/// The contenders in the order of their noise for the work; those that arrive before the others.
///
/// The noise for the work is the geometric mean over the points of variance x evaluations. Two of them with one number
/// of draws were measured on the same draws, so that they are drawn again together: what one heavy draw did to both is
/// no difference.
pub(super) fn ranks(contenders: &[Contender], streams: Streams) -> Vec<Rank> {
    let floors = floors(contenders);
    let score = |variances: &mut dyn Iterator<Item = f64>, own: &Contender| -> f64 {
        let logs = variances.zip(&own.points).zip(&floors).map(|((v, (.., cost)), floor)| (v * cost).max(*floor).ln());
        logs.sum::<f64>() / own.points.len().max(1) as f64
    };
    let full: Vec<f64> = contenders.iter().map(|c| score(&mut c.points.iter().map(|p| p.1), c)).collect();
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    order.sort_by(|&a, &b| {
        let key = |k: usize| !contenders[k].arrives;
        key(a).cmp(&key(b)).then(full[a].total_cmp(&full[b]))
    });
    let Some(&first) = order.first() else { return Vec::new() };
    let known = contenders.iter().all(|c| c.points.iter().all(|(s, ..)| s.squares.len() >= FEWEST));
    let again: Vec<Vec<f64>> = if known { resampled(contenders, streams, score) } else { Vec::new() };
    let lowest: Vec<usize> = again.iter().map(|scores| least(scores, contenders)).collect();
    let rank = |k: usize| {
        let mut ratios: Vec<f64> = again.iter().map(|scores| (scores[k] - scores[first]).exp()).collect();
        ratios.sort_by(f64::total_cmp);
        let quantile = |share: f64| ratios.get((share * ratios.len() as f64) as usize).copied().unwrap_or(f64::NAN);
        let apart = ratios.iter().filter(|r| **r > AS_GOOD).count() as f64;
        Rank {
            estimator: contenders[k].estimator.into(),
            num_draws: contenders[k].num_draws,
            ratio: (full[k] - full[first]).exp(),
            interval: Interval { low: quantile(0.05), high: quantile(0.95) },
            probability: lowest.iter().filter(|l| **l == k).count() as f64 / lowest.len() as f64,
            arrives: contenders[k].arrives,
            distinguishable: apart >= SURE * TIMES as f64,
        }
    };
    order.into_iter().map(rank).collect()
}

/// The one of the lowest score among those that arrive.
fn least(scores: &[f64], contenders: &[Contender]) -> usize {
    let arriving = (0..scores.len()).filter(|&k| contenders[k].arrives);
    arriving.min_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0)
}

/// At each point, the noise for the work that counts as none.
fn floors(contenders: &[Contender]) -> Vec<f64> {
    let points = contenders.first().map_or(0, |c| c.points.len());
    let largest = |p: usize| contenders.iter().map(|c| c.points[p].1 * c.points[p].2).fold(0.0, f64::max);
    (0..points).map(|p| (largest(p) / MOST_RATIO).max(f64::MIN_POSITIVE)).collect()
}

/// `[time][contender]`: the scores of samples drawn again, those of one point, number of draws and size together.
#[allow(clippy::needless_range_loop, reason = "a point is a place in several lists")]
fn resampled(
    contenders: &[Contender],
    streams: Streams,
    score: impl Fn(&mut dyn Iterator<Item = f64>, &Contender) -> f64,
) -> Vec<Vec<f64>> {
    let points = contenders.first().map_or(0, |c| c.points.len());
    let mut kinds: Vec<(usize, usize)> = contenders
        .iter()
        .flat_map(|c| c.points.iter().map(|(s, ..)| (c.num_draws, s.squares.len())).collect::<Vec<_>>())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut places: Vec<u32> = Vec::new();
    let mut variances = vec![vec![0.0; points]; contenders.len()];
    let one = |time: usize| {
        for point in 0..points {
            for (number, (num_draws, size)) in kinds.iter().enumerate() {
                places.resize(*size, 0);
                let key = streams.purpose(point as u32).purpose(number as u32).at_step(time as u64);
                key.indices(*size, &mut places);
                for (k, own) in contenders.iter().enumerate().filter(|(_, c)| c.num_draws == *num_draws) {
                    let (sample, variance, _) = own.points[point];
                    if sample.squares.len() == *size {
                        let sum: f64 = places.iter().map(|&p| sample.squares[p as usize]).sum();
                        let plain: f64 = sample.squares.iter().sum();
                        // Relative to the sample's own mean, so that it is about the variance in the tables.
                        variances[k][point] = if plain > 0.0 { variance * sum / plain } else { 0.0 };
                    }
                }
            }
        }
        contenders.iter().zip(&variances).map(|(c, v)| score(&mut v.iter().copied(), c)).collect()
    };
    (0..TIMES).map(one).collect()
}

/// Those that may be recommended: not biased, sound and measured at every point, each gradient once; all of them arrive
/// until short fits say otherwise.
pub(super) fn contenders(report: &StudyReport) -> Vec<Contender<'_>> {
    let points: Vec<&str> = report
        .points
        .iter()
        .map(|p| p.name.as_str())
        .filter(|name| report.cells.iter().any(|c| c.point == *name))
        .collect();
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for cell in &report.cells {
        let kind = (cell.estimator.as_str(), cell.num_draws);
        if !kinds.contains(&kind) && cell.same_as.is_none() {
            kinds.push(kind);
        }
    }
    // An estimator found biased anywhere is out with every number of draws.
    let unsound = |name: &str| {
        let mut own = report.cells.iter().filter(|c| c.estimator == name).filter_map(|c| c.figures.as_ref());
        own.any(|f| f.doubt.is_some() || f.bias.as_ref().is_some_and(super::Bias::is_biased))
    };
    let failed = |name: &str, n: usize| {
        report.fits.iter().any(|f| f.estimator == name && f.num_draws == n && f.failure.is_some())
    };
    let of = |(estimator, num_draws): (&'_ str, usize)| {
        let at = |point: &&str| {
            let cell = report.cell(estimator, point, num_draws)?;
            let figures = cell.figures.as_ref()?;
            let sound = figures.not_finite == 0 && figures.variance_x_evaluations.is_finite() && figures.bias.is_some();
            sound.then_some((&cell.sample, figures.total_variance, figures.evaluations))
        };
        points.iter().map(at).collect::<Option<Vec<_>>>().filter(|points| !points.is_empty())
    };
    let usable = kinds.into_iter().filter(|(name, n)| !unsound(name) && !failed(name, *n));
    let found = usable.filter_map(|kind| {
        of(kind).map(|points| Contender { estimator: kind.0, num_draws: kind.1, arrives: true, points })
    });
    found.collect()
}
