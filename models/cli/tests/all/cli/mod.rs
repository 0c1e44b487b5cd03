//! The built binary `jensen`: results, exit codes, files, and an answer in words to every bad input.

use crate::folder::{Folder, Run};
use std::path::Path;

mod checks;
mod networks;
#[cfg(unix)]
mod outputs;
mod refused;
mod results;
mod saved;
mod zoo;

const GOOD: &str = "y,k,b,a,c,g\n1.0,0,0,1.0,2.0,p\n2.5,3,1,2.0,1.0,q\n3.0,1,0,4.0,0.5,p\n4.5,6,1,3.0,3.0,q\n5.0,2,1,6.0,1.5,p\n\
6.5,9,0,5.0,2.5,q\n";

#[test]
fn a_folder_that_cannot_be_written_is_found_out_before_the_fit() {
    let folder = Folder::new("bad-folder");
    folder.file("results", "a file");
    folder.jensen("fit eight-schools --out results").refused(&["results", "cannot make the folder", "check the path"]);
    folder.jensen("fit eight-schools --out results/deeper").refused(&["results"]);
    assert_eq!(folder.names(""), ["results"]);
}

#[test]
fn the_list_names_every_model() {
    let folder = Folder::new("list");
    let run = folder.jensen("list");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let models = [
        "eight-schools",
        "eight-schools-centred",
        "regression",
        "linear-regression",
        "logistic-regression",
        "poisson-regression",
        "negative-binomial-regression",
        "hierarchical-regression",
        "gaussian-process",
        "stochastic-volatility",
        "autoregression",
        "garch",
        "horseshoe",
        "spike-and-slab",
        "coal-mining",
        "latent-class",
        "bernoulli-latents",
        "sigmoid-belief-network",
        "gaussian-mixture",
        "gaussian-mixture-assigned",
        "regression-mixture",
        "hidden-markov",
        "matrix-factorisation",
        "linear-state-space",
        "deep-state-space",
        "topics",
        "simulated-posterior",
        "implicit-factors",
    ];
    for model in models {
        assert!(run.out.lines().any(|line| line.split_whitespace().next() == Some(model)), "{model}: {}", run.out);
    }
    let json: serde_json::Value = serde_json::from_str(&folder.jensen("list --json").out).unwrap();
    assert_eq!(json.as_array().unwrap().len(), models.len());
}

#[test]
fn help_and_version_are_no_errors() {
    let folder = Folder::new("help");
    for line in ["--help", "fit --help", "list --help", "compare --help", "sample --help", "show --help", "--version"] {
        let run = folder.jensen(line);
        assert!(run.code == Some(0) && !run.out.is_empty() && run.err.is_empty(), "{line}: {run:?}");
    }
}

/// Whether the path is a PNG image.
fn is_png(path: &Path) -> bool {
    std::fs::read(path).unwrap().starts_with(b"\x89PNG")
}

#[test]
fn a_fit_is_reported_saved_shown_and_drawn_from() {
    let folder = Folder::new("fit");
    let run = folder.jensen("fit eight-schools --out a/b --plot --quiet");
    run.fitted();
    assert!(run.err.is_empty(), "{}", run.err);
    for words in ["mu ", "tau ", "theta[A]", "bound (ELBO)", "k-hat", "verdict: ", "stopped"] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    let mut names: Vec<String> = std::fs::read_dir(folder.path("a/b"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "draws.csv",
        "fit.json",
        "marginals.png",
        "marginals.svg",
        "proposal_draws.csv",
        "summary.csv",
        "trace.csv",
        "trace.png",
        "trace.svg",
    ];
    assert_eq!(names, expected);
    assert!(is_png(&folder.path("a/b/trace.png")) && is_png(&folder.path("a/b/marginals.png")));

    let shown = folder.jensen("show a/b");
    assert_eq!((shown.code, &shown.out), (run.code, &run.out));
    assert_eq!(folder.jensen("show a/b --plot --json").code, run.code);

    let drawn = folder.jensen("sample a/b --draws 50");
    assert_eq!((drawn.code, drawn.out.lines().count()), (Some(0), 51), "{drawn:?}");
    assert!(drawn.out.starts_with("mu,tau,eta[A]"), "{}", drawn.out);
    assert_eq!(folder.jensen("sample a/b --draws 50").out, drawn.out, "same seed, same draws");
    assert_ne!(folder.jensen("sample a/b --draws 50 --seed 2").out, drawn.out);
    assert_eq!(folder.jensen("sample a/b --draws 50 --out d.csv").out, "");
    assert_eq!(std::fs::read_to_string(folder.path("d.csv")).unwrap(), drawn.out);
}

#[test]
fn the_users_own_data_are_fitted_and_kept() {
    let folder = Folder::new("own-data");
    folder.file("d.csv", GOOD);
    let run = folder.jensen("fit linear-regression --data d.csv --response y --features a,c --out r --quiet");
    assert!(run.fitted().out.contains("b[a]") && run.out.contains("formula       y ~ 1 + a + c"), "{}", run.out);
    // The fit holds the columns that it needs: without the file, and at another place, it is the same.
    let (drawn, shown) = (folder.jensen("sample r --draws 5"), folder.jensen("show r"));
    assert!(drawn.code == Some(0) && shown.fitted().out == run.out, "{drawn:?}");
    std::fs::remove_file(folder.path("d.csv")).unwrap();
    std::fs::rename(folder.path("r"), folder.path("elsewhere")).unwrap();
    assert_eq!(folder.jensen("sample elsewhere --draws 5").out, drawn.out);
    assert_eq!(folder.jensen("show elsewhere --plot").out, run.out);
    let text = std::fs::read_to_string(folder.path("elsewhere/fit.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
    let columns = kept["note"]["table"]["columns"].as_array().unwrap();
    assert_eq!(columns.iter().map(|c| c["name"].as_str().unwrap()).collect::<Vec<_>>(), ["y", "a", "c"]);
}

#[test]
fn json_records_and_columns_fit_alike() {
    let folder = Folder::new("alike");
    folder.file("c.json", "{\"y\": [1, 2.5, 3, 4.5], \"a\": [1, 2, 4, 3]}");
    folder
        .file("r.json", "[{\"y\": 1, \"a\": 1}, {\"y\": 2.5, \"a\": 2}, {\"y\": 3, \"a\": 4}, {\"y\": 4.5, \"a\": 3}]");
    let posterior = |file: &str| {
        let run = folder.jensen(&format!("fit linear-regression --data {file} --response y --quiet --json"));
        let report: serde_json::Value = serde_json::from_str(&run.fitted().out).unwrap();
        report["posterior"].clone()
    };
    assert_eq!(posterior("c.json"), posterior("r.json"));
}
