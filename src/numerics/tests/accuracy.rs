//! The error of every function: against tables computed with 200 bits, and densely against `libm`.

use super::super::*;
use super::*;

/// The largest error over a table in ulps, those of small values counted as if the value were `floor`.
fn worst_over(table: &[Reference], floor: f64, function: impl Fn(&[f64]) -> Vec<f64>) -> f64 {
    let xs: Vec<f64> = table.iter().map(|&(x, ..)| f64::from_bits(x)).collect();
    let errors = table.iter().zip(function(&xs)).map(|(&(_, y, residual), computed)| {
        let y = f64::from_bits(y);
        let from_rounded = (computed - y) / ulp(y) - f64::from(residual) / 100.0;
        from_rounded.abs() * ulp(y) / ulp(y.abs().max(floor))
    });
    // Once NaN, always NaN: no bound is met.
    errors.fold(0.0, |worst: f64, error| if error <= worst || worst.is_nan() { worst } else { error })
}

#[test]
fn lane_functions_agree_with_the_tables() {
    let cases: [(OverSlice<f64>, &[Reference], f64); 9] = [
        (exp_slice, exponential_values::EXP, 1.0),
        (exp_m1_slice, exponential_values::EXP_M1, 2.3),
        (tanh_slice, exponential_values::TANH, 2.8),
        (sigmoid_slice, exponential_values::SIGMOID, 2.3),
        (softplus_slice, exponential_values::SOFTPLUS, 1.7),
        (ln_slice, logarithm_values::LN, 1.0),
        (ln_1p_slice, logarithm_values::LN_1P, 1.0),
        (sin_slice, logarithm_values::SIN, 1.0),
        (cos_slice, logarithm_values::COS, 1.0),
    ];
    for set in sets() {
        for (case, (function, table, most)) in cases.iter().enumerate() {
            let worst = worst_over(table, 0.0, |xs| applied(*function, set, xs));
            assert!(worst <= *most, "{set:?}, case {case}: {worst} ulp, expected at most {most}");
            assert!(worst > 0.5, "{set:?}, case {case}: the table holds no hard argument");
        }
    }
}

#[test]
fn special_functions_agree_with_the_tables() {
    // Near their roots ln_gamma and digamma are accurate in absolute terms, hence the floor of 1.
    let cases: [(Scalar, &[Reference], f64, f64); 7] = [
        (Lane::erf, normal_values::ERF, 0.0, 1.0),
        (Lane::ndtr, normal_values::NDTR, 0.0, 5.0),
        (Lane::ln_ndtr, normal_values::LN_NDTR, 0.0, 5.0),
        (Lane::mills, normal_values::MILLS, 0.0, 5.0),
        (Lane::ln_gamma, gamma_values::LN_GAMMA, 1.0, 5.0),
        (Lane::digamma, gamma_values::DIGAMMA, 1.0, 6.0),
        (Lane::trigamma, gamma_values::TRIGAMMA, 0.0, 5.0),
    ];
    for (case, (function, table, floor, most)) in cases.iter().enumerate() {
        let worst = worst_over(table, *floor, |xs| xs.iter().map(|&x| function(x)).collect());
        assert!(worst <= *most, "case {case}: {worst} ulp, expected at most {most}");
    }
}

/// A lane function, what `libm` makes of it, where to compare, and the ulps allowed in double and single precision.
///
/// The allowance in double precision is the error measured against 200 bits plus that of the comparison itself.
struct Dense {
    double: OverSlice<f64>,
    single: OverSlice<f32>,
    libm: Scalar,
    xs: Vec<f64>,
    most: (f64, f64),
}

const COUNT: u32 = 20_000;

fn around_zero(low: f64, high: f64) -> Vec<f64> {
    let small = in_ratios(1e-320, 2.0, COUNT).flat_map(|x| [x, -x]);
    small.chain(evenly(low, high, COUNT)).chain(evenly(-3.0, 3.0, COUNT)).collect()
}

