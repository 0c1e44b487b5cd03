//! Sparse Gaussians on models of many latents: evaluations, seconds, and the bound beside that of a run with a tenth of
//! the tolerance, or the exact evidence.
//!
//! `cargo bench -p jensen-models --bench structure` runs the small sizes; `-- logit 10000` one model and size. Models: `gauss`,
//! `logit`, `overdispersed`, `walk`, `level`, and below `volatility`. `-- shared logit 1000` is a whole fit, and its shared latents beside their
//! moments by quadrature.
#![allow(clippy::print_stdout, reason = "a bench prints")]

mod models;
mod shared;

use std::time::Instant;

use jensen::algorithm::{Algorithm, SparseNaturalGradient};
use jensen::family::{Family, SparseGaussian};
use jensen::fit::{MaxSteps, Stop, Trace, run};
use jensen::model::{Draws, Model, RowSet};
use jensen::streams::Streams;
use jensen::target::{LogDensity, Pass, Target};

/// Draws that a bound is measured by.
const DRAWS: usize = 2000;

/// One run.
struct Ran {
    params: Vec<f64>,
    stop: Stop,
    evaluations: u64,
    seconds: f64,
}

fn fit(target: &Target, family: &SparseGaussian, tolerance: f64, num_draws: usize, seed: u64) -> Ran {
    let start = SparseNaturalGradient::<Target>::start_at(family, &vec![0.0; target.layout().num_latents]);
    let algorithm = SparseNaturalGradient {
        target,
        family,
        num_draws,
        start,
        tolerance,
        is_start: false,
        streams: Streams::new(seed),
    };
    let (begun, mut trace) = (Instant::now(), Trace::default());
    let mut state = algorithm.init().expect("a start");
    let stop = run(&algorithm, &mut state, &mut MaxSteps(500), &mut trace).expect("a run");
    let seconds = begun.elapsed().as_secs_f64();
    Ran { params: algorithm.output(&state).params, stop, evaluations: trace.evaluations, seconds }
}

/// Log ratios of densities at fresh draws, the same noise for all.
fn ratios(target: &Target, family: &SparseGaussian, params: &[f64]) -> Vec<f64> {
    let (layout, rows, mut pass) = (target.layout(), RowSet::all(), Pass::default());
    let block = (200_000 / family.dimension()).clamp(2, 50);
    let (mut z, mut log_q) = (Draws::zeros(layout, layout.num_rows, block), vec![0.0; block]);
    let mut out = Vec::new();
    for k in 0..DRAWS / block {
        family.sample(params, &rows, Streams::new(99).at_step(k as u64), &mut z);
        family.log_q(params, &rows, &z, &mut log_q);
        target.log_density(&[], &z, &rows, &mut pass).expect("a density");
        out.extend(pass.log_density.iter().zip(&log_q).map(|(p, q)| p - q));
    }
    out
}

fn mean_and_error(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    (mean, (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt())
}

fn measure(name: &str, n: usize, model: &dyn Model, evidence: Option<f64>) {
    let begun = Instant::now();
    let target = Target::new(model).expect("a model");
    let recorded = begun.elapsed().as_secs_f64();
    let graph = target.graph();
    let found = begun.elapsed().as_secs_f64() - recorded;
    let family = SparseGaussian::new(target.layout(), graph).expect("a family");
    let colours = SparseNaturalGradient::<Target>::num_colours(&family);
    let short = fit(&target, &family, 0.05, 8, 1);
    let own = ratios(&target, &family, &short.params);
    let beside = match evidence {
        Some(evidence) => format!("{:+.5} of the exact evidence", mean_and_error(&own).0 - evidence),
        None => {
            let long = fit(&target, &family, 0.005, 32, 2);
            let pairs: Vec<f64> = own.iter().zip(ratios(&target, &family, &long.params)).map(|(a, b)| a - b).collect();
            let (gap, error) = mean_and_error(&pairs);
            format!("{gap:+.3} +- {error:.3} of a run of {} evaluations", long.evaluations)
        }
    };
    println!(
        "{name:<14} {n:>7}  {graph}; {colours} colours, graph {found:.2} s\n  {} evaluations, {:.2} s, {}\n  bound {:.3}, {beside}",
        short.evaluations,
        short.seconds,
        short.stop,
        mean_and_error(&own).0,
    );
}

fn one(name: &str, n: usize) {
    match name {
        "gauss" => measure(name, n, &models::Groups::new(n, 5, false), None),
        "logit" => measure(name, n, &models::Groups::new(n, 10, true), None),
        "overdispersed" => measure(name, n, &models::Counts::new(n), None),
        "level" => measure(name, n, &models::Level::new(n, None), None),
        "walk" => {
            let walk = models::Level::new(n, Some((0.1, 1.0)));
            let evidence = walk.evidence();
            measure(name, n, &walk, evidence);
        }
        other => println!("no model is called {other}"),
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.as_slice() {
        [first, name, size] if first == "shared" => shared::one(name, size.parse().expect("a size")),
        [name, size] => one(name, size.parse().expect("a size")),
        _ => {
            for (name, n) in [("gauss", 400), ("logit", 400), ("gauss", 1000), ("logit", 1000)] {
                one(name, n);
            }
            for (name, n) in [("overdispersed", 500), ("level", 300), ("walk", 250), ("walk", 10_000)] {
                one(name, n);
            }
        }
    }
}
