//! The report as text.

use std::fmt;

use super::Maximised;
use super::report::{Cell, PointReport, Rank, Refused, ShortFit, StudyReport};
use super::spread::{FEWEST, Interval};

/// Columns of the table of a point.
const HEADER: [&str; 11] = [
    "estimator",
    "draws",
    "bias (se)",
    "length off, %",
    "variance",
    "90 %",
    "signal/noise",
    "evals",
    "var x evals",
    "time*",
    "var x time*",
];

impl fmt::Display for StudyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} parameters, {} gradients of each kind", self.family, self.num_params, self.repeats)?;
        if self.objective != Maximised::Elbo {
            writeln!(f, "\ngradients of {}", self.objective)?;
        }
        tables(self, f)?;
        if !self.refused.is_empty() {
            writeln!(f, "\nnot compared")?;
            self.refused.iter().try_for_each(|r| writeln!(f, "{}", refusal(r)))?;
        }
        if !self.complete {
            writeln!(f, "\ninterrupted: what was finished is above")?;
        }
        writeln!(f, "\n{}", self.recommendation.sentence)?;
        for other in &self.others {
            writeln!(f, "\ngradients of {}, which no other is compared with", other.objective)?;
            tables(other, f)?;
            writeln!(f, "\n{}", other.recommendation.sentence)?;
        }
        Ok(())
    }
}

/// The points and the short fits of one objective.
fn tables(report: &StudyReport, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for point in &report.points {
        let cells: Vec<&Cell> = report.cells.iter().filter(|c| c.point == point.name).collect();
        if !cells.is_empty() || point.failure.is_some() {
            writeln!(f, "\nat {}: {}", point.name, source(point))?;
            write(f, &HEADER, &cells.iter().map(|c| row(c)).collect::<Vec<_>>())?;
        }
    }
    fits(report, f)?;
    ranks(report, f)?;
    if report.cells.iter().any(|c| c.figures.is_some()) {
        writeln!(f, "\n* wall time of this machine as it was; nothing is decided by it")?;
    }
    if report.repeats < FEWEST {
        writeln!(f, "no errors: {} gradients of each kind are too few; take {FEWEST} or more", report.repeats)?;
    }
    Ok(())
}

fn fits(report: &StudyReport, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if report.fits.is_empty() {
        return Ok(());
    }
    let reached = if report.objective.is_bound() { "bound" } else { "mean of log q" };
    writeln!(f, "\n{reached} reached from the first point with {} density evaluations each", report.budget)?;
    let header = ["estimator", "draws", reached, "se", "runs", "se of runs", "steps", "time*"];
    write(f, &header, &report.fits.iter().map(fit_row).collect::<Vec<_>>())
}

/// Those that passed, by their noise for the work.
fn ranks(report: &StudyReport, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if report.ranks.len() < 2 {
        return Ok(());
    }
    writeln!(f, "\nnoise for the work over the points, of those that passed; the first is the least")?;
    let header = ["estimator", "draws", "ratio", "90 %", "least with", "beside the first"];
    let row = |rank: &Rank| {
        let beside = match (rank.arrives, rank.distinguishable) {
            (false, _) => "its fits ended lower",
            (true, true) => "more",
            (true, false) => "not distinguishable",
        };
        let share = if rank.probability.is_nan() { "-".into() } else { format!("{:.0} %", 100.0 * rank.probability) };
        let of = [short(rank.ratio), between(rank.interval), share, beside.to_string()];
        [rank.estimator.clone(), rank.num_draws.to_string()].into_iter().chain(of).collect::<Vec<String>>()
    };
    let mut rows: Vec<Vec<String>> = report.ranks.iter().map(row).collect();
    if let Some(first) = rows.first_mut().and_then(|row| row.last_mut()) {
        *first = "-".into();
    }
    write(f, &header, &rows)
}

/// Both ends, where they are known.
fn between(interval: Interval) -> String {
    match interval {
        Interval { low, high } if high.is_infinite() => format!("{} or more", short(low)),
        Interval { low, high } if interval.is_known() => format!("{} to {}", short(low), short(high)),
        _ => "-".into(),
    }
}

/// The reason, with the name where it does not begin with it.
fn refusal(Refused { estimator, reason }: &Refused) -> String {
    if reason.starts_with(estimator.as_str()) { reason.clone() } else { format!("{estimator}: {reason}") }
}

fn source(point: &PointReport) -> String {
    match (&point.reference, &point.failure) {
        (Some(reference), _) => format!("bias against {}", reference.source),
        (None, Some(failure)) => format!("no reference: {failure}"),
        (None, None) => "no reference".into(),
    }
}

