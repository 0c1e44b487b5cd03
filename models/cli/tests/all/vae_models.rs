//! Further models of `jensen vae`: given a class, a class in the code, a prior of clusters, categories, text.

use super::folder::{Folder, Run};

/// A table of `rows` images of 3 x 3: a bar in one of three columns, with a pixel that is flipped now and then.
fn bars(rows: usize) -> String {
    let mut uniform = vec![0.0; rows];
    jensen::streams::Streams::new(1).fill_uniform(1, &mut uniform);
    let header: Vec<String> = (0..9).map(|p| format!("p{p}")).collect();
    let mut text = format!("bar,{}\n", header.join(","));
    for (i, u) in uniform.iter().enumerate() {
        let flipped = (u * 30.0) as usize;
        let cells: Vec<String> = (0..9).map(|p| u8::from((p % 3 == i % 3) != (p == flipped)).to_string()).collect();
        text += &format!("{},{}\n", ["left", "middle", "right"][i % 3], cells.join(","));
    }
    text
}

const SMALL: &str = "--hidden 16 --batch 32 --learning-rate 0.01 --score-draws 100 --quiet";

fn report(run: &Run) -> serde_json::Value {
    assert!(run.is_fitted(), "{run:?}");
    serde_json::from_str(&run.out).unwrap()
}

fn number(report: &serde_json::Value, path: &str) -> f64 {
    path.split('.').fold(report, |at, name| &at[name]).as_f64().unwrap()
}

fn numbers(text: &str) -> Vec<Vec<f64>> {
    text.lines().skip(1).map(|l| l.split(',').map(|x| x.parse().unwrap()).collect()).collect()
}

/// The bar that is lit in pixels of 3 x 3.
fn lit(x: &[f64]) -> usize {
    let bar = |k: usize| x[k] + x[k + 3] + x[k + 6];
    (0..3).max_by(|&a, &b| bar(a).total_cmp(&bar(b))).unwrap()
}

/// Five epochs at once, and two with three on top, end at the same bits.
fn goes_on(folder: &Folder, common: &str, data: &str) {
    let base = format!("vae {data} --hidden 16 --batch 32 --score-draws 0 --quiet");
    assert!(folder.jensen(&format!("{base} {common} --epochs 5 --out whole")).is_fitted());
    assert!(folder.jensen(&format!("{base} {common} --epochs 2 --out part")).is_fitted());
    let run = folder.jensen(&format!("vae {data} --score-draws 0 --quiet --epochs 5 --out part --resume --threads 2"));
    assert!(run.is_fitted(), "{run:?}");
    assert_eq!(folder.identity("part"), folder.identity("whole"), "{common}");
}

