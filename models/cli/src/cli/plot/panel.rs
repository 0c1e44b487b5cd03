//! One panel: axes, grid and marks laid out in a rectangle.

use super::axis::{Axis, Scale, Tick};
use super::font;
use super::mark::{Frame, Mark};
use super::scene::{Anchor, Colour, Rect, Scene, Shape, fitted, palette};

const TICK_SIZE: f64 = 11.0;
const LABEL_SIZE: f64 = 12.5;
const TITLE_SIZE: f64 = 13.0;

/// A set of axes with what is drawn on them.
#[derive(Debug, Clone)]
pub struct Panel {
    pub(super) title: String,
    pub(super) x_label: String,
    pub(super) y_label: String,
    pub(super) x_scale: Scale,
    /// Ends of the axis where they are not those of the marks.
    pub(super) x_limits: Option<(f64, f64)>,
    pub(super) y_limits: Option<(f64, f64)>,
    pub(super) y_ticks: bool,
    pub(super) y_scale: Scale,
    /// Names at the heights 0, 1, 2, ... in place of numbers.
    pub(super) y_names: Vec<String>,
    /// Whether the horizontal axis counts, and has ticks at whole numbers alone.
    pub(super) counts_x: bool,
    /// Small text inside, at the bottom in the middle.
    pub(super) note: String,
    pub(super) marks: Vec<Mark>,
}

impl Panel {
    /// Empty axes with a title and labels, each of which may be empty.
    pub fn new(title: &str, x_label: &str, y_label: &str) -> Self {
        Self {
            title: title.to_string(),
            x_label: x_label.to_string(),
            y_label: y_label.to_string(),
            x_scale: Scale::Linear,
            x_limits: None,
            y_limits: None,
            y_ticks: true,
            y_scale: Scale::Linear,
            y_names: Vec::new(),
            counts_x: false,
            note: String::new(),
            marks: Vec::new(),
        }
    }

    /// Adds a mark on top of the earlier ones.
    pub fn mark(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }

    /// Spaces the horizontal axis by logarithm; values that are not positive are left out.
    pub fn log_x(mut self) -> Self {
        self.x_scale = Scale::Log;
        self
    }

    /// Has ticks of the horizontal axis at whole numbers alone.
    pub fn counting_x(mut self) -> Self {
        self.counts_x = true;
        self
    }

    /// Spaces the vertical axis by logarithm; values that are not positive are left out.
    pub fn log_y(mut self) -> Self {
        self.y_scale = Scale::Log;
        self
    }

    pub(super) fn draw(&self, outer: Rect, scene: &mut Scene) {
        let (x, y) = (self.x_axis(), self.y_axis());
        let mut y_ticks = self.y_ticks(&y, outer.height);
        if !self.y_names.is_empty() {
            y_ticks.iter_mut().for_each(|tick| tick.label = fitted(&tick.label, TICK_SIZE, 0.42 * outer.width));
        }
        let inner = self.inner(outer, &y_ticks);
        let frame = Frame { x, y, inner };
        let x_ticks = x_ticks(&x, inner.width, self.counts_x);
        self.draw_grid(&frame, &x_ticks, &y_ticks, scene);
        let mut shapes = Vec::new();
        self.marks.iter().for_each(|mark| mark.draw(&frame, &mut shapes));
        // Lines alone may leave the frame, and a mask costs a whole image.
        match self
            .marks
            .iter()
            .any(|mark| matches!(mark, Mark::Line { .. } | Mark::Whiskers { .. } | Mark::Band { .. }))
        {
            true => scene.shapes.push(Shape::Clip { to: inner, shapes }),
            false => scene.shapes.append(&mut shapes),
        }
        scene.line((inner.left, inner.bottom()), (inner.right(), inner.bottom()), palette::AXIS, 1.0);
        self.draw_words(outer, &frame, scene);
    }

    fn y_ticks(&self, y: &Axis, height: f64) -> Vec<Tick> {
        if !self.y_names.is_empty() {
            let names = self.y_names.iter().enumerate();
            return names.map(|(k, name)| Tick { value: k as f64, label: name.clone() }).collect();
        }
        if self.y_ticks { y.ticks(((height / 55.0) as usize).clamp(3, 12)) } else { Vec::new() }
    }

    fn x_axis(&self) -> Axis {
        let pad = if self.x_limits.is_some() || self.x_scale == Scale::Log { 0.0 } else { 0.03 };
        match self.x_limits {
            Some((low, high)) => Axis::covering([low, high], self.x_scale, pad),
            None => Axis::covering(self.marks.iter().flat_map(|mark| mark.extent(0)), self.x_scale, pad),
        }
    }

    fn y_axis(&self) -> Axis {
        let bars = self.marks.iter().any(|mark| matches!(mark, Mark::Bars { .. }));
        if !self.y_names.is_empty() {
            return Axis { scale: Scale::Linear, low: -0.6, high: self.y_names.len() as f64 - 0.4 };
        }
        let mut axis = match self.y_limits {
            Some((low, high)) => Axis::covering([low, high], self.y_scale, 0.0),
            None => Axis::covering(self.marks.iter().flat_map(|mark| mark.extent(1)), self.y_scale, 0.06),
        };
        if bars {
            axis.low = 0.0; // bars stand on the axis
            axis.high = axis.high.max(f64::MIN_POSITIVE);
        }
        axis
    }

