//! Known values, independence and distribution of the streams; seeds are fixed, and a bound of 4.5 standard errors fails
//! a right generator once in 150,000 times.

use super::*;
use rand::Rng;
use rand_distr::{Distribution, Gamma};

const N: usize = 1_000_000;

fn normals(streams: Streams) -> Vec<f64> {
    let mut out = vec![0.0; N];
    streams.fill_normal(1, &mut out);
    out
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let len = values.len() as f64;
    values.sum::<f64>() / len
}

/// Fails where `value` is further from `expected` than 4.5 standard errors of a mean of N terms with this variance.
fn assert_mean(what: &str, value: f64, expected: f64, variance: f64) {
    let standard_error = (variance / N as f64).sqrt();
    let off = (value - expected) / standard_error;
    assert!(off.abs() < 4.5, "{what}: {value}, {expected} expected, {off} standard errors off");
}

fn chi_square(counts: &[f64]) -> f64 {
    let expected = counts.iter().sum::<f64>() / counts.len() as f64;
    counts.iter().map(|count| (count - expected).powi(2) / expected).sum()
}

/// Values from a separate program (integers of any size, 50 digits), for seed 42, purpose 3, step 7.
#[test]
fn values_are_stable() {
    let streams = Streams::new(42).purpose(3).at_step(7);
    let expected = [
        [-0.585169326425151, -0.37355126767550617, -0.894028572700141],
        [-0.9482642234720621, -0.9543955092182453, 0.4782130958635403],
        [-0.8846213658403255, -0.7120728752035644, 0.22278431615414518],
        [-0.31541945883403044, -1.1731756806794618, -0.36836656465222317],
    ];
    let mut out = [0.0; 24];
    streams.fill_normal(6, &mut out);
    for (element, row) in expected.iter().enumerate() {
        for (z, draw) in row.iter().zip([0, 1, 5]) {
            let error = (out[element * 6 + draw] - z).abs() / z.abs();
            assert!(error < 4.0 * f64::EPSILON, "element {element}, draw {draw}");
        }
    }
    streams.fill_uniform(6, &mut out);
    assert_eq!([out[0], out[1], out[5]], [0.7342501381007557, 0.8473685084243262, 0.6733112772861617]);
    assert_eq!([out[12], out[13], out[17]], [0.3160192371078939, 0.26597991060815784, 0.2496914113764811]);
    let mut rows = [0; 6];
    streams.indices(1000, &mut rows);
    assert_eq!(rows, [535, 658, 238, 747, 252, 904]);
    let mut order = [0; 8];
    streams.permutation(8, &mut order);
    assert_eq!(order, [1, 2, 3, 7, 0, 5, 6, 4]);
    let mut stream = streams.draw(5);
    assert_eq!(stream.next_u64(), 0xcbde_7094_f160_7bae);
    assert_eq!(stream.next_u64(), 0x66ce_1533_f578_179b);
    // The ends of the ranges: all bits of the seed, the last draw, a step beyond 32 bits.
    let mut out = [0.0; 2];
    let streams = Streams::new(u64::MAX).at_step((1 << 40) + 9);
    streams.fill_normal_from(u32::MAX as usize, 1, &mut out);
    assert!((out[1] / 0.029423213124104905 - 1.0).abs() < 4.0 * f64::EPSILON);
}

/// The bits themselves, which no instruction set and no later version may change; from the separate program as well, by the
/// same operations in its own double-precision numbers.
#[test]
fn bits_are_stable() {
    let mut out = [0.0; 1000];
    Streams::new(1).fill_normal(100, &mut out);
    let digest = out.iter().fold(0, |digest, z: &f64| philox::mix(digest ^ z.to_bits()));
    assert_eq!(digest, 5_417_033_535_102_336_081);
}

#[test]
fn noise_does_not_depend_on_the_number_of_draws() {
    let streams = Streams::new(5).at_step(2);
    let mut all = vec![0.0; 11 * 13];
    streams.fill_normal(13, &mut all);
    for first in 0..13 {
        for num_draws in 1..=13 - first {
            let mut some = vec![0.0; 11 * num_draws];
            streams.fill_normal_from(first, num_draws, &mut some);
            for (place, z) in some.into_iter().enumerate() {
                let (element, draw) = (place / num_draws, first + place % num_draws);
                assert_eq!(z.to_bits(), all[element * 13 + draw].to_bits());
            }
        }
    }
}

