//! Draws of integers that avoid one another, and control variates from slopes: variances on W5, bounds of several draws.

use super::integers::{GRADIENT, ok};
use super::twenty::Twenty;
use jensen::estimate::*;
use jensen::family::BernoulliFactors;
use jensen::model::RowSet;
use jensen::objective::mean_and_standard_error;
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws;

type Any = Box<dyn AnyEstimator<Target, BernoulliFactors>>;

/// `times` gradients one after the other, and the evaluations of one.
fn gradients(
    estimator: &Any,
    target: &Target,
    family: &BernoulliFactors,
    params: &[f64],
    num_draws: usize,
    times: usize,
) -> (Vec<Vec<f64>>, usize) {
    let (mut space, mut state, rows) = (Space::default(), estimator.init(target, family), RowSet::all());
    let mut evaluations = 0;
    let mut one = |step: usize| {
        let streams = Streams::new(37).at_step(step as u64);
        let at = Point { params, theta: &[], rows: &rows, streams, num_draws, design: Design::Independent };
        evaluations = ok(estimator.estimate(&Task { target, family, at }, &mut state, &mut space)).evaluations;
        space.grad.clone()
    };
    ((0..times).map(&mut one).collect(), evaluations)
}

/// Mean and standard error of each number.
fn moments(all: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let column = |k: usize| all.iter().map(|g| g[k]).collect::<Vec<f64>>();
    (0..all[0].len()).map(|k| mean_and_standard_error(&column(k))).collect()
}

fn total_variance(all: &[Vec<f64>], mean: &[f64]) -> (f64, f64) {
    let squares: Vec<f64> = all.iter().map(|g| g.iter().zip(mean).map(|(g, m)| (g - m).powi(2)).sum()).collect();
    mean_and_standard_error(&squares)
}

/// Names, the variances of four evaluations at `phi_zero` and `phi_rand`, and the least bias that is seen.
///
/// The variances are of an independent NumPy program (40,000 estimates, a standard error of 1 %): leave-one-out 174.8 and
/// 129.7; strata 156.0 and 117.8, mixed with
/// independent draws 159.2 and 119.4; slopes with the best multiple 70 and 52, the squared function on top 66.5 and 50.4. A
/// multiple that is learned on the way costs some of it.
const FOUR: [(&str, [f64; 2]); 4] =
    [("arms", [156.0, 117.8]), ("carms", [159.2, 119.4]), ("double control", [70.0, 52.2]), ("rodeo", [66.5, 50.4])];

#[test]
fn four_evaluations_have_the_variances_of_an_independent_program() {
    let model = ok(Twenty::read());
    let target = ok(Target::new(&model));
    let family = ok(BernoulliFactors::new(target.layout()));
    for (at, phi) in [&model.phi_zero, &model.phi_rand].into_iter().enumerate() {
        let variance = |name: &str| {
            let estimator: Any = match name {
                "arms" => Box::new(Arms),
                "carms" => Box::new(Carms),
                "double control" => Box::new(DoubleControl),
                "rodeo" => Box::new(Rodeo),
                _ => Box::new(DisArm),
            };
            let draws = if name == "disarm" { 2 } else { 4 };
            let (all, evaluations) = gradients(&estimator, &target, &family, phi, draws, 8000);
            assert_eq!(evaluations, 4, "{name}");
            let measured = moments(&all);
            let exact = GRADIENT[at].map(|g| (g, 5e-7));
            ok(laws::is_unbiased(&measured, &exact, 4.5).map_err(|e| format!("{name}: {e}")));
            // The planted fault: two per cent of the gradient, seen along it as a whole.
            let length: f64 = GRADIENT[at].iter().map(|g| g * g).sum();
            let along: Vec<f64> =
                all.iter().map(|g| g.iter().zip(&GRADIENT[at]).map(|(g, t)| g * t / length).sum()).collect();
            let (mean, error) = mean_and_standard_error(&along);
            assert!((mean - 1.0).abs() < 4.5 * error, "{name}: {mean} {error}");
            total_variance(&all, &GRADIENT[at])
        };
        for (name, expected) in FOUR {
            let (found, error) = variance(name);
            assert!((found - expected[at]).abs() < 4.5 * error + 0.06 * expected[at], "{name}: {found} {error}");
        }
        let pair = variance("disarm");
        let arms = variance("arms");
        assert!(arms.0 + 3.0 * arms.1.hypot(pair.1) < pair.0, "{arms:?} {pair:?}");
    }
}

