//! A scene as SVG; text stays text, so that it can be searched and read aloud.

use super::scene::{Anchor, Colour, Label, Point, Rect, Scene, Shape, Stroke};
use std::fmt::Write;

/// The scene as one SVG document.
pub(super) fn write(scene: &Scene) -> String {
    let mut writer = Writer { out: String::new(), clips: 0 };
    let (w, h) = (number(scene.width), number(scene.height));
    writer.push(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         font-family=\"Roboto, Helvetica Neue, Arial, sans-serif\" role=\"img\">\n\
         <title>{}</title>\n<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n",
        escaped(&scene.title)
    ));
    scene.shapes.iter().for_each(|shape| writer.shape(shape));
    writer.push("</svg>\n");
    writer.out
}

struct Writer {
    out: String,
    clips: usize,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Line { points, stroke } => self.push(&polyline(points, *stroke)),
            Shape::Area { points, fill } => {
                let (points, fill) = (coordinates(points), paint("fill", *fill));
                self.push(&format!("<polygon points=\"{points}\" {fill}/>\n"));
            }
            Shape::Dots { centres, radius, fill } => {
                self.push(&format!("<g {}>\n", paint("fill", *fill)));
                let r = number(*radius);
                for (x, y) in centres.iter().map(|&(x, y)| (number(x), number(y))) {
                    self.push(&format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>\n"));
                }
                self.push("</g>\n");
            }
            Shape::Text(label) => self.push(&text(label)),
            Shape::Clip { to, shapes } => {
                self.clips += 1;
                let (id, frame) = (self.clips, rectangle(*to));
                self.push(&format!("<clipPath id=\"clip{id}\">{frame}</clipPath>\n"));
                self.push(&format!("<g clip-path=\"url(#clip{id})\">\n"));
                shapes.iter().for_each(|shape| self.shape(shape));
                self.push("</g>\n");
            }
        }
    }
}

fn polyline(points: &[Point], stroke: Stroke) -> String {
    let dash = if stroke.dashed { " stroke-dasharray=\"4 3\"" } else { "" };
    let (points, paint, width) = (coordinates(points), paint("stroke", stroke.colour), number(stroke.width));
    format!(
        "<polyline points=\"{points}\" fill=\"none\" {paint} stroke-width=\"{width}\" \
         stroke-linejoin=\"round\"{dash}/>\n"
    )
}

fn rectangle(rect: Rect) -> String {
    let [x, y, width, height] = [rect.left, rect.top, rect.width, rect.height].map(number);
    format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>")
}

fn text(label: &Label) -> String {
    let (x, y, size) = (number(label.at.0), number(label.at.1), number(label.size));
    let (anchor, paint, words) = (name(label.anchor), paint("fill", label.colour), escaped(&label.text));
    let turn = if label.upwards { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
    format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" {paint}{turn}>{words}</text>\n")
}

fn name(anchor: Anchor) -> &'static str {
    match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    }
}

fn paint(what: &str, colour: Colour) -> String {
    let [red, green, blue] = colour.rgb;
    let mut text = format!("{what}=\"#{red:02x}{green:02x}{blue:02x}\"");
    if colour.opacity < 1.0 {
        text += &format!(" {what}-opacity=\"{}\"", number(colour.opacity));
    }
    text
}

fn coordinates(points: &[Point]) -> String {
    let mut text = String::with_capacity(points.len() * 12);
    for (i, &(x, y)) in points.iter().enumerate() {
        let space = if i == 0 { "" } else { " " };
        let _ = write!(text, "{space}{},{}", number(x), number(y)); // a String takes every write
    }
    text
}

/// At most two decimals: a hundredth of a unit is below a pixel.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Text for XML, without the control characters that XML forbids.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([1.0, 0.5, 12.345, -3.0, 100.0].map(number), ["1", "0.5", "12.35", "-3", "100"]);
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b & \"c\"\u{1}\n"), "a&lt;b &amp; &quot;c&quot;  ");
    }
}
