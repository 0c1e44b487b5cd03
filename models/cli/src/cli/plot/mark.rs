//! Marks that are drawn in a panel, in data coordinates, and their way to paper.

use super::axis::{Axis, Scale};
use super::scene::{Anchor, Colour, Label, Point, Rect, Shape, Stroke, fitted, palette};
use super::signs::outline;

/// Something drawn in data coordinates.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// A line through points; values that are not finite break it.
    Line {
        /// Positions of the points, in data coordinates.
        points: Vec<[f64; 2]>,
        /// Colour of the mark.
        colour: Colour,
        /// Width on paper.
        width: f64,
        /// Name in the legend, or empty.
        label: String,
    },
    /// A dot at each point.
    Dots {
        /// Positions of the points, in data coordinates.
        points: Vec<[f64; 2]>,
        /// Colour of the mark.
        colour: Colour,
        /// Radius on paper.
        radius: f64,
    },
    /// A sign at each point, the same for all.
    Signs {
        /// Positions of the points, in data coordinates.
        points: Vec<[f64; 2]>,
        /// Colour of the mark.
        colour: Colour,
        /// Radius on paper.
        radius: f64,
        /// Which of the signs, see [`SIGNS`](super::SIGNS).
        sign: usize,
    },
    /// Thin lines between pairs of points, for errors.
    Whiskers {
        /// Both ends of each, in data coordinates.
        ends: Vec<[[f64; 2]; 2]>,
        /// Colour of the mark.
        colour: Colour,
    },
    /// Bars from zero between neighbouring edges.
    Bars {
        /// Ends of the bars, one more than heights.
        edges: Vec<f64>,
        /// Heights of the bars.
        heights: Vec<f64>,
        /// Colour of the mark.
        colour: Colour,
    },
    /// A dashed vertical line.
    Rule {
        /// Position of the line.
        at: f64,
        /// Colour of the mark.
        colour: Colour,
    },
    /// The area between two lines.
    Band {
        /// For each place `x` both ends of the area there, from left to right.
        points: Vec<[f64; 3]>,
        /// Colour of the mark.
        colour: Colour,
    },
    /// A word centred on a point.
    Word {
        /// The point.
        at: [f64; 2],
        /// The word.
        text: String,
    },
    /// Names to the right of points, moved apart where they would overlap.
    Names {
        /// The points with their names.
        ends: Vec<([f64; 2], String)>,
    },
    /// A thick horizontal line on the lower edge, for an interval.
    Interval {
        /// Both ends of the band.
        ends: [f64; 2],
        /// Colour of the mark.
        colour: Colour,
    },
}

/// From data to paper.
pub(super) struct Frame {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) inner: Rect,
}

impl Frame {
    pub(super) fn x_at(&self, value: f64) -> f64 {
        self.inner.left + on_paper(self.x.share(value)) * self.inner.width
    }

    pub(super) fn y_at(&self, value: f64) -> f64 {
        self.inner.bottom() - on_paper(self.y.share(value)) * self.inner.height
    }

    fn at(&self, [x, y]: [f64; 2]) -> Option<Point> {
        let on = |axis: &Axis, value: f64| value.is_finite() && (axis.scale == Scale::Linear || value > 0.0);
        (on(&self.x, x) && on(&self.y, y)).then(|| (self.x_at(x), self.y_at(y)))
    }

    /// A bar from zero, with a hair of paper to its neighbour.
    fn bar(&self, ends: &[f64], height: f64, fill: Colour) -> Shape {
        let (left, right, top) = (self.x_at(ends[0]), self.x_at(ends[1]), self.y_at(height));
        let width = (right - left - 0.6).max(0.3);
        let bar = Rect { left, top, width, height: self.y_at(0.0) - top };
        Shape::Area { points: bar.corners(), fill }
    }
}

/// Names left of the right edge of the frame, above their points where these are at the edge, one under the other.
fn beside(frame: &Frame, ends: &[([f64; 2], String)]) -> Vec<Shape> {
    const SIZE: f64 = 11.0;
    let inner = frame.inner;
    let place =
        |(at, name): &([f64; 2], String)| Some((frame.at(*at)?.1.clamp(inner.top, inner.bottom()), name.clone()));
    let mut places: Vec<(f64, String)> = ends.iter().filter_map(place).collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (step, count) = (SIZE + 2.0, places.len() as f64);
    let mut lowest = inner.top + SIZE;
    let shapes = places.iter().enumerate().map(|(k, (y, name))| {
        // Room for the names that follow.
        let most = inner.bottom() - 4.0 - (count - 1.0 - k as f64) * step;
        let y = (y - 3.0).max(lowest).min(most.max(lowest));
        lowest = y + step;
        let text = fitted(name, SIZE, 0.45 * inner.width);
        let at = (inner.right() - 3.0, y);
        Shape::Text(Label { at, text, size: SIZE, anchor: Anchor::End, colour: palette::TEXT, upwards: false })
    });
    shapes.collect()
}

