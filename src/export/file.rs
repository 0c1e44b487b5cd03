//! Writing a whole file or none.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::place::Place;

/// Writes `path` through `body`, whole or not at all: to a temporary name in the same folder, which then replaces it.
///
/// Symbolic links are followed, so that the file they lead to is replaced or made; its permissions stay. A device, a
/// pipe, a socket or `/dev/stdout` is written to as it stands, piece by piece.
///
/// # Errors
/// When the folder cannot be written to or `body` fails; an earlier file of that name is then still there.
pub fn write_whole(path: &Path, body: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FileError> {
    Staged::write(path, body)?.put()
}

/// A file that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be written.
    #[error("{}: cannot be written ({reason}); check the path, the permissions and the free space", path.display())]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// The folder cannot be made.
    #[error("{}: cannot make the folder ({reason}); check the path, the permissions and the free space", path.display())]
    Folder {
        /// Path of the folder.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// The file cannot be opened.
    #[error("{}: cannot be read: {reason}", path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// The file ends in the middle.
    #[error(
        "{}: ends after {num_bytes} bytes in the middle of a saved fit; it was cut off on its way here: copy it again, or fit again", path.display()
    )]
    Truncated {
        /// Path of the file.
        path: PathBuf,
        /// Its length in bytes.
        num_bytes: usize,
    },
    /// The file is something else.
    #[error("{}: is not a saved fit that can be used here ({found}); give the `fit.json` of a fit, or its folder", path.display())]
    NotSaved {
        /// Path of the file.
        path: PathBuf,
        /// The content that was found instead, in words.
        found: String,
    },
    /// The file is of another version.
    #[error(
        "{}: is a saved fit of version {found}, and this program reads version {expected}; fit again, or use the version of the program that wrote it", path.display()
    )]
    Version {
        /// Path of the file.
        path: PathBuf,
        /// The version found.
        found: u64,
        /// The version that can be read.
        expected: u64,
    },
    /// The file contradicts itself.
    #[error("{}: is a damaged saved fit ({reason}); copy it again, or fit again", path.display())]
    Damaged {
        /// Path of the file.
        path: PathBuf,
        /// The damage, in words.
        reason: String,
    },
    /// A table beside a saved fit is not the one that was written with it.
    #[error(
        "{}: is of another fit than {}, or was edited; fit again, or move it elsewhere", path.display(), fit.display()
    )]
    OfAnother {
        /// Path of the table.
        path: PathBuf,
        /// The saved fit.
        fit: PathBuf,
    },
}

/// A finished file under a temporary name, which [`Staged::put`] gives it its own; dropped before that, it goes away.
///
/// What cannot be replaced (a device, a pipe) has been written to already, and is left alone.
#[derive(Debug)]
pub(super) struct Staged {
    /// The path as it was given.
    path: PathBuf,
    /// Where it is, and where it shall be; nothing where it has been written to.
    moves: Option<(PathBuf, PathBuf)>,
}

impl Staged {
    /// Writes what shall be the file `path`.
    pub(super) fn write(path: &Path, body: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Staged, FileError> {
        let mut staged = Staged { path: path.to_owned(), moves: None };
        staged.fill(body).map_err(|reason| FileError::Write { path: path.to_owned(), reason })?;
        Ok(staged)
    }

    fn fill(&mut self, body: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let (place, old) = match Place::of(&self.path)? {
            Place::Name(place, old) => (place, old),
            Place::Stream(mut file) => return through_buffer(&mut file, body),
        };
        let (mut file, temporary) = create_beside(&place, old.as_ref())?;
        self.moves = Some((temporary, place));
        old.map_or(Ok(()), |old| keep_owner_and_mode(&file, &old))?;
        through_buffer(&mut file, body)?;
        file.sync_all()
    }

    /// As it was named.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path that is replaced: where the links end, and nothing for what is not replaced.
    pub(super) fn place(&self) -> Option<&Path> {
        self.moves.as_ref().map(|(_, place)| place.as_path())
    }

    /// Gives the file its name.
    pub(super) fn put(mut self) -> Result<(), FileError> {
        let Some((temporary, place)) = &self.moves else { return Ok(()) };
        fs::rename(temporary, place).map_err(|reason| FileError::Write { path: self.path.clone(), reason })?;
        self.moves = None;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some((temporary, _)) = &self.moves {
            // What failed is told; whether the remains could be removed changes nothing about it.
            let _ = fs::remove_file(temporary);
        }
    }
}

fn through_buffer(file: &mut File, body: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    let written = body(&mut writer).and_then(|()| writer.flush());
    // Dropping the writer would try once more to write what is left.
    drop(writer.into_parts());
    written
}

/// Letters of a file's name that its temporary name begins with: together they stay below any system's limit of bytes.
const LETTERS: usize = 40;

/// A new file in the folder of `place`, under a name that nobody else uses, and as private as the `old` one.
pub(super) fn create_beside(place: &Path, old: Option<&Metadata>) -> io::Result<(File, PathBuf)> {
    let name = place.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it has no file name"))?;
    let start: String = name.to_string_lossy().chars().take(LETTERS).collect();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    old.iter().for_each(|old| set_mode(&mut options, old));
    let mut attempt = 0;
    loop {
        let temporary = place.with_file_name(format!(".{start}.{}-{attempt}.tmp", std::process::id()));
        match options.open(&temporary) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => attempt += 1,
            opened => return Ok((opened?, temporary)),
        }
    }
}

