//! Latents of two values, many draws at a time.
//!
//! No fused multiply-add is used, so every instruction set gives the same bits.

use super::integers::Integers;
use crate::model::{Draws, RowSet};
use crate::numerics::{InstructionSet, Kernel, Lane, dispatch};
use crate::streams::Streams;

/// The latents of one pass side by side, those outside of rows first, and buffers.
#[derive(Clone, Debug, Default)]
pub(super) struct TwoValues {
    pub logits: Vec<f64>,
    lows: Vec<u32>,
    pub starts: Vec<usize>,
    words: Vec<u64>,
    /// A number for each latent.
    pub sums: Vec<f64>,
}

/// Half the random bits of a word decide about one latent.
const HALF: u32 = 32;
const RANGE: f64 = (1_u64 << HALF) as f64;

impl TwoValues {
    pub fn read(&mut self, sites: &Integers, params: &[f64], rows: &RowSet) {
        self.logits.clear();
        self.lows.clear();
        self.starts.clear();
        sites.read(params, rows, &mut self.logits, &mut self.lows, &mut self.starts);
    }

    /// Overwrites the integers of `z`; probabilities are met to within 2^-33.
    pub fn sample(&mut self, streams: Streams, z: &mut Draws) {
        let draws = z.num_draws.max(1);
        self.words.resize(self.logits.len().div_ceil(2) * draws, 0);
        streams.fill_words(draws, &mut self.words);
        let TwoValues { logits, lows, words, .. } = self;
        let (outside, inside) = (&mut z.integers[..], &mut z.row_integers[..]);
        dispatch(InstructionSet::detect(), Sample { draws, logits, lows, words, outside, inside });
    }

    /// Overwrites `log_q`; `counts` is how often latents outside and in rows count.
    pub fn log_q(&mut self, counts: (f64, f64), z: &Draws, log_q: &mut [f64]) {
        let TwoValues { logits, lows, sums, .. } = self;
        sums.resize(logits.len(), 0.0);
        dispatch(InstructionSet::detect(), LogQ { logits, lows, sums, counts, z, log_q });
    }

    /// Overwrites `sums` with `sum_d weights[d] d log q(z_d) / d logit`, each latent counted once.
    pub fn slopes(&mut self, z: &Draws, weights: &[f64]) {
        let TwoValues { logits, lows, sums, .. } = self;
        sums.resize(logits.len(), 0.0);
        dispatch(InstructionSet::detect(), Slopes { logits, lows, z, weights, sums });
    }

    /// Overwrites `sums` with the entropy of each latent.
    pub fn entropies(&mut self) {
        let TwoValues { logits, sums, .. } = self;
        sums.resize(logits.len(), 0.0);
        dispatch(InstructionSet::detect(), Entropies { logits, sums });
    }

    /// Overwrites `sums` with the slope of each latent's entropy in its logit.
    pub fn entropy_slopes(&mut self) {
        let TwoValues { logits, sums, .. } = self;
        sums.resize(logits.len(), 0.0);
        dispatch(InstructionSet::detect(), EntropySlopes { logits, sums });
    }
}

struct Sample<'a> {
    draws: usize,
    logits: &'a mut [f64],
    lows: &'a [u32],
    words: &'a [u64],
    outside: &'a mut [u32],
    inside: &'a mut [u32],
}

impl Kernel for Sample<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        self.logits.iter_mut().for_each(|l| *l = (-*l).sigmoid_lane::<false>() * RANGE + 0.5);
        if self.draws == 1 {
            return self.one_draw();
        }
        let lanes = self.outside.chunks_exact_mut(self.draws).chain(self.inside.chunks_exact_mut(self.draws));
        let latents = self.logits.iter().zip(self.lows);
        for (i, (lane, (&below, &low))) in lanes.zip(latents).enumerate() {
            let words = &self.words[i / 2 * self.draws..][..self.draws];
            let below = below as i64;
            match i % 2 {
                0 => lane.iter_mut().zip(words).for_each(|(k, w)| *k = low + u32::from(first_half(*w) >= below)),
                _ => lane.iter_mut().zip(words).for_each(|(k, w)| *k = low + u32::from(second_half(*w) >= below)),
            }
        }
    }
}