#[test]
fn moments_of_the_normals() {
    let z = normals(Streams::new(11));
    assert_mean("mean", mean(z.iter().copied()), 0.0, 1.0);
    assert_mean("variance", mean(z.iter().map(|z| z * z)), 1.0, 2.0);
    assert_mean("third moment", mean(z.iter().map(|z| z.powi(3))), 0.0, 15.0);
    assert_mean("fourth moment", mean(z.iter().map(|z| z.powi(4))), 3.0, 96.0);
    assert_mean("sixth moment", mean(z.iter().map(|z| z.powi(6))), 15.0, 10_395.0 - 225.0);
    let tail = libm::erfc(4.0 / 2f64.sqrt());
    let beyond_4 = z.iter().filter(|z| z.abs() > 4.0).count() as f64 / N as f64;
    assert_mean("P(|z| > 4)", beyond_4, tail, tail * (1.0 - tail));
}

#[test]
fn kolmogorov_smirnov_distance_of_the_normals() {
    let mut z = normals(Streams::new(12).at_step(1));
    z.sort_unstable_by(f64::total_cmp);
    let distance = z.iter().enumerate().map(|(i, z)| {
        let cdf = 0.5 * libm::erfc(-z / 2f64.sqrt());
        (cdf - i as f64 / N as f64).max((i + 1) as f64 / N as f64 - cdf)
    });
    let scaled = distance.fold(0.0, f64::max) * (N as f64).sqrt();
    // P(scaled > 2.23) = 2 exp(-2 x 2.23^2) = 1e-4, and P(scaled < 0.34) = 2e-4.
    assert!((0.34..2.23).contains(&scaled), "{scaled}");
}

#[test]
fn numbers_under_neighbouring_keys_are_uncorrelated() {
    let base = Streams::new(13).purpose(2).at_step(6);
    let z = normals(base);
    let next_draw = {
        let mut out = vec![0.0; N];
        base.fill_normal_from(1, 1, &mut out);
        out
    };
    let others = [
        ("draws", next_draw),
        ("steps", normals(base.at_step(7))),
        ("seeds", normals(Streams::new(14).purpose(2).at_step(6))),
        ("purposes", normals(Streams::new(13).purpose(3).at_step(6))),
        ("nested purposes", normals(base.purpose(2))),
        ("elements", [&z[1..], &z[..1]].concat()),
        ("pairs", [&z[2..], &z[..2]].concat()),
    ];
    for (what, other) in others {
        let products = mean(z.iter().zip(&other).map(|(a, b)| a * b));
        assert_mean(what, products, 0.0, 1.0);
        let squares = mean(z.iter().zip(&other).map(|(a, b)| (a * a - 1.0) * (b * b - 1.0)));
        assert_mean(what, squares, 0.0, 4.0);
    }
}

#[test]
fn the_angle_of_a_pair_is_uniform() {
    let mut counts = [0.0; 64];
    for pair in normals(Streams::new(15)).chunks_exact(2) {
        let turn = pair[1].atan2(pair[0]) / std::f64::consts::TAU;
        counts[(turn.rem_euclid(1.0) * 64.0) as usize % 64] += 1.0;
    }
    // 63 degrees of freedom: the quantiles at 1e-4 and 1 - 1e-4.
    assert!((29.50..113.50).contains(&chi_square(&counts)));
}

#[test]
fn moments_of_the_uniforms() {
    let mut u = vec![0.0; N];
    Streams::new(16).fill_uniform(1000, &mut u);
    assert_mean("mean", mean(u.iter().copied()), 0.5, 1.0 / 12.0);
    assert_mean("variance", mean(u.iter().map(|u| (u - 0.5).powi(2))), 1.0 / 12.0, 1.0 / 180.0);
    let rows = mean(u.iter().zip(&u[1000..]).map(|(a, b)| (a - 0.5) * (b - 0.5)));
    assert!(rows.abs() < 4.5 / 12.0 / (N as f64 - 1000.0).sqrt());
}

