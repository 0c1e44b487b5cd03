//! `jensen mixture` and `jensen predict`: components that are known come back, files, and an answer to every bad input.

use super::folder::{Folder, Run};

/// Column `name` of a CSV text.
fn column(text: &str, name: &str) -> Vec<f64> {
    let at = text.lines().next().unwrap().split(',').position(|cell| cell == name).unwrap();
    text.lines().skip(1).map(|line| line.split(',').nth(at).unwrap().parse().unwrap()).collect()
}

/// Three Gaussians whose centres are 10 standard deviations apart, 40 to 100 rows each; the true labels.
fn separated(seed: u64) -> (String, Vec<usize>) {
    let mut noise = vec![0.0; 420];
    jensen::streams::Streams::new(seed).fill_normal(1, &mut noise);
    let centres = [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0)];
    let truth: Vec<usize> = (0..210).map(|i| [0, 1, 2, 0, 1, 0, 0][i % 7]).collect();
    let row = |(i, &k): (usize, &usize)| {
        let (x, y): (f64, f64) = centres[k];
        format!("{},{}\n", x + noise[2 * i], y + noise[2 * i + 1])
    };
    ("x,y\n".to_string() + &truth.iter().enumerate().map(row).collect::<String>(), truth)
}

#[test]
fn three_separated_gaussians_are_chosen_and_their_rows_found() {
    let folder = Folder::new("mixture-recovery");
    for seed in 1..=5 {
        let (text, truth) = separated(seed);
        folder.file("d.csv", &text);
        let run = folder.jensen(&format!("mixture d.csv --k 1..6 --restarts 3 --seed {seed} --json --out fit --quiet"));
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
        let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(report["occupied"], 3, "{}", run.out);
        let labels: Vec<usize> = column(&folder.read("fit/labels.csv"), "label").iter().map(|l| *l as usize).collect();
        let agreement = jensen::mixture::adjusted_rand(&labels, &truth);
        assert!(agreement > 0.99, "{seed}: {agreement}");
        // The measure can fail: the truth moved by one row has little in common with the labels.
        let moved: Vec<usize> = (0..truth.len()).map(|i| truth[(i + 1) % truth.len()]).collect();
        assert!(jensen::mixture::adjusted_rand(&labels, &moved) < 0.5);
    }
}

/// The largest component has 120 rows about (0, 0) with standard deviation 1: five standard errors of the mean are 0.46,
/// of the standard deviation 0.32, and the prior, worth a row or two, adds at most 0.04 and 0.1.
#[test]
fn the_table_gives_mean_and_sd_of_every_covariance_and_of_a_student_t() {
    let folder = Folder::new("mixture-moments");
    folder.file("d.csv", &separated(1).0);
    for options in ["full", "tied", "diagonal", "spherical", "full --kind student-t", "full --kind y=student-t"] {
        let run = folder.jensen(&format!("mixture d.csv --k 3 --restarts 2 --json --quiet --covariance {options}"));
        let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        for column in 0..2 {
            let line = &report["components"][0]["columns"][column];
            let (mean, sd) = (line["mean"].as_f64().unwrap(), line["sd"].as_f64().unwrap());
            assert!(mean.abs() < 0.5, "{options}: {line}");
            // A Student-t with four degrees of freedom has heavier tails than these rows.
            assert!((0.75..1.5).contains(&sd), "{options}: {line}");
        }
    }
}

