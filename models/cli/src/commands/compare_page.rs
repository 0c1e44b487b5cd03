//! The comparison as one page for a browser: no other file, no script, nothing to look up.

use super::comparison::Comparison;
use crate::cli::number::{duration, grouped, significant};
use crate::cli::page::{embedded, escaped, head};
use crate::cli::plot::{Figure, Panel, by_name, curves, series_colour};
use jensen::study::{Cell, Figures, Maximised, Refused, ShortFit, StudyReport};
use std::fmt::Write;

/// What each column says.
const COLUMNS: [(&str, &str); 8] = [
    (
        "bias",
        "How far the average of the gradients is from the true gradient, for the parameter where it is furthest, in \
         standard errors. Up to the limit shown, chance explains it. Beyond it a second, longer run was made; \
         “biased” means that it agreed. A biased estimator leads a fit to a wrong place.",
    ),
    ("variance", "How much one gradient differs from another by chance, summed over all parameters. Lower is better."),
    (
        "signal / noise",
        "The length of the true gradient over the size of the noise. Far above 1, a step goes where it should; below \
         1, it is mostly noise. Near the optimum the signal fades, so it falls there for most estimators.",
    ),
    ("evaluations", "How often the model is evaluated for one gradient."),
    ("time", "Wall time of one gradient on this machine, the median."),
    (
        "variance × evaluations",
        "Noise for the work done. An estimator with half the noise at twice the work is no better. Lower is better; \
         the same on every machine.",
    ),
    (
        "variance × time",
        "Noise for the time taken (in microseconds), which the recommendation rests on. Lower is better; as measured \
         on this machine.",
    ),
    (
        "bound reached",
        "The evidence lower bound after a short fit with equal work for all, and its standard error. Higher is better.",
    ),
];

/// The whole page.
pub(super) fn page(found: &Comparison) -> String {
    let (report, mut out) = (&found.report, String::new());
    let title = format!("Gradient estimators on {}", found.model);
    // A String takes every write.
    out += &head(&title);
    let _ = writeln!(out, "<p class=\"advice\">{}</p>", escaped(&report.recommendation.sentence));
    let _ = writeln!(
        out,
        "<p>Data: {}, {} rows. q: {}, {} parameters. {} gradients of each kind, seed {}.{}</p>",
        escaped(&found.data),
        found.num_rows,
        escaped(&report.family),
        report.num_params,
        report.repeats,
        report.seed,
        if report.complete { "" } else { " <strong>Interrupted: what was finished is shown.</strong>" }
    );
    out += "<p>A fit climbs to the best q by following the gradient of the bound, which is estimated from random \
            draws of q. Estimators differ in noise, cost and sometimes bias. Each was asked for many gradients at the \
            same points: <em>init</em>, where a fit begins; <em>optimum</em>, where it ends; <em>middle</em>, half-way \
            between the two. Each latent is measured in units of its own, as in a fit.</p>\n";
    if report.objective != Maximised::Elbo {
        let _ = writeln!(out, "<p>The gradients are those of {}.</p>", report.objective);
    }
    figures(report, &mut out);
    tables(report, &mut out);
    refused(report, &mut out);
    others(report, &mut out);
    out += "<h2>What the columns say</h2>\n<dl>\n";
    for (name, words) in COLUMNS {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{words}</dd>");
    }
    out += "</dl>\n</body></html>\n";
    out
}

/// The figures at each point and what the short fits reached, as tables.
fn tables(report: &StudyReport, out: &mut String) {
    for point in &report.points {
        let _ = writeln!(out, "<h2>Figures at {}</h2>", escaped(&point.name));
        match (&point.reference, &point.failure) {
            (Some(r), _) => {
                let _ = writeln!(out, "<p class=\"faint\">Bias is measured against {}.</p>", escaped(&r.source));
            }
            (None, why) => {
                let why = escaped(why.as_deref().unwrap_or_default());
                let _ = writeln!(out, "<p class=\"bad\">No reference: {why}</p>");
            }
        }
        table(report.cells.iter().filter(|c| c.point == point.name), out);
    }
    fits(report, out);
}

/// Estimators that were asked for and not compared.
fn refused(report: &StudyReport, out: &mut String) {
    if report.refused.is_empty() {
        return;
    }
    out.push_str("<h2>Not compared</h2>\n<table><tr><th>estimator</th><th>why</th></tr>\n");
    for Refused { estimator, reason, .. } in &report.refused {
        let (estimator, reason) = (escaped(estimator), escaped(reason));
        let _ = writeln!(out, "<tr><td>{estimator}</td><td class=\"words bad\">{reason}</td></tr>");
    }
    out.push_str("</table>\n");
}

