//! Values at zeros, infinities, NaN, subnormal numbers and the ends of the range.

use super::super::*;
use super::*;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Whether two numbers are the same, the sign of zero included; NaN is the same as NaN.
fn is_same(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || a.to_bits() == b.to_bits()
}

/// Checks a lane function at special arguments, for both types on both paths.
fn check(name: &str, double: OverSlice<f64>, single: OverSlice<f32>, cases: &[(f64, f64)]) {
    for set in sets() {
        for &(x, expected) in cases {
            let y: f64 = at(double, set, x);
            assert!(is_same(y, expected), "{name}({x:e}) on {set:?}: {y:e}, expected {expected:e}");
            let y: f32 = at(single, set, x);
            assert!(is_same(y.into(), expected), "{name}({x:e}f32) on {set:?}: {y:e}, expected {expected:e}");
        }
    }
}

macro_rules! check {
    ($function:ident, $cases:expr) => {
        check(stringify!($function), $function, $function, $cases)
    };
}

#[test]
fn exponentials_at_special_arguments() {
    check!(exp_slice, &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (800.0, INF), (-800.0, 0.0)]);
    let odd = [(0.0, 0.0), (-0.0, -0.0), (NAN, NAN)];
    check!(exp_m1_slice, &odd);
    check!(exp_m1_slice, &[(INF, INF), (-INF, -1.0), (800.0, INF), (-800.0, -1.0)]);
    check!(tanh_slice, &odd);
    check!(tanh_slice, &[(INF, 1.0), (-INF, -1.0), (800.0, 1.0), (-800.0, -1.0)]);
    check!(sinh_slice, &odd);
    check!(sinh_slice, &[(INF, INF), (-INF, -INF), (800.0, INF), (-800.0, -INF)]);
    check!(cosh_slice, &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF), (NAN, NAN), (800.0, INF), (-800.0, INF)]);
    check!(sigmoid_slice, &[(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (NAN, NAN), (800.0, 1.0), (-800.0, 0.0)]);
    check!(softplus_slice, &[(INF, INF), (-INF, 0.0), (NAN, NAN), (800.0, 800.0), (-800.0, 0.0)]);
}

#[test]
fn logarithms_at_special_arguments() {
    check!(ln_slice, &[(0.0, -INF), (-0.0, -INF), (1.0, 0.0), (-1.0, NAN), (INF, INF), (-INF, NAN), (NAN, NAN)]);
    check!(ln_1p_slice, &[(0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (-2.0, NAN), (INF, INF), (-INF, NAN), (NAN, NAN)]);
}

#[test]
fn sine_and_cosine_at_special_arguments() {
    check!(sin_slice, &[(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN)]);
    check!(cos_slice, &[(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN)]);
}

#[test]
fn the_range_ends_where_it_should() {
    // ln(f64::MAX) and ln(2^-1075) lie between these neighbours; likewise for single precision.
    for set in sets() {
        let y: f64 = at(exp_slice, set, 709.782_712_893_384);
        assert!((y / f64::MAX - 1.0).abs() < 1e-13);
        assert_eq!(at::<f64>(exp_slice, set, 709.782_712_893_384_1), INF);
        assert_eq!(at::<f64>(exp_m1_slice, set, 709.782_712_893_384_1), INF);
        assert!(at::<f64>(exp_m1_slice, set, 709.782_712_893_384).is_finite());
        assert_eq!(at::<f64>(exp_slice, set, -745.133_219_101_941_1), 5e-324);
        assert_eq!(at::<f64>(exp_slice, set, -745.133_219_101_941_3), 0.0);
        assert!(at::<f32>(exp_slice, set, 88.722_83).is_finite());
        assert_eq!(at::<f32>(exp_slice, set, 88.722_84), f32::INFINITY);
        assert_eq!(at::<f32>(exp_slice, set, -103.972_07), f32::from_bits(1));
        assert_eq!(at::<f32>(exp_slice, set, -103.972_09), 0.0);
    }
}

#[test]
fn subnormal_numbers_are_kept() {
    for set in sets() {
        for bits in [1, 3, 0x000f_ffff_ffff_ffff] {
            let x = f64::from_bits(bits);
            for function in [exp_m1_slice, ln_1p_slice, tanh_slice, sin_slice] {
                assert_eq!(at::<f64>(function, set, x), x);
                assert_eq!(at::<f64>(function, set, -x), -x);
            }
        }
        let tail = libm::exp(-730.0);
        assert!((at::<f64>(exp_slice, set, -730.0) - tail).abs() <= ulp(tail));
        assert!((at::<f64>(sigmoid_slice, set, -730.0) - tail).abs() <= ulp(tail));
        assert!((at::<f64>(softplus_slice, set, -730.0) - tail).abs() <= ulp(tail));
    }
}

#[test]
fn special_functions_at_special_arguments() {
    type Case = (Scalar, &'static [(f64, f64)]);
    let cases: [Case; 7] = [
        (Lane::ln_gamma, &[(0.0, INF), (-3.0, INF), (1.0, 0.0), (2.0, 0.0), (INF, INF), (NAN, NAN)]),
        (Lane::digamma, &[(0.0, -INF), (-0.0, INF), (-3.0, NAN), (INF, INF), (-INF, NAN), (NAN, NAN)]),
        (Lane::trigamma, &[(0.0, INF), (-0.0, INF), (-3.0, INF), (INF, 0.0), (-INF, NAN), (NAN, NAN)]),
        (Lane::erf, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN)]),
        (Lane::ndtr, &[(0.0, 0.5), (INF, 1.0), (-INF, 0.0), (1e300, 1.0), (-1e300, 0.0), (NAN, NAN)]),
        (Lane::ln_ndtr, &[(INF, -0.0), (-INF, -INF), (f64::MAX, -0.0), (f64::MIN, -INF), (NAN, NAN)]),
        (Lane::mills, &[(INF, 0.0), (-INF, INF), (f64::MAX, 0.0), (f64::MIN, f64::MAX), (NAN, NAN)]),
    ];
    for (case, (function, values)) in cases.iter().enumerate() {
        for &(x, expected) in *values {
            let y = function(x);
            assert!(is_same(y, expected), "case {case} at {x:e}: {y:e}, expected {expected:e}");
        }
    }
}
