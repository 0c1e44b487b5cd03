//! A folder in which a test runs the binary `jensen`.

use jensen::export::Fingerprint;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A folder of its own for each test, removed at the end.
pub struct Folder(pub PathBuf);

/// What a run of the binary left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Whether it ended with a report, trusted or not.
    pub fn is_fitted(&self) -> bool {
        matches!(self.code, Some(0 | 1))
    }

    /// The run, which ended with a report.
    pub fn fitted(&self) -> &Self {
        assert!(self.is_fitted(), "{self:?}");
        self
    }

    /// Exit code 2, nothing on standard output, and one message that holds every one of `words`.
    pub fn refused(&self, words: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert!(self.out.is_empty(), "{self:?}");
        assert!(!self.err.contains("panicked") && !self.err.contains("RUST_BACKTRACE"), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "no `{word}` in {}", self.err);
        }
    }
}

impl Folder {
    /// An empty folder; `test` is a name that no other test has.
    pub fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("jensen-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    /// What tells the fit in a folder within this one from others.
    pub fn identity(&self, folder: &str) -> String {
        let text = self.read(&format!("{folder}/fit.json"));
        let fit: serde_json::Value = serde_json::from_str(&text).unwrap();
        fit["identity"].as_str().unwrap().to_string()
    }

    /// The names in a folder within this one, in order.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// `jensen` with the words of `line`, in this folder.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jensen"));
        command.args(line.split_whitespace()).current_dir(&self.0);
        command
    }

    pub fn jensen(&self, line: &str) -> Run {
        Run::of(self.command(line).output().unwrap())
    }
}

/// An edited saved fit, its identity and checksum made right again, so that what reads it must see what is wrong.
pub fn sealed(text: &str) -> String {
    let start = text.find("\"body\":").unwrap() + 7;
    let end = text.find(",\"identity\":\"").unwrap();
    let rest = &text[end + 13 + 16..text.rfind(",\"checksum\":").unwrap()];
    let identity = Fingerprint::of(&text.as_bytes()[start..end]);
    let before = format!("{},\"identity\":\"{identity}{rest}", &text[..end]);
    let checksum = Fingerprint::of(before.as_bytes());
    format!("{before},\"checksum\":\"{checksum}\"}}\n")
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
