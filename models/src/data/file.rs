//! Files that a user names: read whole, unless they need not end; unpacked where they are gzipped.

use flate2::read::MultiGzDecoder;
use std::fs::{File, FileType};
use std::io::{Error, IsTerminal, Read, Result, stdin};
use std::path::Path;

/// An archive may unpack to so many times its size, and to so many bytes in any case: text unpacks to some 3 to 30 times, and
/// what is made to fill the memory to 1,000.
const MOST_TIMES: u64 = 200;
const LEAST_MOST: u64 = 64 << 20;

/// The bytes of the file or pipe at `path`, or of standard input, `-`; those in an archive where it is gzipped.
///
/// # Errors
/// As [`check`], when it cannot be read, and an archive that is damaged, cut off, or far larger inside.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    if !is_standard_input(path) {
        check(path)?;
        return unpacked(std::fs::read(path)?);
    }
    let mut bytes = Vec::new();
    stdin().lock().read_to_end(&mut bytes)?;
    unpacked(bytes)
}

/// Whether the path stands for standard input; a file of that name is `./-`.
pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What the file is called in messages.
pub fn name(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_string() } else { path.display().to_string() }
}

/// Whether these are the first bytes of a gzip archive.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// The bytes, or those inside of a gzip archive.
fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>> {
    if !is_gzip(&bytes) {
        return Ok(bytes);
    }
    let most = MOST_TIMES.saturating_mul(bytes.len() as u64).max(LEAST_MOST);
    let mut out = Vec::new();
    let read = MultiGzDecoder::new(&bytes[..]).take(most + 1).read_to_end(&mut out);
    read.map_err(|e| Error::other(format!("its gzip archive is cut off or damaged: {e}; make or fetch it again")))?;
    if out.len() as u64 > most {
        let (found, most) = (bytes.len(), most >> 20);
        return Err(Error::other(format!(
            "its {found} bytes unpack to more than {most} MiB; unpack it first if this is meant"
        )));
    }
    Ok(out)
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

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::read::GzEncoder::new(bytes, flate2::Compression::best());
        let mut out = Vec::new();
        packer.read_to_end(&mut out).unwrap();
        out
    }

    /// Also of several archives one after the other, as `cat a.gz b.gz` makes them.
    #[test]
    fn archives_are_unpacked_and_bad_ones_refused() {
        let (plain, whole) = (b"y,x\n1,2\n".to_vec(), packed(b"y,x\n1,2\n"));
        assert_eq!(unpacked(plain.clone()).unwrap(), plain);
        assert_eq!(unpacked(whole.clone()).unwrap(), plain);
        assert_eq!(unpacked([whole.clone(), packed(b"3,4\n")].concat()).unwrap(), b"y,x\n1,2\n3,4\n");
        let words = |bytes: &[u8]| unpacked(bytes.to_vec()).unwrap_err().to_string();
        assert!(words(&whole[..whole.len() - 5]).contains("cut off or damaged"));
        assert!(words(&[&whole[..], b"rest"].concat()).contains("cut off or damaged"));
        let bomb = words(&packed(&vec![b'1'; (LEAST_MOST + 1) as usize]));
        assert!(bomb.contains("unpack to more than 64 MiB; unpack it first"), "{bomb}");
    }

    #[test]
    fn devices_and_folders_are_refused_and_files_are_not() {
        let words = |path: &str| check(Path::new(path)).map_err(|e| e.to_string());
        assert_eq!(words("/dev/zero"), Err("it is a character device, not a file or a pipe".to_string()));
        assert_eq!(words(env!("CARGO_MANIFEST_DIR")), Err("it is a folder, not a file or a pipe".to_string()));
        assert_eq!(words(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")), Ok(()));
        assert_eq!(check(Path::new("no such file")).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    }
}
