//! Conjugate models whose posterior and evidence are known: means, standard deviations and bounds are recovered.
//!
//! A fit is repeated with independent seeds; their mean must lie within four of its standard errors of the truth, plus
//! `FLOOR` for the bias of an optimiser with a finite step, in units of the posterior's standard deviation.

mod latents;
mod normal;

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::{Design, GradientEstimator};
use jensen::family::Family;
use jensen::fit::{MaxSteps, run};
use jensen::model::{Draws, RowSet};
use jensen::objective::mean_and_standard_error;
use jensen::optimize::{Adam, Average, Schedule};
use jensen::streams::Streams;
use jensen::target::{LogDensity, Pass, Target};

const FLOOR: f64 = 0.004;
const SEEDS: u64 = 6;

fn fit<F, E>(target: &Target, family: &F, estimator: E, seed: u64, steps: u64, minibatch: Minibatch) -> Solution
where
    F: Family,
    E: GradientEstimator<Target, F>,
{
    let algorithm = StochasticVi {
        target,
        family,
        estimator,
        optimizer: Adam::new(Schedule::cosine(0.05, 0.0005, steps)),
        average: Average::Polynomial { eta: 8.0 },
        num_draws: 8,
        design: Design::Independent,
        minibatch,
        start: Solution {
            params: family.init(&vec![0.0; target.layout().num_latents], 1.0),
            theta: vec![0.0; target.layout().num_parameters],
        },
        streams: Streams::new(seed),
    };
    let mut state = algorithm.init().unwrap();
    run(&algorithm, &mut state, &mut MaxSteps(steps), &mut ()).unwrap();
    algorithm.output(&state)
}

/// The bound and its standard error from fresh draws.
fn bound<F: Family>(target: &Target, family: &F, solution: &Solution) -> (f64, f64) {
    let (rows, layout, num_draws) = (RowSet::all(), target.layout(), 20_000);
    let mut z = Draws::zeros(layout, layout.num_rows, num_draws);
    family.sample(&solution.params, &rows, Streams::new(991), &mut z);
    let (mut pass, mut log_q) = (Pass::default(), vec![0.0; num_draws]);
    target.log_density(&solution.theta, &z, &rows, &mut pass).unwrap();
    family.log_q(&solution.params, &rows, &z, &mut log_q);
    let terms: Vec<f64> = pass.log_density.iter().zip(&log_q).map(|(p, q)| p - q).collect();
    mean_and_standard_error(&terms)
}

/// Never above the evidence by more than four standard errors, and `gap` below it within those and `slack`.
fn assert_bound((value, error): (f64, f64), evidence: f64, gap: f64, slack: f64, what: &str) {
    assert!(value <= evidence + 4.0 * error + 1e-9, "{what}: bound {value} +- {error} above the evidence {evidence}");
    let expected = evidence - gap;
    assert!((value - expected).abs() <= 4.0 * error + slack, "{what}: bound {value} +- {error}, expected {expected}");
}

/// Holds fitted numbers, one vector a seed, against the truth in units of `scale`.
fn assert_recovered(fits: &[Vec<f64>], truth: &[f64], scale: &[f64], what: &str) {
    for k in 0..truth.len() {
        let values: Vec<f64> = fits.iter().map(|f| (f[k] - truth[k]) / scale[k]).collect();
        let (mean, error) = mean_and_standard_error(&values);
        assert!(mean.abs() <= 4.0 * error + FLOOR, "{what}, number {k}: off by {mean} +- {error}");
        assert!(error < 0.05, "{what}, number {k}: the fits scatter by {error}");
    }
}