#[test]
fn old_faithful_has_two_kinds_of_eruptions_and_a_folder_holds_everything() {
    let folder = Folder::new("mixture-faithful");
    let run = folder.jensen("mixture --k 1..4 --plot --out fit");
    assert_eq!(run.code, Some(0), "{run:?}");
    for words in ["2 occupied of 2 offered", "eruptions", "waiting", "agreement of restarts 1.000", "chosen"] {
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    let files = ["bound_against_k.png", "bound_against_k.svg", "fit.json", "labels.csv", "pairs.png", "pairs.svg"];
    assert_eq!(folder.names("fit"), files.into_iter().chain(["parameters.csv", "report.json"]).collect::<Vec<_>>());
    assert!(folder.read("fit/pairs.svg").starts_with("<svg"));
    let labels = folder.read("fit/labels.csv");
    assert_eq!(labels.lines().count(), 273);
    let (first, second) = (column(&labels, "probability_1"), column(&labels, "probability_2"));
    assert!(first.iter().zip(&second).all(|(a, b)| (a + b - 1.0).abs() < 1e-12));
    // The rows of the fit, predicted by the saved fit, are those of the fit.
    folder.file("again.csv", jensen_models::data::OLD_FAITHFUL);
    let run = folder.jensen("predict fit again.csv --out predicted.csv");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(folder.read("predicted.csv"), labels);
    let mean = column(&labels, "log_density").iter().sum::<f64>() / 272.0;
    let shown = run.out.split("mean log density ").nth(1).unwrap().split(' ').next().unwrap().parse::<f64>().unwrap();
    assert!((shown - mean).abs() < 1e-4, "{shown} {mean}");
}

#[test]
fn a_process_minibatches_and_mixed_columns_with_missing_cells() {
    let folder = Folder::new("mixture-kinds");
    let run = folder.jensen("mixture --dirichlet-process=0.1 --k 10");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.out.contains("2 occupied of 10 offered") && run.out.contains("8 of 10 components are empty"),
        "{run:?}"
    );
    let run = folder.jensen("mixture --k 2 --batch 64 --restarts 2");
    assert!(run.code == Some(0) && run.out.contains("stochastic natural gradient, 2 starts"), "{run:?}");
    // Far from arrived after one step: fitted, not trusted, with a remedy.
    let run = folder.jensen("mixture --k 2 --steps 1 --restarts 1");
    assert!(run.code == Some(1) && run.out.contains("not trusted: ") && run.out.contains("--steps 5"), "{run:?}");
    let row = |i: usize| match i % 3 {
        0 => format!("{},red,1,\n", 0.1 * (i % 7) as f64),
        1 => format!("{},blue,0,{}\n", 9.0 + 0.1 * (i % 5) as f64, 20 + i % 4),
        _ => format!("NA,blue,0,{}\n", 20 + i % 5),
    };
    folder.file("m.csv", &("size,colour,ok,count\n".to_string() + &(0..90).map(row).collect::<String>()));
    let run = folder.jensen("mixture m.csv --k 2 --kind count=poisson --out fit --plot");
    assert!(run.out.contains("size (gaussian), colour (categorical), ok (bernoulli), count (poisson)"), "{run:?}");
    assert!(run.out.contains("60 missing cells") && run.out.contains("colour = red"), "{run:?}");
    let labels = column(&folder.read("fit/labels.csv"), "label");
    assert!(labels.iter().enumerate().all(|(i, l)| *l == if i % 3 == 0 { 2.0 } else { 1.0 }), "{labels:?}");
    // Columns are found by name; a whole row may be missing but for one cell.
    folder.file("new.csv", "count,id,ok,colour,size\n,7,1,,\n21,8,,,\n");
    let run = folder.jensen("predict fit/fit.json new.csv");
    assert_eq!((run.code, column(&run.out, "label")), (Some(0), vec![2.0, 1.0]), "{run:?}");
    assert!(run.err.contains("mean log density"), "{run:?}");
}

