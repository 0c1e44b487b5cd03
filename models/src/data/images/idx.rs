//! IDX files of images, as MNIST and its kin are published, also gzipped.

use super::super::file;
use super::{ImageError, Images, Rules};
use std::path::Path;

/// Bytes of the header: magic number, images, rows, columns.
pub(super) const HEADER: usize = 16;

/// Whether the file's first bytes, or its name, are those of an IDX file.
pub fn looks_like(path: &Path) -> bool {
    let head = file::start::<4>(path);
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    file::is_gzip(&head) || (head.len() == 4 && head[..2] == [0, 0]) || name.contains("idx") && !name.ends_with(".csv")
}

/// Whether the file is gzipped.
pub(super) fn is_gzip_file(path: &Path) -> bool {
    file::is_gzip(&file::start::<2>(path))
}

/// Whether the file is a PNG image.
pub(super) fn is_png_file(path: &Path) -> bool {
    file::start::<8>(path) == *b"\x89PNG\r\n\x1a\n"
}

/// The file's bytes, unpacked where it is gzipped.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, ImageError> {
    let unreadable =
        |error: std::io::Error| ImageError::Unreadable { file: file::name(path), reason: error.to_string() };
    file::read(path).map_err(unreadable)
}

/// Reads the images in `bytes`; `file` names them in errors.
pub(super) fn read(file: &str, bytes: &[u8], rules: &Rules) -> Result<Images, ImageError> {
    let (_, shape) = header(file, bytes, bytes.len() as u64)?;
    Ok(Images::of_greys(file, &bytes[HEADER..], shape, rules))
}

/// Images, height and width of a file of `size` bytes that begins with `bytes`.
pub(super) fn header(file: &str, bytes: &[u8], size: u64) -> Result<(usize, (usize, usize)), ImageError> {
    let kind = |found: String| ImageError::Kind { file: file.to_string(), found };
    if bytes.len() < 4 {
        return Err(kind(format!("{} bytes are too few for a header", bytes.len())));
    }
    match bytes[..4] {
        [0, 0, 8, 3] => {}
        [0, 0, 8, 1] => return Err(kind("this file holds labels; give the file of the images".into())),
        [0, 0, kind_of, dims] => {
            return Err(kind(format!("an IDX file of type {kind_of:#04x} with {dims} dimensions")));
        }
        _ => return Err(kind("no IDX file".into())),
    }
    let word = |k: usize| bytes.get(4 * k..4 * k + 4).map(|b| b.iter().fold(0, |n, b| n << 8 | usize::from(*b)));
    let [Some(rows), Some(height), Some(width)] = [word(1), word(2), word(3)] else {
        return Err(kind(format!("the header ends after {} of {HEADER} bytes; the file is not whole", bytes.len())));
    };
    let expected = HEADER as u128 + rows as u128 * height as u128 * width as u128;
    if expected != u128::from(size) {
        let short = u128::from(size) < expected;
        let remedy = if short {
            "the file is not whole, fetch it again"
        } else {
            "there is more than the header says, fetch the file again"
        };
        let (expected, found) = (expected.min(u128::from(u64::MAX)) as u64, size as usize);
        return Err(ImageError::Size { file: file.to_string(), rows, height, width, expected, found, remedy });
    }
    if height * width == 0 {
        return Err(kind(format!("images of {height} x {width} pixels")));
    }
    Ok((rows, (height, width)))
}
