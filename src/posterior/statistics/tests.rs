use super::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, StandardNormal};

/// Tolerance of a few ulps for values near 1.
const ROUNDING: f64 = 1e-14;

#[track_caller]
fn close(found: f64, expected: f64) {
    let error = (found - expected).abs();
    assert!(error <= ROUNDING * expected.abs().max(1.0), "{found} {expected}");
}

#[test]
fn small_samples_by_hand() {
    let draws = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
    close(mean(&draws), 5.0);
    close(sd(&draws), (32f64 / 7.0).sqrt());
    close(mcse_mean(&draws), (32f64 / 56.0).sqrt());
    // Central moments: m2 = 4, m4 = (81 + 3 + 0 + 16 + 256) / 8 = 44.5.
    close(mcse_sd(&draws), (28.5f64 / 8.0).sqrt() / (2.0 * (32f64 / 7.0).sqrt()));
    // Positions 7 p: 0.35 and 5.25.
    close(quantile(&draws, 0.05), 2.0 + 0.35 * 2.0);
    close(quantile(&draws, 0.75), 5.0 + 0.25 * 2.0);
    close(quantile(&draws, 0.0), 2.0);
    close(quantile(&draws, 1.0), 9.0);
}

#[test]
fn a_large_offset_costs_no_digits() {
    let draws: Vec<f64> = [1.0, 2.0, 3.0, 4.0].iter().map(|x| x + 1e9).collect();
    assert_eq!(mean(&draws), 1e9 + 2.5);
    close(sd(&draws), (5f64 / 3.0).sqrt());
    let other: Vec<f64> = [2.0, 1.0, 4.0, 3.0].iter().map(|x| x - 1e9).collect();
    close(correlation(&draws, &other), 0.6);
}

#[test]
fn weights_by_hand() {
    let (draws, weights) = ([0.0, 10.0, 20.0], [1.0, 2.0, 1.0]);
    close(weighted_mean(&draws, &weights), 10.0);
    // w = 1/4, 1/2, 1/4: spread 50, 1 - sum(w^2) = 5/8; squared terms 12.5.
    close(weighted_sd(&draws, &weights), 80f64.sqrt());
    close(weighted_mcse_mean(&draws, &weights), 20f64.sqrt());
    // Midpoints 1/8, 1/2, 7/8, stretched to 0, 1/2, 1.
    close(weighted_quantile(&draws, &weights, 0.5), 10.0);
    close(weighted_quantile(&draws, &weights, 0.25), 5.0);
    close(weighted_quantile(&draws, &weights, 1.0), 20.0);
}

#[test]
fn equal_weights_change_nothing() {
    let draws = [0.3, -1.2, 4.4, 2.2, 0.9, -0.5, 7.0];
    for weight in [1.0, 1e-200, 1e308] {
        let weights = [weight; 7];
        let plain = summarise("x", &draws, None).unwrap();
        let weighted = summarise("x", &draws, Some(&weights)).unwrap();
        close(weighted.mean, plain.mean);
        close(weighted.sd, plain.sd);
        close(weighted.mcse, plain.mcse);
        close(weighted.q5, plain.q5);
        close(weighted.q50, plain.q50);
        close(weighted.q95, plain.q95);
    }
}

#[test]
fn draws_of_weight_zero_take_no_part() {
    let draws = [1.0, 2.0, 4.0, 1e6, f64::INFINITY];
    let found = summarise("x", &draws, Some(&[1.0, 1.0, 1.0, 0.0, 0.0])).unwrap();
    let expected = summarise("x", &draws[..3], None).unwrap();
    close(found.mean, expected.mean);
    close(found.sd, expected.sd);
    close(found.q95, expected.q95);
}