/// Studies of other objectives: how the signal goes with their draws, and their tables.
fn others(report: &StudyReport, out: &mut String) {
    if report.others.is_empty() {
        return;
    }
    let x: Vec<f64> = unique(report.each().flat_map(draws)).into_iter().map(|n| n as f64).collect();
    let names = unique(report.others.iter().flat_map(names));
    let of = |name: &String, point: &str, n: f64| {
        let found = report.each().find_map(|r| r.figures(name, point, n as usize));
        found.map_or(f64::NAN, |f| f.signal_to_noise)
    };
    let note = "Each number of draws is an objective of its own here, so that a line goes through several of them. One \
                that falls drowns in its noise as the bound gets tighter.";
    let panels = points(report, |point| {
        let series: Vec<Vec<f64>> = names.iter().map(|name| x.iter().map(|n| of(name, point, *n)).collect()).collect();
        curves(point, ("draws of a gradient", "signal / noise"), &x, &series)
    });
    section(("signal", "Other objectives: signal to noise", note), panels, &names, (3, (340.0, 300.0)), out);
    for other in &report.others {
        let _ = writeln!(
            out,
            "<h1>Gradients of {}</h1>\n<p>They have a mean of their own, and are compared with no others.</p>\n\
             <p class=\"advice\">{}</p>",
            escaped(&other.objective.to_string()),
            escaped(&other.recommendation.sentence)
        );
        tables(other, out);
    }
}

/// The plots: noise x time, variance against draws, bias.
fn figures(report: &StudyReport, out: &mut String) {
    let (names, draws) = (names(report), draws(report));
    let by_draws = |point: &str, value: fn(&Figures) -> f64| -> Vec<Vec<f64>> {
        let of = |name: &String, n: usize| report.figures(name, point, n).map_or(f64::NAN, value);
        draws.iter().map(|n| names.iter().map(|name| of(name, *n)).collect()).collect()
    };
    let kinds: Vec<String> = draws.iter().map(|n| counted(*n)).collect();
    let size = (500.0, 96.0 + 27.0 * names.len() as f64);
    let title = "Noise for the time: further left is better";
    let note = "Each dot is an estimator with a number of draws. A dot that is missing has no noise at all, or failed.";
    let panels = points(report, |point| {
        let series = by_draws(point, |f| f.variance_x_seconds * 1e6);
        by_name(point, "variance × time (microseconds)", &names, &series, None)
    });
    section(("cost", title, note), panels, &kinds, (2, size), out);

    let note = "With independent draws, ten times the draws give a tenth of the variance: a straight line down.";
    let x: Vec<f64> = draws.iter().map(|n| *n as f64).collect();
    let panels = points(report, |point| {
        let of = |name: &String, n: &usize| report.figures(name, point, *n).map_or(f64::NAN, |f| f.total_variance);
        let series: Vec<Vec<f64>> = names.iter().map(|name| draws.iter().map(|n| of(name, n)).collect()).collect();
        curves(point, ("draws of a gradient", "variance"), &x, &series)
    });
    section(("lines", "Noise against draws", note), panels, &names, (3, (340.0, 300.0)), out);

    let note = "Left of the dashed line, chance explains the distance; right of it the estimator is biased, unless a \
                second run said otherwise. Dots far out stand at the edge.";
    let panels = points(report, |point| {
        let series = by_draws(point, |f| f.bias.as_ref().map_or(f64::NAN, |b| b.largest));
        by_name(point, "bias (standard errors)", &names, &series, Some(3.0 * limit(report, point)))
    });
    section(("bias", "Bias", note), panels, &kinds, (2, size), out);
}

/// A heading, a note, a legend and a figure.
fn section(
    (id, title, note): (&str, &str, &str),
    panels: Vec<Panel>,
    legend: &[String],
    (columns, size): (usize, (f64, f64)),
    out: &mut String,
) {
    if panels.is_empty() {
        return;
    }
    let columns = columns.min(panels.len());
    let _ = writeln!(out, "<h2>{title}</h2>\n<p>{note}</p>\n<p class=\"legend\">");
    for (k, name) in legend.iter().enumerate() {
        let (colour, name) = (series_colour(k), escaped(name));
        let _ = writeln!(out, "<span><b style=\"color:{colour}\">●</b> {name}</span>");
    }
    let svg = embedded(&Figure::new("", panels).grid(columns, size), id, title);
    let _ = write!(out, "</p>\n{svg}");
}