/// Keeps points far outside within what a renderer can hold; the clip hides them either way.
fn on_paper(share: f64) -> f64 {
    share.clamp(-20.0, 20.0)
}

impl Mark {
    /// Adds to `shapes` what the mark looks like in `frame`.
    pub(super) fn draw(&self, frame: &Frame, shapes: &mut Vec<Shape>) {
        match self {
            Self::Line { points, colour, width, .. } => {
                let stroke = Stroke::solid(*colour, *width);
                let runs = points.split(|&point| frame.at(point).is_none());
                for run in runs.filter(|run| run.len() > 1) {
                    let points = run.iter().filter_map(|&point| frame.at(point)).collect();
                    shapes.push(Shape::Line { points, stroke });
                }
            }
            Self::Dots { points, colour, radius } => {
                let centres = points.iter().filter_map(|&point| frame.at(point)).collect();
                shapes.push(Shape::Dots { centres, radius: *radius, fill: *colour });
            }
            Self::Signs { points, colour, radius, sign } => {
                let centres: Vec<Point> = points.iter().filter_map(|&point| frame.at(point)).collect();
                match outline(*sign, (0.0, 0.0), *radius) {
                    None => shapes.push(Shape::Dots { centres, radius: *radius, fill: *colour }),
                    Some(_) => shapes.extend(centres.into_iter().filter_map(|at| {
                        outline(*sign, at, *radius).map(|points| Shape::Area { points, fill: *colour })
                    })),
                }
            }
            Self::Whiskers { ends, colour } => {
                let stroke = Stroke::solid(*colour, 1.2);
                let lines = ends.iter().filter_map(|[a, b]| Some(vec![frame.at(*a)?, frame.at(*b)?]));
                shapes.extend(lines.map(|points| Shape::Line { points, stroke }));
            }
            Self::Bars { edges, heights, colour } => {
                let bars = edges.windows(2).zip(heights).filter(|bar| *bar.1 > 0.0);
                shapes.extend(bars.map(|(ends, &height)| frame.bar(ends, height, *colour)));
            }
            Self::Rule { at, colour } => {
                let (x, inner) = (frame.x_at(*at), frame.inner);
                if (inner.left..=inner.right()).contains(&x) {
                    let stroke = Stroke { dashed: true, ..Stroke::solid(*colour, 1.4) };
                    shapes.push(Shape::Line { points: vec![(x, inner.bottom()), (x, inner.top)], stroke });
                }
            }
            Self::Band { points, colour } => {
                let side = |k: usize| points.iter().filter_map(move |p| frame.at([p[0], p[k]]));
                let points: Vec<Point> = side(1).chain(side(2).collect::<Vec<_>>().into_iter().rev()).collect();
                shapes.push(Shape::Area { points, fill: *colour });
            }
            Self::Word { at, text } => {
                let size = 15.0;
                let label = |(x, y): Point| {
                    let (text, at) = (text.clone(), (x, y + 0.36 * size));
                    Label { at, text, size, anchor: Anchor::Middle, colour: palette::TEXT, upwards: false }
                };
                shapes.extend(frame.at(*at).map(label).map(Shape::Text));
            }
            Self::Names { ends } => shapes.extend(beside(frame, ends)),
            Self::Interval { ends, colour } => {
                let (y, inner) = (frame.inner.bottom() - 2.0, frame.inner);
                let within = |&x: &f64| (frame.x_at(x).clamp(inner.left, inner.right()), y);
                let points = ends.iter().map(within).collect();
                shapes.push(Shape::Line { points, stroke: Stroke::solid(*colour, 4.0) });
            }
        }
    }

    /// The values that an axis has to cover: 0 for the horizontal one, 1 for the vertical one.
    pub(super) fn extent(&self, axis: usize) -> Vec<f64> {
        match self {
            Self::Line { points, .. } | Self::Dots { points, .. } | Self::Signs { points, .. } => {
                points.iter().map(|p| p[axis]).collect()
            }
            Self::Whiskers { ends, .. } => ends.iter().flatten().map(|p| p[axis]).collect(),
            Self::Band { points, .. } if axis == 0 => points.iter().map(|p| p[0]).collect(),
            Self::Band { points, .. } => points.iter().flat_map(|p| [p[1], p[2]]).collect(),
            Self::Bars { edges, .. } if axis == 0 => edges.clone(),
            Self::Bars { heights, .. } => heights.iter().copied().chain([0.0]).collect(),
            Self::Names { .. } | Self::Word { .. } | Self::Rule { .. } | Self::Interval { .. } => Vec::new(),
        }
    }

    pub(super) fn legend(&self) -> Option<(&str, Colour, f64)> {
        match self {
            Self::Line { label, colour, width, .. } if !label.is_empty() => Some((label, *colour, *width)),
            _ => None,
        }
    }
}
