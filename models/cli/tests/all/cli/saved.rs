//! Saved fits between the library and the program, moved, mixed up, damaged and edited.

use super::{Folder, Run};
use crate::folder::sealed;
use jensen::mixture::{DiagonalGaussian, MixtureFit, Table};
use jensen::posterior::Posterior;
use jensen::prelude::*;
use std::fs;

fn line() -> jensen::Fitted {
    let (x, y) = (Column::new([0.0, 1.0, 2.0, 3.0]), Column::new([1.1, 2.9, 5.2, 6.8]));
    let model = model(move |p: &LogJoint| {
        let (a, b) = (p.draw("a", normal(0.0, 5.0)), p.draw("b", normal(0.0, 5.0)));
        p.rows(x.len(), |i| i.observe(y.at(i), normal(a + b * x.at(i), 0.5)));
    });
    jensen::fit(&model).unwrap()
}

/// What the library saves, the program shows.
#[test]
fn a_fit_of_the_library_is_shown() {
    let folder = Folder::new("of-library");
    let fitted = line();
    fitted.save(folder.path("own.json")).unwrap();
    let run = folder.jensen("show own.json");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.out.starts_with("a model of your own: own.json, 4 rows\n"), "{}", run.out);
    assert!(
        run.out.contains(&fitted.bound().report(fitted.k_hat())) && run.out.contains(&fitted.verdict().to_string())
    );
    let shown: serde_json::Value = serde_json::from_str(&folder.jensen("show own.json --json").out).unwrap();
    for (line, own) in shown["posterior"].as_array().unwrap().iter().zip(fitted.summary()) {
        assert_eq!((line["name"].as_str(), line["mean"].as_f64()), (Some(own.name.as_str()), Some(own.mean)));
    }
    folder.jensen("sample own.json").refused(&["own.json", "its model is your own", "Posterior::resample"]);

    let x: Vec<f64> = (0..40).map(|i| f64::from(i % 2) * 9.0 + f64::from(i) / 10.0).collect();
    let rows = Table::from_columns(&[x]).unwrap();
    let mixture = MixtureFit::new(DiagonalGaussian::from_rows(&rows).unwrap(), 2).run(&rows).unwrap();
    mixture.save(folder.path("mixture.json")).unwrap();
    let run = folder.jensen("show mixture.json");
    assert!(run.code == Some(0) && run.out.starts_with("2 components, 2 with rows; bound "), "{run:?}");
    let run = folder.jensen("predict mixture.json --simulate 3");
    assert!(run.code == Some(0) && run.out.starts_with("x1\n") && run.out.lines().count() == 4, "{run:?}");
}

/// What the program saves, the library loads.
#[test]
fn fits_of_the_program_are_loaded() {
    let folder = Folder::new("to-library");
    let run = folder.jensen("fit eight-schools --quiet --json --out r");
    let report: serde_json::Value = serde_json::from_str(&run.fitted().out).unwrap();
    let loaded = Posterior::load(folder.path("r")).unwrap();
    assert_eq!(loaded.names()[..3], ["mu", "tau", "eta[0]"]);
    assert_eq!(report["bound"]["elbo"]["value"].as_f64(), Some(loaded.bound().elbo.value));
    let text = fs::read_to_string(folder.path("r/draws.csv")).unwrap();
    let first: f64 = text.lines().nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    assert_eq!(first.to_bits(), loaded.draws("mu").unwrap()[0].to_bits());
    assert!(
        jensen::amortised::AmortisedFitted::load(folder.path("r")).unwrap_err().to_string().contains("\"posterior\"")
    );

    folder.jensen("fit simulated-posterior --steps 50 --quiet --out s").fitted();
    let network = jensen::amortised::AmortisedFitted::load(folder.path("s")).unwrap();
    assert!(folder.jensen("show s").out.contains(&network.method), "the same method");
    folder.file("d.csv", "y,a\n1,2\n2,3\n5,1\n0,4\n3,3\n9,9\n");
    folder.jensen("mixture d.csv --k 1 --quiet --out m").fitted();
    let shown = folder.jensen("show m");
    assert_eq!(
        jensen::mixture::MixtureFitted::<jensen::mixture::Kind>::load(folder.path("m")).unwrap().num_columns(),
        2
    );
    fs::remove_file(folder.path("d.csv")).unwrap();
    assert_eq!((folder.jensen("show m").out, shown.code), (shown.out, Some(0)));
    assert_eq!(folder.jensen("predict m --simulate 9").out.lines().count(), 10);
}

