//! Charts that compare: a dot a series beside each name, and curves. Their legend is the caller's, see [`series_colour`].

use super::mark::Mark;
use super::panel::Panel;
use super::scene::{Colour, palette};

/// The colour of the series number `k`.
pub fn series(k: usize) -> Colour {
    palette::SERIES[k % palette::SERIES.len()]
}

/// The colour of the series number `k` as `#rrggbb`.
pub fn series_colour(k: usize) -> String {
    let [red, green, blue] = palette::SERIES[k % palette::SERIES.len()].rgb;
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// A measured number with the ends of its interval; what is not finite is not drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ends {
    /// The number.
    pub value: f64,
    /// Both ends of its interval.
    pub between: [f64; 2],
}

impl Ends {
    /// A number without an error.
    pub fn of(value: f64) -> Self {
        Self { value, between: [f64::NAN; 2] }
    }
}

/// One line of paper for each name, the first on top, with a sign of each series and its error: `series[k][name]`, NaN for
/// none.
///
/// `most`: values above stand there, and a dashed line marks a third of it; without, the axis is logarithmic, and
/// what is not positive is left out.
pub fn by_name(title: &str, x_label: &str, names: &[String], series: &[Vec<Ends>], most: Option<f64>) -> Panel {
    let mut panel = Panel::new(title, x_label, "");
    panel.y_names = names.iter().rev().cloned().collect();
    let last = names.len().saturating_sub(1) as f64;
    for (k, values) in series.iter().enumerate() {
        let colour = palette::SERIES[k % palette::SERIES.len()].with_opacity(0.85);
        let place = |x: f64| if most.is_some_and(|most| x > most) { most.unwrap_or(x) } else { x };
        // One below the other, so that errors do not cover each other.
        let step = 0.5 / series.len().max(1) as f64;
        let height = |i: usize| last - i as f64 - (k as f64 - 0.5 * (series.len() as f64 - 1.0)) * step;
        let ends = values.iter().enumerate();
        let ends = ends.map(|(i, v)| v.between.map(|x| [place(x), height(i)])).collect();
        let points: Vec<[f64; 2]> = values.iter().enumerate().map(|(i, v)| [place(v.value), height(i)]).collect();
        panel = panel.mark(Mark::Whiskers { ends, colour }).mark(Mark::Signs { points, colour, radius: 4.0, sign: k });
    }
    match most {
        Some(most) => {
            panel.x_limits = Some((0.0, 1.04 * most));
            panel.mark(Mark::Rule { at: most / 3.0, colour: palette::FAINT })
        }
        None => {
            panel.x_limits = widened(series.iter().flatten().map(|v| v.value), 1.6);
            panel.log_x()
        }
    }
}

/// Curves `series[k]` over `x` on logarithmic axes, with a sign and an error at each point.
pub fn curves(title: &str, labels: (&str, &str), x: &[f64], series: &[Vec<Ends>]) -> Panel {
    let mut panel = Panel::new(title, labels.0, labels.1).log_x().log_y();
    panel.x_limits = widened(x.iter().copied(), 1.3);
    panel.y_limits = widened(series.iter().flatten().map(|v| v.value), 1.6);
    for (k, values) in series.iter().enumerate() {
        let colour = palette::SERIES[k % palette::SERIES.len()];
        let points: Vec<[f64; 2]> = x.iter().zip(values).map(|(&x, y)| [x, y.value]).collect();
        let ends = x.iter().zip(values).map(|(&x, y)| y.between.map(|y| [x, y])).collect();
        panel = panel.mark(Mark::Line { points: points.clone(), colour, width: 1.6, label: String::new() });
        panel = panel.mark(Mark::Whiskers { ends, colour }).mark(Mark::Signs { points, colour, radius: 3.6, sign: k });
    }
    panel
}

/// The range of the positive values, `factor` wider at each end.
fn widened(values: impl Iterator<Item = f64>, factor: f64) -> Option<(f64, f64)> {
    let usable = values.filter(|v| v.is_finite() && *v > 0.0);
    let (low, high) = usable.fold((f64::INFINITY, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
    (low <= high).then(|| (low / factor, high * factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::plot::Figure;

    #[test]
    fn what_is_missing_has_no_sign_and_what_is_far_stands_at_the_edge() {
        let names = ["a".to_string(), "b".to_string(), "c".to_string()];
        let dots = |panel: Panel| Figure::new("", vec![panel]).svg().matches("<circle").count();
        let of = |values: &[f64]| values.iter().map(|v| Ends::of(*v)).collect::<Vec<_>>();
        assert_eq!(dots(by_name("", "", &names, &[of(&[1.0, f64::NAN, 1e9])], Some(9.0))), 2);
        assert_eq!(dots(by_name("", "", &names, &[of(&[1.0, f64::NAN, 0.0])], None)), 1);
        // The second series has another sign than a disc.
        assert_eq!(dots(curves("", ("", ""), &[1.0, 10.0], &[of(&[0.0, 2.0]), of(&[3.0, f64::NAN])])), 1);
        assert_eq!(dots(by_name("", "", &names, &[of(&[f64::NAN; 3])], None)), 0);
    }

    #[test]
    fn errors_are_lines_between_their_ends() {
        let with = |between: [f64; 2]| {
            let panel = curves("", ("", ""), &[1.0, 10.0], &[vec![Ends { value: 2.0, between }, Ends::of(3.0)]]);
            Figure::new("", vec![panel]).svg()
        };
        let lines =
            |svg: &str| svg.matches("<poly").count() + svg.matches("<line").count() + svg.matches("<path").count();
        assert_eq!(lines(&with([1.5, 2.5])), lines(&with([f64::NAN; 2])) + 1);
    }
}
