//! The charts of a fit: trace of the bound, marginals, scatter.

use super::figure::Figure;
use super::mark::Mark;
use super::panel::Panel;
use super::scene::palette;
use crate::cli::number::significant;

/// What a trace shows beside the raw line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trace {
    /// Adds a running mean over a fiftieth of the steps.
    pub smoothed: bool,
    /// Spaces the steps by logarithm.
    pub log_x: bool,
}

/// The bound against the step; a start far below the rest is cut off with a note, so that the end can be read.
pub fn trace(steps: &[f64], bounds: &[f64], options: Trace) -> Panel {
    let points: Vec<[f64; 2]> = steps.iter().zip(bounds).map(|(&step, &bound)| [step, bound]).collect();
    let mut panel = Panel::new("", "step", "bound (nats)");
    panel.x_limits = steps.first().copied().zip(steps.last().copied());
    panel.y_limits = settled_limits(bounds, options.log_x);
    let start = bounds.iter().copied().find(|bound| bound.is_finite());
    if let (Some((low, _)), Some(start)) = (panel.y_limits, start)
        && start < low
    {
        panel.note = format!("starts at {}, below the frame", significant(start, 4).replace('-', "−"));
    }
    let raw = if options.smoothed { palette::FIRST.with_opacity(0.35) } else { palette::FIRST };
    let width = if options.smoothed { 1.0 } else { 1.4 };
    let label = |text: &str| {
        if options.smoothed { text.to_string() } else { String::new() }
    };
    panel = panel.mark(Mark::Line {
        points: thinned(&points, options.log_x),
        colour: raw,
        width,
        label: label("each step"),
    });
    if options.smoothed {
        let smooth: Vec<[f64; 2]> = steps.iter().zip(smoothed(bounds)).map(|(&step, bound)| [step, bound]).collect();
        let points = thinned(&smooth, options.log_x);
        panel = panel.mark(Mark::Line { points, colour: palette::FIRST, width: 1.8, label: label("running mean") });
    }
    if options.log_x { panel.log_x() } else { panel }
}

/// The histogram of one latent's draws, with its mean (dashed) and central 90 % (thick line).
///
/// Far tails are cut off; heights still count every draw. Draws that are not finite are left out.
pub fn marginal(name: &str, draws: &[f64]) -> Panel {
    let mut sorted: Vec<f64> = draws.iter().copied().filter(|draw| draw.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut panel = Panel::new(name, "", "");
    panel.y_ticks = false;
    let (Some(&least), Some(&largest)) = (sorted.first(), sorted.last()) else {
        panel.note = "no finite draws".to_string();
        return panel;
    };
    let (low, high) = body(&sorted, least, largest);
    let colour = palette::FIRST;
    let mean = sorted.iter().map(|draw| draw / sorted.len() as f64).sum();
    if low < high {
        let (edges, heights) = histogram(&sorted, low, high);
        panel.x_limits = Some((low - 0.02 * (high - low), high + 0.02 * (high - low)));
        panel = panel.mark(Mark::Bars { edges, heights, colour: colour.with_opacity(0.45) });
        let ends = [quantile(&sorted, 0.05), quantile(&sorted, 0.95)];
        panel = panel.mark(Mark::Interval { ends, colour });
    } else {
        panel.note = "all draws are equal".to_string();
        panel.x_limits = Some((low, high));
    }
    panel.mark(Mark::Rule { at: mean, colour: palette::SECOND })
}

/// A figure of marginals of draws `of` something, the first 24 where there are more.
pub fn marginals(title: &str, of: &str, latents: &[(&str, &[f64])]) -> Figure {
    const MOST: usize = 24;
    let panels: Vec<Panel> = latents.iter().take(MOST).map(|(name, draws)| marginal(name, draws)).collect();
    let shown = match latents.len() {
        n if n > MOST => format!("; the first {MOST} of {n} latents"),
        _ => String::new(),
    };
    Figure::new(title, panels).note(&format!("draws of {of}: mean dashed, central 90 % thick{shown}"))
}

/// One quantity against another, a dot a draw; fainter the more there are.
pub fn scatter(x_label: &str, y_label: &str, x: &[f64], y: &[f64]) -> Panel {
    const MOST: usize = 4000;
    let stride = x.len().min(y.len()).div_ceil(MOST).max(1);
    let points: Vec<[f64; 2]> = x.iter().zip(y).step_by(stride).map(|(&x, &y)| [x, y]).collect();
    let opacity = (30.0 / (points.len() as f64).max(1.0).sqrt()).clamp(0.25, 0.9);
    let colour = palette::FIRST.with_opacity(opacity);
    Panel::new("", x_label, y_label).mark(Mark::Dots { points, colour, radius: 2.2 })
}

/// Limits that show the last two thirds of the run, where the beginning would squeeze them to a line.
///
/// By logarithm the beginning takes up most of the paper, so more of it is kept.
fn settled_limits(bounds: &[f64], log_x: bool) -> Option<(f64, f64)> {
    let range = |values: &[f64]| {
        let finite = values.iter().filter(|b| b.is_finite());
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &b| (low.min(b), high.max(b)))
    };
    let (squeezed, kept) = if log_x { (20.0, 8.0) } else { (6.0, 2.0) };
    let whole = range(bounds);
    let settled = range(&bounds[bounds.len() / 3..]);
    let spread = (settled.1 - settled.0).max(1e-3 * settled.1.abs());
    (whole.1 - whole.0 > squeezed * spread && spread.is_finite()).then(|| {
        let high = whole.1.min(settled.1 + spread);
        (settled.0 - kept * spread, high + 0.15 * spread)
    })
}

