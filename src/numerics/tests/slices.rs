//! Properties of slices as a whole: large angles, remainders, both types of numbers.

use super::super::*;
use super::*;

#[test]
fn angles_too_large_for_the_reduction_are_nan() {
    assert!(1e22_f64.sin_lane::<false>().is_nan());
    assert!(3e5_f32.cos_lane::<false>().is_nan());
}

#[test]
fn angles_up_to_the_limit_need_no_help() {
    for x in in_ratios(1e5, f64::TRIG_LIMIT, 5000) {
        let (sin, cos) = (libm::sin(x), libm::cos(x));
        assert!((x.sin_lane::<false>() - sin).abs() <= 2.0 * ulp(sin), "sin({x:e})");
        assert!((x.cos_lane::<false>() - cos).abs() <= 2.0 * ulp(cos), "cos({x:e})");
    }
    for x in in_ratios(1e4, f32::TRIG_LIMIT.into(), 5000) {
        let x = x as f32;
        let sin = libm::sin(f64::from(x));
        assert!((f64::from(x.sin_lane::<false>()) - sin).abs() <= ulp_single(sin), "sin({x:e}f32)");
    }
}

#[test]
fn a_result_does_not_depend_on_its_place_in_the_slice() {
    // Vector body and scalar remainder of the same loop must round alike.
    let functions: [OverSlice<f64>; 9] = [
        exp_slice,
        ln_slice,
        ln_1p_slice,
        exp_m1_slice,
        tanh_slice,
        sigmoid_slice,
        softplus_slice,
        sin_slice,
        cos_slice,
    ];
    let xs: Vec<f64> = scattered(203).map(|u| 40.0 * (u - 0.3)).collect();
    for set in sets() {
        for function in functions {
            let together = applied(function, set, &xs);
            for (x, y) in xs.iter().zip(together) {
                let alone: f64 = at(function, set, *x);
                assert!(
                    alone.to_bits() == y.to_bits() || (alone.is_nan() && y.is_nan()),
                    "x = {x}: {alone} alone, {y} in the slice"
                );
            }
        }
    }
}

#[test]
fn empty_slices_are_fine() {
    for set in sets() {
        exp_slice::<f64>(set, &mut []);
        sin_slice::<f32>(set, &mut []);
    }
}
