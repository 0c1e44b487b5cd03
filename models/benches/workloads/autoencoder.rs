//! W6: a variational autoencoder of binarised digits, trained and held against rows that it never saw.

use std::path::Path;
use std::time::Instant;

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::{Design, ExactKl};
use jensen::family::{Family, TracedFamily};
use jensen::layers::{InitialWeights, Likelihood, Vae};
use jensen::model::{Draws, RowSet};
use jensen::optimize::{Adam, Average};
use jensen::posterior::log_evidence_of_rows;
use jensen::program::Matrix;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Options, Pass, Precision, Target};

const BATCH: usize = 128;
const EPOCHS: u64 = 200;

/// 64-128-8, minibatches of 128 rows, 200 epochs of Adam at 0.001: eleven full batches of a new order each, as the workload has
/// it, or all rows, the last batch of an epoch being short.
pub fn w6(folder: &Path) {
    let text = std::fs::read_to_string(folder.join("w6_digits_binary.csv")).expect("w6_digits_binary.csv");
    let numbers = |line: &str| line.split(',').map(|x| x.trim().parse::<f64>()).collect::<Result<Vec<_>, _>>();
    let rows: Vec<Vec<f64>> = text.lines().filter_map(|l| numbers(l).ok()).filter(|r| r.len() >= 64).collect();
    let matrix = |rows: &[Vec<f64>]| Matrix::new(rows.concat(), rows[0].len()).expect("whole rows");
    let (train, test) = (matrix(&rows[..1437]), matrix(&rows[1437..]));
    for precision in [Precision::Single, Precision::Double] {
        for threads in [1, 2] {
            for all_rows in [false, true] {
                one(&train, &test, Options::default().threads(threads).precision(precision), all_rows, 1);
            }
        }
    }
    // How far runs from other weights, with other batches and noise, end from each other.
    let options = Options::default().threads(2).precision(Precision::Single);
    let bounds: Vec<f64> = (2..22).map(|seed| one(&train, &test, options, false, seed)).collect();
    let (mean, error) = jensen::objective::mean_and_standard_error(&bounds);
    println!("W6 autoencoder, twenty seeds: test bound {mean:.3}, standard deviation {:.3}", error * 20f64.sqrt());
}

fn vae(data: &Matrix, seed: u64) -> Vae {
    Vae::new(data.clone(), 8, &[128], Likelihood::Bernoulli).start(InitialWeights::LeCun, seed)
}

fn one(train: &Matrix, test: &Matrix, options: Options, all_rows: bool, seed: u64) -> f64 {
    let model = vae(train, seed);
    let target = Target::with_options(&model, options).expect("a valid model");
    let family = TracedFamily::with_workers(&model, target.layout(), target.workers()).expect("a valid guide");
    let vi = StochasticVi {
        average: Average::Last,
        start: Solution { params: family.init(&[], 1.0), theta: model.theta(target.layout()) },
        ..StochasticVi::new(&target, &family)
    };
    let vi = vi.estimator(ExactKl::default()).draws(1).design(Design::Independent).optimizer(Adam::new(0.001));
    let vi = vi.minibatch(Minibatch::Shuffled(BATCH)).streams(Streams::new(2 + seed));
    let mut state = vi.init().expect("a valid start");
    let n = train.num_rows();
    let mut order = vec![0; n];
    let mut batch = RowSet { subset: Some(Vec::new()), weight: n as f64 / BATCH as f64, ..RowSet::all() };
    let (mut best, start) = (f64::INFINITY, Instant::now());
    for k in 0..EPOCHS {
        let epoch = Instant::now();
        if all_rows {
            for _ in 0..n.div_ceil(BATCH) {
                vi.step(&mut state).expect("a step");
            }
        } else {
            Streams::new(4 + seed).at_step(k).permutation(n, &mut order);
            for rows in order.chunks_exact(BATCH) {
                rows.clone_into(batch.subset.get_or_insert_default());
                vi.step_on(&mut state, &batch).expect("a step");
            }
        }
        best = best.min(epoch.elapsed().as_secs_f64());
    }
    let total = start.elapsed().as_secs_f64();
    let solution = vi.output(&state);
    let (bound, importance) = held_out(test, &solution, options);
    println!(
        "W6 autoencoder, threads {} {:?}, {}: {:.2} ms/epoch (best {:.2}), test bound {bound:.3}, log p(x) with 50 draws {importance:.3}",
        options.threads,
        options.precision,
        if all_rows { "all rows" } else { "11 full batches" },
        total * 1e3 / EPOCHS as f64,
        best * 1e3,
    );
    bound
}

/// The bound of a test row with 100 draws, and its importance-weighted evidence with 50.
fn held_out(test: &Matrix, solution: &Solution, options: Options) -> (f64, f64) {
    let model = vae(test, 1);
    let target = Target::with_options(&model, options).expect("a valid model");
    let family = TracedFamily::with_workers(&model, target.layout(), target.workers()).expect("a valid guide");
    let (rows, n, draws) = (RowSet::all(), test.num_rows(), 100);
    let mut z = Draws::zeros(target.layout(), n, draws);
    family.sample(&solution.params, &rows, Streams::new(9), &mut z);
    let mut pass = Pass::default();
    target.log_density(&solution.theta, &z, &rows, &mut pass).expect("a density");
    let mean = pass.log_density.iter().sum::<f64>() / draws as f64;
    let entropy = family.entropy(&solution.params, &rows).expect("a known entropy");
    let all: Vec<u32> = (0..n as u32).collect();
    let weighted = log_evidence_of_rows(&target, &family, solution, &all, 50, Streams::new(10)).expect("a density");
    ((mean + entropy) / n as f64, weighted.iter().sum::<f64>() / n as f64)
}