fn points(report: &StudyReport, panel: impl Fn(&str) -> Panel) -> Vec<Panel> {
    let measured = report.points.iter().filter(|p| report.cells.iter().any(|c| c.point == p.name));
    measured.map(|point| panel(&point.name)).collect()
}

fn counted(draws: usize) -> String {
    if draws == 1 { "1 draw".into() } else { format!("{} draws", grouped(draws as u64)) }
}

fn limit(report: &StudyReport, point: &str) -> f64 {
    let cells = report.cells.iter().filter(|c| c.point == point);
    cells.filter_map(|c| Some(c.figures.as_ref()?.bias.as_ref()?.threshold)).fold(4.0, f64::max)
}

fn names(report: &StudyReport) -> Vec<String> {
    unique(report.cells.iter().map(|c| c.estimator.clone()))
}

fn draws(report: &StudyReport) -> Vec<usize> {
    unique(report.cells.iter().map(|c| c.num_draws))
}

fn unique<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut out = Vec::new();
    values.for_each(|v| {
        if !out.contains(&v) {
            out.push(v)
        }
    });
    out
}

fn table<'c>(cells: impl Iterator<Item = &'c Cell>, out: &mut String) {
    out.push_str("<table><tr><th>estimator</th><th>draws</th>");
    COLUMNS[..7].iter().for_each(|(name, _)| *out += &format!("<th>{name}</th>"));
    out.push_str("</tr>\n");
    for cell in cells {
        let _ = write!(out, "<tr><td>{}</td><td>{}</td>", escaped(&cell.estimator), cell.num_draws);
        match &cell.figures {
            Some(figures) => row(figures, out),
            None => {
                let words = escaped(cell.failure.as_deref().unwrap_or_default());
                let _ = write!(out, "<td class=\"words bad\" colspan=\"7\">{words}</td>");
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
}

fn row(figures: &Figures, out: &mut String) {
    let _ = match &figures.bias {
        None => write!(out, "<td>–</td>"),
        Some(b) if b.is_biased() => {
            write!(out, "<td class=\"bad\">{:.1} biased (limit {:.1})</td>", b.largest, b.threshold)
        }
        Some(b) => write!(out, "<td>{:.1} <span class=\"faint\">(limit {:.1})</span></td>", b.largest, b.threshold),
    };
    let numbers = [figures.total_variance, figures.signal_to_noise, figures.evaluations].map(|x| significant(x, 3));
    let costs = [figures.variance_x_evaluations, figures.variance_x_seconds * 1e6].map(|x| significant(x, 3));
    numbers.iter().chain([&time(figures.seconds)]).chain(&costs).for_each(|n| *out += &format!("<td>{n}</td>"));
    if figures.not_finite > 0 {
        let _ = write!(out, "<td class=\"words bad\">{} gradients were not finite</td>", figures.not_finite);
    }
}

fn fits(report: &StudyReport, out: &mut String) {
    if report.fits.is_empty() {
        return;
    }
    let work = grouped(report.budget);
    let _ = writeln!(
        out,
        "<h2>Bound reached with equal work</h2>\n<p>A short fit by Adam with each estimator, from init, with {work} \
         evaluations of the model.</p>\n<table><tr><th>estimator</th><th>draws of a step</th><th>bound reached</th>\
         <th>standard error</th><th>steps</th><th>time</th></tr>"
    );
    for ShortFit { estimator, num_draws, bound, standard_error, steps, seconds, failure, .. } in &report.fits {
        let _ = write!(out, "<tr><td>{}</td><td>{num_draws}</td>", escaped(estimator));
        let words = |failure: &str| format!("<td class=\"words bad\" colspan=\"4\">{}</td>", escaped(failure));
        let _ = match failure {
            Some(failure) if bound.is_nan() => write!(out, "{}", words(failure)),
            other => write!(
                out,
                "<td>{bound:.2}</td><td>{}</td><td>{steps}</td><td>{}</td>{}",
                significant(*standard_error, 2),
                duration(*seconds),
                other.as_deref().map(words).unwrap_or_default()
            ),
        };
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 1e-3 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.1} µs", s * 1e6),
    }
}
