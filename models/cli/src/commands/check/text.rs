//! The checks as text for a terminal.

use super::calibrated::Calibrated;
use super::checked::Checked;
use super::parts::{LeftOut, Part, Pit};
use super::predicted::Predicted;
use crate::cli::number::significant;
use crate::cli::render::{Align, TextTable};
use jensen::posterior::{Change, PowerScaling, PriorInfluence, Sensitivity};

/// Quantities that are shown at most.
const MOST: usize = 12;

pub(super) fn text(checked: &Checked) -> String {
    let rows = if checked.num_rows == 1 { "1 row".into() } else { format!("{} rows", checked.num_rows) };
    let mut out = format!("{}: {}, {rows}, checked\n", checked.model, checked.data);
    let sections = [
        ("data that the prior expects", said(&checked.prior_predictive, predicted)),
        ("data that the fitted model expects", said(&checked.posterior_predictive, predicted)),
        ("rows left out one by one", said(&checked.loo, left_out)),
        ("where left-out values fall in their predictions", said(&checked.loo_pit, |all| pits(all))),
        ("fits of simulated data", said(&checked.calibration, calibrated)),
        ("sensitivity to prior and data", said(&checked.sensitivity, sensitivity)),
    ];
    for (title, body) in sections {
        out += &format!("\n{title}\n{}\n", body.trim_end());
    }
    out + &findings(checked)
}

fn said<T>(part: &Part<T>, tell: impl Fn(&T) -> String) -> String {
    match part {
        Part::Done(made) => tell(made),
        Part::NotDone(why) => format!("  not done: {why}"),
    }
}

fn findings(checked: &Checked) -> String {
    if checked.findings.is_empty() {
        return "\nnothing found that would need a second look\n".into();
    }
    let mut out = String::from("\nfindings\n");
    for finding in &checked.findings {
        let mark = if finding.is_problem { "!" } else { "-" };
        out += &format!("{mark} {}: {}\n  what to do: {}\n", finding.check, finding.what, finding.advice);
    }
    out
}

fn indented(table: &TextTable) -> String {
    table.to_string().lines().map(|line| format!("  {line}\n")).collect()
}

fn predicted(made: &Predicted) -> String {
    let header = ["observed", "5%", "50%", "95%", "share below"].map(|name| (name, Align::Point));
    let header: Vec<_> = [("", Align::Left), ("", Align::Left)].into_iter().chain(header).collect();
    let mut table = TextTable::new(&header);
    for s in &made.statistics {
        let [low, middle, high] = s.quantiles.map(|x| significant(x, 3));
        let below = significant(s.below, 2);
        table.push([s.of.clone(), s.name.into(), significant(s.observed, 3), low, middle, high, below]);
    }
    let mut out = indented(&table);
    let unusable = made.statistics.iter().map(|s| s.num_not_finite).max().unwrap_or(0);
    out += &format!("  {} simulated data sets", made.num_sets);
    out += &if unusable > 0 { format!(", up to {unusable} of them not finite") } else { String::new() };
    out += if made.reads_its_data { "; each value is simulated given the data before it\n" } else { "\n" };
    out
}

fn left_out(loo: &LeftOut) -> String {
    let error = if loo.elpd_se.is_nan() { "unknown for a single row".into() } else { significant(loo.elpd_se, 2) };
    let largest = loo.k_hat.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!(
        "  elpd {} (standard error {error}), effective parameters {}\n  largest k-hat {} (reliable up to {}), {} of {} rows \
         above\n",
        significant(loo.elpd, 5),
        significant(loo.num_effective, 2),
        significant(largest, 2),
        significant(loo.threshold, 2),
        loo.unreliable.len(),
        loo.pointwise.len(),
    )
}

fn pits(all: &[Pit]) -> String {
    let one = |pit: &Pit| match &pit.ranks {
        None => format!("  {}: {} values are too few for a test\n", pit.name, pit.values.len()),
        Some(ranks) => format!(
            "  {}: uniform p {}, symmetric p {}, spread {} (1 where predictions are as wide as they should be)\n",
            pit.name,
            significant(ranks.uniformity_p_value, 2),
            significant(ranks.symmetry_p_value, 2),
            significant(ranks.spread, 2),
        ),
    };
    all.iter().map(one).collect()
}

