//! State-space models against the Kalman filter.

use super::{bound, noise, ready, train};
use jensen::estimate::StickingTheLanding;
use jensen::layers::StateSpace;
use jensen::prelude::*;
use jensen::program::Matrix;

/// `z_0 ~ N(0, 1)`, `z_t = A z_(t-1) + Q e_t`, `x_t = z_t + R e`.
const A: f64 = 0.9;
const Q: f64 = 0.5;
const R: f64 = 0.4;
const STEPS: usize = 6;

/// `log p(x)` by the Kalman filter.
fn kalman(x: &[f64]) -> f64 {
    let (mut mean, mut variance, mut total) = (0.0, 1.0, 0.0);
    for (t, x) in x.iter().enumerate() {
        if t > 0 {
            (mean, variance) = (A * mean, A * A * variance + Q * Q);
        }
        let s = variance + R * R;
        total += -0.5 * ((x - mean).powi(2) / s + (2.0 * std::f64::consts::PI * s).ln());
        let gain = variance / s;
        (mean, variance) = (mean + gain * (x - mean), (1.0 - gain) * variance);
    }
    total
}

fn sequences(seed: u64, rows: usize) -> Vec<f64> {
    let e = noise(seed, 2 * rows * STEPS);
    let mut out = Vec::new();
    for e in e.chunks_exact(2 * STEPS) {
        let mut z = e[0];
        for t in 0..STEPS {
            if t > 0 {
                z = A * z + Q * e[2 * t];
            }
            out.push(z + R * e[2 * t + 1]);
        }
    }
    out
}

/// Two steps by the joint normal: variances 1 and A^2 + Q^2 plus R^2, covariance A.
#[test]
fn the_filter_is_the_joint_normal() {
    let (x, v) = ([0.7, -0.4], [1.0 + R * R, A * A + Q * Q + R * R]);
    let det = v[0] * v[1] - A * A;
    let square = (x[0] * x[0] * v[1] - 2.0 * A * x[0] * x[1] + x[1] * x[1] * v[0]) / det;
    let expected = -0.5 * square - 0.5 * det.ln() - (2.0 * std::f64::consts::PI).ln();
    assert!((kalman(&x) - expected).abs() < 1e-12);
}

/// One sequence, known parameters, a full-rank Gaussian: the bound is the evidence.
#[test]
fn the_bound_of_a_linear_model_is_the_evidence_of_the_filter() {
    struct Linear(Column);
    impl Model for Linear {
        fn log_joint(&self, p: &LogJoint) {
            let e = p.draws("e", normal(0.0, 1.0), self.0.len());
            let z = p.scan(self.0.len(), 0.0, |z, t| if t == 0 { e.at(0) } else { A * z + Q * e.at(t) });
            p.rows(self.0.len(), |t| t.observe(self.0.at(t), normal(z.at(t), R)));
        }
    }
    let x = sequences(4, 4);
    let fitted = jensen::fit(&Linear(Column::new(x.clone()))).unwrap();
    let found = fitted.bound().elbo;
    assert!((found.value - kalman(&x)).abs() < 0.01 + 4.0 * found.mcse, "{found:?} for {}", kalman(&x));
}

/// Trained on 3,000 sequences, held against 1,000 others at the true parameters.
#[test]
fn a_deep_state_space_model_of_linear_data_reaches_the_evidence_of_the_filter() {
    let of = |seed: u64, rows: usize| {
        let x = Matrix::new(sequences(seed, rows), STEPS).unwrap();
        StateSpace::new(x, STEPS, 1).unwrap().hidden(&[8]).memory(8)
    };
    let (train_on, test_on) = (of(1, 3000), of(2, 1000));
    let fitted = ready(&train_on);
    let solution = train(&fitted, StickingTheLanding, |l| train_on.theta(l), (100, 1), (0.02, 1200));
    let (found, se) = bound(&ready(&test_on), &solution, 50);
    let exact = sequences(2, 1000).chunks_exact(STEPS).map(kalman).sum::<f64>() / 1000.0;
    // The bound's noise, on the same sequences, comes on top of the one per cent, and is too small to decide.
    assert!((found - exact).abs() < 0.01 * exact.abs() + 4.0 * se, "bound {found} ({se}) for {exact}");
    assert!(4.0 * se < 0.002 * exact.abs(), "standard error {se} of the bound {found}");
    assert!(found < exact + 4.0 * se, "a bound of {found} ({se}) above the evidence at the truth {exact}");
    println!("deep state-space model: bound {found:.3} ({se:.3}) a sequence, Kalman evidence {exact:.3}");
    // The measure can fail: before training the bound is far away.
    use jensen::family::Family;
    let start = jensen::algorithm::Solution {
        params: fitted.family.init(&[], 1.0),
        theta: train_on.theta(jensen::target::LogDensity::layout(&fitted.target)),
    };
    assert!(bound(&ready(&test_on), &start, 5).0 < 1.3 * exact);
}

#[test]
fn columns_that_are_no_steps_are_refused() {
    let x = Matrix::new(vec![0.0; 10], 5).unwrap();
    assert!(StateSpace::new(x, 2, 1).unwrap_err().contains("5 columns, 2 steps"));
}