#[test]
fn indices_are_uniform() {
    for (n, low, high) in [(10, 0.66, 33.72), (7, 0.17, 27.86), (24, 5.74, 57.08)] {
        let (mut rows, mut counts) = (vec![0; 100_001], vec![0.0; n]);
        Streams::new(17).indices(n, &mut rows);
        rows.iter().for_each(|&row| counts[row as usize] += 1.0);
        // n - 1 degrees of freedom: the quantiles at 1e-4 and 1 - 1e-4.
        assert!((low..high).contains(&chi_square(&counts)), "n = {n}");
    }
    let mut rows = [9; 3];
    Streams::new(17).indices(1, &mut rows);
    assert_eq!(rows, [0; 3]);
    Streams::new(17).indices(0, &mut rows);
    assert_eq!(rows, [0; 3]);
}

#[test]
fn each_bit_of_the_words_is_fair() {
    let (n, mut words) = (4000, vec![0; 4000]);
    Streams::new(29).fill_words(100, &mut words);
    for bit in 0..64 {
        let ones = words.iter().filter(|w| *w >> bit & 1 == 1).count() as f64;
        // Five standard errors of a fair coin.
        assert!((ones - 0.5 * n as f64).abs() < 5.0 * (0.25 * n as f64).sqrt(), "bit {bit}: {ones} of {n}");
    }
}

#[test]
fn integers_below_n_are_exact() {
    for n in [1, 2, 3, 1000, (1 << 32) - 1, 1 << 32] {
        for word in [0, 1, 0xffff_ffff, 1 << 32, 0x8000_0000_0000_0000, 0x0123_4567_89ab_cdef, u64::MAX] {
            let expected = (u128::from(word) * u128::from(n)) >> 64;
            assert_eq!(u128::from(below(word, n)), expected, "{word} x {n}");
        }
    }
}

#[test]
fn permutations_are_uniform_and_their_beginnings_agree() {
    let mut counts = [0.0; 24];
    for step in 0..24_000 {
        let mut order = [9; 4];
        Streams::new(18).at_step(step).permutation(4, &mut order);
        let rank = |i: usize| order[i + 1..].iter().filter(|&&later| later < order[i]).count();
        counts[6 * rank(0) + 2 * rank(1) + rank(2)] += 1.0;
    }
    assert!((5.74..57.08).contains(&chi_square(&counts))); // 23 degrees of freedom, 1e-4 and 1 - 1e-4
    let (mut all, mut some) = ([0; 1000], [0; 40]);
    Streams::new(18).permutation(1000, &mut all);
    Streams::new(18).permutation(1000, &mut some);
    assert_eq!(all[..40], some);
    all.sort_unstable();
    assert!(all.iter().zip(0..).all(|(&row, i)| row == i));
    let mut long = [9; 4];
    Streams::new(18).permutation(2, &mut long);
    assert_eq!((long[0] + long[1], long[2], long[3]), (1, 9, 9));
}

#[test]
fn streams_serve_samplers_and_are_independent_of_the_fills() -> Result<(), rand_distr::GammaError> {
    let gamma = Gamma::new(2.0, 3.0)?;
    let samples: Vec<f64> = (0..100_000).map(|draw| gamma.sample(&mut Streams::new(19).draw(draw))).collect();
    // Mean 6 and variance 18.
    assert!((mean(samples.iter().copied()) - 6.0).abs() < 4.5 * (18.0 / 100_000f64).sqrt());
    let mut uniform = [0.0];
    Streams::new(19).fill_uniform(1, &mut uniform);
    let word = Streams::new(19).draw(0).next_u64();
    assert!((uniform[0] - word as f64 * 0.5f64.powi(64)).abs() > 1e-12);
    Ok(())
}

#[test]
fn streams_survive_serialisation() -> Result<(), serde_json::Error> {
    let streams = Streams::new(u64::MAX).purpose(7).at_step(u64::MAX);
    let again: Streams = serde_json::from_str(&serde_json::to_string(&streams)?)?;
    assert_eq!(again, streams);
    assert_eq!(again.seed(), u64::MAX);
    Ok(())
}
