//! Factors of rows that start at the encoder's, against exact posteriors and probabilistic principal components.

use super::{Ready, noise, train};
use jensen::estimate::{Design, ExactKl, Point, SemiAmortised, Task, refine};
use jensen::family::{Family, IndependentNormals, NormalMoments, TracedFamily};
use jensen::layers::{Amortised, InitialWeights, Likelihood, Perceptron, Vae};
use jensen::model::RowSet;
use jensen::program::Matrix;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use nalgebra::DMatrix;

const ROWS: usize = 120;
const WIDTH: usize = 3;
/// Weights, bias, log standard deviation: theta of a linear decoder with one latent.
const THETA: [f64; 7] = [1.2, -0.7, 0.4, 0.5, 0.0, -1.0, -0.6];

fn data() -> Matrix {
    let e = noise(21, ROWS * (1 + WIDTH));
    let sd = THETA[6].exp();
    let row = |e: &[f64]| -> Vec<f64> { (0..WIDTH).map(|j| THETA[3 + j] + THETA[j] * e[0] + sd * e[1 + j]).collect() };
    Matrix::new(e.chunks_exact(1 + WIDTH).flat_map(row).collect::<Vec<_>>(), WIDTH).unwrap()
}

/// Mean and standard deviation of the latent given a row.
fn posterior(theta: &[f64], x: &[f64]) -> (f64, f64) {
    let precision = (-2.0 * theta[6]).exp();
    let squares: f64 = theta[..3].iter().map(|w| w * w).sum();
    let along: f64 = (0..WIDTH).map(|j| theta[j] * (x[j] - theta[3 + j])).sum();
    let variance = 1.0 / (1.0 + precision * squares);
    (variance * precision * along, variance.sqrt())
}

/// `ln N(x; b, w w' + s^2 I)`, mean over the rows, by the matrix' determinant and inverse in closed form.
fn evidence(theta: &[f64], x: &Matrix) -> f64 {
    let variance = (2.0 * theta[6]).exp();
    let squares: f64 = theta[..3].iter().map(|w| w * w).sum();
    let ln_det = (WIDTH as f64 - 1.0) * variance.ln() + (variance + squares).ln();
    let one = |x: &[f64]| {
        let d: Vec<f64> = (0..WIDTH).map(|j| x[j] - theta[3 + j]).collect();
        let (own, along) = (d.iter().map(|d| d * d).sum::<f64>(), (0..WIDTH).map(|j| d[j] * theta[j]).sum::<f64>());
        let form = (own - along * along / (variance + squares)) / variance;
        -0.5 * (form + ln_det + WIDTH as f64 * (2.0 * std::f64::consts::PI).ln())
    };
    (0..ROWS).map(|r| one(x.row(r))).sum::<f64>() / ROWS as f64
}

/// The largest evidence of one latent: Tipping and Bishop 1999, section 3.2.
fn best(x: &Matrix) -> f64 {
    let data = DMatrix::from_fn(ROWS, WIDTH, |i, j| x.row(i)[j]);
    let mean = data.row_mean();
    let centred = DMatrix::from_fn(ROWS, WIDTH, |i, j| data[(i, j)] - mean[j]);
    let mut values: Vec<f64> =
        (centred.transpose() * &centred / ROWS as f64).symmetric_eigenvalues().iter().copied().collect();
    values.sort_by(|a, b| b.total_cmp(a));
    let rest = (values[1] + values[2]) / 2.0;
    let ln_det = values[0].ln() + 2.0 * rest.ln();
    -0.5 * (ln_det + WIDTH as f64 * (1.0 + (2.0 * std::f64::consts::PI).ln()))
}

/// `KL(N(m, s^2) || posterior)` of each row: what the bound of these factors lies below the evidence.
fn gaps(moments: &NormalMoments, theta: &[f64], x: &Matrix) -> Vec<f64> {
    let one = |r: usize| {
        let ((mean, sd), (m, s)) = (posterior(theta, x.row(r)), (moments.mean[r], moments.sd[r]));
        0.5 * (((m - mean) / sd).powi(2) + (s / sd).powi(2) - 1.0) - (s / sd).ln()
    };
    (0..ROWS).map(one).collect()
}

