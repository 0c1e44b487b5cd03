//! The effect of `--out` on names that are no plain files: devices, pipes, sockets, streams, links.

use super::{Folder, Run};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with a fit `r` of eight schools.
fn with_fit(test: &str) -> Folder {
    let folder = Folder::new(test);
    folder.jensen("fit eight-schools --quiet --out r").fitted();
    folder
}

/// A character device that only the test has, where it may make one, else the machine's of that name: a program at fault
/// would replace it.
fn device(folder: &Folder, name: &str, minor: &str) -> PathBuf {
    let own = folder.path(name);
    let made = Command::new("mknod").arg(&own).args(["c", "1", minor]).stderr(Stdio::null()).status();
    let usable = made.is_ok_and(|made| made.success()) && File::options().write(true).open(&own).is_ok();
    if usable { own } else { Path::new("/dev").join(name) }
}

fn is_device(path: &Path) -> bool {
    fs::symlink_metadata(path).unwrap().file_type().is_char_device()
}

fn hidden(folder: &Folder) -> Vec<String> {
    folder.names("").into_iter().filter(|name| name.starts_with('.')).collect()
}

#[test]
fn a_pipe_gets_what_standard_output_gets_and_stays() {
    let folder = with_fit("pipe");
    let expected = folder.jensen("sample r --draws 2000").out;
    let pipe = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || fs::read_to_string(pipe).unwrap())
    };
    let run = folder.jensen("sample r --draws 2000 --out pipe");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "replaced by a file");
    assert_eq!(reader.join().unwrap(), expected);
}

#[test]
fn a_socket_gets_what_standard_output_gets() {
    let folder = with_fit("socket");
    let listener = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    assert_eq!(folder.jensen("sample r --out socket").code, Some(0));
    assert_eq!(reader.join().unwrap(), folder.jensen("sample r").out);
}

/// Every command that writes one file.
#[test]
fn a_device_is_written_to_and_stays() {
    let folder = with_fit("devices");
    folder.file("d.csv", "y,a\n1,2\n2,3\n5,1\n0,4\n3,3\n9,9\n");
    assert!(matches!(folder.jensen("mixture d.csv --k 1 --quiet --out m").code, Some(0 | 1)));
    assert!(matches!(folder.jensen("vae --epochs 1 --score-draws 0 --quiet --out v").code, Some(0 | 1)));
    folder.file("codes.csv", folder.jensen("vae encode v").out);
    let (null, full) = (device(&folder, "null", "3"), device(&folder, "full", "7"));
    let before = folder.names("");
    for line in [
        "sample r",
        "predict m d.csv",
        "predict m --simulate 9",
        "vae encode v",
        "vae decode v codes.csv",
        "vae sample v",
        "vae interpolate v 1 2",
    ] {
        let run = folder.jensen(&format!("{line} --out {}", null.display()));
        assert_eq!(run.code, Some(0), "{line}: {run:?}");
        let run = folder.jensen(&format!("{line} --out {}", full.display()));
        run.refused(&["full: cannot be written (No space left on device", "the free space"]);
        assert!(is_device(&null) && is_device(&full), "{line}");
    }
    assert_eq!(folder.names(""), before);
}

#[test]
fn standard_output_by_its_name_is_not_written_over() {
    let folder = with_fit("stdout");
    let expected = folder.jensen("sample r").out;
    assert_eq!(folder.jensen("sample r --out /dev/stdout").out, expected, "a pipe");
    folder.file("d.csv", "y,a\n1,2\n2,3\n5,1\n0,4\n3,3\n9,9\n");
    assert!(matches!(folder.jensen("mixture d.csv --k 1 --quiet --out m").code, Some(0 | 1)));
    // A file that is appended to, and one that the command's own words follow in.
    for (line, appends) in [("sample r", true), ("predict m d.csv", false)] {
        let own = folder.jensen(&format!("{line} --out out.csv"));
        let words = fs::read_to_string(folder.path("out.csv")).unwrap() + &own.out;
        fs::write(folder.path("log"), "before\n").unwrap();
        let log = File::options().append(appends).write(true).truncate(!appends).open(folder.path("log")).unwrap();
        let status = folder.command(&format!("{line} --out /dev/stdout")).stdout(log).status().unwrap();
        assert!(status.success(), "{line}");
        let before = if appends { "before\n" } else { "" };
        assert_eq!(fs::read_to_string(folder.path("log")).unwrap(), format!("{before}{words}"), "{line}");
    }
}

#[test]
fn links_lead_to_the_file_that_is_replaced() {
    let folder = with_fit("links");
    let expected = folder.jensen("sample r").out;
    fs::create_dir(folder.path("far")).unwrap();
    folder.file("far/old.csv", "old");
    fs::set_permissions(folder.path("far/old.csv"), fs::Permissions::from_mode(0o600)).unwrap();
    for name in ["old.csv", "new.csv"] {
        symlink(format!("far/{name}"), folder.path(name)).unwrap();
        let run = folder.jensen(&format!("sample r --out {name}"));
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(fs::symlink_metadata(folder.path(name)).unwrap().is_symlink(), "{name}");
        assert_eq!(fs::read_to_string(folder.path(&format!("far/{name}"))).unwrap(), expected, "{name}");
    }
    let mode = fs::metadata(folder.path("far/old.csv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(fs::read_dir(folder.path("far")).unwrap().count(), 2, "nothing temporary is left");
    // A folder by a link to nothing yet, and files in it that are links.
    symlink("far/made", folder.path("linked")).unwrap();
    folder.jensen("fit eight-schools --quiet --out linked").fitted();
    let text = |path: &str| fs::read_to_string(folder.path(path)).unwrap();
    assert_eq!(text("far/made/summary.csv"), text("r/summary.csv"));
    folder.file("summary.csv", "old");
    fs::remove_file(folder.path("linked/summary.csv")).unwrap();
    symlink("../../summary.csv", folder.path("linked/summary.csv")).unwrap();
    folder.jensen("fit eight-schools --quiet --out linked").fitted();
    assert_eq!(text("summary.csv"), text("r/summary.csv"));
    assert!(fs::symlink_metadata(folder.path("far/made/summary.csv")).unwrap().is_symlink());
    assert_eq!(hidden(&folder), Vec::<String>::new());
}

/// What cannot be undone is written before the first file gets its name.
#[test]
fn a_device_that_fails_in_a_folder_leaves_the_folder_as_it_was() {
    let folder = with_fit("full");
    let full = device(&folder, "full", "7");
    let before = fs::read(folder.path("r/fit.json")).unwrap();
    fs::remove_file(folder.path("r/trace.csv")).unwrap();
    symlink(&full, folder.path("r/trace.csv")).unwrap();
    folder
        .jensen("fit eight-schools --seed 5 --quiet --out r")
        .refused(&["trace.csv: cannot be written (No space left"]);
    assert_eq!(fs::read(folder.path("r/fit.json")).unwrap(), before);
    assert!(is_device(&full));
    let names = fs::read_dir(folder.path("r")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')), "something temporary is left");
}

#[test]
fn the_longest_file_names_work() {
    let folder = with_fit("long");
    let name = "x".repeat(251) + ".csv";
    let run: Run = folder.jensen(&format!("sample r --out {name}"));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(folder.names(""), ["r", name.as_str()]);
    folder.jensen(&format!("sample r --out {name}x")).refused(&["cannot be written (File name too long"]);
}
