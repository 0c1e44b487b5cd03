//! Equal-work runs: which estimators end as high as the best.

use super::rank::Contender;
use super::report::{ShortFit, StudyReport};

/// Nats below the best of the short fits, beyond four standard errors, from which one has not arrived after one run.
const BEHIND: f64 = 1.0;

/// Nats, and standard errors of the difference, by which ends may differ without a difference.
const EQUAL: (f64, f64) = (0.01, 2.5);

/// Marks the contenders whose fits, with as many evaluations as all had, did not end as high as the best: with an
/// estimator that has no noise at a price that leaves a fit a handful of steps, the noise says nothing.
///
/// Where a fit was run once, its own noise is not known, and only what is far behind is left out.
pub(super) fn mark(report: &StudyReport, contenders: &mut [Contender]) {
    let fit = |c: &Contender| {
        let own = |f: &&ShortFit| f.estimator == c.estimator && f.num_draws == c.num_draws && !f.bound.is_nan();
        report.fits.iter().find(own)
    };
    let Some(best) = contenders.iter().filter_map(&fit).max_by(|a, b| a.bound.total_cmp(&b.bound)) else { return };
    let pooled = pooled(report);
    for contender in contenders {
        contender.arrives = fit(contender).is_some_and(|own| !is_behind(own, best, pooled));
    }
}

fn is_behind(own: &ShortFit, best: &ShortFit, pooled: f64) -> bool {
    let gap = best.bound - own.bound;
    if own.runs.min(best.runs) < 2 {
        return gap > BEHIND + 4.0 * best.standard_error.hypot(own.standard_error);
    }
    let of_runs = |fit: &ShortFit| fit.run_error.max(0.5 * pooled);
    gap > EQUAL.0 + EQUAL.1 * of_draws(own, best).hypot(of_runs(own)).hypot(of_runs(best))
}

/// The standard error of a run's end, over all that were run more than once.
fn pooled(report: &StudyReport) -> f64 {
    let squares: Vec<f64> = report.fits.iter().filter(|f| f.runs > 1).map(|f| f.run_error * f.run_error).collect();
    (squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt()
}

/// The standard error of the difference of two ends by the fresh draws, which both have in common.
fn of_draws(a: &ShortFit, b: &ShortFit) -> f64 {
    if a.values.len() != b.values.len() || a.values.len() < 2 {
        return a.standard_error.hypot(b.standard_error);
    }
    let differences = a.values.iter().zip(&b.values).map(|(a, b)| a - b);
    super::spread::mean_and_error(differences, a.values.len()).1
}
