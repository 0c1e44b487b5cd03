//! The one format of saved fits, whatever their kind: an envelope around the body, in one line of JSON.
//!
//! ```text
//! {"format":"jensen fit","version":3,"kind":"posterior","body":{..},"identity":"..","note":..,"files":{"draws.csv":".."},
//!  "checksum":".."}
//! ```
//!
//! `identity` is the [`Fingerprint`] of the body's bytes, so that the same fit has the same one; `files` holds those of the
//! tables that were written beside it; `checksum` is that of all bytes before it, and the last thing in the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::fingerprint::{Fingerprint, Printed};
use super::{FileError, write_whole};

/// The version of the format that is written and read.
pub const VERSION: u64 = 3;

/// The name of a saved fit inside a folder of results.
pub const FIT_FILE: &str = "fit.json";

const FORMAT: &str = "jensen fit";

/// What the file ends with, the checksum's digits and a brace left out.
const CHECKSUM: &str = ",\"checksum\":\"";
const DIGITS: usize = 16;

/// Bytes above which a file without a checksum at its end is not looked into.
const MOST_OF_OTHERS: u64 = 64 << 20;

/// A result that a saved fit can hold.
pub trait FitBody: Serialize + DeserializeOwned {
    /// The name of its kind in the file.
    const KIND: &'static str;

    /// Holds what was read against itself, so that nothing done with it panics or gives nonsense.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn check(&self) -> Result<(), String>;
}

/// Names of files and the fingerprints of their bytes.
pub(super) type Manifest = BTreeMap<String, String>;

/// Writes a saved fit to `out`; a `note` is whatever the caller wants to have back with it.
pub(super) fn write<B: FitBody>(
    body: &B,
    note: &impl Serialize,
    files: &Manifest,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = Printed::new(out);
    write!(out, "{{\"format\":\"{FORMAT}\",\"version\":{VERSION},\"kind\":\"{}\",\"body\":", B::KIND)?;
    out.of_part = Fingerprint::default();
    serde_json::to_writer(&mut out, body)?;
    let identity = out.of_part;
    write!(out, ",\"identity\":\"{identity}\",\"note\":")?;
    serde_json::to_writer(&mut out, note)?;
    out.write_all(b",\"files\":")?;
    serde_json::to_writer(&mut out, files)?;
    let checksum = out.of_all;
    writeln!(out, "{CHECKSUM}{checksum}\"}}")
}

/// Saves a fit at `path`, with a `note` of the caller's own that [`SavedFit::note`] gives back.
///
/// # Errors
/// When the file cannot be written; there is then no new file.
pub fn save_fit<B: FitBody>(path: impl AsRef<Path>, body: &B, note: &impl Serialize) -> Result<(), FileError> {
    write_whole(path.as_ref(), |out| write(body, note, &Manifest::new(), out))
}

/// A saved fit whose file is whole, its body and note not yet taken apart.
#[derive(Debug)]
pub struct SavedFit {
    path: PathBuf,
    parts: Parts,
}

#[derive(Debug, Deserialize)]
struct Parts {
    kind: String,
    body: Box<RawValue>,
    identity: String,
    note: Box<RawValue>,
    files: Manifest,
}

/// What files of other formats may have of the same.
#[derive(Deserialize)]
struct Head {
    format: Option<Value>,
    version: Option<u64>,
}

impl SavedFit {
    /// Opens the saved fit at `path`, or `fit.json` in the folder there.
    ///
    /// # Errors
    /// When there is none, when it is not a file, or is cut off, edited, damaged, something else or of another version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let path = if path.is_dir() { path.join(FIT_FILE) } else { path.to_owned() };
        let text = read(&path)?;
        let not_saved = |found: String| FileError::NotSaved { path: path.clone(), found };
        let head: Head = serde_json::from_slice(&text).map_err(|e| {
            let is_cut = e.is_eof() && !text.is_empty();
            let cut = || FileError::Truncated { path: path.clone(), num_bytes: text.len() };
            if is_cut { cut() } else { not_saved(format!("no JSON object: {e}")) }
        })?;
        match (&head.format, head.version) {
            (Some(Value::String(format)), Some(VERSION)) if format == FORMAT => {}
            (Some(format), version) => {
                // What earlier versions wrote had other names, or a number alone.
                let is_ours = format.as_str().is_some_and(|name| name.starts_with("jensen "));
                let Some(found) = version.filter(|_| is_ours).or(format.as_u64()) else {
                    return Err(not_saved(format!("its format is not \"{FORMAT}\"")));
                };
                return Err(FileError::Version { path, found, expected: VERSION });
            }
            (None, _) => return Err(not_saved(format!("its format is not \"{FORMAT}\""))),
        }
        let damaged = |reason: String| FileError::Damaged { path: path.clone(), reason };
        let end = text.trim_ascii_end().len();
        let (before, checksum) = text[..end].split_at(end.saturating_sub(CHECKSUM.len() + DIGITS + 2));
        if checksum != format!("{CHECKSUM}{}\"}}", Fingerprint::of(before)).as_bytes() {
            return Err(damaged("it is not what its checksum is of: it was edited, or changed on its way here".into()));
        }
        let parts: Parts = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
        if parts.identity != Fingerprint::of(parts.body.get().as_bytes()).to_string() {
            return Err(damaged("its identity is not that of its body".into()));
        }
        Ok(SavedFit { path, parts })
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The kind of fit: `posterior`, `amortised`, `mixture` or `autoencoder`.
    pub fn kind(&self) -> &str {
        &self.parts.kind
    }

