//! Writing results so that a file is either whole or absent.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Writes the file `path` through `fill`; on any error the old file, or none, is left.
///
/// The text goes to a temporary name in the same folder, which is renamed at the end.
///
/// # Errors
/// [`OutputError`] when the folder cannot be written to or `fill` fails.
pub fn write_atomic(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), OutputError> {
    Staged::fill(path.to_path_buf(), fill)?.rename()
}

/// Prints a result on `stream`; a reader that has closed its end (`jensen list | head`) is no error.
///
/// # Errors
/// [`OutputError`] for any other failure, such as a full disk.
pub fn print(mut stream: impl Write, text: &str) -> Result<(), OutputError> {
    printed(stream.write_all(text.as_bytes()).and_then(|()| stream.flush()))
}

/// What became of printing on standard output, as [`print()`] sees it.
///
/// # Errors
/// As [`print()`].
pub fn printed(result: io::Result<()>) -> Result<(), OutputError> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| OutputError::new(Path::new("standard output"), "write", &error)),
    }
}

/// A folder of results whose files appear together on [`OutDir::commit`], or not at all.
///
/// Dropped before that, it removes its temporary files, and the folder where it made it.
#[derive(Debug)]
pub struct OutDir {
    path: PathBuf,
    /// Folders made by [`OutDir::create`], innermost first.
    made: Vec<PathBuf>,
    staged: Vec<Staged>,
    /// Names of results that an earlier run may have left.
    earlier: Vec<String>,
}

impl OutDir {
    /// Opens the folder `path`, making it and its parents where needed.
    ///
    /// # Errors
    /// [`OutputError`] when `path` is a file or cannot be made or written to.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        let is_new = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let made = path.ancestors().take_while(is_new).map(Path::to_path_buf).collect();
        let dir = Self { path: path.to_path_buf(), made, staged: Vec::new(), earlier: Vec::new() };
        fs::create_dir_all(path).map_err(|error| OutputError::new(path, "make the folder", &error))?;
        // Found out now rather than after a long fit.
        Staged::fill(path.join("probe"), |_| Ok(()))?;
        Ok(dir)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file `name` under a temporary name, to appear on [`OutDir::commit`].
    ///
    /// # Errors
    /// [`OutputError`] when the file cannot be written or `fill` fails.
    pub fn write(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), OutputError> {
        self.staged.push(Staged::fill(self.path.join(name), fill)?);
        Ok(())
    }

    /// Names the results of this command: on [`OutDir::commit`], those of an earlier run that were not written this time
    /// go away.
    pub fn instead_of<S: Into<String>>(&mut self, names: impl IntoIterator<Item = S>) {
        self.earlier.extend(names.into_iter().map(Into::into));
    }

    /// Gives every file its name, replacing older ones; returns their paths in the order written.
    ///
    /// # Errors
    /// [`OutputError`] when a file cannot be renamed; then the folder is again as it was.
    pub fn commit(mut self) -> Result<Vec<PathBuf>, OutputError> {
        let staged = std::mem::take(&mut self.staged);
        let paths: Vec<PathBuf> = staged.iter().map(|file| file.target.clone()).collect();
        let mut exchange = Exchange::default();
        let stale = self.earlier.iter().map(|name| self.path.join(name)).filter(|path| !paths.contains(path));
        stale.into_iter().try_for_each(|path| exchange.set_aside(path))?;
        staged.into_iter().try_for_each(|file| exchange.put(file))?;
        exchange.keep();
        self.made.clear();
        Ok(paths)
    }
}

impl Drop for OutDir {
    fn drop(&mut self) {
        self.staged.clear();
        for folder in &self.made {
            let _ = fs::remove_dir(folder); // fails, as it should, where others have put files
        }
    }
}

/// Old files set aside and new ones in their place: all undone when dropped, unless kept.
#[derive(Debug, Default)]
struct Exchange(Vec<Change>);

