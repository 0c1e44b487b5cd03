//! Text as rows: windows of characters, numbered.

use super::error::VaeError;
use jensen_models::data::images::{ImageError, Images};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Characters that are told apart at most; the rarest are one.
const MOST: usize = 95;
/// Stands for all characters that have no number of their own.
const OTHER: char = '\u{fffd}';

/// The characters of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextNote {
    /// Each character's number is its place; one more is for all others.
    pub characters: Vec<char>,
}

impl TextNote {
    /// The characters of `text`, the most frequent ones where they are many.
    pub fn of(text: &str) -> Self {
        let mut counts: BTreeMap<char, usize> = BTreeMap::new();
        text.chars().for_each(|c| *counts.entry(c).or_default() += 1);
        let mut found: Vec<(char, usize)> = counts.into_iter().collect();
        found.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(MOST);
        let mut characters: Vec<char> = found.into_iter().map(|(c, _)| c).collect();
        characters.sort_unstable();
        TextNote { characters }
    }

    /// Numbers of characters.
    pub fn levels(&self) -> usize {
        self.characters.len() + 1
    }

    /// The windows of `text` as rows; what is left at its end is dropped.
    ///
    /// # Errors
    /// Fewer than two windows.
    pub fn rows(&self, file: &str, text: &str, window: usize) -> Result<Images, VaeError> {
        let number = |c: char| self.characters.binary_search(&c).unwrap_or(self.characters.len()) as f64;
        let mut values: Vec<f64> = text.chars().map(number).collect();
        values.truncate(values.len() / window * window);
        let rows = values.len() / window;
        if rows < 2 {
            return Err(VaeError::ShortText { file: file.to_string(), found: text.chars().count(), window });
        }
        Ok(Images { file: file.to_string(), values, num_pixels: window, ..Images::default() })
    }

    /// Rows of numbers as lines.
    pub fn lines(&self, values: &[f64], window: usize) -> String {
        let character = |v: &f64| self.characters.get(*v as usize).copied().unwrap_or(OTHER);
        let line = |row: &[f64]| row.iter().map(character).chain(['\n']).collect::<String>();
        values.chunks_exact(window.max(1)).map(line).collect()
    }
}

/// The text of a file, every run of white space one space.
///
/// # Errors
/// A file that cannot be read, or is no text.
pub fn read(path: &Path) -> Result<String, VaeError> {
    let unreadable = |reason: String| ImageError::Unreadable { file: jensen_models::data::file::name(path), reason };
    let bytes = jensen_models::data::file::read(path);
    let text = decoded(bytes.map_err(|error| unreadable(error.to_string()))?).map_err(|r| unreadable(r.to_string()))?;
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// UTF-8 as text, without a byte order mark; or what the bytes are instead, in words.
fn decoded(bytes: Vec<u8>) -> Result<String, &'static str> {
    const UTF_16: &str = "it is text in UTF-16, and UTF-8 is read; save it as UTF-8";
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(UTF_16);
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text; save it as UTF-8")?;
    // UTF-16 of the letters of English is UTF-8, with a NUL beside each.
    let num_nul = text.bytes().filter(|byte| *byte == 0).count();
    match num_nul {
        0 => Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_string)),
        n if 3 * n >= text.len() => Err(UTF_16),
        _ => Err("it is no text: it has bytes of value zero"),
    }
}

/// Bits a character of `test` by the counts of single characters, those of `train` seen before, all counts from a half: an
/// adaptive model of order 0.
pub fn bits_by_counts(levels: usize, train: &[f64], test: &[f64]) -> f64 {
    let (mut counts, mut total, mut bits) = (vec![0.5; levels], 0.5 * levels as f64, 0.0);
    for (k, c) in train.iter().chain(test).map(|c| *c as usize).enumerate() {
        if k >= train.len() {
            bits -= (counts[c] / total).log2();
        }
        counts[c] += 1.0;
        total += 1.0;
    }
    bits / test.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_encodings_are_refused_in_words() {
        let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for bytes in [utf_16("\u{feff}one two"), utf_16("one two"), utf_16("\u{feff}zwölf"), vec![0xfe, 0xff, 0, b'a']]
        {
            assert!(decoded(bytes).unwrap_err().contains("UTF-16"));
        }
        assert!(decoded(vec![b'a', 0xfc, b'b']).unwrap_err().contains("not UTF-8"));
        assert!(decoded(b"abcdef\0ghijk".to_vec()).unwrap_err().contains("no text"));
        assert_eq!(decoded("\u{feff}zwölf".into()).unwrap(), "zwölf");
    }

    #[test]
    fn characters_have_numbers_and_come_back() {
        let note = TextNote::of("abba c");
        assert_eq!((note.levels(), &note.characters[..]), (5, &[' ', 'a', 'b', 'c'][..]));
        let rows = note.rows("t", "abcxb aa", 3).unwrap();
        assert_eq!(rows.values, [1.0, 2.0, 3.0, 4.0, 2.0, 0.0]);
        assert_eq!(note.lines(&rows.values, 3), "abc\n\u{fffd}b \n");
        assert!(note.rows("t", "abcx", 3).unwrap_err().to_string().contains("t: 4 characters are no two windows of 3"));
        // Two levels seen three times and once before: -log2(3.5 / 5) - log2(1.5 / 6).
        let expected = -((3.5f64 / 5.0).log2() + (1.5f64 / 6.0).log2()) / 2.0;
        assert!((bits_by_counts(2, &[0.0, 0.0, 0.0, 1.0], &[0.0, 1.0]) - expected).abs() < 1e-12);
    }
}
