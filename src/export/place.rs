//! Where the name of a file leads: past symbolic links, to a file that can be replaced or to what can only be written to.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// Where what is written under a name goes.
pub(super) enum Place {
    /// A file that is replaced as a whole, with what is known of it, or a name that is free.
    Name(PathBuf, Option<Metadata>),
    /// A device, a pipe, a socket or a stream of this process: written to, and never replaced.
    Stream(File),
}

/// Links after which the system gives up, too.
const MOST_LINKS: usize = 40;

impl Place {
    /// Follows `path` to its end and opens what cannot be replaced.
    pub(super) fn of(path: &Path) -> Result<Place> {
        let place = end_of_links(path)?;
        if is_descriptor(&place) {
            return open_descriptor(&place).map(Place::Stream);
        }
        match fs::metadata(&place) {
            Ok(found) if found.is_dir() => Err(Error::new(ErrorKind::IsADirectory, "it is a folder")),
            Ok(found) if !found.is_file() => open_special(&place, &found).map(Place::Stream),
            Ok(found) => Ok(Place::Name(place, Some(found))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Place::Name(place, None)),
            Err(error) => Err(error),
        }
    }
}

/// Where the symbolic links at `path` end, whether or not there is something; open files of a process are such an end.
pub(super) fn end_of_links(path: &Path) -> Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        if is_descriptor(&place) {
            return Ok(place);
        }
        // What is no link, or cannot be looked at, is an end.
        let Ok(target) = fs::read_link(&place) else { return Ok(place) };
        place.pop();
        place.push(target);
    }
    Err(Error::other("its symbolic links lead in a circle"))
}

/// Whether `place` names an open file of a process: a link whose text need not be a path.
fn is_descriptor(place: &Path) -> bool {
    let folder = place.parent().and_then(|folder| fs::canonicalize(folder).ok());
    folder.is_some_and(|folder| folder.starts_with("/proc") && folder.ends_with("fd"))
}

/// Opens what a process holds open without touching what it has written.
///
/// Standard output and error are shared, place in the file included: else `--out /dev/stdout > FILE` and what is printed
/// would be written over each other.
#[cfg(unix)]
fn open_descriptor(place: &Path) -> Result<File> {
    use std::os::fd::AsFd;
    let own = Path::new("/proc").join(std::process::id().to_string()).join("fd");
    let is_own = place.parent().is_some_and(|folder| fs::canonicalize(folder).is_ok_and(|folder| folder == own));
    match place.file_name().and_then(|name| name.to_str()) {
        Some("1") if is_own => Ok(std::io::stdout().as_fd().try_clone_to_owned()?.into()),
        Some("2") if is_own => Ok(std::io::stderr().as_fd().try_clone_to_owned()?.into()),
        _ => OpenOptions::new().append(true).open(place),
    }
}

#[cfg(not(unix))]
fn open_descriptor(place: &Path) -> Result<File> {
    OpenOptions::new().append(true).open(place)
}

#[cfg(unix)]
fn open_special(place: &Path, found: &Metadata) -> Result<File> {
    use std::os::unix::{fs::FileTypeExt, net::UnixStream};
    if found.file_type().is_socket() {
        return Ok(std::os::fd::OwnedFd::from(UnixStream::connect(place)?).into());
    }
    OpenOptions::new().write(true).open(place)
}

#[cfg(not(unix))]
fn open_special(place: &Path, _: &Metadata) -> Result<File> {
    OpenOptions::new().write(true).open(place)
}
