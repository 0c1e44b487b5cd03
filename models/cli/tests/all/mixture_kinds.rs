//! `jensen mixture`: kinds of columns, rows left out, and what is said of columns and files that are not used as they stand.

use super::folder::{Folder, Run};
use jensen::mixture::adjusted_rand;
use jensen::streams::Streams;
use serde_json::Value;

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{e}: {run:?}"))
}

fn labels(folder: &Folder, file: &str) -> Vec<usize> {
    let text = folder.read(file);
    text.lines().skip(1).map(|l| l.split(',').nth(1).unwrap().parse().unwrap()).collect()
}

/// Exit code 2, nothing on standard output, and one message that holds every one of `words`.
fn refused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.out.is_empty() && !run.err.contains("panicked"), "{run:?}");
    words.iter().for_each(|word| assert!(run.err.contains(word), "no `{word}` in {}", run.err));
}

/// Three Gaussians of 120, 60 and 30 rows whose centres are 10 standard deviations apart, by turns; cells where `keep`.
fn separated(keep: impl Fn(usize) -> bool) -> (String, Vec<usize>) {
    let mut noise = vec![0.0; 420];
    Streams::new(7).fill_normal(1, &mut noise);
    let truth: Vec<usize> = (0..210).map(|i| [0, 1, 2, 0, 1, 0, 0][i % 7]).collect();
    let centre = [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]];
    let cell =
        |at: usize| if keep(at) { format!("{}", centre[truth[at / 2]][at % 2] + noise[at]) } else { String::new() };
    let rows: String = (0..210).map(|i| format!("{},{}\n", cell(2 * i), cell(2 * i + 1))).collect();
    ("x,y\n".to_string() + &rows, truth)
}

/// Rows by turns: counts shared out 7 : 2 : 1 with waits of mean 1, or 1 : 3 : 6 with waits of mean 20; totals say nothing.
fn shared() -> String {
    let row = |i: usize| {
        let total = [10, 40, 200][i / 2 % 3];
        let shares = [[7, 2, 1], [1, 3, 6]][i % 2].map(|s| s * total / 10);
        let wait = -[1.0, 20.0][i % 2] * (1.0 - ((i / 2 * 37 % 60) as f64 + 0.5) / 60.0).ln();
        format!("{},{},{},{wait:.4}\n", shares[0], shares[1], shares[2])
    };
    "a,b,c,wait\n".to_string() + &(0..120).map(row).collect::<String>()
}

#[test]
fn counts_that_share_a_total_and_waits_are_told_apart() {
    let folder = Folder::new("mixture-multinomial");
    folder.file("d.csv", shared());
    let options = "mixture d.csv --kind a+b+c=multinomial,wait=exponential --restarts 3 --json --quiet";
    let mut waits = [0.0; 2];
    for (i, line) in shared().lines().skip(1).enumerate() {
        waits[i % 2] += line.rsplit(',').next().unwrap().parse::<f64>().unwrap();
    }
    let all: f64 = waits.iter().sum();
    for method in ["--k 1..3 --out fit", "--k 2 --batch 20 --out batch"] {
        let run = folder.jensen(&format!("{options} {method}"));
        assert_eq!(run.code, Some(0), "{run:?}");
        let report = report(&run);
        assert_eq!(report["occupied"], 2, "{run:?}");
        for component in report["components"].as_array().unwrap() {
            let lines = component["columns"].as_array().unwrap();
            let names: Vec<&str> = lines.iter().map(|l| l["name"].as_str().unwrap()).collect();
            assert_eq!(names, ["share of a", "share of b", "share of c", "wait"]);
            let mean = |j: usize| lines[j]["mean"].as_f64().unwrap();
            let first = mean(0) > 0.5;
            // To 5000 counts of each kind the prior adds one of each category; of 60 waits it is worth another, as long as
            // the mean of all.
            let share = |tenths: f64| (500.0 * tenths + 1.0) / 5003.0;
            let wait = |own: usize| (all / 120.0 + waits[own]) / 61.0;
            let (tenths, own) = if first { ([7.0, 2.0, 1.0], 0) } else { ([1.0, 3.0, 6.0], 1) };
            // A row of ten counts, of which each kind has 20, passes for the other kind with probability e^-11. That moves a
            // share by 20 e^-11 10 / 5000, or 1e-6, and the shorter mean by 20 e^-11 20 / 61, or 1e-4: each is allowed ten
            // times that.
            (0..3).for_each(|j| assert!((mean(j) - share(tenths[j])).abs() < 1e-5, "{lines:?}"));
            assert!((mean(3) / wait(own) - 1.0).abs() < 1e-3, "{lines:?}");
        }
    }
    let truth: Vec<usize> = (0..120).map(|i| i % 2).collect();
    assert_eq!(adjusted_rand(&labels(&folder, "fit/labels.csv"), &truth), 1.0);
    let parameters = folder.read("fit/parameters.csv");
    assert!(parameters.contains("\n1,probability[a],") && parameters.contains("\n2,rate[wait],"), "{parameters}");
    // Simulated rows have the mean total, 83.
    let rows = folder.jensen("predict fit --simulate 50");
    let total = |line: &str| line.split(',').take(3).map(|c| c.parse::<u32>().unwrap()).sum::<u32>();
    assert!(rows.out.lines().skip(1).all(|line| total(line) == 83), "{rows:?}");
    folder.file("new.csv", "a,b,c,wait\n,,,30\n8,1,1,\n0,0,0,0\n");
    let run = folder.jensen("predict fit new.csv --out new.out.csv");
    assert_eq!(run.code, Some(0), "{run:?}");
    folder.file("gap.csv", "a,b,c,wait\n1,2,3,4\n1,,3,4\n");
    refused(&folder.jensen("predict fit gap.csv"), &["gap.csv, line 3, column `b`: a missing cell", "leave all cells"]);
}

