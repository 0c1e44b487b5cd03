//! Tables of pixels: a column for each pixel, a row for each image.

use super::{ImageError, Images, Rules};
use crate::data::DataTable;
use std::path::Path;

/// Reads all named columns but that of the classes.
pub(super) fn read(path: &Path, rules: &Rules) -> Result<Images, ImageError> {
    let table = DataTable::read(path)?;
    let (labels, classes) = match &rules.label {
        Some(name) => table.categories(name)?,
        None => Default::default(),
    };
    let names: Vec<&str> = table.given_names().filter(|n| Some(*n) != rules.label.as_deref()).collect();
    no_pixels(table.file(), &names, rules)?;
    let mut values = table.matrix(&names)?;
    if let Some(threshold) = rules.threshold {
        values.iter_mut().for_each(|v| *v = f64::from(*v > threshold));
    } else if rules.binary
        && let Some(at) = values.iter().position(|v| *v != 0.0 && *v != 1.0)
    {
        let place = Box::new(table.place(names[at % names.len()], at / names.len()));
        return Err(ImageError::Pixel { place, value: values[at] });
    }
    if let Some(categories) = rules.categories {
        categories.hold(&values, |at| table.place(names[at % names.len()], at / names.len()).to_string())?;
    }
    let (file, num_pixels) = (table.file().to_string(), names.len());
    let shape = shape(&file, num_pixels, rules)?;
    Ok(Images { file, values, num_pixels, shape, labels, classes, threshold: rules.threshold })
}

/// Refuses a table without a column of pixels.
pub(super) fn no_pixels(file: &str, names: &[&str], rules: &Rules) -> Result<(), ImageError> {
    match (names.is_empty(), &rules.label) {
        (false, _) => Ok(()),
        (true, label) => Err(ImageError::NoPixels { file: file.to_string(), label: label.clone().unwrap_or_default() }),
    }
}

/// Height and width of rows of `num_pixels`: as asked, else a square where that is possible.
pub(super) fn shape(file: &str, num_pixels: usize, rules: &Rules) -> Result<Option<(usize, usize)>, ImageError> {
    let side = (num_pixels as f64).sqrt() as usize;
    match rules.shape {
        Some((height, width)) if height * width != num_pixels => {
            Err(ImageError::WrongShape { file: file.to_string(), found: num_pixels, height, width })
        }
        Some(shape) => Ok(Some(shape)),
        None => Ok((side > 1 && side * side == num_pixels).then_some((side, side))),
    }
}
