//! Every model and every choice by name.

use super::Folder;

/// Name, options and allowed exit codes: 0 where a default fit is trusted, and has to stay so.
///
/// The two slowest get few steps. Where both codes stand, the verdict is near its border.
const MODELS: [(&str, &str, &[i32]); 27] = [
    ("eight-schools", "", &[0]),
    ("eight-schools-centred", "", &[1]),
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

/// Two lines are as good in either of two places (`docs/mixtures.md`): one q sees one of them, and the verdict knows.
#[test]
fn a_mixture_of_regressions_with_two_modes_is_not_trusted() {
    let folder = Folder::new("two-modes");
    folder.file("d.csv", include_str!("../../../models/data/faithful.csv"));
    let run = folder.jensen("fit regression-mixture --data d.csv --response waiting --quiet");
    assert!(run.code == Some(1) && run.out.contains("verdict: do not trust"), "{run:?}");
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
