//! The lane functions over whole slices, for tests, benches and code outside the executor.

use super::dispatch::{InstructionSet, Kernel, dispatch};
use super::lane::Lane;
use super::trigonometric::{cos_into, sin_into};

/// For each function a kernel and a public function over slices.
macro_rules! slice_functions {
    ($($(#[$doc:meta])* $name:ident, $kernel:ident, $lane:ident;)*) => {$(
        struct $kernel<'a, T>(&'a mut [T]);

        impl<T: Lane> Kernel for $kernel<'_, T> {
            type Output = ();

            #[inline(always)]
            fn run<const FMA: bool>(self) {
                for x in self.0 {
                    *x = x.$lane::<FMA>();
                }
            }
        }

        $(#[$doc])*
        pub fn $name<T: Lane>(set: InstructionSet, xs: &mut [T]) {
            dispatch(set, $kernel(xs));
        }
    )*};
}

slice_functions! {
    /// Overwrites each `x` with `e^x`.
    exp_slice, Exp, exp_lane;
    /// Overwrites each `x` with `ln(x)`.
    ln_slice, Ln, ln_lane;
    /// Overwrites each `x` with `ln(1 + x)`.
    ln_1p_slice, Ln1p, ln_1p_lane;
    /// Overwrites each `x` with `e^x - 1`.
    exp_m1_slice, ExpM1, exp_m1_lane;
    /// Overwrites each `x` with `sinh(x)`.
    sinh_slice, Sinh, sinh_lane;
    /// Overwrites each `x` with `cosh(x)`.
    cosh_slice, Cosh, cosh_lane;
    /// Overwrites each `x` with `tanh(x)`.
    tanh_slice, Tanh, tanh_lane;
    /// Overwrites each `x` with `1 / (1 + e^-x)`.
    sigmoid_slice, Sigmoid, sigmoid_lane;
    /// Overwrites each `x` with `ln(1 + e^x)`.
    softplus_slice, Softplus, softplus_lane;
}

/// Overwrites each `x` with `sin(x)`.
pub fn sin_slice<T: Lane>(set: InstructionSet, xs: &mut [T]) {
    dispatch(set, Sin(xs));
}

/// Overwrites each `x` with `cos(x)`.
pub fn cos_slice<T: Lane>(set: InstructionSet, xs: &mut [T]) {
    dispatch(set, Cos(xs));
}

/// Elements worked on at a time where the arguments must outlive the results.
const BLOCK: usize = 64;

struct Sin<'a, T>(&'a mut [T]);

impl<T: Lane> Kernel for Sin<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let mut arguments = [T::zero(); BLOCK];
        for block in self.0.chunks_mut(BLOCK) {
            let arguments = &mut arguments[..block.len()];
            arguments.copy_from_slice(block);
            sin_into::<T, FMA>(arguments, block);
        }
    }
}

struct Cos<'a, T>(&'a mut [T]);

impl<T: Lane> Kernel for Cos<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let mut arguments = [T::zero(); BLOCK];
        for block in self.0.chunks_mut(BLOCK) {
            let arguments = &mut arguments[..block.len()];
            arguments.copy_from_slice(block);
            cos_into::<T, FMA>(arguments, block);
        }
    }
}
