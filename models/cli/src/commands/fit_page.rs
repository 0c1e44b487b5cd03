//! A fit of a model as one page for a browser: no other file, no script, nothing to look up.

use super::report::Report;
use crate::cli::number::{decimals_for, fixed, significant};
use crate::cli::page::{again, escaped, head, lines, panels, paragraph, table};
use crate::cli::plot::Trace;
use crate::cli::plot::{Banded, Panel, Span, banded, forest, forest_height, marginal, trace};
use crate::cli::render::Length;
use jensen::diagnose::verdict::Trust;
use jensen::posterior::{Summary, table_is_of};
use jensen::target::Constrained;
use jensen_models::regression::Curve;

/// Rows of the table that stand open; more are folded. Lines of a chart of intervals, and histograms, at most.
const OPEN: usize = 40;
const MOST_LINES: usize = 40;
const MOST_MARGINALS: usize = 12;
/// Categories of a response whose curves are drawn.
const MOST_CURVES: usize = 6;

/// Sizes of panels, small enough for a phone.
const SMALL: (f64, f64) = (300.0, 210.0);
const LARGE: (f64, f64) = (360.0, 290.0);
const WIDTH: f64 = 420.0;

/// All that the page of a fit tells.
pub(super) struct Told<'a> {
    pub report: &'a Report,
    /// Draws under the names of the table.
    pub draws: &'a Constrained,
    /// What the model is, in one line.
    pub about: &'a str,
    /// The model as mathematics, where it is a regression.
    pub mathematics: Vec<String>,
    /// A usual step of each coefficient's column.
    pub steps: Vec<(String, f64)>,
    /// The expected response along each column.
    pub curves: Vec<Curve>,
    /// The checks, as part of a page.
    pub checks: String,
    /// The command to run it again.
    pub command: String,
}

/// The whole page.
pub(super) fn page(told: &Told) -> String {
    let report = told.report;
    let mut out = head(&format!("{}: {}", report.model, report.data));
    let class = if report.verdict.trust == Trust::Trust { "" } else { " class=\"bad\"" };
    out += &format!("<div class=\"advice\"><p{class}>{}</p></div>\n", escaped(&report.verdict.to_string()));
    let sections = [
        ("Data", data(report)),
        ("Model", model(told)),
        ("Priors", priors(report)),
        ("Posterior", posterior(report)),
        ("Plots", plots(told)),
        ("Checks", told.checks.clone()),
        ("Evidence and verdict", lines(&report.evidence(Length::All))),
        ("Run it again", again(&told.command)),
    ];
    for (title, body) in sections.iter().filter(|(_, body)| !body.is_empty()) {
        out += &format!("<h2>{title}</h2>\n{body}");
    }
    out + "</body></html>\n"
}

fn is_of_priors(line: &str) -> bool {
    line.starts_with("prior ") || line.starts_with("    ")
}

fn data(report: &Report) -> String {
    let rows = if report.num_rows == 1 { "1 row".to_string() } else { format!("{} rows", report.num_rows) };
    let mut out = paragraph(&format!("{}: {rows} are used.", report.data));
    let is_of_model = |line: &str| ["formula ", "likelihood "].iter().any(|word| line.starts_with(word));
    let understood: Vec<&str> = report.understood.iter().map(String::as_str).collect();
    let shown: Vec<&str> = understood.into_iter().filter(|line| !is_of_model(line) && !is_of_priors(line)).collect();
    if !shown.is_empty() {
        out += &lines(&shown.join("\n"));
    }
    if !report.standardised.is_empty() {
        let rows = report.standardised.iter();
        let rows = rows.map(|s| vec![s.name.clone(), significant(s.mean, 4), significant(s.sd, 4)]);
        out += &table(&["standardised", "mean taken out", "divided by"], rows);
    }
    out
}

fn model(told: &Told) -> String {
    let of_model =
        told.report.understood.iter().filter(|line| line.starts_with("formula ") || line.starts_with("likelihood "));
    let of_model: Vec<&str> = of_model.map(String::as_str).collect();
    let mut out = paragraph(&format!("{}: {}", told.report.model, told.about));
    if !of_model.is_empty() {
        out += &lines(&of_model.join("\n"));
    }
    if !told.mathematics.is_empty() {
        out += &lines(&told.mathematics.join("\n"));
    }
    out
}

