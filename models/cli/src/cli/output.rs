//! Where results go: standard output, or a file that `jensen::export` writes.

use super::wrap::Shown;
use jensen::export::{FIT_FILE, FileError, write_whole};
use std::borrow::Cow;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Files that commands write into a folder of results.
const RESULTS: [&str; 10] = [
    "draws.csv",
    "proposal_draws.csv",
    "summary.csv",
    "trace.csv",
    "labels.csv",
    "parameters.csv",
    "report.json",
    "compare.csv",
    "compare.json",
    FIT_FILE,
];

/// Refuses an `out`, a file or a folder of results, where results would replace `read`: a table, a saved fit or its folder.
///
/// # Errors
/// [`OutputError::Read`] with the file that would be lost.
pub fn spare(out: Option<&Path>, read: Option<&Path>) -> Result<(), OutputError> {
    let same = |path: Option<&Path>| path.and_then(|path| path.canonicalize().ok());
    let (Some(out), Some(mut read)) = (same(out), same(read)) else { return Ok(()) };
    if read.is_dir() {
        read.push(FIT_FILE);
    }
    let lies_in = out.is_dir() && read.parent() == Some(&out);
    let is_result = read.file_name().is_some_and(|name| RESULTS.iter().any(|result| name == *result));
    if out == read || (lies_in && is_result) { Err(OutputError::Read { path: read }) } else { Ok(()) }
}

/// Writes a result to the file `out`, or to standard output where there is none.
///
/// # Errors
/// [`OutputError`] when either cannot be written, or `fill` fails.
pub fn write(out: Option<&Path>, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), OutputError> {
    let Some(path) = out else {
        let mut stream = BufWriter::new(io::stdout().lock());
        return printed(fill(&mut stream).and_then(|()| stream.flush()));
    };
    Ok(write_whole(path, fill)?)
}

/// `text` with control characters in the form `\u{1b}`, line ends and tabs apart: names and words of a table may hold some
/// that a terminal would obey.
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if is_obeyed(c) { c.escape_unicode().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Prints a result on `stream`, made [`visible`], and wrapped where standard output is a terminal; a reader that has closed its end (`jensen list | head`) is no error.
///
/// # Errors
/// [`OutputError`] for any other failure, such as a full disk.
pub fn print(mut stream: impl Write, text: &str) -> Result<(), OutputError> {
    let shown = Shown::stdout().of(&visible(text));
    printed(stream.write_all(shown.as_bytes()).and_then(|()| stream.flush()))
}

fn printed(result: io::Result<()>) -> Result<(), OutputError> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(OutputError::Print),
    }
}

/// A result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// To a file.
    #[error(transparent)]
    File(#[from] FileError),
    /// In the place of what was read.
    #[error("{}: the result would replace this file, which is read; give another place", path.display())]
    Read {
        /// The file.
        path: PathBuf,
    },
    /// To standard output.
    #[error("standard output: cannot be written ({0}); check where it leads, and the free space there")]
    Print(io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_spared() {
        let folder = std::env::temp_dir().join(format!("jensen-spare-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["rows.csv", "draws.csv", "fit.json"] {
            std::fs::write(folder.join(name), "x").unwrap();
        }
        let refused = |out: &Path, read: &Path| spare(Some(out), Some(read)).is_err();
        let at = |name: &str| folder.join(name);
        assert!(refused(&at("rows.csv"), &at("rows.csv")));
        assert!(refused(&folder, &at("draws.csv")) && refused(&at("fit.json"), &folder));
        assert!(!refused(&folder, &at("rows.csv")) && !refused(&at("new.csv"), &at("rows.csv")));
        assert!(spare(None, Some(&at("rows.csv"))).is_ok() && spare(Some(&folder), None).is_ok());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(visible("a\tb\nc"), "a\tb\nc");
        assert_eq!(visible("red\u{1b}[31m\u{7}\r\u{9b}"), "red\\u{1b}[31m\\u{7}\\u{d}\\u{9b}");
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        struct Closed(ErrorKind);
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::from(self.0))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(print(Closed(ErrorKind::BrokenPipe), "x").is_ok());
        let text = print(Closed(ErrorKind::StorageFull), "x").unwrap_err().to_string();
        assert!(text.starts_with("standard output: cannot be written"), "{text}");
    }
}
