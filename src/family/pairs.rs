//! Antithetic pairs of draws of latents with two values.
//!
//! No fused multiply-add is used, so every instruction set gives the same bits.

use crate::numerics::{InstructionSet, Kernel, dispatch};

/// One latent's pairs, and a weight for each.
pub(crate) struct Pairs<'a> {
    pub b: &'a [u32],
    pub c: &'a [u32],
    /// The latent's number decides which half of a word is its own.
    pub words: &'a [u64],
    pub latent: usize,
    pub weights: &'a [f64],
}

impl Pairs<'_> {
    /// `sum_s weights[s] (u_s - 1/2)` with `u_s` in the middle of its cell of 2^-32.
    pub fn of_uniforms(self) -> f64 {
        dispatch(InstructionSet::detect(), OfUniforms(self))
    }

    /// `sum_s weights[s] (b_s - c_s)`.
    pub fn of_differences(self) -> f64 {
        dispatch(InstructionSet::detect(), OfDifferences(self))
    }
}

/// Overwrites `b = low + 1[1 - u < p]` and `c = low + 1[u < p]`: both are draws, to within 2^-33 of `p`.
pub(crate) fn set_pair(p: f64, low: u32, words: &[u64], latent: usize, b: &mut [u32], c: &mut [u32]) {
    dispatch(InstructionSet::detect(), SetPairs { b, c, words, latent, low, p });
}

const RANGE: f64 = (1_u64 << 32) as f64;

/// The half of a word that decides about a latent.
#[inline(always)]
fn half(word: u64, latent: usize) -> i64 {
    ((word >> (32 * (latent % 2))) & (u32::MAX as u64)) as i64
}

struct OfUniforms<'a>(Pairs<'a>);

impl Kernel for OfUniforms<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        let Pairs { words, latent, weights, .. } = self.0;
        let centred = |word| (half(word, latent) as f64 + 0.5) / RANGE - 0.5;
        words.iter().zip(weights).map(|(u, w)| w * centred(*u)).sum()
    }
}

struct OfDifferences<'a>(Pairs<'a>);

impl Kernel for OfDifferences<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<const FMA: bool>(self) -> f64 {
        const WIDE: usize = 8;
        let Pairs { b, c, weights, .. } = self.0;
        let difference = |b: u32, c: u32| f64::from(b.wrapping_sub(c) as i32);
        let mut partial = [0.0; WIDE];
        let ((b, rest_b), (c, rest_c)) = (b.as_chunks::<WIDE>(), c.as_chunks::<WIDE>());
        let (w, rest_w) = weights.as_chunks::<WIDE>();
        for ((b, c), w) in b.iter().zip(c).zip(w) {
            for l in 0..WIDE {
                partial[l] += w[l] * difference(b[l], c[l]);
            }
        }
        let rest = rest_b.iter().zip(rest_c).zip(rest_w).map(|((b, c), w)| w * difference(*b, *c));
        rest.sum::<f64>() + partial.iter().sum::<f64>()
    }
}

struct SetPairs<'a> {
    b: &'a mut [u32],
    c: &'a mut [u32],
    words: &'a [u64],
    latent: usize,
    low: u32,
    p: f64,
}

impl Kernel for SetPairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let (range, below) = (u32::MAX as i64, (self.p * RANGE).round() as i64);
        for ((b, c), word) in self.b.iter_mut().zip(self.c).zip(self.words) {
            let u = half(*word, self.latent);
            *b = self.low + u32::from(range - u < below);
            *c = self.low + u32::from(u < below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_of_a_pair_are_draws_and_never_both_the_less_likely() {
        let words: Vec<u64> = (0..1000_u64).map(|k| k.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        for (latent, p) in [(0, 0.3), (1, 0.8), (2, 0.0), (3, 1.0)] {
            let (mut b, mut c) = ([0; 1000], [0; 1000]);
            set_pair(p, 5, &words, latent, &mut b, &mut c);
            for lane in [&b, &c] {
                let share = lane.iter().filter(|k| **k == 6).count() as f64 / 1000.0;
                // Multiples of an irrational number fill the unit interval evenly.
                assert!((share - p).abs() < 0.02, "latent {latent}: {share} for {p}");
            }
            let less_likely = if p < 0.5 { 6 } else { 5 };
            assert!(b.iter().zip(&c).all(|(b, c)| (*b, *c) != (less_likely, less_likely)));
        }
    }

    #[test]
    fn sums_are_those_written_out() {
        let n = 19;
        let weights: Vec<f64> = (0..n).map(|k| (k as f64).cos()).collect();
        let (b, c): (Vec<u32>, Vec<u32>) = (0..n as u32).map(|k| (k % 2, k / 2 % 2)).unzip();
        let words: Vec<u64> = (0..n as u64).map(|k| k << 60 | k << 27).collect();
        let (mut differences, mut uniforms) = (0.0, 0.0);
        for k in 0..n {
            differences += weights[k] * (b[k] as f64 - c[k] as f64);
            uniforms += weights[k] * (k as f64 / 16.0 - if k > 15 { 1.0 } else { 0.0 } - 0.5);
        }
        let pairs = || Pairs { b: &b, c: &c, words: &words, latent: 1, weights: &weights };
        assert!((pairs().of_differences() - differences).abs() < 1e-13);
        // Half a cell of 2^-32 for each.
        assert!((pairs().of_uniforms() - uniforms).abs() < n as f64 * 2e-10);
    }
}
