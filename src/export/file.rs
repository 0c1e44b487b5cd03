//! Writing a whole file or none.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be written.
    #[error("{}: cannot be written: {reason}; check that the folder exists and that you may write there", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// The file cannot be opened.
    #[error("{}: cannot be read: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// The file ends in the middle.
    #[error("{}: ends in the middle of line {line}; it was cut off on its way here: copy it again or save the fit again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
    },
    /// The file is something else.
    #[error("{}: is not a saved fit ({found}); give a file that `Posterior::save` wrote", path.display())]
    NotSaved {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        found: String,
    },
    /// The file is of another version.
    #[error(
        "{}: is a saved fit of version {found}, and this program reads version {expected}; fit again, or use the version of the program that wrote it", path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: u64,
        /// The version that can be read.
        expected: u64,
    },
    /// The file contradicts itself.
    #[error("{}: is a damaged saved fit ({reason}); copy it again or save the fit again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Writes `path` through `body`, whole or not at all: to a temporary name in the same folder, which then replaces it.
///
/// # Errors
/// When the folder cannot be written to or `body` fails; an earlier file of that name is then still there.
pub fn write_whole(path: &Path, body: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FileError> {
    write(path, body).map_err(|reason| FileError::Write { path: path.to_owned(), reason })
}

fn write(path: &Path, body: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    let (file, temporary) = create_beside(path)?;
    let written = fill(file, body).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // What failed is told; whether the remains could be removed changes nothing about it.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

fn fill(file: File, body: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    body(&mut writer)?;
    let file = writer.into_inner().map_err(|e| e.into_error())?;
    file.sync_all()
}

/// A new file in the folder of `path`, under a name that nobody else uses.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it has no file name"))?;
    let mut attempt = 0;
    loop {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let temporary = path.with_file_name(hidden);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
            opened => return Ok((opened?, temporary)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("jensen-file-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = folder("failure");
        let path = folder.join("a.txt");
        write_whole(&path, |w| w.write_all(b"old")).unwrap();
        let error = write_whole(&path, |w| {
            w.write_all(b"half of the new")?;
            Err(io::Error::other("the disk is full"))
        });
        let text = error.unwrap_err().to_string();
        assert!(text.contains("a.txt") && text.contains("the disk is full"), "{text}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        write_whole(&path, |w| w.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_does_not_exist_is_named() {
        let path = folder("missing").join("no").join("a.txt");
        let text = write_whole(&path, |_| Ok(())).unwrap_err().to_string();
        assert!(text.contains("a.txt") && text.contains("folder exists"), "{text}");
        let folder = path.parent().and_then(Path::parent).unwrap();
        assert!(write_whole(folder, |_| Ok(())).unwrap_err().to_string().contains("it is a folder"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
