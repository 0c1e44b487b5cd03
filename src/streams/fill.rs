//! Blocks side by side in the lanes of vector registers, and their numbers put in their places.

use super::philox::{Key, blocks, counter};

/// Blocks computed side by side: two AVX2 registers of four.
const LANES: usize = 8;
const HALF: usize = LANES / 2;

/// What all blocks of one fill share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) key: Key,
    pub(super) step: u64,
    pub(super) first_draw: u64,
}

/// How the 128 random bits of a block become the numbers of two elements.
pub(super) trait Finish {
    type Number: Copy + Default;

    /// The numbers of two blocks; must be `inline(always)`, to be compiled for the instruction set of the caller.
    fn finish(&self, one: [u64; 2], two: [u64; 2]) -> ([Self::Number; 2], [Self::Number; 2]);
}

/// Overwrites `out[element * num_draws + draw]`; elements 2k and 2k + 1 come from block k of the draw.
pub(super) fn fill<F: Finish>(origin: Origin, num_draws: usize, out: &mut [F::Number], finish: F) {
    // More draws than places fill the places in the same way, and the indices below cannot overflow.
    let num_draws = num_draws.min(out.len());
    if num_draws > 0 {
        pulp::Arch::new().dispatch(Fill { origin, num_draws, out, finish });
    }
}

// A struct, since the call of a closure is not always inlined, and then not compiled for the instruction set.
struct Fill<'a, F: Finish> {
    origin: Origin,
    num_draws: usize,
    out: &'a mut [F::Number],
    finish: F,
}

impl<F: Finish> pulp::WithSimd for Fill<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.run();
    }
}

impl<F: Finish> Fill<'_, F> {
    #[inline(always)]
    fn run(self) {
        let mut batch = Batch::new(self.num_draws);
        while batch.place(0) < self.out.len() {
            let numbers = batch.numbers(self.origin, &self.finish);
            batch.store(&numbers, self.out);
            batch.advance();
        }
    }
}

/// The blocks in the lanes: they run through the draws of one pair of elements, then through those of the next.
///
/// Signed integers, because AVX2 compares no others.
struct Batch {
    num_draws: i64,
    /// Pair and draw of lane 0.
    pair: i64,
    draw: i64,
    /// Whole pairs, and draws on top, by which a lane is ahead of lane 0.
    pairs_ahead: [i64; LANES],
    draws_ahead: [i64; LANES],
    /// The same for lane 0 of the next batch.
    stride: (i64, i64),
}

impl Batch {
    #[inline(always)]
    fn new(num_draws: usize) -> Self {
        let num_draws = num_draws as i64;
        let (mut pairs_ahead, mut draws_ahead) = ([0; LANES], [0; LANES]);
        let mut stride = (0, 0);
        for lane in 0..LANES {
            (pairs_ahead[lane], draws_ahead[lane]) = stride;
            stride = wrap(stride.0, stride.1 + 1, num_draws);
        }
        Self { num_draws, pair: 0, draw: 0, pairs_ahead, draws_ahead, stride }
    }

    #[inline(always)]
    fn advance(&mut self) {
        (self.pair, self.draw) = wrap(self.pair + self.stride.0, self.draw + self.stride.1, self.num_draws);
    }

    /// Pair and draw of a lane.
    #[inline(always)]
    fn block(&self, lane: usize) -> (i64, i64) {
        wrap(self.pair + self.pairs_ahead[lane], self.draw + self.draws_ahead[lane], self.num_draws)
    }

    #[inline(always)]
    fn counter(&self, lane: usize, origin: Origin) -> [u64; 4] {
        let (pair, draw) = self.block(lane);
        counter(pair as u64, origin.first_draw.wrapping_add(draw as u64), origin.step)
    }

    /// Where the first of the two numbers of a lane goes; the second goes `num_draws` further.
    #[inline(always)]
    fn place(&self, lane: usize) -> usize {
        let (pair, draw) = self.block(lane);
        (2 * pair * self.num_draws + draw) as usize
    }

    #[inline(always)]
    fn numbers<F: Finish>(&self, origin: Origin, finish: &F) -> [[F::Number; LANES]; 2] {
        let mut numbers = [[F::Number::default(); LANES]; 2];
        // Two blocks a turn: one alone is a chain of operations too long to keep the vector units busy.
        for lane in 0..HALF {
            let (one, two) = blocks(self.counter(lane, origin), self.counter(lane + HALF, origin), origin.key);
            let (one, two) = finish.finish(one, two);
            [numbers[0][lane], numbers[1][lane]] = one;
            [numbers[0][lane + HALF], numbers[1][lane + HALF]] = two;
        }
        numbers
    }

