//! The digits that the program carries.

use super::{ImageError, Images, Rules};
use crate::data::{DataError, DataTable, Place};

/// 1,797 binary digits of 8 x 8 pixels, in random order.
pub(super) fn read(_: &Rules) -> Result<Images, ImageError> {
    let table = DataTable::from_csv("digits", include_bytes!("../../../data/digits.csv"))?;
    let labels = table.integers("digit")?.into_iter().map(|d| d as u32).collect();
    let (codes, names) = table.categories("pixels")?;
    let bits = |row: usize, code: &u32| {
        let text = &names[*code as usize];
        u64::from_str_radix(text, 16).map_err(|_| {
            let place = Place { file: "digits".into(), line: None, row: row + 1, column: "pixels".into() };
            DataError::NotANumber { place, cell: text.clone(), remedy: "sixteen hexadecimal figures" }
        })
    };
    let mut values = Vec::with_capacity(codes.len() * 64);
    for (row, code) in codes.iter().enumerate() {
        let bits = bits(row, code)?;
        values.extend((0..64).map(|k| (bits >> (63 - k) & 1) as f64));
    }
    let classes = (0..10).map(|d| d.to_string()).collect();
    Ok(Images { file: "digits".into(), values, num_pixels: 64, shape: Some((8, 8)), labels, classes, threshold: None })
}
