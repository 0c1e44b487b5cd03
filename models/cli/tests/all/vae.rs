//! `jensen vae`: training, files, going on to the same bits, codes and pictures, and an answer to every bad input.

use super::folder::{Folder, sealed};
use std::process::{Command, Stdio};

impl Folder {
    fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }
}

/// A table of `rows` images of 3 x 3: a bar in one of three columns, with a pixel that is flipped now and then.
fn bars(rows: usize) -> String {
    let mut uniform = vec![0.0; rows];
    jensen::streams::Streams::new(1).fill_uniform(1, &mut uniform);
    let header: Vec<String> = (0..9).map(|p| format!("p{p}")).collect();
    let mut text = format!("bar,{}\n", header.join(","));
    for (i, u) in uniform.iter().enumerate() {
        let flipped = (u * 30.0) as usize;
        let pixel = |p: usize| ((p % 3 == i % 3) != (p == flipped)).to_string();
        let cells: Vec<&str> = (0..9).map(|p| if pixel(p) == "true" { "1" } else { "0" }).collect();
        text += &format!("{},{}\n", i % 3, cells.join(","));
    }
    text
}

const SMALL: &str = "--latent 2 --hidden 16 --batch 32 --learning-rate 0.01 --score-draws 100 --quiet";

#[test]
fn bars_are_learnt_and_a_folder_holds_everything() {
    let folder = Folder::new("vae-bars");
    folder.file("bars.csv", bars(300));
    let run = folder.jensen(&format!("vae --data bars.csv --label bar --epochs 60 --out fit {SMALL}"));
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    for words in ["240 training and 60 test images", "networks 9-16-2, bernoulli", "log p(x)", "2 of 2 active units"] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    let pictures = ["interpolations", "latents", "reconstructions", "samples", "training", "traversals"];
    let mut expected: Vec<String> = pictures.iter().flat_map(|n| [format!("{n}.png"), format!("{n}.svg")]).collect();
    expected.extend(["report.json".to_string(), "fit.json".to_string()]);
    expected.sort();
    assert_eq!(folder.names("fit"), expected);
    // Three bars and at most one flip of thirty places: the entropy is about ln 3 + H(flip), 2.2 nats.
    let report = folder.json("fit/report.json");
    let log_p = report["log_p"]["mean"]["mean"].as_f64().unwrap();
    let bound = report["test"]["bound"]["mean"].as_f64().unwrap();
    assert!((-4.5..-1.8).contains(&log_p) && bound < log_p + 0.05, "{log_p} {bound}");
    let units = report["units"].as_array().unwrap();
    let kl: f64 = units.iter().map(|u| u["kl"].as_f64().unwrap()).sum();
    assert!((kl - report["test"]["kl"]["mean"].as_f64().unwrap()).abs() < 1e-9);
    assert!(report["information"].as_f64().unwrap() > 0.8, "three bars are 1.1 nats: {report}");

    // Codes there and back: the bar is lit, the others are not.
    let run = folder.jensen("vae encode fit --data bars.csv --label bar --out codes.csv");
    assert_eq!((run.code, run.out.as_str()), (Some(0), ""), "{run:?}");
    assert!(folder.read("codes.csv").starts_with("row,z1,z2,sd1,sd2\n1,"));
    let run = folder.jensen("vae decode fit codes.csv");
    let lit = |line: &str| -> Vec<f64> { line.split(',').map(|x| x.parse().unwrap()).collect() };
    assert_eq!(run.out.lines().count(), 301, "{run:?}");
    let right = run.out.lines().skip(1).enumerate().filter(|(i, line)| {
        let x = lit(line);
        let bar = |k: usize| x[k] + x[k + 3] + x[k + 6];
        (0..3).all(|k| k == i % 3 || bar(k) < bar(i % 3))
    });
    let right = right.count();
    assert!(right >= 290, "{right} of 300 bars come back");
    let run = folder.jensen("vae sample fit --draws 7 --seed 3");
    assert_eq!((run.code, run.out.lines().count()), (Some(0), 8));
    assert_eq!(run.out, folder.jensen("vae sample fit --draws 7 --seed 3").out);
    assert_ne!(run.out, folder.jensen("vae sample fit --draws 7 --seed 4").out);
    let run = folder.jensen("vae interpolate fit 1 2 --data bars.csv --label bar --steps 5 --out way.png");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(std::fs::read(folder.0.join("way.png")).unwrap().starts_with(b"\x89PNG"));
    let run = folder.jensen("vae sample fit/fit.json --out s.svg");
    assert!(run.code == Some(0) && folder.read("s.svg").starts_with("<svg"), "{run:?}");
    // A way's ends are the reconstructions of its images.
    let ends = folder.jensen("vae interpolate fit 1 2 --data bars.csv --label bar --steps 5").out;
    let decoded = folder.jensen("vae decode fit codes.csv").out;
    let line = |text: &str, k: usize| lit(text.lines().nth(k).unwrap());
    for (a, b) in [(1, 1), (5, 2)] {
        let pairs = line(&ends, a).into_iter().zip(line(&decoded, b));
        assert!(pairs.into_iter().all(|(x, y)| (x - y).abs() < 1e-9));
    }
}

