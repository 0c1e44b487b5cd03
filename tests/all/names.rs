//! One name, one meaning: no public type or trait of a room is called like a different one of another room.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The text of each module by its path, comments left out; those of the second package begin with `models`.
type Modules = BTreeMap<String, String>;

/// The modules below `folder`, whose own path is `path`.
fn read(folder: &Path, path: &str, modules: &mut Modules) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project") {
        let file = entry.expect("an entry").path();
        let stem = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let below = if matches!(stem.as_str(), "mod" | "lib") { path.to_string() } else { join(path, &stem) };
        if file.is_dir() {
            read(&file, &below, modules);
        } else if file.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&file).expect("a text file");
            let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
            modules.insert(below, code.collect::<Vec<_>>().join("\n"));
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}::{name}") }
}

/// What follows `keyword` at the beginning of the module's lines, up to the end of the statement.
fn statements<'t>(text: &'t str, keyword: &'t str) -> impl Iterator<Item = &'t str> {
    let starts = text.match_indices(keyword).filter(|(at, _)| *at == 0 || text.as_bytes()[at - 1] == b'\n');
    starts.map(move |(at, _)| text[at + keyword.len()..].split(';').next().unwrap_or_default())
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Types and traits that a module defines for all to see.
fn defined(text: &str) -> impl Iterator<Item = &str> {
    let kinds = ["pub struct ", "pub enum ", "pub trait ", "pub type "];
    kinds.into_iter().flat_map(|kind| statements(text, kind).map(word))
}

/// `a::{b, c::{d as e}}` as `a::b` and `a::c::d as e`.
fn spread(uses: &str) -> Vec<String> {
    let Some((before, rest)) = uses.split_once('{') else { return vec![uses.trim().to_string()] };
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in inside.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        if letter == ',' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().expect("a part").push(letter);
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| spread(&format!("{}{}", before.trim(), part.trim()))).collect()
}

/// Public types and traits of a module, each with the path of its definition.
fn exports(modules: &Modules, path: &str) -> BTreeMap<String, String> {
    let text = &modules[path];
    let mut out: BTreeMap<_, _> = defined(text).map(|name| (name.to_string(), join(path, name))).collect();
    for used in statements(text, "pub use ").flat_map(spread) {
        let (of, shown) = used.split_once(" as ").unwrap_or((&used, used.rsplit("::").next().unwrap_or(&used)));
        if shown.starts_with(|c: char| c.is_uppercase()) {
            out.insert(shown.to_string(), origin(modules, path, of));
        }
    }
    out
}

/// Where the type that a module calls `used` is defined.
fn origin(modules: &Modules, path: &str, used: &str) -> String {
    let root = if word(path) == "models" { "models" } else { "" };
    let above = path.rsplit_once("::").map_or("", |(above, _)| above);
    let (from, rest) = match used.split_once("::") {
        Some(("crate", rest)) => (root, rest),
        Some(("super", rest)) => (above, rest),
        Some(("jensen", rest)) => ("", rest),
        Some(("self", rest)) => (path, rest),
        _ => (path, used),
    };
    let place = join(from, rest);
    let (module, name) = place.rsplit_once("::").expect("a module and a name");
    let again = modules.contains_key(module).then(|| exports(modules, module).remove(name)).flatten();
    again.unwrap_or(place)
}

/// Adds the public types and traits of a module and the public modules in it, each with where it is defined.
fn add(modules: &Modules, path: &str, names: &mut BTreeMap<String, BTreeSet<String>>) {
    for (name, place) in exports(modules, path) {
        names.entry(name).or_default().insert(place);
    }
    for inner in statements(&modules[path], "pub mod ").map(|m| join(path, word(m))) {
        if modules.contains_key(&inner) {
            add(modules, &inner, names);
        }
    }
}

/// Names with more than one meaning, and how many names there are.
fn ambiguous(modules: &Modules) -> (Vec<String>, usize) {
    let mut names = BTreeMap::new();
    for root in modules.keys().filter(|path| matches!(path.as_str(), "" | "models")) {
        add(modules, root, &mut names);
    }
    let several = names.iter().filter(|(_, places)| places.len() > 1);
    (several.map(|(name, places)| format!("{name}: {places:?}")).collect(), names.len())
}

#[test]
fn a_name_means_one_thing_in_all_rooms() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut modules = Modules::new();
    read(&root.join("src"), "", &mut modules);
    read(&root.join("models/src"), "models", &mut modules);
    let (found, read) = ambiguous(&modules);
    assert!(read > 400, "the test reads almost nothing ({read} names)");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_same_name_for_two_things_is_found_and_a_second_door_to_one_is_none() {
    let modules = |b: &str| {
        let texts = [
            ("", "pub mod a;\npub mod b;\npub use a::Shown;"),
            ("a", "mod inner;\npub use inner::{Shown, deep::{Block as Lump}};"),
            ("a::inner", "pub mod deep;\npub struct Shown;\npub(crate) struct Hidden;"),
            ("a::inner::deep", "pub struct Block;"),
            ("b", b),
        ];
        texts.map(|(path, text)| (path.to_string(), text.to_string())).into()
    };
    let second_door = "pub use crate::a::{Lump, Shown};\npub enum Hidden {}\npub type Block = f64;";
    assert_eq!(ambiguous(&modules(second_door)), (vec![], 4));
    let found = |b: &str| ambiguous(&modules(b)).0.join("; ");
    assert_eq!(found("pub trait Shown {}"), r#"Shown: {"a::inner::Shown", "b::Shown"}"#);
    assert_eq!(found("pub mod c;\npub type Lump = u8;"), r#"Lump: {"a::inner::deep::Block", "b::Lump"}"#);
}