#[test]
fn images_given_a_class_leave_the_class_out_of_the_code() {
    let folder = Folder::new("vae-given");
    folder.file("bars.csv", bars(300));
    let run =
        folder.jensen(&format!("vae --data bars.csv --condition bar --latent 2 --epochs 60 --out fit --json {SMALL}"));
    let given = report(&run);
    let plain =
        report(&folder.jensen(&format!("vae --data bars.csv --label bar --latent 2 --epochs 60 --json {SMALL}")));
    assert!(given["networks"].as_str().unwrap().ends_with("given `bar` of 3"), "{given}");
    // Three bars are ln 3 = 1.1 nats, which need not be told any more; standard errors are about 0.2.
    let gain = number(&given, "test.bound.mean") - number(&plain, "test.bound.mean");
    let se = number(&given, "test.bound.se").hypot(number(&plain, "test.bound.se"));
    assert!(gain > 0.5 && gain < 3f64.ln() + 0.5 + 4.0 * se, "{gain} ({se})");
    for (k, name) in ["left", "middle", "right"].into_iter().enumerate() {
        let run = folder.jensen(&format!("vae sample fit --draws 20 --given {name}"));
        assert!(numbers(&run.out).iter().all(|x| lit(x) == k), "{name}: {run:?}");
    }
    // Without a class they take turns; codes need theirs.
    let run = folder.jensen("vae sample fit --draws 6");
    let turns: Vec<usize> = numbers(&run.out).iter().map(|x| lit(x)).collect();
    assert_eq!(turns, [0, 1, 2, 0, 1, 2], "{run:?}");
    folder.file("codes.csv", "z1,z2,bar\n0,0,right\n0,0,left\n");
    let run = folder.jensen("vae decode fit codes.csv");
    assert_eq!(numbers(&run.out).iter().map(|x| lit(x)).collect::<Vec<_>>(), [2, 0]);
    let run = folder.jensen("vae encode fit --data bars.csv");
    assert!(run.code == Some(0) && run.out.lines().count() == 301, "{run:?}");
    let run = folder.jensen("vae interpolate fit 1 2 --data bars.csv --steps 4");
    assert_eq!(numbers(&run.out).iter().map(|x| lit(x)).collect::<Vec<_>>(), [0, 0, 1, 1]);
    folder.file("others.csv", bars(6).replace("left", "top"));
    for (line, words) in [
        (
            "vae sample fit --given top",
            "the fit has no class `top` of `bar`; it was trained with `left`, `middle`, `right`",
        ),
        ("vae encode fit --data others.csv", "others.csv: the fit has no class `top`"),
        ("vae --condition bar", "give --condition digit"),
        ("vae --data bars.csv --condition bar --label p0", "leave --label out"),
        ("vae --data none.csv --condition bar", "file not found"),
        ("vae --data bars.csv --condition hue", "no column `hue`"),
    ] {
        let run = folder.jensen(line);
        assert!(run.code == Some(2) && run.err.contains(words), "{line}: {run:?}");
    }
    goes_on(&folder, "--condition bar --latent 2", "--data bars.csv");
    goes_on(&folder, "--condition bar --latent 2 --buffer 64", "--data bars.csv");
}

#[test]
fn a_class_in_the_code_finds_the_bars() {
    let folder = Folder::new("vae-classes");
    folder.file("bars.csv", bars(300));
    let common = format!("vae --data bars.csv --label bar --latent 0 --classes 3 --epochs 40 --json {SMALL}");
    // Starts end in different groups: the best of three by the bound of training, for one gradient.
    let mut seeds = vec![0, 1, 2];
    for gradient in ["exact", "leave-one-out", "rebar", "gumbel-softmax"] {
        let starts = seeds.iter().map(|seed| {
            let run = folder.jensen(&format!("{common} --class-gradient {gradient} --seed {seed} --out fit{seed}"));
            (report(&run), *seed)
        });
        let bound = |start: &(serde_json::Value, i32)| number(&start.0, "train.bound.mean");
        let (best, seed) = starts.max_by(|a, b| bound(a).total_cmp(&bound(b))).unwrap();
        seeds = vec![seed];
        assert!(number(&best, "agreement.found") > 0.9, "{gradient}: {best}");
        // Three classes, about even, that are nearly sure.
        let (kl, information) = (number(&best, "class.kl"), number(&best, "class.information"));
        assert!((0.9..3f64.ln() + 1e-9).contains(&kl) && information <= kl + 1e-9, "{kl} {information}");
        let (bound, log_p) = (number(&best, "test.bound.mean"), number(&best, "log_p.mean.mean"));
        // The relaxed gradient is biased, and stops short of the posterior.
        let most = if gradient == "gumbel-softmax" { 0.8 } else { 0.3 };
        assert!(log_p > bound - 0.02 && log_p < bound + most, "{gradient}: {bound} {log_p}");
    }
    let run = folder.jensen("vae encode fit0 --data bars.csv --label bar --out codes.csv");
    assert!(run.code == Some(0) && folder.read("codes.csv").starts_with("row,class,p1,p2,p3\n1,"), "{run:?}");
    let codes = numbers(&folder.read("codes.csv"));
    assert!(codes.iter().all(|c| (c[2..].iter().sum::<f64>() - 1.0).abs() < 1e-9 && c[c[1] as usize + 1] > 0.3));
    assert_eq!(folder.jensen("vae decode fit0 codes.csv").out.lines().count(), 301);
    folder.file("bad.csv", "class\n4\n");
    let run = folder.jensen("vae decode fit0 bad.csv");
    assert!(run.code == Some(2) && run.err.contains("4 is no class, give a whole number from 1 to 3"), "{run:?}");
    for (line, words) in [
        ("vae --latent 0", "--latent 0 leaves no code"),
        ("vae --classes 1", "--classes 1 says nothing"),
        ("vae --classes 3 --clusters 3", "give one of them"),
        ("vae --classes 3 --estimator iwae", "a class in the code needs --estimator exact-kl"),
        ("vae --class-gradient rebar", "--class-gradient is for a class in the code"),
    ] {
        let run = folder.jensen(line);
        assert!(run.code == Some(2) && run.err.contains(words), "{line}: {run:?}");
    }
    goes_on(&folder, "--classes 3 --latent 2 --beta 2 --class-gradient leave-one-out", "--data bars.csv --label bar");
}

