//! Reference values are those of ArviZ 0.23.4 (`psislw`), on weights given by formulas.

use super::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal, OpenClosed01};

/// Log of the quantiles of a generalised Pareto distribution with scale 1.
fn pareto_grid(shape: f64, num_draws: usize) -> Vec<f64> {
    (0..num_draws)
        .map(|i| (i as f64 + 0.5) / num_draws as f64)
        .map(|p| ((-shape * (-p).ln_1p()).exp_m1() / shape).ln())
        .collect()
}

/// A normal sample by the Box-Muller map of a golden-ratio lattice of 4000 points.
fn normal_lattice() -> Vec<f64> {
    (0..4000)
        .map(|i| {
            let radius = (-2.0 * ((f64::from(i) + 0.5) / 4000.0).ln()).sqrt();
            let turn = (f64::from(i) * 0.6180339887498949).fract();
            radius * (std::f64::consts::TAU * turn).cos()
        })
        .collect()
}

/// Student-t with 4 degrees of freedom over normal, constants dropped.
fn student_weights() -> Vec<f64> {
    let x = normal_lattice();
    x.iter().map(|x| -2.5 * (x * x / 4.0).ln_1p() + x * x / 2.0).collect()
}

/// Normal with sd 1.25 over standard normal, normalised: log Z = 0 and true shape 0.36.
fn wide_normal_weights() -> Vec<f64> {
    let x = normal_lattice();
    x.iter().map(|x| 0.8f64.ln() - 0.5 * (0.8 * x).powi(2) + 0.5 * x * x).collect()
}

/// ArviZ: shape, largest smoothed log weight, effective size, log mean smoothed weight.
#[track_caller]
fn check(log_weights: &[f64], expected: [f64; 4]) {
    let fit = psis(log_weights).unwrap();
    let largest = fit.log_weights.iter().copied().fold(f64::MIN, f64::max);
    // Same arithmetic up to the order of sums over at most 4000 terms: 4000 ulp = 9e-13 relative,
    // times a condition number near 10 for the shape.
    let found = [fit.k_hat, largest, fit.effective_size, fit.log_evidence.estimate];
    for (found, expected) in found.iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(error < 1e-11 * expected.abs().max(1.0), "{found} {expected}");
    }
    let total: f64 = fit.log_weights.iter().map(|l| l.exp()).sum();
    assert!((total - 1.0).abs() < 1e-12, "{total}");
}

#[test]
fn pareto_quantiles_agree_with_arviz() {
    let expected = [0.22675618660754704, -4.768117247534668, 755.4771236490811, 0.22429039180848243];
    check(&pareto_grid(0.2, 2000), expected);
    let expected = [0.49787399464062965, -3.4614832245129965, 296.59559984710916, 0.6786825227697104];
    check(&pareto_grid(0.5, 2000), expected);
    let expected = [0.8594210161304834, -1.8968654050916267, 31.96045685981997, 1.6964766934100108];
    check(&pareto_grid(0.9, 2000), expected);
}

#[test]
fn normal_ratios_agree_with_arviz() {
    let student = student_weights();
    let expected = [0.6681066796248996, -4.831854208859471, 2791.140255835279, 0.04924143907701506];
    check(&student, expected);
    let wide = wide_normal_weights();
    let expected = [0.3762774101521532, -5.756100626260777, 3345.834950778028, 0.0009891964526964614];
    check(&wide, expected);
    let expected = [0.6263173743303205, -2.096017058423354, 18.537184042457806, 1.133722088167302];
    check(&wide[..30], expected);
}

#[test]
fn zero_weights_are_draws_and_agree_with_arviz() {
    let mut log_weights = student_weights();
    log_weights.iter_mut().step_by(10).for_each(|l| *l = f64::NEG_INFINITY);
    let expected = [0.6208802065279486, -5.289075410807994, 2925.0901616925157, -0.06287834324243136];
    check(&log_weights, expected);
    assert_eq!(psis(&log_weights).unwrap().num_zero, 400);
}

