//! Images that stay in their file: a table of pixels or an IDX file, read in blocks whenever training asks for them.

use super::{ImageError, Images, Rules, idx, pixels};
use crate::data::stream::{CsvRows, MOST_WORDS, StreamedTable, Survey, is_json};
use jensen::amortised::autoencoder::{self, RowBlocks};
use jensen::mixture::Rows;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

/// A file of images of which only the places of its blocks are in memory.
#[derive(Debug)]
pub struct StreamedImages {
    /// What is known of the images, without any row.
    pub about: Images,
    /// The least and the largest pixel.
    pub range: (f64, f64),
    /// Fingerprint of all images, training and test.
    pub fingerprint: String,
    /// Number of images.
    pub num_rows: usize,
    /// Images of a block.
    pub block_rows: usize,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Pixels, and behind them the class where there is one.
    Table { rows: CsvRows, has_label: bool },
    /// Bytes behind a header.
    Idx,
}

/// Pixels and classes of some rows.
#[derive(Debug, Default)]
pub struct ImageBlock {
    /// The rows of the block.
    pub rows: autoencoder::RowBlock,
    space: Vec<f64>,
    bytes: Vec<u8>,
}

/// Bytes from which on a file is read in blocks unless asked otherwise: in memory a pixel takes eight.
const LARGE_TABLE: u64 = 64 << 20;
const LARGE_IDX: u64 = 32 << 20;

/// Whether a file is so large that it is better read in blocks, and of a kind that can be.
pub fn is_large(path: &Path) -> bool {
    let size = std::fs::metadata(path).map_or(0, |about| if about.is_file() { about.len() } else { 0 });
    if idx::looks_like(path) {
        size >= LARGE_IDX && !idx::is_gzip_file(path)
    } else {
        size >= LARGE_TABLE && !is_json(path)
    }
}

impl StreamedImages {
    /// Opens a text table or an IDX file, and holds every pixel to `rules`.
    ///
    /// # Errors
    /// As [`Images::read`]; also for kinds of files that cannot be read in blocks.
    pub fn open(path: &Path, rules: &Rules, block_rows: usize) -> Result<Self, ImageError> {
        let cannot = |remedy: &'static str| ImageError::NoBlocks { file: path.display().to_string(), remedy };
        if path.is_dir() {
            return Err(cannot("a folder of PNG files is read at once; make it an IDX file, or leave --buffer out"));
        }
        if crate::data::file::is_standard_input(path) {
            return Err(cannot("standard input can be read once; save it to a file first, or leave --buffer out"));
        }
        if !path.exists() {
            // The words for a file that is not there are those of a table.
            StreamedTable::open(path, 1)?;
        }
        if idx::is_png_file(path) {
            return Err(ImageError::OnePng { file: path.display().to_string() });
        }
        if idx::is_gzip_file(path) {
            return Err(cannot("a gzipped file is unpacked at once; unpack it first, or leave --buffer out"));
        }
        if is_json(path) {
            return Err(cannot("JSON is read at once; save the table as CSV, or leave --buffer out"));
        }
        if idx::looks_like(path) { Self::idx(path, rules, block_rows) } else { Self::table(path, rules, block_rows) }
    }

    fn new(about: Images, num_rows: usize, block_rows: usize, source: Source) -> Self {
        let range = (f64::INFINITY, f64::NEG_INFINITY);
        StreamedImages { about, range, fingerprint: String::new(), num_rows, block_rows, source }
    }

    fn idx(path: &Path, rules: &Rules, block_rows: usize) -> Result<Self, ImageError> {
        let file = path.display().to_string();
        let unreadable = |e: std::io::Error| ImageError::Unreadable { file: file.clone(), reason: e.to_string() };
        crate::data::file::check(path).map_err(unreadable)?;
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        let mut head = Vec::new();
        File::open(path).and_then(|f| f.take(idx::HEADER as u64).read_to_end(&mut head)).map_err(unreadable)?;
        let (num_rows, shape) = idx::header(&file, &head, size)?;
        let images = Self::new(Images::of_greys(&file, &[], shape, rules), num_rows, block_rows, Source::Idx);
        images.looked_at(rules, |at| super::in_image(&file, at, shape.0 * shape.1))
    }

