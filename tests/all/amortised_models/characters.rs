//! A character autoencoder: windows of text as categories.

use std::collections::BTreeMap;

use super::{bound, ready, train};
use jensen::estimate::ExactKl;
use jensen::layers::{InitialWeights, Likelihood, Text, Vae};
use jensen::program::Matrix;

/// Characters of a window; letters, space, and one for all others.
const WINDOW: usize = 5;
const LEVELS: usize = 28;

fn codes(text: &str) -> Vec<usize> {
    let code = |c: char| match c.to_ascii_lowercase() {
        c @ 'a'..='z' => c as usize - 'a' as usize,
        ' ' | '\n' => 26,
        _ => 27,
    };
    text.chars().map(code).collect()
}

fn windows(codes: &[usize], window: usize) -> Matrix {
    let whole = codes.len() / window * window;
    Matrix::new(codes[..whole].iter().map(|c| *c as f64).collect::<Vec<_>>(), window).unwrap()
}

/// Bits a character of `test` by counts of single characters, `train` seen before, every count starting at a half.
fn order_zero(train: &[usize], test: &[usize]) -> f64 {
    let mut counts: BTreeMap<usize, f64> = (0..LEVELS).map(|c| (c, 0.5)).collect();
    let (mut total, mut bits) = (0.5 * LEVELS as f64, 0.0);
    for (k, c) in train.iter().chain(test).enumerate() {
        let count = counts.get_mut(c).unwrap();
        if k >= train.len() {
            bits -= (*count / total).log2();
        }
        *count += 1.0;
        total += 1.0;
    }
    bits / test.len() as f64
}

/// Chapters of a book in small letters, every other character a full stop: fixed, so that the book can be edited.
fn book() -> Vec<usize> {
    codes(include_str!("../../data/words.txt"))
}

/// The last fifth of the words, coded after the rest was seen.
#[test]
fn test_bits_of_a_character_beat_counts_of_characters() {
    let codes = book();
    let (seen, test) = codes.split_at(codes.len() / 5 * 4);
    let test = &test[..test.len() / WINDOW * WINDOW];
    let vae = |codes: &[usize]| {
        let likelihood = Likelihood::Categorical { levels: LEVELS };
        Vae::new(windows(codes, WINDOW), 8, &[64], likelihood).start(InitialWeights::LeCun, 1)
    };
    let model = vae(seen);
    let solution = train(&ready(&model), ExactKl::default(), |l| model.theta(l), (128, 1), (0.005, 2000));
    let (found, se) = bound(&ready(&vae(test)), &solution, 10);
    let scale = -1.0 / (WINDOW as f64 * std::f64::consts::LN_2);
    let (bits, counted) = (scale * found, order_zero(seen, test));
    println!("characters: {bits:.3} bits ({:.3}) by the bound, {counted:.3} by counts", scale.abs() * se);
    assert!(bits < counted, "{bits} bits by the bound, {counted} by counts");
}

/// A decoder that reads the characters before does better than counts, and than one that does not read them.
#[test]
fn a_recurrent_decoder_beats_counts_of_characters() {
    const LONG: usize = 12;
    let codes = book();
    let (seen, test) = codes.split_at(codes.len() / 5 * 4);
    let test = &test[..test.len() / LONG * LONG];
    let of = |codes: &[usize]| Text::new(windows(codes, LONG), LEVELS, 4, 32, &[32]).unwrap();
    let model = of(seen);
    let solution = train(&ready(&model), ExactKl::default(), |l| model.theta(l), (64, 1), (0.01, 600));
    let (found, se) = bound(&ready(&of(test)), &solution, 4);
    let scale = -1.0 / (LONG as f64 * std::f64::consts::LN_2);
    let (bits, counted) = (scale * found, order_zero(seen, test));
    println!("recurrent characters: {bits:.3} bits ({:.3}) by the bound, {counted:.3} by counts", scale.abs() * se);
    assert!(bits < counted - 0.3, "{bits} bits by the bound, {counted} by counts");
}

#[test]
fn characters_that_are_none_are_refused() {
    let error = Text::new(Matrix::new([0.0, 3.0], 2).unwrap(), 3, 1, 2, &[]).unwrap_err();
    assert!(error.contains("row 0 holds 3, which is none of the 3 characters"), "{error}");
}
