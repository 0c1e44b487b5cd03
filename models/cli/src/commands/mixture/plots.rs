//! Plots of a mixture: pairs of columns with the components, and the bound against K.

use super::columns::{Column, ColumnKind};
use super::component::Estimates;
use super::report::TriedLine;
use crate::cli::plot::{Colour, Figure, Mark, Panel, series};
use jensen::mixture::{MixtureError, MixtureFitted, Table};

/// Columns whose pairs are drawn, dots of a pair, and corners of an ellipse.
const COLUMNS: usize = 4;
const DOTS: usize = 4000;
const CORNERS: usize = 72;

/// Pairs of the first four columns that are numbers, dots coloured by label, with the ellipse of two standard deviations
/// of each Gaussian component; for a single column its histogram with the fitted density. None without such a column.
///
/// # Errors
/// When the density has no value.
pub fn pairs(
    title: &str,
    columns: &[Column],
    data: &[Vec<f64>],
    labels: &[usize],
    fitted: &MixtureFitted,
) -> Result<Option<Figure>, MixtureError> {
    let is_number = |j: &usize| !matches!(columns[*j].kind, ColumnKind::Categorical { .. });
    let numeric: Vec<usize> = (0..columns.len()).filter(is_number).take(COLUMNS).collect();
    let figure = match numeric.as_slice() {
        [] => return Ok(None),
        [j] => {
            Figure::new(title, vec![density(columns, data, *j, fitted)?]).note("histogram of the rows, line: fitted")
        }
        _ => {
            let estimates = Estimates::new(columns, fitted);
            let occupied = fitted.counts().iter().filter(|n| **n >= 0.5).count();
            let chosen = numeric.iter().enumerate().flat_map(|(i, &b)| numeric[..i].iter().map(move |&a| (a, b)));
            let panels: Vec<Panel> =
                chosen.map(|(a, b)| pair(columns, data, labels, (a, b), &estimates, occupied)).collect();
            let count = panels.len();
            let note = "rows by label; ellipses: 2 standard deviations of a component, its number at its mean";
            let figure = Figure::new(title, panels).note(note);
            if count == 1 { figure.grid(1, (640.0, 480.0)) } else { figure.grid(count.min(3), (380.0, 320.0)) }
        }
    };
    Ok(Some(figure))
}

fn pair(
    columns: &[Column],
    data: &[Vec<f64>],
    labels: &[usize],
    (a, b): (usize, usize),
    estimates: &Estimates,
    occupied: usize,
) -> Panel {
    let stride = labels.len().div_ceil(DOTS).max(1);
    let mut panel = Panel::new("", &columns[a].name, &columns[b].name);
    for c in 0..occupied {
        let rows = (0..labels.len()).step_by(stride).filter(|&i| labels[i] == c);
        let points = rows.map(|i| [data[a][i], data[b][i]]).filter(|p| p.iter().all(|x| x.is_finite())).collect();
        panel = panel.mark(Mark::Dots { points, colour: series(c).with_opacity(0.55), radius: 2.2 });
    }
    for c in 0..occupied {
        if let Some(points) = ellipse(estimates, c, (a, b)) {
            panel = panel.mark(line(points, series(c), String::new()));
        }
    }
    for c in 0..occupied {
        if let (Some((x, _)), Some((y, _))) = (estimates.moments(c, a), estimates.moments(c, b)) {
            panel = panel.mark(Mark::Word { at: [x, y], text: (c + 1).to_string() });
        }
    }
    panel
}

fn line(points: Vec<[f64; 2]>, colour: Colour, label: String) -> Mark {
    Mark::Line { points, colour, width: 1.8, label }
}

/// `mean + 2 L (cos t, sin t)` with `L L' = covariance`.
fn ellipse(estimates: &Estimates, c: usize, (a, b): (usize, usize)) -> Option<Vec<[f64; 2]>> {
    let ((x, sd), (y, _)) = (estimates.moments(c, a)?, estimates.moments(c, b)?);
    let slope = estimates.covariance(c, a, b)? / sd;
    let rest = (estimates.covariance(c, b, b)? - slope * slope).max(0.0).sqrt();
    let corner = |i: usize| {
        let (sin, cos) = (std::f64::consts::TAU * i as f64 / CORNERS as f64).sin_cos();
        [x + 2.0 * sd * cos, y + 2.0 * (slope * cos + rest * sin)]
    };
    Some((0..=CORNERS).map(corner).collect())
}

fn density(columns: &[Column], data: &[Vec<f64>], j: usize, fitted: &MixtureFitted) -> Result<Panel, MixtureError> {
    let present: Vec<f64> = data[j].iter().copied().filter(|x| x.is_finite()).collect();
    let (low, high) = present.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    let bins = ((present.len() as f64).sqrt() as usize).clamp(5, 60);
    let width = (high - low) / bins as f64;
    let edges: Vec<f64> = (0..=bins).map(|i| low + width * i as f64).collect();
    let mut heights = vec![0.0; bins];
    for x in &present {
        heights[(((x - low) / width) as usize).min(bins - 1)] += 1.0 / (width * present.len() as f64);
    }
    let panel = Panel::new("", &columns[j].name, "density");
    let panel = panel.mark(Mark::Bars { edges, heights, colour: series(0).with_opacity(0.4) });
    let is_a_density = match columns[j].kind {
        ColumnKind::Gaussian | ColumnKind::StudentT { .. } | ColumnKind::Exponential | ColumnKind::Gamma { .. } => true,
        ColumnKind::Bernoulli | ColumnKind::Categorical { .. } => false,
        ColumnKind::Poisson | ColumnKind::Multinomial { .. } => false,
    };
    if !is_a_density {
        return Ok(panel);
    }
    let grid: Vec<f64> = (0..=300).map(|i| low + (high - low) * f64::from(i) / 300.0).collect();
    // The other columns are missing, which marginalises them.
    let cells = |column: usize| if column == j { grid.clone() } else { vec![f64::NAN; grid.len()] };
    let rows = Table::from_columns(&(0..columns.len()).map(cells).collect::<Vec<_>>())?;
    let curve = fitted.log_density(&rows)?;
    let points = grid.iter().zip(curve).map(|(&x, log)| [x, log.exp()]).collect();
    Ok(panel.mark(line(points, series(1), String::new())))
}

/// The bound against the number of components, with a faint dot for each restart.
pub fn bounds(title: &str, tried: &[TriedLine]) -> Figure {
    let points: Vec<[f64; 2]> = tried.iter().map(|t| [t.k as f64, t.bound]).collect();
    let restarts = tried.iter().flat_map(|t| t.bounds.iter().map(|&b| [t.k as f64, b])).collect();
    let panel = Panel::new("", "components offered (K)", "bound (nats)")
        .counting_x()
        .mark(Mark::Dots { points: restarts, colour: series(0).with_opacity(0.35), radius: 3.0 })
        .mark(line(points.clone(), series(0), String::new()))
        .mark(Mark::Dots { points, colour: series(0), radius: 4.5 });
    Figure::new(title, vec![panel]).note("line: the best of the restarts; faint dots: every restart")
}