/// Three clusters of 120, 60 and 30 rows: their numbers, draws and the words of the report with every setting.
#[test]
fn starts_processes_priors_and_draws_are_chosen_by_options() {
    let folder = Folder::new("mixture-settings");
    folder.file("d.csv", separated(3).0);
    let run = folder.jensen("mixture d.csv --k 3 --start hierarchical --out fit --draws 500 --quiet");
    assert!(
        run.code == Some(0) && run.out.contains("full covariance with a learned prior; coordinate ascent, 1 start,")
    );
    let draws = folder.read("fit/draws.csv");
    let header =
        "draw,component,weight,mean[x],mean[y],covariance[x][x],covariance[x][y],covariance[y][x],covariance[y][y]";
    assert_eq!((draws.lines().next(), draws.lines().count()), (Some(header), 1501));
    let (weights, components, means) =
        (column(&draws, "weight"), column(&draws, "component"), column(&draws, "mean[x]"));
    weights.chunks_exact(3).for_each(|w| assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{w:?}"));
    // The largest cluster lies about x = 0, the second about 10; their means are known to 0.1 and 0.13 (one sd).
    for (c, centre) in [(1.0, 0.0), (2.0, 10.0)] {
        let own = means.iter().zip(&components).filter(|(_, k)| **k == c);
        own.for_each(|(x, _)| assert!((x - centre).abs() < 1.0, "{c}: {x}"));
    }
    let run = folder.jensen("mixture d.csv --dirichlet-process=0.5 --discount 0.2 --k 8 --prior fixed --quiet");
    for words in
        ["Pitman-Yor process of concentration 0.5 and discount 0.2, full covariance;", "3 occupied of 8 offered"]
    {
        assert!(run.out.contains(words), "{}", run.out);
    }
    let (text, _) = separated(4);
    let worded = text.lines().enumerate().map(|(i, l)| format!("{l},{}\n", ["kind", "a", "b"][i.min(1 + i % 2)]));
    folder.file("w.csv", worded.collect::<String>());
    let run = folder.jensen("mixture w.csv --k 3 --covariance tied --quiet");
    assert!(run.code == Some(0) && run.out.contains("kind (categorical)"), "{run:?}");
}

/// Two clusters, 80 and 40 rows: the mean share of the larger is (80 + 1 / 2) / 121, its variance share (1 - share) / 122.
#[test]
fn parameters_have_deviations_and_new_rows_look_like_the_old() {
    let folder = Folder::new("mixture-parameters");
    let row = |i: usize| match i % 3 {
        0 => format!("{},red\n", 50.0 + (i % 5) as f64),
        _ => format!("{},blue\n", (i % 7) as f64),
    };
    folder.file("d.csv", &("size,colour\n".to_string() + &(0..120).map(row).collect::<String>()));
    let run = folder.jensen("mixture d.csv --k 2 --out fit --json --quiet");
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let share = 80.5 / 121.0;
    let sd = f64::sqrt(share * (1.0 - share) / 122.0);
    let found = &report["components"][0];
    assert!((found["weight"].as_f64().unwrap() - share).abs() < 1e-3, "{found}");
    assert!((found["weight_sd"].as_f64().unwrap() - sd).abs() < 1e-4, "{found}");
    let parameters = folder.read("fit/parameters.csv");
    assert!(parameters.starts_with("component,quantity,mean,sd,q5,q95\n1,weight,"), "{parameters}");
    // 4000 draws: the standard error of the mean is sd / 63.
    assert!((column(&parameters, "mean")[0] - share).abs() < 5.0 * sd / 63.0, "{parameters}");
    assert!(parameters.lines().any(|l| l.starts_with("2,mean[size],")), "{parameters}");
    let run = folder.jensen("predict fit --simulate 600 --seed 4");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert_eq!(run.out.lines().next(), Some("size,colour"));
    let rows: Vec<(f64, &str)> =
        run.out.lines().skip(1).map(|l| l.split_once(',').unwrap()).map(|(x, c)| (x.parse().unwrap(), c)).collect();
    let large: Vec<_> = rows.iter().filter(|r| r.0 > 25.0).collect();
    // Sizes go with colours; five standard errors of the share are 0.11.
    assert!(rows.len() == 600 && (large.len() as f64 / 600.0 - 1.0 / 3.0).abs() < 0.11, "{}", large.len());
    assert!(large.iter().filter(|r| r.1 == "red").count() > large.len() * 9 / 10);
    assert_eq!(folder.jensen("predict fit --simulate 600 --seed 4").out, run.out);
    assert_ne!(folder.jensen("predict fit --simulate 600 --seed 5").out, run.out);
    let nothing_drawn = folder.jensen("predict fit fit/fit.json --seed 5");
    assert!(
        nothing_drawn.code == Some(2) && nothing_drawn.err.contains("--seed is of what is drawn"),
        "{nothing_drawn:?}"
    );
    refused(&folder.jensen("predict fit"), &["<FILE>"]);
    refused(&folder.jensen("predict fit --simulate 0"), &["--simulate"]);
    // The tail of a Student-t is chosen by its bound: these rows have none.
    let (text, _) = separated(2);
    folder.file("t.csv", &text);
    let bound = |tail: &str| {
        let run =
            folder.jensen(&format!("mixture t.csv --k 3 --kind student-t --tail {tail} --restarts 2 --json --quiet"));
        serde_json::from_str::<serde_json::Value>(&run.out).unwrap()["bound"].as_f64().unwrap()
    };
    assert!(bound("3") < bound("30") - 1.0);
    refused(&folder.jensen("mixture t.csv --tail 2"), &["--tail", "above 2"]);
}

/// Every bad input leaves no file behind, whatever it is refused for.
#[test]
fn bad_tables_are_refused_with_place_and_remedy() {
    let folder = Folder::new("mixture-bad");
    let good = "a,b\n1,2\n2,1\n3,5\n4,3\n2,2\n";
    let cases: &[(&str, &str, &[&str])] = &[
        (good, "--k 6", &["d.csv: 6 components for 5 distinct rows", "--k of at most 5"]),
        ("a,b\n1,2\n1,2\n2,1\n", "--k 1..3", &["3 components for 2 distinct rows"]),
        ("a,b\n1,7\n2,7\n3,7\n", "", &["d.csv, column `b`: 7 in every row", "--columns"]),
        ("a,b\n1,\n2,NA\n3,\n", "", &["column `b`: a missing cell in every row"]),
        ("a,b\n1,1\n2,2\n3,3\n", "", &["column `b` repeats column `a`", "leave one of them out"]),
        ("a,b\n1,2\n", "", &["d.csv: one row"]),
        ("a,b\n", "", &["d.csv: zero rows"]),
        ("", "", &["d.csv: the file is empty"]),
        ("1,2\n3,4\n", "", &["d.csv, line 1: no header"]),
        ("a,a\n1,2\n3,4\n", "", &["duplicate column `a`"]),
        ("a,b\n1,2\n\n3\n4,5\n", "", &["d.csv, line 4: found 1 field where the header has 2"]),
        ("a,b\n1,2\n3,4,\n4,5\n", "", &["d.csv, line 3: found 3 fields", "separator at the end"]),
        ("a,b\n1,2\n\"3,4\n4,5\n6,7\n", "", &["d.csv, line 3", "quotation mark"]),
        ("a,b\n1,2\n3,1e999\n4,5\n", "", &["d.csv, line 3, column `b`", "1e999", "finite"]),
        ("a,b\n1,2\n2,tall\n3,5\n", "", &["d.csv, line 3, column `b`: \"tall\" is not a number", "correct the cell"]),
        ("a,b\n1,2\n2,inf\n3,5\n", "", &["d.csv, line 3, column `b`", "finite"]),
        ("a,b\n1,2\n2,-3\n3,5\n", "--kind b=poisson", &["d.csv, line 3, column `b`: -3 is not a count", "gaussian"]),
        ("a,b\n1,2\n2,0\n3,5\n", "--kind b=gamma", &["line 3, column `b`: 0 is not a positive number"]),
        ("a,b\n1,2\n2,0\n3,1\n", "--kind b=bernoulli", &["line 2, column `b`: 2 is not 0 or 1"]),
        ("a,b\n1,u\n2,v\n3,w\n4,x\n", "", &["4 different words in 4 rows", "--columns", "--kind b=categorical"]),
        ("a,b\n1e300,1\n-3e300,2\n2,3\n", "", &["d.csv, column `a`", "too far apart", "rescale"]),
        ("a,b\n1,1e-300\n2,3e-300\n3,2e-300\n", "", &["d.csv, column `b`", "too close together", "rescale"]),
        (good, "--discount 0.2", &["--dirichlet-process"]),
        (good, "--dirichlet-process --discount 1", &["from 0 to below 1"]),
        (good, "--start random", &["k-means", "hierarchical"]),
        (good, "--columns a,x", &["d.csv: no column `x`", "`a`, `b`"]),
        (good, "--columns a,a", &["names `a` twice"]),
        (good, "--kind x=poisson", &["d.csv: no column `x`"]),
        (good, "--columns a --kind b=poisson", &["column `b`", "--columns leaves out"]),
        (good, "--k 0", &["from 1 to 10000"]),
        (good, "--k 4..2", &["2..4"]),
        (good, "--dirichlet-process --k 1..3", &["--dirichlet-process", "--k N"]),
        (good, "--restarts 0", &["--restarts"]),
        (good, "--batch 0", &["--batch"]),
    ];
    for (text, options, words) in cases {
        folder.file("d.csv", text);
        refused(&folder.jensen(&format!("mixture d.csv {options} --out results --plot")), words);
        assert_eq!(folder.names("."), ["d.csv"], "{text:?} {options}");
        if !options.contains("--batch") {
            // The same words where the table stays in its file.
            refused(&folder.jensen(&format!("mixture d.csv {options} --batch 2 --out results --plot")), words);
            assert_eq!(folder.names("."), ["d.csv"], "{text:?} {options}");
        }
    }
    refused(&folder.jensen("mixture none.csv --out results"), &["none.csv: file not found"]);
    assert_eq!(folder.names("."), ["d.csv"]);
}

#[test]
fn a_sum_of_columns_is_fitted_with_a_stated_regularisation() {
    let folder = Folder::new("mixture-sum");
    let row = |i: usize| format!("{0},{1},{2}\n", i % 7, i % 11, i % 7 + i % 11);
    folder.file("d.csv", &("a,b,c\n".to_string() + &(0..60).map(row).collect::<String>()));
    let run = folder.jensen("mixture d.csv --k 1");
    assert!(matches!(run.code, Some(0 | 1)) && run.out.contains("added to its diagonal"), "{run:?}");
    assert!(!run.out.contains("NaN") && !run.out.contains("nan"), "{run:?}");
}

#[test]
fn rows_that_do_not_suit_a_fit_are_refused() {
    let folder = Folder::new("mixture-predict");
    let row = |i: usize| format!("{},{}\n", i % 5, if i.is_multiple_of(2) { "red" } else { "blue" });
    folder.file("d.csv", &("size,colour\n".to_string() + &(0..40).map(row).collect::<String>()));
    assert!(folder.jensen("mixture d.csv --k 1 --out fit").code == Some(0));
    let cases: &[(&str, &[&str])] = &[
        ("size,colour\n1,red\n2,green\n", &["new.csv, line 3, column `colour` (row 2): \"green\"", "`blue`, `red`"]),
        ("size,color\n1,red\n", &["new.csv: no column `colour`", "did you mean `color`"]),
        ("size,colour\nbig,red\n", &["new.csv, line 2, column `size`: \"big\" is not a number"]),
        ("size,colour\n1,red\n1e200,red\n", &["new.csv, row 2 below the header: no finite density", "rescale"]),
        ("size,colour\n", &["new.csv: zero rows"]),
        ("size,colour\n1,red,\n", &["new.csv, line 2: found 3 fields"]),
    ];
    for (text, words) in cases {
        folder.file("new.csv", text);
        refused(&folder.jensen("predict fit new.csv --out rows.csv"), words);
        assert_eq!(folder.names("."), ["d.csv", "fit", "new.csv"]);
    }
    refused(&folder.jensen("predict none new.csv"), &["none: is not a saved fit", "or its folder"]);
    refused(&folder.jensen("predict d.csv new.csv"), &["d.csv: is not a saved fit"]);
    refused(&folder.jensen("predict fit none.csv"), &["none.csv: file not found"]);
}

/// Exit code 2, nothing on standard output, and one message that holds every one of `words`.
fn refused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.out.is_empty() && !run.err.contains("panicked"), "{run:?}");
    for word in words {
        assert!(run.err.contains(word), "no `{word}` in {}", run.err);
    }
}
