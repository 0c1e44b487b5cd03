//! The built binary `jensen`: results, exit codes, files, and an answer in words to every bad input.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("jensen-cli-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn jensen(&self, line: &str) -> Run {
        let words = line.split_whitespace();
        Run::of(Command::new(env!("CARGO_BIN_EXE_jensen")).args(words).current_dir(&self.0).output().unwrap())
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[derive(Debug)]
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Exit code 2, nothing on standard output, and one message that holds every one of `words`.
    fn refused(&self, words: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert!(self.out.is_empty(), "{self:?}");
        assert!(!self.err.contains("panicked") && !self.err.contains("RUST_BACKTRACE"), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "no `{word}` in {}", self.err);
        }
    }

    /// A fit that ended with a report: trusted or not, but no error.
    fn fitted(&self) -> &Self {
        assert!(matches!(self.code, Some(0 | 1)), "{self:?}");
        self
    }
}

const GOOD: &str = "y,k,b,a,c,g\n1.0,0,0,1.0,2.0,p\n2.5,3,1,2.0,1.0,q\n3.0,1,0,4.0,0.5,p\n4.5,6,1,3.0,3.0,q\n5.0,2,1,6.0,1.5,p\n\
6.5,9,0,5.0,2.5,q\n";

/// Every bad input leaves no file behind, whatever it is refused for.
#[test]
fn bad_data_are_refused_with_place_and_remedy() {
    let folder = Folder::new("bad-data");
    let cases: &[(&str, &str, &[&str])] = &[
        // file text, options, words of the message
        ("y,a\n", "", &["d.csv: zero rows below the header", "at least one row"]),
        ("", "", &["d.csv: the file is empty"]),
        ("y,a\n1,2\n", "", &["one row is too few for a regression"]),
        ("1,2\n3,4\n", "", &["d.csv, line 1: no header", "add a first line"]),
        ("y,a\n1,2\n3\n", "", &["d.csv, line 3: found 1 field where the header has 2"]),
        ("y,a,a\n1,2,3\n", "", &["duplicate column `a`", "rename"]),
        ("x,a\n1,2\n2,3\n", "", &["d.csv: no column `y`", "the columns are `x`, `a`"]),
        ("y,a\n1,2\n2,\n3,5\n", "", &["d.csv, line 3, column `a`", "missing"]),
        ("y,a\n1,2\n2,NA\n3,5\n", "", &["d.csv, line 3, column `a`", "missing"]),
        ("y,a\n1,2\n2,tall\n3,5\n", "", &["d.csv, line 3, column `a`: \"tall\" is not a number"]),
        ("y,a\n1,2\nNaN,3\n3,5\n", "", &["d.csv, line 3, column `y`"]),
        ("y,a\n1,2\ninf,3\n3,5\n", "", &["d.csv, line 3, column `y`", "finite"]),
        ("y,a\n1,7\n2,7\n3,7\n", "", &["feature `a` is constant (every value is 7)", "leave it out"]),
        ("y,a\n4,1\n4,2\n4,3\n", "", &["response `y` is constant", "--response"]),
        ("y,a,b\n1,1,2\n2,2,4\n3,4,8\n4,3,6\n", "", &["`b` is collinear with `a` (b = 2 a + constant)", "leave one"]),
        ("y,a,b\n1,1,1\n2,2,2\n3,4,4\n4,3,3\n", "", &["`b` repeats feature `a`"]),
        ("y,a,b\n1,1,5\n2,2,9\n", "", &["2 features and an intercept from 2 rows", "horseshoe"]),
        ("y\n1\n2\n", "", &["no features"]),
    ];
    for (text, options, words) in cases {
        folder.file("d.csv", text);
        let run =
            folder.jensen(&format!("fit linear-regression --data d.csv --response y {options} --out results --plot"));
        run.refused(words);
        assert_eq!(folder.names(), ["d.csv"], "{text:?}");
    }
}