#[test]
fn draws_that_tie_with_the_cutoff_are_no_tail_as_in_arviz() {
    let log_weights: Vec<f64> = (0..1000u32).map(|i| f64::from(i * i % 97) / 16.0).collect();
    let expected = [-1.817390530572541, -5.289913139165487, 323.88994890518745, 4.3821578601833515];
    check(&log_weights, expected);
    assert_eq!(psis(&log_weights).unwrap().tail_len, 83);
}

#[test]
fn raw_log_evidence_is_the_log_mean_weight() {
    let raw = log_evidence(&wide_normal_weights()).unwrap();
    assert!((raw.estimate - 0.001987543880886733).abs() < 1e-12);
    // Two draws by hand: mean 2, sd sqrt(2), so the error is sqrt(2) / (2 sqrt(2)) = 0.5.
    let pair = log_evidence(&[0.0, 3f64.ln()]).unwrap();
    assert!((pair.estimate - 2f64.ln()).abs() < 1e-15);
    assert!((pair.mcse - 0.5).abs() < 1e-15);
}

#[test]
fn evidence_lies_within_four_standard_errors_of_the_truth() {
    // exp(-z^2 / 2) has Z = sqrt(2 pi); q is normal with sd 1.3, so the weights are bounded.
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let normal = Normal::new(0.0, 1.3).unwrap();
    let half_log_tau = 0.5 * std::f64::consts::TAU.ln();
    let log_weights: Vec<f64> = (0..4000)
        .map(|_| normal.sample(&mut rng))
        .map(|z: f64| -0.5 * z * z + 0.5 * (z / 1.3).powi(2) + 1.3f64.ln() + half_log_tau)
        .collect();
    let fit = psis(&log_weights).unwrap();
    for found in [fit.log_evidence, log_evidence(&log_weights).unwrap()] {
        assert!((found.estimate - half_log_tau).abs() < 4.0 * found.mcse);
        assert!(found.mcse < 0.01);
    }
    assert!(fit.k_hat < 0.2, "bounded weights, found {}", fit.k_hat);
}

#[test]
fn shape_of_random_pareto_weights_is_recovered() {
    // At shape 0.5 the prior pulls nowhere; asymptotic sd of a shape estimate is (1 + k) / sqrt(M).
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let num_fits = 40;
    let mut total = 0.0;
    let mut tail_len = 0;
    for _ in 0..num_fits {
        let log_weights: Vec<f64> =
            (0..4000).map(|_| OpenClosed01.sample(&mut rng)).map(|u: f64| -0.5 * u.ln()).collect();
        let fit = psis(&log_weights).unwrap();
        total += fit.k_hat;
        tail_len = fit.tail_len;
    }
    assert_eq!(tail_len, 190);
    let standard_error = 1.5 / (f64::from(num_fits) * 190.0).sqrt();
    let mean = total / f64::from(num_fits);
    assert!((mean - 0.5).abs() < 4.0 * standard_error, "{mean}");
}

#[test]
fn weights_that_shift_or_swap_change_nothing_else() {
    let log_weights = student_weights();
    let fit = psis(&log_weights).unwrap();
    let shifted: Vec<f64> = log_weights.iter().rev().map(|l| l - 1e4).collect();
    let other = psis(&shifted).unwrap();
    // Subtracting 1e4 rounds each log weight by up to 9e-13; the shape moves by about as much.
    assert!((fit.k_hat - other.k_hat).abs() < 1e-10);
    assert!((fit.log_evidence.estimate - other.log_evidence.estimate - 1e4).abs() < 1e-10);
    assert!((fit.log_weights[0] - other.log_weights[3999]).abs() < 1e-10);
}

#[test]
fn smoothing_never_exceeds_the_largest_raw_weight() {
    let log_weights = pareto_grid(0.9, 400);
    let largest = log_weights[399];
    let fit = psis(&log_weights).unwrap();
    let log_sum = fit.log_evidence.estimate + 400f64.ln();
    assert!(fit.log_weights.iter().all(|l| l + log_sum <= largest + 1e-12));
}

