//! Folders of PNG files.

use super::{ImageError, Images, Rules};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Bytes of an image at most: what a damaged header says is not asked for.
const MOST_BYTES: usize = 256 << 20;

/// Reads every `.png` of the folder in the order of names; colours become greys.
pub(super) fn read(folder: &Path, rules: &Rules) -> Result<Images, ImageError> {
    let name = folder.display().to_string();
    let unreadable = |e: std::io::Error| ImageError::Unreadable { file: name.clone(), reason: e.to_string() };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png")) {
            files.push(path);
        }
    }
    files.sort();
    let Some(first) = files.first().map(|p| p.display().to_string()) else {
        return Err(ImageError::NoImages { folder: name });
    };
    let (mut greys, mut expected) = (Vec::new(), None);
    for path in &files {
        let (found, pixels) = grey(path)?;
        let expected = *expected.get_or_insert(found);
        if found != expected {
            return Err(ImageError::Shape { file: path.display().to_string(), found, first, expected });
        }
        greys.extend(pixels);
    }
    Ok(Images::of_greys(&name, &greys, expected.unwrap_or_default(), rules))
}

/// Height, width and greys of one file.
fn grey(path: &Path) -> Result<((usize, usize), Vec<u8>), ImageError> {
    let file = path.display().to_string();
    let damaged = |reason: String| ImageError::Png { file: file.clone(), reason };
    let opened = File::open(path).map_err(|e| ImageError::Unreadable { file: file.clone(), reason: e.to_string() })?;
    let mut decoder = png::Decoder::new(BufReader::new(opened));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|e| damaged(e.to_string()))?;
    let size = reader.output_buffer_size().filter(|size| *size <= MOST_BYTES);
    let size = size.ok_or_else(|| damaged("it says it has more pixels than any image of a data set".into()))?;
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes).map_err(|e| damaged(e.to_string()))?;
    bytes.truncate(info.buffer_size());
    let samples = info.color_type.samples();
    let one = |pixel: &[u8]| match *pixel {
        // Luma of Rec. 709; transparent is black.
        [r, g, b] | [r, g, b, _] => {
            let luma = 0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b);
            scaled(luma, if samples == 4 { pixel[3] } else { 255 })
        }
        [grey, alpha] => scaled(f64::from(grey), alpha),
        [grey] => grey,
        _ => 0,
    };
    let greys = bytes.chunks_exact(samples).map(one).collect();
    Ok(((info.height as usize, info.width as usize), greys))
}

fn scaled(luma: f64, alpha: u8) -> u8 {
    (luma * f64::from(alpha) / 255.0).round() as u8
}