#[test]
fn bad_columns_are_refused_with_a_remedy() {
    let folder = Folder::new("bad-columns");
    folder.file("d.csv", GOOD);
    let cases: &[(&str, &[&str])] = &[
        ("linear-regression --data d.csv", &["d.csv: which column is the response", "--response NAME", "`y`, `k`"]),
        ("linear-regression --data d.csv --response z", &["no column `z`"]),
        ("linear-regression --data d.csv --response Y --features a", &["no column `Y`", "did you mean `y`"]),
        ("linear-regression --data d.csv --response y --features a,d", &["no column `d`"]),
        ("linear-regression --data d.csv --response y --features a,y", &["`y` is named as the response and a feature"]),
        ("linear-regression --data d.csv --response y --features a,a", &["`a` is named as a feature twice"]),
        ("linear-regression --data d.csv --response y --features a,,c", &["an empty name"]),
        (
            "linear-regression --data d.csv --response y --features a --group g",
            &["does not use --group", "hierarchical-regression"],
        ),
        ("linear-regression --data d.csv --response y --features a,g", &["line 2, column `g`: \"p\" is not a number"]),
        (
            "logistic-regression --data d.csv --response k --features a",
            &["line 3, column `k`: the response must be 0 or 1, found 3"],
        ),
        (
            "poisson-regression --data d.csv --response y --features a",
            &["line 3, column `y`: the response must be a count", "found 2.5"],
        ),
        ("negative-binomial-regression --data d.csv --response y --features a", &["must be a count"]),
        (
            "hierarchical-regression --data d.csv --response y --features a",
            &["which column is the group", "--group NAME"],
        ),
        ("hierarchical-regression --data d.csv --response y --features a --group h", &["no column `h`"]),
        (
            "hierarchical-regression --data d.csv --response y --features a,g --group g",
            &["`g` is named as the group and a feature"],
        ),
        (
            "hierarchical-regression --data d.csv --response y --features a --group y",
            &["`y` is named as the response and the group"],
        ),
        ("gaussian-process --data d.csv --response y --features a,c", &["one feature is needed, found 2"]),
        ("autoregression --data d.csv --response y --lags 3", &["6 rows are too few", "for 3 lags", "--lags"]),
        ("autoregression --data d.csv --response g", &["line 2, column `g`: \"p\" is not a number"]),
        ("garch --data d.csv", &["which column is the series", "--response NAME"]),
        ("garch --data d.csv --response y", &["6 rows are too few"]),
        ("garch --data d.csv --response y --lags 2", &["`garch` does not use --lags"]),
        ("eight-schools --data d.csv", &["no column `effect`"]),
        ("eight-schools --data d.csv --response y", &["does not use --response", "effect and stderr"]),
        ("linear-regression --data none.csv --response y", &["none.csv: file not found"]),
        ("linear-regression --data . --response y", &[".: cannot be read"]),
    ];
    for (line, words) in cases {
        let run = folder.jensen(&format!("fit {line} --out results"));
        run.refused(words);
        assert_eq!(folder.names(), ["d.csv"], "{line}");
    }
}

#[test]
fn bad_series_and_errors_are_refused() {
    let folder = Folder::new("bad-series");
    let constant = "r\n".to_string() + &"1.5\n".repeat(30);
    let cases: &[(&str, &str, &[&str])] = &[
        (&constant, "garch", &["column `r` is constant (every value is 1.5)"]),
        (&constant, "stochastic-volatility", &["column `r` is constant"]),
        (&constant, "autoregression", &["column `r` is constant"]),
        (
            "effect,stderr\n1,2\n3,0\n",
            "eight-schools",
            &["d.csv, line 3, column `stderr`: a standard error must be positive, found 0"],
        ),
        ("effect,stderr\n1,2\n3,-1\n", "eight-schools-centred", &["must be positive, found -1"]),
    ];
    for (text, model, words) in cases {
        folder.file("d.csv", text);
        folder.jensen(&format!("fit {model} --data d.csv --out results")).refused(words);
        assert_eq!(folder.names(), ["d.csv"]);
    }
}

#[test]
fn bad_json_is_refused() {
    let folder = Folder::new("bad-json");
    let cases: &[(&str, &[&str])] = &[
        ("{\"y\": [1, 2], \"a\": [1, 2, 3]}", &["d.json", "`a`", "3", "2"]),
        ("{\"y\": [1, NaN], \"a\": [1, 2]}", &["d.json, line 1", "not valid JSON"]),
        ("{\"y\": [1, null, 3], \"a\": [1, 2, 5]}", &["d.json, row 2, column `y`", "missing"]),
        ("{\"y\": [], \"a\": []}", &["d.json: zero rows of data", "at least one row"]),
        ("{\"y\": 1}", &["`y` is a single value, not a list"]),
        ("[1, 2]", &["d.json"]),
    ];
    for (text, words) in cases {
        folder.file("d.json", text);
        folder.jensen("fit linear-regression --data d.json --response y --out results").refused(words);
        assert_eq!(folder.names(), ["d.json"], "{text}");
    }
}

