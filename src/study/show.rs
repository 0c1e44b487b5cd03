//! The report as text.

use std::fmt;

use super::Maximised;
use super::report::{Cell, PointReport, Refused, ShortFit, StudyReport};

/// Columns of the table of a point.
const HEADER: [&str; 9] =
    ["estimator", "draws", "bias (se)", "variance", "signal/noise", "evals", "time", "var x evals", "var x time"];

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
    if report.fits.is_empty() {
        return Ok(());
    }
    let reached = if report.objective.is_bound() { "bound" } else { "mean of log q" };
    writeln!(f, "\n{reached} reached from the first point with {} density evaluations each", report.budget)?;
    let header = ["estimator", "draws", reached, "se", "steps", "time"];
    write(f, &header, &report.fits.iter().map(fit_row).collect::<Vec<_>>())
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
    out.extend([figures.total_variance, figures.signal_to_noise, figures.evaluations].map(short));
    out.push(time(figures.seconds));
    out.push(short(figures.variance_x_evaluations));
    // Time in microseconds, as in the column before it.
    out.push(short(figures.variance_x_seconds * 1e6));
    if figures.not_finite > 0 {
        out.push(format!("{} gradients not finite", figures.not_finite));
    }
    out
}

fn fit_row(fit: &ShortFit) -> Vec<String> {
    let mut out = vec![fit.estimator.clone(), fit.num_draws.to_string()];
    if fit.bound.is_nan() {
        out.push(fit.failure.clone().unwrap_or_default());
        return out;
    }
    out.extend([format!("{:.2}", fit.bound), short(fit.standard_error), fit.steps.to_string(), time(fit.seconds)]);
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
