//! The parts of a figure before it becomes SVG or pixels: paths, dots and text. The origin is top left.

use super::font;

/// A position, to the right and downwards.
pub(super) type Point = (f64, f64);

/// An RGB colour with an opacity from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Colour {
    /// Red, green and blue.
    pub rgb: [u8; 3],
    /// Opacity, between 0 and 1.
    pub opacity: f64,
}

impl Colour {
    /// An opaque colour.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { rgb: [red, green, blue], opacity: 1.0 }
    }

    /// The same colour with another opacity.
    pub const fn with_opacity(self, opacity: f64) -> Self {
        Self { rgb: self.rgb, opacity }
    }
}

/// The few colours of all figures.
pub(super) mod palette {
    use super::Colour;

    pub(crate) const TEXT: Colour = Colour::new(0x2b, 0x2f, 0x36);
    pub(crate) const FAINT: Colour = Colour::new(0x6b, 0x72, 0x7d);
    pub(crate) const AXIS: Colour = Colour::new(0xa3, 0xa9, 0xb2);
    pub(crate) const GRID: Colour = Colour::new(0xe9, 0xeb, 0xee);
    pub(crate) const PAPER: Colour = Colour::new(0xff, 0xff, 0xff);
    pub(crate) const FIRST: Colour = Colour::new(0x2f, 0x66, 0xa8);
    pub(crate) const SECOND: Colour = Colour::new(0xc8, 0x6a, 0x1b);

    /// Colours that are told apart in a legend, again from the first after the last.
    pub(crate) const SERIES: [Colour; 8] = [
        FIRST,
        SECOND,
        Colour::new(0x3a, 0x8f, 0x5c),
        Colour::new(0xa0, 0x3a, 0x6b),
        Colour::new(0x7a, 0x5c, 0xb8),
        Colour::new(0x8a, 0x7a, 0x1f),
        Colour::new(0x2a, 0x9d, 0xa5),
        Colour::new(0x6b, 0x72, 0x7d),
    ];
}

/// An upright rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Corners, clockwise from the top left.
    pub(super) fn corners(&self) -> Vec<Point> {
        let (right, bottom) = (self.right(), self.bottom());
        vec![(self.left, self.top), (right, self.top), (right, bottom), (self.left, bottom)]
    }
}

/// Which end of a text its position holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub(super) colour: Colour,
    pub(super) width: f64,
    pub(super) dashed: bool,
}

impl Stroke {
    pub(super) const fn solid(colour: Colour, width: f64) -> Self {
        Self { colour, width, dashed: false }
    }
}

/// A line of text with its baseline at `at`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    pub(super) at: Point,
    pub(super) text: String,
    pub(super) size: f64,
    pub(super) anchor: Anchor,
    pub(super) colour: Colour,
    /// Whether the text reads upwards.
    pub(super) upwards: bool,
}

/// One element of a figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Line {
        points: Vec<Point>,
        stroke: Stroke,
    },
    Area {
        points: Vec<Point>,
        fill: Colour,
    },
    Dots {
        centres: Vec<Point>,
        radius: f64,
        fill: Colour,
    },
    Text(Label),
    /// The shapes, cut at the rectangle.
    Clip {
        to: Rect,
        shapes: Vec<Shape>,
    },
}

/// A drawing of given size on white paper.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) title: String,
    pub(super) shapes: Vec<Shape>,
}

impl Scene {
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        Self { width, height, title: title.to_string(), shapes: Vec::new() }
    }

    /// Adds a line of text with its baseline at `at`; nothing for an empty one.
    pub(super) fn text(&mut self, at: Point, text: &str, size: f64, anchor: Anchor, colour: Colour) {
        self.label(Label { at, text: text.to_string(), size, anchor, colour, upwards: false });
    }

    /// Adds a text that reads upwards, centred on `at`.
    pub(super) fn upwards(&mut self, at: Point, text: &str, size: f64, colour: Colour) {
        self.label(Label { at, text: text.to_string(), size, anchor: Anchor::Middle, colour, upwards: true });
    }

    fn label(&mut self, label: Label) {
        if !label.text.is_empty() {
            self.shapes.push(Shape::Text(label));
        }
    }

    /// Adds a straight line.
    pub(super) fn line(&mut self, from: Point, to: Point, colour: Colour, width: f64) {
        let stroke = Stroke::solid(colour, width);
        self.shapes.push(Shape::Line { points: vec![from, to], stroke });
    }
}

/// Shortens `text` in the middle until it fits `width`.
pub(super) fn fitted(text: &str, size: f64, width: f64) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut shown = text.to_string();
    for kept in (4..letters.len()).rev() {
        if font::width(&shown, size) <= width {
            break;
        }
        let head = &letters[..kept.div_ceil(2)];
        let tail = &letters[letters.len() - kept / 2..];
        shown = head.iter().chain(['…'].iter()).chain(tail).collect();
    }
    shown
}
