//! The words at the end: which estimator, how many draws, by what margin, and why.

use super::report::{Rank, Recommendation, StudyReport};
use super::spread::{FEWEST, Interval};

/// Recommends of those that are as good as the one of least noise for the work the one that was named first, so that
/// chance decides nothing; `report.ranks` says which are.
pub(super) fn recommend(report: &StudyReport) -> Recommendation {
    let arriving: Vec<&Rank> = report.ranks.iter().filter(|r| r.arrives).collect();
    if arriving.is_empty() {
        return Recommendation { sentence: none(report), ..Recommendation::default() };
    }
    if report.repeats < FEWEST {
        let words = format!(
            "No estimator is recommended: {} gradients of each kind are too few to tell noise apart; take at least \
             {FEWEST}, and 500 for errors that say much.",
            report.repeats
        );
        return Recommendation { sentence: words, ..Recommendation::default() };
    }
    let good: Vec<&Rank> = arriving.iter().copied().filter(|r| !r.distinguishable).collect();
    let order = |name: &str| report.cells.iter().position(|c| c.estimator == name);
    let Some(best) = good.iter().copied().min_by_key(|r| (order(&r.estimator), r.num_draws)) else {
        return Recommendation { sentence: none(report), ..Recommendation::default() };
    };
    let mut as_good: Vec<String> = Vec::new();
    for rank in &good {
        if rank.estimator != best.estimator && !as_good.contains(&rank.estimator) {
            as_good.push(rank.estimator.clone());
        }
    }
    as_good.sort_by_key(|name| order(name));
    let next = arriving.iter().find(|r| r.estimator != best.estimator && !as_good.contains(&r.estimator));
    let own: Vec<&Rank> = good.iter().copied().filter(|r| r.estimator == best.estimator).collect();
    let mut sentence = format!("Use {} with {} a step", best.estimator, draws(best.num_draws));
    sentence += &numbers(&own, best);
    sentence += &others(&as_good, report);
    sentence += &noise(report, as_good.is_empty(), next.copied());
    sentence += &format!(" {}", bias_of(report, best));
    sentence += &reached(report, best);
    sentence += &same(report, best);
    Recommendation {
        estimator: Some(best.estimator.clone()),
        num_draws: Some(best.num_draws),
        margin: next.map(|r| r.interval),
        as_good,
        sentence,
    }
}

fn draws(n: usize) -> String {
    if n == 1 { "1 draw".into() } else { format!("{n} draws") }
}

/// Other numbers of draws that are as good.
fn numbers(own: &[&Rank], best: &Rank) -> String {
    let mut others: Vec<usize> = own.iter().map(|r| r.num_draws).filter(|n| *n != best.num_draws).collect();
    others.sort_unstable();
    let others: Vec<String> = others.into_iter().map(|n| n.to_string()).collect();
    if others.is_empty() { String::new() } else { format!(" ({} as good)", others.join(", ")) }
}

fn others(as_good: &[String], report: &StudyReport) -> String {
    let list = match as_good {
        [] => return ". ".into(),
        [one] => format!("{one} is"),
        [first @ .., last] => format!("{} and {last} are", first.join(", ")),
    };
    let most = report.cells.iter().filter_map(|c| c.figures.as_ref()).map(|f| f.repeats).max().unwrap_or(0);
    let runs = if report.fits.is_empty() { "" } else { "fits of equal work end as high, and " };
    format!("; {list} as good: {runs}up to {most} gradients of each do not show twice the noise for the work. ")
}

/// What is between it and the next.
fn noise(report: &StudyReport, is_alone: bool, next: Option<&Rank>) -> String {
    let of = match (is_alone, next) {
        (true, None) => return "No other estimator passed.".into(),
        (false, None) => return "No other passed.".into(),
        (true, Some(_)) => {
            "Its noise for the work (variance x evaluations, over the points) is the least of all that passed"
        }
        (false, Some(_)) => {
            "All others that passed have more noise for the work (variance x evaluations, over the points)"
        }
    };
    let Some(next) = next else { return String::new() };
    let times = |x: f64| if x > 999.0 { "over 1000".to_string() } else { format!("{x:.1}") };
    let Interval { low, high } = next.interval;
    let between = if next.interval.is_known() && low > 0.0 && report.repeats >= FEWEST {
        format!(" (90 %: {} to {})", times(low), times(high))
    } else {
        String::new()
    };
    let name = format!("{} with {}", next.estimator, draws(next.num_draws));
    format!("{of}: the next, {name}, has {} times as much{between}.", times(next.ratio))
}

fn bias_of(report: &StudyReport, best: &Rank) -> String {
    let own = report.cells.iter().filter(|c| c.estimator == best.estimator && c.num_draws == best.num_draws);
    let biases: Vec<_> = own.filter_map(|c| c.figures.as_ref()?.bias.as_ref()).collect();
    if biases.iter().all(|b| b.own_reference) {
        return "The others are held against a long run of it, so its own bias was not tested.".into();
    }
    let tested = || biases.iter().filter(|b| !b.own_reference);
    let worst = tested().max_by(|a, b| a.largest.total_cmp(&b.largest));
    let seen = tested().map(|b| 2.0 * b.along_error).fold(f64::NAN, f64::min);
    let sees =
        if seen.is_finite() { format!("; a length off by {:.1} % would show", 100.0 * seen) } else { String::new() };
    worst.map_or(String::new(), |b| {
        format!(
            "No bias was found (largest {:.1} standard errors, {:.1} would be suspect{sees}).",
            b.largest, b.threshold
        )
    })
}

fn reached(report: &StudyReport, best: &Rank) -> String {
    let fit = report.fits.iter().find(|f| f.estimator == best.estimator && f.num_draws == best.num_draws);
    let top = report.fits.iter().filter(|f| f.failure.is_none()).max_by(|a, b| a.bound.total_cmp(&b.bound));
    let (Some(fit), Some(top)) = (fit, top) else { return String::new() };
    let reached = if report.objective.is_bound() { "a bound" } else { "a mean of log q" };
    let words = format!(" {} evaluations took it to {reached} of {:.2}", fit.evaluations, fit.bound);
    let (name, number) = (&top.estimator, draws(top.num_draws));
    let is_ranked = report.ranks.iter().any(|r| r.estimator == *name && r.num_draws == top.num_draws);
    if top.bound - fit.bound <= 0.01 {
        format!("{words}; no run of equal work ended higher.")
    } else if is_ranked {
        format!(
            "{words}; the best of the runs of equal work ({name}, {number}) ended at {:.2}, within error.",
            top.bound
        )
    } else {
        format!("{words}; {name} with {number}, which did not pass, ended at {:.2}.", top.bound)
    }
}

/// Estimators that are this one under another name.
fn same(report: &StudyReport, best: &Rank) -> String {
    let mut names: Vec<&str> = Vec::new();
    for cell in report.cells.iter().filter(|c| c.same_as.as_deref() == Some(best.estimator.as_str())) {
        if !names.contains(&cell.estimator.as_str()) {
            names.push(&cell.estimator);
        }
    }
    if names.is_empty() {
        String::new()
    } else {
        format!(" Here {} gives the same gradients, draw for draw.", names.join(", "))
    }
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
