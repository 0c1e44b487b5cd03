//! Text tables: the separator is found from the first lines, rows are checked against the header.

use super::error::DataError;
use super::stream::record::{open_mark, record_end};
use super::table::{DataTable, TextColumn};
use ::csv::{ReaderBuilder, StringRecord, Trim};

/// Reads `bytes` as a text table with a header line; see [`DataTable::from_csv`].
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<DataTable, DataError> {
    let text = utf8(file, bytes)?;
    if text.trim().is_empty() {
        return Err(DataError::Empty { file: file.to_string() });
    }
    let separator = separator(text);
    closed(file, text, separator)?;
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut next = |record: &mut StringRecord| {
        reader
            .read_record(record)
            .map_err(|error| DataError::Unreadable { file: file.to_string(), reason: error.to_string() })
    };
    let mut record = StringRecord::new();
    next(&mut record)?;
    let mut table = DataTable { columns: header(file, &record)?, ..DataTable::empty(file) };
    let mut lines = LineCounter { text: text.as_bytes(), byte: 0, line: 1 };
    while next(&mut record)? {
        let line = lines.line_of(record.position().map_or(0, |at| at.byte() as usize));
        push_row(&mut table, &record, line)?;
    }
    let table = table.distinct()?;
    if table.num_rows == 0 {
        return Err(no_rows(&table, first_line(text.as_bytes())));
    }
    Ok(table)
}

/// Every quotation mark of `text` is closed.
fn closed(file: &str, text: &str, separator: u8) -> Result<(), DataError> {
    let mut rest = text.as_bytes();
    if memchr::memchr(b'"', rest).is_none() {
        return Ok(());
    }
    while let Some(length) = record_end(rest, separator) {
        rest = &rest[length..];
    }
    let Some(at) = open_mark(rest, separator) else { return Ok(()) };
    let before = text.len() - rest.len() + at;
    let line = 1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..before]).count() as u64;
    Err(DataError::OpenQuote { file: file.to_string(), line })
}

/// What is wrong with a table without rows, whose header stands at `line`: a name may have taken them.
pub(super) fn no_rows(table: &DataTable, line: u64) -> DataError {
    let file = table.file().to_string();
    if table.names().any(|name| name.contains('\n')) {
        DataError::OpenQuote { file, line }
    } else {
        DataError::NoRowsBelowHeader { file }
    }
}

/// The first line of `text` that is not empty, from 1.
pub(super) fn first_line(text: &[u8]) -> u64 {
    1 + text.iter().take_while(|b| matches!(b, b'\n' | b'\r')).filter(|b| **b == b'\n').count() as u64
}

fn push_row(table: &mut DataTable, record: &StringRecord, line: u64) -> Result<(), DataError> {
    let expected = table.columns.len();
    if record.len() == 1 && expected > 1 && record[0].is_empty() {
        return Ok(()); // a line of blanks
    }
    if record.len() != expected {
        let remedy = match record {
            _ if record.iter().any(|cell| cell.contains('\n')) => "a quotation mark that is not closed?",
            _ if record.len() == expected + 1 && record.iter().next_back() == Some("") => {
                "remove the separator at the end of the row"
            }
            _ => "correct the row, and put cells that contain the separator in quotation marks",
        };
        return Err(DataError::Ragged { file: table.file.clone(), line, found: record.len(), expected, remedy });
    }
    for (column, cell) in table.columns.iter_mut().zip(record) {
        column.push(cell);
    }
    table.lines.push(line);
    table.num_rows += 1;
    Ok(())
}

/// The names in a header line, as a table without rows.
pub(super) fn header_table(file: &str, names: &[String]) -> Result<DataTable, DataError> {
    let columns = header(file, &StringRecord::from(names.to_vec()))?;
    DataTable { columns, ..DataTable::empty(file) }.distinct()
}

