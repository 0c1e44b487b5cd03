//! Laws of estimators.

use super::bell::*;
use super::cases::*;
use jensen::estimate::*;
use jensen::family::{Blockwise, CategoricalFactors, Family, FullRank, LowRank, MeanField, Product, StudentTNoise};
use jensen::model::{Layout, RowSet};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws::{self, Case};

#[test]
fn every_pathwise_gradient_is_the_derivative_of_its_value() {
    for_all(|target, family, case| {
        named(family, case, laws::gradient_is_derivative(&CLOSED, target, family, case));
        named(family, case, laws::gradient_is_derivative(&MONTE_CARLO, target, family, case));
    });
}

/// A family, the linear family that has its moments, and the variance of its noise.
fn unbiasedness_cases(layout: &Layout) -> Vec<(Boxed, Boxed, f64)> {
    let plain = |make: &dyn Fn() -> Boxed| (make(), make(), 1.0);
    let nu = 6.0;
    let block = || -> Boxed {
        let pair = Blockwise::new(layout).over(&["c", "a"], |g| FullRank::new(g.num_latents));
        Box::new(ok(pair.and_then(|b| b.over_rest(MeanField::new))))
    };
    vec![
        plain(&|| Box::new(MeanField::of_dimension(3))),
        plain(&|| Box::new(FullRank::new(3))),
        plain(&|| Box::new(LowRank::new(3, 1))),
        plain(&block),
        (Box::new(ok(StudentTNoise::new(FullRank::new(3), nu))), Box::new(FullRank::new(3)), nu / (nu - 2.0)),
    ]
}

#[test]
fn every_estimator_is_unbiased() {
    let bell = Bell::new(3);
    let target = bell.target();
    let rows = RowSet::all();
    for (family, linear, variance) in unbiasedness_cases(target.layout()) {
        let params = somewhere(&*family, 3);
        let exact = derivative(&params, |params| {
            let (mean, mut factor) = moments(&*linear, params, 3);
            factor.iter_mut().flatten().for_each(|f| *f *= variance.sqrt());
            bell.bound(&mean, &factor, family.entropy(params, &rows).unwrap())
        });
        let layout = target.layout();
        let case = Case { layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(8), num_draws: 4 };
        let check = |name: &str, measured: Result<Vec<(f64, f64)>, _>| {
            let result = laws::is_unbiased(&ok(measured), &exact, 4.5);
            result.unwrap_or_else(|e| panic!("{name} on {}: {e}", family.name()));
        };
        let (plain, baseline) = (Baseline::None, Baseline::LeaveOneOut);
        check("pathwise", laws::mean_gradient(&CLOSED, &target, &family, &case, 4000));
        check("monte carlo", laws::mean_gradient(&MONTE_CARLO, &target, &family, &case, 4000));
        check("sticking", laws::mean_gradient(&StickingTheLanding, &target, &family, &case, 4000));
        check("score", laws::mean_gradient(&ScoreFunction { baseline: plain }, &target, &family, &case, 4000));
        check("leave one out", laws::mean_gradient(&ScoreFunction { baseline }, &target, &family, &case, 4000));
    }
}

#[test]
fn minibatches_are_unbiased_for_latents_of_rows() {
    let target = ok(Target::new(&rows_model()));
    let layout = target.layout();
    for family in row_families(layout).into_iter().filter(|f| f.name() != "point mass" && !f.name().contains("point")) {
        let params = somewhere(&*family, 2);
        let all = RowSet::all();
        let streams = Streams::new(9);
        let case = Case { layout, params: &params, theta: &[], rows: &all, streams, num_draws: 4 };
        let reference = ok(laws::mean_gradient(&CLOSED, &target, &family, &case, 6000));
        // A partition of the rows: the mean over its parts is the mean over all minibatches of that size.
        let parts: Vec<RowSet> = [[1, 4], [6, 2], [3, 5]].iter().map(|p| RowSet::minibatch(p.to_vec(), 6)).collect();
        for name in ["pathwise", "monte carlo", "sticking", "leave one out"] {
            let mut mean = vec![(0.0, 0.0f64); params.len()];
            for (k, rows) in parts.iter().enumerate() {
                let case = Case { rows, streams: Streams::new(10 + k as u64), ..case };
                let part = ok(match name {
                    "pathwise" => laws::mean_gradient(&CLOSED, &target, &family, &case, 3000),
                    "monte carlo" => laws::mean_gradient(&MONTE_CARLO, &target, &family, &case, 3000),
                    "sticking" => laws::mean_gradient(&StickingTheLanding, &target, &family, &case, 3000),
                    _ => laws::mean_gradient(&ScoreFunction::default(), &target, &family, &case, 6000),
                });
                mean.iter_mut().zip(part).for_each(|(m, p)| *m = (m.0 + p.0 / 3.0, m.1.hypot(p.1 / 3.0)));
            }
            let result = laws::is_unbiased(&mean, &reference, 4.5);
            result.unwrap_or_else(|e| panic!("{name} on {}: {e}", family.name()));
        }
    }
}

/// An integer that shifts a real latent.
struct Switch;

const CENTRES: [f64; 3] = [-1.0, 0.5, 2.0];
const HEIGHTS: [f64; 3] = [0.2, -0.3, 0.7];