/// Positive numbers of all sizes, subnormal ones included, and more of them around 1.
fn positive() -> Vec<f64> {
    let near_one = in_ratios(1e-17, 0.4, COUNT).flat_map(|d| [1.0 + d, 1.0 - d]);
    let all_bits = scattered(u64::from(COUNT)).map(|u| f64::from_bits((u * f64::MAX.to_bits() as f64) as u64));
    in_ratios(5e-324, 1.7e308, COUNT).chain(all_bits).chain(near_one).collect()
}

fn angles() -> Vec<f64> {
    let turns = (0..COUNT).map(|k| f64::from(k) * 3.0 * std::f64::consts::FRAC_PI_2);
    around_zero(-1e5, 1e5).into_iter().chain(turns).collect()
}

fn dense() -> Vec<Dense> {
    let sigmoid = |x: f64| {
        let e = libm::exp(-x.abs());
        if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
    };
    let above_minus_one = || around_zero(-0.999, 30.0).into_iter().filter(|&x| x > -1.0);
    let mut large = positive();
    large.extend(above_minus_one());
    let exponents = || around_zero(-746.0, 710.0);
    vec![
        Dense { double: exp_slice, single: exp_slice, libm: libm::exp, xs: exponents(), most: (2.0, 1.0) },
        Dense { double: exp_m1_slice, single: exp_m1_slice, libm: libm::expm1, xs: exponents(), most: (3.0, 2.0) },
        Dense {
            double: tanh_slice,
            single: tanh_slice,
            libm: libm::tanh,
            xs: around_zero(-25.0, 25.0),
            most: (5.0, 2.8),
        },
        Dense {
            double: sinh_slice,
            single: sinh_slice,
            libm: libm::sinh,
            xs: around_zero(-711.0, 711.0),
            most: (3.5, 2.2),
        },
        Dense {
            double: cosh_slice,
            single: cosh_slice,
            libm: libm::cosh,
            xs: around_zero(-711.0, 711.0),
            most: (2.5, 2.2),
        },
        Dense { double: sigmoid_slice, single: sigmoid_slice, libm: sigmoid, xs: exponents(), most: (4.0, 2.3) },
        Dense {
            double: softplus_slice,
            single: softplus_slice,
            libm: |x| x.max(0.0) + libm::log1p(libm::exp(-x.abs())),
            xs: exponents(),
            most: (4.0, 1.7),
        },
        Dense { double: ln_slice, single: ln_slice, libm: libm::log, xs: positive(), most: (2.0, 1.0) },
        Dense { double: ln_1p_slice, single: ln_1p_slice, libm: libm::log1p, xs: large, most: (2.0, 1.0) },
        Dense { double: sin_slice, single: sin_slice, libm: libm::sin, xs: angles(), most: (2.0, 1.0) },
        Dense { double: cos_slice, single: cos_slice, libm: libm::cos, xs: angles(), most: (2.0, 1.0) },
    ]
}

#[test]
fn double_precision_agrees_with_libm() {
    for set in sets() {
        for (case, Dense { double, libm, xs, most, .. }) in dense().into_iter().enumerate() {
            for (x, y) in xs.iter().zip(applied(double, set, &xs)) {
                let expected = libm(*x);
                let close = (y - expected).abs() <= most.0 * ulp(expected) || y == expected;
                assert!(close, "{set:?}, case {case}, x = {x:e}: {y:e}, expected {expected:e}");
            }
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    for set in sets() {
        for (case, Dense { single, libm, xs, most, .. }) in dense().into_iter().enumerate() {
            let xs: Vec<f32> = xs.iter().map(|&x| x as f32).collect();
            for (x, y) in xs.iter().zip(applied(single, set, &xs)) {
                let expected = libm(f64::from(*x));
                let close = (f64::from(y) - expected).abs() <= most.1 * ulp_single(expected) || y == expected as f32;
                assert!(close, "{set:?}, case {case}, x = {x:e}: {y:e}, expected {expected:e}");
            }
        }
    }
}

#[test]
fn single_precision_special_functions_are_rounded_double_ones() {
    for x in evenly(0.1, 12.0, 100) {
        let x = x as f32;
        assert_eq!(Lane::digamma(x), Lane::digamma(f64::from(x)) as f32);
        assert_eq!(Lane::ln_ndtr(-x), Lane::ln_ndtr(-f64::from(x)) as f32);
    }
}
