//! Holds the source to the table of rooms in docs/architecture.md: which room may use which.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../docs/architecture.md");

/// Each room and the rooms it may use.
type Rooms = BTreeMap<String, Vec<String>>;

/// What the last cell of a room says that all others build on.
const GROUND: &str = "nothing; every room may use it";

/// The table with the header `| room | holds | may use |`; remarks in brackets are for readers.
fn rooms(page: &str) -> Rooms {
    let table = page.split("| room | holds | may use |\n").nth(1).expect("the table of rooms");
    let (mut rooms, mut ground) = (Rooms::new(), Vec::new());
    for line in table.lines().skip(1).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [room, _, uses] = cells[..] else { panic!("three cells in {line}") };
        let mut permitted = ground.clone();
        if uses == GROUND {
            ground.push(room.trim_matches('`').to_string());
        }
        for words in without_brackets(uses.trim_end_matches("; every room may use it"))
            .replace('`', "")
            .split(',')
            .map(str::trim)
        {
            let words = words.strip_prefix("and ").unwrap_or(words);
            match words.strip_prefix("what ").and_then(|w| w.strip_suffix(" may")) {
                Some(other) => permitted.extend(rooms.get(other).expect("a room further up").clone()),
                None if words == "all above" => permitted.extend(rooms.keys().cloned()),
                None if words == "nothing" => {}
                None => permitted.push(words.to_string()),
            }
        }
        rooms.insert(room.trim_matches('`').to_string(), permitted);
    }
    for name in rooms.values().flatten() {
        assert!(rooms.contains_key(name), "`{name}` is no room of the table");
    }
    rooms
}

fn without_brackets(text: &str) -> String {
    let mut depth = 0;
    let mut out = String::new();
    for letter in text.chars() {
        depth += i32::from(letter == '(');
        if depth == 0 {
            out.push(letter);
        }
        depth -= i32::from(letter == ')');
    }
    out
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

/// What a file of `room` uses that the room may not, and how many uses were looked at.
fn forbidden(rooms: &Rooms, room: &str, text: &str) -> (Vec<String>, usize) {
    let permitted = rooms.get(room).unwrap_or_else(|| panic!("room {room} is not in the table"));
    let uses = used(text);
    let is_forbidden = |name: &&String| *name != room && !permitted.contains(name) && rooms.contains_key(*name);
    (uses.iter().filter(is_forbidden).cloned().collect(), uses.len())
}

/// Every use of a room by another that `rooms` forbids.
fn faults(rooms: &Rooms) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut faults, mut seen) = (Vec::new(), 0);
    for file in files(&source) {
        let relative = file.strip_prefix(&source).expect("inside src");
        let room = relative.components().next().expect("a name").as_os_str().to_string_lossy().replace(".rs", "");
        let is_test =
            relative.components().any(|c| c.as_os_str().to_string_lossy().starts_with("test") && room != "testing");
        if room == "lib" || is_test {
            continue;
        }
        let (names, uses) = forbidden(rooms, &room, &std::fs::read_to_string(&file).expect("a text file"));
        faults.extend(names.iter().map(|name| format!("{} uses `{name}`", relative.display())));
        seen += uses;
    }
    assert!(seen > 50, "the test reads almost nothing ({seen} uses)");
    faults
}

#[test]
fn rooms_use_only_the_rooms_that_the_table_names() {
    let rooms = rooms(PAGE);
    assert_eq!(faults(&rooms), Vec::<String>::new());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for room in rooms.keys() {
        assert!(source.join(room).is_dir() || source.join(format!("{room}.rs")).is_file(), "no room {room} in src");
    }
}

#[test]
fn a_table_is_read_as_it_is_written() {
    let page = "| room | holds | may use |\n|---|---|---|\n| `a` | one | nothing |\n| `b` | two | a (its types, that is) |\n\
                | `c` | three | all above |\n| `d` | four | what `b` may, and c |\n\n| `e` | no part | nothing |\n";
    let read = rooms(page);
    let uses = |room: &str| read[room].join(" ");
    assert_eq!(read.len(), 4);
    assert_eq!((uses("a"), uses("b"), uses("c"), uses("d")), ("".into(), "a".into(), "a b".into(), "a c".into()));
    let text = "use crate::c::C;\nuse crate::a::A;\nuse crate::b::B;\nuse crate::number;";
    assert_eq!(forbidden(&read, "b", text), (vec!["c".to_string()], 4));
}

/// A room that the page takes from another's row is missed in the source.
#[test]
fn a_room_that_is_taken_from_the_table_is_missed() {
    let rows = [("family", "model"), ("fit", "algorithm"), ("mixture", "streams"), ("estimate", "target")];
    for (room, taken) in rows {
        let mut rooms = rooms(PAGE);
        rooms.get_mut(room).expect("a room").retain(|name| name != taken);
        let found = faults(&rooms);
        let is_right = |fault: &String| fault.starts_with(room) && fault.ends_with(&format!("uses `{taken}`"));
        assert!(!found.is_empty() && found.iter().all(is_right), "{room}, {taken}: {found:?}");
    }
}

#[test]
fn uses_are_found_and_comments_are_none() {
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