fn header(file: &str, record: &StringRecord) -> Result<Vec<TextColumn>, DataError> {
    if record.iter().all(|cell| cell.parse::<f64>().is_ok()) {
        return Err(DataError::NoHeader { file: file.to_string() });
    }
    let named = record.iter().enumerate().map(|(i, name)| {
        let mut column = TextColumn::new(name);
        if name.is_empty() {
            column = TextColumn::new(&format!("column {}", i + 1));
            column.unnamed = true;
        }
        column
    });
    Ok(named.collect())
}

/// The text without a byte order mark, or an error that names what the bytes are instead.
pub(super) fn utf8<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, DataError> {
    let kinds: [(&[u8], &str); 5] = [
        (b"PK\x03\x04", "a spreadsheet or zip archive"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"PAR1", "a Parquet file"),
        (b"\xff\xfe", "UTF-16"),
        (b"\xfe\xff", "UTF-16"),
    ];
    if let Some((_, found)) = kinds.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(DataError::NotText { file: file.to_string(), found });
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = text.trim_ascii_start();
    let start = start[..start.len().min(14)].to_ascii_lowercase();
    if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") {
        return Err(DataError::NotText { file: file.to_string(), found: "an HTML page" });
    }
    utf8_from(file, text, 1)
}

/// The text of bytes that begin at `line`.
pub(super) fn utf8_from<'a>(file: &str, bytes: &'a [u8], line: u64) -> Result<&'a str, DataError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = line + before.iter().filter(|&&b| b == b'\n').count() as u64;
        DataError::NotUtf8 { file: file.to_string(), line }
    })
}

/// The separator that cuts the first lines into equally many fields, else the commonest in the header.
pub(super) fn separator(text: &str) -> u8 {
    let lines: Vec<&str> = text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()).take(20).collect();
    let rank = |&candidate: &u8| {
        let counts: Vec<usize> = lines.iter().map(|line| occurrences(line, candidate)).collect();
        let first = counts.first().copied().unwrap_or(0);
        (first > 0 && counts.iter().all(|&count| count == first), first)
    };
    // The last of equals wins, so the comma stands last.
    b"|\t;,".iter().copied().max_by_key(rank).unwrap_or(b',')
}

fn occurrences(line: &str, separator: u8) -> usize {
    let mut quoted = false;
    let mut count = 0;
    for byte in line.bytes() {
        quoted ^= byte == b'"';
        count += usize::from(byte == separator && !quoted);
    }
    count
}

/// Counts lines up to a growing byte offset.
struct LineCounter<'a> {
    text: &'a [u8],
    byte: usize,
    line: u64,
}

impl LineCounter<'_> {
    /// The line of the first character at or after `byte` that does not end a line.
    fn line_of(&mut self, byte: usize) -> u64 {
        let ends_line = |b: &u8| matches!(b, b'\n' | b'\r');
        let rest = self.text.get(byte..).unwrap_or_default();
        let start = byte + rest.iter().take_while(|b| ends_line(b)).count();
        let passed = self.text.get(self.byte..start).unwrap_or_default();
        self.line += passed.iter().filter(|&&b| b == b'\n').count() as u64;
        self.byte = self.byte.max(start);
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_found() {
        assert_eq!(separator("a,b\n1,2"), b',');
        assert_eq!(separator("a;b\n1,5;2,5"), b';');
        assert_eq!(separator("a\tb\n1\t2"), b'\t');
        assert_eq!(separator("a|b|c\n1|2,5|3"), b'|');
        assert_eq!(separator("x"), b',');
        // A comma inside a name does not win over the tabs that every line has.
        assert_eq!(separator("dose, mg\tb\n1\t2"), b'\t');
        assert_eq!(separator("\"a;b;c\",d\n1,2"), b',');
    }

    #[test]
    fn lines_are_counted_over_blank_lines_and_quoted_breaks() {
        let text = "a,b\r\n1,2\r\n\r\n\"x\r\ny\",4\r\n5,6\r\n";
        let table = read("t.csv", text.as_bytes()).unwrap();
        assert_eq!(table.lines, [2, 4, 6]);
        let unix = read("t.csv", text.replace('\r', "").as_bytes()).unwrap();
        assert_eq!(unix.lines, [2, 4, 6]);
    }
}