    /// The rectangle of the data: what titles, labels and ticks leave.
    fn inner(&self, outer: Rect, y_ticks: &[Tick]) -> Rect {
        let widest = y_ticks.iter().map(|tick| font::width(&tick.label, TICK_SIZE)).fold(0.0, f64::max);
        let left = 12.0 + if self.y_label.is_empty() { 0.0 } else { LABEL_SIZE + 8.0 } + widest;
        let top = if self.title.is_empty() { 8.0 } else { 28.0 };
        let bottom = TICK_SIZE + 14.0 + if self.x_label.is_empty() { 6.0 } else { LABEL_SIZE + 10.0 };
        let (left, right) = (left + 2.0, 16.0);
        Rect {
            left: outer.left + left,
            top: outer.top + top,
            width: (outer.width - left - right).max(20.0),
            height: (outer.height - top - bottom).max(20.0),
        }
    }

    fn draw_grid(&self, frame: &Frame, x_ticks: &[Tick], y_ticks: &[Tick], scene: &mut Scene) {
        let inner = frame.inner;
        for tick in x_ticks {
            let x = frame.x_at(tick.value);
            scene.line((x, inner.top), (x, inner.bottom()), palette::GRID, 1.0);
            scene.line((x, inner.bottom()), (x, inner.bottom() + 4.0), palette::AXIS, 1.0);
            let at = (x, inner.bottom() + 7.0 + TICK_SIZE);
            scene.text(at, &tick.label, TICK_SIZE, Anchor::Middle, palette::FAINT);
        }
        for tick in y_ticks {
            let y = frame.y_at(tick.value);
            scene.line((inner.left, y), (inner.right(), y), palette::GRID, 1.0);
            let at = (inner.left - 6.0, y + 0.36 * TICK_SIZE);
            scene.text(at, &tick.label, TICK_SIZE, Anchor::End, palette::FAINT);
        }
    }

    fn draw_words(&self, outer: Rect, frame: &Frame, scene: &mut Scene) {
        let inner = frame.inner;
        let middle = inner.left + inner.width / 2.0;
        let title = fitted(&self.title, TITLE_SIZE, inner.width);
        scene.text((inner.left, outer.top + 20.0), &title, TITLE_SIZE, Anchor::Start, palette::TEXT);
        let label = fitted(&self.x_label, LABEL_SIZE, inner.width);
        scene.text((middle, outer.bottom() - 8.0), &label, LABEL_SIZE, Anchor::Middle, palette::TEXT);
        let label = fitted(&self.y_label, LABEL_SIZE, inner.height);
        let at = (outer.left + LABEL_SIZE + 2.0, inner.top + inner.height / 2.0);
        scene.upwards(at, &label, LABEL_SIZE, palette::TEXT);
        self.draw_legend(frame, scene);
        if !self.note.is_empty() {
            let width = font::width(&self.note, TICK_SIZE) + 8.0;
            let (left, top) = (middle - width / 2.0, inner.bottom() - 24.0);
            draw_backing(Rect { left, top, width, height: 19.0 }, scene);
            scene.text((middle, top + 13.5), &self.note, TICK_SIZE, Anchor::Middle, palette::FAINT);
        }
    }

    /// At the lower right, where a rising trace leaves room.
    fn draw_legend(&self, frame: &Frame, scene: &mut Scene) {
        let entries: Vec<(&str, Colour, f64)> = self.marks.iter().filter_map(Mark::legend).collect();
        if entries.is_empty() {
            return;
        }
        let size = 12.0;
        let widest = entries.iter().map(|entry| font::width(entry.0, size)).fold(0.0, f64::max);
        let (width, height) = (widest + 46.0, entries.len() as f64 * 18.0 + 8.0);
        let (left, top) = (frame.inner.right() - width - 6.0, frame.inner.bottom() - height - 8.0);
        draw_backing(Rect { left, top, width, height }, scene);
        for (i, &(label, colour, width)) in entries.iter().enumerate() {
            let y = top + 13.0 + i as f64 * 18.0;
            scene.line((left + 8.0, y), (left + 30.0, y), colour, width.max(1.5));
            scene.text((left + 37.0, y + 4.0), label, size, Anchor::Start, palette::TEXT);
        }
    }
}

/// Paper behind words that stand on the data.
fn draw_backing(back: Rect, scene: &mut Scene) {
    let fill = palette::PAPER.with_opacity(0.85);
    scene.shapes.push(Shape::Area { points: back.corners(), fill });
}

/// As many ticks as have room for their labels.
fn x_ticks(axis: &Axis, width: f64, counts: bool) -> Vec<Tick> {
    const GAP: f64 = 18.0;
    let room = |ticks: &[Tick]| {
        let widest = ticks.iter().map(|tick| font::width(&tick.label, TICK_SIZE)).fold(0.0, f64::max);
        let places = ticks.windows(2).map(|pair| width * (axis.share(pair[1].value) - axis.share(pair[0].value)));
        places.fold(f64::INFINITY, f64::min) >= widest + GAP
    };
    let most = ((width / 60.0) as usize).clamp(2, 12);
    let is_asked = |ticks: &Vec<Tick>| !counts || ticks.iter().all(|tick| tick.value.fract() == 0.0);
    let candidates = (1..=most).rev().map(|wanted| axis.ticks(wanted)).filter(is_asked);
    candidates.filter(|ticks| !ticks.is_empty()).find(|ticks| room(ticks)).unwrap_or_default()
}
