//! Properties of every objective, and their values in closed form.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const ALPHAS: [f64; 8] = [-2.0, -0.5, 0.0, 0.3, 0.999_999_9, 1.0, 1.5, 3.0];

fn objectives() -> Vec<(String, f64, Box<dyn Objective>)> {
    let mut all: Vec<(String, f64, Box<dyn Objective>)> =
        vec![("elbo".into(), 0.0, Box::new(Elbo)), ("importance weighted".into(), 1.0, Box::new(ImportanceWeighted))];
    for alpha in ALPHAS {
        all.push((format!("renyi {alpha}"), 1.0 - alpha, Box::new(Renyi { alpha })));
    }
    all
}

fn normals(seed: u64, num: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || {
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
    };
    (0..num).map(|_| normal()).collect()
}

fn value(objective: &dyn Objective, log_weights: &[f64]) -> f64 {
    objective.value_and_weights(log_weights, &mut vec![f64::NAN; log_weights.len()])
}

/// The largest distance of the weights from central differences of the value, in tolerances.
///
/// With `h = 1e-4` a difference errs by `h^2 power^2 / 6` (the third derivative of a log mean exp is at
/// most `power^2`) and by the rounding of values below 10, 32 ulps of 10 over `h`.
fn distance_from_differences(objective: &dyn Objective, power: f64, log_weights: &[f64]) -> f64 {
    let h = 1e-4;
    let tolerance = h * h * power * power / 6.0 + 32.0 * f64::EPSILON * 10.0 / h;
    let mut weights = vec![f64::NAN; log_weights.len()];
    objective.value_and_weights(log_weights, &mut weights);
    let mut moved = log_weights.to_vec();
    let mut worst = 0.0_f64;
    for (s, weight) in weights.iter().enumerate() {
        moved[s] = log_weights[s] + h;
        let above = value(objective, &moved);
        moved[s] = log_weights[s] - h;
        let below = value(objective, &moved);
        moved[s] = log_weights[s];
        worst = worst.max((weight - (above - below) / (2.0 * h)).abs() / tolerance);
    }
    worst
}

#[test]
fn weights_are_the_derivative_of_the_value() {
    for (name, power, objective) in objectives() {
        for seed in 0..5 {
            let distance = distance_from_differences(&*objective, power, &normals(seed, 7));
            assert!(distance < 1.0, "{name}: {distance}");
        }
    }
}

/// The planted fault: the value of one objective with the weights of another.
struct Crooked;

impl Objective for Crooked {
    fn value_and_weights(&self, log_weights: &[f64], weights: &mut [f64]) -> f64 {
        let value = ImportanceWeighted.value_and_weights(log_weights, weights);
        Renyi { alpha: 0.001 }.value_and_weights(log_weights, weights);
        value
    }
}

#[test]
fn weights_of_another_objective_are_found_out() {
    assert!(distance_from_differences(&Crooked, 1.0, &normals(0, 7)) > 100.0);
}

#[test]
fn two_draws_by_hand() {
    // importance ratios 1 and 3
    let ln_3 = 3_f64.ln();
    for (alpha, expected, weight) in [
        (0.0, 2_f64.ln(), 0.75),
        (0.5, 2.0 * f64::midpoint(1.0, 3_f64.sqrt()).ln(), 3_f64.sqrt() / (1.0 + 3_f64.sqrt())),
        (1.0, ln_3 / 2.0, 0.5),
        (2.0, 1.5_f64.ln(), 0.25),
        (-1.0, 5_f64.ln() / 2.0, 0.9),
    ] {
        let mut weights = [f64::NAN; 2];
        let found = Renyi { alpha }.value_and_weights(&[0.0, ln_3], &mut weights);
        let ulps = 8.0 * f64::EPSILON; // exp, division, ln and the shift, once on either side
        assert!((found - expected).abs() < ulps, "alpha {alpha}: {found} in place of {expected}");
        assert!((weights[1] - weight).abs() < ulps, "alpha {alpha}: {weights:?}");
        assert!((weights[0] + weights[1] - 1.0).abs() < ulps, "alpha {alpha}: {weights:?}");
    }
}

#[test]
fn jensen_orders_the_bounds() {
    for seed in 0..20 {
        let log_weights: Vec<f64> = normals(seed, 9).iter().map(|x| 30.0 * x).collect();
        let values = ALPHAS.map(|alpha| value(&Renyi { alpha }, &log_weights));
        assert!(values.is_sorted_by(|a, b| a > b), "{values:?}");
        assert!(value(&ImportanceWeighted, &log_weights) > value(&Elbo, &log_weights));
        assert_eq!(value(&ImportanceWeighted, &log_weights), values[2]);
        assert_eq!(value(&Elbo, &log_weights), values[5]);
    }
}

