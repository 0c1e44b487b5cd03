//! One sentence at the end: which estimator, how many draws, and why.

use super::report::{Cell, Recommendation, StudyReport};

/// The floor below which a variance x time counts as none at all, relative to the best of the others.
const MOST_RATIO: f64 = 1e6;

/// A candidate: its cells over the points, and the mean logarithm of its ratio to the best of each point.
struct Candidate<'r> {
    estimator: &'r str,
    num_draws: usize,
    score: f64,
}

/// Recommends what has the least variance x time over the points, among what is not biased, did not fail, and whose
/// short fit was not left behind.
pub(super) fn recommend(report: &StudyReport) -> Recommendation {
    let mut candidates = eligible(report);
    candidates.sort_by(|a, b| a.score.total_cmp(&b.score));
    let Some(best) = candidates.first() else {
        return Recommendation { sentence: none(report), ..Recommendation::default() };
    };
    let next = candidates.iter().find(|c| c.estimator != best.estimator);
    let advantage = next.map_or(String::new(), |next| {
        let ratio = (next.score - best.score).exp();
        let ratio = if ratio > 999.0 { "over 1000".into() } else { format!("{ratio:.1}") };
        format!(", {ratio} times below the next best estimator ({}, {})", next.estimator, draws(next.num_draws))
    });
    let sentence = format!(
        "Use {} with {} a step: over the points measured its variance x time is the lowest of all that passed{advantage}; {}{}.",
        best.estimator,
        draws(best.num_draws),
        bias_of(report, best),
        reached(report, best),
    );
    Recommendation { estimator: Some(best.estimator.into()), num_draws: Some(best.num_draws), sentence }
}

fn draws(n: usize) -> String {
    if n == 1 { "1 draw".into() } else { format!("{n} draws") }
}

/// Whether figures of a cell allow its estimator to be recommended.
fn passes(cell: &Cell) -> bool {
    let Some(figures) = &cell.figures else { return false };
    let sound = figures.not_finite == 0 && figures.variance_x_seconds.is_finite();
    sound && figures.bias.as_ref().is_some_and(|bias| !bias.is_biased())
}

fn eligible(report: &StudyReport) -> Vec<Candidate<'_>> {
    let kinds = kinds(report);
    // An estimator found biased anywhere is out with every number of draws.
    let biased = |name: &str| {
        let mut own = report.cells.iter().filter(|c| c.estimator == name).filter_map(|c| c.figures.as_ref());
        own.any(|f| f.bias.as_ref().is_some_and(super::Bias::is_biased))
    };
    let failed = |name: &str, n: usize| {
        report.fits.iter().any(|f| f.estimator == name && f.num_draws == n && f.failure.is_some())
    };
    let cells = |name: &str, n: usize| -> Vec<&Cell> {
        report.cells.iter().filter(|c| c.estimator == name && c.num_draws == n).collect()
    };
    let points = report.points.iter().filter(|p| report.cells.iter().any(|c| c.point == p.name)).count();
    let kept: Vec<(&str, usize, Vec<&Cell>)> = kinds
        .into_iter()
        .filter(|(name, n)| !biased(name) && !failed(name, *n))
        .map(|(name, n)| (name, n, cells(name, n)))
        .filter(|(_, _, cells)| !cells.is_empty() && cells.len() == points && cells.iter().all(|c| passes(c)))
        .collect();
    let kept = arriving(report, kept);
    let cost = |cell: &Cell| cell.figures.as_ref().map_or(f64::INFINITY, |f| f.variance_x_seconds);
    let scores: Vec<f64> = kept
        .iter()
        .map(|(_, _, own)| {
            let ratios = own.iter().map(|cell| {
                let rivals = kept.iter().flat_map(|(_, _, cells)| cells).filter(|c| c.point == cell.point);
                ratio(cost(cell), &rivals.map(|c| cost(c)).collect::<Vec<_>>())
            });
            ratios.map(f64::ln).sum::<f64>() / own.len() as f64
        })
        .collect();
    let named = kept.into_iter().zip(scores);
    named.map(|((estimator, num_draws, _), score)| Candidate { estimator, num_draws, score }).collect()
}

