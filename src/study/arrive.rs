//! Equal-work runs: which estimators end as high as the best.

use super::rank::Contender;
use super::report::{ShortFit, StudyReport};

/// Nats below the best of the short fits, beyond four standard errors, from which one has not arrived after one run; errors
/// beyond as many excuse nothing, since a fit that went astray has the largest.
const BEHIND: f64 = 1.0;

/// The most, in nats, that the spread of its runs excuses.
const ASTRAY: f64 = 0.05;

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
    let far = gap > BEHIND + 4.0 * best.standard_error.hypot(own.standard_error).min(BEHIND);
    if far || own.runs.min(best.runs) < 2 {
        return far;
    }
    let of_runs = |fit: &ShortFit| fit.run_error.max(0.5 * pooled).min(ASTRAY);
    gap > EQUAL.0 + EQUAL.1 * of_draws(own, best).hypot(of_runs(own)).hypot(of_runs(best))
}

/// The standard error of a run's end that is in the middle of all.
fn pooled(report: &StudyReport) -> f64 {
    let mut errors: Vec<f64> = report.fits.iter().filter(|f| f.runs > 1).map(|f| f.run_error).collect();
    errors.sort_by(f64::total_cmp);
    errors.get(errors.len() / 2).copied().unwrap_or(0.0)
}

/// The standard error of the difference of two ends by the fresh draws, which both have in common.
fn of_draws(a: &ShortFit, b: &ShortFit) -> f64 {
    if a.values.len() != b.values.len() || a.values.len() < 2 {
        return a.standard_error.hypot(b.standard_error);
    }
    let differences = a.values.iter().zip(&b.values).map(|(a, b)| a - b);
    super::spread::mean_and_error(differences, a.values.len()).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(bound: f64, run_error: f64, runs: usize) -> ShortFit {
        ShortFit {
            estimator: "one".into(),
            num_draws: 1,
            bound,
            standard_error: 0.02,
            runs,
            run_error,
            steps: 10,
            evaluations: 10,
            seconds: 0.0,
            failure: None,
            values: Vec::new(),
        }
    }

    #[test]
    fn a_run_that_went_astray_is_no_excuse() {
        let best = fit(-31.56, 0.001, 3);
        let behind = |own: &ShortFit| is_behind(own, &best, 0.002);
        assert!(!behind(&fit(-31.57, 0.002, 3)) && !behind(&fit(-31.60, 0.03, 3)));
        // Two of three runs fell far: the mean is within its own error, and has not arrived.
        assert!(behind(&fit(-91.0, 60.0, 3)) && behind(&fit(-31.9, 0.3, 3)));
        assert!(behind(&ShortFit { standard_error: 1e43, ..fit(-1e43, 1e43, 3) }));
        // After one run only what is far behind is out.
        assert!(!behind(&fit(-32.3, f64::NAN, 1)) && behind(&fit(-34.0, f64::NAN, 1)));
    }
}