#[test]
fn near_one_the_renyi_bound_is_the_elbo_and_half_the_variance() {
    // exact to first order in the power; the next term is power^2 k3 / 6 < 1e-18
    let log_weights = [-1.0, 0.5, 2.0, 3.5]; // mean 1.25, variance 2.8125
    for power in [1e-9, -1e-9] {
        let found = value(&Renyi { alpha: 1.0 - power }, &log_weights);
        let power = 1.0 - (1.0 - power); // as the subtraction rounds it
        let expected = 1.25 + power * 2.8125 / 2.0;
        assert!((found - expected).abs() <= 8.0 * f64::EPSILON, "{found} in place of {expected}");
    }
}

#[test]
fn a_constant_shifts_the_value_and_leaves_the_weights() {
    for (name, _, objective) in objectives() {
        let log_weights = [-1.0, 0.5, 2.0, 3.5];
        let (mut weights, mut far) = ([f64::NAN; 4], [f64::NAN; 4]);
        let near = objective.value_and_weights(&log_weights, &mut weights);
        let shifted = objective.value_and_weights(&log_weights.map(|l| l - 65536.0), &mut far);
        assert!((shifted + 65536.0 - near).abs() < 4.0 * f64::EPSILON * 65536.0, "{name}");
        assert_eq!(weights, far, "{name}");
    }
}

#[test]
fn equal_entries_have_their_common_value_and_equal_weights() {
    for (name, _, objective) in objectives() {
        let mut weights = [f64::NAN; 8];
        let found = objective.value_and_weights(&[-3.25; 8], &mut weights);
        assert_eq!((found, weights), (-3.25, [0.125; 8]), "{name}");
    }
}

#[test]
fn odd_entries_follow_the_table() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for (name, _, objective) in objectives() {
        // Even weights: q on the accepted draws is the posterior, and every bound the log evidence, ln(2 e / 3).
        let mut weights = [nan; 3];
        let partly = objective.value_and_weights(&[-inf, 1.0, 1.0], &mut weights);
        let expected = 1.0 + (2.0_f64 / 3.0).ln();
        assert!((partly - expected).abs() <= 8.0 * f64::EPSILON, "{name}: {partly}");
        assert_eq!(weights, [0.0, 0.5, 0.5], "{name}");
        // A rejected draw is one more draw, and changes nothing else.
        let mut without = [nan; 3];
        let all = objective.value_and_weights(&[-1.0, 0.5, 2.0], &mut without);
        let mut with = [nan; 4];
        let cut = objective.value_and_weights(&[-1.0, 0.5, -inf, 2.0], &mut with);
        assert!((cut - (all + 0.75_f64.ln())).abs() <= 8.0 * f64::EPSILON, "{name}: {cut} {all}");
        // Summed in another order.
        let pairs = with.iter().zip([without[0], without[1], 0.0, without[2]]);
        assert!(pairs.map(|(w, o)| (w - o).abs()).all(|d| d <= 4.0 * f64::EPSILON), "{name}: {with:?} {without:?}");
        let mut weights = [nan; 2];
        assert_eq!(objective.value_and_weights(&[-inf, -inf], &mut weights), -inf, "{name}");
        assert_eq!(weights, [0.0; 2], "{name}");
        for fault in [[nan, 0.0], [0.0, inf], [-inf, nan], [inf, inf]] {
            let mut weights = [7.0; 2];
            assert!(objective.value_and_weights(&fault, &mut weights).is_nan(), "{name} {fault:?}");
            assert_eq!(weights, [0.0; 2], "{name} {fault:?}");
        }
        assert!(objective.value_and_weights(&[], &mut []).is_nan(), "{name}");
    }
    assert!(value(&Renyi { alpha: nan }, &[0.0, 1.0]).is_nan());
    assert!(value(&Renyi { alpha: inf }, &[0.0, 1.0]).is_nan());
}

