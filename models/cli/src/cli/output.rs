//! Where results go: standard output, or a file that `jensen::export` writes.

use jensen::export::{FileError, write_whole};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

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

/// Prints a result on `stream`; a reader that has closed its end (`jensen list | head`) is no error.
///
/// # Errors
/// [`OutputError`] for any other failure, such as a full disk.
pub fn print(mut stream: impl Write, text: &str) -> Result<(), OutputError> {
    printed(stream.write_all(text.as_bytes()).and_then(|()| stream.flush()))
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
    /// To standard output.
    #[error("standard output: cannot be written ({0}); check where it leads, and the free space there")]
    Print(io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

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
