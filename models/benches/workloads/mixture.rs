//! W3b: coordinate ascent from given labels; and passes over a table that stays in its file.

use jensen::algorithm::Algorithm;
use jensen::mixture::{
    CoordinateAscent, FullGaussian, MixtureStart, Rows, StochasticMixture, StochasticSettings, Table, Weights,
};
use jensen_models::data::stream::StreamedTable;
use std::path::Path;
use std::time::Instant;

/// A sweep of 1,000 x 2 with 3 and 10 components, and of 100,000 x 10 with 10 where the data are there.
pub fn w3b(folder: &Path) {
    case(folder, "w3_gmm.csv", "w3_init_labels_k3.csv", 3, 16, 200);
    case(folder, "w3_gmm.csv", "w3_init_labels_k10.csv", 10, 209, 20);
    if folder.join("w3_big.csv").exists() {
        case(folder, "w3_big.csv", "w3_big_init_labels_k10.csv", 10, 20, 2);
    } else {
        println!("W3b 100,000 x 10: no w3_big.csv, which `gen_data.py --big` writes");
    }
}

fn case(folder: &Path, rows: &str, labels: &str, k: usize, sweeps: u64, repeats: usize) {
    let cells = super::models::read_csv(&folder.join(rows));
    let rows = Table::from_rows(&cells).expect("a table");
    let labels: Vec<u32> = super::models::read_csv(&folder.join(labels)).iter().map(|r| r[0] as u32).collect();
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let (best, bound) = pool.install(|| {
            let component = FullGaussian::from_rows(&rows).expect("a prior");
            let ascent = CoordinateAscent::new(&rows, &component, Weights::dirichlet(1.0 / k as f64), k);
            let ascent =
                ascent.expect("settings").start(MixtureStart::Labels(labels.clone())).tolerance(-f64::INFINITY);
            let (mut best, mut bound) = (f64::INFINITY, 0.0);
            for _ in 0..repeats {
                let mut state = ascent.init().expect("a start");
                let start = Instant::now();
                for _ in 0..sweeps {
                    ascent.step(&mut state).expect("a sweep");
                }
                best = best.min(start.elapsed().as_secs_f64() / sweeps as f64);
                bound = ascent.bound(&state).expect("a bound");
            }
            (best, bound)
        });
        let (n, d) = (rows.num_rows(), rows.num_columns());
        println!("W3b {n} x {d}, K {k}, {threads} threads: {:.1} us a sweep, bound {bound:.4}", 1e6 * best);
    }
}

/// Time to read a CSV, to find its rows, to look at its cells, and of a pass of a fit, with `batch` rows a step.
pub fn file(path: &Path, k: usize, batch: usize) {
    let timed = |what: &str, start: Instant| println!("{what}: {:.2} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let bytes = std::io::copy(&mut std::fs::File::open(path).expect("a file"), &mut std::io::sink()).expect("bytes");
    timed(&format!("read the file ({} MB)", bytes / 1_000_000), start);
    let start = Instant::now();
    let table = StreamedTable::open(path, 256).expect("a table");
    timed(&format!("find the {} rows", table.num_rows()), start);
    let start = Instant::now();
    table.survey(&[]).expect("a survey");
    timed("look at every cell", start);
    let names: Vec<String> = table.header().names().map(str::to_string).collect();
    let columns: Vec<_> = names.iter().map(|name| (name.as_str(), None)).collect();
    let rows = table.rows(&columns).expect("columns");
    let start = Instant::now();
    let component = FullGaussian::from_rows(&rows).expect("a prior");
    timed("mean and covariance, two passes", start);
    let start = Instant::now();
    let settings = StochasticSettings::default().batch(batch.div_ceil(256));
    let fit = StochasticMixture::new(&rows, &component, Weights::dirichlet(1.0 / k as f64), k, settings);
    let fit = fit.expect("settings");
    timed("check, one pass", start);
    let start = Instant::now();
    let mut state = fit.init().expect("a start");
    timed("start, one pass and a sample", start);
    for pass in 1..=2 {
        let start = Instant::now();
        let steps = rows.num_blocks() / settings.batch;
        for _ in 0..steps {
            fit.step(&mut state).expect("a step");
        }
        timed(&format!("pass {pass} of {steps} steps, K {k}"), start);
    }
    let start = Instant::now();
    let bound = fit.bound(&state).expect("a bound");
    timed(&format!("exact bound {bound:.1}, one pass"), start);
}
