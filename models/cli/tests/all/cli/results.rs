//! The contents of a report and of a folder of results.

use super::{Folder, GOOD};
use serde_json::Value;

fn report(folder: &Folder, line: &str) -> Value {
    serde_json::from_str(&folder.jensen(&format!("fit {line} --quiet --json")).fitted().out).unwrap()
}

#[test]
fn the_json_report_is_whole() {
    let folder = Folder::new("json");
    let report = report(&folder, "linear-regression");
    for key in
        ["model", "data", "posterior", "bound", "k_hat", "verdict", "stop", "standardised", "understood", "trace"]
    {
        assert!(!report[key].is_null(), "{key}");
    }
    for key in ["elbo", "log_joint", "entropy", "data", "kl", "log_evidence", "gap"] {
        assert!(report["bound"][key]["value"].is_f64() && report["bound"][key]["mcse"].is_f64(), "{key}");
    }
    assert_eq!(report["posterior"][1]["name"], "b[mom_hs]");
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

/// The columns of a CSV file by name.
fn columns(text: &str) -> Vec<(String, Vec<f64>)> {
    let mut lines = text.lines().map(|line| line.split(','));
    let mut columns: Vec<_> = lines.next().unwrap().map(|name| (name.to_string(), Vec::new())).collect();
    lines.for_each(|cells| {
        columns.iter_mut().zip(cells).for_each(|(column, cell)| column.1.push(cell.parse().unwrap()))
    });
    columns
}

fn named<'a>(columns: &'a [(String, Vec<f64>)], name: &str) -> &'a [f64] {
    &columns.iter().find(|(own, _)| own == name).unwrap().1
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// What stands beside the quantities of a proposal.
const DENSITIES: [&str; 4] = ["log_p", "log_q", "log_proposal", "log_weight"];

fn tail(tau: &[f64]) -> f64 {
    mean(&tau.iter().map(|t| f64::from(*t > 10.0)).collect::<Vec<_>>())
}