/// Nats below the best of the short fits, beyond four standard errors, from which one has not arrived.
const BEHIND: f64 = 1.0;

/// Leaves out what a short fit shows to be too slow: with an estimator that has no noise at a price that leaves a fit a
/// handful of steps, the noise says nothing.
fn arriving<'r>(
    report: &StudyReport,
    kept: Vec<(&'r str, usize, Vec<&'r Cell>)>,
) -> Vec<(&'r str, usize, Vec<&'r Cell>)> {
    let fit = |name: &str, n: usize| {
        let own = report.fits.iter().find(|f| f.estimator == name && f.num_draws == n);
        own.map_or((f64::NAN, 0.0), |f| (f.bound, f.standard_error))
    };
    let reached = kept.iter().map(|(name, n, _)| fit(name, *n)).filter(|(bound, _)| !bound.is_nan());
    let Some((best, error)) = reached.max_by(|a, b| a.0.total_cmp(&b.0)) else { return kept };
    let behind = |(bound, own): (f64, f64)| best - bound > BEHIND + 4.0 * error.hypot(own);
    kept.into_iter().filter(|(name, n, _)| !behind(fit(name, *n))).collect()
}

/// The ratio to the least of `all`; what is a millionth of the largest counts as zero.
fn ratio(cost: f64, all: &[f64]) -> f64 {
    let largest = all.iter().copied().fold(0.0, f64::max);
    let floor = (largest / MOST_RATIO).max(f64::MIN_POSITIVE);
    let least = all.iter().copied().fold(f64::INFINITY, f64::min).max(floor);
    cost.max(floor) / least
}

/// Estimators and numbers of draws, in the order they were measured.
fn kinds(report: &StudyReport) -> Vec<(&str, usize)> {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for cell in &report.cells {
        let kind = (cell.estimator.as_str(), cell.num_draws);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

fn bias_of(report: &StudyReport, best: &Candidate) -> String {
    let own = report.cells.iter().filter(|c| c.estimator == best.estimator && c.num_draws == best.num_draws);
    let biases: Vec<_> = own.filter_map(|c| c.figures.as_ref()?.bias.as_ref()).collect();
    if biases.iter().all(|b| b.own_reference) {
        return "the others are held against a long run of it, so its own bias was not tested".into();
    }
    let worst = biases.iter().filter(|b| !b.own_reference).max_by(|a, b| a.largest.total_cmp(&b.largest));
    worst.map_or(String::new(), |b| {
        format!("no bias was found (largest {:.1} standard errors, {:.1} would be suspect)", b.largest, b.threshold)
    })
}

fn reached(report: &StudyReport, best: &Candidate) -> String {
    let fit = report.fits.iter().find(|f| f.estimator == best.estimator && f.num_draws == best.num_draws);
    let top = report.fits.iter().filter(|f| f.failure.is_none()).max_by(|a, b| a.bound.total_cmp(&b.bound));
    let (Some(fit), Some(top)) = (fit, top) else { return String::new() };
    let reached = if report.objective.is_bound() { "a bound" } else { "a mean of log q" };
    let words = format!("; {} evaluations took it to {reached} of {:.2}", fit.evaluations, fit.bound);
    let (name, draws) = (&top.estimator, draws(top.num_draws));
    let tied = top.bound - fit.bound <= 0.01 + 2.0 * top.standard_error.min(fit.standard_error);
    if tied { words } else { format!("{words}, the best ({name}, {draws}) to {:.2}", top.bound) }
}

/// Why nothing is recommended.
fn none(report: &StudyReport) -> String {
    if report.cells.is_empty() {
        return "Nothing was measured, so nothing is recommended.".into();
    }
    let without = report.points.iter().any(|p| p.reference.is_none());
    let why = if without {
        "there is no reference to hold them against at every point"
    } else {
        "each of them is biased, fails or was not measured at every point"
    };
    format!("No estimator is recommended: {why}.")
}