impl Sample<'_> {
    #[inline(always)]
    fn one_draw(self) {
        let (outside, inside) = (self.outside, self.inside);
        for (i, k) in outside.iter_mut().chain(inside).enumerate() {
            let (word, below) = (self.words[i / 2], self.logits[i] as i64);
            let half = if i % 2 == 0 { first_half(word) } else { second_half(word) };
            *k = self.lows[i] + u32::from(half >= below);
        }
    }
}

#[inline(always)]
fn first_half(word: u64) -> i64 {
    (word & (u32::MAX as u64)) as i64
}

#[inline(always)]
fn second_half(word: u64) -> i64 {
    (word >> HALF) as i64
}

struct LogQ<'a> {
    logits: &'a mut [f64],
    lows: &'a [u32],
    sums: &'a mut [f64],
    counts: (f64, f64),
    z: &'a Draws,
    log_q: &'a mut [f64],
}

impl Kernel for LogQ<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        // Of the likelier value -ln(1 + e^-|l|), of the other one |l| less.
        for (sum, logit) in self.sums.iter_mut().zip(&*self.logits) {
            *sum = -(-logit.abs()).exp_lane::<false>().ln_1p_lane::<false>();
        }
        let draws = self.z.num_draws.max(1);
        let num_outside = self.z.integers.len() / draws;
        if draws == 1 {
            let counts = (0..self.logits.len()).map(|i| if i < num_outside { self.counts.0 } else { self.counts.1 });
            let all = self.z.integers.iter().chain(&self.z.row_integers).zip(self.lows).zip(counts);
            let mut sum = 0.0;
            for (((&k, &low), count), (&logit, &likelier)) in all.zip(self.logits.iter().zip(&*self.sums)) {
                sum += count * (likelier + if k == low { -logit.max(0.0) } else { logit.min(0.0) });
            }
            return self.log_q.fill(sum);
        }
        self.log_q.fill(0.0);
        let lanes = self.z.integers.chunks_exact(draws).chain(self.z.row_integers.chunks_exact(draws));
        let latents = self.logits.iter().zip(&*self.sums).zip(self.lows);
        for (i, (lane, ((&logit, &likelier), &low))) in lanes.zip(latents).enumerate() {
            let count = if i < num_outside { self.counts.0 } else { self.counts.1 };
            let (of_low, of_high) = (count * (likelier - logit.max(0.0)), count * (likelier + logit.min(0.0)));
            for (out, &k) in self.log_q.iter_mut().zip(lane) {
                *out += if k == low { of_low } else { of_high };
            }
        }
    }
}

struct Slopes<'a> {
    logits: &'a mut [f64],
    lows: &'a [u32],
    z: &'a Draws,
    weights: &'a [f64],
    sums: &'a mut [f64],
}

impl Kernel for Slopes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let draws = self.z.num_draws.max(1);
        // In the same order as the sums below, so that nothing is left where all draws are high.
        let total = sum_where(self.weights, self.weights, |_| true);
        if draws == 1 {
            let all = self.z.integers.iter().chain(&self.z.row_integers).zip(self.lows);
            all.zip(&mut *self.sums).for_each(|((k, low), sum)| *sum = if k == low { 0.0 } else { total });
        } else {
            let lanes = self.z.integers.chunks_exact(draws).chain(self.z.row_integers.chunks_exact(draws));
            for ((lane, &low), sum) in lanes.zip(self.lows).zip(&mut *self.sums) {
                *sum = sum_where(lane, self.weights, |k| k != low);
            }
        }
        for (sum, logit) in self.sums.iter_mut().zip(&*self.logits) {
            let e = (-logit.abs()).exp_lane::<false>();
            let (unlikely, likely) = (e / (1.0 + e), 1.0 / (1.0 + e));
            let (low, high) = if *logit < 0.0 { (likely, unlikely) } else { (unlikely, likely) };
            *sum = low * *sum - high * (total - *sum);
        }
    }
}