impl Model for Switch {
    fn log_joint(&self, p: &LogJoint) {
        let k = p.integer("k", 2..5);
        let z = p.real("z");
        let (centres, heights) = (Vector::constant(&CENTRES), Vector::constant(&HEIGHTS));
        p.add(heights.at(k - 2) - 0.5 * (z - centres.at(k - 2)).square());
    }
}

#[test]
fn hybrid_gradients_are_unbiased_and_beat_the_score_function() {
    let target = ok(Target::new(&Switch));
    let layout = target.layout();
    let family = Product::new(MeanField::of_dimension(1), ok(CategoricalFactors::new(layout)));
    ok(family.covers(layout));
    let params = [0.3, -0.4, 0.5, -0.2, 0.1];
    let rows = RowSet::all();
    let exact = derivative(&params, |params| {
        let (real, logits) = params.split_at(2);
        let total: f64 = logits.iter().map(|l| l.exp()).sum();
        let q = |k: usize| logits[k].exp() / total;
        let square = |k: usize| (real[0] - CENTRES[k]).powi(2) + (2.0 * real[1]).exp();
        let mean: f64 = (0..3).map(|k| q(k) * (HEIGHTS[k] - 0.5 * square(k) - q(k).ln())).sum();
        mean + real[1]
    });
    let case = Case { layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(12), num_draws: 4 };
    named(&family, &case, laws::score_is_derivative(&family, &case));
    named(&family, &case, laws::entropy_gradient_is_derivative(&family, &case));
    let many = Case { num_draws: 20_000, ..case };
    named(&family, &many, laws::score_has_mean_zero(&family, &many, 4.5));
    named(&family, &many, laws::entropy_is_mean(&family, &many, 4.5));
    let score = ok(laws::mean_gradient(&ScoreFunction::default(), &target, &family, &case, 8000));
    let path = ok(laws::mean_gradient(
        &Hybrid { real: RealGradient::Pathwise, discrete: LeaveOneOut },
        &target,
        &family,
        &case,
        8000,
    ));
    let stuck = ok(laws::mean_gradient(
        &Hybrid { real: RealGradient::StickingTheLanding, discrete: LeaveOneOut },
        &target,
        &family,
        &case,
        8000,
    ));
    for measured in [&score, &path, &stuck] {
        ok(laws::is_unbiased(measured, &exact, 4.5));
    }
    // Standard errors of the mean's gradient: the hybrid one is that of a pathwise gradient.
    assert!(path[0].1 < 0.7 * score[0].1, "{} against {}", path[0].1, score[0].1);
}

#[test]
fn categorical_probabilities_sum_to_one_and_rows_obey_the_laws() {
    struct Labels {
        x: Column,
    }
    impl Model for Labels {
        fn log_joint(&self, p: &LogJoint) {
            p.integer("group", 0..4);
            p.integer("sign", 1..3);
            p.rows(self.x.len(), |i| {
                let k = i.integer("k", 0..3);
                i.add(k.to_real() * self.x.at(i));
            });
        }
    }
    let target = ok(Target::new(&Labels { x: Column::new([0.5, -0.2, 0.1, 1.0]) }));
    let layout = target.layout();
    let family = ok(CategoricalFactors::new(layout));
    ok(family.covers(layout));
    let params = somewhere(&family, 0);
    let empty = RowSet { subset: Some(vec![]), ..RowSet::all() };
    let some = RowSet::minibatch(vec![3, 1], 4);
    let case = Case { layout, params: &params, theta: &[], rows: &empty, streams: Streams::new(4), num_draws: 3 };
    let without_rows = Layout { num_row_integers: 0, num_rows: 0, ..layout.clone() };
    let own = ok(CategoricalFactors::new(&Layout {
        sites: layout.sites.iter().filter(|s| s.name != "k").cloned().collect(),
        ..without_rows.clone()
    }));
    let own_params = &params[..own.num_params()];
    ok(laws::sums_to_one(&own, &Case { layout: &without_rows, params: own_params, ..case }));
    let case = Case { rows: &some, ..case };
    ok(laws::score_is_derivative(&family, &case));
    ok(laws::entropy_gradient_is_derivative(&family, &case));
    let many = Case { num_draws: 20_000, ..case };
    ok(laws::score_has_mean_zero(&family, &many, 4.5));
    ok(laws::entropy_is_mean(&family, &many, 4.5));
}

#[test]
fn sticking_the_landing_has_no_variance_at_the_posterior() {
    let rows = RowSet::all();
    let families: Vec<Boxed> =
        vec![Box::new(MeanField::of_dimension(3)), Box::new(FullRank::new(3)), Box::new(LowRank::new(3, 1))];
    for family in families {
        let params = somewhere(&*family, 3);
        let (mean, factor) = moments(&*family, &params, 3);
        let covariance =
            nalgebra::DMatrix::from_fn(3, 3, |i, j| factor.iter().map(|column| column[i] * column[j]).sum());
        let bell = Bell::of(mean, covariance);
        let target = bell.target();
        let layout = target.layout();
        let case = Case { layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(2), num_draws: 50 };
        named(&*family, &case, laws::vanishes_at_truth(&target, &family, &case, 1e-12));
    }
}
