//! The plots of a comparison: noise for the work, noise against draws, bias.

use crate::cli::number::grouped;
use crate::cli::page::{embedded, escaped};
use crate::cli::plot::{Ends, Figure, Panel, SIGNS, by_name, curves, series_colour};
use jensen::study::{Figures, StudyReport};
use std::fmt::Write;

/// Lines in one plot that can still be told apart, by sign and colour.
const MOST: usize = 8;

/// The plots of one objective.
pub(super) fn figures(report: &StudyReport, out: &mut String) {
    let (names, draws) = (names(report), draws(report));
    let draws: Vec<usize> = draws.into_iter().take(MOST).collect();
    let by_draws = |point: &str, value: fn(&Figures) -> Ends| -> Vec<Vec<Ends>> {
        let of = |name: &String, n: usize| report.figures(name, point, n).map_or(Ends::of(f64::NAN), value);
        draws.iter().map(|n| names.iter().map(|name| of(name, *n)).collect()).collect()
    };
    let kinds: Vec<String> = draws.iter().map(|n| counted(*n)).collect();
    let size = (500.0, 96.0 + 34.0 * names.len() as f64);
    let title = "Noise for the work: further left is better";
    let note = "Each sign is an estimator with a number of draws, the thin line holds its true place with 90 % probability. \
                A sign that is missing has no noise at all, or failed.";
    let panels =
        points(report, |point| by_name(point, "variance × evaluations", &names, &by_draws(point, for_work), None));
    section(("cost", title, note), panels, &kinds, (2, size), out);

    let shown = leading(report, &names);
    let left_out = if shown.len() < names.len() {
        format!(" Shown are the {} of least noise for the work; the others are in the tables.", shown.len())
    } else {
        String::new()
    };
    let note = format!(
        "With independent draws, ten times the draws give a tenth of the variance: a straight line down.{left_out}"
    );
    let x: Vec<f64> = draws.iter().map(|n| *n as f64).collect();
    let panels = points(report, |point| {
        let of = |name: &String, n: &usize| report.figures(name, point, *n).map_or(Ends::of(f64::NAN), noise);
        let series: Vec<Vec<Ends>> = shown.iter().map(|name| draws.iter().map(|n| of(name, n)).collect()).collect();
        curves(point, ("draws of a gradient", "variance"), &x, &series)
    });
    section(("lines", "Noise against draws", &note), panels, &shown, (3, (340.0, 300.0)), out);

    let note = "Left of the dashed line, chance explains the distance; right of it the estimator is biased, unless a \
                second run said otherwise. Signs far out stand at the edge.";
    let panels = points(report, |point| {
        let series = by_draws(point, |f| Ends::of(f.bias.as_ref().map_or(f64::NAN, |b| b.largest)));
        by_name(point, "bias (standard errors)", &names, &series, Some(3.0 * limit(report, point)))
    });
    section(("bias", "Bias", note), panels, &kinds, (2, size), out);
}

/// How the signal of other objectives goes with their draws.
pub(super) fn signals(report: &StudyReport, out: &mut String) {
    let x: Vec<f64> = unique(report.each().flat_map(draws)).into_iter().map(|n| n as f64).collect();
    let mut names = unique(report.others.iter().flat_map(names));
    names.truncate(MOST);
    let of = |name: &String, point: &str, n: f64| {
        let found = report.each().find_map(|r| r.figures(name, point, n as usize));
        found.map_or(Ends::of(f64::NAN), |f| Ends {
            value: f.signal_to_noise,
            between: [f.signal_to_noise_interval.low, f.signal_to_noise_interval.high],
        })
    };
    let note = "Each number of draws is an objective of its own here, so that a line goes through several of them. One \
                that falls drowns in its noise as the bound gets tighter.";
    let panels = points(report, |point| {
        let series: Vec<Vec<Ends>> = names.iter().map(|name| x.iter().map(|n| of(name, point, *n)).collect()).collect();
        curves(point, ("draws of a gradient", "signal / noise"), &x, &series)
    });
    section(("signal", "Other objectives: signal to noise", note), panels, &names, (3, (340.0, 300.0)), out);
}

fn noise(f: &Figures) -> Ends {
    // An error without an upper end reaches the edge of the paper.
    let high = f.variance_interval.high;
    let high = if high.is_infinite() { f64::MAX.sqrt() } else { high };
    Ends { value: f.total_variance, between: [f.variance_interval.low, high] }
}

fn for_work(f: &Figures) -> Ends {
    let Ends { value, between } = noise(f);
    Ends { value: value * f.evaluations, between: between.map(|end| end * f.evaluations) }
}

/// The names that one plot of lines has room for: those of least noise for the work, in the order of the tables.
fn leading(report: &StudyReport, names: &[String]) -> Vec<String> {
    let least = |name: &String| {
        let own = report.cells.iter().filter(|c| c.estimator == *name).filter_map(|c| c.figures.as_ref());
        own.map(|f| f.variance_x_evaluations).fold(f64::INFINITY, f64::min)
    };
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|&a, &b| least(&names[a]).total_cmp(&least(&names[b])));
    order.truncate(MOST);
    order.sort_unstable();
    order.into_iter().map(|k| names[k].clone()).collect()
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
        let (colour, sign, name) = (series_colour(k), SIGNS[k % SIGNS.len()], escaped(name));
        let _ = writeln!(out, "<span><b style=\"color:{colour}\">{sign}</b> {name}</span>");
    }
    let svg = embedded(&Figure::new("", panels).grid(columns, size), id, title);
    let _ = write!(out, "</p>\n{svg}");
}

fn points(report: &StudyReport, panel: impl Fn(&str) -> Panel) -> Vec<Panel> {
    let measured = report.points.iter().filter(|p| report.cells.iter().any(|c| c.point == p.name));
    measured.map(|point| panel(&point.name)).collect()
}

pub(super) fn counted(draws: usize) -> String {
    if draws == 1 { "1 draw".into() } else { format!("{} draws", grouped(draws as u64)) }
}

fn limit(report: &StudyReport, point: &str) -> f64 {
    let cells = report.cells.iter().filter(|c| c.point == point);
    cells.filter_map(|c| Some(c.figures.as_ref()?.bias.as_ref()?.threshold)).fold(4.0, f64::max)
}

/// The estimators, those that are another one left out.
fn names(report: &StudyReport) -> Vec<String> {
    unique(report.cells.iter().filter(|c| c.same_as.is_none()).map(|c| c.estimator.clone()))
}

fn draws(report: &StudyReport) -> Vec<usize> {
    unique(report.cells.iter().map(|c| c.num_draws))
}

pub(super) fn unique<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut out = Vec::new();
    values.for_each(|v| {
        if !out.contains(&v) {
            out.push(v)
        }
    });
    out
}