#[test]
fn going_on_ends_at_the_bits_of_a_run_that_was_never_interrupted() {
    let folder = Folder::new("vae-resume");
    folder.file("bars.csv", bars(150));
    let options = [
        "--anneal linear --anneal-epochs 5 --beta 2 --free-bits 0.05 --threads 1",
        "--anneal cyclical --anneal-epochs 4 --likelihood gaussian --threads 2",
        "--estimator iwae --importance 3 --precision double",
    ];
    for (k, options) in options.into_iter().enumerate() {
        let common = format!("vae --data bars.csv --label bar {SMALL}");
        let run = folder.jensen(&format!("{common} --epochs 7 --out whole{k} {options}"));
        assert!(run.is_fitted(), "{run:?}");
        folder.jensen(&format!("{common} --epochs 3 --out part{k} {options}"));
        assert_ne!(folder.identity(&format!("part{k}")), folder.identity(&format!("whole{k}")));
        // What the checkpoint says need not be said again.
        let quiet = "--score-draws 100 --quiet --threads 2";
        let run = folder.jensen(&format!("vae --data bars.csv --label bar --epochs 7 --out part{k} --resume {quiet}"));
        assert!(run.is_fitted(), "{run:?}");
        assert_eq!(folder.identity(&format!("part{k}")), folder.identity(&format!("whole{k}")), "{options}");
    }
}

#[test]
fn an_interrupted_run_is_kept_and_gone_on_with() {
    let folder = Folder::new("vae-interrupt");
    folder.file("bars.csv", bars(150));
    let common = format!("vae --data bars.csv --label bar --out fit {SMALL}");
    let line = format!("{common} --epochs 100000000");
    let mut child = folder.command(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    if !killed.is_ok_and(|s| s.success()) {
        child.kill().unwrap();
        child.wait().unwrap();
        return; // no such command on this system
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("not trusted: interrupted after") && text.contains("--resume"), "{text}");
    let epochs = folder.json("fit/report.json")["epochs"].as_u64().unwrap();
    // To the same bits, also from the middle of an epoch.
    folder.jensen(&format!("{common} --epochs {} --resume", epochs + 2));
    let resumed = folder.identity("fit");
    folder.jensen(&format!("vae --data bars.csv --label bar --out other {SMALL} --epochs {}", epochs + 2));
    assert_eq!(resumed, folder.identity("other"));
}

#[test]
fn training_that_does_not_stay_finite_goes_back_and_gives_up_with_the_state_saved() {
    let folder = Folder::new("vae-finite");
    folder.file("bars.csv", bars(100));
    let common =
        "vae --data bars.csv --label bar --likelihood gaussian --latent 2 --hidden 8 --batch 32 --score-draws 10";
    let run = folder.jensen(&format!("{common} --epochs 3 --out fit --learning-rate 1e200"));
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.err.contains("epoch 1: the bound or its gradient is not finite; back to the end of epoch 0"),
        "{run:?}"
    );
    assert!(run.err.contains("not finite 3 times in a row") && run.err.contains("--resume"), "{run:?}");
    let saved = &folder.json("fit/fit.json")["body"];
    assert_eq!((&saved["log"]["rollbacks"], &saved["state"]["step"]), (&3.into(), &0.into()));
    let run = folder.jensen(&format!("{common} --epochs 3 --out fit --resume --learning-rate 0.01"));
    assert!(run.is_fitted() && run.out.contains("note: 3 times the bound or its gradient was not finite"), "{run:?}");
    let run = folder.jensen(&format!("{common} --epochs 3 --learning-rate 1e200"));
    assert!(run.err.contains("nothing is kept without --out; try a smaller --learning-rate"), "{run:?}");
}

#[test]
fn numbers_of_any_size_are_learnt_in_their_own_units() {
    let folder = Folder::new("vae-units");
    folder.file("large.csv", "a,b\n5,1e5\n2,1\n".to_string() + &"1e6,2e6\n".repeat(20));
    let run = folder.jensen("vae --data large.csv --likelihood gaussian --latent 1 --hidden 4 --out large --json");
    assert!(run.is_fitted(), "{run:?}");
    // The sd of two columns together is about 4e5: no network that starts at one gets there in 100 epochs.
    let found: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let [own, alone] = [&found["test"]["bound"], &found["baselines"][0]["log_p"]].map(|m| m["mean"].as_f64().unwrap());
    assert!(own > alone - 5.0, "{own} {alone}");
}

