//! A text table that stays in its file: header, separator, and where each block of rows begins.

use super::record::{cells, is_blank, open_mark, record_end};
use crate::data::csv::{first_line, no_rows, separator};
use crate::data::{DataError, DataTable, Place};
use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Bytes read at a time while looking for records.
const WINDOW: usize = 4 << 20;
/// A longer record is taken for a quotation mark that is not closed.
const LONGEST: usize = 64 << 20;

/// An open table, its header read and its blocks found.
#[derive(Debug)]
pub(super) struct Source {
    /// The file's name in errors.
    pub name: String,
    /// Whether rows have lines that a user could look at.
    pub has_lines: bool,
    /// The header, as a table without rows.
    pub header: DataTable,
    pub separator: u8,
    pub block_rows: usize,
    pub num_rows: usize,
    /// Of each block: where it starts, and its line.
    starts: Vec<(u64, u64)>,
    end: u64,
    file: File,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Source {
    /// Opens `path` and finds blocks of `block_rows` rows.
    ///
    /// # Errors
    /// No such file, no header, no row, or a record without end.
    pub fn open(path: &Path, block_rows: usize) -> Result<Self, DataError> {
        let name = path.display().to_string();
        let opened = crate::data::file::check(path).and_then(|()| File::open(path));
        let file = opened.map_err(|error| match error.kind() {
            ErrorKind::NotFound => DataError::NotFound { file: name.clone() },
            _ => unreadable(&name, error.to_string()),
        })?;
        Self::of(file, &name, block_rows)
    }

    /// The same for a file that is open.
    pub fn of(file: File, name: &str, block_rows: usize) -> Result<Self, DataError> {
        let mut source = Source {
            name: name.to_string(),
            has_lines: true,
            header: DataTable::empty(name),
            separator: b',',
            block_rows: block_rows.max(1),
            num_rows: 0,
            starts: Vec::new(),
            end: 0,
            file,
            spare: Mutex::default(),
        };
        let header_line = source.find()?;
        match source.num_rows {
            0 => Err(no_rows(&source.header, header_line)),
            _ => Ok(source),
        }
    }

    /// Columns of the file.
    pub fn num_columns(&self) -> usize {
        self.header.names().count()
    }

    /// Number of blocks.
    pub fn num_blocks(&self) -> usize {
        self.starts.len()
    }

    /// Rows of a block.
    pub fn rows(&self, block: usize) -> Range<usize> {
        let first = block * self.block_rows;
        first..(first + self.block_rows).min(self.num_rows)
    }

    /// Calls `each` with the number of every row of a block and its record.
    ///
    /// # Errors
    /// When the file cannot be read, or no longer holds the rows it held.
    pub fn each_record(&self, block: usize, mut each: impl FnMut(usize, &[u8])) -> Result<(), String> {
        let (start, end) = self.span(block);
        let mut bytes = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        bytes.resize((end - start) as usize, 0);
        self.read_at(&mut bytes, start).map_err(|e| e.to_string())?;
        let (mut rest, mut row, rows) = (bytes.as_slice(), 0, self.rows(block));
        while !rest.is_empty() && row < rows.len() {
            let (record, after) = rest.split_at(record_end(rest, self.separator).unwrap_or(rest.len()));
            if !is_blank(record, self.num_columns()) {
                each(rows.start + row, record);
                row += 1;
            }
            rest = after;
        }
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        if row == rows.len() { Ok(()) } else { Err("the file has changed since it was opened; run again".to_string()) }
    }

    /// Where the cell of a row and column stands.
    pub fn place(&self, row: usize, column: &str) -> Place {
        let block = row / self.block_rows;
        let (start, end) = self.span(block);
        let mut bytes = vec![0; (end - start) as usize];
        let mut line = self.starts.get(block).map(|s| s.1).filter(|_| self.has_lines);
        if self.read_at(&mut bytes, start).is_err() {
            line = None;
        }
        let (mut rest, mut at) = (bytes.as_slice(), block * self.block_rows);
        while !rest.is_empty() {
            let (record, after) = rest.split_at(record_end(rest, self.separator).unwrap_or(rest.len()));
            let blank = is_blank(record, self.num_columns());
            if !blank && at == row {
                break;
            }
            at += usize::from(!blank);
            line = line.map(|l| l + breaks(record));
            rest = after;
        }
        Place { file: self.name.clone(), line, row: row + 1, column: column.to_string() }
    }

    fn span(&self, block: usize) -> (u64, u64) {
        let at = |b: usize| self.starts.get(b).map_or(self.end, |s| s.0);
        (at(block), at(block + 1))
    }

    /// Reads the header and finds the blocks, in one pass over the file; returns the header's line.
    fn find(&mut self) -> Result<u64, DataError> {
        let (mut window, mut offset, mut line, mut begun, mut header_line) = (Vec::new(), 0_u64, 1, false, 1);
        loop {
            let before = window.len();
            window.resize(before + WINDOW, 0);
            let got = self.read_some(&mut window[before..], offset + before as u64)?;
            window.truncate(before + got);
            if !begun && !window.is_empty() {
                header_line = first_line(window.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&window));
                let head = self.read_header(&window, header_line)?;
                (begun, line) = (true, line + breaks(&window[..head]));
                offset = head as u64;
                window.drain(..head);
            }
            let before = line;
            let used = self.find_in(&window, offset, &mut line, got == 0)?;
            // Also of columns that nobody asks for: every reader refuses the same files.
            crate::data::csv::utf8_from(&self.name, &window[..used], before)?;
            offset += used as u64;
            window.drain(..used);
            if got == 0 {
                break;
            }
            if window.len() > LONGEST {
                let reason = format!("the row at line {line} does not end; a quotation mark that is not closed?");
                return Err(unreadable(&self.name, reason));
            }
        }
        if !begun {
            return Err(DataError::Empty { file: self.name.clone() });
        }
        self.end = offset;
        Ok(header_line)
    }

