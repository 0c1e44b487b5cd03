//! Scalar continuous distributions against a table, their integral, their samplers and differences.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::testing::check_gradient;
use super::tests_reference::TABLE;
use super::*;
use crate::program::recording;

type Scalar = Box<dyn Distribution<Value = Real>>;

/// The distribution `name` with parameters `p`.
fn make<P: Into<Real> + Copy>(name: &str, p: &[P]) -> Scalar {
    match name {
        "normal" => Box::new(normal(p[0], p[1])),
        "half_normal" => Box::new(half_normal(p[0])),
        "log_normal" => Box::new(log_normal(p[0], p[1])),
        "student_t" => Box::new(student_t(p[0], p[1], p[2])),
        "cauchy" => Box::new(cauchy(p[0], p[1])),
        "half_cauchy" => Box::new(half_cauchy(p[0])),
        "half_student_t" => Box::new(half_student_t(p[0], p[1])),
        "laplace" => Box::new(laplace(p[0], p[1])),
        "logistic" => Box::new(logistic(p[0], p[1])),
        "gumbel" => Box::new(gumbel(p[0], p[1])),
        "exponential" => Box::new(exponential(p[0])),
        "gamma" => Box::new(gamma(p[0], p[1])),
        "inverse_gamma" => Box::new(inverse_gamma(p[0], p[1])),
        "chi_squared" => Box::new(chi_squared(p[0])),
        "weibull" => Box::new(weibull(p[0], p[1])),
        "inverse_gaussian" => Box::new(inverse_gaussian(p[0], p[1])),
        "pareto" => Box::new(pareto(p[0], p[1])),
        "beta" => Box::new(beta(p[0], p[1])),
        "uniform" => Box::new(uniform(p[0], p[1])),
        "von_mises" => Box::new(von_mises(p[0], p[1])),
        _ => panic!("no distribution {name}"),
    }
}

/// The value that constants fold to.
fn log_density(d: &Scalar, x: f64) -> f64 {
    d.log_density(Real::from(x)).as_constant().expect("constants fold")
}

/// Moderate parameters of every distribution, and a point near the middle of it.
const CASES: &[(&str, &[f64], f64)] = &[
    ("normal", &[0.3, 1.2], 0.3),
    ("half_normal", &[1.2], 0.9),
    ("log_normal", &[0.3, 0.8], 1.1),
    ("student_t", &[3.5, -0.4, 1.3], -0.4),
    ("student_t", &[0.7, 0.5, 0.8], 0.5),
    ("student_t", &[120.0, 0.5, 0.8], 0.5),
    ("cauchy", &[0.5, 1.4], 0.5),
    ("half_cauchy", &[1.4], 1.6),
    ("half_student_t", &[3.5, 1.4], 1.6),
    ("half_student_t", &[90.0, 0.6], 0.5),
    ("laplace", &[-0.3, 1.1], -0.3),
    ("logistic", &[0.4, 0.7], 0.4),
    ("gumbel", &[0.6, 0.9], 0.6),
    ("exponential", &[1.7], 0.4),
    ("gamma", &[2.5, 1.5], 1.4),
    ("gamma", &[0.1, 0.5], 0.2),
    ("gamma", &[40.0, 20.0], 2.1),
    ("inverse_gamma", &[2.5, 1.5], 0.8),
    ("chi_squared", &[1.0], 0.7),
    ("chi_squared", &[4.5], 3.2),
    ("weibull", &[1.6, 2.1], 1.7),
    ("weibull", &[0.6, 0.4], 0.2),
    ("inverse_gaussian", &[1.6, 2.1], 1.2),
    ("inverse_gaussian", &[0.6, 0.4], 0.2),
    ("pareto", &[1.5, 2.5], 2.2),
    ("beta", &[2.5, 1.5], 0.6),
    ("beta", &[0.7, 0.8], 0.3),
    ("beta", &[1.0, 6.0], 0.2),
    ("uniform", &[-1.2, 3.3], 0.5),
    ("von_mises", &[0.5, 0.2], 0.7),
    ("von_mises", &[-2.9, 3.0], 2.4),
    ("von_mises", &[1.5, 40.0], 1.6),
];

#[test]
fn log_densities_agree_with_the_table() {
    for &(name, p, x, expected, size) in TABLE {
        let got = log_density(&make(name, p), x);
        let allowed = 8.0 * f64::EPSILON * size;
        assert!((got - expected).abs() <= allowed, "{name} {p:?} at {x}: {got}, not {expected} +- {allowed:e}");
    }
}

