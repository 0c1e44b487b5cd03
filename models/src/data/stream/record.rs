//! Records of a text table in bytes: where each one ends, and its cells.

use memchr::{memchr, memchr_iter, memchr2};

/// The length of the record that `bytes` begin with, its line break included; none where they end before it does.
pub(in crate::data) fn record_end(bytes: &[u8], separator: u8) -> Option<usize> {
    let end = memchr2(b'\n', b'\r', bytes)?;
    if memchr(b'"', &bytes[..end]).is_none() {
        return after_break(bytes, end);
    }
    walk(bytes, separator).ok()
}

/// Where the line break at `end` is over: a line may end with CR alone, which is known once the next byte is.
fn after_break(bytes: &[u8], end: usize) -> Option<usize> {
    match (bytes[end], bytes.get(end + 1)) {
        (b'\n', _) => Some(end + 1),
        (_, Some(b'\n')) => Some(end + 2),
        (_, next) => next.map(|_| end + 1),
    }
}

/// Where the quotation mark stands that is not closed in `bytes`, the last record of a file; none where all are.
pub(in crate::data) fn open_mark(bytes: &[u8], separator: u8) -> Option<usize> {
    walk(bytes, separator).err().flatten()
}

/// As [`record_end`], byte by byte; where the record does not end, the open quotation mark.
fn walk(bytes: &[u8], separator: u8) -> Result<usize, Option<usize>> {
    // A cell in quotation marks may hold line breaks.
    let (mut opened, mut fresh, mut i) = (None, true, 0);
    while let Some(&byte) = bytes.get(i) {
        match byte {
            b'"' if opened.is_some() && bytes.get(i + 1) == Some(&b'"') => i += 1,
            b'"' if opened.is_some() => opened = None,
            b'"' if fresh => opened = Some(i),
            b'\n' | b'\r' if opened.is_none() => return after_break(bytes, i).ok_or(None),
            _ => {}
        }
        fresh = opened.is_none() && byte == separator;
        i += 1;
    }
    Err(opened)
}

/// Calls `each` with the place and the bytes of every cell, blanks around it left out; returns how many there are.
pub(super) fn cells(record: &[u8], separator: u8, mut each: impl FnMut(usize, &[u8])) -> usize {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    let record = record.strip_suffix(b"\r").unwrap_or(record);
    if memchr(b'"', record).is_some() {
        return quoted(record, separator, each);
    }
    let (mut start, mut count) = (0, 0);
    for end in memchr_iter(separator, record).chain([record.len()]) {
        each(count, record[start..end].trim_ascii());
        (start, count) = (end + 1, count + 1);
    }
    count
}

fn quoted(record: &[u8], separator: u8, mut each: impl FnMut(usize, &[u8])) -> usize {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(separator)
        .from_reader(record);
    let mut fields = csv::ByteRecord::new();
    // Reading from memory does not fail.
    let _ = reader.read_byte_record(&mut fields);
    fields.iter().enumerate().for_each(|(i, cell)| each(i, cell));
    fields.len()
}

/// Whether a record is a line of blanks, which is no row; in a table of one column only an empty line is none.
pub(super) fn is_blank(record: &[u8], num_columns: usize) -> bool {
    match record.first() {
        Some(b'\n') | None => true,
        Some(b'\r') => record.len() <= 2,
        Some(b' ' | b'\t') if num_columns > 1 => record.trim_ascii().is_empty() && !record.contains(&b'\t'),
        _ => false,
    }
}

/// A cell as a number, NaN where it is missing; none where it is neither, or not finite.
pub(super) fn number(cell: &[u8]) -> Option<f64> {
    if let Some(value) = short_decimal(cell) {
        return Some(value);
    }
    let text = std::str::from_utf8(cell).ok()?.trim();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Some(value),
        _ => crate::data::table::is_missing(text).then_some(f64::NAN),
    }
}

/// Powers of ten that are exact.
const TENS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number of at most 15 digits without exponent; none for all else.
///
/// The digits and the power of ten are exact, so that their quotient is the nearest number.
///
/// *Source*: Clinger (1990), "How to read floating point numbers accurately", the fast path.
fn short_decimal(cell: &[u8]) -> Option<f64> {
    let (negative, digits) = match cell.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, cell),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let (mut mantissa, mut count, mut after) = (0_u64, 0, None);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                mantissa = 10 * mantissa + u64::from(byte - b'0');
                count += 1;
            }
            b'.' if after.is_none() => after = Some(count),
            _ => return None,
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    let value = mantissa as f64 / TENS.get(count - after.unwrap_or(count))?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(record: &str) -> Vec<String> {
        let mut out = Vec::new();
        cells(record.as_bytes(), b',', |_, cell| out.push(String::from_utf8(cell.to_vec()).expect("text")));
        out
    }

    #[test]
    fn records_end_at_line_breaks_outside_quotation_marks() {
        assert_eq!(record_end(b"1,2\n3", b','), Some(4));
        assert_eq!(record_end(b"1,2", b','), None);
        // CR alone ends a line, too; before the next byte is read it may be the first of two.
        assert_eq!((record_end(b"1,2\r3", b','), record_end(b"1,2\r\n3", b',')), (Some(4), Some(5)));
        assert_eq!((record_end(b"1,2\r", b','), record_end(b"\"a\rb\",2\r3", b',')), (None, Some(8)));
        assert_eq!(record_end(b"\"a\nb\",2\n3", b','), Some(8));
        assert_eq!(record_end(b"1,\"a\"\"\nb\"\n", b','), Some(10));
        // A mark within a cell is a mark.
        assert_eq!(record_end(b"5\" pipe,2\n3\"\n", b','), Some(10));
        assert_eq!(record_end(b"\"open,2\n3\n", b','), None);
        assert_eq!(open_mark(b"1,\"open,2\n3\n", b','), Some(2));
        assert_eq!(open_mark(b"\"a\"\",2", b','), Some(0));
        assert_eq!((open_mark(b"\"a\",5\" pipe", b','), open_mark(b"1,2", b',')), (None, None));
    }

    #[test]
    fn cells_are_trimmed_and_unquoted() {
        assert_eq!(read(" 1 ,2,\r\n"), ["1", "2", ""]);
        assert_eq!(read("\"a,b\",\"x\"\"y\"\n"), ["a,b", "x\"y"]);
        assert_eq!(read("7"), ["7"]);
    }

    #[test]
    fn numbers_missing_cells_and_blank_lines() {
        assert_eq!(number(b"-1.5e3"), Some(-1500.0));
        for text in [
            "0",
            "-0",
            "-0.0",
            "7.",
            ".5",
            "-3.25",
            "123456789.012345",
            "0.1",
            "-4.248258",
            "999999999999999",
            "1e5",
            "12345678901234567890",
            "0.30000000000000004",
            "+2",
            "5e-324",
            "-.75",
        ] {
            let expected: f64 = text.parse().expect(text);
            assert_eq!(number(text.as_bytes()).map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
        for text in ["-", ".", "1.2.3", "--1", "1-", "0x1", "1 2"] {
            assert!(number(text.as_bytes()).is_none_or(|x| x.is_nan()), "{text}");
        }
        assert!(number(b"NA").is_some_and(f64::is_nan) && number(b"").is_some_and(f64::is_nan));
        assert_eq!((number(b"tall"), number(b"inf"), number(b"1e999")), (None, None, None));
        assert!(is_blank(b"\n", 1) && is_blank(b"\r\n", 1) && is_blank(b"  \n", 2));
        assert!(!is_blank(b" \n", 1) && !is_blank(b"\t\n", 2) && !is_blank(b"0\n", 2));
    }
}
