//! What a report and a folder of results hold.

use super::{Folder, GOOD};
use serde_json::Value;

fn report(folder: &Folder, line: &str) -> Value {
    serde_json::from_str(&folder.jensen(&format!("fit {line} --quiet --json")).fitted().out).unwrap()
}

#[test]
fn the_json_report_is_whole() {
    let folder = Folder::new("json");
    let report = report(&folder, "linear-regression");
    for key in ["model", "data", "posterior", "bound", "k_hat", "verdict", "stop", "standardised", "trace"] {
        assert!(!report[key].is_null(), "{key}");
    }
    for key in ["elbo", "log_joint", "entropy", "data", "kl", "log_evidence", "gap"] {
        assert!(report["bound"][key]["value"].is_f64() && report["bound"][key]["se"].is_f64(), "{key}");
    }
    assert_eq!(report["posterior"][1]["name"], "beta[mom_hs]");
}

/// A point has a density of the data and itself, and no bound on the evidence.
#[test]
fn a_point_claims_no_bound() {
    let folder = Folder::new("point");
    let bound = report(&folder, "linear-regression --family map --out p")["bound"].clone();
    for key in ["elbo", "kl", "log_evidence", "gap"] {
        assert!(bound[key].is_null(), "{key}: {bound}");
    }
    assert!(bound["log_joint"]["value"].is_f64() && bound["data"]["value"].is_f64(), "{bound}");
    let shown = folder.jensen("show p");
    let line = shown.fitted().out.lines().find(|line| line.starts_with("log joint")).unwrap();
    let digits = line.split_whitespace().nth(2).and_then(|number| number.split_once('.')).unwrap().1;
    assert_eq!(digits.len(), 4, "{line}");
    assert!(!shown.out.contains("ELBO"), "{shown:?}");
}

/// Draws of q beside the weights that make the table of them.
#[test]
fn the_draws_have_the_weights_of_the_table() {
    let folder = Folder::new("weights");
    let report = report(&folder, "eight-schools --out r");
    assert_eq!(report["weighted"], true, "a trusted fit");
    let text = std::fs::read_to_string(folder.path("r/draws.csv")).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!((header[0], header[header.len() - 1]), ("mu", "log_weight"));
    let numbers = |line: &str| line.split(',').map(|cell| cell.parse().unwrap()).collect::<Vec<f64>>();
    let draws: Vec<Vec<f64>> = lines.map(numbers).collect();
    let weights: Vec<f64> = draws.iter().map(|draw| draw[header.len() - 1].exp()).collect();
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9; // thousands of sums of rounding errors of 1e-16
    assert!(close(weights.iter().sum(), 1.0), "{}", weights.iter().sum::<f64>());
    let mean: f64 = draws.iter().zip(&weights).map(|(draw, weight)| weight * draw[0]).sum();
    assert!(close(mean, report["posterior"][0]["mean"].as_f64().unwrap()), "{mean}");
    assert!(folder.jensen("show r --plot").out.contains("importance-weighted"));
    let svg = std::fs::read_to_string(folder.path("r/marginals.svg")).unwrap();
    assert!(svg.contains("draws of q: mean dashed") && !svg.contains("log_weight"));
}

#[test]
fn figures_of_an_earlier_fit_go_away_and_other_files_stay() {
    let folder = Folder::new("stale");
    folder.jensen("fit eight-schools --quiet --out o --plot").fitted();
    folder.file("o/notes.txt", "mine");
    folder.jensen("fit linear-regression --quiet --out o").fitted();
    let entries = std::fs::read_dir(folder.path("o")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["draws.csv", "fit.json", "notes.txt", "summary.csv", "trace.csv"]);
}

#[test]
fn a_column_without_a_name_is_left_out_aloud() {
    let folder = Folder::new("nameless");
    let told = |text: &str, options: &str| {
        folder.file("d.csv", text);
        folder.jensen(&format!("fit linear-regression --data d.csv --response y {options}")).fitted().err.clone()
    };
    let text = "y,,z\n1,5,1\n2,3,4\n4,9,2\n3,1,3\n5,4,7\n";
    let words = "d.csv: column 2 has no name and is left out; name it in the header to use it";
    assert!(told(text, "").contains(words));
    // Row numbers are no data, a list of features says what is wanted, and quiet is quiet.
    let numbered = ",y,z\n1,1,1\n2,2,4\n3,4,2\n4,3,3\n5,5,7\n";
    for (text, options) in [(numbered, ""), (text, "--features z"), (text, "--quiet")] {
        let err = told(text, options);
        assert!(!err.contains("has no name"), "{options}: {err}");
    }
}

#[test]
fn json_is_known_by_its_first_character() {
    let folder = Folder::new("sniffed");
    let json = " {\"y\": [1, 2.5, 3, 4.5], \"a\": [1, 2, 4, 3]}";
    for (name, text) in [("d.json", json), ("d.txt", json), ("d", json), ("e.txt", GOOD)] {
        folder.file(name, text);
        let posterior = report(&folder, &format!("linear-regression --data {name} --response y --features a"));
        assert_eq!(posterior["num_rows"], if text == GOOD { 6 } else { 4 }, "{name}");
    }
}