/// Three coupled integers of two values.
struct Three;

impl Three {
    fn log_p(b: [f64; 3]) -> f64 {
        0.9 * b[0] * b[1] - 1.3 * b[1] * b[2] + 0.4 * b[2] - 0.7 * b[0]
    }
}

impl Model for Three {
    fn log_joint(&self, p: &LogJoint) {
        let [a, b, c] = ["a", "b", "c"].map(|name| p.integer(name, 0..2).to_real());
        p.add(0.9 * a * b - 1.3 * b * c + 0.4 * c - 0.7 * a);
    }
}

/// The importance-weighted bound of two draws, summed over all 64 pairs of values.
fn bound_of_two(phi: &[f64]) -> f64 {
    let theta: Vec<f64> = phi.iter().map(|l| 1.0 / (1.0 + (-l).exp())).collect();
    let of = |number: usize| {
        let b: [f64; 3] = std::array::from_fn(|k| (number >> k & 1) as f64);
        let q: f64 = b.iter().zip(&theta).map(|(b, t)| if *b > 0.0 { *t } else { 1.0 - t }).product();
        (q, Three::log_p(b).exp() / q)
    };
    let pairs = (0..8).flat_map(|s| (0..8).map(move |t| (s, t)));
    pairs.map(|(s, t)| of(s).0 * of(t).0 * (0.5 * (of(s).1 + of(t).1)).ln()).sum()
}

#[test]
fn local_pairs_have_the_gradient_of_the_bound_of_two_draws() {
    let target = ok(Target::new(&Three));
    let family = ok(BernoulliFactors::new(target.layout()));
    let phi = [0.4, -0.6, 0.9];
    let exact: Vec<(f64, f64)> = (0..3)
        .map(|k| {
            let at = |h: f64| {
                let mut moved = phi;
                moved[k] += h;
                bound_of_two(&moved)
            };
            ((at(1e-4) - at(-1e-4)) / 2e-4, 1e-8)
        })
        .collect();
    let of = |estimator: Any| gradients(&estimator, &target, &family, &phi, 2, 40_000).0;
    let (local, vimco) = (of(Box::new(LocalDisArm)), of(Box::new(Vimco { particles: 2 })));
    ok(laws::is_unbiased(&moments(&local), &exact, 4.5));
    let shifted: Vec<(f64, f64)> = exact.iter().map(|(g, e)| (1.1 * g, *e)).collect();
    assert!(laws::is_unbiased(&moments(&local), &shifted, 4.5).is_err(), "a bias of a tenth is seen");
    // The ELBO has another gradient, so that the objective is told apart.
    let elbo = moments(&of(Box::new(DisArm)));
    assert!(laws::is_unbiased(&elbo, &exact, 4.5).is_err());
    // Dong, Mnih and Tucker 2020: below VIMCO for equal draws, here at twice the evaluations; half of VIMCO's is its due.
    let truth: Vec<f64> = exact.iter().map(|(g, _)| *g).collect();
    let (local, vimco) = (total_variance(&local, &truth), total_variance(&vimco, &truth));
    assert!(local.0 + 4.5 * local.1 < vimco.0, "{local:?} {vimco:?}");
}

/// Each latent's gradient has the same variance by both, by the law of what is drawn for it.
#[test]
fn indecater_is_local_expectation_with_others_of_its_own() {
    let model = ok(Twenty::read());
    let target = ok(Target::new(&model));
    let family = ok(BernoulliFactors::new(target.layout()));
    let of = |estimator: Any| gradients(&estimator, &target, &family, &model.phi_zero, 1, 6000);
    let ((own, own_price), (shared, price)) = (of(Box::new(IndeCateR)), of(Box::new(LocalExpectation)));
    assert_eq!((own_price, price), (40, 21));
    let (own, shared) = (total_variance(&own, &GRADIENT[0]), total_variance(&shared, &GRADIENT[0]));
    assert!((own.0 - shared.0).abs() < 4.5 * own.1.hypot(shared.1), "{own:?} {shared:?}");
    assert!(own.1 < 0.05 * own.0, "the check is too weak");
}