#[test]
fn a_collapsed_posterior_is_not_trusted() {
    let folder = Folder::new("vae-collapse");
    folder.file("bars.csv", bars(100));
    let run = folder.jensen(&format!("vae --data bars.csv --label bar --beta 50 --epochs 40 {SMALL}"));
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.contains("posterior collapse: 2 of 2 latents") && run.out.contains("--free-bits"), "{run:?}");
    let run = folder.jensen(&format!("vae --data bars.csv --label bar --beta 50 --free-bits 0.3 --epochs 200 {SMALL}"));
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn images_too_wide_for_pictures_are_trained_on_all_the_same() {
    let folder = Folder::new("vae-wide");
    let header: Vec<String> = (0..2000).map(|p| format!("p{p}")).collect();
    let row =
        |i: usize| (0..2000).map(|p| if (p + i).is_multiple_of(3) { "1" } else { "0" }).collect::<Vec<_>>().join(",");
    let rows: Vec<String> = (0..9).map(row).collect();
    folder.file("wide.csv", format!("{}\n{}\n", header.join(","), rows.join("\n")));
    // What an earlier fit has left goes away with it.
    std::fs::create_dir_all(folder.0.join("fit")).unwrap();
    folder.file("fit/samples.txt", "of an earlier fit");
    folder.file("fit/notes.txt", "not of a fit");
    let run = folder.jensen("vae --data wide.csv --latent 2 --hidden 4 --epochs 1 --score-draws 5 --out fit");
    assert!(run.is_fitted() && run.err.contains("samples is left out: images so wide make no picture"), "{run:?}");
    let names = folder.names("fit");
    assert!(["fit.json", "notes.txt", "report.json", "traversals.png"].iter().all(|n| names.contains(&n.to_string())));
    assert!(!names.iter().any(|n| n.starts_with("samples")), "{names:?}");
}

