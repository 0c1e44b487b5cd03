//! The commands of the book print what it says: blocks that begin with `$ jensen`.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Blocks of ```` ```console ````: the command after `$ `, and the lines it is said to print.
fn blocks(text: &str) -> Vec<(String, Vec<String>)> {
    let inside = text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    inside
        .map(|block| {
            let mut lines = block.lines().map(str::to_owned);
            let command = lines.next().unwrap_or_default();
            (command.trim_start_matches("$ ").to_owned(), lines.collect())
        })
        .collect()
}

/// Whether two words are one: numbers within a hundredth, or by 0.02, so that the book need not be printed anew for the
/// last digit; any times in seconds.
fn is_same(said: &str, printed: &str) -> bool {
    let number = |word: &str| word.trim_matches(|c: char| "(),:".contains(c)).parse::<f64>();
    match (number(said), number(printed)) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 0.01 * a.abs().max(b.abs()) + 0.02,
        _ => said == printed,
    }
}

/// The words of a line, without how long it took.
fn words(line: &str) -> Vec<&str> {
    let all: Vec<&str> = line.split_whitespace().collect();
    let is_time = |k: usize| all.get(k + 1).is_some_and(|unit| unit.starts_with("s,")) && all[k].starts_with('(');
    (0..all.len()).filter(|k| !is_time(*k)).map(|k| all[k]).collect()
}

/// The line that is said and was not printed; a line of three dots stands for any number of them.
fn missing<'a>(said: &'a [String], printed: &str) -> Option<&'a str> {
    let printed: Vec<&str> = printed.lines().collect();
    let (mut at, mut skips) = (0, false);
    for line in said {
        if line.trim() == "..." {
            skips = true;
            continue;
        }
        let is_line = |k: &usize| {
            let (a, b) = (words(line), words(printed[*k]));
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        };
        let last = if skips { printed.len() } else { (at + 1).min(printed.len()) };
        let Some(found) = (at..last).find(is_line) else { return Some(line) };
        (at, skips) = (found + 1, false);
    }
    None
}

/// The words of a command; those in quotation marks are one.
fn arguments(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    let one = |(k, part): (usize, &str)| -> Vec<String> {
        if k % 2 == 1 { vec![part.to_owned()] } else { part.split_whitespace().map(str::to_owned).collect() }
    };
    parts.flat_map(one).collect()
}

/// The script of the README runs as it stands, where the program is installed, and finds what the README says.
#[cfg(unix)]
#[test]
fn the_script_of_the_readme_runs() {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let section = text.split("## From a table to predictions").nth(1).unwrap();
    let block = |kind: &str| section.split(kind).nth(1).unwrap().split("```").next().unwrap().to_owned();
    let folder = crate::folder::Folder::new("readme-script");
    folder.file("clinic.csv", std::fs::read(root().join("models/data/clinic.csv")).unwrap());
    let program = Path::new(env!("CARGO_BIN_EXE_jensen")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(program.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    // It ends at the first command that fails, an untrusted fit among them.
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &block("```sh\n")]).env("PATH", path.unwrap()).current_dir(&folder.0);
    let run = crate::folder::Run::of(shell.output().unwrap());
    assert_eq!(run.code, Some(0), "{run:?}");
    let said: Vec<String> = block("```text\n").lines().map(str::to_owned).collect();
    let from = run.out.find("on the scale of the response").unwrap();
    let printed = &run.out[from..];
    let table = &printed[printed.find("\n\n").unwrap() + 2..];
    assert_eq!(missing(&said, table), None, "{table}");
    assert!(run.out.contains("nothing found that would need a second look"), "{}", run.out);
    assert!(run.out.contains("additive and crossed predict about equally well"), "{}", run.out);
    assert_eq!(folder.read("expected.csv").lines().count(), 3);
    assert!(folder.read("additive.html").contains("</html>") && folder.path("additive/marginals.svg").exists());
}

#[test]
fn the_program_prints_what_the_book_says() {
    let mut count = 0;
    for page in ["docs/analysis.md", "docs/regression.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        for (command, said) in blocks(&text) {
            let args = command.strip_prefix("jensen ").unwrap_or_else(|| panic!("{page}: {command}"));
            let run = Command::new(env!("CARGO_BIN_EXE_jensen"))
                .args(arguments(args))
                .current_dir(root().join("models/data"))
                .output()
                .unwrap();
            let printed = String::from_utf8_lossy(&run.stdout);
            if let Some(line) = missing(&said, &printed) {
                panic!(
                    "{page}: `{command}` does not print\n{line}\nbut\n{printed}{}",
                    String::from_utf8_lossy(&run.stderr)
                );
            }
            count += 1;
        }
    }
    assert!(count > 0, "no block of the book was run");
}
