//! Every model and every choice by name.

use super::Folder;

/// Name, options and allowed exit codes: 0 where a default fit is trusted, and has to stay so.
///
/// The two slowest get few steps. Where both codes stand, the verdict is near its border.
const MODELS: [(&str, &str, &[i32]); 28] = [
    ("eight-schools", "", &[0]),
    ("eight-schools-centred", "", &[0]),
    ("regression", "", &[0]),
    ("linear-regression", "", &[0]),
    ("logistic-regression", "", &[0]),
    ("poisson-regression", "", &[0]),
    ("negative-binomial-regression", "", &[0]),
    ("hierarchical-regression", "", &[0]),
    ("gaussian-process", "", &[0]),
    ("stochastic-volatility", "", &[1]),
    ("autoregression", "", &[0]),
    ("garch", "", &[0]),
    ("horseshoe", "", &[1]),
    ("spike-and-slab", "", &[0, 1]),
    ("coal-mining", "", &[0]),
    ("gaussian-mixture", "", &[0]),
    ("gaussian-mixture-assigned", "--steps 20", &[0, 1]),
    ("regression-mixture", "", &[0]),
    ("hidden-markov", "", &[0]),
    ("matrix-factorisation", "", &[1]),
    ("linear-state-space", "", &[0]),
    ("topics", "--steps 200 --draws 1 --restarts 1", &[1]),
    ("deep-state-space", "--steps 200 --restarts 1", &[1]),
    ("simulated-posterior", "--steps 100 --restarts 1", &[1]),
    ("implicit-factors", "--steps 50", &[1]),
    ("latent-class", "", &[0, 1]),
    ("bernoulli-latents", "", &[1]),
    ("sigmoid-belief-network", "--steps 10", &[1]),
];

#[test]
fn every_model_fits_its_own_data() {
    let folder = Folder::new("zoo");
    let list: serde_json::Value = serde_json::from_str(&folder.jensen("list --json").out).unwrap();
    let mut listed: Vec<&str> = list.as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    let mut named = MODELS.map(|(name, ..)| name);
    listed.sort_unstable();
    named.sort_unstable();
    assert_eq!(listed, named);
    let mut wrong = String::new();
    for (name, options, codes) in MODELS {
        let run = folder.jensen(&format!("fit {name} --quiet {options}"));
        if !run.code.is_some_and(|code| codes.contains(&code)) || !run.out.contains("verdict: ") {
            wrong += &format!("{name}, one of {codes:?} expected: {run:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Two lines are as good in either of two places (`docs/notebook/mixtures.md`): runs find both, the verdict names them, and with
/// weights near an edge in one of them it does not trust even their mixture.
#[test]
fn a_mixture_of_regressions_with_two_modes_is_not_trusted() {
    let folder = Folder::new("two-modes");
    folder.file("d.csv", jensen_models::data::OLD_FAITHFUL);
    let run = folder.jensen("fit regression-mixture --data d.csv --response waiting --quiet");
    assert!(run.code == Some(1) && run.out.contains("verdict: do not trust"), "{run:?}");
    assert!(run.out.contains("modes") && run.out.contains("there weights["), "{run:?}");
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
        assert!(run.fitted().out.contains("b[mom_iq]"), "{options}: {run:?}");
    }
    for options in [
        "--family mean-field --optimizer natural-gradient",
        "--optimizer lbfgs --estimator score",
        "--optimizer natural-gradient --estimator auto",
        "--family full-rank --optimizer lbfgs --draws 3",
    ] {
        folder.jensen(&format!("fit linear-regression --quiet {options} --out r")).refused(&["linear-regression: "]);
        assert!(folder.names("").is_empty());
    }
}

/// A report of numbers outside of rows, and one with latents of rows: nothing but the time may differ.
#[test]
fn the_number_of_threads_changes_nothing_but_the_time() {
    let folder = Folder::new("threads");
    for line in ["linear-regression", "latent-class --steps 200"] {
        let report = |threads: usize| {
            let run = folder.jensen(&format!("fit {line} --quiet --json --threads {threads}"));
            let mut report: serde_json::Value = serde_json::from_str(&run.fitted().out).unwrap();
            assert!(report.as_object_mut().unwrap().remove("seconds").is_some_and(|s| s.is_f64()), "{line}");
            report
        };
        let one = report(1);
        for threads in [2, 3] {
            assert_eq!(report(threads), one, "{line}, {threads} threads");
        }
    }
}

/// Topics have their words, documents their weights; what a network cannot do is refused; a saved fit is drawn from.
#[test]
fn models_with_a_network_as_q_are_fitted_and_saved() {
    let folder = Folder::new("networks");
    let run =
        folder.jensen("fit topics --quiet --restarts 1 --steps 1000 --draws 1 --learning-rate 0.01 --out fit --json");
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let lines = report["posterior"].as_array().unwrap();
    assert_eq!(lines.len(), 4 * 20, "{report}");
    // The four sets of five words are told apart: each topic has most of its mass on one of them.
    let mean = |k: usize| lines[k]["mean"].as_f64().unwrap();
    let mut found: Vec<usize> = (0..4)
        .filter_map(|topic| {
            let mass = |set: usize| (0..5).map(|w| mean(20 * topic + 5 * set + w)).sum::<f64>();
            (0..4).find(|set| mass(*set) > 0.6)
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, [0, 1, 2, 3], "{report}");
    let drawn = folder.jensen("sample fit --draws 3");
    assert!(drawn.code == Some(0) && drawn.out.starts_with("words0[goal],"), "{drawn:?}");
    for (line, words) in
        [("fit topics --family full-rank", "its q is a network"), ("compare deep-state-space", "its q is a network")]
    {
        let run = folder.jensen(line);
        assert!(run.code == Some(2) && run.err.contains(words), "{line}: {run:?}");
    }
    folder.file("bad.csv", "a,b,c\n1,2,3\n1,2.5,3\n".to_string() + &"1,2,3\n".repeat(9));
    let run = folder.jensen("fit topics --data bad.csv");
    assert!(run.code == Some(2) && run.err.contains("bad.csv, line 3, column `b`"), "{run:?}");
    for (line, words) in [
        (
            "fit topics --data bad.csv --features a,b",
            "2 columns are too few; give at least 3 of counts, one for each word",
        ),
        ("fit deep-state-space --data bad.csv --features a", "1 columns are too few; give at least 2 of numbers"),
    ] {
        folder.jensen(line).refused(&[words]);
    }
    // All steps are counted, and shown.
    let run = folder.jensen("fit topics --quiet --restarts 1 --steps 7 --out short --json");
    let report: serde_json::Value = serde_json::from_str(&run.fitted().out).unwrap();
    assert_eq!(report["num_steps"], 7, "{report}");
    let trace = std::fs::read_to_string(folder.path("short/trace.csv")).unwrap();
    assert!(trace.lines().last().unwrap().starts_with("7,"), "{trace}");
}
