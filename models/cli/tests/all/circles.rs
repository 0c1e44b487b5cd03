//! No two files of the command line import each other, straight or through others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Files by the path of their module: `["commands", "fit"]`.
type Files = BTreeMap<Vec<String>, String>;

/// The code of every file below `folder`, without comments, tests and what is indented as `use`.
fn files(folder: &Path, module: &[String], out: &mut Files) {
    for entry in std::fs::read_dir(folder).expect("a folder of the package") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let own = [module, std::slice::from_ref(&name)].concat();
        if path.is_dir() {
            files(&path, &own, out);
        } else if name != "tests" {
            let text = std::fs::read_to_string(&path).expect("a text file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let is_code = |l: &&str| !l.trim_start().starts_with("//") && !l.starts_with("    use ");
            let code: Vec<&str> = code.lines().filter(is_code).collect();
            let is_face = ["mod", "lib", "main"].contains(&name.as_str());
            out.insert(if is_face { module.to_vec() } else { own }, code.join("\n"));
        }
    }
}

/// The paths of a `use` without its braces: `a::{b, c::{d, e}}` to `a::b`, `a::c::d` and `a::c::e`.
fn expanded(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, list)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or(tree).to_string()];
    };
    let list = list.strip_suffix('}').unwrap_or(list);
    let (mut depth, mut items) = (0, vec![String::new()]);
    for letter in list.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        match letter {
            ',' if depth == 0 => items.push(String::new()),
            _ => items.last_mut().expect("an item").push(letter),
        }
    }
    let items = items.iter().filter(|item| !item.trim().is_empty());
    items.flat_map(|item| expanded(&format!("{before}{}", item.trim()))).collect()
}

/// Statements `use` of a file, without the word, and whether they hand the names on.
fn uses(code: &str) -> Vec<(String, bool)> {
    let statements = code.split(';').filter_map(|s| {
        let start = s.lines().position(|l| l.starts_with("use ") || l.starts_with("pub use "))?;
        let statement = s.lines().skip(start).collect::<Vec<_>>().join(" ");
        let (before, tree) = statement.split_once("use ")?;
        Some((tree.to_string(), !before.is_empty()))
    });
    statements.flat_map(|(tree, public)| expanded(&tree).into_iter().map(move |path| (path, public))).collect()
}

/// `path` as written in `module`, from the root; nothing where it is another crate's.
fn from_root(files: &Files, module: &[String], path: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = path.split("::").filter(|w| !w.is_empty()).collect();
    let up = words.iter().take_while(|w| **w == "super").count();
    let (mut start, rest) = match words.first() {
        Some(&"crate") => (Vec::new(), &words[1..]),
        Some(&"self") => (module.to_vec(), &words[1..]),
        Some(&"super") if up <= module.len() => (module[..module.len() - up].to_vec(), &words[up..]),
        Some(child) if files.contains_key(&[module, &[child.to_string()]].concat()) => (module.to_vec(), &words[..]),
        _ => return None,
    };
    start.extend(rest.iter().filter(|w| **w != "self").map(|w| w.to_string()));
    Some(start)
}

/// The file that `path` leads to: that of a name which a face hands on is the one it has it from.
fn file_of(files: &Files, path: &[String]) -> Option<Vec<String>> {
    let known = (0..=path.len()).rev().map(|n| &path[..n]).find(|module| files.contains_key(*module))?;
    let name = path.get(known.len());
    let handed_on = uses(&files[known])
        .into_iter()
        .find(|(p, public)| *public && p.rsplit("::").next() == name.map(String::as_str));
    match handed_on.and_then(|(p, _)| from_root(files, known, &p)) {
        Some(further) if further != path => file_of(files, &further),
        _ => Some(known.to_vec()),
    }
}

/// The files that each file imports.
fn arrows(files: &Files) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let mut arrows = BTreeMap::new();
    for (module, code) in files {
        let mut paths: Vec<String> = uses(code).into_iter().map(|(path, _)| path).collect();
        let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let words = code.split(|c| !is_path(c)).map(|w| w.trim_end_matches(':'));
        paths.extend(words.filter(|w| w.contains("::")).map(String::from));
        let found = paths.iter().filter_map(|p| file_of(files, &from_root(files, module, p)?));
        arrows.insert(module.clone(), found.filter(|file| file != module).collect());
    }
    arrows
}

/// Files that lead back to themselves.
fn in_circles(files: &Files) -> Vec<String> {
    let arrows = arrows(files);
    let leads_back = |start: &Vec<String>| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(file) = open.pop() {
            open.extend(arrows[file].iter().filter(|next| seen.insert(*next)));
        }
        seen.contains(start)
    };
    arrows.keys().filter(|file| leads_back(file)).map(|file| file.join("/")).collect()
}

#[test]
fn no_file_leads_back_to_itself() {
    let mut all = Files::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut all);
    let num_arrows: usize = arrows(&all).values().map(BTreeSet::len).sum();
    assert!(all.len() > 60 && num_arrows > 150, "{} files and {num_arrows} arrows: too little is read", all.len());
    assert_eq!(in_circles(&all), Vec::<String>::new());
}

#[test]
fn circles_are_found_and_faces_are_none() {
    let of = |texts: &[(&str, &str)]| -> Files {
        let path = |name: &str| name.split('/').filter(|w| !w.is_empty()).map(String::from).collect();
        texts.iter().map(|(name, code)| (path(name), code.to_string())).collect()
    };
    let face = [("", "mod a;\nmod b;\npub use a::A;"), ("a", "pub struct A;"), ("b", "use super::A;\nfn f(a: A) {}")];
    assert!(in_circles(&of(&face)).is_empty());
    let straight = [("a", "use crate::{x, b::{self, B}};"), ("b", "fn f() {\n    super::a::g()\n}")];
    assert_eq!(in_circles(&of(&straight)), ["a", "b"]);
    let around =
        [("a", "use super::b::B;"), ("b", "use crate::c;"), ("c", "use super::d::D;"), ("d", "use super::b::X;")];
    assert_eq!(in_circles(&of(&around)), ["b", "c", "d"]);
    let child = [("a", "mod b;\nuse b::B;\npub fn own() {}"), ("a/b", "use super::own;")];
    assert_eq!(in_circles(&of(&child)), ["a", "a/b"]);
}
