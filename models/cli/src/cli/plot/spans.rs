//! Charts of intervals: one line of paper for each quantity, curves with bands, and quantiles against those expected.

use super::mark::Mark;
use super::panel::Panel;
use super::scene::palette;

/// A quantity with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// Ends of the interval.
    pub ends: [f64; 2],
    /// Its middle.
    pub middle: f64,
}

/// One line of paper for each quantity, the first on top: its interval and a dot in the middle, with a dashed line at `zero` where
/// there is one.
pub fn forest(title: &str, x_label: &str, spans: &[Span], zero: Option<f64>) -> Panel {
    let mut panel = Panel::new(title, x_label, "");
    panel.y_names = spans.iter().rev().map(|span| span.name.clone()).collect();
    let last = spans.len().saturating_sub(1) as f64;
    if let Some(zero) = zero {
        let all = spans.iter().flat_map(|span| span.ends).chain([zero]);
        let (low, high) = all.fold((zero, zero), |(low, high), x| (low.min(x), high.max(x)));
        let margin = 0.03 * (high - low);
        panel.x_limits = (margin > 0.0 && margin.is_finite()).then_some((low - margin, high + margin));
        panel = panel.mark(Mark::Rule { at: zero, colour: palette::FAINT });
    }
    for (i, span) in spans.iter().enumerate() {
        let y = last - i as f64;
        let points = span.ends.iter().map(|&x| [x, y]).collect();
        panel = panel.mark(Mark::Line { points, colour: palette::FIRST, width: 2.0, label: String::new() });
    }
    let points = spans.iter().enumerate().map(|(i, span)| [span.middle, last - i as f64]).collect();
    panel.mark(Mark::Dots { points, colour: palette::FIRST, radius: 3.4 })
}

/// The height of a panel of [`forest`] of so many lines.
pub fn forest_height(lines: usize) -> f64 {
    78.0 + 19.0 * lines.max(2) as f64
}

/// A curve with its band, over dots.
#[derive(Debug, Clone, PartialEq)]
pub struct Banded {
    /// What stands at its end, where there are several.
    pub name: String,
    /// `x`, middle, and both ends of the band.
    pub points: Vec<[f64; 4]>,
}

/// Curves with bands over dots; names stand at the ends of the curves.
pub fn banded(title: &str, labels: (&str, &str), curves: &[Banded], dots: Vec<[f64; 2]>) -> Panel {
    let mut panel = Panel::new(title, labels.0, labels.1);
    if !dots.is_empty() {
        let opacity = (12.0 / (dots.len() as f64).sqrt()).clamp(0.15, 0.6);
        panel = panel.mark(Mark::Dots { points: dots, colour: palette::FAINT.with_opacity(opacity), radius: 2.0 });
    }
    for (k, curve) in curves.iter().enumerate() {
        let colour = palette::SERIES[k % palette::SERIES.len()];
        let points = curve.points.iter().map(|&[x, _, low, high]| [x, low, high]).collect();
        panel = panel.mark(Mark::Band { points, colour: colour.with_opacity(0.18) });
    }
    for (k, curve) in curves.iter().enumerate() {
        let colour = palette::SERIES[k % palette::SERIES.len()];
        let points = curve.points.iter().map(|&[x, middle, ..]| [x, middle]).collect();
        panel = panel.mark(Mark::Line { points, colour, width: 1.8, label: String::new() });
    }
    let ends = curves.iter().filter_map(|curve| curve.points.last().map(|p| ([p[0], p[1]], curve.name.clone())));
    let ends: Vec<_> = ends.filter(|(_, name)| !name.is_empty()).collect();
    if ends.is_empty() { panel } else { panel.mark(Mark::Names { ends }) }
}

/// Values between 0 and 1 in order against those expected of even ones, with the band that nine in ten of these are in.
pub fn even_quantiles(title: &str, values: &[f64]) -> Panel {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    // The k-th of n even numbers has the mean k / (n + 1) and about this standard deviation.
    let expected = |k: usize| (k as f64 + 1.0) / (n + 1.0);
    let spread = |p: f64| 1.645 * (p * (1.0 - p) / (n + 2.0)).sqrt();
    let ends = |k: usize| [expected(k), expected(k) - spread(expected(k)), expected(k) + spread(expected(k))];
    let band = (0..sorted.len()).map(ends).map(|[p, low, high]| [p, low.max(0.0), high.min(1.0)]).collect();
    let mut panel = Panel::new(title, "expected share", "share below the row");
    (panel.x_limits, panel.y_limits) = (Some((0.0, 1.0)), Some((0.0, 1.0)));
    panel = panel.mark(Mark::Band { points: band, colour: palette::FAINT.with_opacity(0.2) });
    let diagonal = vec![[0.0, 0.0], [1.0, 1.0]];
    panel = panel.mark(Mark::Line { points: diagonal, colour: palette::FAINT, width: 1.2, label: String::new() });
    let points = sorted.iter().enumerate().map(|(k, &x)| [expected(k), x]).collect();
    panel.mark(Mark::Dots { points, colour: palette::FIRST.with_opacity(0.7), radius: 2.2 })
}

/// Densities of what was observed (thick) and of simulated data (thin, grey) in the same bins.
pub fn overlaid(title: &str, edges: &[f64], observed: &[f64], simulated: &[Vec<f64>]) -> Panel {
    let mut panel = Panel::new(title, "", "");
    panel.y_ticks = false;
    let steps = |heights: &[f64]| -> Vec<[f64; 2]> {
        edges.windows(2).zip(heights).flat_map(|(ends, &height)| [[ends[0], height], [ends[1], height]]).collect()
    };
    let thin = palette::FAINT.with_opacity(0.25);
    for heights in simulated {
        panel = panel.mark(Mark::Line { points: steps(heights), colour: thin, width: 1.0, label: String::new() });
    }
    let line = Mark::Line { points: steps(observed), colour: palette::FIRST, width: 2.4, label: String::new() };
    panel.mark(line)
}
