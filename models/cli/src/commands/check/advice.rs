//! What was found, in plain words, and what to do about it.

use super::checked::Checked;
use super::parts::{Finding, Ranks};
use super::predicted::Statistic;
use crate::cli::number::significant;
use jensen::diagnose::verdict::Trust;
use jensen::posterior::{PowerScaling, PriorInfluence};

/// Share of false findings that each kind of check may have where all is well, shared out over its tests.
const FALSE_ALARMS: f64 = 0.05;
/// Names that are told one by one.
const MOST_NAMED: usize = 6;

pub(super) fn findings(checked: &Checked) -> Vec<Finding> {
    let mut out = Vec::new();
    of_the_fit(checked, &mut out);
    of_predictions(checked, &mut out);
    of_rows(checked, &mut out);
    of_calibration(checked, &mut out);
    if let Some(found) = checked.sensitivity.done() {
        of_sensitivity(found, &mut out);
    }
    out.sort_by_key(|finding| !finding.is_problem);
    out
}

fn problem(check: &'static str, what: String, advice: &str) -> Finding {
    Finding { check, is_problem: true, what, advice: advice.into() }
}

fn of_the_fit(checked: &Checked, out: &mut Vec<Finding>) {
    if checked.verdict.trust != Trust::Trust {
        let what =
            format!("the verdict is \"{}\", so that all checks below are of the approximation", checked.verdict.trust);
        out.push(problem("fit", what, "first do what `jensen show` advises for this fit"));
    }
}

/// Statistics that lie in the outermost tails of the simulated ones.
fn outside(statistics: &[Statistic]) -> impl Iterator<Item = &Statistic> {
    let tests = statistics.len().max(1) as f64;
    statistics.iter().filter(move |s| 2.0 * s.below.min(1.0 - s.below) < FALSE_ALARMS / tests)
}

fn of_predictions(checked: &Checked, out: &mut Vec<Finding>) {
    let said = |s: &Statistic| {
        let [low, _, high] = s.quantiles.map(|x| significant(x, 3));
        format!("the {} is {}, 90 % of what is expected lies from {low} to {high}", s.name, significant(s.observed, 3))
    };
    let prior: Vec<&Statistic> =
        checked.prior_predictive.done().map_or(Vec::new(), |made| outside(&made.statistics).collect());
    for same in prior.chunk_by(|a, b| a.of == b.of) {
        let all: Vec<String> = same.iter().map(|s| said(s)).collect();
        let what = format!("{}: {}", same[0].of, all.join("; "));
        out.push(problem(
            "prior predictive",
            what,
            "the prior all but rules these data out: compare the scales of the priors with the units of the data",
        ));
    }
    for s in checked.posterior_predictive.done().iter().flat_map(|made| outside(&made.statistics)) {
        let advice = match s.name {
            "share of zeros" => {
                "the model has another share of zeros: think of a second source of zeros, or of overdispersion"
            }
            "sd" => {
                "the model has another spread: think of overdispersion, of a scale that varies, of a missing feature"
            }
            "mean" => {
                "the model misses the level of the data: think of a missing intercept, or of a prior that is too tight"
            }
            _ => "the model misses the extremes of the data: look at those rows; think of heavier tails (`student_t`)",
        };
        let what = format!("{}: {}", s.of, said(s));
        out.push(problem("posterior predictive", what, advice));
    }
}

fn of_rows(checked: &Checked, out: &mut Vec<Finding>) {
    if let Some(loo) = checked.loo.done().filter(|loo| !loo.unreliable.is_empty()) {
        let (count, all) = (loo.unreliable.len(), loo.pointwise.len());
        let rows = named(loo.unreliable.iter().map(usize::to_string));
        let rows = format!("{} {rows}", if count == 1 { "row" } else { "rows" });
        let what = format!(
            "{count} of {all} rows have k-hat above {}, so that elpd is not to be relied on ({rows})",
            significant(loo.threshold, 2)
        );
        let by_themselves = "these rows decide much of the fit by themselves: look for errors in them, or for a model that is too \
                             flexible there; leave them out of the data and fit again to see how much they matter";
        let by_the_fit =
            "it is not these rows: the weights of the fit itself have a large k-hat; first get a fit that is trusted";
        let advice = if checked.verdict.trust != Trust::Trust && checked.k_hat > loo.threshold {
            by_the_fit
        } else {
            by_themselves
        };
        out.push(problem("leave-one-out", what, advice));
    }
    let tests = 2.0 * checked.loo_pit.done().map_or(0, Vec::len) as f64;
    for pit in checked.loo_pit.done().into_iter().flatten() {
        let Some(ranks) = pit.ranks.as_ref().filter(|ranks| ranks.smallest_p_value() < FALSE_ALARMS / tests) else {
            continue;
        };
        let (shape, advice) = shape(
            ranks,
            "think of overdispersion or heavier tails",
            "think of a noise scale or a prior that is too large",
            "think of a missing feature or a wrong link",
        );
        let what = format!(
            "left-out values of {} do not fall evenly into their predictions (p {}): {shape}",
            pit.name,
            significant(ranks.smallest_p_value(), 2)
        );
        out.push(problem("loo-pit", what, advice));
    }
}

