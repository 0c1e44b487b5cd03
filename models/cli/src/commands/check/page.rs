//! The checks as one page for a browser: no other file, no script, nothing to look up.

use super::calibrated::Calibrated;
use super::checked::Checked;
use super::parts::{Finding, LeftOut, Part, Pit};
use super::predicted::Predicted;
use super::text::{by_sensitivity, influence, priors};
use crate::cli::number::significant;
use crate::cli::page::{escaped, head, panels, paragraph, table};
use crate::cli::plot::{even_counts, even_quantiles, observed_among, overlaid, scatter};
use jensen::posterior::{Change, PowerScaling};

/// Panels of one figure at most.
const MOST_PANELS: usize = 24;

/// Sizes of a panel, small enough for a phone.
const SMALL: (f64, f64) = (300.0, 210.0);
const LARGE: (f64, f64) = (360.0, 280.0);

/// The whole page.
pub(super) fn page(checked: &Checked) -> String {
    let mut out = head(&format!("Checks of a fit of {}", checked.model));
    let rows = if checked.num_rows == 1 { "1 row".into() } else { format!("{} rows", checked.num_rows) };
    out += &paragraph(&format!(
        "Fit: {}. Data: {}, {rows}. Verdict: {}. Seed of the checks: {}.",
        checked.fit, checked.data, checked.verdict.trust, checked.seed
    ));
    out += &findings(checked);
    out + &sections(checked) + "</body></html>\n"
}

/// Every check as a section; those that were not made say why.
fn sections(checked: &Checked) -> String {
    let sections = [
        ("Data that the prior expects", told(&checked.prior_predictive, |made| predicted("prior", made))),
        (
            "Data that the fitted model expects",
            told(&checked.posterior_predictive, |made| predicted("posterior", made)),
        ),
        ("Rows left out one by one", told(&checked.loo, left_out)),
        ("Where left-out values fall in their predictions", told(&checked.loo_pit, |all| pits(all))),
        ("Fits of simulated data", told(&checked.calibration, calibrated)),
        ("Sensitivity to prior and data", told(&checked.sensitivity, sensitivity)),
    ];
    sections.iter().map(|(title, body)| format!("<h2>{title}</h2>\n{body}")).collect()
}

/// What the checks of a fit's own page say: findings, and the sections without fits of simulated data.
pub(super) fn of_a_fit(checked: &Checked) -> String {
    let sections = [
        (
            "Data that the fitted model expects",
            told(&checked.posterior_predictive, |made| predicted("posterior", made)),
        ),
        ("Rows left out one by one", told(&checked.loo, left_out)),
        ("Where left-out values fall in their predictions", told(&checked.loo_pit, |all| pits(all))),
        ("Sensitivity to prior and data", told(&checked.sensitivity, sensitivity)),
    ];
    let sections = sections.iter().map(|(title, body)| format!("<h3>{title}</h3>\n{body}"));
    findings(checked) + &sections.collect::<String>()
}

fn told<T>(part: &Part<T>, tell: impl Fn(&T) -> String) -> String {
    match part {
        Part::Done(made) => tell(made),
        Part::NotDone(why) => format!("<p class=\"faint\">Not done: {}</p>\n", escaped(why)),
    }
}

fn findings(checked: &Checked) -> String {
    if checked.findings.is_empty() {
        return "<p class=\"advice\">Nothing was found that would need a second look.</p>\n".into();
    }
    let one = |finding: &Finding| {
        let class = if finding.is_problem { " class=\"bad\"" } else { "" };
        let [check, what, advice] = [finding.check, &finding.what, &finding.advice].map(escaped);
        format!("<dt{class}>{check}: {what}</dt><dd>{advice}</dd>\n")
    };
    format!("<div class=\"advice\"><dl>\n{}</dl></div>\n", checked.findings.iter().map(one).collect::<String>())
}

fn predicted(id: &str, made: &Predicted) -> String {
    let rows = made.statistics.iter().map(|s| {
        let [low, middle, high] = s.quantiles.map(|x| significant(x, 3));
        let (observed, below) = (significant(s.observed, 3), significant(s.below, 2));
        vec![format!("{} of {}", s.name, s.of), observed, low, middle, high, below, s.num_not_finite.to_string()]
    });
    let header = ["statistic", "observed", "5 %", "50 %", "95 %", "share below", "not finite"];
    let mut out = paragraph(&format!(
        "{} data sets were simulated; of each the same statistics as of the data. A share below of nearly 0 or 1 means that \
         such data are not expected.{}",
        made.num_sets,
        if made.reads_its_data { " Each value is simulated given the data before it." } else { "" }
    ));
    out += &table(&header, rows);
    if !made.overlays.is_empty() {
        out += &paragraph(
            "How often values occur: the data thick, 25 of the simulated data sets thin and grey. The same scale for all of them.",
        );
        let all = made.overlays.iter().map(|o| (overlaid(&o.of, &o.edges, &o.observed, &o.simulated), LARGE));
        out += &panels(all, &format!("{id}-overlay"), "data among simulated data");
    }
    out += &paragraph(
        "Statistics of simulated data sets: mean dashed, central 90 % thick; the observed one as a solid line.",
    );
    let shown = made.statistics.iter().take(MOST_PANELS);
    let shown = shown.map(|s| (observed_among(&format!("{} of {}", s.name, s.of), &s.simulated, s.observed), SMALL));
    out + &panels(shown, id, "statistics of simulated data")
}