#[test]
fn a_student_t_of_endless_df_is_normal() {
    let (t, n) =
        (log_density(&make("student_t", &[1e300, 0.3, 1.2]), 2.0), log_density(&make("normal", &[0.3, 1.2]), 2.0));
    assert!((t - n).abs() < 8.0 * f64::EPSILON * n.abs(), "{t} {n}");
}

#[test]
fn densities_integrate_to_one() {
    for &(name, p, middle) in CASES {
        let nodes = cumulative(&make(name, p), middle);
        let (_, total) = nodes[nodes.len() - 1];
        // What the trapezoidal rule leaves with these nodes, and the mass beyond them.
        assert!((total - 1.0).abs() < 1e-9, "{name} {p:?} integrates to {total}");
    }
}

#[test]
fn draws_follow_the_density() {
    const NUM: usize = 20_000;
    for (k, &(name, p, middle)) in CASES.iter().enumerate() {
        let d = make(name, p);
        let mut draws = sample(&d, p, NUM, k as u64);
        draws.sort_by(f64::total_cmp);
        let nodes = cumulative(&d, middle);
        let n = NUM as f64;
        let mut distance = 0.0_f64;
        for (i, &x) in draws.iter().enumerate() {
            assert!(d.support().contains(x), "{name} {p:?} drew {x}");
            let f = interpolate(&nodes, x);
            distance = distance.max(f - i as f64 / n).max((i + 1) as f64 / n - f);
        }
        // Kolmogorov's law: a right sampler passes 2.2 once in 8000 tests; a shift of 0.02 in probability fails.
        assert!(distance * n.sqrt() < 2.2, "{name} {p:?}: distance {distance} from the distribution function");
    }
}

#[test]
fn gradients_agree_with_differences() {
    for &(name, p, middle) in CASES {
        let other = middle * if name == "beta" { 1.3 } else { 2.3 };
        for x in [middle + 0.017, other] {
            let at: Vec<f64> = [x].iter().chain(p).copied().collect();
            check_gradient(|x| make(name, &x[1..]).log_density(x[0]), &at);
        }
    }
    // Both branches of the functions that have branches, away from the join.
    for df in [1e-3, 50.0, 70.0, 1e4] {
        check_gradient(|x| student_t(x[1], 0.0, 1.0).log_density(x[0]), &[1.5, df]);
    }
    for concentration in [1e-3, 15.0, 25.0, 1e4] {
        check_gradient(|x| von_mises(0.0, x[1]).log_density(x[0]), &[0.03, concentration]);
    }
}

#[test]
fn gradients_stay_finite_far_out() {
    for (name, x, p) in [("cauchy", 1e150, vec![0.0, 1.0]), ("logistic", -900.0, vec![0.0, 1.0])] {
        let at: Vec<f64> = [x].into_iter().chain(p).collect();
        check_gradient(|x| make(name, &x[1..]).log_density(x[0]), &at);
    }
}

#[test]
fn extreme_draws_stay_in_the_support() {
    let cases: &[(&str, &[f64])] = &[
        ("half_normal", &[1e-320]),
        ("log_normal", &[0.0, 500.0]),
        ("student_t", &[0.01, 0.0, 1.0]),
        ("half_cauchy", &[1e300]),
        ("half_student_t", &[0.01, 1.0]),
        ("exponential", &[1e308]),
        ("gamma", &[1e-3, 1.0]),
        ("inverse_gamma", &[1e-3, 1.0]),
        ("chi_squared", &[1e-3]),
        ("weibull", &[1e-3, 1.0]),
        ("inverse_gaussian", &[1.0, 1e-3]),
        ("pareto", &[1.0, 1e-3]),
        ("beta", &[1e-3, 1e-3]),
        ("beta", &[1e5, 1e-3]),
        ("uniform", &[-1e308, 1e308]),
        ("von_mises", &[3.0, 1e-9]),
        ("von_mises", &[3.0, 1e-5]),
        ("von_mises", &[-3.1, 1e5]),
        ("von_mises", &[3.0, 1e300]),
    ];
    for &(name, p) in cases {
        let d = make(name, p);
        for x in sample(&d, p, 1000, 7) {
            assert!(d.support().contains(x), "{name} {p:?} drew {x}");
        }
    }
}

