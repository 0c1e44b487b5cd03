//! Randomness as a pure function of (seed, purpose, step, draw, element).
//!
//! Nothing here has state that threads could share or an order that could matter: a number is looked up, not drawn.

mod fill;
mod normal;
mod philox;
mod pick;
#[cfg(test)]
mod tests;

pub use philox::Stream;
pub use pick::pick;

use fill::{Finish, Origin, fill};
use philox::{Key, mix};
use serde::{Deserialize, Serialize};

/// Randomness keyed by seed, purpose, step and draw: a small copyable value without state.
///
/// Equal keys give equal numbers on every machine and for any number of threads; numbers under different keys are
/// independent for all practical purposes. So are the normals, uniforms, indices, permutations and [`Stream`]s under one.
///
/// ```
/// # use jensen::streams::Streams;
/// let streams = Streams::new(42).at_step(7);
/// let (mut all, mut last) = ([0.0; 6], [0.0; 2]);
/// streams.fill_normal(3, &mut all); // two elements of three draws: all[element * 3 + draw]
/// streams.fill_normal_from(2, 1, &mut last); // the third draw alone
/// assert_eq!([all[2], all[5]], last);
/// ```
///
/// *Source:* Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", Philox4x32-10, with
/// counter (block, draw, step); draws are therefore numbered modulo 2^32, elements modulo 2^33.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streams {
    seed: u64,
    key: Key,
    step: u64,
}

/// What the numbers are used for; each use has its own key, so that no two share a block.
#[derive(Clone, Copy)]
enum Use {
    Normal,
    Uniform,
    Indices,
    Permutation,
    Stream,
    Words,
}

impl Streams {
    /// The streams of `seed`, at step 0.
    pub fn new(seed: u64) -> Self {
        Self { seed, key: mix(seed), step: 0 }
    }

    /// The seed these streams were made from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// An independent family of streams for another `purpose`, at the same step; purposes nest, in order.
    pub fn purpose(self, purpose: u32) -> Self {
        let key = mix(self.key ^ mix(u64::from(purpose)));
        Self { key, ..self }
    }

    /// The streams of one `step`; replaces the step set before.
    pub fn at_step(self, step: u64) -> Self {
        Self { step, ..self }
    }

    /// A sequential generator for one `draw`, for use with the samplers of `rand` and `rand_distr`.
    pub fn draw(self, draw: usize) -> Stream {
        Stream::new(self.key(Use::Stream), draw as u64, self.step)
    }

    /// Standard normal noise: overwrites `out`, laid out as `out[element * num_draws + draw]`.
    ///
    /// The value depends on (seed, purpose, step, draw, element) and not on `num_draws` or the length of `out`; the
    /// bits are the same on every instruction set. With `num_draws` 0 nothing is written.
    ///
    /// *Source:* Box and Muller (1958); elements 2k and 2k + 1 of a draw are one pair. The largest magnitude is 8.57.
    pub fn fill_normal(self, num_draws: usize, out: &mut [f64]) {
        self.fill_normal_from(0, num_draws, out);
    }

    /// As [`fill_normal`](Self::fill_normal), for the draws `first_draw..first_draw + num_draws`.
    pub fn fill_normal_from(self, first_draw: usize, num_draws: usize, out: &mut [f64]) {
        let origin = self.origin(Use::Normal, first_draw);
        fill(origin, num_draws, out, normal::Normals);
    }

    /// Uniform noise on the open interval (0, 1): overwrites `out`, laid out as `out[element * num_draws + draw]`.
    ///
    /// Values are odd multiples of 2^-53, hence never 0 or 1; otherwise as [`fill_normal`](Self::fill_normal).
    pub fn fill_uniform(self, num_draws: usize, out: &mut [f64]) {
        self.fill_uniform_from(0, num_draws, out);
    }

    /// As [`fill_uniform`](Self::fill_uniform), for the draws `first_draw..first_draw + num_draws`.
    pub fn fill_uniform_from(self, first_draw: usize, num_draws: usize, out: &mut [f64]) {
        let origin = self.origin(Use::Uniform, first_draw);
        fill(origin, num_draws, out, normal::Uniforms);
    }

    /// Random bits: overwrites `out`, laid out as `out[element * num_draws + draw]`; otherwise as
    /// [`fill_normal`](Self::fill_normal).
    pub fn fill_words(self, num_draws: usize, out: &mut [u64]) {
        fill(self.origin(Use::Words, 0), num_draws, out, Words);
    }

    /// Row indices drawn uniformly with replacement from `0..n`, for `n` up to 2^32: overwrites `out`.
    ///
    /// Each index depends on its place alone, so a longer `out` begins with a shorter one. With `n` 0 all are 0.
    ///
    /// *Source:* Lemire (2019), "Fast random integer generation in an interval", without the rejection: the
    /// probabilities differ from 1 / n by less than 2^-64.
    pub fn indices(self, n: usize, out: &mut [u32]) {
        let origin = self.origin(Use::Indices, 0);
        let n = (n as u64).min(1 << 32);
        fill(origin, 1, out, Below(n));
    }

    /// The first `out.len()` entries of a random permutation of `0..n`, in O(n): a whole permutation where the lengths
    /// agree, a sample without replacement where `out` is shorter; entries of `out` from `n` on are left alone.
    ///
    /// *Source:* the inside-out form of Fisher and Yates, of which positions past the end of `out` need no storage.
    pub fn permutation(self, n: usize, out: &mut [u32]) {
        let mut stream = Stream::new(self.key(Use::Permutation), 0, self.step);
        for i in 0..(n as u64).min(1 << 32) {
            let j = below(stream.next_word(), i + 1) as usize;
            let i = i as usize;
            if i < out.len() {
                out[i] = out[j];
            }
            if j < out.len() {
                out[j] = i as u32;
            }
        }
    }

    fn key(self, usage: Use) -> Key {
        self.key ^ usage as u64
    }

    fn origin(self, usage: Use, first_draw: usize) -> Origin {
        Origin { key: self.key(usage), step: self.step, first_draw: first_draw as u64 }
    }
}

/// The bits as they are.
struct Words;

impl Finish for Words {
    type Number = u64;

    #[inline(always)]
    fn finish(&self, one: [u64; 2], two: [u64; 2]) -> ([u64; 2], [u64; 2]) {
        (one, two)
    }
}

/// Two integers below the one held.
struct Below(u64);

impl Finish for Below {
    type Number = u32;

    #[inline(always)]
    fn finish(&self, one: [u64; 2], two: [u64; 2]) -> ([u32; 2], [u32; 2]) {
        (one.map(|word| below(word, self.0)), two.map(|word| below(word, self.0)))
    }
}

/// floor(word * n / 2^64), an integer below `n`, in products of 32 bits (for `n` up to 2^32).
#[inline(always)]
fn below(word: u64, n: u64) -> u32 {
    // No sum overflows: at most (2^32 - 1) 2^32 + (2^32 - 1).
    (((word >> 32) * n + (((word & 0xffff_ffff) * n) >> 32)) >> 32) as u32
}
