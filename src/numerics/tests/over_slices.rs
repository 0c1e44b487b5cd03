//! The lane functions over whole slices, as the executor runs them.

use super::super::{InstructionSet, Kernel, Lane, dispatch};

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
    /// Overwrites each `x` with `sin(x)`.
    sin_slice, Sin, sin_lane;
    /// Overwrites each `x` with `cos(x)`.
    cos_slice, Cos, cos_lane;
}
