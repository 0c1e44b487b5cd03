//! Tests of the lane functions and the special functions; errors are counted in units of the last place (ulp).

mod accuracy;
mod edges;
mod exponential_values;
mod gamma_values;
mod logarithm_values;
mod normal_values;
mod over_slices;
mod slices;

use super::{InstructionSet, Lane};
use over_slices::*;

/// Bits of an argument, bits of the value rounded to nearest, and what rounding left out in hundredths of an ulp.
type Reference = (u64, u64, i8);

/// A lane function over a slice.
type OverSlice<T> = fn(InstructionSet, &mut [T]);

/// A scalar function.
type Scalar = fn(f64) -> f64;

/// Both paths, on machines that have both.
fn sets() -> impl Iterator<Item = InstructionSet> {
    [InstructionSet::Avx2Fma, InstructionSet::Baseline].into_iter().filter(|set| set.is_available())
}

/// The function applied to a copy of `xs`.
fn applied<T: Lane>(function: OverSlice<T>, set: InstructionSet, xs: &[T]) -> Vec<T> {
    let mut ys = xs.to_vec();
    function(set, &mut ys);
    ys
}

/// The function applied to one number.
fn at<T: Lane>(function: OverSlice<T>, set: InstructionSet, x: f64) -> T {
    let mut y = [T::from_f64(x)];
    function(set, &mut y);
    y[0]
}

/// The distance between double-precision neighbours at `y`, in the binade of `y`.
fn ulp(y: f64) -> f64 {
    spacing(y, 52, -1022)
}

/// The distance between single-precision neighbours at `y`, in the binade of `y`.
fn ulp_single(y: f64) -> f64 {
    spacing(y, 23, -126)
}

fn spacing(y: f64, fraction_bits: i32, min_exponent: i32) -> f64 {
    let exponent = (y.abs().to_bits() >> 52) as i32 - 1023;
    libm::scalbn(1.0, exponent.max(min_exponent) - fraction_bits)
}

/// Numbers from `low` to `high` in equal ratios.
fn in_ratios(low: f64, high: f64, count: u32) -> impl Iterator<Item = f64> {
    let step = (high.ln() - low.ln()) / f64::from(count - 1);
    (0..count).map(move |i| (low.ln() + step * f64::from(i)).exp())
}

/// Numbers from `low` to `high` in steps that share no pattern with powers of two.
fn evenly(low: f64, high: f64, count: u32) -> impl Iterator<Item = f64> {
    (0..count).map(move |i| low + (high - low) * (f64::from(i) + 0.381_966) / f64::from(count))
}

/// Numbers from 0 to 1, pseudo-random and the same in every run (a Weyl sequence, mixed).
fn scattered(count: u64) -> impl Iterator<Item = f64> {
    (1..=count).map(|i| {
        let mixed = (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (i << 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 11) as f64 * (0.5 * f64::EPSILON)
    })
}
