//! Charts that compare: a dot a series beside each name, and curves.

use super::mark::Mark;
use super::panel::Panel;
use super::scene::palette;

/// A named row of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// For [`by_name`] one number for each name, NaN for none; for [`curves`] heights.
    pub values: Vec<f64>,
}

/// One line of paper for each name, the first on top, with a dot of each series.
///
/// Values that are not finite (or, with `log`, not positive) are left out; those above `most` stand at `most`.
/// `rule` draws a dashed line.
pub fn by_name(
    title: &str,
    x_label: &str,
    names: &[String],
    series: &[Series],
    log: bool,
    most: f64,
    rule: Option<f64>,
) -> Panel {
    let mut panel = Panel::new(title, x_label, "");
    panel.y_names = names.iter().rev().cloned().collect();
    let last = names.len().saturating_sub(1) as f64;
    for (k, Series { name, values }) in series.iter().enumerate() {
        let colour = palette::SERIES[k % palette::SERIES.len()];
        let points: Vec<[f64; 2]> = values.iter().enumerate().map(|(i, x)| [x.min(most), last - i as f64]).collect();
        panel = panel.mark(Mark::Dots { points, colour, radius: 4.0 });
        panel = panel.mark(Mark::Line { points: Vec::new(), colour, width: 4.0, label: name.clone() });
    }
    if let Some(at) = rule {
        // Widens the axis to the rule, which alone would not.
        let points = vec![[0.0, f64::NAN], [1.05 * at, f64::NAN]];
        panel = panel.mark(Mark::Dots { points, colour: palette::FAINT, radius: 0.0 });
        panel = panel.mark(Mark::Rule { at, colour: palette::FAINT });
    }
    if log { panel.log_x() } else { panel }
}

/// Curves over `x` on logarithmic axes, with a dot at each point.
pub fn curves(title: &str, labels: (&str, &str), x: &[f64], series: &[Series]) -> Panel {
    let mut panel = Panel::new(title, labels.0, labels.1).log_x().log_y();
    for (k, Series { name, values }) in series.iter().enumerate() {
        let colour = palette::SERIES[k % palette::SERIES.len()];
        let points: Vec<[f64; 2]> = x.iter().zip(values).map(|(&x, &y)| [x, y]).collect();
        panel = panel.mark(Mark::Line { points: points.clone(), colour, width: 1.8, label: name.clone() });
        panel = panel.mark(Mark::Dots { points, colour, radius: 3.0 });
    }
    panel
}