    fn table(path: &Path, rules: &Rules, block_rows: usize) -> Result<Self, ImageError> {
        let table = StreamedTable::open(path, block_rows)?;
        let label: Vec<String> = rules.label.iter().cloned().collect();
        let survey = table.survey_of_many(&label)?;
        let given: Vec<String> = table.header().given_names().map(str::to_string).collect();
        let names: Vec<&str> =
            given.iter().map(String::as_str).filter(|n| Some(*n) != rules.label.as_deref()).collect();
        pixels::no_pixels(table.file(), &names, rules)?;
        hold(&table, &survey, &names, rules)?;
        let mut columns: Vec<(&str, Option<Vec<String>>)> = names.iter().map(|n| (*n, None)).collect();
        let mut named = Vec::new();
        if let Some(name) = &rules.label {
            named = classes(&table, &survey, name)?;
            columns.push((name, Some(named.clone())));
        }
        let (file, num_pixels) = (table.file().to_string(), names.len());
        let shape = pixels::shape(&file, num_pixels, rules)?;
        let about = Images { file, num_pixels, shape, classes: named, threshold: rules.threshold, ..Images::default() };
        let source = Source::Table { rows: table.rows(&columns)?, has_label: rules.label.is_some() };
        let images = Self::new(about, table.num_rows(), block_rows, source);
        images.looked_at(rules, |at| table.place(names[at % num_pixels], at / num_pixels).to_string())
    }

    /// With range and fingerprint, in one pass; `place` says where a number of all pixels stands.
    fn looked_at(mut self, rules: &Rules, place: impl Fn(usize) -> String) -> Result<Self, ImageError> {
        let (mut fingerprint, mut block) = (super::print_of_none(self.about.num_pixels), ImageBlock::default());
        for index in 0..self.num_blocks() {
            self.read(index, &mut block)?;
            if let Some(categories) = rules.categories {
                let first = index * self.block_rows * self.about.num_pixels;
                categories.hold(&block.rows.values, |at| place(first + at))?;
            }
            super::print(&mut fingerprint, &block.rows.values);
            for v in &block.rows.values {
                self.range = (self.range.0.min(*v), self.range.1.max(*v));
            }
        }
        self.fingerprint = fingerprint.to_string();
        Ok(self)
    }

    /// Number of blocks.
    pub fn num_blocks(&self) -> usize {
        self.num_rows.div_ceil(self.block_rows)
    }

    /// Rows of a block.
    pub fn rows_of(&self, block: usize) -> Range<usize> {
        let first = block * self.block_rows;
        first..(first + self.block_rows).min(self.num_rows)
    }

    /// Overwrites `out` with a block.
    ///
    /// # Errors
    /// When the file can no longer be read.
    pub fn read(&self, index: usize, out: &mut ImageBlock) -> Result<(), ImageError> {
        match &self.source {
            Source::Table { rows, has_label } => self.read_table((rows, *has_label), index, out),
            Source::Idx => self.read_idx(index, out),
        }
    }

    fn read_table(
        &self,
        (rows, has_label): (&CsvRows, bool),
        index: usize,
        out: &mut ImageBlock,
    ) -> Result<(), ImageError> {
        let failed = |e: jensen::mixture::MixtureError| ImageError::Unreadable {
            file: self.about.file.clone(),
            reason: e.to_string(),
        };
        let ImageBlock { rows: autoencoder::RowBlock { values, labels }, space, .. } = out;
        let block = rows.block(index, space).map_err(failed)?;
        let num_pixels = self.about.num_pixels;
        values.clear();
        values.resize(block.len() * num_pixels, 0.0);
        for pixel in 0..num_pixels {
            let cells = &block.column(pixel)[..block.len()];
            values.iter_mut().skip(pixel).step_by(num_pixels).zip(cells).for_each(|(v, cell)| *v = *cell);
        }
        if let Some(threshold) = self.about.threshold {
            values.iter_mut().for_each(|v| *v = f64::from(*v > threshold));
        }
        labels.clear();
        if has_label {
            labels.extend(block.column(num_pixels)[..block.len()].iter().map(|l| *l as u32));
        }
        Ok(())
    }

