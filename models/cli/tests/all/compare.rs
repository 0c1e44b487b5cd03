//! `jensen compare` as a program: tables, files, refusals, and an interrupt.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A folder of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("jensen-compare-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jensen"));
        command.args(line.split_whitespace()).current_dir(&self.0);
        command
    }

    fn jensen(&self, line: &str) -> (Option<i32>, String, String) {
        read(&self.command(line).output().unwrap())
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn is_empty(&self) -> bool {
        std::fs::read_dir(&self.0).unwrap().next().is_none()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn read(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_cannot_be_compared_is_refused_in_words() {
    let folder = Folder::new("refused");
    let cases: &[(&str, &[&str])] = &[
        ("", &["MODEL"]),
        ("eigth-schools", &["did you mean `eight-schools`"]),
        ("eight-schools --estimators pathwise,strange", &["strange", "possible values: pathwise,"]),
        ("eight-schools --estimators auto", &["auto", "possible values"]),
        ("eight-schools --estimators score-loo --draws 1", &["score-loo needs at least 2 draws, not 1", "raise"]),
        ("eight-schools --draws 0", &["'0' for '--draws <N,N,N>'"]),
        ("eight-schools --draws 1,x", &["'x' for '--draws"]),
        ("eight-schools --at start", &["start", "init, middle, optimum"]),
        ("eight-schools --repeats 1", &["'1' for '--repeats <N>'", "from 2 to 1000000"]),
        ("eight-schools --family map", &["a point has no draws", "choose another family"]),
        (
            "eight-schools --estimators enumerate,disarm",
            &["enumerate is for integer latents", "disarm is for integer latents"],
        ),
        ("eight-schools --estimators vimco --draws 1", &["vimco needs at least 2 draws, not 1", "raise"]),
        ("eight-schools --estimators enumerate", &["enumerate is for integer latents, and this model has none"]),
        ("eight-schools --family full-rank --estimators measure-valued", &["mean-field family, not full-rank"]),
        ("eight-schools --estimators score --design antithetic", &["score needs independent draws"]),
        ("eight-schools --design sobol", &["sobol", "quasi-random"]),
        ("coal-mining --estimators disarm", &["integers of two values", "has 111", "local-expectation"]),
        ("coal-mining --estimators control-variate", &["no gradient for integer latents", "use ", "enumerate"]),
        ("latent-class --estimators enumerate", &["integers of rows have 10^65.0 joint", "local-expectation"]),
        ("linear-regression --response y", &["--data"]),
        ("linear-regression --data none.csv --response y", &["none.csv: file not found"]),
    ];
    for (line, words) in cases {
        let (code, out, err) = folder.jensen(&format!("compare {line} --out results"));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{line}: {err}");
        for word in *words {
            assert!(err.contains(word), "no `{word}` in {err}");
        }
        assert!(folder.is_empty(), "{line}");
    }
}

#[test]
fn a_comparison_is_printed_and_written() {
    let folder = Folder::new("written");
    let line = "compare eight-schools --draws 1,10 --repeats 200 --budget 3000 --out a/b --quiet";
    let (code, out, err) = folder.jensen(line);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let words = ["at init: bias against", "at middle", "at optimum", "var x time", "needs at least 2 draws", "\nUse "];
    for words in words {
        assert!(out.contains(words), "{words}: {out}");
    }
    // Score function without a baseline is never the best, and nothing here is biased.
    assert!(!out.contains("BIASED") && !out.contains("Use score "), "{out}");

    let csv = folder.text("a/b/compare.csv");
    assert_eq!(csv.lines().count(), 1 + 3 * 2 * 10);
    assert!(csv.starts_with("point,estimator,draws,repeats,") && csv.contains("\ninit,score-loo,1,,"), "{csv}");
    let json: serde_json::Value = serde_json::from_str(&folder.text("a/b/compare.json")).unwrap();
    assert_eq!((json["model"].as_str(), json["cells"].as_array().unwrap().len()), (Some("eight-schools"), 60));
    assert!(json["recommendation"]["estimator"].is_string() && json["complete"] == true);
    let page = folder.text("a/b/compare.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.matches("<svg").count() == 3);
    for words in [
        "What the columns say",
        "variance × time*",
        "class=\"advice\">Use ",
        "Bound reached with equal work",
        "repeats.csv",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // Nothing is fetched from elsewhere: the one address is the name of SVG.
    assert_eq!(page.matches("http").count(), page.matches("http://www.w3.org/2000/svg").count());
    assert!(!page.contains("NaN") && !page.contains("<script"));
    assert_eq!(std::fs::read_dir(folder.0.join("a/b")).unwrap().count(), 4);
}

#[test]
fn what_is_refused_is_a_line_and_other_objectives_are_apart() {
    let folder = Folder::new("lines");
    let line = "compare eight-schools --estimators pathwise,disarm,score-loo,doubly-reparameterised --draws 1,4";
    let (code, out, err) = folder.jensen(&format!("{line} --at init --repeats 100 --budget 400 --out r --quiet"));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let bounds =
        ["gradients of the importance-weighted bound of 1 draw,", "gradients of the importance-weighted bound of 4"];
    for words in [bounds[0], bounds[1], "not compared\ndisarm is for integer latents, and this model has none; use "] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let csv = folder.text("r/compare.csv");
    // Two estimators and two numbers of draws, two bounds, the refused one and the header.
    assert_eq!(csv.lines().count(), 1 + 4 + 2 + 1, "{csv}");
    assert!(csv.contains("\n,disarm,,") && csv.contains(",the importance-weighted bound of 4 draws,,\n"), "{csv}");
    let json: serde_json::Value = serde_json::from_str(&folder.text("r/compare.json")).unwrap();
    assert_eq!(json["refused"][0]["estimator"].as_str(), Some("disarm"));
    assert_eq!(json["others"][1]["objective"]["importance-weighted"]["particles"].as_u64(), Some(4));
    let page = folder.text("r/compare.html");
    for words in
        ["<h2>Not compared</h2>", "signal to noise", "<h1>Gradients of the importance-weighted bound of 4 draws"]
    {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.matches("<svg").count() == 4 && !page.contains("NaN"));
}

#[test]
fn integers_are_compared_with_their_exact_gradient() {
    let folder = Folder::new("integers");
    let line = "compare bernoulli-latents --estimators score-loo,disarm,local-expectation --draws 2 --at init,optimum";
    let (code, out, err) = folder.jensen(&format!("{line} --repeats 400 --budget 2000 --quiet --json"));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    for point in json["points"].as_array().unwrap() {
        assert_eq!(point["reference"]["source"].as_str(), Some("the exact gradient"), "{point}");
    }
    let variance = |name: &str| {
        let cell = json["cells"].as_array().unwrap().iter().find(|c| c["estimator"] == name && c["point"] == "init");
        cell.unwrap()["figures"]["total_variance"].as_f64().unwrap()
    };
    // At even odds a two-valued latent has two logits, whose gradients are g and -g: twice the variances of
    // tests/all/estimate/discrete.rs, halved again for two draws of a pair or of a local expectation. From 400 gradients, 30 %.
    for (name, expected) in [("score-loo", 2.0 * 543.63), ("disarm", 389.36), ("local-expectation", 12.7658)] {
        let found = variance(name);
        assert!((found / expected - 1.0).abs() < 0.3, "{name}: {found}, expected {expected}");
    }
    assert!(!out.contains("\"found_twice\": true"), "{out}");
}

#[test]
fn designs_are_compared_with_each_other() {
    let folder = Folder::new("designs");
    let line = "compare linear-regression --family mean-field --estimators pathwise,score --draws 16";
    let line = format!("{line} --design independent,quasi-random");
    let (_, out, err) = folder.jensen(&format!("{line} --at optimum --repeats 200 --budget 0 --quiet --json"));
    assert_eq!(err, "");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let cells = json["cells"].as_array().unwrap();
    let names: Vec<&str> = cells.iter().map(|c| c["estimator"].as_str().unwrap()).collect();
    assert_eq!(names, ["pathwise", "pathwise quasi-random", "score"]);
    let variance = |k: usize| cells[k]["figures"]["total_variance"].as_f64().unwrap();
    assert!(variance(1) < 0.5 * variance(0), "{} {}", variance(1), variance(0));
}

#[test]
fn the_seed_decides_everything_but_the_times() {
    let folder = Folder::new("seed");
    let figures = |seed: u64| {
        let line = "compare eight-schools --family mean-field --estimators pathwise,score-loo --draws 4";
        let (_, out, _) =
            folder.jensen(&format!("{line} --at optimum --repeats 50 --budget 0 --quiet --json --seed {seed}"));
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let cells = json["cells"].as_array().unwrap().iter();
        cells.map(|c| (c["estimator"].clone(), c["figures"]["variance"].clone())).collect::<Vec<_>>()
    };
    let first = figures(3);
    assert_eq!(first.len(), 2);
    assert_eq!(first, figures(3));
    assert_ne!(first, figures(4));
}

#[test]
fn errors_that_cannot_be_had_and_enumerations_too_large_are_words() {
    let folder = Folder::new("words");
    let line = "compare eight-schools --estimators pathwise,score-loo --draws 4 --at init --repeats 2 --budget 100";
    let (code, out, err) = folder.jensen(&format!("{line} --quiet --out r"));
    assert_eq!((code, err.as_str()), (Some(1), ""), "{out}");
    assert!(out.contains("no errors: 2 gradients of each kind are too few; take 30 or more"), "{out}");
    assert!(out.contains("No estimator is recommended: 2 gradients"), "{out}");
    assert!(!folder.text("r/compare.html").contains("NaN"));
    // Two gradients of two estimators, and the header.
    assert_eq!(folder.text("r/repeats.csv").lines().count(), 5);
    let line = "compare latent-class --estimators enumerate,local-expectation,disarm --draws 2 --at init --repeats 40";
    let (_, out, err) = folder.jensen(&format!("{line} --budget 0 --quiet"));
    assert!(err.is_empty() && out.contains("not compared\nenumerate: ") && out.contains("10^65.0 joint"), "{out}{err}");
    assert!(out.contains("local-expectation      2"), "{out}");
}

/// Nine seeds give one answer, or say that several are as good; two minutes of a development build.
#[test]
#[ignore = "nine comparisons"]
fn nine_seeds_agree_or_say_that_several_are_as_good() {
    let folder = Folder::new("seeds");
    let line = "compare eight-schools --estimators sticking-the-landing,pathwise,pathwise-mc-entropy,mixed,control-variate \
                --draws 1,10 --at init,optimum --quiet --json";
    let mut chosen: Vec<(String, usize)> = Vec::new();
    for seed in 0..9 {
        let (_, out, _) = folder.jensen(&format!("{line} --seed {seed}"));
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let advice = &json["recommendation"];
        let others = advice["as_good"].as_array().unwrap().len();
        chosen.push((advice["estimator"].as_str().unwrap().to_string(), others));
    }
    assert!(chosen.iter().all(|(name, others)| *name == chosen[0].0 || *others > 0), "{chosen:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_is_finished() {
    let folder = Folder::new("interrupt");
    // The gradients are done at once, the short fit would take an hour.
    let line =
        "compare eight-schools --estimators pathwise --draws 1 --at init --repeats 30 --budget 4000000000 --out r";
    let mut command = folder.command(line);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let (code, out, err) = read(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("interrupted: what was finished is above"), "{out}");
    assert_eq!(folder.text("r/compare.csv").lines().count(), 2);
    assert!(folder.text("r/compare.html").contains("Interrupted"));
    assert_eq!(std::fs::read_dir(folder.0.join("r")).unwrap().count(), 4);
}
