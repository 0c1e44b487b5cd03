//! Models whose q is a network: what they find where it is known, and what they refuse.

use super::Folder;
use jensen::streams::Streams;
use std::fmt::Write;

fn noise(seed: u64, num: usize) -> Vec<f64> {
    let mut out = vec![0.0; num];
    Streams::new(seed).fill_normal(1, &mut out);
    out
}

/// `a, b ~ N(0, 1)`, `x = a + b + e`, `y = a - b + e / 2`, in units of their own: simulations, and observed rows.
fn linear(num: usize, observed: &[[f64; 2]]) -> String {
    let mut text = "mass,x,y,force\n".to_string();
    for e in noise(31, 4 * num).chunks_exact(4) {
        let (x, y) = (e[0] + e[1] + e[2], e[0] - e[1] + 0.5 * e[3]);
        writeln!(text, "{},{},{},{}", 50.0 + 10.0 * e[0], 1e3 * x, 7.0 + 0.01 * y, 0.1 * e[1]).unwrap();
    }
    for [x, y] in observed {
        writeln!(text, ",{},{},", 1e3 * x, 7.0 + 0.01 * y).unwrap();
    }
    text
}

/// Exact moments of `a` and `b`: the precision is `[[6, -3], [-3, 6]]`, as `1 + 1 + 4` and `1 - 4`.
fn exact([x, y]: [f64; 2]) -> ([f64; 2], f64, f64) {
    let pulled = [x + 4.0 * y, x - 4.0 * y];
    let (diagonal, beside) = (6.0 / 27.0, 3.0 / 27.0);
    let mean = [diagonal * pulled[0] + beside * pulled[1], beside * pulled[0] + diagonal * pulled[1]];
    (mean, f64::sqrt(diagonal), beside / diagonal)
}

#[test]
fn a_posterior_of_simulations_is_the_exact_one_of_a_linear_simulator() {
    let folder = Folder::new("simulated");
    let observed = [[0.0, 0.0], [1.5, -1.0], [-1.0, 1.2]];
    folder.file("pairs.csv", linear(6000, &observed));
    let run =
        folder.jensen("fit simulated-posterior --data pairs.csv --steps 4000 --restarts 1 --quiet --json --out fit");
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert!(run.code == Some(0) && report["verdict"]["trust"] == "trust", "{run:?}");
    assert!(report["bound"].is_null() && report["k_hat"] == "NaN", "{report}");
    let lines = report["posterior"].as_array().unwrap();
    assert_eq!(lines.len(), 6);
    for (k, x) in observed.iter().enumerate() {
        let (mean, sd, _) = exact(*x);
        for (j, (name, centre, unit)) in [("mass", 50.0, 10.0), ("force", 0.0, 0.1)].into_iter().enumerate() {
            let line = &lines[2 * k + j];
            assert_eq!(line["name"], format!("{name}[row {}]", 6001 + k));
            let of = |key: &str| line[key].as_f64().unwrap();
            let (off, ratio) = (((of("mean") - centre) / unit - mean[j]) / sd, of("sd") / unit / sd);
            // 4,000 draws: the standard error of the mean is 0.016 standard deviations, of a standard deviation 1.1 %.
            assert!(off.abs() < 0.1 && (ratio - 1.0).abs() < 0.1, "{name} {x:?}: {off} {ratio}");
        }
    }
    // Given the data the two hang together, by a half.
    let drawn = folder.jensen("sample fit --draws 4000");
    let mut rows = drawn.out.lines();
    assert_eq!(
        rows.next(),
        Some("mass[row 6001],force[row 6001],mass[row 6002],force[row 6002],mass[row 6003],force[row 6003]")
    );
    let pairs: Vec<[f64; 2]> = rows
        .map(|row| {
            let cells: Vec<f64> = row.split(',').take(2).map(|cell| cell.parse().unwrap()).collect();
            [cells[0], cells[1]]
        })
        .collect();
    let mean = [0, 1].map(|j| pairs.iter().map(|p| p[j]).sum::<f64>() / 4000.0);
    let product = |a: usize, b: usize| pairs.iter().map(|p| (p[a] - mean[a]) * (p[b] - mean[b])).sum::<f64>();
    let correlation = product(0, 1) / (product(0, 0) * product(1, 1)).sqrt();
    assert!((correlation - exact(observed[0]).2).abs() < 0.1, "{correlation}");
    assert_eq!(pairs.len(), 4000);
}