#[test]
fn every_bad_input_is_named_with_a_remedy() {
    let folder = Folder::new("vae-bad");
    folder.file("bars.csv", bars(60));
    folder.file("grey.csv", "a,b\n0,1\n0.5,1\n");
    folder.file("ragged.csv", "a,b\n0,1\n0\n");
    folder.file("one.csv", "a,b\n0,1\n");
    folder.file("labels.idx", [0, 0, 8, 1, 0, 0, 0, 1, 7]);
    folder.file("short.idx", [0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 2, 7]);
    let base = format!("vae --data bars.csv --label bar --epochs 1 --out fit {SMALL}");
    assert!(folder.jensen(&base).is_fitted());
    let whole = folder.read("fit/fit.json");
    std::fs::create_dir_all(folder.0.join("empty")).unwrap();
    folder.file("one.png", b"\x89PNG\r\n\x1a\n....");
    folder.file("labels.csv", "bar\n1\n2\n3\n");
    // Checkpoints whose parts do not belong together, their checksums made right.
    let first = whole.find("\"first\":[").unwrap() + 9;
    let cut = first + whole[first..].find(',').unwrap() + 1;
    for (name, text) in [
        ("cut", whole[..whole.len() / 2].to_string()),
        ("old", "{\"format\":2,\"architecture\":{}}".to_string()),
        ("edited", whole.replace("\"batch\":32", "\"batch\":31")),
        ("mixed", sealed(&whole.replace("\"hidden\":[16]", "\"hidden\":[17]"))),
        ("huge", sealed(&whole.replace("\"hidden\":[16]", "\"hidden\":[9000000000000000000]"))),
        ("batch", sealed(&whole.replace("\"batch\":32", "\"batch\":0"))),
        ("levels", sealed(&whole.replace("\"bernoulli\"", "{\"categorical\":{\"levels\":3}}"))),
        ("given", sealed(&whole.replace("\"given\":0", "\"given\":2"))),
        ("epochs", sealed(&whole.replace("\"step\":2,", "\"step\":200,"))),
        ("moments", sealed(&(whole[..first].to_string() + &whole[cut..]))),
    ] {
        assert_ne!(text, whole, "{name}");
        std::fs::create_dir_all(folder.0.join(name)).unwrap();
        folder.file(&format!("{name}/fit.json"), text);
    }
    let resume = "vae --data bars.csv --label bar --resume --epochs 2 --quiet";
    for (line, words) in [
        ("vae --data grey.csv", "grey.csv, line 3, column `a`: 0.5 is neither 0 nor 1"),
        ("vae --data ragged.csv", "ragged.csv, line 3: found 1 field"),
        ("vae --data one.csv", "one.csv: 1 rows; an autoencoder needs at least 2"),
        ("vae --data labels.idx", "this file holds labels"),
        ("vae --data short.idx", "9 images of 2 x 2 take 52 bytes with the header, the file has 17"),
        ("vae --data empty", "no PNG files in the folder"),
        ("vae --data none.csv", "file not found"),
        ("vae --data bars.csv --label bar --shape 2x2", "are no images of 2 x 2"),
        ("vae --estimator iwae --beta 2", "leave out --beta, --free-bits and --anneal"),
        ("vae --resume", "--out"),
        ("vae --beta -1", "expected a number from 0 to 1000000"),
        ("vae --label hue", "one column of classes, `digit`; leave --label out"),
        ("vae --threshold 0.5", "leave --threshold and --shape out"),
        ("vae --latent 5000 --score-draws 1000000", "give --score-draws 10000 or less"),
        ("vae --latent 5000 --estimator iwae --importance 10000", "give a smaller --batch, --importance or --latent"),
        ("vae --importance 3", "--importance is for --estimator iwae"),
        ("vae --anneal-epochs 3", "--anneal-epochs is for --anneal"),
        ("vae --data one.png", "one.png: this is a single PNG image; give the folder"),
        ("vae encode fit --data bars.csv --label bar --window 4", "--window is for text, and the fit is one of images"),
        ("vae encode fit --data bars.csv --condition bar", "the fit was trained without --condition; leave it out"),
        ("vae sample fit --out s.jpg", "give a name that ends in .png or .svg"),
        ("vae --latent 0", "--latent"),
        ("vae --threshold nan", "expected a number such as 0.5"),
        (&format!("{resume} --out cut"), "it was cut off"),
        (&format!("{resume} --out old"), "is a saved fit of version 2, and this program reads version 3; fit again"),
        (&format!("{resume} --out edited"), "it is not what its checksum is of"),
        (&format!("{resume} --out huge"), "networks of more weights than there are numbers"),
        (&format!("{resume} --out given"), "where the networks have"),
        (&format!("{resume} --out mixed"), "where the networks have"),
        (&format!("{resume} --out batch"), "settings out of range"),
        (&format!("{resume} --out levels"), "where the networks have"),
        (&format!("{resume} --out epochs"), "1 epochs in the log and 100 in the state"),
        (
            &format!("{resume} --out moments"),
            "the state belongs to another model, family, estimator or optimiser, or is damaged",
        ),
        ("vae --data labels.csv --label bar", "no column of pixels is left beside `bar`"),
        ("vae --data labels.csv --label bar --buffer 2", "no column of pixels is left beside `bar`"),
        ("vae --buffer 0", "expected a whole number from 1"),
        ("vae interpolate fit 0 1", "expected a whole number from 1"),
        ("vae sample fit --draws 1000000 --out s.png", "too many, or too wide, for one picture"),
        ("vae --hidden 1000000,1000000", "are too large, 50,000,000 is the most; give smaller --hidden"),
        (&format!("{resume} --out empty"), "fit.json: is not a saved fit"),
        (
            &format!("{resume} --out fit --latent 3"),
            "the checkpoint has --latent 2, not --latent 3; leave --latent out",
        ),
        (&format!("{resume} --out fit --beta 3"), "the checkpoint has --beta 1.0, not --beta 3.0"),
        (&format!("{resume} --out fit --precision double"), "leave --precision out"),
        (&format!("{resume} --out fit --hidden 16,16"), "the checkpoint has --hidden [16], not --hidden [16, 16]"),
        ("vae --resume --out fit", "the checkpoint was trained on other data (bars.csv, 48 training rows) than digits"),
        ("vae encode cut", "it was cut off"),
        ("vae encode fit", "digits: images of 64 pixels, the fit has 9"),
        ("vae decode fit bars.csv", "no column `z1`"),
        ("vae interpolate fit 1 99 --data bars.csv --label bar", "no row 99, there are 60"),
        ("vae sample none", "none: is not a saved fit"),
    ] {
        let run = folder.jensen(line);
        assert_eq!(run.code, Some(2), "{line}: {run:?}");
        assert!(run.err.contains(words), "{line}: {}", run.err);
    }
    assert_eq!(folder.read("fit/fit.json"), whole);
}

/// More weight on the KL, less KL and less of the image: as the 8 x 8 digits show in docs/notebook/amortised.md.
#[test]
fn the_curve_of_rate_and_distortion_is_monotone_in_beta() {
    let folder = Folder::new("vae-beta");
    folder.file("bars.csv", bars(300));
    let points: Vec<(f64, f64)> = ["0.5", "1", "4", "10"]
        .iter()
        .map(|beta| {
            let run =
                folder.jensen(&format!("vae --data bars.csv --label bar --epochs 80 --beta {beta} --json {SMALL}"));
            let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
            let of = |part: &str| report["train"][part]["mean"].as_f64().unwrap();
            (of("kl"), -of("data"))
        })
        .collect();
    assert!(points.windows(2).all(|p| p[0].0 > p[1].0 && p[0].1 < p[1].1), "{points:?}");
}
