//! A scene as PNG, drawn with anti-aliased paths and the embedded typeface.

use super::font::{self, Pen};
use super::scene::{Anchor, Colour, Label, Point, Rect, Scene, Shape, Stroke};
use tiny_skia::{FillRule, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, StrokeDash, Transform};

/// The scene as a PNG image with `scale` pixels to the unit.
pub(super) fn write(scene: &Scene, scale: f64) -> Result<Vec<u8>, PlotError> {
    let too_large = || PlotError::TooLarge { width: scene.width, height: scene.height };
    let (width, height) = ((scene.width * scale).ceil() as u32, (scene.height * scale).ceil() as u32);
    let mut pixels = Pixmap::new(width, height).ok_or_else(too_large)?;
    pixels.fill(tiny_skia::Color::WHITE);
    let mut canvas = Canvas { pixels, scale: Transform::from_scale(scale as f32, scale as f32) };
    scene.shapes.iter().for_each(|shape| canvas.shape(shape, None));
    encode(&canvas.pixels).map_err(|error| PlotError::Encoding { reason: error.to_string() })
}

/// A figure could not become an image.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// More pixels than fit an image.
    #[error("a plot of {width} x {height} is too large for a PNG; plot fewer panels")]
    TooLarge {
        /// Width in units.
        width: f64,
        /// Height in units.
        height: f64,
    },
    /// The encoder failed.
    #[error("the PNG could not be encoded ({reason})")]
    Encoding {
        /// The encoder's words.
        reason: String,
    },
}

/// The paper is opaque, so three channels are enough.
fn encode(pixels: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let rgb: Vec<u8> = pixels.data().chunks_exact(4).flat_map(|rgba| &rgba[..3]).copied().collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(bytes)
}

struct Canvas {
    pixels: Pixmap,
    scale: Transform,
}

impl Canvas {
    fn shape(&mut self, shape: &Shape, mask: Option<&Mask>) {
        match shape {
            Shape::Line { points, stroke } => {
                if let Some(path) = path(points, false) {
                    self.pixels.stroke_path(&path, &paint(stroke.colour), &pen(*stroke), self.scale, mask);
                }
            }
            Shape::Area { points, fill } => self.fill(path(points, true), *fill, self.scale, mask),
            Shape::Dots { centres, radius, fill } => {
                // One by one, so that overlapping dots darken each other.
                for &(x, y) in centres {
                    let dot = PathBuilder::from_circle(x as f32, y as f32, *radius as f32);
                    self.fill(dot, *fill, self.scale, mask);
                }
            }
            Shape::Text(label) => self.text(label, mask),
            Shape::Clip { to, shapes } => {
                let mask = self.mask(*to);
                shapes.iter().for_each(|shape| self.shape(shape, mask.as_ref()));
            }
        }
    }

    fn text(&mut self, label: &Label, mask: Option<&Mask>) {
        let Label { at, text, size, .. } = label;
        let shift = font::width(text, *size) * before(label.anchor);
        let mut outline = Outline(PathBuilder::new());
        font::outline(text, *size, &mut outline);
        let turn = if label.upwards { Transform::from_rotate(-90.0) } else { Transform::identity() };
        let place = Transform::from_translate(-shift as f32, 0.0)
            .post_concat(turn)
            .post_translate(at.0 as f32, at.1 as f32)
            .post_concat(self.scale);
        self.fill(outline.0.finish(), label.colour, place, mask);
    }

    fn fill(&mut self, path: Option<Path>, colour: Colour, place: Transform, mask: Option<&Mask>) {
        if let Some(path) = path {
            self.pixels.fill_path(&path, &paint(colour), FillRule::Winding, place, mask);
        }
    }

    fn mask(&self, to: Rect) -> Option<Mask> {
        let mut mask = Mask::new(self.pixels.width(), self.pixels.height())?;
        mask.fill_path(&path(&to.corners(), true)?, FillRule::Winding, true, self.scale);
        Some(mask)
    }
}

/// The share of a text's width that lies before its position.
fn before(anchor: Anchor) -> f64 {
    match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => 0.5,
        Anchor::End => 1.0,
    }
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    let [red, green, blue] = colour.rgb;
    let alpha = (colour.opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
    paint.set_color_rgba8(red, green, blue, alpha);
    paint
}

fn pen(stroke: Stroke) -> tiny_skia::Stroke {
    tiny_skia::Stroke {
        width: stroke.width as f32,
        line_cap: LineCap::Butt,
        line_join: LineJoin::Round,
        dash: if stroke.dashed { StrokeDash::new(vec![4.0, 3.0], 0.0) } else { None },
        ..tiny_skia::Stroke::default()
    }
}

fn path(points: &[Point], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (i, &(x, y)) in points.iter().enumerate() {
        let (x, y) = (x as f32, y as f32);
        if i == 0 { builder.move_to(x, y) } else { builder.line_to(x, y) }
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

struct Outline(PathBuilder);

impl Pen for Outline {
    fn start(&mut self, x: f64, y: f64) {
        self.0.move_to(x as f32, y as f32);
    }

    fn line(&mut self, x: f64, y: f64) {
        self.0.line_to(x as f32, y as f32);
    }

    fn curve(&mut self, control: (f64, f64), x: f64, y: f64) {
        self.0.quad_to(control.0 as f32, control.1 as f32, x as f32, y as f32);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
