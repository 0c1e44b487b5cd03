//! Draws of a known law, right and wrong on purpose.

use super::*;
use crate::posterior::ellipsoid::Ellipsoid;
use crate::target::HandWritten;
use std::io::Write;

const DRAWS: usize = 4000;

/// A law of independent latents: the quantile of one, and its log density with derivative, constants left out.
#[derive(Clone, Copy)]
struct Law {
    quantile: fn(f64) -> f64,
    density: fn(f64) -> [f64; 2],
}

const NORMAL: Law = Law { quantile: |u| Normal::standard().inverse_cdf(u), density: |x| [-0.5 * x * x, -x] };
/// The logarithm of an exponential: skewed.
const GUMBEL: Law = Law { quantile: |u| (-(-u).ln_1p()).ln(), density: |x| [x - x.exp(), 1.0 - x.exp()] };
/// Exponential tails on both sides.
const LOGISTIC: Law =
    Law { quantile: |u| (u / (1.0 - u)).ln(), density: |x| [-x - 2.0 * (-x).exp().ln_1p(), -(0.5 * x).tanh()] };

/// The witness on exact draws of `d` latents with scales `0.1, 0.2, ..`, of which the first has its spread about the
/// median multiplied by `shrink`.
fn called(law: Law, d: usize, shrink: f64, seed: u64) -> Witness {
    let scale = |k: usize| 0.1 * (k + 1) as f64;
    let names: Vec<String> = (0..d).map(|k| format!("x{k}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let target = HandWritten::new(&names, move |z: &[f64], grad: &mut [f64]| {
        let each = z.iter().zip(grad).enumerate().map(|(k, (z, grad))| {
            let [value, slope] = (law.density)(z / scale(k));
            *grad = slope / scale(k);
            value
        });
        each.sum()
    });
    let streams = Streams::new(seed);
    let mut latents = vec![0.0; d * DRAWS];
    streams.purpose(9).fill_uniform(DRAWS, &mut latents);
    for (k, lane) in latents.chunks_exact_mut(DRAWS).enumerate() {
        let width = scale(k) * if k == 0 { shrink } else { 1.0 };
        let middle = scale(k) * (law.quantile)(0.5);
        lane.iter_mut().for_each(|u| *u = middle + width * ((law.quantile)(*u) - (law.quantile)(0.5)));
    }
    let even = vec![-(DRAWS as f64).ln(); DRAWS];
    let whitening = Whitening::of(&latents, DRAWS).unwrap();
    Witness::call(&target, &[], &whitening, (&latents, &even), streams).unwrap().0
}

/// Alarms among `seeds`, and the gradients of one call.
fn alarms(law: Law, d: usize, shrink: f64, seeds: u64) -> (usize, u64) {
    let calls: Vec<Witness> = (0..seeds).map(|seed| called(law, d, shrink, seed)).collect();
    (calls.iter().filter(|w| w.is_alarmed()).count(), calls.iter().map(|w| w.evaluations).max().unwrap())
}

#[test]
fn right_draws_raise_no_alarm_and_narrow_ones_do() {
    // At one in a hundred, more than two of ten come in one of ten thousand such runs.
    for law in [NORMAL, GUMBEL, LOGISTIC] {
        let (found, _) = alarms(law, 5, 1.0, 10);
        assert!(found <= 2, "{found} false alarms");
        let (found, _) = alarms(law, 5, 0.7, 10);
        assert!(found >= 8, "{found} of 10 found");
    }
}

#[test]
fn one_place_for_all_draws_is_an_alarm() {
    // All weight at one draw of a normal: its spread can only grow.
    let target = HandWritten::new(&["x"], |z, grad| {
        grad[0] = -z[0];
        -0.5 * z[0] * z[0]
    });
    let latents: Vec<f64> = (0..DRAWS).map(|k| (k as f64 / DRAWS as f64 - 0.5) * 0.2).collect();
    let even = vec![-(DRAWS as f64).ln(); DRAWS];
    let whitening = Whitening::of(&latents, DRAWS).unwrap();
    let (witness, moved) = Witness::call(&target, &[], &whitening, (&latents, &even), Streams::new(1)).unwrap();
    assert!(witness.is_alarmed() && witness.growth > 3.0, "{witness:?}");
    // The moved draws are of the normal: 400 of them, beside the band of a twentieth.
    let ellipsoid = Ellipsoid::of_moments(&moved, &whitening).unwrap();
    let sd = (-ellipsoid.log_top()).exp() / (2.0 * std::f64::consts::PI).sqrt();
    assert!((sd - 1.0).abs() < 0.2 && ellipsoid.centre[0].abs() < 0.25, "{sd} {ellipsoid:?}");
    assert!(Whitening::of(&vec![0.5; DRAWS], DRAWS).is_none());
}

/// `cargo test -p jensen --lib -- --ignored --nocapture witness_figures`
#[test]
#[ignore = "figures of docs/notebook, a minute"]
fn witness_figures() {
    for (name, law) in [("normal", NORMAL), ("log of exponential", GUMBEL), ("logistic", LOGISTIC)] {
        for d in [1, 5, 30, 100, 200] {
            for shrink in [1.0, 0.8, 0.7] {
                let (found, gradients) = alarms(law, d, shrink, 40);
                let line = format!("{name}, {d} latents, sd {shrink}: {found} of 40, at most {gradients} gradients\n");
                std::io::stdout().write_all(line.as_bytes()).unwrap();
            }
        }
    }
}
