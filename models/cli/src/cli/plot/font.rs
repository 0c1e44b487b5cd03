//! The embedded typeface: widths for the layout, outlines for the PNG.

use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// Roboto Regular, Apache-2.0, cut to Latin, Greek and the signs of number labels; see the folder's README.
const TYPEFACE: &[u8] = include_bytes!("../../../fonts/plot-sans.ttf");

/// The width of `text` at `size` units to the em.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let Some(face) = face() else {
        return 0.5 * size * text.chars().count() as f64;
    };
    let advances = text.chars().map(|letter| advance(&face, glyph(&face, letter)));
    advances.sum::<f64>() * size / f64::from(face.units_per_em())
}

/// Draws the outlines of `text` through `pen`, from the origin to the right, at `size` units to the em.
///
/// The pen sees y downwards, as in a [`Scene`](super::scene::Scene). A letter the typeface lacks becomes a box.
pub(super) fn outline(text: &str, size: f64, pen: &mut dyn Pen) {
    let Some(face) = face() else { return };
    let scale = size / f64::from(face.units_per_em());
    let mut left = 0.0;
    for letter in text.chars() {
        let id = glyph(&face, letter);
        face.outline_glyph(id, &mut Scaled { pen: &mut *pen, left, scale });
        left += advance(&face, id) * scale;
    }
}

/// Takes an outline in quadratic curves.
pub(super) trait Pen {
    fn start(&mut self, x: f64, y: f64);
    fn line(&mut self, x: f64, y: f64);
    fn curve(&mut self, control: (f64, f64), x: f64, y: f64);
    fn close(&mut self);
}

fn face() -> Option<Face<'static>> {
    Face::parse(TYPEFACE, 0).ok()
}

fn glyph(face: &Face<'_>, letter: char) -> GlyphId {
    face.glyph_index(letter).unwrap_or(GlyphId(0))
}

fn advance(face: &Face<'_>, id: GlyphId) -> f64 {
    f64::from(face.glyph_hor_advance(id).unwrap_or(0))
}

struct Scaled<'a> {
    pen: &'a mut dyn Pen,
    left: f64,
    scale: f64,
}

impl Scaled<'_> {
    fn at(&self, x: f32, y: f32) -> (f64, f64) {
        (self.left + f64::from(x) * self.scale, -f64::from(y) * self.scale)
    }
}

impl OutlineBuilder for Scaled<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.pen.start(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.pen.line(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let control = self.at(x1, y1);
        let (x, y) = self.at(x, y);
        self.pen.curve(control, x, y);
    }

    /// TrueType outlines are quadratic; a cubic one would be drawn through the middle of its controls.
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.quad_to((x1 + x2) / 2.0, (y1 + y2) / 2.0, x, y);
    }

    fn close(&mut self) {
        self.pen.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typeface_has_every_sign_of_the_labels() {
        let face = face().unwrap();
        for letter in "0123456789.,-−×⁰¹²³⁴⁵⁶⁷⁸⁹⁻…%[]_ABCxyz αβθμστφÄé≥≤".chars() {
            assert!(face.glyph_index(letter).is_some(), "{letter}");
        }
    }

    #[test]
    fn widths_follow_the_typeface() {
        // Digits share one width, so that labels line up; its advance is 1151 of 2048 units.
        assert!((width("0", 2048.0) - 1151.0).abs() < 1e-9);
        assert_eq!(width("1111", 10.0), width("8888", 10.0));
        assert!(width("W", 10.0) > 2.0 * width("i", 10.0));
        assert_eq!(width("", 10.0), 0.0);
    }
}
