//! The comparison as one page for a browser: no other file, no script, nothing to look up.

use super::compare_plots::{counted, figures, signals, unique};
use super::comparison::Comparison;
use crate::cli::number::{duration, grouped, significant};
use crate::cli::page::{escaped, head};
use jensen::study::{Cell, Figures, Interval, Maximised, Refused, ShortFit, StudyReport};
use std::fmt::Write;

/// What each column says.
const COLUMNS: [(&str, &str); 9] = [
    (
        "bias",
        "How far the average of the gradients is from the true gradient, for the parameter where it is furthest, in \
         standard errors. Up to the limit shown, chance explains it. Beyond it a second, longer run was made; \
         “biased” means that it agreed. A biased estimator leads a fit to a wrong place.",
    ),
    (
        "length off",
        "How much longer (or shorter) the average is than the true gradient, in per cent of its length, with its standard \
         error: a bias below twice that error would not be seen. Without a number where the true gradient is too short.",
    ),
    (
        "variance",
        "How much one gradient differs from another by chance, summed over all parameters. Lower is better. Behind it is \
         the range that holds it with 90 % probability; where a few gradients are far larger than the others it is wide.",
    ),
    (
        "signal / noise",
        "The length of the true gradient over the size of the noise. Far above 1, a step goes where it should; below \
         1, it is mostly noise. Near the optimum the signal fades, so it falls there for most estimators.",
    ),
    ("evaluations", "How often the model is evaluated for one gradient."),
    (
        "variance × evaluations",
        "Noise for the work done, which the recommendation rests on. An estimator with half the noise at twice the work is \
         no better. Lower is better; the same on every machine.",
    ),
    ("time*", "Wall time of one gradient on this machine as it was, the median. Nothing rests on it."),
    (
        "variance × time*",
        "Noise for the time taken (in microseconds), as measured on this machine. Nothing rests on it.",
    ),
    (
        "bound reached",
        "The evidence lower bound after short fits with equal work for all, its standard error by the draws it is evaluated \
         on, and by the spread of the runs. Higher is better.",
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
            same points and on the same draws: <em>init</em>, where a fit begins; <em>optimum</em>, where it ends; \
            <em>middle</em>, half-way between the two. Each latent is measured in units of its own, as in a fit.</p>\n";
    if report.objective != Maximised::Elbo {
        let _ = writeln!(out, "<p>The gradients are those of {}.</p>", report.objective);
    }
    why(report, &mut out);
    figures(report, &mut out);
    tables(report, &mut out);
    refused(report, &mut out);
    others(report, &mut out);
    out += "<h2>What the columns say</h2>\n<dl>\n";
    for (name, words) in COLUMNS {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{words}</dd>");
    }
    let _ = writeln!(
        out,
        "</dl>\n<h2>Again, and by yourself</h2>\n<p>This page is made again by <code>{}</code>. What each gradient left \
         behind is in <a href=\"repeats.csv\">repeats.csv</a> beside it, a line a gradient: its squared distance from the \
         mean of those around it, of which the variance is the mean, and its component along the true gradient. All \
         figures are in <a href=\"compare.csv\">compare.csv</a> and <a href=\"compare.json\">compare.json</a>.</p>",
        escaped(&found.command)
    );
    out += "</body></html>\n";
    out
}

/// What speaks against the others, in words, and the ranks.
fn why(report: &StudyReport, out: &mut String) {
    let mut words: Vec<String> = Vec::new();
    let mut say = |names: Vec<String>, one: &str, many: &str| match names.as_slice() {
        [] => {}
        [name] => words.push(format!("{name} {one}")),
        [first @ .., last] => words.push(format!("{} and {last} {many}", first.join(", "))),
    };
    let with = |chosen: &dyn Fn(&Figures) -> bool| {
        let cells = report.cells.iter().filter(|c| c.figures.as_ref().is_some_and(chosen));
        unique(cells.map(|c| c.estimator.clone()))
    };
    say(with(&|f| f.bias.as_ref().is_some_and(|b| b.is_biased())), "is biased.", "are biased.");
    say(
        with(&|f| f.doubt.is_some()),
        "has gradients that hang together, see its lines.",
        "have gradients that hang together.",
    );
    say(with(&|f| f.not_finite > 0), "gave gradients that are not finite.", "gave gradients that are not finite.");
    let of = |rank: &jensen::study::Rank| format!("{} ({})", rank.estimator, counted(rank.num_draws));
    let ranked = |chosen: &dyn Fn(&jensen::study::Rank) -> bool| {
        report.ranks.iter().filter(|r| chosen(r)).map(of).collect::<Vec<_>>()
    };
    let lower = "ended below the best in fits of equal work, by more than their error.";
    say(ranked(&|r| !r.arrives), lower, lower);
    let more = "arrived, with more noise for the work than the best.";
    say(ranked(&|r| r.arrives && r.distinguishable), more, more);
    if report.ranks.len() < 2 && words.is_empty() {
        return;
    }
    let _ = writeln!(out, "<h2>Why not the others</h2>\n<p>{}</p>", escaped(&words.join(" ")));
    if report.ranks.len() < 2 {
        return;
    }
    out.push_str(
        "<table><tr><th>passed</th><th>draws</th><th>noise for the work, ratio</th><th>90 %</th><th>least with</th>\
         <th>beside the first</th></tr>\n",
    );
    for (k, rank) in report.ranks.iter().enumerate() {
        let beside = match (rank.arrives, rank.distinguishable) {
            _ if k == 0 => "–",
            (false, _) => "its fits ended lower",
            (true, true) => "more",
            (true, false) => "not distinguishable",
        };
        let share =
            if rank.probability.is_nan() { "–".to_string() } else { format!("{:.0} %", 100.0 * rank.probability) };
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{share}</td><td>{beside}</td></tr>",
            escaped(&rank.estimator),
            rank.num_draws,
            significant(rank.ratio, 3),
            between(rank.interval)
        );
    }
    out.push_str("</table>\n");
}