/// The range of a histogram: the draws without tails that would leave the body a few bars.
fn body(sorted: &[f64], least: f64, largest: f64) -> (f64, f64) {
    let [outer_low, low, high, outer_high] = [0.005, 0.25, 0.75, 0.995].map(|share| quantile(sorted, share));
    let (outer, between) = (outer_high - outer_low, high - low);
    let reach = if between > 0.0 { 6.0 * between } else { f64::INFINITY };
    (least.max(outer_low - 0.15 * outer).max(low - reach), largest.min(outer_high + 0.15 * outer).min(high + reach))
}

/// The mean over a window of a fiftieth of the values, at least 5; values that are not finite are left out.
///
/// Narrower at the beginning, where the bound rises fast; cut at the end.
fn smoothed(values: &[f64]) -> Vec<f64> {
    let half = (values.len() / 100).max(2);
    let (mut sums, mut counts) = (vec![0.0], vec![0_usize]);
    let (mut sum, mut count) = (0.0, 0);
    // Sums of differences from one value of the run keep their digits where the bound is large.
    let centre = values.iter().rev().copied().find(|value| value.is_finite()).unwrap_or(0.0);
    for &value in values {
        if value.is_finite() {
            sum += value - centre;
            count += 1;
        }
        sums.push(sum);
        counts.push(count);
    }
    let mean = |i: usize| {
        let (low, high) = (i - half.min(i / 4), (i + half.min(i / 4) + 1).min(values.len()));
        centre + (sums[high] - sums[low]) / (counts[high] - counts[low]) as f64
    };
    (0..values.len()).map(mean).collect()
}

/// At most a few thousand points: the least and largest of each stretch of the axis, in order.
fn thinned(points: &[[f64; 2]], log_x: bool) -> Vec<[f64; 2]> {
    const STRETCHES: f64 = 1200.0;
    let place = |x: f64| {
        if log_x { x.max(f64::MIN_POSITIVE).ln() } else { x }
    };
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Vec::new();
    };
    let (start, width) = (place(first[0]), (place(last[0]) - place(first[0])) / STRETCHES);
    if points.len() <= 2 * STRETCHES as usize || width.is_nan() || width <= 0.0 {
        return points.to_vec();
    }
    let stretch = |point: &[f64; 2]| ((place(point[0]) - start) / width) as i64;
    let mut kept = Vec::new();
    for chunk in points.chunk_by(|a, b| stretch(a) == stretch(b) && a[1].is_finite() == b[1].is_finite()) {
        let least = (0..chunk.len()).min_by(|&a, &b| chunk[a][1].total_cmp(&chunk[b][1])).unwrap_or(0);
        let largest = (0..chunk.len()).max_by(|&a, &b| chunk[a][1].total_cmp(&chunk[b][1])).unwrap_or(0);
        kept.push(chunk[least.min(largest)]);
        if least != largest {
            kept.push(chunk[least.max(largest)]);
        }
    }
    kept
}

