//! A q without a density, held to the exact posterior of a linear simulator.

use super::noise;
use jensen::algorithm::{AdversarialVi, Algorithm, FitError, Solution};
use jensen::family::{Family, Reparam, TracedFamily};
use jensen::fit::{MaxSteps, run};
use jensen::layers::{DensityRatio, ImplicitEncoder, InitialWeights};
use jensen::model::{Draws, RowSet};
use jensen::objective::mean_and_standard_error;
use jensen::optimize::{Adam, Average, Schedule};
use jensen::prelude::*;
use jensen::program::Matrix;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

/// `z ~ N(0, 1)`, `x_1 ~ N(z, 1)`, `x_2 ~ N(-z, 0.5^2)`: precision 6, mean `(x_1 - 4 x_2) / 6`.
struct Simulator(Matrix);

impl Model for Simulator {
    fn log_joint(&self, p: &LogJoint) {
        p.rows(self.0.num_rows(), |i| {
            let z = i.draws("z", normal(0.0, 1.0), 1).at(0);
            i.observe(self.0.at(i).at(0), normal(z, 1.0));
            i.observe(self.0.at(i).at(1), normal(-z, 0.5));
        });
    }
}

fn simulated(n: usize) -> Matrix {
    let e = noise(13, 3 * n);
    Matrix::new(e.chunks_exact(3).flat_map(|e| [e[0] + e[1], -e[0] + 0.5 * e[2]]).collect::<Vec<_>>(), 2).unwrap()
}

#[test]
fn an_implicit_encoder_finds_the_posterior_of_a_linear_simulator() {
    let x = simulated(1000);
    let target = Target::new(&Simulator(x.clone())).unwrap();
    let encoder = ImplicitEncoder::new(x.clone(), "z", 1, &[]).start(InitialWeights::Glorot, 2);
    let encoder = TracedFamily::new(&encoder, target.layout()).unwrap();
    let ratio = DensityRatio::new(x.clone(), 1, &[]);
    let (contest, value) = (Target::new(&ratio.contest()).unwrap(), Target::new(&ratio.log_q()).unwrap());
    let steps = 4000;
    let vi = AdversarialVi {
        target: &target,
        encoder: &encoder,
        contest: &contest,
        log_q: &value,
        start: Solution { params: encoder.init(&[], 1.0), theta: Vec::new() },
        ratio_start: vec![0.0; value.layout().num_parameters],
        optimizer: Adam::new(Schedule::cosine(0.005, 0.0002, steps)),
        ratio_optimizer: Adam::new(Schedule::cosine(0.02, 0.002, steps)),
        ratio_steps: 3,
        batch: 100,
        num_draws: 2,
        average: Average::Polynomial { eta: 8.0 },
        streams: Streams::new(3),
    };
    let mut state = vi.init().unwrap();
    run(&vi, &mut state, &mut MaxSteps(steps), &mut ()).unwrap();
    let params = vi.output(&state).params;
    let (rows, draws, sd) = (RowSet::all(), 2000, (1.0f64 / 6.0).sqrt());
    let mut z = Draws::zeros(target.layout(), 1000, draws);
    let mut e = vec![0.0; encoder.num_noise(&rows) * draws];
    Streams::new(4).fill_normal(draws, &mut e);
    encoder.transform(&params, &rows, &e, &mut z);
    // Over rows: errors of the mean and of the standard deviation, in posterior standard deviations.
    let (mut of_mean, mut of_sd) = (0.0, 0.0);
    for (row, z) in z.row_latents.chunks_exact(draws).enumerate() {
        let (mean, se) = mean_and_standard_error(z);
        let exact = (x.row(row)[0] - 4.0 * x.row(row)[1]) / 6.0;
        of_mean += ((mean - exact) / sd).powi(2) / 1000.0;
        of_sd += (se * (draws as f64).sqrt() / sd - 1.0).powi(2) / 1000.0;
    }
    let (of_mean, of_sd) = (f64::sqrt(of_mean), f64::sqrt(of_sd));
    println!("adversarial: mean off by {of_mean:.3}, sd off by {of_sd:.3} posterior sd (root mean square over rows)");
    assert!(of_mean < 0.1 && of_sd < 0.1, "{of_mean} {of_sd}");
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let (x, y) = (simulated(20), simulated(10));
    let target = Target::new(&Simulator(x.clone())).unwrap();
    let encoder = TracedFamily::new(&ImplicitEncoder::new(x, "z", 1, &[]), target.layout()).unwrap();
    let ratio = DensityRatio::new(y, 1, &[]);
    let (contest, value) = (Target::new(&ratio.contest()).unwrap(), Target::new(&ratio.log_q()).unwrap());
    let vi = AdversarialVi {
        target: &target,
        encoder: &encoder,
        contest: &contest,
        log_q: &value,
        start: Solution { params: encoder.init(&[], 1.0), theta: Vec::new() },
        ratio_start: vec![0.0; value.layout().num_parameters],
        optimizer: Adam::new(0.01),
        ratio_optimizer: Adam::new(0.01),
        ratio_steps: 1,
        batch: 5,
        num_draws: 1,
        average: Average::Last,
        streams: Streams::new(3),
    };
    let error: FitError = vi.init().unwrap_err();
    assert!(error.to_string().contains("the same rows with the same latents"), "{error}");
}