/// `ln p(x) - D_alpha(q || p)` for `p = N(1, 1.21)` and `q = N(0.4, 1)`; `alpha = 1` is Kullback-Leibler.
///
/// *Source*: Gil, Alajaji and Linder 2013, table 2, `D = ln(s / t) + ln(s^2 / v) / (2 (alpha - 1)) +
/// alpha d^2 / (2 v)`, `v = alpha s^2 + (1 - alpha) t^2`.
fn gaussian_bound(log_evidence: f64, alpha: f64) -> f64 {
    let (s2, t2, d2) = (1.21_f64, 1.0, 0.36);
    if alpha == 1.0 {
        return log_evidence - 0.5 * ((s2 / t2).ln() + (t2 + d2) / s2 - 1.0);
    }
    let v = alpha * s2 + (1.0 - alpha) * t2;
    let divergence = 0.5 * (s2 / t2).ln() + (s2 / v).ln() / (2.0 * (alpha - 1.0)) + alpha * d2 / (2.0 * v);
    log_evidence - divergence
}

#[test]
fn many_gaussian_draws_reach_the_closed_form() {
    let log_evidence = -7.5;
    let log_weights: Vec<f64> = normals(11, 40_000)
        .iter()
        .map(|noise| {
            let z = 0.4 + noise;
            log_evidence - 0.5 * ((z - 1.0).powi(2) / 1.21 + 1.21_f64.ln()) + 0.5 * noise * noise
        })
        .collect();
    for alpha in [0.0, 0.5, 1.0, 1.5, 2.0] {
        let found = value(&Renyi { alpha }, &log_weights);
        // delta method: sd(u) / (mean(u) |1 - alpha| sqrt(S)) for u = exp((1 - alpha) l)
        let power = 1.0 - alpha;
        let standard_error = if power == 0.0 {
            mean_and_standard_error(&log_weights).1
        } else {
            let ratios: Vec<f64> = log_weights.iter().map(|l| (power * (l + 7.5)).exp()).collect();
            let (mean, error) = mean_and_standard_error(&ratios);
            error / (mean * power.abs())
        };
        let error = found - gaussian_bound(log_evidence, alpha);
        assert!(standard_error < 0.01, "alpha {alpha}: too blunt, {standard_error}");
        assert!(error.abs() < 4.0 * standard_error, "alpha {alpha}: {error} +- {standard_error}");
    }
}

/// `1 - d ln w_s / d l_s` from differences of the weights, beside `path_shares`; the largest distance.
///
/// With `h = 1e-4` a central difference of `ln w` errs by `h^2 power^3 / 6` for powers up to 3, and by the rounding of
/// logarithms below 20 over `h`.
fn distance_of_shares(objective: &dyn TwiceDifferentiable, log_weights: &[f64]) -> f64 {
    let h = 1e-4;
    let tolerance = h * h * 27.0 / 6.0 + 32.0 * f64::EPSILON * 20.0 / h;
    let weights = |log_weights: &[f64]| {
        let mut weights = vec![f64::NAN; log_weights.len()];
        objective.value_and_weights(log_weights, &mut weights);
        weights
    };
    let mut shares = weights(log_weights);
    objective.path_shares(log_weights, &mut shares);
    let mut worst = 0.0_f64;
    for (s, share) in shares.iter().enumerate() {
        let ln_weight = |step: f64| {
            let mut moved = log_weights.to_vec();
            moved[s] += step;
            weights(&moved)[s].ln()
        };
        let slope = (ln_weight(h) - ln_weight(-h)) / (2.0 * h);
        worst = worst.max((share - (1.0 - slope)).abs() / tolerance);
    }
    worst
}

#[test]
fn shares_of_the_path_are_derivatives_of_the_weights() {
    /// A planted fault: the shares of another order.
    struct Faulty;
    impl Objective for Faulty {
        fn value_and_weights(&self, log_weights: &[f64], weights: &mut [f64]) -> f64 {
            ImportanceWeighted.value_and_weights(log_weights, weights)
        }
    }
    impl TwiceDifferentiable for Faulty {
        fn path_shares(&self, log_weights: &[f64], weights: &mut [f64]) {
            Renyi { alpha: 0.01 }.path_shares(log_weights, weights);
        }
    }
    let renyi = ALPHAS.map(|alpha| Renyi { alpha });
    let mut all: Vec<&dyn TwiceDifferentiable> = vec![&Elbo, &ImportanceWeighted];
    all.extend(renyi.iter().map(|renyi| renyi as &dyn TwiceDifferentiable));
    for seed in 0..5 {
        let log_weights = normals(seed, 7);
        for (k, objective) in all.iter().enumerate() {
            let distance = distance_of_shares(*objective, &log_weights);
            assert!(distance < 1.0, "objective {k}: {distance}");
        }
        assert!(distance_of_shares(&Faulty, &log_weights) > 1.0, "a fault of a hundredth goes unseen");
    }
}