/// A normal q cannot be the posterior of a sign; observed data far from all simulations are none of theirs.
#[test]
fn a_posterior_that_is_not_calibrated_or_not_asked_within_the_simulations_is_not_trusted() {
    let folder = Folder::new("simulated-wrong");
    let squares = noise(32, 4000);
    let mut text = "z,x\n".to_string();
    squares.chunks_exact(2).for_each(|e| writeln!(text, "{},{}", e[0], e[0] * e[0] + 0.1 * e[1]).unwrap());
    folder.file("squares.csv", text + ",1\n");
    let fit = |data: &str| {
        let run = folder.jensen(&format!("fit simulated-posterior --data {data} --steps 1500 --restarts 1 --quiet"));
        assert_eq!(run.code, Some(1), "{run:?}");
        run.out
    };
    let out = fit("squares.csv");
    assert!(out.contains("verdict: do not trust") && out.contains("q is not calibrated on 400 pairs"), "{out}");
    folder.file("far.csv", linear(2000, &[[0.0, 0.0], [9.0, 9.0]]));
    let out = fit("far.csv");
    assert!(out.contains("because row 2002 is ") && out.contains("times as far from the simulations"), "{out}");
    assert!(!out.contains("not calibrated"), "{out}");
}

#[test]
fn data_that_are_no_simulations_are_refused() {
    let folder = Folder::new("simulated-bad");
    let good = linear(300, &[]);
    let cases: &[(String, &str, &[&str])] = &[
        (good.clone(), "", &["d.csv: no observed data; add a row", "empty cells for the parameters"]),
        ("a,x\n,1\n,2\n".into(), "", &["column `a` is empty; remove it"]),
        ("a,x\n1,2\n,1\n,2\n".into(), "", &["d.csv: 1 rows are too few; this model needs at least 200", "simulations"]),
        (linear(100, &[[0.0, 0.0]]), "", &["100 rows are too few", "(`mass`, `force`) are filled in"]),
        (
            good.clone() + ",1,7,\n1,1,7,\n",
            "",
            &["line 303, column `force`: empty", "(`mass`, `force`) are parameters"],
        ),
        (good.clone() + ",inf,7,\n", "", &["line 302, column `x`", "finite"]),
        (good.clone() + ",1,NaN,\n,1,7,\n", "", &["line 303, column `mass`: empty", "(`mass`, `y`, `force`)"]),
        (good.clone() + ",1,tall,\n", "", &["line 302, column `y`: \"tall\" is not a number"]),
        (good.clone() + ",1,7,\n", "--features x,z", &["no column `z`"]),
        (good.clone() + ",1,7,\n", "--response x", &["does not use --response"]),
        (good.clone() + ",1,7,\n", "--draws 5", &["without draws of q; leave the draws out"]),
        (good.clone() + ",1,7,\n", "--family full-rank", &["its q is a network"]),
        (good.replace("mass,x", "mass,u") + ",1,7,\n", "--features x,y", &["no column `x`"]),
    ];
    for (text, options, words) in cases {
        folder.file("d.csv", text);
        let run = folder.jensen(&format!("fit simulated-posterior --data d.csv {options} --out r"));
        run.refused(words);
        assert_eq!(folder.names(""), ["d.csv"], "{words:?}");
    }
    let constant = good.lines().map(|line| format!("{line},3\n")).collect::<String>().replacen(",3\n", ",c\n", 1);
    folder.file("d.csv", constant + ",1,7,,3\n");
    folder
        .jensen("fit simulated-posterior --data d.csv")
        .refused(&["column `c` is 3 in every simulation", "--features"]);
}