#[derive(Debug)]
enum Change {
    /// The old file at the first path is now at the second.
    Aside(PathBuf, PathBuf),
    /// A new file is at the path.
    Put(PathBuf),
}

impl Exchange {
    /// Gives the file `path`, where there is one, a temporary name.
    fn set_aside(&mut self, path: PathBuf) -> Result<(), OutputError> {
        if !path.is_file() {
            return Ok(());
        }
        let moved = temporary(&path).and_then(|(_, aside)| {
            // The placeholder of that name is replaced, or removed.
            fs::rename(&path, &aside).inspect_err(|_| drop(fs::remove_file(&aside))).map(|()| aside)
        });
        let aside = moved.map_err(|error| OutputError::new(&path, "replace", &error))?;
        self.0.push(Change::Aside(path, aside));
        Ok(())
    }

    /// Gives the new file its name.
    fn put(&mut self, file: Staged) -> Result<(), OutputError> {
        let target = file.target.clone();
        self.set_aside(target.clone())?;
        file.rename()?;
        self.0.push(Change::Put(target));
        Ok(())
    }

    /// Removes the old files.
    fn keep(mut self) {
        for change in self.0.drain(..) {
            if let Change::Aside(_, aside) = change {
                let _ = fs::remove_file(aside); // the results are there all the same
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        for change in self.0.drain(..).rev() {
            let _ = match change {
                Change::Put(path) => fs::remove_file(path),
                Change::Aside(path, aside) => fs::rename(aside, path),
            };
        }
    }
}

/// A finished file under a temporary name, removed unless renamed.
#[derive(Debug)]
struct Staged {
    temporary: PathBuf,
    target: PathBuf,
}

impl Staged {
    fn fill(target: PathBuf, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Self, OutputError> {
        if target.is_dir() {
            let error = io::Error::new(ErrorKind::IsADirectory, "it is a folder");
            return Err(OutputError::new(&target, "write", &error));
        }
        let (file, temporary) = temporary(&target).map_err(|error| OutputError::new(&target, "write", &error))?;
        let staged = Self { temporary, target };
        let mut buffer = BufWriter::new(file);
        fill(&mut buffer)
            .and_then(|()| buffer.into_inner().map_err(|error| error.into_error()))
            .and_then(|file| file.sync_all())
            .map_err(|error| OutputError::new(&staged.target, "write", &error))?;
        Ok(staged)
    }

    fn rename(self) -> Result<(), OutputError> {
        fs::rename(&self.temporary, &self.target).map_err(|error| OutputError::new(&self.target, "write", &error))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.temporary); // gone already after a rename
    }
}

/// Opens a new file beside `target`, under a name no other writer uses.
fn temporary(target: &Path) -> io::Result<(File, PathBuf)> {
    let name = target.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "no file name"))?;
    for attempt in 0..1000 {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let path = target.with_file_name(hidden);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return Ok((opened?, path)),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "too many temporary files"))
}

/// A result could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: cannot {action} ({reason}); check the path, the permissions and the free space")]
pub struct OutputError {
    path: String,
    action: &'static str,
    reason: String,
}

