//! Holds the table of rooms in docs/architecture.md: which room may use which.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may use.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let program = vec!["program"];
    let model = vec!["program", "dist"];
    let target = vec!["program", "dist", "model", "streams"];
    let family = vec!["program", "dist", "model", "streams"];
    let estimate = vec!["model", "target", "family", "objective", "streams"];
    let algorithm = [estimate.clone(), vec!["estimate", "optimize", "program", "dist"]].concat();
    let posterior =
        vec!["program", "dist", "model", "target", "family", "streams", "algorithm", "fit", "diagnose", "objective"];
    BTreeMap::from([
        ("streams", vec![]),
        ("program", vec![]),
        ("objective", vec![]),
        ("optimize", vec![]),
        ("dist", program),
        ("model", model),
        ("target", target),
        ("family", family),
        ("estimate", estimate),
        ("algorithm", algorithm.clone()),
        ("fit", vec!["algorithm"]),
        ("layers", vec!["program", "dist", "model", "family", "streams"]),
        ("mixture", vec!["program", "streams", "algorithm", "fit"]),
        ("posterior", posterior.clone()),
        ("diagnose", [posterior.clone(), vec!["posterior"]].concat()),
        ("export", [posterior.clone(), vec!["posterior", "export"]].concat()),
        ("study", [algorithm.clone(), vec!["algorithm", "fit"]].concat()),
        (
            "automatic",
            [algorithm.clone(), vec!["algorithm", "fit", "posterior", "diagnose", "export", "study"]].concat(),
        ),
        ("testing", [algorithm, vec!["algorithm", "fit"]].concat()),
    ])
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of the project");
    let mut out = Vec::new();
    for path in entries.map(|e| e.expect("an entry").path()) {
        if path.is_dir() {
            out.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
    out
}

/// Rooms named by `crate::ROOM` in a file, tests left out.
fn used(text: &str) -> Vec<String> {
    let production = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let code = production.lines().filter(|l| !l.trim_start().starts_with("//"));
    let mut rooms = Vec::new();
    for line in code {
        for part in line.split("crate::").skip(1) {
            rooms.push(part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    rooms
}

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed = allowed();
    let mut seen = 0;
    for file in files(&source) {
        let relative = file.strip_prefix(&source).expect("inside src");
        let room = relative.components().next().expect("a name").as_os_str().to_string_lossy().replace(".rs", "");
        let is_test =
            relative.components().any(|c| c.as_os_str().to_string_lossy().starts_with("test") && room != "testing");
        // `number` is a private helper of the saved forms, used wherever floats are saved.
        if room == "lib" || room == "number" || is_test {
            continue;
        }
        let permitted = allowed.get(room.as_str()).unwrap_or_else(|| panic!("room {room} is not in the table"));
        let text = std::fs::read_to_string(&file).expect("a text file");
        for name in used(&text) {
            seen += 1;
            assert!(
                name == room || permitted.contains(&name.as_str()) || !allowed.contains_key(name.as_str()),
                "{} uses `{name}`, which room `{room}` may not",
                relative.display()
            );
        }
    }
    assert!(seen > 50, "the test reads almost nothing ({seen} uses)");
}

#[test]
fn a_forbidden_use_is_found() {
    assert_eq!(
        used("use crate::target::Pass;\n// crate::fit\nlet x = crate::model::Draws::default();"),
        ["target", "model"]
    );
}

#[test]
fn the_library_never_prints_and_holds_no_unsafe_code() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in files(&source) {
        let text = std::fs::read_to_string(&file).expect("a text file");
        let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        for line in code {
            for word in ["println!(", "eprintln!(", "print!(", "unsafe {", "unsafe fn", "thread_rng", "from_os_rng"] {
                assert!(!line.contains(word), "{}: {word}", file.display());
            }
        }
    }
}
