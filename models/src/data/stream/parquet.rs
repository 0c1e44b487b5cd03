//! Parquet files as text, so that one reader serves both.

use crate::data::DataError;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Seek, Write};
use std::panic::{set_hook, take_hook};
use std::path::Path;
use std::sync::Once;
use std::thread::Builder;

/// Writes the table to a temporary file without a name, which goes when it is closed.
///
/// Numbers keep every bit. The file takes about 18 bytes for each number of full precision, in the folder for temporary
/// files.
pub(super) fn as_text(path: &Path) -> Result<File, DataError> {
    let name = path.display().to_string();
    QUIET.call_once(say_nothing_of_the_reader);
    let owned = path.to_owned();
    let reader = Builder::new().name(READER.to_string()).spawn(move || converted(&owned));
    let read = reader.map_err(|e| unreadable(&name, format!("no thread can be made to read it: {e}")))?.join();
    read.unwrap_or_else(|_| {
        Err(unreadable(&name, "as a Parquet file: its pages are damaged; write it again".to_string()))
    })
}

/// The thread that reads. The crate `parquet` panics at some damaged pages (version 60), and what it has read by then is of
/// no use: in a thread of its own that ends as an error in words.
const READER: &str = "parquet reader";

static QUIET: Once = Once::new();

/// Else the program would print where in the crate it happened, which helps nobody who has a damaged file.
fn say_nothing_of_the_reader() {
    let before = take_hook();
    set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some(READER) {
            before(panic);
        }
    }));
}

fn converted(path: &Path) -> Result<File, DataError> {
    let name = path.display().to_string();
    let opened = crate::data::file::check(path).and_then(|()| File::open(path));
    let file = opened.map_err(|error| match error.kind() {
        ErrorKind::NotFound => DataError::NotFound { file: name.clone() },
        _ => unreadable(&name, error.to_string()),
    })?;
    let reader = SerializedFileReader::new(file).map_err(|e| of(&name, e))?;
    let columns = reader.metadata().file_metadata().schema_descr();
    let names = columns.root_schema().get_fields().iter().map(|field| field.name().to_string()).collect::<Vec<_>>();
    let out = tempfile::tempfile().map_err(|e| temporary(&name, e))?;
    let mut out = csv::Writer::from_writer(BufWriter::new(out));
    let written = |e: csv::Error| unreadable(&name, format!("its text cannot be written to a temporary file: {e}"));
    out.write_record(&names).map_err(written)?;
    let mut line = Vec::with_capacity(names.len());
    for row in reader.get_row_iter(None).map_err(|e| of(&name, e))? {
        line.clear();
        for (_, field) in row.map_err(|e| of(&name, e))?.get_column_iter() {
            line.push(cell(field));
        }
        out.write_record(&line).map_err(written)?;
    }
    let buffer = out.into_inner().map_err(|e| temporary(&name, e.into_error()))?;
    let mut file = buffer.into_inner().map_err(|e| temporary(&name, e.into_error()))?;
    file.flush().and_then(|()| file.rewind()).map_err(|e| temporary(&name, e))?;
    Ok(file)
}

/// A cell as text; lists, times and the like as words, for which a mixture has no use.
fn cell(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Bool(x) => u8::from(*x).to_string(),
        Field::Byte(x) => x.to_string(),
        Field::Short(x) => x.to_string(),
        Field::Int(x) => x.to_string(),
        Field::Long(x) => x.to_string(),
        Field::UByte(x) => x.to_string(),
        Field::UShort(x) => x.to_string(),
        Field::UInt(x) => x.to_string(),
        Field::ULong(x) => x.to_string(),
        Field::Float(x) => f64::from(*x).to_string(),
        Field::Double(x) => x.to_string(),
        Field::Str(x) => x.clone(),
        Field::Bytes(x) => String::from_utf8_lossy(x.data()).into_owned(),
        other => other.to_string(),
    }
}

fn of(file: &str, error: ParquetError) -> DataError {
    unreadable(file, format!("as a Parquet file: {error}"))
}

fn temporary(file: &str, error: std::io::Error) -> DataError {
    unreadable(file, format!("its text cannot be written to a temporary file: {error}; set TMPDIR to a larger folder"))
}

fn unreadable(file: &str, reason: String) -> DataError {
    DataError::Unreadable { file: file.to_string(), reason }
}
