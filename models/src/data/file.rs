//! Files that a user names: read whole, unless they need not end.

use std::fs::{File, FileType};
use std::io::{Error, IsTerminal, Read, Result};
use std::path::Path;

/// The bytes of the file or pipe at `path`.
///
/// # Errors
/// As [`check`], and when it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    check(path)?;
    std::fs::read(path)
}

/// The first bytes of a file, as many as `N` or as it has; none of a pipe, which would lose them, nor of what cannot be read.
pub fn start<const N: usize>(path: &Path) -> Vec<u8> {
    let mut bytes = vec![0; N];
    let is_file = std::fs::metadata(path).is_ok_and(|about| about.is_file());
    let read = if is_file { File::open(path).and_then(|mut file| file.read(&mut bytes)).unwrap_or(0) } else { 0 };
    bytes.truncate(read);
    bytes
}

/// Refuses folders, devices and sockets; a terminal may be typed into.
///
/// # Errors
/// What the path is instead of a file or a pipe, in words, and no such file.
pub fn check(path: &Path) -> Result<()> {
    let kind = std::fs::metadata(path)?.file_type();
    match other_kind(kind) {
        Some(found) if !is_terminal(path, kind) => Err(Error::other(format!("it is {found}, not a file or a pipe"))),
        _ => Ok(()),
    }
}

/// What it is in words; none for files and pipes.
fn other_kind(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else {
        special(kind)
    }
}

#[cfg(unix)]
fn special(kind: FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_char_device() {
        Some("a character device")
    } else if kind.is_block_device() {
        Some("a block device")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        None
    }
}

#[cfg(not(unix))]
fn special(_: FileType) -> Option<&'static str> {
    None
}

/// Only what may be a terminal is opened, since a pipe that is opened and closed has lost its writer.
fn is_terminal(path: &Path, kind: FileType) -> bool {
    !kind.is_dir() && File::open(path).is_ok_and(|file| file.is_terminal())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn devices_and_folders_are_refused_and_files_are_not() {
        let words = |path: &str| check(Path::new(path)).map_err(|e| e.to_string());
        assert_eq!(words("/dev/zero"), Err("it is a character device, not a file or a pipe".to_string()));
        assert_eq!(words(env!("CARGO_MANIFEST_DIR")), Err("it is a folder, not a file or a pipe".to_string()));
        assert_eq!(words(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")), Ok(()));
        assert_eq!(check(Path::new("no such file")).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    }
}