#[test]
fn multinomials_are_named_by_their_columns() {
    let folder = Folder::new("mixture-two-multinomials");
    folder.file("d.csv", "a,b,w,c,d\n1,2,0.5,3,4\n2,1,3,5,1\n3,5,1,2,2\n4,3,2,1,6\n2,2,7,4,3\n");
    let run = folder.jensen("mixture d.csv --kind a+c=multinomial,b+d=multinomial --k 1 --restarts 1");
    assert!(run.out.contains("\na+c (multinomial), b+d (multinomial), w (gaussian)\n"), "{run:?}");
}

#[test]
fn kinds_that_do_not_suit_their_cells_are_refused() {
    let folder = Folder::new("mixture-kinds-bad");
    let good = "a,b,c\n1,2,0.5\n2,1,3\n3,5,1\n4,3,2\n2,2,7\n";
    let cases: &[(&str, &str, &[&str])] = &[
        (good, "--kind a=multinomial", &["`a` is a multinomial of its own", "--kind a+other=multinomial"]),
        ("n\n1\n2\n4\n", "--kind n=multinomial", &["`n` is the only one of the fit", "--kind n=poisson"]),
        (good, "--kind a+x=multinomial", &["d.csv: no column `x`"]),
        (good, "--kind a+c=multinomial", &["d.csv, line 2, column `c`: 0.5 is not a count"]),
        (good, "--kind a+b=shares", &["multinomial, exponential or gamma"]),
        ("a,b\n1,2\n2,-1\n3,4\n", "--kind multinomial", &["line 3, column `b`: -1 is not a count"]),
        ("a,b\n1,2\n2,\n3,4\n", "--kind multinomial", &["line 3, column `b`: a missing cell is not a count", "fill"]),
        ("a,b\n0,2\n2,-1\n3,4\n", "--kind exponential", &["line 3, column `b`: -1 is not 0 or a positive number"]),
        (good, "--shape 0", &["--shape", "positive number"]),
        (good, "--held-out 1", &["--held-out", "between 0 and 1"]),
        (good, "--k 1 --held-out 0.1", &["--held-out 0.1 leaves", "of 5 rows out; two or more"]),
    ];
    for (text, options, words) in cases {
        for batch in ["", " --batch 2"] {
            folder.file("d.csv", text);
            refused(&folder.jensen(&format!("mixture d.csv {options}{batch} --out results")), words);
            assert_eq!(folder.names("."), ["d.csv"], "{text:?} {options}");
        }
    }
}

/// A tenth of the cells are missing, and whole rows.
#[test]
fn a_student_t_leaves_missing_cells_out() {
    let folder = Folder::new("mixture-student");
    let (text, truth) = separated(|at| at % 10 != 3 && at / 2 != 50);
    folder.file("d.csv", text);
    let run = folder.jensen("mixture d.csv --k 3 --kind student-t --restarts 3 --out fit --quiet");
    assert!(run.code == Some(0) && run.out.contains("44 missing cells"), "{run:?}");
    let found = labels(&folder, "fit/labels.csv");
    // Only cells of `y` are missing, which tell the last cluster from the first: such a row is taken for one of the first,
    // four times as large, and so is the row without cells.
    let is_hidden = |i: usize| (2 * i + 1) % 10 == 3 && truth[i] == 2 || i == 50;
    let expected: Vec<usize> = (0..210).map(|i| if is_hidden(i) { 0 } else { truth[i] }).collect();
    assert_ne!(expected, truth);
    assert_eq!(adjusted_rand(&found, &expected), 1.0);
    let density: Vec<f64> =
        folder.read("fit/labels.csv").lines().skip(1).map(|l| l.rsplit(',').next().unwrap().parse().unwrap()).collect();
    // Its density is the sum of the weights, to rounding.
    assert!(density[50].abs() < 4.0 * f64::EPSILON && density.iter().all(|d| d.is_finite()), "{}", density[50]);
}

