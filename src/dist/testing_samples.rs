//! Checks of samplers and mass functions that the discrete and the multivariate distributions share.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::Distribution;

/// Draws of `distribution` at `parameters`, each of `len` numbers.
pub(crate) fn draws<D: Distribution>(distribution: &D, parameters: &[f64], len: usize, num: usize) -> Vec<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let one = |_| {
        let mut out = vec![0.0; len];
        distribution.sample(parameters, &mut rng, &mut out);
        out
    };
    (0..num).map(one).collect()
}

/// The mean of each number of the draws lies within 4.5 of its standard errors from `expected`.
#[track_caller]
pub(crate) fn check_means(draws: &[Vec<f64>], expected: &[f64]) {
    let n = draws.len() as f64;
    for (k, &e) in expected.iter().enumerate() {
        let mean = draws.iter().map(|d| d[k]).sum::<f64>() / n;
        let variance = draws.iter().map(|d| (d[k] - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let error = (variance / n).sqrt();
        assert!(
            (mean - e).abs() <= 4.5 * error + 1e-15,
            "number {k}: mean {mean}, expected {e}, standard error {error}"
        );
    }
}

/// The samples follow the mass function: a chi-square statistic at most 5 of its standard deviations above its mean.
///
/// `mass(k)` for `k = 0, 1, ..`; values with fewer than 10 expected samples share one cell.
#[track_caller]
pub(crate) fn check_counts<D: Distribution>(distribution: &D, parameters: &[f64], mass: impl Fn(f64) -> f64) {
    const SAMPLES: usize = 20_000;
    let samples = draws(distribution, parameters, 1, SAMPLES);
    let n = SAMPLES as f64;
    let (mut statistic, mut cells) = (0.0, 0.0);
    let (mut rest_seen, mut rest_expected) = (n, n);
    for k in 0..2000 {
        let expected = n * mass(f64::from(k));
        if expected < 10.0 {
            continue;
        }
        let seen = samples.iter().filter(|s| s[0] == f64::from(k)).count() as f64;
        statistic += (seen - expected).powi(2) / expected;
        cells += 1.0;
        rest_seen -= seen;
        rest_expected -= expected;
    }
    if rest_expected > 1.0 {
        statistic += (rest_seen - rest_expected).powi(2) / rest_expected;
    } else {
        assert!(rest_seen <= 10.0, "{rest_seen} samples where {rest_expected} were expected");
        cells -= 1.0;
    }
    let freedom: f64 = f64::max(cells, 1.0);
    let limit = freedom + 5.0 * (2.0 * freedom).sqrt();
    assert!(statistic <= limit, "chi-square {statistic}, limit {limit}, cells {cells}");
}

/// The mass over `0..=last` sums to one within 1e-12.
#[track_caller]
pub(crate) fn check_total(last: usize, log_mass: impl Fn(f64) -> f64) {
    let total: f64 = (0..=last).map(|k| log_mass(k as f64).exp()).sum();
    assert!((total - 1.0).abs() < 1e-12, "the mass sums to {total}");
}

/// `|x - expected| <= ulps * eps * (1 + |expected|)`.
#[track_caller]
pub(crate) fn close(x: f64, expected: f64, ulps: f64) {
    let tolerance = ulps * f64::EPSILON * (1.0 + expected.abs());
    let equal = x == expected || (x - expected).abs() <= tolerance;
    assert!(equal, "{x} instead of {expected}: off by {:e}, tolerance {tolerance:e}", (x - expected).abs());
}
