//! How often the number of components and the labels are recovered, over 100 seeds.
//!
//! `cargo bench -p jensen-models --bench recovery -- FOLDER [SET ...]` prints a table and writes the data into FOLDER;
//! with names of sets, only those with one start, which is quick. There
//! `models/benches/peers/recovery_sklearn.py FOLDER` reads them and prints the same table for scikit-learn.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a bench talks and may stop")]

use jensen::mixture::{FullGaussian, HierarchicalGaussian, Kind, MixtureFit, Table, Weights, adjusted_rand};
use jensen::streams::Streams;
use std::fmt::Write;
use std::time::Instant;

const SEEDS: u64 = 100;
/// Number of components offered.
const OFFERED: usize = 10;

/// One data set: columns and true labels.
struct Data {
    columns: Vec<Vec<f64>>,
    truth: Vec<usize>,
}

/// A family of data sets: one for all seeds, or one for each.
struct Problem {
    name: &'static str,
    /// Components that are to be found; none where nobody knows.
    k: Option<usize>,
    make: fn(u64) -> Data,
    varies: bool,
}

const PROBLEMS: [Problem; 7] = [
    Problem { name: "faithful", k: Some(2), make: faithful, varies: false },
    Problem { name: "iris", k: Some(3), make: iris, varies: false },
    Problem { name: "galaxies", k: None, make: galaxies, varies: false },
    Problem { name: "apart", k: Some(3), make: apart, varies: true },
    Problem { name: "unequal", k: Some(4), make: unequal, varies: true },
    Problem { name: "touching", k: Some(5), make: touching, varies: true },
    Problem { name: "crossed", k: Some(2), make: crossed, varies: true },
];

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    let Some(folder) = args.next() else {
        println!("usage: cargo bench -p jensen-models --bench recovery -- FOLDER [SET ...]");
        return;
    };
    let sets: Vec<String> = args.collect();
    println!("| data | method | K found (share of seeds) | mean ARI | least ARI | s a fit |");
    println!("|---|---|---|---|---|---|");
    for problem in PROBLEMS.iter().filter(|p| sets.is_empty() || sets.iter().any(|s| s == p.name)) {
        write_data(&folder, problem);
        line(problem, "one start, process", |rows, seed| fit(learned(rows), rows, seed, OFFERED, true, 1));
        line(problem, "the same, scikit-learn's prior", |rows, seed| fit(fixed(rows), rows, seed, OFFERED, true, 1));
        if !sets.is_empty() {
            continue;
        }
        line(problem, "five starts, process", |rows, seed| fit(learned(rows), rows, seed, OFFERED, true, 5));
        line(problem, "best bound of K = 1..6", |rows, seed| {
            let fits = (1..=6).map(|k| fit(learned(rows), rows, seed, k, false, 5));
            fits.max_by(|a, b| a.0.total_cmp(&b.0)).expect("a fit")
        });
    }
}

/// Bound and labels.
type Found = (f64, Vec<usize>);

/// What `jensen mixture` uses.
fn learned(rows: &Table) -> Kind {
    HierarchicalGaussian::from_rows(rows).expect("a prior").into()
}

/// The mean and covariance of all rows, as scikit-learn does.
fn fixed(rows: &Table) -> Kind {
    FullGaussian::from_rows(rows).expect("a prior").into()
}

/// The prior of the weights is that of scikit-learn: a Dirichlet process of concentration 1 / K, or Dirichlet(1 / K).
fn fit(component: Kind, rows: &Table, seed: u64, k: usize, process: bool, restarts: usize) -> Found {
    let concentration = 1.0 / k as f64;
    let weights = if process { Weights::dirichlet_process(concentration) } else { Weights::dirichlet(concentration) };
    let fitted = MixtureFit::new(component, k).weights(weights).restarts(restarts).seed(seed).run(rows).expect("a fit");
    (fitted.bound, fitted.labels(rows).expect("labels"))
}

fn line(problem: &Problem, method: &str, run: impl Fn(&Table, u64) -> Found) {
    let (mut numbers, mut agreements, start) = (vec![0_u64; OFFERED + 1], Vec::new(), Instant::now());
    for seed in 0..SEEDS {
        let data = (problem.make)(seed);
        let rows = Table::from_columns(&data.columns).expect("a table");
        let (_, labels) = run(&rows, seed);
        let mut distinct = labels.clone();
        distinct.sort_unstable();
        distinct.dedup();
        numbers[distinct.len()] += 1;
        agreements.push(adjusted_rand(&labels, &data.truth));
    }
    let seconds = start.elapsed().as_secs_f64() / SEEDS as f64;
    let found = match problem.k {
        Some(k) => format!("{k}: {:.2}", numbers[k] as f64 / SEEDS as f64),
        None => {
            let seen = (1..=OFFERED).filter(|&k| numbers[k] > 0);
            seen.map(|k| format!("{k}: {:.2}", numbers[k] as f64 / SEEDS as f64)).collect::<Vec<_>>().join(", ")
        }
    };
    let (mean, least) = match problem.k {
        Some(_) => (
            format!("{:.3}", agreements.iter().sum::<f64>() / SEEDS as f64),
            format!("{:.3}", agreements.iter().copied().fold(1.0, f64::min)),
        ),
        None => ("-".to_string(), "-".to_string()),
    };
    println!("| {} | {method} | {found} | {mean} | {least} | {seconds:.4} |", problem.name);
}