/// What ranks look like where they are not uniform, and the advice for it.
fn shape<'a>(ranks: &Ranks, narrow: &'a str, wide: &'a str, off: &'a str) -> (&'static str, &'a str) {
    // Three standard errors of the shift, and two of the spread: that of a mean square of uniforms is sqrt(0.8 / n), relative.
    let n = ranks.counts.iter().sum::<usize>() as f64;
    if ranks.shift.abs() > 3.0 * ranks.shift_mcse {
        (if ranks.shift > 0.0 { "they are too low" } else { "they are too high" }, off)
    } else if ranks.spread > 1.0 + 2.0 * (0.8 / n).sqrt() {
        ("they are too narrow", narrow)
    } else if ranks.spread < 1.0 - 2.0 * (0.8 / n).sqrt() {
        ("they are too wide", wide)
    } else {
        ("their shape is another", off)
    }
}

fn of_calibration(checked: &Checked, out: &mut Vec<Finding>) {
    let Some(found) = checked.calibration.done() else { return };
    let tests = 2.0 * found.quantities.len().max(1) as f64;
    for quantity in found.quantities.iter().filter(|q| q.ranks.smallest_p_value() < FALSE_ALARMS / tests) {
        let more = "compare another --family, and repeat with more --simulations";
        let (shape, _) = shape(&quantity.ranks, more, more, more);
        let what = format!(
            "over {} simulated data sets the true {} does not fall evenly among the draws of its fit (p {}): {shape}",
            found.num_sets,
            quantity.name,
            significant(quantity.ranks.smallest_p_value(), 2)
        );
        out.push(problem("calibration", what, more));
    }
}

fn of_sensitivity(found: &PowerScaling, out: &mut Vec<Finding>) {
    let mut worth_knowing = |what: String, advice: &str| {
        out.push(Finding { check: "prior sensitivity", is_problem: false, what, advice: advice.into() });
    };
    let scaled = [("prior counts", found.prior), ("data count", found.data)];
    for (part, weights) in scaled.iter().filter_map(|(part, w)| Some((part, w.filter(|w| !w.is_reliable())?))) {
        let what = format!(
            "the draws do not reach a posterior whose {part} 0.8 or 1.25 times (k-hat {} above {}), so that its \
             sensitivities are rough",
            significant(weights.k_hat, 2),
            significant(weights.threshold, 2)
        );
        worth_knowing(what, "to be sure, fit again with another prior and compare the tables");
    }
    let of = |influence| {
        let all: Vec<&String> =
            found.quantities.iter().filter(|q| q.influence() == influence).map(|q| &q.name).collect();
        (!all.is_empty()).then(|| named(all.into_iter().cloned()))
    };
    let priors = found.priors.join(", ");
    if let Some(names) = of(PriorInfluence::Conflict) {
        worth_knowing(
            format!("prior and data pull {names} in different directions (priors scaled: {priors})"),
            "is the prior meant to be that strong? widen it and compare, or look for what is odd in the data; --priors \
             scales some priors alone",
        );
    }
    if let Some(names) = of(PriorInfluence::Dominant) {
        worth_knowing(
            format!("the prior decides about {names}, the data hardly do (priors scaled: {priors})"),
            "choose this prior with care, and say so where you report the result",
        );
    }
    if let Some(names) = of(PriorInfluence::Sensitive) {
        worth_knowing(
            format!("the prior matters for {names} (priors scaled: {priors}); what the data do is not known"),
            "write the data with `observe` in the place of `add` to be told",
        );
    }
    if let Some(names) = of(PriorInfluence::Unclear) {
        worth_knowing(
            format!("the draws are too few to tell how sensitive {names} is"),
            "scale fewer priors at a time with --priors",
        );
    }
}

/// The first few of the names, and how many more there are.
fn named(names: impl ExactSizeIterator<Item = String>) -> String {
    let count = names.len();
    let mut shown: Vec<String> = names.take(MOST_NAMED).collect();
    if count > MOST_NAMED {
        shown.push(format!("{} more", count - MOST_NAMED));
    }
    shown.join(", ")
}
