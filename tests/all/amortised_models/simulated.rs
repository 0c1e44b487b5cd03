//! Amortised simulation-based inference: q(z | x) from draws of the joint alone, by the forward divergence.

use super::noise;
use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::Pathwise;
use jensen::family::{Family, TracedFamily};
use jensen::fit::{MaxSteps, run};
use jensen::layers::SimulatedPosterior;
use jensen::optimize::{Adam, Average, Schedule};
use jensen::program::Matrix;
use jensen::target::{LogDensity, Target};

/// The network by hand, from theta in its order.
fn q(theta: &[f64], x: [f64; 2]) -> (f64, f64) {
    let h: Vec<f64> = (0..16).map(|j| (theta[2 * j] * x[0] + theta[2 * j + 1] * x[1] + theta[32 + j]).tanh()).collect();
    let out = |k: usize| theta[80 + k] + (0..16).map(|j| theta[48 + 16 * k + j] * h[j]).sum::<f64>();
    (out(0), out(1).exp())
}

/// `z ~ N(0, 1)`, `x_1 ~ N(z, 1)`, `x_2 ~ N(-z, 0.5^2)`: precision 6, mean `(x_1 - 4 x_2) / 6`.
#[test]
fn the_posterior_of_a_linear_simulator_is_learnt_from_its_draws() {
    let n = 20_000;
    let e = noise(9, 3 * n);
    let z: Vec<f64> = e.chunks_exact(3).map(|e| e[0]).collect();
    let x: Vec<f64> = e.chunks_exact(3).flat_map(|e| [e[0] + e[1], -e[0] + 0.5 * e[2]]).collect();
    let model = SimulatedPosterior::new(Matrix::new(x, 2).unwrap(), Matrix::new(z, 1).unwrap(), &[16]).unwrap();
    let target = Target::new(&model).unwrap();
    let family = TracedFamily::new(&model, target.layout()).unwrap();
    let theta = model.clone().seed(2).theta(target.layout());
    let steps = 4000;
    let start = Solution { params: family.init(&[], 1.0), theta };
    let vi = StochasticVi { start, average: Average::Polynomial { eta: 8.0 }, ..StochasticVi::new(&target, &family) };
    let vi = vi.estimator(Pathwise::default()).draws(1).minibatch(Minibatch::Shuffled(100));
    let vi = vi.optimizer(Adam::new(Schedule::cosine(0.02, 0.0005, steps)));
    let mut state = vi.init().unwrap();
    run(&vi, &mut state, &mut MaxSteps(steps), &mut ()).unwrap();
    let theta = vi.output(&state).theta;
    let sd = (1.0f64 / 6.0).sqrt();
    let (mut worst, mut worst_sd) = (0.0f64, 0.0f64);
    // Data as the simulator makes them, up to two standard deviations of z.
    for (z, e) in [(-2.0, 0.5), (-1.0, -1.0), (0.0, 0.0), (0.5, 1.0), (1.5, -0.5), (2.0, 0.3)] {
        let x = [z + e, -z + 0.5 * e];
        let (mean, s) = q(&theta, x);
        let (means, sds) = model.posterior(target.layout(), &theta, &x).unwrap();
        assert!((means[0] - mean).abs() < 1e-12 && (sds[0] - s).abs() < 1e-12, "{means:?} {sds:?} for {mean} {s}");
        worst = worst.max((mean - (x[0] - 4.0 * x[1]) / 6.0).abs() / sd);
        worst_sd = worst_sd.max((s - sd).abs() / sd);
    }
    println!("simulated: mean off by {worst:.3}, sd off by {worst_sd:.3} posterior sd");
    assert!(worst < 0.1 && worst_sd < 0.1, "{worst} {worst_sd}");
}

#[test]
fn simulations_of_unequal_length_are_refused() {
    let of = |rows: usize| Matrix::new(vec![0.0; rows], 1).unwrap();
    let error = SimulatedPosterior::new(of(3), of(4), &[]).unwrap_err();
    assert!(error.contains("3 rows of x and 4 of z"), "{error}");
}