/// A run that is killed between two names leaves tables beside a `fit.json` that is not theirs.
#[test]
fn tables_of_another_fit_are_found_out() {
    let folder = Folder::new("mixed-up");
    for seed in [1, 2] {
        folder.jensen(&format!("fit eight-schools --seed {seed} --quiet --out r{seed}")).fitted();
    }
    // The same fit has the same identity, however long it took.
    folder.jensen("fit eight-schools --seed 1 --threads 1 --quiet --out again").fitted();
    let identity = |name: &str| {
        let text = fs::read_to_string(folder.path(&format!("{name}/fit.json"))).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["identity"].clone()
    };
    assert_eq!(identity("r1"), identity("again"));
    assert_ne!(identity("r1"), identity("r2"));
    for name in ["draws.csv", "proposal_draws.csv", "summary.csv", "trace.csv"] {
        let own = fs::read(folder.path(&format!("r1/{name}"))).unwrap();
        fs::copy(folder.path(&format!("r2/{name}")), folder.path(&format!("r1/{name}"))).unwrap();
        folder.jensen("show r1").refused(&[name, "is of another fit than r1/fit.json, or was edited; fit again"]);
        fs::write(folder.path(&format!("r1/{name}")), own).unwrap();
    }
    folder.jensen("show r1").fitted();
    // What is not there is not missed.
    fs::remove_file(folder.path("r1/draws.csv")).unwrap();
    folder.jensen("show r1").fitted();
}

#[test]
fn damaged_and_edited_fits_are_refused_in_words() {
    let folder = Folder::new("damaged");
    folder.jensen("fit eight-schools --quiet --out r").fitted();
    let whole = fs::read_to_string(folder.path("r/fit.json")).unwrap();
    let refused = |text: &str, words: &[&str]| {
        folder.file("x.json", text);
        folder.jensen("show x.json").refused(words);
        folder.jensen("sample x.json").refused(words);
    };
    for text in ["", "{}", "[1]", "a,b\n1,2\n", "{\"format\":\"other\",\"version\":3}"] {
        refused(text, &["x.json: is not a saved fit", "give the `fit.json` of a fit"]);
    }
    // What earlier versions wrote.
    for text in ["{\"format\":2,\"source\":{}}", "{\"format\":\"jensen posterior\",\"version\":2,\"posterior\":{}}"] {
        refused(text, &["x.json: is a saved fit of version 2, and this program reads version 3; fit again"]);
    }
    refused(&whole.replacen("\"version\":3", "\"version\":4", 1), &["of version 4"]);
    refused(&whole[..whole.len() / 3], &["x.json: ends after", "cut off"]);
    let mean = whole.find("\"q5\"").is_none();
    assert!(mean, "the table is made from the draws");
    let digit = whole.find("\"elbo\":{\"value\":-").unwrap() + 17;
    let mut edited = whole.clone();
    edited.replace_range(digit..digit + 1, "9");
    refused(&edited, &["damaged saved fit", "not what its checksum is of"]);
    // With its checksum made right, a number is a number; what cannot be is refused.
    folder.file("x.json", sealed(&edited));
    let run: Run = folder.jensen("show x.json");
    assert!(run.code == Some(0) && run.out.contains("bound (ELBO)  -9"), "{run:?}");
    let edit = |from: &str, to: &str| {
        let text = whole.replacen(from, to, 1);
        assert_ne!(text, whole, "{from}");
        sealed(&text)
    };
    for (from, to, words) in [
        (
            "\"elbo\":{\"value\":-",
            "\"elbo\":{\"value\":\"NaN\",\"mcse\":0},\"log_joint\":{\"value\":-",
            "duplicate field",
        ),
        ("\"num_draws\":", "\"num_draws\":1", "do not fit together"),
        ("\"num_draws\":", "\"num_draws\":461168601842", "do not fit together"),
        ("\"num_latents\":10", "\"num_latents\":9223372036854775808", "more numbers than there can be"),
        ("\"log_weights\":[", "\"log_weights\":[\"inf\",", "do not fit together"),
        ("\"theta\":[]", "\"theta\":[\"inf\"]", "invalid type"),
        ("\"converged\":true", "\"converged\":false", "trusts what its evidence does not"),
        ("\"effective_size\":", "\"effective_size\":\"NaN\",\"was\":", "not finite"),
    ] {
        refused(&edit(from, to), &["x.json: is a damaged saved fit", words]);
    }
    let (names, values) = ("\"names\":[\"mu\",", "\"names\":[\"mu\",\"mu\",");
    refused(&edit(names, values), &["do not fit together"]);
}

