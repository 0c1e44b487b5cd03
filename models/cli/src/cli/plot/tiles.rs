//! [`Tiles`]: small grey images side by side, as PNG and SVG.

use super::raster::PlotError;
use std::fmt::Write;

/// Pixels of a tile's longer side at least, and of the gap between two tiles.
const SIDE: usize = 40;
const GAP: usize = 2;
/// Grey of the gaps.
const PAPER: u8 = 128;
/// More pixels than this on a side are no picture.
const MOST: usize = 30_000;

/// A grid of images of equal size, row by row; 0 is black and 1 is white.
#[derive(Debug, Clone, PartialEq)]
pub struct Tiles {
    /// Height and width of an image.
    pub shape: (usize, usize),
    /// Images in a line.
    pub columns: usize,
    /// Pixels of all images, one image after the other.
    pub values: Vec<f64>,
}

impl Tiles {
    /// The picture as a greyscale PNG.
    ///
    /// # Errors
    /// [`PlotError`] when the picture is too large.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        let (width, height, pixels) = self.pixels()?;
        let failed = |error: png::EncodingError| PlotError::Encoding { reason: error.to_string() };
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&pixels).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(bytes)
    }

    /// The picture as an SVG document that holds the PNG.
    ///
    /// # Errors
    /// As [`Tiles::png`].
    pub fn svg(&self, title: &str) -> Result<String, PlotError> {
        let (width, height) = self.size();
        let data = base64(&self.png()?);
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
             <title>{title}</title>\n<image width=\"{width}\" height=\"{height}\" image-rendering=\"pixelated\" \
             href=\"data:image/png;base64,{data}\"/>\n</svg>\n"
        ))
    }

    fn scale(&self) -> usize {
        (SIDE / self.shape.0.max(self.shape.1).max(1)).max(1)
    }

    /// Width and height of the picture.
    fn size(&self) -> (usize, usize) {
        let count = self.values.len() / (self.shape.0 * self.shape.1).max(1);
        let columns = self.columns.clamp(1, count.max(1));
        let side = |tiles: usize, pixels: usize| GAP + tiles * (pixels * self.scale() + GAP);
        (side(columns, self.shape.1), side(count.div_ceil(columns).max(1), self.shape.0))
    }

    fn pixels(&self) -> Result<(usize, usize, Vec<u8>), PlotError> {
        let (width, height) = self.size();
        if width > MOST || height > MOST {
            return Err(PlotError::TooLarge { width: width as f64, height: height as f64 });
        }
        let (scale, (rows, columns)) = (self.scale(), self.shape);
        let in_line = (width - GAP) / (columns * scale + GAP).max(1);
        let mut out = vec![PAPER; width * height];
        for (k, tile) in self.values.chunks_exact((rows * columns).max(1)).enumerate() {
            let top = GAP + k / in_line * (rows * scale + GAP);
            let left = GAP + k % in_line * (columns * scale + GAP);
            for y in 0..rows * scale {
                let line = &tile[y / scale * columns..][..columns];
                let to = &mut out[(top + y) * width + left..][..columns * scale];
                for (pixels, value) in to.chunks_exact_mut(scale).zip(line) {
                    pixels.fill((value.clamp(0.0, 1.0) * 255.0).round() as u8);
                }
            }
        }
        Ok((width, height, out))
    }
}

/// Base64 of RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, k| bits << 8 | u32::from(part.get(k).copied().unwrap_or(0)));
        for k in 0..4 {
            let letter = char::from(LETTERS[(bits >> (18 - 6 * k) & 63) as usize]);
            let _ = out.write_char(if k <= part.len() { letter } else { '=' }); // a String takes every character
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_standard() {
        let pairs = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, expected) in pairs {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn tiles_stand_where_they_belong() {
        let tiles = Tiles { shape: (1, 2), columns: 2, values: vec![0.0, 1.0, 0.5, 0.25, 2.0, -1.0] };
        let bytes = tiles.png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        // Two tiles of 40 x 20 in the first line, one in the second, two pixels between them.
        assert_eq!((info.width, info.height), (2 + 2 * 42, 2 + 2 * 22));
        let at = |x: usize, y: usize| pixels[y * info.width as usize + x];
        assert_eq!([at(0, 0), at(2, 2), at(22, 21), at(44, 2), at(64, 2)], [PAPER, 0, 255, 128, 64]);
        assert_eq!([at(2, 24), at(41, 43), at(44, 24)], [255, 0, PAPER]);
        let svg = tiles.svg("a < b").unwrap();
        assert!(svg.contains("width=\"86\"") && svg.contains("a &lt; b") && svg.contains("base64,iVBORw0KGgo"));
        let wide = Tiles { shape: (1, 40_000), columns: 1, values: vec![0.0; 40_000] };
        assert!(wide.png().unwrap_err().to_string().contains("too large"));
    }
}
