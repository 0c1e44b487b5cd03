//! A folder of results that appear together.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::FileError;
use super::envelope::{self, FIT_FILE, FitBody, Manifest, SavedFit};
use super::file::{Staged, create_beside};
use super::fingerprint::{Fingerprint, Printed};
use super::place::end_of_links;

/// A folder of results whose files appear together on [`OutDir::commit`], or not at all.
///
/// Dropped before that, it removes its temporary files, and the folder where it made it. A file of the folder that is a
/// symbolic link, a device or a pipe is written to as by [`write_whole`](super::write_whole).
#[derive(Debug)]
pub struct OutDir {
    path: PathBuf,
    /// Folders made by [`OutDir::create`], innermost first.
    made: Vec<PathBuf>,
    staged: Vec<Staged>,
    /// Tables and reports written so far, with their fingerprints.
    tables: Manifest,
    /// Names of results that an earlier run may have left.
    earlier: Vec<String>,
}

impl OutDir {
    /// Opens the folder `path`, making it and its parents where needed.
    ///
    /// # Errors
    /// [`FileError`] when `path` is a file or cannot be made or written to.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let failed = |reason| FileError::Folder { path: path.to_path_buf(), reason };
        let place = end_of_links(path).map_err(failed)?;
        let is_new = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let made = place.ancestors().take_while(is_new).map(Path::to_path_buf).collect();
        let dir =
            Self { path: path.to_path_buf(), made, staged: Vec::new(), tables: Manifest::new(), earlier: Vec::new() };
        fs::create_dir_all(&place).map_err(failed)?;
        // Found out now rather than after a long fit.
        Staged::write(&path.join(".probe"), |_| Ok(()))?;
        Ok(dir)
    }

    /// Path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file `name` under a temporary name, to appear on [`OutDir::commit`]; a device or a pipe has it at once.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written or `fill` fails.
    pub fn write(&mut self, name: &str, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FileError> {
        let mut print = Fingerprint::default();
        let staged = Staged::write(&self.path.join(name), |out| {
            let mut out = Printed::new(out);
            fill(&mut out).inspect(|()| print = out.of_all)
        })?;
        // Pictures can be made again from the fit, and what went to a device cannot be read again.
        if staged.place().is_some() && (name.ends_with(".csv") || name.ends_with(".json")) {
            self.tables.insert(name.to_owned(), print.to_string());
        }
        self.staged.push(staged);
        Ok(())
    }

    /// Writes `fit.json` with the fingerprints of the tables that were written before it, as the last file of the folder:
    /// where a run is killed between two names, [`SavedFit::check_tables`](super::SavedFit::check_tables) tells that they do
    /// not belong together.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written.
    pub fn write_fit<B: FitBody>(&mut self, body: &B, note: &impl Serialize) -> Result<(), FileError> {
        let (path, tables) = (self.path.join(FIT_FILE), std::mem::take(&mut self.tables));
        self.staged.push(Staged::write(&path, |out| envelope::write(body, note, &tables, out))?);
        Ok(())
    }

    /// Names the results of this command: on [`OutDir::commit`], those of an earlier run that were not written this time
    /// go away.
    pub fn instead_of<S: Into<String>>(&mut self, names: impl IntoIterator<Item = S>) {
        self.earlier.extend(names.into_iter().map(Into::into));
    }

    /// Gives every file its name, replacing older ones; returns their paths in the order written.
    ///
    /// A new fit takes the place of the old one whole: tables that belong to that, and are not written anew, go away.
    ///
    /// # Errors
    /// [`FileError`] when a file cannot be renamed; then the folder is again as it was.
    pub fn commit(mut self) -> Result<Vec<PathBuf>, FileError> {
        let staged = std::mem::take(&mut self.staged);
        let paths: Vec<PathBuf> = staged.iter().map(|file| file.path().to_path_buf()).collect();
        let mut exchange = Exchange::default();
        let fit = self.path.join(FIT_FILE);
        let old = if paths.contains(&fit) { SavedFit::open(&fit).ok() } else { None };
        let named = self.earlier.iter().map(|name| self.path.join(name));
        let stale: BTreeSet<PathBuf> = named.chain(old.iter().flat_map(SavedFit::tables)).collect();
        let stale = stale.into_iter().filter(|path| !paths.contains(path));
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
    fn set_aside(&mut self, path: PathBuf) -> Result<(), FileError> {
        if !path.is_file() {
            return Ok(());
        }
        let moved = create_beside(&path, None).and_then(|(_, aside)| {
            // The placeholder of that name is replaced, or removed.
            fs::rename(&path, &aside).inspect_err(|_| drop(fs::remove_file(&aside))).map(|()| aside)
        });
        match moved {
            Ok(aside) => self.0.push(Change::Aside(path, aside)),
            Err(reason) => return Err(FileError::Write { path, reason }),
        }
        Ok(())
    }

    /// Gives the new file its name.
    fn put(&mut self, file: Staged) -> Result<(), FileError> {
        let Some(place) = file.place().map(Path::to_path_buf) else { return Ok(()) };
        self.set_aside(place.clone())?;
        file.put()?;
        self.0.push(Change::Put(place));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::write_whole;
    use std::io::ErrorKind;

    /// A folder of its own for each test, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("jensen-folder-{test}-{}", std::process::id()));
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
            write_whole(&path.join(name), |w| w.write_all(b"old")).unwrap();
        }
        let mut dir = OutDir::create(&path).unwrap();
        for name in ["a", "b", "c"] {
            dir.write(name, |w| w.write_all(b"new")).unwrap();
        }
        dir.instead_of(["a", "stale"]);
        // What comes between writing and renaming: a folder of the name of the last file.
        fs::create_dir(path.join("c")).unwrap();
        let text = dir.commit().unwrap_err().to_string();
        assert!(text.contains("c: cannot be written"), "{text}");
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
            write_whole(&folder.0.join(name), |w| w.write_all(b"old")).unwrap();
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
        write_whole(&path.join("old"), |w| w.write_all(b"0")).unwrap();
        let mut dir = OutDir::create(&path).unwrap();
        dir.write("a", |w| w.write_all(b"1")).unwrap();
        drop(dir);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_named() {
        let folder = Folder::new("file");
        let path = folder.0.join("a");
        write_whole(&path, |_| Ok(())).unwrap();
        let text = OutDir::create(&path).unwrap_err().to_string();
        assert!(text.contains("a: cannot make the folder"), "{text}");
    }
}