impl OutputError {
    pub(crate) fn new(path: &Path, action: &'static str, error: &io::Error) -> Self {
        Self { path: path.display().to_string(), action, reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own for each test, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("jensen-output-{test}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn full(w: &mut dyn Write) -> io::Result<()> {
        w.write_all(b"half of i")?;
        Err(io::Error::new(ErrorKind::StorageFull, "no space left"))
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = Folder::new("whole");
        let path = folder.0.join("a.csv");
        for text in ["first, longer", "second"] {
            write_atomic(&path, |w| w.write_all(text.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(folder.names(), ["a.csv"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file_or_nothing() {
        let folder = Folder::new("failure");
        let path = folder.0.join("a.csv");
        let text = write_atomic(&path, full).unwrap_err().to_string();
        assert!(text.contains("a.csv: cannot write (no space left); check the path"), "{text}");
        assert!(folder.names().is_empty());
        write_atomic(&path, |w| w.write_all(b"old")).unwrap();
        write_atomic(&path, full).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(folder.names(), ["a.csv"]);
    }

    #[test]
    fn a_folder_in_the_way_is_named() {
        let folder = Folder::new("way");
        let text = write_atomic(&folder.0, |_| Ok(())).unwrap_err().to_string();
        assert!(text.contains("cannot write (it is a folder)"), "{text}");
        let text = write_atomic(&folder.0.join("none/a"), |_| Ok(())).unwrap_err().to_string();
        assert!(text.contains("none/a: cannot write"), "{text}");
    }

    #[test]
    fn files_of_a_folder_appear_together() {
        let folder = Folder::new("together");
        let path = folder.0.join("x/y");
        let mut dir = OutDir::create(&path).unwrap();
        dir.write("a", |w| w.write_all(b"1")).unwrap();
        dir.write("b", |w| w.write_all(b"2")).unwrap();
        assert!(!path.join("a").exists());
        assert_eq!(dir.commit().unwrap(), [path.join("a"), path.join("b")]);
        assert_eq!(fs::read_to_string(path.join("b")).unwrap(), "2");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
    }

    #[test]
    fn a_failure_at_the_end_leaves_the_folder_as_it_was() {
        let folder = Folder::new("undone");
        let path = folder.0.clone();
        for name in ["a", "stale"] {
            write_atomic(&path.join(name), |w| w.write_all(b"old")).unwrap();
        }
        let mut dir = OutDir::create(&path).unwrap();
        for name in ["a", "b", "c"] {
            dir.write(name, |w| w.write_all(b"new")).unwrap();
        }
        dir.instead_of(["a", "stale"]);
        // What comes between writing and renaming: a folder of the name of the last file.
        fs::create_dir(path.join("c")).unwrap();
        let text = dir.commit().unwrap_err().to_string();
        assert!(text.contains("c: cannot write"), "{text}");
        let mut names = folder.names();
        names.sort();
        assert_eq!(names, ["a", "c", "stale"]);
        for name in ["a", "stale"] {
            assert_eq!(fs::read_to_string(path.join(name)).unwrap(), "old", "{name}");
        }
    }

    #[test]
    fn results_of_an_earlier_run_go_away_and_other_files_stay() {
        let folder = Folder::new("earlier");
        for name in ["a", "plot", "notes"] {
            write_atomic(&folder.0.join(name), |w| w.write_all(b"old")).unwrap();
        }
        let mut dir = OutDir::create(&folder.0).unwrap();
        dir.instead_of(["a", "plot", "never"]);
        dir.write("a", |w| w.write_all(b"new")).unwrap();
        dir.commit().unwrap();
        let mut names = folder.names();
        names.sort();
        assert_eq!(names, ["a", "notes"]);
        assert_eq!(fs::read_to_string(folder.0.join("a")).unwrap(), "new");
    }

    #[test]
    fn a_dropped_folder_leaves_nothing() {
        let folder = Folder::new("dropped");
        let mut dir = OutDir::create(&folder.0.join("x/y")).unwrap();
        dir.write("a", |w| w.write_all(b"1")).unwrap();
        dir.write("b", full).unwrap_err();
        drop(dir);
        assert!(folder.names().is_empty());
        // A folder that was there before stays, with what it held.
        let path = folder.0.join("kept");
        fs::create_dir(&path).unwrap();
        write_atomic(&path.join("old"), |w| w.write_all(b"0")).unwrap();
        let mut dir = OutDir::create(&path).unwrap();
        dir.write("a", |w| w.write_all(b"1")).unwrap();
        drop(dir);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_named() {
        let folder = Folder::new("file");
        let path = folder.0.join("a");
        write_atomic(&path, |_| Ok(())).unwrap();
        let text = OutDir::create(&path).unwrap_err().to_string();
        assert!(text.contains("a: cannot make the folder"), "{text}");
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
        assert!(text.starts_with("standard output: cannot write"), "{text}");
    }
}
