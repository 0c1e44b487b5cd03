//! Time per step on the workloads shared with the peer programs; prints one line a case.
//!
//! `cargo bench -p jensen-models --bench workloads -- DATA_DIR [case ...]`, where DATA_DIR holds the
//! workloads' data (`w2_logreg.csv`, ...). Figures are the best of several repeats, in microseconds a step,
//! the recording of the model left out.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a bench talks and may stop")]

mod autoencoder;
mod bounds;
mod correlated;
mod integers;
mod mixture;
mod models;
mod planar;

use std::path::Path;
use std::time::Instant;

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::{Design, GradientEstimator, Pathwise, StickingTheLanding};
use jensen::family::{Family, FullRank, MeanField, Reparam};
use jensen::model::{Draws, Model, RowSet};
use jensen::optimize::{Adam, Average, Schedule};
use jensen::streams::Streams;
use jensen::target::{Differentiable, LogDensity, Options, Pass, Precision, Target};

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    let Some(folder) = args.next() else {
        println!("usage: cargo bench -p jensen-models --bench workloads -- DATA_DIR [case ...]");
        return;
    };
    let wanted: Vec<String> = args.collect();
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|w| name.starts_with(w.as_str()));
    let folder = Path::new(&folder);
    // A CSV in place of the folder: passes over a file, with K and the rows of a step.
    if folder.is_file() {
        let number = |i: usize, default: usize| wanted.get(i).and_then(|w| w.parse().ok()).unwrap_or(default);
        mixture::file(folder, number(0, 10), number(1, 16_384));
        return;
    }
    if run("w1") {
        w1();
    }
    if run("w2") {
        w2(folder);
    }
    if run("w3") {
        w3(folder);
    }
    if run("w3b") {
        mixture::w3b(folder);
    }
    if run("w4") {
        w4(folder);
    }
    if run("w5") {
        integers::run(&folder.join("w5_bernoulli.json"));
    }
    if run("w6") {
        autoencoder::w6(folder);
    }
    if run("w7") {
        correlated::w7(&folder.join("w7_gauss_d100.json"));
        correlated::w7(&folder.join("w7_gauss_d500.json"));
    }
    if run("bounds") {
        bounds::run(folder);
    }
    if run("scale") {
        scale();
    }
}

/// A run is timed in this many stretches, of which the best counts: the machine may be shared.
const STRETCHES: u64 = 20;

/// One case: a family, an estimator and Adam, for a number of steps.
struct Case<'a, F, E> {
    name: &'a str,
    family: F,
    estimator: E,
    centre: Vec<f64>,
    step_size: Schedule,
    draws: usize,
    minibatch: Minibatch,
    steps: u64,
    repeats: usize,
}

impl<F, E> Case<'_, F, E>
where
    F: Reparam,
    E: GradientEstimator<Target, F> + Copy,
{
    fn run(&self, model: &dyn Model, options: Options) {
        let target = Target::with_options(model, options).expect("a valid model");
        let vi = StochasticVi {
            target: &target,
            family: &self.family,
            estimator: self.estimator,
            optimizer: Adam { step_size: self.step_size.clone(), ..Adam::default() },
            average: Average::Last,
            num_draws: self.draws,
            design: Design::Independent,
            minibatch: self.minibatch,
            start: Solution { params: self.family.init(&self.centre, 0.1), theta: vec![] },
            streams: Streams::new(1),
        };
        let mut best = f64::INFINITY;
        let mut solution = Solution::default();
        for _ in 0..self.repeats {
            let mut state = vi.init().expect("a valid start");
            let stretch = self.steps / STRETCHES;
            for _ in 0..STRETCHES {
                let start = Instant::now();
                for _ in 0..stretch {
                    vi.step(&mut state).expect("a step");
                }
                best = best.min(start.elapsed().as_secs_f64() / stretch as f64);
            }
            solution = vi.output(&state);
        }
        let (elbo, se) = bound(&target, &self.family, &solution);
        println!(
            "{:34} threads {} {:?}: {:9.3} us/step, ELBO {elbo:.3} ({se:.3})",
            self.name,
            options.threads,
            options.precision,
            best * 1e6
        );
    }
}

/// The ELBO with 10,000 fresh draws and its standard error.
fn bound<F: Family>(target: &Target, family: &F, solution: &Solution) -> (f64, f64) {
    let (rows, n) = (RowSet::all(), 10_000);
    let mut z = Draws::zeros(target.layout(), target.layout().num_rows, n);
    family.sample(&solution.params, &rows, Streams::new(12345), &mut z);
    let mut pass = Pass::default();
    target.log_density(&solution.theta, &z, &rows, &mut pass).expect("a density");
    let entropy = family.entropy(&solution.params, &rows).expect("a known entropy");
    let mean = pass.log_density.iter().sum::<f64>() / n as f64;
    let variance = pass.log_density.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0);
    (mean + entropy, (variance / n as f64).sqrt())
}