#[test]
fn von_mises_limits_have_the_right_spread() {
    // A small concentration: the mean cosine is k / 2; a large one: the variance is 1 / k.
    const NUM: usize = 40_000;
    let n = NUM as f64;
    let p = [0.0, 0.05];
    let cosine = sample(&make("von_mises", &p), &p, NUM, 1).iter().map(|x| x.cos()).sum::<f64>() / n;
    assert!((cosine - 0.025).abs() < 4.0 * (0.5 / n).sqrt(), "{cosine}");
    for k in [9e5, 2e6] {
        let p = [0.0, k];
        let square = sample(&make("von_mises", &p), &p, NUM, 2).iter().map(|x| k * x * x).sum::<f64>() / n;
        assert!((square - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), "{k}: {square}");
    }
}

#[test]
fn invalid_parameters_draw_nan() {
    for &(name, p, _) in CASES {
        let d = make(name, p);
        let last = p.len() - 1;
        for bad in [f64::NAN, f64::INFINITY, if name == "uniform" { -1.2 } else { 0.0 }] {
            let mut q = p.to_vec();
            q[last] = bad;
            assert!(sample(&d, &q, 1, 0)[0].is_nan(), "{name} {q:?}");
        }
        assert!(sample(&d, &[], 1, 0)[0].is_nan());
    }
}

#[test]
fn a_constant_out_of_range_is_an_error_of_the_recording() {
    let Err(error) = recording::record(|| _ = gamma(2.0, -1.0)) else { panic!("no error") };
    let text = error.to_string();
    assert!(text.contains("tests_continuous.rs") && text.contains("rate of gamma is -1"), "{text}");
    assert!(recording::record(|| _ = gamma(2.0, 1.0)).is_ok());
}

fn sample(d: &Scalar, parameters: &[f64], num: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || {
        let mut x = [0.0];
        d.sample(parameters, &mut rng, &mut x);
        x[0]
    };
    (0..num).map(|_| draw()).collect()
}

/// The distribution function at increasing nodes, by the trapezoidal rule after a double exponential
/// substitution (Takahasi and Mori, 1974), which an integrable pole or heavy tail does not disturb.
fn cumulative(d: &Scalar, middle: f64) -> Vec<(f64, f64)> {
    const HALF: i32 = 700;
    const STEP: f64 = 5.2 / HALF as f64;
    let steps = || (-HALF..=HALF).map(|k| f64::from(k) * STEP);
    let pi = std::f64::consts::PI;
    let half_line = |from: f64, sign: f64| {
        steps().map(move |t| {
            let y = (pi * t.sinh()).exp();
            (from + sign * y, y * pi * t.cosh())
        })
    };
    let interval = |low: f64, high: f64| {
        steps().map(move |t| {
            let (left, right) = ((pi * t.sinh()).exp(), (-pi * t.sinh()).exp());
            (low + (high - low) / (1.0 + right), (high - low) / ((1.0 + left) * (1.0 + right)) * pi * t.cosh())
        })
    };
    let constant = |r: Real| r.as_constant().expect("a constant bound");
    let mut nodes: Vec<(f64, f64)> = match d.support().interior() {
        Support::Real => half_line(middle, -1.0).chain(half_line(middle, 1.0)).collect(),
        Support::Positive => half_line(0.0, 1.0).collect(),
        Support::Above(low) => half_line(constant(low), 1.0).collect(),
        Support::Unit => interval(0.0, 1.0).collect(),
        Support::Interval(low, high) => interval(constant(low), constant(high)).collect(),
        Support::Circle => interval(-pi, middle).chain(interval(middle, pi)).collect(),
        other => panic!("{other}"),
    };
    nodes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut sum = 0.0;
    for (x, weight) in &mut nodes {
        // A node that was rounded onto the end of the support has no weight left.
        let mass = if *weight > 0.0 { STEP * *weight * log_density(d, *x).exp() } else { 0.0 };
        let mass = if mass.is_finite() { mass } else { 0.0 };
        (*weight, sum) = (sum + 0.5 * mass, sum + mass);
    }
    nodes.push((f64::INFINITY, sum));
    nodes
}

fn interpolate(nodes: &[(f64, f64)], x: f64) -> f64 {
    let k = nodes.partition_point(|n| n.0 <= x);
    if k == 0 {
        return 0.0;
    }
    let ((x0, f0), (x1, f1)) = (nodes[k - 1], nodes[k]);
    if x1.is_finite() { f0 + (f1 - f0) * (x - x0) / (x1 - x0) } else { f0 }
}