    fn read_idx(&self, index: usize, out: &mut ImageBlock) -> Result<(), ImageError> {
        let (rows, num_pixels, file) = (self.rows_of(index), self.about.num_pixels, &self.about.file);
        out.bytes.resize(rows.len() * num_pixels, 0);
        let mut read = || {
            let mut opened = File::open(file)?;
            opened.seek(SeekFrom::Start((idx::HEADER + rows.start * num_pixels) as u64))?;
            opened.read_exact(&mut out.bytes)
        };
        read().map_err(|e| ImageError::Unreadable { file: file.clone(), reason: e.to_string() })?;
        super::scaled(&out.bytes, self.about.threshold, &mut out.rows.values);
        Ok(())
    }

    /// Some rows, in ascending order.
    ///
    /// # Errors
    /// When the file can no longer be read.
    pub fn chosen(&self, rows: &[usize]) -> Result<Images, ImageError> {
        let (mut out, mut block, mut at) = (self.about.clone(), ImageBlock::default(), None);
        let num_pixels = out.num_pixels;
        for &row in rows {
            let index = row / self.block_rows;
            if at != Some(index) {
                self.read(index, &mut block)?;
                at = Some(index);
            }
            let k = row - index * self.block_rows;
            out.values.extend_from_slice(&block.rows.values[k * num_pixels..(k + 1) * num_pixels]);
            out.labels.extend(block.rows.labels.get(k));
        }
        Ok(out)
    }
}

impl RowBlocks for StreamedImages {
    fn read(
        &self,
        index: usize,
        out: &mut autoencoder::RowBlock,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut block = ImageBlock { rows: std::mem::take(out), ..ImageBlock::default() };
        let outcome = StreamedImages::read(self, index, &mut block);
        *out = block.rows;
        Ok(outcome?)
    }
}

/// Holds every pixel to be a number, and to be 0 or 1 where it must be.
fn hold(table: &StreamedTable, survey: &Survey, names: &[&str], rules: &Rules) -> Result<(), ImageError> {
    let mut odd: Option<(usize, f64, &str)> = None;
    for name in names {
        table.hold_to_numbers(survey, name, false)?;
        let found = survey.columns[table.number_of(name)?].beyond_binary;
        if let Some((row, value)) = found
            && odd.is_none_or(|(first, ..)| row < first)
        {
            odd = Some((row, value, name));
        }
    }
    match odd {
        Some((row, value, name)) if rules.binary && rules.threshold.is_none() => {
            Err(ImageError::Pixel { place: Box::new(table.place(name, row)), value })
        }
        _ => Ok(()),
    }
}

/// The classes of a column, by number where all are numbers, else by name.
fn classes(table: &StreamedTable, survey: &Survey, name: &str) -> Result<Vec<String>, ImageError> {
    let found = &survey.columns[table.number_of(name)?];
    if found.words.len() >= MOST_WORDS {
        let (file, column) = (table.file().to_string(), name.to_string());
        return Err(ImageError::ManyClasses { file, column, most: MOST_WORDS - 1 });
    }
    table.hold_to_cells(survey, name)?;
    let mut words: Vec<String> = found.words.iter().cloned().collect();
    let number = |w: &String| w.parse::<f64>();
    if words.iter().all(|w| number(w).is_ok()) {
        words.sort_by(|a, b| number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)).then(a.cmp(b)));
    }
    Ok(words)
}
