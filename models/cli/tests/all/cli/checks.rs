//! `jensen check` and `jensen compare-fits` of the built binary.

use super::Folder;
use crate::folder::sealed;
use serde_json::Value;
use std::fs;

/// Forty rows of `y = 1 + 2 a + noise`, a feature `b` of no use, and a group.
fn rows(noise: f64) -> String {
    let mut text = String::from("y,a,b,g\n");
    for i in 0..40_u32 {
        // Numbers that look random and are the same everywhere.
        let u = |k: u32| {
            f64::from(i.wrapping_mul(2_654_435_761).wrapping_add(k.wrapping_mul(977_777_777)).rotate_left(k + 7) % 1000)
                / 1000.0
        };
        let (a, b) = (u(1) - 0.5, u(2) - 0.5);
        let y = 1.0 + 2.0 * a + noise * (u(3) + u(4) + u(5) - 1.5);
        text += &format!("{y},{a},{b},{}\n", ["p", "q"][i as usize % 2]);
    }
    text
}

fn fitted(folder: &Folder, features: &str, data: &str, out: &str) {
    let line = format!("fit linear-regression --data {data} --response y --features {features} --quiet --out {out}");
    assert_eq!(folder.jensen(&line).code, Some(0), "{line}");
}

#[test]
fn a_right_fit_passes_every_check() {
    let folder = Folder::new("check-right");
    folder.file("d.csv", rows(0.5));
    fitted(&folder, "a", "d.csv", "r");
    // The data are inside of the fit.
    fs::remove_file(folder.path("d.csv")).unwrap();
    let run = folder.jensen("check r --quiet --report page.html --simulations 30 --draws 400");
    assert_eq!(run.code, Some(0), "{run:?}");
    for words in [
        "linear-regression: d.csv, 40 rows, checked",
        "data that the prior expects",
        "400 simulated data sets",
        "elpd -",
        "0 of 40 rows above",
        "uniform p",
        "30 simulated data sets, 30 of their fits trusted",
        "priors scaled together: intercept_at_means, b[a], sigma",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    let page = fs::read_to_string(folder.path("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    // Figures of all checks but the table of sensitivities; those of simulated data twice.
    for (title, count) in [
        ("data among simulated data", 2),
        ("statistics of simulated data", 8),
        ("k-hat of each row", 1),
        ("places of left-out values", 2),
        ("ranks of the truth", 4),
    ] {
        assert_eq!(page.matches(&format!("<title>{title}</title>")).count(), count, "{title}");
    }
    assert!(!page.contains("<script") && !page.contains("http://") || page.contains("http://www.w3.org/2000/svg"));
    let json: Value =
        serde_json::from_str(&folder.jensen("check r/fit.json --quiet --simulations 0 --json").out).unwrap();
    assert_eq!(json["loo"]["done"]["pointwise"].as_array().unwrap().len(), 40);
    assert_eq!(json["calibration"]["not_done"], "not asked for (--simulations 0)");
    assert_eq!(json["sensitivity"]["done"]["quantities"].as_array().unwrap().len(), 4);
}

#[test]
fn what_is_wrong_is_found_and_said_with_a_remedy() {
    let folder = Folder::new("check-wrong");
    // Counts with far more zeros and far larger numbers than a Poisson has.
    let counts: String = (0..60).map(|i| format!("{},{}\n", if i % 3 == 0 { 20 + i % 7 } else { 0 }, i % 5)).collect();
    folder.file("d.csv", format!("y,a\n{counts}"));
    folder.jensen("fit poisson-regression --data d.csv --response y --quiet --out r").fitted();
    let run = folder.jensen("check r --quiet --simulations 0");
    assert_eq!(run.code, Some(1), "{run:?}");
    for words in [
        "! posterior predictive: data: the share of zeros is 0.667, 90 % of what is expected lies from ",
        "what to do: ",
        "a second source of zeros",
        "! loo-pit",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    // A prior of unit scale, and an effect of a hundred: the prior all but rules it out.
    folder.file("far.csv", "effect,stderr\n900,1\n905,1\n910,1\n");
    folder.jensen("fit eight-schools --data far.csv --quiet --out far").fitted();
    let run = folder.jensen("check far --quiet --simulations 0 --priors mu,tau");
    assert!(run.out.contains("priors scaled together: mu, tau\n  priors left as they are: eta"), "{}", run.out);
    assert!(run.out.contains("! prior predictive: data: the mean is 905, 90 % "), "{}", run.out);
    assert!(run.out.contains("- prior sensitivity: the prior decides about mu, "), "{}", run.out);
    folder.jensen("check far --priors mu,nu").refused(&["\"nu\" is no site with a prior", "mu, tau, eta"]);
}

#[test]
fn what_a_model_does_not_allow_is_said_and_the_rest_goes_on() {
    let folder = Folder::new("check-flat");
    folder.jensen("fit garch --quiet --out r").fitted();
    let run = folder.jensen("check r --quiet");
    for words in [
        "not done: nothing can be simulated: the latent \"mu\" is bare; give it a prior with `draw`",
        "data that the fitted model expects\n",
        "smallest",
        "elpd ",
        "no prior was scaled: the latents are bare",
    ] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    assert!(run.code == Some(0) || run.code == Some(1), "{run:?}");
    // One row: no spread to take an error from.
    folder.file("one.csv", "effect,stderr\n8,3\n");
    folder.jensen("fit eight-schools --data one.csv --quiet --out one").fitted();
    let run = folder.jensen("check one --quiet --simulations 0");
    assert!(run.out.contains("standard error unknown for a single row"), "{}", run.out);
    assert!(run.out.contains("1 values are too few for a test"), "{}", run.out);
    folder.jensen("check one --simulations 5 --quiet").out.find("ask for at least 30").expect("words");
}

#[test]
fn fits_that_cannot_be_checked_or_compared_are_refused() {
    let folder = Folder::new("check-refused");
    folder.file("d.csv", rows(0.5));
    fitted(&folder, "a", "d.csv", "r");
    folder.jensen("check none").refused(&["none"]);
    folder.jensen("compare-fits r").refused(&["2 values required"]);
    folder.jensen("check r --report r/fit.json").refused(&["the result would replace this file"]);
    let text = fs::read_to_string(folder.path("r/fit.json")).unwrap();
    folder.file("cut.json", &text[..text.len() / 2]);
    folder.jensen("check cut.json").refused(&["cut.json"]);
    folder.jensen("compare-fits r cut.json").refused(&["cut.json"]);
    // A model that this program does not know, in a file that is whole.
    assert!(text.contains("\"model\":\"linear-regression\"") && text.contains("\"response\":\"y\""));
    folder.file("other.json", sealed(&text.replace("\"model\":\"linear-regression\"", "\"model\":\"no-such-model\"")));
    folder.jensen("check other.json").refused(&["no model `no-such-model`"]);
    // The table inside of the fit does not have the column that the model needs.
    folder.file("column.json", sealed(&text.replace("\"response\":\"y\"", "\"response\":\"z\"")));
    folder.jensen("check column.json").refused(&["no column `z`"]);

    folder.jensen("mixture d.csv --columns a,b --k 1 --quiet --out m").fitted();
    folder.jensen("check m").refused(&["it is no fit of a model", "--held-out"]);
    folder.jensen("compare-fits m r").refused(&["it is no fit of a model", "jensen mixture --k"]);
    folder.jensen("fit simulated-posterior --steps 50 --quiet --out s").fitted();
    folder.jensen("check s").refused(&["its q is a network", "jensen show"]);
}

#[test]
fn fits_of_the_same_rows_are_compared() {
    let folder = Folder::new("compare-fits");
    folder.file("d.csv", rows(0.5));
    fitted(&folder, "a,b", "d.csv", "both");
    fitted(&folder, "a", "d.csv", "right");
    fitted(&folder, "b", "d.csv", "wrong");
    let run = folder.jensen("compare-fits wrong right both");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.out.starts_with("3 fits of the same 40 rows\n"), "{}", run.out);
    assert!(
        run.out.contains("predict about equally well") && run.out.contains("predicts better than wrong by"),
        "{}",
        run.out
    );
    let json: Value = serde_json::from_str(&folder.jensen("compare-fits wrong right both --json").out).unwrap();
    let fits = json["fits"].as_array().unwrap();
    assert_eq!(fits[2]["fit"], "wrong");
    let number = |k: usize, name: &str| fits[k][name].as_f64().unwrap();
    assert_eq!((number(0, "difference"), number(0, "difference_se")), (0.0, 0.0));
    assert!(number(2, "difference") < -2.0 * number(2, "difference_se") && number(2, "weight") < 0.1, "{json}");
    let total: f64 = (0..3).map(|k| number(k, "weight")).sum();
    assert!((total - 1.0).abs() < 1e-9);
    let evidence = |k: usize, name: &str| fits[k]["evidence"][name].as_f64().unwrap();
    assert!(evidence(2, "difference") < -10.0, "{json}");
    assert!((evidence(2, "log_evidence") - evidence(0, "log_evidence") - evidence(2, "difference")).abs() < 1e-9);

    // One value of one row is another, and a row is missing.
    let other = rows(0.5).replacen("y,a,b,g\n", "y,a,b,g\n7,0,0,p\n", 1);
    folder.file("longer.csv", other);
    fitted(&folder, "a", "longer.csv", "longer");
    folder
        .jensen("compare-fits right longer")
        .refused(&["right and longer are not fits of the same rows", "40 rows and 41"]);
    let lines: Vec<String> = rows(0.5).lines().map(str::to_string).collect();
    let mut moved = lines.clone();
    moved.swap(1, 2);
    folder.file("moved.csv", moved.join("\n") + "\n");
    fitted(&folder, "a", "moved.csv", "moved");
    folder.jensen("compare-fits right moved").refused(&["row 1 has the observed value"]);
    // The response is the same, and another column of the same name is not.
    let mut changed = lines.clone();
    let mut cells: Vec<&str> = lines[3].split(',').collect();
    cells[1] = "9";
    changed[3] = cells.join(",");
    folder.file("changed.csv", changed.join("\n") + "\n");
    fitted(&folder, "a", "changed.csv", "changed");
    folder.jensen("compare-fits right changed").refused(&["the column \"a\" has other values"]);
}

#[test]
fn counts_and_measurements_are_not_compared() {
    let folder = Folder::new("compare-kinds");
    let counts: String = (0..30).map(|i| format!("{},{}\n", (i * 7) % 5, i % 4)).collect();
    folder.file("d.csv", format!("y,a\n{counts}"));
    folder.jensen("fit poisson-regression --data d.csv --response y --quiet --out p").fitted();
    folder.jensen("fit negative-binomial-regression --data d.csv --response y --quiet --out n").fitted();
    folder.jensen("fit linear-regression --data d.csv --response y --quiet --out l").fitted();
    let run = folder.jensen("compare-fits p n");
    assert!(run.out.contains("2 fits of the same 30 rows"), "{run:?}");
    // A density of a count is no probability.
    folder.jensen("compare-fits p l").refused(&["not fits of the same rows"]);
    // A flat prior has no evidence.
    folder.jensen("fit garch --quiet --out g").fitted();
    let run = folder.jensen("compare-fits g g/fit.json");
    assert!(run.out.contains("has no evidence to compare: the prior of its latent \"mu\" is flat"), "{run:?}");
}

/// What was printed poorly or not at all.
#[test]
fn small_things_are_said_right() {
    let folder = Folder::new("small-things");
    let values: String = (0..30).map(|i| format!("{},{}\n", i % 7, (i * 5) % 11)).collect();
    folder.file("d.csv", format!("x,\u{1b}[31my\n{values}"));
    let run = folder.jensen("mixture d.csv --k 1 --quiet --out m");
    assert!(!run.fitted().out.contains('\u{1b}') && run.out.contains("\\u{1b}[31my"), "{}", run.out);
    folder.file("one.csv", "x,\u{1b}[31my\n3,4\n");
    let run = folder.jensen("predict m one.csv --out labels.csv");
    assert!(run.out.contains("1 row; ") && run.out.contains("(no standard error from one row)"), "{run:?}");
    folder.file("other.csv", "\u{1b}[31mz\n3\n4\n");
    let run = folder.jensen("fit linear-regression --data other.csv --response y");
    assert!(run.code == Some(2) && !run.err.contains('\u{1b}') && run.err.contains("\\u{1b}[31mz"), "{run:?}");
    folder.jensen("mixture d.csv --k -1").refused(&["'-1' for '--k <N|A..B>'", "from 1 to 10000"]);
    folder.jensen("mixture d.csv --held-out -1").refused(&["'-1' for '--held-out <FRACTION>'", "between 0 and 1"]);
    folder.jensen("mixture d.csv --kind student-t --tail -1").refused(&["'-1' for '--tail <X>'", "a number above 2"]);
    let utf_16: Vec<u8> = "some words ".repeat(50).encode_utf16().flat_map(u16::to_le_bytes).collect();
    folder.file("t.txt", utf_16);
    folder.jensen("vae --text t.txt").refused(&["t.txt", "UTF-16", "save it as UTF-8"]);
}