    #[inline(always)]
    fn store<T: Copy>(&self, numbers: &[[T; LANES]; 2], out: &mut [T]) {
        let num_draws = self.num_draws as usize;
        let (first, second) = (self.place(0), self.place(0) + num_draws);
        if num_draws == 1 && first + 2 * LANES <= out.len() {
            let pairs = out[first..first + 2 * LANES].chunks_exact_mut(2);
            for ((pair, &one), &two) in pairs.zip(&numbers[0]).zip(&numbers[1]) {
                (pair[0], pair[1]) = (one, two);
            }
        } else if self.draw + LANES as i64 <= self.num_draws && second + LANES <= out.len() {
            out[first..first + LANES].copy_from_slice(&numbers[0]);
            out[second..second + LANES].copy_from_slice(&numbers[1]);
        } else {
            // The lanes belong to several pairs, or the last ones have no place.
            for lane in 0..LANES {
                let place = self.place(lane);
                for (half, numbers) in numbers.iter().enumerate() {
                    if let Some(out) = out.get_mut(place + half * num_draws) {
                        *out = numbers[lane];
                    }
                }
            }
        }
    }
}

/// Carries one row of draws into the pair.
#[inline(always)]
fn wrap(pair: i64, draw: i64, num_draws: i64) -> (i64, i64) {
    if draw >= num_draws { (pair + 1, draw - num_draws) } else { (pair, draw) }
}

#[cfg(test)]
mod tests {
    use super::super::normal::{Normals, Uniforms};
    use super::*;

    /// The same fill without dispatch, hence for the instruction set of the build (SSE2 by default on x86-64).
    fn fill_portably<F: Finish>(origin: Origin, num_draws: usize, out: &mut [F::Number], finish: F) {
        Fill { origin, num_draws, out, finish }.run();
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let origin = Origin { key: 0x0123_4567_89ab_cdef, step: 5, first_draw: 11 };
        for num_draws in [1, 3, 8, 100] {
            let (mut fast, mut plain) = (vec![0.0; 20_000], vec![0.0; 20_000]);
            fill(origin, num_draws, &mut fast, Normals);
            fill_portably(origin, num_draws, &mut plain, Normals);
            assert!(fast.iter().zip(&plain).all(|(a, b)| a.to_bits() == b.to_bits()));
            fill(origin, num_draws, &mut fast, Uniforms);
            fill_portably(origin, num_draws, &mut plain, Uniforms);
            assert_eq!(fast, plain);
        }
    }

    /// Without its cargo feature the crate knows of no instruction set, and everything stays right and slow.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_wide_registers_are_used_where_they_are() {
        let is_scalar = matches!(pulp::Arch::new(), pulp::Arch::Scalar);
        assert_eq!(!is_scalar, pulp::x86::V3::is_available());
    }

    #[test]
    fn a_place_depends_on_element_and_draw_alone() {
        let origin = Origin { key: 99, step: 1 << 40, first_draw: 0 };
        for num_draws in [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 100] {
            for len in [1, 2, 3, 9, 16, 17, 10 * num_draws, 11 * num_draws, 11 * num_draws + 1] {
                let mut out = vec![f64::NAN; len];
                fill(origin, num_draws, &mut out, Uniforms);
                for (place, value) in out.into_iter().enumerate() {
                    let (element, draw) = (place / num_draws, place % num_draws);
                    let counter = counter(element as u64 / 2, draw as u64, origin.step);
                    let (numbers, _) = Uniforms.finish(blocks(counter, counter, origin.key).0, [0; 2]);
                    assert_eq!(value, numbers[element % 2], "{num_draws} draws, place {place} of {len}");
                }
            }
        }
    }

    #[test]
    fn odd_sizes_are_harmless() {
        let origin = Origin { key: 1, step: u64::MAX, first_draw: u64::MAX };
        let mut out = [7.0; 3];
        fill(origin, 0, &mut out, Normals);
        assert_eq!(out, [7.0; 3]);
        fill(origin, usize::MAX, &mut out, Normals);
        let mut same = [0.0; 3];
        fill(origin, 3, &mut same, Normals);
        assert_eq!(out, same);
        fill(origin, 5, &mut [], Normals);
    }
}
