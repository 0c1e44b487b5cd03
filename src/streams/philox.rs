//! The Philox4x32-10 counter-based generator, in pairs of blocks and as a sequential [`Stream`].

use rand::TryRng;
use std::convert::Infallible;

/// A 64-bit key.
pub(super) type Key = u64;

const LOW: u64 = 0xffff_ffff;
const MULTIPLIERS: [u64; 2] = [0xd251_1f53, 0xcd9e_8d57];
/// What each round adds to the key: the golden ratio and sqrt(3) - 1.
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// Philox4x32-10 of two counters of four words; gives the output words of each as two little-endian pairs.
///
/// A word sits in the low half of a `u64`, so that a loop over counters becomes 32 x 32 -> 64 bit vector products without
/// shuffles; the high half may hold anything. Two at a time hide the latency of the products.
///
/// *Source:* Salmon, Moraes, Dror and Shaw (2011), section 3.3 and table 2.
#[inline(always)]
pub(super) fn blocks(one: [u64; 4], two: [u64; 4], key: Key) -> ([u64; 2], [u64; 2]) {
    let (mut one, mut two) = (one, two);
    let mut key = [key as u32, (key >> 32) as u32];
    for _ in 0..10 {
        one = round(one, key);
        two = round(two, key);
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    (join(one), join(two))
}

#[inline(always)]
fn round([c0, c1, c2, c3]: [u64; 4], key: [u32; 2]) -> [u64; 4] {
    let left = (c0 & LOW) * MULTIPLIERS[0];
    let right = (c2 & LOW) * MULTIPLIERS[1];
    [(right >> 32) ^ c1 ^ u64::from(key[0]), right, (left >> 32) ^ c3 ^ u64::from(key[1]), left]
}

#[inline(always)]
fn join([c0, c1, c2, c3]: [u64; 4]) -> [u64; 2] {
    [(c0 & LOW) | (c1 << 32), (c2 & LOW) | (c3 << 32)]
}

/// The counter of a block of one draw at one step; block and draw count modulo 2^32.
#[inline(always)]
pub(super) fn counter(block: u64, draw: u64, step: u64) -> [u64; 4] {
    [block, draw, step, step >> 32]
}

/// A bijection that spreads small differences over all bits, so that neighbouring seeds have unrelated keys.
///
/// *Source:* Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators", SplitMix64.
pub(super) fn mix(x: u64) -> Key {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A sequential generator for one draw, made by [`Streams::draw`](super::Streams::draw); a clone repeats what follows.
///
/// ```
/// # use jensen::streams::Streams;
/// use rand_distr::{Distribution, Gamma};
/// let gamma = Gamma::new(2.0, 1.0)?;
/// let mut stream = Streams::new(1).at_step(3).draw(0);
/// let again = gamma.sample(&mut stream.clone());
/// assert_eq!(gamma.sample(&mut stream), again);
/// # Ok::<(), rand_distr::GammaError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stream {
    key: Key,
    draw: u64,
    step: u64,
    next_block: u64,
    words: [u64; 4],
    num_used: usize,
}

impl Stream {
    pub(super) fn new(key: Key, draw: u64, step: u64) -> Self {
        Self { key, draw, step, next_block: 0, words: [0; 4], num_used: 4 }
    }

    /// The next 64 random bits.
    #[inline]
    pub(super) fn next_word(&mut self) -> u64 {
        if self.num_used >= self.words.len() {
            self.refill();
        }
        let word = self.words[self.num_used];
        self.num_used += 1;
        word
    }

    fn refill(&mut self) {
        // After 2^32 blocks the key moves on, so the stream does not repeat.
        let key = self.key ^ (self.next_block & !LOW);
        let one = counter(self.next_block, self.draw, self.step);
        let two = counter(self.next_block | 1, self.draw, self.step);
        let (one, two) = blocks(one, two, key);
        self.words = [one[0], one[1], two[0], two[1]];
        self.num_used = 0;
        self.next_block = self.next_block.wrapping_add(2);
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next_word() >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next_word())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for bytes in out.chunks_mut(8) {
            let word = self.next_word().to_le_bytes();
            bytes.copy_from_slice(&word[..bytes.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    /// Rows "philox4x32 10" of the file `kat_vectors` of Random123: counter, key, output.
    const KNOWN_ANSWERS: [([u32; 4], [u32; 2], [u32; 4]); 3] = [
        ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ];

    fn pack(low: u32, high: u32) -> u64 {
        u64::from(low) | u64::from(high) << 32
    }

    #[test]
    fn published_answers_are_met() {
        for (counter, key, output) in KNOWN_ANSWERS {
            let (counter, key) = (counter.map(u64::from), pack(key[0], key[1]));
            let expected = [pack(output[0], output[1]), pack(output[2], output[3])];
            let rubbish_above = counter.map(|word| word | 0xdead_beef_0000_0000);
            assert_eq!(blocks(counter, rubbish_above, key), (expected, expected));
        }
    }

    #[test]
    fn a_stream_runs_through_the_blocks_of_its_draw() {
        let (key, draw, step) = (pack(1, 2), 3, pack(4, 5));
        let mut stream = Stream::new(key, draw, step);
        for block in 0..5 {
            let words = blocks([block, 3, 4, 5], [0; 4], key).0;
            assert_eq!([stream.next_u64(), stream.next_u64()], words);
        }
        stream.next_block = 1 << 32;
        stream.num_used = 4;
        assert_ne!(stream.next_u64(), Stream::new(key, draw, step).next_u64(), "repeats after 2^32 blocks");
    }

    #[test]
    fn bytes_and_short_words_are_parts_of_the_words() {
        let stream = Stream::new(8, 0, 0);
        let words = [0; 3].map({
            let mut stream = stream.clone();
            move |_: u64| stream.next_u64()
        });
        let mut bytes = [0; 19];
        stream.clone().fill_bytes(&mut bytes);
        let expected: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).take(19).collect();
        assert_eq!(bytes[..], expected[..]);
        assert_eq!(stream.clone().next_u32(), (words[0] >> 32) as u32);
    }
}