/// Draws of q lie where the posterior is, at the parameters of the report, by the formula.
#[test]
fn an_encoder_without_a_density_finds_the_posterior_of_factors() {
    let folder = Folder::new("implicit");
    let (rows, columns) = (300, 4);
    let loadings = [[1.0, 0.0], [0.8, 0.6], [-0.5, 0.9], [0.3, -0.7]];
    let mut text = "a,b,c,d\n".to_string();
    for e in noise(33, 6 * rows).chunks_exact(6) {
        let cells = (0..columns).map(|j| loadings[j][0] * e[0] + loadings[j][1] * e[1] + 0.7 * e[2 + j]);
        writeln!(text, "{}", cells.map(|x| x.to_string()).collect::<Vec<_>>().join(",")).unwrap();
    }
    folder.file("d.csv", &text);
    let run =
        folder.jensen("fit implicit-factors --data d.csv --features a,b,c,d --steps 4000 --quiet --json --out fit");
    let report: serde_json::Value = serde_json::from_str(&run.fitted().out).unwrap();
    assert!(report["bound"].is_null(), "{report}");
    let value = |name: String| {
        let line = report["posterior"].as_array().unwrap().iter().find(|line| line["name"] == name);
        line.unwrap_or_else(|| panic!("{name} in {report}"))["mean"].as_f64().unwrap()
    };
    let names = ["a", "b", "c", "d"];
    let w: Vec<[f64; 2]> = names.iter().map(|n| [1, 2].map(|k| value(format!("loadings{k}[{n}]")))).collect();
    let (mean, noise) = (names.map(|n| value(format!("mean[{n}]"))), value("noise".into()));
    let s2 = noise * noise;
    let entry = |a: usize, b: usize| f64::from(u8::from(a == b)) + w.iter().map(|w| w[a] * w[b]).sum::<f64>() / s2;
    let (a, b, c) = (entry(0, 0), entry(0, 1), entry(1, 1));
    let cells: Vec<Vec<f64>> =
        text.lines().skip(1).map(|l| l.split(',').map(|c| c.parse().unwrap()).collect()).collect();
    let scale = |j: usize| {
        let m = cells.iter().map(|r| r[j]).sum::<f64>() / rows as f64;
        (m, (cells.iter().map(|r| (r[j] - m).powi(2)).sum::<f64>() / (rows - 1) as f64).sqrt())
    };
    let scales: Vec<(f64, f64)> = (0..columns).map(scale).collect();
    let exact = |row: &Vec<f64>| {
        let pulled = [0, 1].map(|k| {
            let one = |j: usize| w[j][k] * ((row[j] - scales[j].0) / scales[j].1 - mean[j]) / s2;
            (0..columns).map(one).sum::<f64>()
        });
        let determinant = a * c - b * b;
        [(c * pulled[0] - b * pulled[1]) / determinant, (a * pulled[1] - b * pulled[0]) / determinant]
    };
    let sds = [(c / (a * c - b * b)).sqrt(), (a / (a * c - b * b)).sqrt()];
    for (k, sd) in sds.into_iter().enumerate() {
        let means: Vec<f64> = cells.iter().map(|row| exact(row)[k]).collect();
        let of_rows = &report["of_rows"][k];
        let (least, most) = (of_rows["range"][0].as_f64().unwrap(), of_rows["range"][1].as_f64().unwrap());
        let [exact_least, exact_most] =
            [f64::min as fn(f64, f64) -> f64, f64::max].map(|f| means.iter().copied().reduce(f).unwrap());
        // 200 draws: a standard error of 0.07 standard deviations; the extreme of 300 noisy means is that far out again.
        for (found, exact) in [(least, exact_least), (most, exact_most)] {
            assert!((found - exact).abs() < 0.35 * sd, "factor {k}: {found}, exactly {exact}, sd {sd}");
        }
    }
    let figures = report["measured"]["figures"].as_array().unwrap();
    let figure = |k: usize| figures[k][1]["value"].as_f64().unwrap();
    assert!(figure(1) >= figure(0) && figure(1) - figure(0) < 1.0, "{figures:?}");
    assert!(figure(2) < 0.1 && figure(3) < 0.3 && figure(4) > 0.9 && figure(5) < 1.1, "{figures:?}");
    let drawn = folder.jensen("sample fit --draws 2");
    assert!(drawn.code == Some(0) && drawn.out.starts_with("loadings1[a],"), "{drawn:?}");
    for (line, words) in [
        ("fit implicit-factors --optimizer sgd", "its q is a network"),
        ("fit implicit-factors --data d.csv --features a,b,c", "2 factors need at least 4 columns, found 3"),
        ("fit implicit-factors --data d.csv --features a,b,c,e", "no column `e`"),
    ] {
        folder.jensen(line).refused(&[words]);
    }
}