/// What is no file is not read as one: some of them never end.
#[cfg(unix)]
#[test]
fn a_fit_that_is_a_device_is_refused() {
    let folder = Folder::new("zero");
    std::os::unix::fs::symlink("/dev/zero", folder.path("fit.json")).unwrap();
    for line in
        ["show .", "show fit.json", "sample .", "predict . --simulate 1", "vae sample .", "vae --resume --out ."]
    {
        folder.jensen(line).refused(&["fit.json: is not a saved fit", "it is a device or a pipe"]);
    }
}

/// A fit takes the place of another kind of fit whole; what a reader has changed since, or put there, stays.
#[test]
fn tables_of_another_kind_of_fit_go_with_it() {
    let folder = Folder::new("kinds");
    assert!(folder.jensen("mixture --k 2 --quiet --out r").is_fitted());
    assert_eq!(folder.names("r"), ["fit.json", "labels.csv", "parameters.csv", "report.json"]);
    folder.file("r/notes.csv", "of the reader");
    folder.file("r/report.json", "edited");
    folder.jensen("fit eight-schools --quiet --out r").fitted();
    let names = folder.names("r");
    assert!(!names.contains(&"labels.csv".into()) && !names.contains(&"parameters.csv".into()), "{names:?}");
    assert!(names.contains(&"notes.csv".into()) && names.contains(&"report.json".into()), "{names:?}");
    assert!(folder.jensen("mixture --k 2 --quiet --out r").is_fitted());
    assert!(!folder.names("r").contains(&"trace.csv".into()), "{:?}", folder.names("r"));
}

/// What a command reads is not what it writes over.
#[test]
fn no_result_takes_the_place_of_what_is_read() {
    let folder = Folder::new("over");
    assert!(folder.jensen("mixture --k 2 --quiet --out m").is_fitted());
    folder.jensen("fit linear-regression --quiet --out f").fitted();
    let rows = "x,y\n1,2\n2,4.5\n3,5.5\n4,8\n5,9.5\n6,13\n";
    folder.file("rows.csv", rows);
    folder.file("draws.csv", rows);
    let (m, f) = (folder.read("m/fit.json"), folder.read("f/fit.json"));
    for line in [
        "predict m --simulate 3 --out m/fit.json",
        "sample f --draws 2 --out f/fit.json",
        "predict m rows.csv --out rows.csv",
        "fit linear-regression --data draws.csv --response y --out .",
        "compare linear-regression --data draws.csv --response y --out .",
        "mixture draws.csv --k 2 --out .",
    ] {
        folder.jensen(line).refused(&["the result would replace this file"]);
    }
    assert_eq!([folder.read("m/fit.json"), folder.read("f/fit.json")], [m, f]);
    assert_eq!([folder.read("rows.csv"), folder.read("draws.csv")], [rows, rows]);
}

/// A hierarchy written centred is fitted in other coordinates, and drawn from in them.
#[test]
fn a_fit_keeps_its_coordinates() {
    let folder = Folder::new("coordinates");
    let run = folder.jensen("fit eight-schools-centred --quiet --out r");
    let words = "coordinates   theta: 8 elements, centred by ";
    assert!(run.fitted().out.contains(words), "{run:?}");
    let saved = Posterior::load(folder.path("r")).unwrap();
    assert_eq!(saved.layout().site("theta").map(|site| site.centring.len()), Some(8));
    assert!(folder.jensen("show r").out.contains(words));
    let run = folder.jensen("sample r --proposal --draws 2000 --json");
    let drawn: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let lane = |name: &str| drawn[name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<f64>>();
    // Fresh draws of q have the bound of the fit; in other coordinates it would be nats below.
    let log_weights: Vec<f64> = lane("log_p").iter().zip(lane("log_q")).map(|(p, q)| p - q).collect();
    let bound = log_weights.iter().sum::<f64>() / 2000.0;
    let elbo = saved.bound().elbo;
    assert!((bound - elbo.value).abs() < 6.0 * elbo.mcse * 2f64.sqrt(), "{bound}, fitted {elbo}");
    // And its means: tau is in the model's own space.
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (fresh, summary) = (lane("tau"), &saved.proposal().summary()[1]);
    assert_eq!(summary.name, "tau");
    assert!((mean(&fresh) - summary.mean).abs() < 5.0 * (summary.sd / 2000f64.sqrt()).hypot(summary.mcse));
}
