//! Images for networks: a table of pixels, an IDX file, a folder of PNG files, or the digits that the program carries.

mod digits;
mod error;
mod folder;
mod idx;
mod pixels;
pub mod streamed;

pub use error::ImageError;
pub use idx::looks_like;

use jensen::export::Fingerprint;
use std::path::Path;

/// Rows of equally many pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Images {
    /// The data, in words.
    pub file: String,
    /// Pixels, `[row][pixel]`, rows of an image from the top.
    pub values: Vec<f64>,
    /// Pixels of a row.
    pub num_pixels: usize,
    /// Height and width of an image, where there is one.
    pub shape: Option<(usize, usize)>,
    /// A class of each row; empty where there is none.
    pub labels: Vec<u32>,
    /// The classes' names.
    pub classes: Vec<String>,
    /// Above which value a pixel was made 1, where it was.
    pub threshold: Option<f64>,
}

/// What is asked of pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// Whether pixels must be 0 or 1.
    pub binary: bool,
    /// Which categories pixels must be, where they must.
    pub categories: Option<Categories>,
    /// Pixels above it become 1, others 0; images of 256 greys are halved where they must be binary.
    pub threshold: Option<f64>,
    /// Column of classes in a table.
    pub label: Option<String>,
    /// Height and width of the rows of a table.
    pub shape: Option<(usize, usize)>,
}

/// Categories that pixels may be, numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Categories {
    /// Up to 255.
    Any,
    /// This many: those of a fit.
    OfFit(usize),
}

impl Categories {
    /// The first of `values` that is none; `place` says where a number of them stands.
    fn hold(self, values: &[f64], place: impl FnOnce(usize) -> String) -> Result<(), ImageError> {
        let most = match self {
            Categories::Any => 256,
            Categories::OfFit(levels) => levels,
        };
        let is_category = |v: &f64| *v >= 0.0 && *v < most as f64 && v.fract() == 0.0;
        let Some(at) = values.iter().position(|v| !is_category(v)) else { return Ok(()) };
        let (place, value) = (place(at), values[at]);
        Err(match self {
            Categories::Any => ImageError::Category { place, value },
            Categories::OfFit(levels) => ImageError::OtherCategory { place, value, last: levels.saturating_sub(1) },
        })
    }
}

/// Where a number of images stands that have no columns.
fn in_image(file: &str, at: usize, num_pixels: usize) -> String {
    format!("{file}, row {}, pixel {}", at / num_pixels.max(1) + 1, at % num_pixels.max(1) + 1)
}

impl Images {
    /// Reads a folder of PNG files, an IDX file (also gzipped), or a CSV or JSON table (also gzipped); none is the embedded digits.
    ///
    /// Greys of images are scaled to the range from 0 to 1, tables are taken as they are.
    ///
    /// # Errors
    /// Every [`ImageError`].
    pub fn read(path: Option<&Path>, rules: &Rules) -> Result<Self, ImageError> {
        let Some(path) = path else { return digits::read(rules) };
        if idx::is_png_file(path) {
            return Err(ImageError::OnePng { file: path.display().to_string() });
        }
        let images = if path.is_dir() {
            folder::read(path, rules)?
        } else if idx::looks_like(path) {
            let bytes = idx::bytes(path)?;
            if idx::is_gzip_file(path) && !bytes.starts_with(&[0, 0]) {
                return pixels::read(path, rules);
            }
            idx::read(&path.display().to_string(), &bytes, rules)?
        } else {
            return pixels::read(path, rules);
        };
        if let Some(categories) = rules.categories {
            categories.hold(&images.values, |at| in_image(&images.file, at, images.num_pixels))?;
        }
        Ok(images)
    }

    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.values.len() / self.num_pixels.max(1)
    }

    /// The pixels of one row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.num_pixels..(row + 1) * self.num_pixels]
    }

    /// The rows of these numbers, in their order.
    pub fn chosen(&self, rows: &[usize]) -> Images {
        Images {
            file: self.file.clone(),
            values: rows.iter().flat_map(|&r| self.row(r)).copied().collect(),
            labels: if self.labels.is_empty() { Vec::new() } else { rows.iter().map(|&r| self.labels[r]).collect() },
            classes: self.classes.clone(),
            ..*self
        }
    }

    /// The fingerprint of sizes and pixels: enough to notice other data.
    pub fn fingerprint(&self) -> String {
        let mut fingerprint = print_of_none(self.num_pixels);
        print(&mut fingerprint, &self.values);
        fingerprint.to_string()
    }

    /// Greys of 0 to 255 under `rules`.
    fn of_greys(file: &str, greys: &[u8], shape: (usize, usize), rules: &Rules) -> Images {
        let threshold = rules.threshold.or(rules.binary.then_some(0.5));
        let mut values = Vec::new();
        scaled(greys, threshold, &mut values);
        Images {
            file: file.to_string(),
            values,
            num_pixels: shape.0 * shape.1,
            shape: Some(shape),
            labels: Vec::new(),
            classes: Vec::new(),
            threshold,
        }
    }
}

/// Overwrites `out` with greys from 0 to 1, or with zeros and ones.
fn scaled(greys: &[u8], threshold: Option<f64>, out: &mut Vec<f64>) {
    let scaled = greys.iter().map(|g| f64::from(*g) / 255.0);
    out.clear();
    match threshold {
        Some(t) => out.extend(scaled.map(|g| f64::from(g > t))),
        None => out.extend(scaled),
    }
}

/// Takes pixels that come in parts into a fingerprint.
fn print(fingerprint: &mut Fingerprint, pixels: &[f64]) {
    pixels.iter().for_each(|v| fingerprint.add(&v.to_bits().to_le_bytes()));
}

/// The fingerprint of no pixels yet, of images of so many.
fn print_of_none(num_pixels: usize) -> Fingerprint {
    Fingerprint::of(&(num_pixels as u64).to_le_bytes())
}

#[cfg(test)]
#[path = "images/tests.rs"]
mod tests;