fn left_out(loo: &LeftOut) -> String {
    let error = if loo.elpd_se.is_nan() { "unknown for a single row".into() } else { significant(loo.elpd_se, 2) };
    let out = paragraph(&format!(
        "elpd {} (standard error {error}), effective parameters {}. A row whose k-hat is above {} cannot be left out by \
         weights: {} of {} rows.",
        significant(loo.elpd, 5),
        significant(loo.num_effective, 2),
        significant(loo.threshold, 2),
        loo.unreliable.len(),
        loo.pointwise.len()
    ));
    let rows: Vec<f64> = (1..=loo.k_hat.len()).map(|row| row as f64).collect();
    out + &panels([(scatter("row", "k-hat", &rows, &loo.k_hat), LARGE)], "khat", "k-hat of each row")
}

fn pits(all: &[Pit]) -> String {
    let mut out = paragraph(
        "The share of a row's predictions, made from all other rows, that lie below its value: even where the model is right, \
         U-shaped where its predictions are too narrow.",
    );
    let tested = all.iter().filter_map(|pit| Some((pit, pit.ranks.as_ref()?)));
    let rows = tested.clone().map(|(pit, ranks)| {
        let numbers = [ranks.uniformity_p_value, ranks.symmetry_p_value, ranks.spread].map(|x| significant(x, 2));
        [pit.name.clone()].into_iter().chain(numbers).collect()
    });
    out += &table(&["", "uniform p", "symmetric p", "spread"], rows);
    let shown: Vec<_> = tested
        .flat_map(|(pit, ranks)| {
            let title =
                |what: &str| if pit.name == "data" { what.to_string() } else { format!("{what} of {}", pit.name) };
            [
                (even_counts(&title("how often"), &ranks.counts), SMALL),
                (even_quantiles(&title("quantiles"), &pit.values), SMALL),
            ]
        })
        .collect();
    if shown.is_empty() {
        return out + &paragraph("There are too few values for a test.");
    }
    out += &paragraph(
        "Left, counts against even ones (line). Right, the values in order against even ones, nine in ten of which are in the band.",
    );
    out + &panels(shown, "pit", "places of left-out values")
}

fn calibrated(made: &Calibrated) -> String {
    let mut out = paragraph(&format!(
        "The true value's place among 99 draws of the fit of each of {} simulated data sets; {} of the fits were trusted. Even \
         where the way of fitting is right.",
        made.num_sets, made.num_trusted
    ));
    let rows = made.quantities.iter().map(|quantity| {
        let ranks = &quantity.ranks;
        let numbers = [ranks.uniformity_p_value, ranks.symmetry_p_value, ranks.spread, ranks.shift];
        [quantity.name.clone()].into_iter().chain(numbers.map(|x| significant(x, 2))).collect()
    });
    out += &table(&["quantity", "uniform p", "symmetric p", "spread", "shift"], rows);
    let shown = made.quantities.iter().take(MOST_PANELS).map(|q| (even_counts(&q.name, &q.ranks.counts), SMALL));
    out + &panels(shown, "ranks", "ranks of the truth")
}

fn sensitivity(found: &PowerScaling) -> String {
    let mut out = paragraph(
        "How fast the posterior moves as prior or data count more: the distance's derivative in the logarithm of the power to \
         base 2. A quantity is sensitive from 0.05. Mean and sd: what a prior that counts twice would move them by, in sds.",
    );
    priors(found).iter().for_each(|words| out += &paragraph(&format!("{words}.")));
    let rows = by_sensitivity(found).into_iter().map(|quantity| {
        let distance = |change: Option<Change>| change.map_or("–".into(), |c| format!("{:.3}", c.distance));
        let moved = |x: Option<f64>| x.map_or("–".into(), |x| format!("{x:.2}"));
        let (mean, sd) = (quantity.prior.map(|c| c.mean.value), quantity.prior.map(|c| c.sd.value));
        let (prior, data) = (distance(quantity.prior), distance(quantity.data));
        vec![quantity.name.clone(), prior, data, moved(mean), moved(sd), influence(quantity).to_string()]
    });
    out += &table(&["quantity", "prior", "data", "mean by prior", "sd by prior", ""], rows);
    out
}
