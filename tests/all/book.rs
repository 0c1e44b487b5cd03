//! The book hangs together: chapters are listed, links lead somewhere, and no block of code is left untested.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every page of `docs/`, and the README.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    for folder in ["docs", "docs/notebook"] {
        let entries = std::fs::read_dir(root().join(folder)).expect("the book").flatten();
        pages.extend(entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "md")));
    }
    pages
}

/// The text without its blocks of code, whose brackets are no links.
fn prose(text: &str) -> String {
    let outside = text.split("```").step_by(2);
    outside.flat_map(|part| part.split('`').step_by(2)).collect()
}

/// Targets of `](..)`.
fn links(prose: &str) -> impl Iterator<Item = &str> {
    prose.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The anchors of a page's headings, as they are made from the text.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut in_code = false;
    let headings = text.lines().filter(|line| {
        in_code ^= line.starts_with("```");
        !in_code && line.starts_with('#')
    });
    let anchor = |line: &str| -> String {
        let kept = line.trim_start_matches('#').trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_of_the_book_leads_somewhere() {
    let mut broken = vec![];
    for page in pages() {
        let text = read(&page);
        for link in links(&prose(&text)).filter(|link| !link.starts_with("http")) {
            let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { page.clone() } else { page.parent().expect("a folder").join(file) };
            let there = target.exists() && anchor.is_none_or(|anchor| anchors(&read(&target)).contains(anchor));
            if !there {
                broken.push(format!("{} -> {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_page_is_listed_and_its_code_is_tested() {
    let (summary, library) = (read(&root().join("docs/SUMMARY.md")), read(&root().join("src/lib.rs")));
    for page in pages() {
        let name = page.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
        if let Some(chapter) = name.strip_prefix("docs/")
            && chapter != "SUMMARY.md"
        {
            assert!(summary.contains(&format!("({chapter})")), "{name} is not in docs/SUMMARY.md");
        }
        if read(&page).contains("```rust") {
            assert!(
                library.contains(&format!("\"../{name}\"")),
                "the code of {name} is not in `mod book` of src/lib.rs"
            );
        }
    }
}
