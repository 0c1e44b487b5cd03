use super::*;
use crate::fit::{MaxSteps, Stop, run};
use crate::target::HandWritten;

/// A Gaussian with mean (1, -2) and precision [[2, 0.6], [0.6, 0.5]].
fn gaussian(z: &[f64], grad: &mut [f64]) -> f64 {
    let (x, y) = (z[0] - 1.0, z[1] + 2.0);
    (grad[0], grad[1]) = (-(2.0 * x + 0.6 * y), -(0.6 * x + 0.5 * y));
    0.5 * (x * grad[0] + y * grad[1])
}

fn fitted(seed: u64) -> (FullRank, Solution, Stop) {
    let target = HandWritten::new(&["x", "y"], gaussian);
    let family = FullRank::new(2);
    let start = crate::family::Family::init(&family, &[0.0, 0.0], 1.0);
    let streams = Streams::new(seed);
    let algorithm =
        NaturalGradient { target: &target, family: &family, num_draws: 16, start, tolerance: 1e-6, streams };
    let mut state = algorithm.init().unwrap();
    let stop = run(&algorithm, &mut state, &mut MaxSteps(2000), &mut ()).unwrap();
    let found = algorithm.output(&state);
    (family, found, stop)
}

#[test]
fn a_gaussian_is_recovered_from_a_cold_start() {
    let (family, found, stop) = fitted(1);
    assert!(stop.has_converged(), "{stop}");
    let factor = family.factor(&found.params);
    let covariance = &factor * factor.transpose();
    let exact = DMatrix::from_row_slice(2, 2, &[2.0, 0.6, 0.6, 0.5]).try_inverse().unwrap();
    // The estimates have no noise at the answer, so what is left is the tolerance of 1e-6 nats: 1e-3 in sd.
    assert!((&covariance - &exact).norm() < 2e-3 * exact.norm(), "{covariance} {exact}");
    assert!((found.params[0] - 1.0).abs() < 2e-3 && (found.params[1] + 2.0).abs() < 4e-3);
}

#[test]
fn a_saved_state_continues_to_the_same_bits() {
    let target = HandWritten::new(&["x", "y"], gaussian);
    let family = FullRank::new(2);
    let start = crate::family::Family::init(&family, &[0.0, 0.0], 1.0);
    let streams = Streams::new(3);
    let algorithm = NaturalGradient { target: &target, family: &family, num_draws: 16, start, tolerance: 0.0, streams };
    let mut state = algorithm.init().unwrap();
    for _ in 0..20 {
        algorithm.step(&mut state).unwrap();
    }
    let text = serde_json::to_string(&state).unwrap();
    let mut resumed: NaturalGradientState = serde_json::from_str(&text).unwrap();
    for _ in 0..20 {
        algorithm.step(&mut state).unwrap();
        algorithm.step(&mut resumed).unwrap();
    }
    assert_eq!(algorithm.output(&state), algorithm.output(&resumed));
}

/// `A` with eigenvalues 3 and 0: the linear update of a step of 1/2 has -1/2 and 1, the quadratic one 5/8 and 1.
#[test]
fn the_quadratic_update_is_positive_definite_where_the_linear_one_is_not() {
    let a = DMatrix::from_row_slice(2, 2, &[1.5, 1.5, 1.5, 1.5]);
    let mut b = DMatrix::zeros(2, 2);
    one_plus(&a, 0.5, false, &mut b);
    assert!(Cholesky::new(b.clone()).is_none() && (b.determinant() + 0.5).abs() < 1e-14, "{b}");
    one_plus(&a, 0.5, true, &mut b);
    assert!(Cholesky::new(b.clone()).is_some() && (b.determinant() - 0.625).abs() < 1e-14, "{b}");
}