/// `sum_d weights[d]` over the draws that count, in eight partial sums.
#[inline(always)]
fn sum_where<K: Copy>(lane: &[K], weights: &[f64], counts: impl Fn(K) -> bool) -> f64 {
    const WIDE: usize = 8;
    let mut partial = [0.0; WIDE];
    let ((k, rest_k), (w, rest_w)) = (lane.as_chunks::<WIDE>(), weights.as_chunks::<WIDE>());
    for (k, w) in k.iter().zip(w) {
        for l in 0..WIDE {
            partial[l] += if counts(k[l]) { w[l] } else { 0.0 };
        }
    }
    let mut sum = 0.0;
    for (&k, &w) in rest_k.iter().zip(rest_w) {
        sum += if counts(k) { w } else { 0.0 };
    }
    partial.iter().fold(sum, |sum, p| sum + p)
}

struct Entropies<'a> {
    logits: &'a [f64],
    sums: &'a mut [f64],
}

impl Kernel for Entropies<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for (sum, logit) in self.sums.iter_mut().zip(self.logits) {
            let size = logit.abs();
            let e = (-size).exp_lane::<false>();
            *sum = e.ln_1p_lane::<false>() + size * e / (1.0 + e);
        }
    }
}

struct EntropySlopes<'a> {
    logits: &'a [f64],
    sums: &'a mut [f64],
}

impl Kernel for EntropySlopes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for (sum, logit) in self.sums.iter_mut().zip(self.logits) {
            let e = (-logit.abs()).exp_lane::<false>();
            *sum = -logit * e / ((1.0 + e) * (1.0 + e));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_a_sum_that_is_whole() {
        let weights: Vec<f64> = (0..21).map(|d| (d as f64 * 1.7).sin() * 1e3).collect();
        let all = sum_where(&weights, &weights, |_| true);
        assert_eq!(all - sum_where(&[3_u32; 21], &weights, |k| k != 2), 0.0);
        let mut halves = weights.iter().enumerate().map(|(d, w)| if d % 2 == 0 { *w } else { 0.0 });
        let lane: Vec<u32> = (0..21).map(|d| d % 2).collect();
        let expected: f64 = halves.by_ref().sum();
        assert!((sum_where(&lane, &weights, |k| k == 0) - expected).abs() < 1e-9);
    }

    #[test]
    fn entropies_and_log_q_of_extreme_logits_are_exact() {
        let logits = vec![-800.0, -40.0, 0.0, 40.0, 800.0];
        let mut own = TwoValues { lows: vec![0; 5], starts: vec![0; 5], logits: logits.clone(), ..Default::default() };
        own.entropies();
        // e^-40 (1 + 40) to first order; ln 2.
        let small = (-40.0_f64).exp() * 41.0;
        for (found, expected) in own.sums.iter().zip([0.0, small, std::f64::consts::LN_2, small, 0.0]) {
            assert!((found - expected).abs() <= 1e-14 * expected, "{found} {expected}");
        }
        let z = Draws { num_draws: 2, integers: [0, 1].repeat(5), ..Draws::default() };
        for (k, logit) in logits.iter().enumerate() {
            let mut single = TwoValues { logits: vec![*logit], lows: vec![0], ..Default::default() };
            let (one, mut out) = (Draws { integers: z.integers[2 * k..2 * k + 2].to_vec(), ..z.clone() }, [0.0; 2]);
            single.log_q((1.0, 0.0), &one, &mut out);
            let expected = match logit.abs() {
                0.0 => [-std::f64::consts::LN_2; 2],
                size if *logit < 0.0 => [-(-size).exp().ln_1p(), -size],
                size => [-size, -(-size).exp().ln_1p()],
            };
            assert!((out[0] - expected[0]).abs() < 1e-13 && (out[1] - expected[1]).abs() < 1e-13, "{out:?}");
        }
    }
}