fn write_data(folder: &str, problem: &Problem) {
    let mut text = "seed,truth".to_string();
    let seeds = if problem.varies { SEEDS } else { 1 };
    for seed in 0..seeds {
        let data = (problem.make)(seed);
        if seed == 0 {
            (0..data.columns.len()).for_each(|j| write!(text, ",x{j}").expect("memory"));
            text += "\n";
        }
        for (i, label) in data.truth.iter().enumerate() {
            write!(text, "{seed},{label}").expect("memory");
            data.columns.iter().for_each(|c| write!(text, ",{}", c[i]).expect("memory"));
            text += "\n";
        }
    }
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(format!("{folder}/{}.csv", problem.name), text).expect("a file");
}

fn embedded(text: &str, columns: usize) -> Vec<Vec<String>> {
    let cells = |line: &str| line.split(',').map(str::to_string).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = text.lines().skip(1).map(cells).collect();
    (0..columns).map(|j| rows.iter().map(|r| r[j].clone()).collect()).collect()
}

fn numbers(columns: &[Vec<String>]) -> Vec<Vec<f64>> {
    columns.iter().map(|c| c.iter().map(|x| x.parse().expect("a number")).collect()).collect()
}

/// Nobody wrote down the kind of an eruption; short and long are told apart at three minutes.
fn faithful(_: u64) -> Data {
    let columns = numbers(&embedded(include_str!("../../data/faithful.csv"), 2));
    let truth = columns[0].iter().map(|&x| usize::from(x > 3.0)).collect();
    Data { columns, truth }
}

fn iris(_: u64) -> Data {
    let cells = embedded(include_str!("../../data/iris.csv"), 5);
    let species = ["setosa", "versicolor", "virginica"];
    let truth = cells[4].iter().map(|s| species.iter().position(|name| name == s).expect("a species")).collect();
    Data { columns: numbers(&cells[..4]), truth }
}

fn galaxies(_: u64) -> Data {
    let columns = numbers(&embedded(include_str!("../../data/galaxies.csv"), 1));
    let columns = vec![columns[0].iter().map(|x| x / 1000.0).collect::<Vec<f64>>()];
    let truth = vec![0; columns[0].len()];
    Data { columns, truth }
}

/// Rows of Gaussians with the given sizes, centres and standard deviations.
fn simulated(seed: u64, parts: &[(usize, &[f64], &[f64])]) -> Data {
    let d = parts[0].1.len();
    let n: usize = parts.iter().map(|p| p.0).sum();
    let mut noise = vec![0.0; n * d];
    Streams::new(1000 + seed).fill_normal(1, &mut noise);
    let (mut columns, mut truth) = (vec![Vec::new(); d], Vec::new());
    for (k, (size, centre, sd)) in parts.iter().enumerate() {
        for _ in 0..*size {
            let i = truth.len();
            (0..d).for_each(|j| columns[j].push(centre[j] + sd[j] * noise[i * d + j]));
            truth.push(k);
        }
    }
    Data { columns, truth }
}

/// Three equal clusters, six standard deviations apart.
fn apart(seed: u64) -> Data {
    simulated(
        seed,
        &[(100, &[0.0, 0.0], &[1.0, 1.0]), (100, &[6.0, 0.0], &[1.0, 1.0]), (100, &[0.0, 6.0], &[1.0, 1.0])],
    )
}

/// Four clusters of very different size and spread.
fn unequal(seed: u64) -> Data {
    let parts: [(usize, &[f64], &[f64]); 4] = [
        (200, &[0.0, 0.0, 0.0], &[1.0, 1.0, 1.0]),
        (100, &[5.0, 0.0, 0.0], &[0.5, 2.0, 0.5]),
        (50, &[0.0, 6.0, 2.0], &[1.5, 0.5, 1.0]),
        (25, &[-5.0, -4.0, 3.0], &[0.7, 0.7, 0.7]),
    ];
    simulated(seed, &parts)
}

/// Five clusters of four columns whose edges touch.
fn touching(seed: u64) -> Data {
    let centres: [[f64; 4]; 5] = [
        [0.0, 0.0, 0.0, 0.0],
        [3.5, 0.0, 1.0, 0.0],
        [0.0, 3.5, 0.0, 1.0],
        [-3.0, 0.0, 2.0, -2.0],
        [0.0, -3.0, -2.0, 2.0],
    ];
    let sd = [1.0; 4];
    let parts: Vec<(usize, &[f64], &[f64])> = centres.iter().map(|c| (100, c.as_slice(), sd.as_slice())).collect();
    simulated(seed, &parts)
}

/// Two long clusters that cross: only their covariances tell them apart.
fn crossed(seed: u64) -> Data {
    simulated(seed, &[(250, &[0.0, 0.0], &[6.0, 0.5]), (250, &[0.0, 0.0], &[0.5, 6.0])])
}