/// Bin edges and densities; the width follows Freedman and Diaconis, with 8 to 40 bins.
fn histogram(sorted: &[f64], low: f64, high: f64) -> (Vec<f64>, Vec<f64>) {
    let between = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    let wanted = (high - low) / (2.0 * between) * (sorted.len() as f64).cbrt();
    let bins = if wanted.is_finite() { (wanted.round() as usize).clamp(8, 40) } else { 20 };
    let width = (high - low) / bins as f64;
    let mut counts = vec![0_usize; bins];
    for draw in sorted.iter().filter(|draw| (low..=high).contains(draw)) {
        counts[(((draw - low) / width) as usize).min(bins - 1)] += 1;
    }
    let edges = (0..=bins).map(|i| low + i as f64 * width).collect();
    let largest = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    // The vertical axis bears no numbers, so heights relative to the highest bar say all.
    (edges, counts.into_iter().map(|count| count as f64 / largest).collect())
}

/// The `share` quantile of sorted values, with linear interpolation.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len().max(1) - 1) as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    match (sorted.get(below), sorted.get(above)) {
        (Some(a), Some(b)) => a + (at - below as f64) * (b - a),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|share| quantile(&sorted, share)), [1.0, 1.5, 2.0, 4.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_running_mean_keeps_lines_and_skips_gaps() {
        let mut values: Vec<f64> = (0..1000).map(|i| 1e9 + f64::from(i)).collect();
        values[500] = f64::NEG_INFINITY;
        let smooth = smoothed(&values);
        // Centred windows keep a straight line, and the gap is centred in its own; 1e-6 is 8 ulp of 1e9.
        for i in [0, 3, 100, 500] {
            assert!((smooth[i] - (1e9 + i as f64)).abs() < 1e-6, "{i}: {}", smooth[i]);
        }
        // The last window holds 989 to 999.
        assert!((smooth[999] - (1e9 + 994.0)).abs() < 1e-6, "{}", smooth[999]);
        assert!(smoothed(&[]).is_empty());
    }

    #[test]
    fn thinning_keeps_the_extremes() {
        let mut points: Vec<[f64; 2]> = (1..=100_000).map(|i| [f64::from(i), (f64::from(i) * 0.1).sin()]).collect();
        points[54_321][1] = 7.0;
        points[77_777][1] = -7.0;
        for log_x in [false, true] {
            let kept = thinned(&points, log_x);
            assert!(kept.len() <= 2402, "{}", kept.len());
            assert!(kept.contains(&[54_322.0, 7.0]) && kept.contains(&[77_778.0, -7.0]));
            assert!(kept.windows(2).all(|pair| pair[0][0] < pair[1][0]));
        }
    }

    #[test]
    fn a_far_start_is_cut_off() {
        let bounds: Vec<f64> =
            (0..300).map(|i| -30.0 - 1e5 * (-f64::from(i) / 5.0).exp() + 0.1 * f64::from(i % 2)).collect();
        let (low, high) = settled_limits(&bounds, false).unwrap();
        assert!(low > -31.0 && high < -29.0, "{low} {high}");
        assert_eq!(settled_limits(&[-3.0, -2.0, -1.0], false), None);
        assert_eq!(settled_limits(&[], false), None);
        assert_eq!(settled_limits(&[f64::NAN; 9], false), None);
    }

    #[test]
    fn heavy_tails_leave_the_body_visible() {
        // Cauchy quantiles: quartiles at -1 and 1, so the frame ends 6 interquartile ranges beyond.
        let cauchy: Vec<f64> =
            (0..999).map(|i| (std::f64::consts::PI * (f64::from(i) - 499.0) / 999.0).tan()).collect();
        let (low, high) = body(&cauchy, cauchy[0], cauchy[998]);
        assert!((low + 13.0).abs() < 0.1 && (high - 13.0).abs() < 0.1, "{low} {high}");
        assert_eq!(body(&[0.0, 0.0, 0.0, 5.0], 0.0, 5.0), (0.0, 5.0));
    }

    #[test]
    fn bars_count_the_draws() {
        let sorted: Vec<f64> = (0..800).map(|i| f64::from(i) / 800.0).collect();
        let (edges, heights) = histogram(&sorted, 0.0, 0.8);
        assert_eq!(edges.len(), heights.len() + 1);
        assert_eq!((edges[0], heights.len()), (0.0, 8));
        // Equally spaced draws fill every bin with 80, give or take one at an edge that rounding moves.
        assert!(heights.iter().all(|height| *height > 0.97), "{heights:?}");
    }
}
