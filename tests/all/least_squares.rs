//! Least-squares natural gradients: the optimum of a logistic regression and of integers from values alone.

use super::algorithms::{breast_cancer, exact_bound};
use super::estimate::Twenty;
use jensen::algorithm::{Algorithm, LeastSquares};
use jensen::estimate::{Design, Enumerate, GradientEstimator, Point, Space, Task};
use jensen::family::{BernoulliFactors, CategoricalFactors, Family, FullRank, MeanField};
use jensen::fit::MaxSteps;
use jensen::model::RowSet;
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use nalgebra::DVector;

/// W8: within 0.1 nat of the full-rank optimum, -55.46514, in 50,000 values.
#[test]
fn a_logistic_regression_is_fitted_from_values_alone() {
    let model = breast_cancer();
    let target = Target::new(&model).unwrap();
    let family = FullRank::new(target.layout().num_latents);
    let num_draws = LeastSquares::<Target, _>::draws_for(&family);
    for seed in 0..2 {
        let start = family.init(&vec![0.0; family.dimension()], 0.1);
        let fit = LeastSquares { target: &target, family: &family, num_draws, start, streams: Streams::new(seed) };
        let mut state = fit.init().unwrap();
        let mut evaluations = 0;
        let mut count = |step: &jensen::algorithm::Step| -> std::ops::ControlFlow<()> {
            evaluations += step.evaluations;
            std::ops::ControlFlow::Continue(())
        };
        let steps = 50_000 / num_draws as u64;
        let _ = jensen::fit::run(&fit, &mut state, &mut MaxSteps(steps), &mut count).unwrap();
        let params = fit.output(&state).params;
        let factor = family.factor(&params);
        let mean = DVector::from_column_slice(&params[..family.dimension()]);
        let gap = -55.46514 - exact_bound(&model, &mean, &(&factor * factor.transpose()));
        assert!((-1e-4..0.1).contains(&gap) && evaluations <= 50_000, "seed {seed}: {gap} after {evaluations}");
    }
}

/// At the end the exact gradient over all 2^20 states is next to nothing: that of the start has a length of 4.8.
#[test]
fn twenty_integers_are_fitted_from_values_alone() {
    let model = Twenty::read().unwrap();
    let target = Target::new(&model).unwrap();
    let family = BernoulliFactors::new(target.layout()).unwrap();
    let fit = LeastSquares {
        target: &target,
        family: &family,
        num_draws: 400,
        start: model.phi_zero.clone(),
        streams: Streams::new(2),
    };
    let mut state = fit.init().unwrap();
    (0..60).for_each(|_| _ = fit.step(&mut state).unwrap());
    let length = |params: &[f64]| {
        let (rows, mut space) = (RowSet::all(), Space::default());
        let at = Point {
            params,
            theta: &[],
            rows: &rows,
            streams: Streams::new(0),
            num_draws: 1,
            design: Design::Independent,
        };
        let mut state = GradientEstimator::<Target, BernoulliFactors>::init(&Enumerate, &target, &family);
        Enumerate.estimate(&Task { target: &target, family: &family, at }, &mut state, &mut space).unwrap();
        space.grad.iter().map(|g| g * g).sum::<f64>().sqrt()
    };
    let (before, after) = (length(&model.phi_zero), length(&fit.output(&state).params));
    assert!(before > 4.0 && after < 0.1, "{before} {after}");
}

struct Written<F>(F);

impl<F: Fn(&LogJoint) + Sync> Model for Written<F> {
    fn log_joint(&self, p: &LogJoint) {
        (self.0)(p);
    }
}

/// A posterior that the family holds has no noise left: two steps are exact but for the first shares of one half.
#[test]
fn what_the_family_holds_is_found_to_rounding() {
    let model = Written(|p: &LogJoint| {
        p.draw("a", normal(1.5, 0.5));
        p.draw("b", normal(-2.0, 3.0));
    });
    let target = Target::new(&model).unwrap();
    let family = MeanField::new(target.layout());
    let start = family.init(&[0.0, 0.0], 1.0);
    let fit = LeastSquares { target: &target, family: &family, num_draws: 64, start, streams: Streams::new(0) };
    let mut state = fit.init().unwrap();
    // What is left falls by 1 - 2 / (t + 2) a step: 12 / (t^2).
    (0..400).for_each(|_| _ = fit.step(&mut state).unwrap());
    let found = fit.output(&state).params;
    let expected = [1.5, -2.0, 0.5f64.ln(), 3f64.ln()];
    assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-3), "{found:?}");

    let model = Written(|p: &LogJoint| {
        p.draw_integer("k", categorical(Vector::constant(&[0.2, 0.5, 0.3])));
        p.draw_integer("l", bernoulli(0.9));
    });
    let target = Target::new(&model).unwrap();
    let family = CategoricalFactors::new(target.layout()).unwrap();
    let start = vec![0.0; family.num_params()];
    let fit = LeastSquares { target: &target, family: &family, num_draws: 200, start, streams: Streams::new(0) };
    let mut state = fit.init().unwrap();
    (0..400).for_each(|_| _ = fit.step(&mut state).unwrap());
    let logits = fit.output(&state).params;
    let expected = [2.5f64.ln(), 1.5f64.ln(), 9f64.ln()];
    let found = [logits[1] - logits[0], logits[2] - logits[0], logits[4] - logits[3]];
    assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-3), "{found:?}");
}

#[test]
fn what_cannot_be_fitted_is_said() {
    let rows = Written(|p: &LogJoint| p.rows(3, |i| _ = i.draw("own", normal(0.0, 1.0))));
    let target = Target::new(&rows).unwrap();
    let family = MeanField::new(target.layout());
    let start = family.init(&[], 1.0);
    let fit = LeastSquares { target: &target, family: &family, num_draws: 64, start, streams: Streams::new(0) };
    assert!(fit.init().unwrap_err().to_string().contains("latents outside of rows"));
    let nothing = Written(|p: &LogJoint| {
        let x = p.draw("x", normal(0.0, 1.0));
        p.add((-1.0 - x.square()).ln());
    });
    let target = Target::new(&nothing).unwrap();
    let family = MeanField::new(target.layout());
    let start = family.init(&[0.0], 1.0);
    let few = LeastSquares { target: &target, family: &family, num_draws: 3, start, streams: Streams::new(0) };
    assert!(few.init().unwrap_err().to_string().contains("take 64"));
    let fit = LeastSquares { num_draws: 64, start: few.start.clone(), ..few };
    let mut state = fit.init().unwrap();
    let error = (0..100).find_map(|_| fit.step(&mut state).err()).expect("refused");
    assert!(error.to_string().contains("no regression of 20 steps could be followed"), "{error}");
}