#[test]
fn refined_factors_reach_the_exact_posterior_of_a_linear_model() {
    let x = data();
    let model = Vae::new(x.clone(), 1, &[], Likelihood::Gaussian).start(InitialWeights::Glorot, 4);
    let target = Target::new(&model).unwrap();
    let family = TracedFamily::new(&model, target.layout()).unwrap();
    let (params, rows) = (family.init(&[], 1.0), RowSet::all());
    let design = Design::Independent;
    let at = Point { params: &params, theta: &THETA, rows: &rows, streams: Streams::new(2), num_draws: 8, design };
    let mut start = NormalMoments::default();
    family.normals(&params, &rows, &mut start);
    let before = gaps(&start, &THETA, &x);
    let mean = |gaps: &[f64]| gaps.iter().sum::<f64>() / ROWS as f64;
    let mut last = mean(&before);
    assert!(last > 0.5, "the start's gap {last} is too small for the test");
    // More steps, smaller gap, and with enough of them the exact posterior: its gradient has no noise there.
    for (steps, at_most) in [(5, 1.0), (20, 0.5), (300, 1e-4)] {
        let how = SemiAmortised { steps, step_size: 0.3 };
        let found = refine(&Task { target: &target, family: &family, at }, how).unwrap();
        let after = gaps(&found, &THETA, &x);
        assert!(mean(&after) < last && mean(&after) < at_most * mean(&before), "{steps} steps: {}", mean(&after));
        last = mean(&after);
        if steps == 300 {
            // No row is worse off than with the encoder.
            assert!(after.iter().zip(&before).all(|(a, b)| *a <= b + 1e-6), "{after:?}");
        }
    }
}

/// An encoder that sees nothing: its own bound is poor, and rows that climb on their own find the maximum likelihood.
#[test]
fn refinement_makes_up_for_an_encoder_that_sees_nothing() {
    let x = data();
    let model = Vae::new(x.clone(), 1, &[], Likelihood::Gaussian).start(InitialWeights::Glorot, 4);
    let target = Target::new(&model).unwrap();
    let blind = Matrix::new(vec![0.0; ROWS], 1).unwrap();
    let family = TracedFamily::new(&Amortised::new(blind, "z", 1, Perceptron::new(&[1])), target.layout()).unwrap();
    let ready = Ready { target, family };
    let how = SemiAmortised { steps: 20, step_size: 0.6 };
    let theta = |layout: &jensen::model::Layout| model.theta(layout);
    let refined = train(&ready, how, theta, (60, 16), (0.02, 1000));
    let amortised = train(&ready, ExactKl::default(), theta, (60, 2), (0.02, 1200));
    let (best, found, without) = (best(&x), evidence(&refined.theta, &x), evidence(&amortised.theta, &x));
    println!("refined: evidence {found:.3}, blind encoder alone {without:.3}, the best {best:.3}");
    assert!(found <= best + 1e-9 && best - found < 0.03, "{found} of {best}");
    assert!(best - without > 0.3, "{without} without refinement, {best}");
}

#[test]
fn a_step_size_that_is_none_is_refused() {
    let model = Vae::new(data(), 1, &[], Likelihood::Gaussian);
    let target = Target::new(&model).unwrap();
    let family = TracedFamily::new(&model, target.layout()).unwrap();
    let (params, rows) = (family.init(&[], 1.0), RowSet::all());
    let design = Design::Independent;
    let at = Point { params: &params, theta: &THETA, rows: &rows, streams: Streams::new(2), num_draws: 2, design };
    let how = SemiAmortised { steps: 3, step_size: f64::NAN };
    let error = refine(&Task { target: &target, family: &family, at }, how).unwrap_err();
    assert!(error.to_string().contains("a step size of NaN"), "{error}");
}