fn priors(report: &Report) -> String {
    let shown: Vec<&str> = report.understood.iter().map(String::as_str).filter(|line| is_of_priors(line)).collect();
    if shown.is_empty() { String::new() } else { lines(&shown.join("\n")) }
}

fn posterior(report: &Report) -> String {
    let header = ["", "mean", "sd", "5 %", "50 %", "95 %"];
    let row = |line: &Summary| {
        let decimals = decimals_for(line.sd, 3);
        let numbers = [line.mean, line.sd, line.q5, line.q50, line.q95].map(|x| fixed(x, decimals));
        std::iter::once(line.name.clone()).chain(numbers).collect::<Vec<_>>()
    };
    let (open, folded) = report.posterior.split_at(report.posterior.len().min(OPEN));
    let mut out = paragraph(table_is_of(report.weighted));
    out += &table(&header, open.iter().map(row));
    if !folded.is_empty() {
        let rest = table(&header, folded.iter().map(row));
        out += &format!("<details><summary>{} more</summary>\n{rest}</details>\n", folded.len());
    }
    if let Some(ratios) = &report.ratios {
        out += &paragraph(&format!("{}:", ratios.what));
        let rows = ratios.lines.iter().map(|(name, quantiles)| {
            std::iter::once(format!("exp({name})")).chain(quantiles.map(|x| significant(x, 3))).collect()
        });
        out += &table(&["", "5 %", "50 %", "95 %"], rows);
    }
    out
}

fn plots(told: &Told) -> String {
    let mut out = coefficients(told);
    out += &curves(&told.curves);
    out += &groups(told.report);
    out += &marginals(told);
    let steps: Vec<f64> = told.report.trace.steps.iter().map(|&step| step as f64).collect();
    if steps.len() > 1 {
        let options = Trace { smoothed: steps.len() > 200, log_x: false };
        out += "<h3>The fit, step by step</h3>\n";
        out += &panels([(trace(&steps, &told.report.trace.objective, options), LARGE)], "trace", "objective by step");
    }
    out
}

/// Coefficients of one axis: each times a usual step of its column.
fn coefficients(told: &Told) -> String {
    let times = |line: &Summary| told.steps.iter().find(|(name, _)| *name == line.name).map(|(_, step)| *step);
    let spans: Vec<Span> = told
        .report
        .posterior
        .iter()
        .filter_map(|line| {
            let step = times(line)?;
            Some(Span { name: line.name.clone(), ends: [step * line.q5, step * line.q95], middle: step * line.q50 })
        })
        .collect();
    if spans.is_empty() {
        return String::new();
    }
    let words = "Each coefficient for a usual step of its column, so that they can be compared: one standard deviation, or the \
                 difference of a column of two values. Dot: median; line: central 90 %.";
    let mut out = format!("<h3>Coefficients</h3>\n{}", paragraph(words));
    let figures = spans.chunks(MOST_LINES).take(3);
    let figures = figures.map(|part| (forest("", "change of the predictor", part, Some(0.0)), forest_size(part.len())));
    out += &panels(figures, "forest", "coefficients with intervals");
    out + &left_out(spans.len(), 3 * MOST_LINES)
}

fn forest_size(lines: usize) -> (f64, f64) {
    (WIDTH, forest_height(lines))
}

fn left_out(all: usize, shown: usize) -> String {
    if all <= shown { String::new() } else { paragraph(&format!("{} more are in the table.", all - shown)) }
}

fn curves(all: &[Curve]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut out = String::from("<h3>Fitted curves</h3>\n");
    let held: Vec<String> = all
        .iter()
        .flat_map(|curve| curve.held.iter().map(|(name, cell)| format!("{name} {cell}")))
        .fold(Vec::new(), |mut known, one| {
            if !known.contains(&one) {
                known.push(one);
            }
            known
        });
    let held = if held.is_empty() {
        String::new()
    } else {
        format!(" Held, where it is another column's turn: {}.", held.join(", "))
    };
    out += &paragraph(&format!(
        "The expected response along each column: mean and central 90 %. Numbers of other columns are at their median and words at \
         their most frequent; groups have no effect of their own. Grey dots are rows as they are.{held}"
    ));
    let figures =
        all.iter().map(|curve| (if curve.levels.is_empty() { along(curve) } else { by_level(curve) }, size_of(curve)));
    out + &panels(figures, "curve", "expected response")
}

