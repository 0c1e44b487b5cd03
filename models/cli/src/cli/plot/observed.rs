//! Charts of checks: what was observed among what was simulated, and counts that should be even.

use super::charts::marginal;
use super::mark::Mark;
use super::panel::Panel;
use super::scene::palette;

/// The histogram of simulated values with the observed one as a solid line.
pub fn observed_among(name: &str, simulated: &[f64], observed: f64) -> Panel {
    let mut panel = marginal(name, simulated);
    panel.x_limits = panel.x_limits.map(|(low, high)| {
        let margin = 0.02 * (high - low);
        (low.min(observed - margin), high.max(observed + margin))
    });
    // Bars are as high as one.
    let points = vec![[observed, 0.0], [observed, 1.0]];
    panel.mark(Mark::Line { points, colour: palette::TEXT, width: 2.4, label: String::new() })
}

/// Counts of values between 0 and 1 in bins of equal width, in units of what is expected where they are even.
pub fn even_counts(name: &str, counts: &[usize]) -> Panel {
    let bins = counts.len().max(1) as f64;
    let expected = counts.iter().sum::<usize>() as f64 / bins;
    let edges = (0..=counts.len()).map(|k| k as f64 / bins).collect();
    let heights = counts.iter().map(|&count| count as f64 / expected.max(f64::MIN_POSITIVE)).collect();
    let mut panel =
        Panel::new(name, "", "").mark(Mark::Bars { edges, heights, colour: palette::FIRST.with_opacity(0.45) });
    panel.x_limits = Some((0.0, 1.0));
    let points = vec![[0.0, 1.0], [1.0, 1.0]];
    panel.mark(Mark::Line { points, colour: palette::FAINT, width: 1.2, label: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::plot::Figure;

    #[test]
    fn what_was_observed_is_in_the_frame() {
        let simulated: Vec<f64> = (0..100).map(f64::from).collect();
        let panel = observed_among("mean", &simulated, 500.0);
        assert!(panel.x_limits.is_some_and(|(low, high)| low <= 0.0 && high > 500.0), "{:?}", panel.x_limits);
        assert!(Figure::new("", vec![panel]).svg().contains("mean"));
        assert!(observed_among("mean", &[], 1.0).x_limits.is_none());
    }

    #[test]
    fn even_counts_are_as_high_as_the_line() {
        let panel = even_counts("ranks", &[4, 4, 4]);
        let heights = panel.marks.iter().find_map(|mark| match mark {
            Mark::Bars { heights, .. } => Some(heights.clone()),
            _ => None,
        });
        assert_eq!(heights, Some(vec![1.0; 3]));
        assert!(Figure::new("", vec![even_counts("none", &[])]).svg().starts_with("<svg"));
    }
}