#[test]
fn equal_weights_are_trusted_even_with_rounding() {
    let rounded: Vec<f64> = (0..200).map(|i| -7.0 + f64::from(i % 3) * 1e-12).collect();
    for log_weights in [vec![2.0; 200], rounded] {
        let fit = psis(&log_weights).unwrap();
        assert_eq!(fit.k_hat, f64::NEG_INFINITY);
        assert!((fit.effective_size - 200.0).abs() < 1e-9);
        assert!(fit.log_evidence.mcse < 1e-12);
    }
    // Ten ulps of a large log joint are 2e-5 nats, and no tail either; a hundredth of a nat there is one.
    let large = |step: f64| -> Vec<f64> { (0..200).map(|i| -1e10 + step * f64::from(i % 20)).collect() };
    assert_eq!(psis(&large(1e-6)).unwrap().k_hat, f64::NEG_INFINITY);
    assert!(psis(&large(1e-2)).unwrap().k_hat > f64::NEG_INFINITY);
}

#[test]
fn a_lone_giant_weight_is_not_trusted() {
    let mut log_weights = vec![0.0; 1000];
    log_weights[17] = 2000.0;
    let fit = psis(&log_weights).unwrap();
    assert_eq!(fit.k_hat, f64::INFINITY);
    assert!((fit.effective_size - 1.0).abs() < 1e-12);
    let spread: Vec<f64> = (0..1000).map(f64::from).collect();
    assert!(psis(&spread).unwrap().k_hat > 1.0);
}

#[test]
fn threshold_follows_the_number_of_draws() {
    assert!((k_hat_threshold(100) - 0.5).abs() < 1e-15);
    assert!((k_hat_threshold(1000) - 2.0 / 3.0).abs() < 1e-15);
    assert_eq!(k_hat_threshold(4000), 0.7);
    assert_eq!(k_hat_threshold(1), f64::NEG_INFINITY);
}

#[test]
fn unusable_weights_are_refused_with_their_place() {
    let mut log_weights = vec![0.0; 30];
    let few = PsisError::TooFewDraws { num_draws: 24, needed: MIN_DRAWS };
    assert_eq!(psis(&log_weights[..24]), Err(few));
    log_weights[4] = f64::INFINITY;
    assert_eq!(psis(&log_weights), Err(PsisError::Infinite { index: 4 }));
    log_weights[9] = f64::NAN;
    assert_eq!(psis(&log_weights), Err(PsisError::NotANumber { index: 9 }));
    let all_zero = psis(&[f64::NEG_INFINITY; 30]);
    assert_eq!(all_zero, Err(PsisError::AllZero { num_draws: 30 }));
    assert!(log_evidence(&[]).is_err());
}

#[test]
fn errors_of_heavy_tails_fall_slower() {
    // By the formula in another program.
    for (k, expected) in [(0.4, 1.189), (0.5, 1.649), (0.6, 2.986), (0.7, 6.613), (1.2, 100.0)] {
        assert!((error_factor(k, 10_000) / expected - 1.0).abs() < 1e-3, "{k}: {}", error_factor(k, 10_000));
    }
    assert!([f64::NEG_INFINITY, -0.3, 0.0, f64::NAN].iter().all(|k| error_factor(*k, 10_000) == 1.0));
    // `u^-k` with u uniform has a Pareto tail of shape k and the mean 1 / (1 - k): how often the mean of 10,000 is more than
    // two errors too small.
    let outside = |k: f64, factor: f64| {
        let seeds = 400;
        let is_low = |seed: &u64| {
            let mut u = vec![0.0; 10_000];
            crate::streams::Streams::new(*seed).fill_uniform(1, &mut u);
            let found = log_evidence(&u.iter().map(|u| -k * u.ln()).collect::<Vec<_>>()).unwrap();
            found.estimate < -(1.0 - k).ln() - 2.0 * factor * found.mcse
        };
        (0..seeds).filter(is_low).count() as f64 / seeds as f64
    };
    let (plain, wider) = (outside(0.65, 1.0), outside(0.65, error_factor(0.65, 10_000)));
    assert!(plain > 0.1 && wider < 0.03, "{plain} {wider}");
}