#[test]
fn bad_arguments_are_refused() {
    let folder = Folder::new("bad-arguments");
    let cases: &[(&str, &[&str])] = &[
        ("fit", &["MODEL"]),
        ("fit eigth-schools", &["no model `eigth-schools`", "did you mean `eight-schools`", "jensen list"]),
        ("fit weather", &["no model `weather`", "jensen list"]),
        ("fit eight-schools --family meanfield", &["meanfield", "mean-field"]),
        ("fit eight-schools --draws 0", &["'0' for '--draws <N>'"]),
        ("fit eight-schools --draws many", &["many"]),
        ("fit eight-schools --steps -5", &["-5"]),
        ("fit eight-schools --learning-rate 0", &["expected a positive number"]),
        ("fit eight-schools --learning-rate nan", &["expected a positive number"]),
        ("fit eight-schools --seed x", &["--seed"]),
        ("fit eight-schools --threads 0", &["--threads"]),
        ("fit autoregression --lags 0", &["--lags"]),
        ("fit eight-schools --drwas 5", &["--draws"]),
        ("fit linear-regression --response y", &["--data"]),
        ("frobnicate", &["frobnicate"]),
        ("show nowhere", &["nowhere", "no saved fit there", "--out DIR"]),
        ("sample nowhere", &["nowhere", "no saved fit there"]),
    ];
    for (line, words) in cases {
        folder.jensen(line).refused(words);
        assert!(folder.names().is_empty(), "{line}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_found_out_before_the_fit() {
    let folder = Folder::new("bad-folder");
    folder.file("results", "a file");
    folder.jensen("fit eight-schools --out results").refused(&["results", "cannot make the folder", "check the path"]);
    folder.jensen("fit eight-schools --out results/deeper").refused(&["results"]);
    assert_eq!(folder.names(), ["results"]);
}

#[test]
fn a_damaged_saved_fit_is_refused() {
    let folder = Folder::new("damaged");
    std::fs::create_dir(folder.path("x")).unwrap();
    for text in ["", "{}", "{\"format\": 99}", "[1]"] {
        folder.file("x/fit.json", text);
        folder.jensen("show x").refused(&["x/fit.json: this is not a saved fit", "fit again"]);
        folder.jensen("sample x").refused(&["x/fit.json: this is not a saved fit"]);
    }
}

#[test]
fn the_list_names_every_model() {
    let folder = Folder::new("list");
    let run = folder.jensen("list");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let models = [
        "eight-schools",
        "eight-schools-centred",
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
fn the_json_report_is_whole_and_the_seed_decides() {
    let folder = Folder::new("json");
    let run = folder.jensen("fit linear-regression --quiet --json --threads 1");
    let report: serde_json::Value = serde_json::from_str(&run.fitted().out).unwrap();
    for key in ["model", "data", "posterior", "bound", "k_hat", "verdict", "stop", "standardised", "trace"] {
        assert!(!report[key].is_null(), "{key}");
    }
    assert_eq!(report["posterior"][1]["name"], "beta[mom_hs]");
    let again = folder.jensen("fit linear-regression --quiet --json --threads 2");
    let again: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(again["posterior"], report["posterior"], "the number of threads changes nothing");
}

#[test]
fn the_users_own_data_are_fitted_and_watched() {
    let folder = Folder::new("own-data");
    folder.file("d.csv", GOOD);
    let run = folder.jensen("fit linear-regression --data d.csv --response y --features a,c --out r --quiet");
    assert!(run.fitted().out.contains("beta[a]") && run.out.contains("standardised"), "{}", run.out);
    assert_eq!(folder.jensen("sample r --draws 5").code, Some(0));
    folder.file("d.csv", GOOD.replace("6.5", "7.5"));
    folder.jensen("sample r --draws 5").refused(&["the data have changed since the fit"]);
    std::fs::remove_file(folder.path("d.csv")).unwrap();
    folder.jensen("sample r --draws 5").refused(&["cannot be read", "put the file back"]);
    folder.jensen("show r").fitted();
}

#[test]
fn every_model_fits_its_own_data() {
    let folder = Folder::new("zoo");
    let list: serde_json::Value = serde_json::from_str(&folder.jensen("list --json").out).unwrap();
    for model in list.as_array().unwrap() {
        let name = model["name"].as_str().unwrap();
        let run = folder.jensen(&format!("fit {name} --quiet"));
        assert!(run.fitted().out.contains("verdict: "), "{name}: {run:?}");
    }
}

/// Every family, estimator and optimiser is reached, or refused in words.
#[test]
fn choices_are_carried_out_or_refused() {
    let folder = Folder::new("choices");
    for options in [
        "--family mean-field",
        "--family low-rank --steps 300",
        "--family student-t --steps 300",
        "--family map",
        "--family mean-field --optimizer lbfgs",
        "--family mean-field --optimizer newton-cg",
        "--estimator pathwise --optimizer dowg --steps 300",
        "--estimator auto --family mean-field --steps 300",
        "--family mean-field --estimator score-loo --draws 20 --optimizer rmsprop --learning-rate 0.01 --steps 300",
    ] {
        let run = folder.jensen(&format!("fit linear-regression --quiet {options}"));
        assert!(run.fitted().out.contains("beta[mom_iq]"), "{options}: {run:?}");
    }
    for options in [
        "--family mean-field --optimizer natural-gradient",
        "--optimizer lbfgs --estimator score",
        "--optimizer natural-gradient --estimator auto",
        "--family full-rank --optimizer lbfgs --draws 3",
    ] {
        folder.jensen(&format!("fit linear-regression --quiet {options} --out r")).refused(&["linear-regression: "]);
        assert!(folder.names().is_empty());
    }
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