#[test]
fn a_prior_of_clusters_finds_the_bars() {
    let folder = Folder::new("vae-clusters");
    folder.file("bars.csv", bars(300));
    let common = format!("vae --data bars.csv --label bar --latent 2 --clusters 3 --epochs 60 {SMALL}");
    let starts = (0..3).map(|seed| report(&folder.jensen(&format!("{common} --json --seed {seed} --out fit{seed}"))));
    let best = starts.max_by(|a, b| number(a, "train.bound.mean").total_cmp(&number(b, "train.bound.mean"))).unwrap();
    assert!(number(&best, "agreement.found") > 0.6, "{best}");
    assert!(number(&best, "agreement.k_means") > 0.6, "{best}");
    let (bound, log_p) = (number(&best, "test.bound.mean"), number(&best, "log_p.mean.mean"));
    assert!(log_p > bound - 0.05, "{bound} {log_p}");
    let run = folder.jensen("vae encode fit0 --data bars.csv --label bar");
    assert!(run.out.starts_with("row,z1,z2,sd1,sd2,cluster\n1,"), "{run:?}");
    assert_eq!(folder.jensen("vae sample fit0 --draws 9").out.lines().count(), 10);
    let run = folder.jensen(&format!("{common} --estimator iwae --importance 3"));
    assert!(run.is_fitted() && run.out.contains("of k-means"), "{run:?}");
    for (line, words) in [
        ("vae --clusters 3 --beta 2", "the KL against a prior of clusters is not weighed"),
        ("vae --clusters 3 --estimator exact-kl", "has no closed form"),
        ("vae --estimator sticking-the-landing --free-bits 1", "weighs no KL"),
    ] {
        let run = folder.jensen(line);
        assert!(run.code == Some(2) && run.err.contains(words), "{line}: {run:?}");
    }
    goes_on(&folder, "--clusters 3 --latent 2", "--data bars.csv --label bar");
}

#[test]
fn categories_are_told_apart() {
    let folder = Folder::new("vae-categories");
    // Two kinds of rows: 0 1 2 2, and 2 2 1 0.
    let row = |i: usize| ["0,1,2,2\n", "2,2,1,0\n"][i % 2];
    folder.file("kinds.csv", format!("a,b,c,d\n{}", (0..120).map(row).collect::<String>()));
    let line =
        format!("vae --data kinds.csv --likelihood categorical --latent 1 --epochs 150 --out fit --json {SMALL}");
    let found = report(&folder.jensen(&line));
    assert!(found["networks"].as_str().unwrap().contains("categorical of 3 categories"), "{found}");
    // ln 2 is all there is to say; a normal q cannot split in two.
    let bound = number(&found, "test.bound.mean");
    assert!(bound > -1.3 && bound < -(2f64.ln()) + 0.1, "{bound}");
    folder.jensen("vae encode fit --data kinds.csv --out codes.csv");
    let run = folder.jensen("vae decode fit codes.csv");
    assert_eq!(numbers(&run.out)[..2], [[0.0, 1.0, 2.0, 2.0], [2.0, 2.0, 1.0, 0.0]], "{run:?}");
    folder.file("odd.csv", "a,b\n0,1\n1,0.5\n");
    for extra in ["", "--buffer 8"] {
        let run = folder.jensen(&format!("vae --data odd.csv --likelihood categorical {extra}"));
        let words = "odd.csv, line 3, column `b`: 0.5 is no category, and --likelihood categorical needs whole numbers";
        assert!(run.code == Some(2) && run.err.contains(words), "{run:?}");
    }
    // A category that was not in training.
    folder.file("more.csv", "a,b,c,d\n0,1,2,2\n\n0,1,3,2\n");
    folder.file("more.json", "{\"a\": [0], \"b\": [-1], \"c\": [1], \"d\": [1]}");
    for (line, words) in [
        (
            "vae encode fit --data more.csv",
            "more.csv, line 4, column `c`: 3 is no category of the fit, which has categories 0 to 2",
        ),
        ("vae interpolate fit 1 2 --data more.csv", "more.csv, line 4, column `c`: 3 is no category of the fit"),
        ("vae encode fit --data more.json", "more.json, row 1, column `b`: -1 is no category of the fit"),
    ] {
        let run = folder.jensen(line);
        assert!(run.code == Some(2) && run.err.contains(words) && run.out.is_empty(), "{line}: {run:?}");
    }
    goes_on(&folder, "--likelihood categorical --latent 2", "--data kinds.csv");
    goes_on(&folder, "--likelihood categorical --latent 2 --buffer 32", "--data kinds.csv");
}