fn options(threads: usize, precision: Precision) -> Options {
    Options::default().threads(threads).precision(precision)
}

fn w1() {
    let model = models::EightSchools::new();
    for draws in [1, 10, 100] {
        let case = Case {
            name: &format!("W1 eight schools, {draws} draws"),
            family: MeanField::of_dimension(10),
            estimator: Pathwise::default(),
            centre: vec![0.0; 10],
            step_size: 0.01.into(),
            draws,
            minibatch: Minibatch::Full,
            steps: 10_000,
            repeats: 5,
        };
        case.run(&model, Options::default());
    }
}

fn w2(folder: &Path) {
    let model = models::Logistic::read(&folder.join("w2_logreg.csv"));
    let mut case = Case {
        name: "W2 logistic, full batch",
        family: MeanField::of_dimension(50),
        estimator: Pathwise::default(),
        centre: vec![0.0; 50],
        step_size: 0.01.into(),
        draws: 1,
        minibatch: Minibatch::Full,
        steps: 2_000,
        repeats: 3,
    };
    for threads in [1, 2] {
        for precision in [Precision::Double, Precision::Single] {
            case.run(&model, options(threads, precision));
        }
    }
    case.name = "W2 logistic, batch 256";
    case.minibatch = Minibatch::Replaced(256);
    case.steps = 10_000;
    for precision in [Precision::Double, Precision::Single] {
        case.run(&model, options(1, precision));
    }
    let full = Case {
        name: "W2 logistic, full rank",
        family: FullRank::new(50),
        estimator: Pathwise::default(),
        centre: vec![0.0; 50],
        step_size: Schedule::exponential(0.003, 0.1, 5_000),
        draws: 1,
        minibatch: Minibatch::Full,
        steps: 5_000,
        repeats: 1,
    };
    full.run(&model, options(2, Precision::Double));
}

fn w3(folder: &Path) {
    let (model, centre) = models::Mixture::read(folder);
    let case = Case {
        name: "W3 mixture",
        family: MeanField::of_dimension(14),
        estimator: Pathwise::default(),
        centre,
        step_size: 0.01.into(),
        draws: 1,
        minibatch: Minibatch::Full,
        steps: 5_000,
        repeats: 3,
    };
    for threads in [1, 2] {
        case.run(&model, options(threads, Precision::Double));
    }
    case.run(&model, options(2, Precision::Single));
}

fn w4(folder: &Path) {
    let model = models::Radon::read(&folder.join("w4_radon.csv"));
    let case = Case {
        name: "W4 hierarchical, mean-field",
        family: MeanField::of_dimension(89),
        estimator: Pathwise::default(),
        centre: vec![0.0; 89],
        step_size: 0.01.into(),
        draws: 1,
        minibatch: Minibatch::Full,
        steps: 10_000,
        repeats: 3,
    };
    case.run(&model, Options::default());
    let full = Case {
        name: "W4 hierarchical, full rank",
        family: FullRank::new(89),
        estimator: Pathwise::default(),
        centre: vec![0.0; 89],
        step_size: Schedule::exponential(0.003, 0.1, 10_000),
        draws: 1,
        minibatch: Minibatch::Full,
        steps: 10_000,
        repeats: 2,
    };
    full.run(&model, Options::default());
    let sticking = Case {
        name: "W4 hierarchical, full rank, STL",
        family: full.family,
        estimator: StickingTheLanding,
        centre: full.centre,
        step_size: full.step_size,
        draws: full.draws,
        minibatch: full.minibatch,
        steps: full.steps,
        repeats: full.repeats,
    };
    sticking.run(&model, Options::default());
}

/// Time a row from a thousand to ten million rows.
fn scale() {
    for rows in [1_000, 10_000, 100_000, 1_000_000, 10_000_000] {
        let model = models::Line::simulated(rows);
        let target = Target::new(&model).expect("a valid model");
        let z = Draws::at_point(&[0.3, -0.2, 0.1]);
        let (all, mut pass, mut grad) = (RowSet::all(), Pass::default(), Draws::default());
        let repeats = (20_000_000 / rows).clamp(3, 2_000);
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            for _ in 0..repeats / 5 + 1 {
                target.log_density_and_gradient(&[], &z, &all, &mut pass, &mut grad, &mut []).expect("a density");
            }
            best = best.min(start.elapsed().as_secs_f64() / (repeats / 5 + 1) as f64);
        }
        println!("scale: {rows:9} rows: {:7.3} ns/row", best * 1e9 / rows as f64);
    }
}