    /// What tells the fit from others: the fingerprint of its body.
    pub fn identity(&self) -> &str {
        &self.parts.identity
    }

    /// The fit.
    ///
    /// # Errors
    /// When it is of another kind, or contradicts itself.
    pub fn body<B: FitBody>(&self) -> Result<B, FileError> {
        if self.kind() != B::KIND {
            let found = format!("it holds a fit of the kind \"{}\", and \"{}\" is wanted", self.kind(), B::KIND);
            return Err(FileError::NotSaved { path: self.path.clone(), found });
        }
        let body: B = serde_json::from_str(self.parts.body.get()).map_err(|e| self.damaged(e.to_string()))?;
        body.check().map_err(|reason| self.damaged(reason))?;
        Ok(body)
    }

    /// Whether a note was saved with it.
    pub fn has_note(&self) -> bool {
        self.parts.note.get() != "null"
    }

    /// The note that was saved with it; nothing where there is none.
    ///
    /// # Errors
    /// When it is not of this type.
    pub fn note<N: DeserializeOwned>(&self) -> Result<Option<N>, FileError> {
        serde_json::from_str(self.parts.note.get()).map_err(|e| self.damaged(e.to_string()))
    }

    /// Holds the tables beside it against their fingerprints; those that are not there are not missed.
    ///
    /// # Errors
    /// The first table that is of another fit, or was edited.
    pub fn check_tables(&self) -> Result<(), FileError> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        for (name, fingerprint) in &self.parts.files {
            let path = folder.join(name);
            if path.is_file() && print_of(&path)?.to_string() != *fingerprint {
                return Err(FileError::OfAnother { path, fit: self.path.clone() });
            }
        }
        Ok(())
    }

    /// The tables beside it that are still its own.
    pub(super) fn tables(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        self.parts.files.iter().filter_map(move |(name, fingerprint)| {
            let path = folder.join(Path::new(name).file_name()?);
            print_of(&path).is_ok_and(|print| print.to_string() == *fingerprint).then_some(path)
        })
    }

    /// What is wrong with it, as an error.
    pub fn damaged(&self, reason: String) -> FileError {
        FileError::Damaged { path: self.path.clone(), reason }
    }
}

fn print_of(path: &Path) -> Result<Fingerprint, FileError> {
    let failed = |reason| FileError::Read { path: path.to_owned(), reason };
    let mut sink = io::sink();
    let mut all = Printed::new(&mut sink);
    File::open(path).and_then(|mut file| io::copy(&mut file, &mut all)).map_err(failed)?;
    Ok(all.of_all)
}

/// The bytes of a file that may be a saved fit: what cannot be one is not read to its end, if it has any.
fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |reason| FileError::Read { path: path.to_owned(), reason };
    let not_saved = |found: &str| FileError::NotSaved { path: path.to_owned(), found: found.into() };
    // Looked at before it is opened: a pipe would wait for a writer.
    let kind = path.metadata().map_err(|reason| match reason.kind() {
        io::ErrorKind::NotFound => not_saved("no such file or folder"),
        _ => failed(reason),
    })?;
    if !kind.is_file() {
        return Err(not_saved("it is a device or a pipe, not a file"));
    }
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size == 0 {
        return Err(not_saved("it is empty"));
    }
    let mut end = Vec::new();
    if size > MOST_OF_OTHERS {
        file.seek(SeekFrom::End(-64)).and_then(|_| file.read_to_end(&mut end)).map_err(failed)?;
        if !end.windows(CHECKSUM.len()).any(|part| part == CHECKSUM.as_bytes()) {
            return Err(not_saved("it does not end with a checksum"));
        }
        file.rewind().map_err(failed)?;
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(failed)?;
    if text.trim_ascii_start().starts_with(b"{") { Ok(text) } else { Err(not_saved("no JSON object")) }
}