/// The expected log density of the clusters is `sum w ln w - ln(2 pi e)` at their shares 4/7, 2/7 and 1/7.
#[test]
fn rows_left_out_are_scored() {
    let folder = Folder::new("mixture-held-out");
    folder.file("d.csv", separated(|_| true).0);
    let shares = [4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0_f64];
    let exact =
        shares.iter().map(|w| w * w.ln()).sum::<f64>() - (2.0 * std::f64::consts::PI * std::f64::consts::E).ln();
    let score = |line: &Value, name: &str| line["held_out"][name].as_f64().unwrap();
    // A quarter of 210 rows; of 14 blocks of rows four, of which the last has two rows.
    for (options, left_out) in [("--k 1..4", [53, 53]), ("--k 1..4 --batch 16", [64, 50])] {
        let run = folder.jensen(&format!("mixture d.csv {options} --restarts 2 --held-out 0.25 --json --quiet"));
        let report = report(&run);
        assert!(left_out.contains(&report["held_out_rows"].as_u64().unwrap()), "{}", report["held_out_rows"]);
        let (one, three) = (&report["tried"][0], &report["tried"][2]);
        let (mean, error) = (score(three, "mean"), score(three, "standard_error"));
        // Seventeen parameters from 157 rows cost about 17 / 2 / 157 a row.
        assert!((mean + 0.06 - exact).abs() < 4.0 * error, "{mean} +- {error}, {exact}");
        // A log density has the variance of half a chi-squared of two degrees, 1, and that of ln w, 0.25; the estimate of its
        // standard deviation from 50 rows or more has a relative error of a fifth at most.
        let of_all = (1.25 / report["held_out_rows"].as_f64().unwrap()).sqrt();
        assert!((error / of_all - 1.0).abs() < 4.0 * 0.2, "{error}, {of_all}");
        // One Gaussian has the covariance of all rows, [21.41, -4.08; -4.08, 13.24].
        let behind = shares.iter().map(|w| w * w.ln()).sum::<f64>() + 0.5 * (21.408_f64 * 13.245 - 4.082 * 4.082).ln();
        let difference_error = error + score(one, "standard_error");
        assert!((mean - score(one, "mean") - behind).abs() < 4.0 * difference_error, "{one}, {behind}");
        assert_eq!(score(three, "difference"), 0.0);
        assert!((score(one, "difference") - score(one, "mean") + mean).abs() < 1e-12);
    }
    let run =
        |seed| folder.jensen(&format!("mixture d.csv --k 2..3 --held-out 0.2 --restarts 2 --seed {seed} --out fit"));
    let (first, again, other) = (run(1), run(1), run(2));
    for words in ["42 of them left out of the fit", "held-out score  ", "42 rows left out"] {
        assert!(first.out.contains(words), "no `{words}` in {}", first.out);
    }
    let line = |run: &Run| run.out.lines().find(|l| l.starts_with("held-out")).unwrap().to_string();
    assert_eq!(line(&first), line(&again));
    assert_ne!(line(&first), line(&other));
    // All rows have a label in the end.
    assert_eq!(labels(&folder, "fit/labels.csv").len(), 210);
}

#[test]
fn columns_without_a_name_are_said_and_row_numbers_are_not() {
    let folder = Folder::new("mixture-nameless");
    let (text, _) = separated(|_| true);
    let add = |i: usize, line: &str| match i {
        0 => format!(",{line},\n"),
        _ => format!("{i},{line},{}\n", (i * i) % 7),
    };
    folder.file("d.csv", text.lines().enumerate().map(|(i, line)| add(i, line)).collect::<String>());
    for options in ["", "--batch 64"] {
        let run = folder.jensen(&format!("mixture d.csv --k 1 --restarts 1 {options}"));
        let said = "d.csv: column 4 has no name and is left out; name it in the header to use it";
        assert!(run.err.contains(said) && !run.err.contains("column 1 "), "{options}: {run:?}");
        assert!(run.out.contains("x (gaussian), y (gaussian)"), "{run:?}");
        let run = folder.jensen(&format!("mixture d.csv --k 1 --restarts 1 --quiet {options}"));
        assert_eq!(run.err, "", "{options}");
    }
}

#[test]
fn more_components_are_proposed_as_far_as_rows_differ() {
    let folder = Folder::new("mixture-distinct");
    let fit = |counts: &[u32]| {
        folder
            .file("d.csv", "n\n".to_string() + &counts.iter().map(|n| format!("{n}\n").repeat(40)).collect::<String>());
        folder.jensen("mixture d.csv --k 1..3 --kind poisson --quiet")
    };
    let run = fit(&[1, 30, 1000]);
    assert!(run.out.contains("3 occupied of 3") && run.out.contains("no more than 3 distinct rows"), "{run:?}");
    let run = fit(&[1, 30, 200, 1000, 5000]);
    assert!(run.out.contains("3 occupied of 3") && run.out.contains("try --k 1..5\n"), "{run:?}");
}

/// JSON is known by its first character, so that `--batch` does not look for a header line in it.
#[test]
fn json_by_another_name_is_read_as_json() {
    let folder = Folder::new("mixture-json");
    let text = r#"{"a": [1, 2, 3, 4, 5, 1.5, 2.5], "b": [3, 1, 4, 1, 5, 9, 2.2]}"#;
    let bound = |name: &str| {
        folder.file(name, text);
        let run = folder.jensen(&format!("mixture {name} --k 1 --batch 4 --restarts 1 --json --quiet"));
        report(&run)["bound"].as_f64().unwrap()
    };
    assert_eq!(bound("d.txt"), bound("d.json"));
}