    /// Finds the rows that end in `window`, or all where it `is_last`; returns the bytes they take.
    fn find_in(&mut self, window: &[u8], offset: u64, line: &mut u64, is_last: bool) -> Result<usize, DataError> {
        let (mut used, num_columns) = (0, self.num_columns());
        while used < window.len() {
            let rest = &window[used..];
            let length = match record_end(rest, self.separator) {
                Some(length) => length,
                None if is_last => {
                    self.closed(rest, *line)?;
                    rest.len()
                }
                None => break,
            };
            if !is_blank(&rest[..length], num_columns) {
                if self.num_rows.is_multiple_of(self.block_rows) {
                    self.starts.push((offset + used as u64, *line));
                }
                self.num_rows += 1;
            }
            *line += breaks(&rest[..length]);
            used += length;
        }
        Ok(used)
    }

    /// A record that begins at `line` and has no end leaves no quotation mark open.
    fn closed(&self, record: &[u8], line: u64) -> Result<(), DataError> {
        let Some(at) = open_mark(record, self.separator) else { return Ok(()) };
        Err(DataError::OpenQuote { file: self.name.clone(), line: line + breaks(&record[..at]) })
    }

    /// Reads the header, at `line`, from the first bytes of the file; returns its length with all that comes before.
    fn read_header(&mut self, window: &[u8], line: u64) -> Result<usize, DataError> {
        let mark = if window.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        // The sample ends at a line break, so that no character is cut.
        let sample = &window[..window.len().min(1 << 16)];
        let sample = &sample[..memchr::memrchr2(b'\n', b'\r', sample).map_or(sample.len(), |end| end + 1)];
        let text = crate::data::csv::utf8(&self.name, sample)?;
        if text.trim().is_empty() {
            return Err(DataError::Empty { file: self.name.clone() });
        }
        self.separator = separator(text);
        let blank = text.len() - text.trim_start_matches(['\n', '\r']).len();
        let rest = &window[mark + blank..];
        let length = match record_end(rest, self.separator) {
            Some(length) => length,
            None => {
                self.closed(rest, line)?;
                rest.len()
            }
        };
        let mut names = Vec::new();
        cells(&rest[..length], self.separator, |_, cell| names.push(String::from_utf8_lossy(cell).into_owned()));
        self.header = crate::data::csv::header_table(&self.name, &names)?;
        Ok(mark + blank + length)
    }

    fn read_some(&self, out: &mut [u8], offset: u64) -> Result<usize, DataError> {
        let mut got = 0;
        while got < out.len() {
            match self.read_once(&mut out[got..], offset + got as u64) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&self.name, error.to_string())),
            }
        }
        Ok(got)
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<(), DataError> {
        if self.read_some(out, offset)? == out.len() {
            Ok(())
        } else {
            Err(unreadable(&self.name, "it has become shorter".to_string()))
        }
    }

    #[cfg(unix)]
    fn read_once(&self, out: &mut [u8], offset: u64) -> std::io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, out, offset)
    }

    #[cfg(windows)]
    fn read_once(&self, out: &mut [u8], offset: u64) -> std::io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, out, offset)
    }
}

fn unreadable(file: &str, reason: String) -> DataError {
    DataError::Unreadable { file: file.to_string(), reason }
}

/// Line breaks in a record.
fn breaks(record: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', record).count() as u64
}