/// Everything that leaves a trusted fit is of the posterior; q's own draws are there under their own name.
#[test]
fn what_leaves_a_trusted_fit_agrees_with_its_table() {
    let folder = Folder::new("weights");
    let report = report(&folder, "eight-schools --out r --plot");
    assert_eq!(report["weighted"], true, "a trusted fit");
    let file = |name: &str| std::fs::read_to_string(folder.path(name)).unwrap();
    let (own, draws) = (columns(&file("r/proposal_draws.csv")), columns(&file("r/draws.csv")));
    let count = draws[0].1.len() as f64;
    // The weights of the proposal's draws make the table of them.
    let names: Vec<&str> = own.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names[0], &names[18..]), ("mu", DENSITIES.as_slice()));
    let weights: Vec<f64> = named(&own, "log_weight").iter().map(|l| l.exp()).collect();
    let weighted = |values: &[f64]| -> f64 { values.iter().zip(&weights).map(|(x, w)| w * x).sum() };
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9; // thousands of sums of rounding errors of 1e-16
    assert!(close(weights.iter().sum(), 1.0), "{}", weights.iter().sum::<f64>());
    assert_eq!(draws.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names[..18]);
    let summary = file("r/summary.csv");
    let lines = report["posterior"].as_array().unwrap().iter().zip(summary.lines().skip(1));
    for ((line, written), (name, values)) in lines.zip(&draws) {
        let number = |key: &str| line[key].as_f64().unwrap();
        assert_eq!(line["name"].as_str(), Some(name.as_str()));
        assert!(close(weighted(named(&own, name)), number("mean")), "{name}");
        // Draws that were made independently, as many from these weights, would be off by this standard error.
        let error = number("sd") / count.sqrt();
        assert!((mean(values) - number("mean")).abs() < 4.0 * error, "{name}: {}", mean(values));
        let cells: Vec<f64> = written.split(',').skip(1).map(|cell| cell.parse().unwrap()).collect();
        assert_eq!((cells[0], cells[5]), (number("mean"), number("q95")), "{name}: {written}");
        let above = mean(&values.iter().map(|x| f64::from(*x > cells[5])).collect::<Vec<_>>());
        assert!((above - 0.05).abs() < 4.0 * (0.05 * 0.95 / count).sqrt(), "{name}: {above}");
    }
    let resampled = &report["resampled"];
    let mut distinct = named(&draws, "mu").to_vec();
    distinct.dedup();
    let counts = ["num_draws", "num_proposals"].map(|key| resampled[key].as_f64());
    assert_eq!((counts, own[0].1.len()), ([Some(count); 2], count as usize));
    assert_eq!(resampled["num_distinct"].as_u64(), Some(distinct.len() as u64));
    let shown = folder.jensen("show r --plot").out;
    let words = format!(
        "draws         {count} resampled by weight from {count} of the proposal, {} of them distinct",
        distinct.len()
    );
    assert!(shown.contains("importance-weighted") && shown.contains(&words), "{shown}");
    assert!(file("r/marginals.svg").contains("draws of the posterior: mean dashed"));
    // P(tau > 10): files, weights and fresh draws against each other; q has half of it. Every second draw is its own.
    let table = weighted(&named(&own, "tau").iter().map(|t| f64::from(*t > 10.0)).collect::<Vec<_>>());
    let effective = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
    let error = |effective: f64| (table * (1.0 - table) * (1.0 / count + 1.0 / effective)).sqrt();
    let files = tail(named(&draws, "tau")) - table;
    assert!(files.abs() < 4.0 * error(f64::INFINITY), "{files}");
    let of_q: Vec<f64> = named(&own, "tau").iter().copied().step_by(2).collect();
    assert!(tail(&of_q) - table < -4.0 * error(f64::INFINITY), "draws of q could not pass");
    let sample = folder.jensen("sample r --draws 4000 --seed 9");
    let fresh = tail(named(&columns(&sample.out), "tau")) - table;
    // Two sets of weights, the second of 16,000 draws.
    assert!(fresh.abs() < 4.0 * error(effective / (1.0 + count / 16_000.0)), "{fresh}");
    assert!(sample.err.contains("draws: 4000 resampled by weight from 16000 of the proposal, "), "{sample:?}");
    assert_eq!(folder.jensen("sample r --quiet").err, "");
}

/// With a flag, and where a fit is not trusted, draws are of q.
#[test]
fn draws_of_q_are_there_for_whoever_asks() {
    let folder = Folder::new("proposal");
    folder.jensen("fit eight-schools --quiet --out r").fitted();
    let own = folder.jensen("sample r --draws 3000 --proposal");
    assert_eq!(own.err, "");
    let columns_of_q = columns(&own.out);
    let names: Vec<&str> = columns_of_q[18..].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, DENSITIES);
    let weights: f64 = named(&columns_of_q, "log_weight").iter().map(|l| l.exp()).sum();
    assert!((weights - 1.0).abs() < 1e-9, "{weights}");
    assert_ne!(named(&columns(&folder.jensen("sample r --draws 3000").out), "tau"), named(&columns_of_q, "tau"));
    // Two steps end nowhere.
    let run = folder.jensen("fit eight-schools --steps 2 --quiet --json --out u");
    assert!(run.code == Some(1) && run.out.contains("\"weighted\": false,\n  \"resampled\": null"), "{run:?}");
    let file = |name: &str| columns(&std::fs::read_to_string(folder.path(name)).unwrap());
    // Every second of the proposal's draws is q's own.
    for ((name, of_q), (_, all)) in file("u/draws.csv").iter().zip(&file("u/proposal_draws.csv")) {
        assert!(of_q.len() == all.len() / 2 && of_q.iter().zip(all.chunks(2)).all(|(a, b)| *a == b[0]), "{name}");
    }
    let (plain, own) = (folder.jensen("sample u"), folder.jensen("sample u --proposal"));
    assert_eq!((columns(&plain.out).as_slice(), plain.err.as_str()), (&columns(&own.out)[..18], ""));
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
    assert_eq!(names, ["draws.csv", "fit.json", "notes.txt", "proposal_draws.csv", "summary.csv", "trace.csv"]);
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