fn row(cell: &Cell) -> Vec<String> {
    let mut out = vec![cell.estimator.clone(), cell.num_draws.to_string()];
    if let Some(first) = &cell.same_as {
        out.push(format!("the same gradients, draw for draw, as {first}"));
        return out;
    }
    let Some(figures) = &cell.figures else {
        out.push(cell.failure.clone().unwrap_or_default());
        return out;
    };
    out.push(match &figures.bias {
        None => "-".into(),
        Some(bias) if bias.own_reference => "itself".into(),
        Some(bias) if bias.is_biased() => format!("{:.1} BIASED", bias.largest),
        Some(bias) => format!("{:.1}", bias.largest),
    });
    out.push(match &figures.bias {
        Some(bias) if bias.along_error < 1.0 && !bias.own_reference => {
            format!("{:.1} ± {:.1}", 100.0 * bias.along, 100.0 * bias.along_error)
        }
        _ => "-".into(),
    });
    let (ratio, spread) = (figures.signal_to_noise, figures.signal_to_noise_interval);
    let half = 0.5 * (spread.high - spread.low);
    let with_half = if half.is_finite() { format!("{} ± {}", short(ratio), brief(half)) } else { short(ratio) };
    out.extend([short(figures.total_variance), between(figures.variance_interval), with_half]);
    out.extend([figures.evaluations, figures.variance_x_evaluations].map(short));
    out.push(time(figures.seconds));
    // Time in microseconds, as in the column before it.
    out.push(short(figures.variance_x_seconds * 1e6));
    if figures.not_finite > 0 {
        out.push(format!("{} of {} gradients not finite", figures.not_finite, figures.repeats + figures.not_finite));
    }
    out.extend(figures.doubt.clone());
    out
}

fn fit_row(fit: &ShortFit) -> Vec<String> {
    let mut out = vec![fit.estimator.clone(), fit.num_draws.to_string()];
    if fit.bound.is_nan() {
        out.push(fit.failure.clone().unwrap_or_default());
        return out;
    }
    let of_runs = if fit.run_error.is_nan() { "-".into() } else { brief(fit.run_error) };
    let runs = [fit.runs.to_string(), of_runs, fit.steps.to_string(), time(fit.seconds)];
    out.extend([format!("{:.2}", fit.bound), brief(fit.standard_error)].into_iter().chain(runs));
    out.extend(fit.failure.clone());
    out
}

/// Seconds in the unit that suits them.
fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 1e-3 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.1} us", s * 1e6),
    }
}

/// Three significant digits.
fn short(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 || !x.is_finite() {
        format!("{x}")
    } else if !(1e-3..1e5).contains(&size) {
        format!("{x:.1e}")
    } else {
        let decimals = (2 - size.log10().floor() as i32).clamp(0, 5) as usize;
        format!("{x:.decimals$}")
    }
}

/// Two significant digits, for errors.
fn brief(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 || !x.is_finite() || !(1e-3..1e5).contains(&size) {
        return if x == 0.0 { "0".into() } else { format!("{x:.0e}") };
    }
    let decimals = (1 - size.log10().floor() as i32).clamp(0, 5) as usize;
    format!("{x:.decimals$}")
}

/// Columns of equal width: the first flush left, the rest flush right; a last cell beyond the header runs on.
fn write(f: &mut fmt::Formatter<'_>, header: &[&str], rows: &[Vec<String>]) -> fmt::Result {
    let whole = |row: &&Vec<String>| row.len() >= header.len();
    let width = |k: usize| {
        let cells = rows.iter().filter(whole).map(|row| row[k].chars().count());
        let first = rows.iter().filter_map(|row| row.get(k).filter(|_| k < 2)).map(|cell| cell.chars().count());
        cells.chain(first).chain([header[k].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut line = |cells: &[String]| {
        let short = cells.len() < header.len();
        let mut text = String::new();
        for (k, cell) in cells.iter().enumerate() {
            let width = widths.get(k).copied().unwrap_or(0);
            let gap = if k == 0 { "" } else { "  " };
            text += &match k {
                0 => format!("{cell:<width$}"),
                _ if short && k >= 2 => format!("{gap}{cell}"),
                _ => format!("{gap}{cell:>width$}"),
            };
        }
        writeln!(f, "{}", text.trim_end())
    };
    line(&header.iter().map(|h| h.to_string()).collect::<Vec<_>>())?;
    rows.iter().try_for_each(|row| line(row))
}