#[test]
fn importance_weights_recover_the_target() {
    // Target N(1, 1) from draws of N(0, 2): the truth within four standard errors.
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let draws: Vec<f64> = (0..20_000).map(|_| StandardNormal.sample(&mut rng)).map(|e: f64| 2.0 * e).collect();
    let weights: Vec<f64> = draws.iter().map(|z| (-0.5 * (z - 1.0).powi(2) + z * z / 8.0).exp()).collect();
    let found = summarise("z", &draws, Some(&weights)).unwrap();
    let error = |value: f64, truth: f64, mcse: f64| assert!((value - truth).abs() < 4.0 * mcse);
    error(found.mean, 1.0, found.mcse);
    // Effective size is at least 20000 / 3; sd of a normal sd is 1 / sqrt(2 n), that of its 5 %
    // quantile sqrt(p (1 - p) / n) / density = 2.11 / sqrt(n).
    let root = (20_000f64 / 3.0).sqrt();
    error(found.sd, 1.0, 1.0 / (2f64.sqrt() * root));
    error(found.q5, 1.0 - 1.6448536, 2.12 / root);
    error(found.q95, 1.0 + 1.6448536, 2.12 / root);
}

#[test]
fn monte_carlo_errors_match_repetition() {
    // Exponential draws: 400 repetitions of 500. The sd of an sd over 400 repetitions has relative
    // error near 1 / sqrt(800) = 3.5 %; four of these, plus a few per cent of skewness.
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (mut means, mut sds, mut claimed_mean, mut claimed_sd) = (vec![], vec![], vec![], vec![]);
    for _ in 0..400 {
        let draws: Vec<f64> = (0..500).map(|_| Exp1.sample(&mut rng)).collect();
        means.push(mean(&draws));
        sds.push(sd(&draws));
        claimed_mean.push(mcse_mean(&draws));
        claimed_sd.push(mcse_sd(&draws));
    }
    assert!((mean(&claimed_mean) / sd(&means) - 1.0).abs() < 0.18);
    assert!((mean(&claimed_sd) / sd(&sds) - 1.0).abs() < 0.18);
}

#[test]
fn nan_is_never_left_out() {
    let draws = [1.0, f64::NAN, 3.0];
    for weights in [None, Some([1.0, 1.0, 1.0].as_slice())] {
        let found = summarise("x", &draws, weights).unwrap();
        let all = [found.mean, found.sd, found.mcse, found.q5, found.q50, found.q95];
        assert!(all.iter().all(|v| v.is_nan()), "{all:?}");
    }
    assert!(mean(&[]).is_nan() && sd(&[1.0]).is_nan() && mcse_sd(&[1.0]).is_nan());
    assert!(quantile(&[1.0, 2.0], 1.5).is_nan() && quantile(&[1.0], f64::NAN).is_nan());
    assert!(weighted_sd(&[1.0, 2.0], &[1.0, 0.0]).is_nan());
    assert!(correlation(&[1.0, 1.0], &[1.0, 2.0]).is_nan());
    assert!(correlation(&[1.0], &[1.0, 2.0]).is_nan());
}

#[test]
fn infinite_draws_keep_finite_quantiles() {
    let draws = [f64::NEG_INFINITY, 1.0, 2.0, 3.0, f64::INFINITY];
    assert_eq!(quantiles(&draws, [0.0, 0.5, 1.0]), [f64::NEG_INFINITY, 2.0, f64::INFINITY]);
    assert_eq!(mean(&[1.0, f64::INFINITY]), f64::INFINITY);
}

#[test]
fn weights_that_are_no_weights_are_refused() {
    let name = || "x".to_owned();
    let bad = |weights: &[f64]| summarise("x", &[1.0, 2.0], Some(weights)).unwrap_err();
    let (num_draws, num_weights) = (2, 1);
    assert_eq!(bad(&[1.0]), SummaryError::Lengths { name: name(), num_draws, num_weights });
    assert_eq!(bad(&[1.0, -1.0]), SummaryError::Weight { name: name(), index: 1, value: -1.0 });
    assert_eq!(bad(&[0.0, 0.0]), SummaryError::AllZero { name: name() });
    assert_eq!(summarise("x", &[], None), Err(SummaryError::Empty { name: name() }));
    assert!(bad(&[f64::NAN, 1.0]).to_string().contains("draw 0 is NaN"));
}