#[cfg(unix)]
fn set_mode(options: &mut OpenOptions, old: &Metadata) {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    options.mode(old.mode() & 0o777);
}

#[cfg(not(unix))]
fn set_mode(_: &mut OpenOptions, _: &Metadata) {}

#[cfg(unix)]
fn keep_owner_and_mode(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        // The superuser alone may give files away; what others replace is theirs from then on.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    }
    file.set_permissions(old.permissions())
}

#[cfg(not(unix))]
fn keep_owner_and_mode(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
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
        assert!(text.contains("a.txt") && text.contains("check the path"), "{text}");
        let folder = path.parent().and_then(Path::parent).unwrap();
        assert!(write_whole(folder, |_| Ok(())).unwrap_err().to_string().contains("it is a folder"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_longest_names_can_be_written() {
        let folder = folder("long");
        // 255 bytes are the most that Linux, macOS and Windows allow; the second name has two bytes a letter.
        for name in ["x".repeat(251) + ".csv", "é".repeat(125) + ".csv"] {
            write_whole(&folder.join(&name), |w| w.write_all(b"whole")).unwrap();
            assert_eq!(fs::read_to_string(folder.join(&name)).unwrap(), "whole");
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = folder("links");
        let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o7777;
        let write = |name: &str, text: &str| write_whole(&folder.join(name), |w| w.write_all(text.as_bytes()));
        fs::create_dir(folder.join("far")).unwrap();
        write("far/file", "old").unwrap();
        // Whatever the mask of new files is, it allows neither of these by itself.
        for kept in [0o600, 0o646] {
            fs::set_permissions(folder.join("far/file"), fs::Permissions::from_mode(kept)).unwrap();
            symlink("far/file", folder.join("near")).unwrap();
            symlink(folder.join("near"), folder.join("nearer")).unwrap();
            let text = format!("by way of two links, {kept}");
            write("nearer", &text).unwrap();
            assert_eq!(fs::read_to_string(folder.join("far/file")).unwrap(), text);
            assert_eq!(mode("far/file"), kept);
            for link in ["near", "nearer"] {
                assert!(fs::symlink_metadata(folder.join(link)).unwrap().is_symlink());
                fs::remove_file(folder.join(link)).unwrap();
            }
        }
        symlink("far/new", folder.join("dangling")).unwrap();
        write("dangling", "made").unwrap();
        assert_eq!(fs::read_to_string(folder.join("far/new")).unwrap(), "made");
        symlink("circle", folder.join("circle")).unwrap();
        assert!(write("circle", "").unwrap_err().to_string().contains("links lead in a circle"));
        assert_eq!(fs::read_dir(folder.join("far")).unwrap().count(), 2, "nothing temporary is left");
        fs::remove_dir_all(folder).unwrap();
    }

    /// While a file is written anew, nobody may read who could not read the old one.
    #[cfg(unix)]
    #[test]
    fn a_private_file_stays_private_while_it_is_written() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder("private");
        let path = folder.join("a");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let mut modes = Vec::new();
        let all = |modes: &mut Vec<u32>| {
            let entries = fs::read_dir(&folder).unwrap();
            modes.extend(entries.map(|entry| entry.unwrap().metadata().unwrap().permissions().mode() & 0o777));
        };
        write_whole(&path, |w| {
            all(&mut modes);
            w.write_all(b"new")
        })
        .unwrap();
        assert_eq!(modes, [0o600, 0o600], "the old file and the temporary one");
        fs::remove_dir_all(folder).unwrap();
    }
}