#[test]
fn text_is_learnt_better_than_by_counts() {
    let folder = Folder::new("vae-text");
    let words = ["the sea ", "a ship ", "sails on ", "and on "];
    let mut uniform = vec![0.0; 600];
    jensen::streams::Streams::new(3).fill_uniform(1, &mut uniform);
    let text: String = uniform.iter().map(|u| words[(u * 4.0) as usize]).collect();
    folder.file("sea.txt", &text);
    let line = format!("vae --text sea.txt --window 8 --states 16 --latent 2 --epochs 15 --out fit --json {SMALL}");
    let found = report(&folder.jensen(&line));
    let (bits, counts) = (number(&found, "bits.by_bound.mean"), number(&found, "bits.by_counts"));
    assert!(bits + 4.0 * number(&found, "bits.by_bound.se") < counts, "{bits} {counts}");
    assert_eq!(found["row"], "window");
    let names = folder.names("fit");
    assert!(names.contains(&"samples.txt".into()) && !names.contains(&"samples.png".into()), "{names:?}");
    let run = folder.jensen("vae sample fit --draws 5 --seed 2");
    assert!(run.out.lines().count() == 5 && run.out.lines().all(|l| l.chars().count() == 8), "{run:?}");
    assert!(run.out.chars().all(|c| text.contains(c) || "\n\u{fffd}".contains(c)), "{run:?}");
    let run = folder.jensen("vae encode fit --text sea.txt --out codes.csv");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(folder.read("codes.csv").lines().count(), 1 + text.trim().len() / 8);
    assert_eq!(folder.jensen("vae decode fit codes.csv").out.lines().count(), text.trim().len() / 8);
    assert_eq!(folder.jensen("vae interpolate fit 1 2 --text sea.txt --steps 3").out.lines().count(), 3);
    folder.file("short.txt", "ab");
    folder.file("bytes.txt", [0xff, 0xfe, 0x00]);
    for (line, words) in [
        ("vae --text short.txt", "short.txt: 2 characters are no two windows of 12; give a longer text"),
        ("vae sample fit --out x.png", "x.png: windows of text make no picture"),
        ("vae --text bytes.txt", "it is text in UTF-16, and UTF-8 is read"),
        ("vae --text none.txt", "none.txt: cannot be read"),
        ("vae --text sea.txt --classes 3", "leave out --likelihood, --classes"),
        ("vae --text sea.txt --data x.csv", "cannot be used with"),
        ("vae --window 5", "--window and --states are for text"),
        ("vae encode fit", "the fit is one of text; give a file with --text"),
        ("vae --text sea.txt --states 10000", "are too large, 50,000,000 is the most; give smaller --states"),
    ] {
        let run = folder.jensen(line);
        assert!(run.code == Some(2) && run.err.contains(words), "{line}: {run:?}");
    }
    goes_on(&folder, "--latent 2 --window 6 --states 8", "--text sea.txt");
}