fn calibrated(made: &Calibrated) -> String {
    let header = ["uniform p", "symmetric p", "spread", "shift"].map(|name| (name, Align::Point));
    let mut table = TextTable::new(&[("", Align::Left)].into_iter().chain(header).collect::<Vec<_>>());
    let mut order: Vec<_> = made.quantities.iter().collect();
    order.sort_by(|a, b| a.ranks.smallest_p_value().total_cmp(&b.ranks.smallest_p_value()));
    for quantity in order.iter().take(MOST) {
        let ranks = &quantity.ranks;
        let numbers = [ranks.uniformity_p_value, ranks.symmetry_p_value, ranks.spread, ranks.shift];
        let numbers = numbers.map(|x| significant(x, 2));
        table.push([quantity.name.clone()].into_iter().chain(numbers));
    }
    let mut out = indented(&table);
    out += &more(made.quantities.len(), "the least even ones");
    let few = if made.num_sets < 100 { "; so few find gross errors only" } else { "" };
    out + &format!("  {} simulated data sets, {} of their fits trusted{few}\n", made.num_sets, made.num_trusted)
}

fn more(count: usize, shown: &str) -> String {
    if count > MOST { format!("  {} more; these are {shown}\n", count - MOST) } else { String::new() }
}

/// What is said of a quantity.
pub(super) fn influence(of: &Sensitivity) -> &'static str {
    match of.influence() {
        PriorInfluence::Conflict => "prior and data disagree",
        PriorInfluence::Dominant => "the prior decides",
        PriorInfluence::Sensitive => "the prior matters",
        PriorInfluence::Unclear => "too few draws to tell",
        _ => "",
    }
}

/// Quantities, those that are most sensitive to the prior first; of data alone in their order.
pub(super) fn by_sensitivity(found: &PowerScaling) -> Vec<&Sensitivity> {
    let mut order: Vec<&Sensitivity> = found.quantities.iter().collect();
    let distance = |of: &Sensitivity| of.prior.map_or(0.0, |change| change.distance);
    order.sort_by(|a, b| distance(b).total_cmp(&distance(a)));
    order
}

fn sensitivity(found: &PowerScaling) -> String {
    let mut header = vec![("", Align::Left)];
    header.extend(["prior", "data", "mean by prior", "sd by prior"].map(|name| (name, Align::Point)));
    header.push(("", Align::Left));
    let mut table = TextTable::new(&header);
    for quantity in by_sensitivity(found).into_iter().take(MOST) {
        let distance = |change: Option<Change>| change.map_or("–".into(), |c| format!("{:.3}", c.distance));
        let moved = |change: Option<f64>| change.map_or("–".into(), |x| format!("{x:.2}"));
        table.push([
            quantity.name.clone(),
            distance(quantity.prior),
            distance(quantity.data),
            moved(quantity.prior.map(|c| c.mean.value)),
            moved(quantity.prior.map(|c| c.sd.value)),
            influence(quantity).into(),
        ]);
    }
    let mut out = indented(&table) + &more(found.quantities.len(), "the most sensitive to the prior");
    out += "  prior, data: how fast the posterior moves as either counts more (sensitive from 0.05); by prior: in sds, for a \
            prior that counts twice\n";
    out + &priors(found).iter().map(|words| format!("  {words}\n")).collect::<String>()
}

/// Which priors were scaled, and what was not.
pub(super) fn priors(found: &PowerScaling) -> Vec<String> {
    let mut out = vec![match found.priors.as_slice() {
        [] => "no prior was scaled: the latents are bare, or their priors rest on other latents".into(),
        names => format!("priors scaled together: {}", names.join(", ")),
    }];
    if !found.other_priors.is_empty() {
        out.push(format!("priors left as they are: {}", found.other_priors.join(", ")));
    }
    if found.has_bare_terms {
        out.push("terms of `add` are neither prior nor data to this check, and were not scaled".into());
    }
    out
}
