//! Images for networks: a table of pixels, an IDX file, a folder of PNG files, or the digits that the program carries.

mod digits;
mod error;
mod folder;
mod idx;
mod pixels;

pub use error::ImageError;

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
    /// A class of each row, to colour plots by; empty where there is none.
    pub labels: Vec<u32>,
    /// Above which value a pixel was made 1, where it was.
    pub threshold: Option<f64>,
}

/// What is asked of pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// Whether pixels must be 0 or 1.
    pub binary: bool,
    /// Pixels above it become 1, others 0; images of 256 greys are halved where they must be binary.
    pub threshold: Option<f64>,
    /// Column of classes in a table.
    pub label: Option<String>,
    /// Height and width of the rows of a table.
    pub shape: Option<(usize, usize)>,
}

impl Images {
    /// Reads a folder of PNG files, an IDX file (also gzipped), or a CSV or JSON table; none is the embedded digits.
    ///
    /// Greys of images are scaled to the range from 0 to 1, tables are taken as they are.
    ///
    /// # Errors
    /// Every [`ImageError`].
    pub fn read(path: Option<&Path>, rules: &Rules) -> Result<Self, ImageError> {
        let Some(path) = path else { return digits::read(rules) };
        if path.is_dir() {
            return folder::read(path, rules);
        }
        let file = path.display().to_string();
        match idx::looks_like(path) {
            true => idx::read(&file, &idx::bytes(path)?, rules),
            false => pixels::read(path, rules),
        }
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
            ..*self
        }
    }

    /// FNV-1a of sizes and pixels: enough to notice other data.
    pub fn fingerprint(&self) -> String {
        let numbers = [self.num_pixels as u64].into_iter().chain(self.values.iter().map(|v| v.to_bits()));
        let bytes = numbers.flat_map(u64::to_le_bytes);
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        format!("{hash:016x}")
    }

    /// Greys of 0 to 255 under `rules`.
    fn of_greys(file: &str, greys: &[u8], shape: (usize, usize), rules: &Rules) -> Images {
        let threshold = rules.threshold.or(rules.binary.then_some(0.5));
        let scaled = greys.iter().map(|g| f64::from(*g) / 255.0);
        let values = match threshold {
            Some(t) => scaled.map(|g| f64::from(g > t)).collect(),
            None => scaled.collect(),
        };
        Images {
            file: file.to_string(),
            values,
            num_pixels: shape.0 * shape.1,
            shape: Some(shape),
            labels: Vec::new(),
            threshold,
        }
    }
}

#[cfg(test)]
#[path = "images/tests.rs"]
mod tests;