fn size_of(curve: &Curve) -> (f64, f64) {
    let lines = curve.levels.len() * curve.points.len().min(MOST_CURVES);
    if curve.levels.is_empty() { LARGE } else { forest_size(lines.min(MOST_LINES)) }
}

fn along(curve: &Curve) -> Panel {
    let named = |k: usize| curve.categories.get(k).cloned().unwrap_or_default();
    let one = |(k, points): (usize, &Vec<jensen_models::regression::CurvePoint>)| Banded {
        name: named(k),
        points: points.iter().map(|p| [p.x, p.mean, p.q5, p.q95]).collect(),
    };
    let shown: Vec<Banded> = curve.points.iter().enumerate().take(MOST_CURVES).map(one).collect();
    let y =
        if curve.categories.is_empty() { curve.response.clone() } else { format!("probability of {}", curve.response) };
    banded("", (&curve.column, &y), &shown, curve.observed.clone())
}

fn by_level(curve: &Curve) -> Panel {
    let mut spans = Vec::new();
    for (k, points) in curve.points.iter().enumerate().take(MOST_CURVES) {
        for (level, p) in curve.levels.iter().zip(points) {
            let of = curve.categories.get(k).map_or(String::new(), |category| format!("{category}, "));
            spans.push(Span { name: format!("{of}{level}"), ends: [p.q5, p.q95], middle: p.mean });
        }
    }
    spans.truncate(MOST_LINES);
    let y =
        if curve.categories.is_empty() { curve.response.clone() } else { format!("probability of {}", curve.response) };
    forest(&curve.column, &y, &spans, None)
}

/// Effects that vary by group, one chart for each, in the order of their medians.
fn groups(report: &Report) -> String {
    let mut kinds: Vec<(String, Vec<Span>)> = Vec::new();
    for line in report.posterior.iter().filter(|line| line.name.starts_with("effect[") || is_of_rows(&line.name)) {
        let Some((site, level)) = line.name.rsplit_once('[') else { continue };
        let level = level.trim_end_matches(']').to_string();
        let span = Span { name: level, ends: [line.q5, line.q95], middle: line.q50 };
        match kinds.iter_mut().find(|(known, _)| known == site) {
            Some((_, spans)) => spans.push(span),
            None => kinds.push((site.to_string(), vec![span])),
        }
    }
    kinds.retain(|(_, spans)| spans.len() > 2);
    if kinds.is_empty() {
        return String::new();
    }
    let words = "In the order of their medians; where there are more than fit, every so many of them. Dot: median; line: central 90 %.";
    let mut out = format!("<h3>What varies</h3>\n{}", paragraph(words));
    let figures = kinds.into_iter().take(12).map(|(site, mut spans)| {
        spans.sort_by(|a, b| b.middle.total_cmp(&a.middle));
        let every = spans.len().div_ceil(MOST_LINES).max(1);
        let shown: Vec<Span> = spans.into_iter().step_by(every).collect();
        let has_zero = shown.iter().any(|s| s.ends[0] < 0.0) && shown.iter().any(|s| s.ends[1] > 0.0);
        (forest(&site, "", &shown, has_zero.then_some(0.0)), forest_size(shown.len()))
    });
    out += &panels(figures, "groups", "effects that vary by group");
    out
}

/// Whether a quantity is an element of a site with several.
fn is_of_rows(name: &str) -> bool {
    let is_single = ["b[", "sd[", "correlation[", "intercept"].iter().any(|word| name.starts_with(word));
    name.ends_with(']') && !is_single
}

/// Histograms of the quantities that have no chart of intervals.
fn marginals(told: &Told) -> String {
    let is_shown = |name: &str| {
        let of_table = told.report.posterior.iter().any(|line| line.name == name);
        of_table && !name.starts_with("effect[") && !is_of_rows(name)
    };
    let all: Vec<usize> = (0..told.draws.names.len()).filter(|&k| is_shown(&told.draws.names[k])).collect();
    if all.is_empty() {
        return String::new();
    }
    let figures = all.iter().take(MOST_MARGINALS);
    let figures = figures.map(|&k| (marginal(&told.draws.names[k], told.draws.element(k)), SMALL));
    let mut out = format!("<h3>Posterior of single quantities</h3>\n{}", paragraph("Mean dashed, central 90 % thick."));
    out += &panels(figures, "marginal", "posterior of a quantity");
    out + &left_out(all.len(), MOST_MARGINALS)
}