/// Both ends of an interval; a dash where it is not known.
fn between(interval: Interval) -> String {
    if !interval.is_known() {
        return "–".into();
    }
    if interval.high.is_infinite() {
        return format!("{} or more", significant(interval.low, 3));
    }
    format!("{} to {}", significant(interval.low, 3), significant(interval.high, 3))
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
    signals(report, out);
    for other in &report.others {
        let _ = writeln!(
            out,
            "<h1>Gradients of {}</h1>\n<p>They have a mean of their own, and are compared with no others.</p>\n\
             <p class=\"advice\">{}</p>",
            escaped(&other.objective.to_string()),
            escaped(&other.recommendation.sentence)
        );
        why(other, out);
        tables(other, out);
    }
}

fn table<'c>(cells: impl Iterator<Item = &'c Cell>, out: &mut String) {
    out.push_str("<table><tr><th>estimator</th><th>draws</th>");
    COLUMNS[..8].iter().for_each(|(name, _)| *out += &format!("<th>{name}</th>"));
    out.push_str("</tr>\n");
    for cell in cells {
        let _ = write!(out, "<tr><td>{}</td><td>{}</td>", escaped(&cell.estimator), cell.num_draws);
        match (&cell.same_as, &cell.figures) {
            (Some(first), _) => {
                let words = format!("the same gradients, draw for draw, as {}", escaped(first));
                let _ = write!(out, "<td class=\"words\" colspan=\"8\">{words}</td>");
            }
            (None, Some(figures)) => row(figures, out),
            (None, None) => {
                let words = escaped(cell.failure.as_deref().unwrap_or_default());
                let _ = write!(out, "<td class=\"words bad\" colspan=\"8\">{words}</td>");
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
    let _ = match &figures.bias {
        Some(b) if b.along_error < 1.0 => {
            write!(out, "<td>{:.1} ± {:.1} %</td>", 100.0 * b.along, 100.0 * b.along_error)
        }
        _ => write!(out, "<td>–</td>"),
    };
    let with = |value: f64, interval: Interval| {
        let faint = format!("<span class=\"faint\">({})</span>", between(interval));
        format!("{} {}", significant(value, 3), if interval.is_known() { &faint } else { "" })
    };
    let numbers = [
        with(figures.total_variance, figures.variance_interval),
        with(figures.signal_to_noise, figures.signal_to_noise_interval),
        significant(figures.evaluations, 3),
        significant(figures.variance_x_evaluations, 3),
        time(figures.seconds),
        significant(figures.variance_x_seconds * 1e6, 3),
    ];
    numbers.iter().for_each(|n| *out += &format!("<td>{n}</td>"));
    if figures.not_finite > 0 {
        let of = figures.repeats + figures.not_finite;
        let _ = write!(out, "<td class=\"words bad\">{} of {of} gradients were not finite</td>", figures.not_finite);
    }
    if let Some(doubt) = &figures.doubt {
        let _ = write!(out, "<td class=\"words bad\">{}</td>", escaped(doubt));
    }
}

fn fits(report: &StudyReport, out: &mut String) {
    if report.fits.is_empty() {
        return;
    }
    let work = grouped(report.budget);
    let _ = writeln!(
        out,
        "<h2>Bound reached with equal work</h2>\n<p>Short fits by Adam with each estimator, from init, with {work} \
         evaluations of the model; those that were not far behind ran three times.</p>\n<table><tr><th>estimator</th>\
         <th>draws of a step</th><th>bound reached</th><th>standard error</th><th>of runs</th><th>steps</th>\
         <th>time*</th></tr>"
    );
    for ShortFit { estimator, num_draws, bound, standard_error, run_error, steps, seconds, failure, .. } in &report.fits
    {
        let _ = write!(out, "<tr><td>{}</td><td>{num_draws}</td>", escaped(estimator));
        let words = |failure: &str| format!("<td class=\"words bad\" colspan=\"5\">{}</td>", escaped(failure));
        let _ = match failure {
            Some(failure) if bound.is_nan() => write!(out, "{}", words(failure)),
            other => write!(
                out,
                "<td>{bound:.2}</td><td>{}</td><td>{}</td><td>{steps}</td><td>{}</td>{}",
                significant(*standard_error, 2),
                if run_error.is_nan() { "–".to_string() } else { significant(*run_error, 2) },
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
