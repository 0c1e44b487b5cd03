//! Score-function gradients: baselines, terms told apart, wider draws.

use super::integers::ok;
use super::steps::allocations;
use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticState, StochasticVi};
use jensen::estimate::*;
use jensen::family::{Family, MeanField};
use jensen::model::RowSet;
use jensen::optimize::{Adam, Average};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws::{self, Case};

/// `z_0 ~ N(0, 1)`, `z_i ~ N(0.5 z_(i-1), 1)`.
struct Chain {
    length: usize,
}

impl Model for Chain {
    fn log_joint(&self, p: &LogJoint) {
        let z = p.reals("z", self.length);
        p.add(-0.5 * z.at(0).square());
        for i in 1..self.length {
            p.add(-0.5 * (z.at(i) - 0.5 * z.at(i - 1)).square());
        }
    }
}

/// The exact gradient of the chain's bound in `[mean; ln sd]`: the precision matrix is tridiagonal.
fn chain_gradient(length: usize, params: &[f64]) -> Vec<f64> {
    let (mean, ln_sd) = params.split_at(length);
    let precision = |i: usize| if i + 1 == length { 1.0 } else { 1.25 };
    let near = |i: usize| {
        let before = if i > 0 { mean[i - 1] } else { 0.0 };
        before + mean.get(i + 1).copied().unwrap_or(0.0)
    };
    let of_mean = (0..length).map(|i| -precision(i) * mean[i] + 0.5 * near(i));
    let of_ln_sd = (0..length).map(|i| 1.0 - precision(i) * (2.0 * ln_sd[i]).exp());
    of_mean.chain(of_ln_sd).collect()
}

/// Mean and mean variance of each coordinate's gradient.
fn moments<E: GradientEstimator<Target, MeanField>>(
    estimator: &E,
    length: usize,
    steps: usize,
) -> (Vec<(f64, f64)>, f64) {
    let target = ok(Target::new(&Chain { length }));
    let family = MeanField::new(target.layout());
    let params: Vec<f64> = (0..2 * length).map(|k| 0.4 * (k as f64).sin() - 0.1).collect();
    let rows = RowSet::all();
    let streams = Streams::new(2);
    let case = Case { layout: target.layout(), params: &params, theta: &[], rows: &rows, streams, num_draws: 8 };
    let measured = ok(laws::mean_gradient(estimator, &target, &family, &case, steps));
    let exact: Vec<(f64, f64)> = chain_gradient(length, &params).iter().map(|g| (*g, 0.0)).collect();
    ok(laws::is_unbiased(&measured, &exact, 4.5));
    let variance = measured.iter().map(|m| m.1 * m.1 * steps as f64).sum::<f64>() / measured.len() as f64;
    (measured, variance)
}

#[test]
fn a_chain_does_not_make_the_rao_blackwellised_gradient_noisier() {
    let (short, long) = (moments(&RaoBlackwell, 6, 2000).1, moments(&RaoBlackwell, 60, 2000).1);
    assert!(long < 1.15 * short, "{short} for 6 latents, {long} for 60");
    let (short, long) = (moments(&ScoreFunction::default(), 6, 2000).1, moments(&ScoreFunction::default(), 60, 2000).1);
    assert!(long > 5.0 * short, "without it the variance grows with the chain: {short}, {long}");
}

/// Steps of a fit of the chain.
fn chain_fit<'a, E>(
    target: &'a Target,
    family: &'a MeanField,
    estimator: E,
    num_draws: usize,
) -> StochasticVi<'a, Target, MeanField, E, Adam> {
    StochasticVi {
        target,
        family,
        estimator,
        optimizer: Adam::default(),
        average: Average::default(),
        num_draws,
        design: Design::Independent,
        minibatch: Minibatch::Full,
        start: Solution { params: family.init(&[1.0; 5], 0.7), theta: vec![] },
        streams: Streams::new(9),
    }
}

#[test]
fn a_fit_resumed_from_its_saved_state_is_the_same_to_the_bit() {
    let target = ok(Target::new(&Chain { length: 5 }));
    let family = MeanField::new(target.layout());
    let estimator = ScoreFunction { baseline: Baseline::MovingAverage { decay: 0.9 } };
    let vi = chain_fit(&target, &family, estimator, 1);
    let mut state = ok(vi.init());
    for _ in 0..20 {
        ok(vi.step(&mut state));
    }
    let saved = ok(serde_json::to_string(&state));
    let mut resumed: StochasticState<_, _> = ok(serde_json::from_str(&saved));
    // What a state without its baseline does: another number.
    let mut without: serde_json::Value = ok(serde_json::from_str(&saved));
    let learned = without["estimator"]["learned"].take();
    assert_eq!(learned.as_array().map(Vec::len), Some(1), "the baseline is remembered: {saved}");
    without["estimator"]["learned"] = serde_json::json!([]);
    let mut forgetful: StochasticState<_, _> = ok(serde_json::from_value(without));
    for _ in 0..20 {
        let _ = (ok(vi.step(&mut state)), ok(vi.step(&mut resumed)), ok(vi.step(&mut forgetful)));
    }
    assert_eq!(state.params(), resumed.params());
    assert_ne!(state.params(), forgetful.params());
}

#[test]
fn a_state_of_another_family_is_refused() {
    let (target, other) = (ok(Target::new(&Chain { length: 5 })), ok(Target::new(&Chain { length: 4 })));
    let (family, smaller) = (MeanField::new(target.layout()), MeanField::new(other.layout()));
    let vi = StochasticVi::new(&target, &family);
    let mut state = ok(StochasticVi::new(&other, &smaller).init());
    let error = vi.step(&mut state).unwrap_err().to_string();
    assert!(error.contains("the state belongs to another model"), "{error}");
    // The same with a number of the optimiser's cut off.
    let saved = ok(serde_json::to_string(&ok(vi.init())));
    let cut = saved.replacen("\"first\":[0.0,", "\"first\":[", 1);
    assert_ne!(saved, cut);
    let mut state: StochasticState<_, _> = ok(serde_json::from_str(&cut));
    assert!(vi.step(&mut state).unwrap_err().to_string().contains("is damaged"));
    let mut whole: StochasticState<_, _> = ok(serde_json::from_str(&saved));
    ok(vi.step(&mut whole));
}

/// Total variance of the gradient with a baseline on minibatches of rows whose terms differ much in size.
fn variance_on_rows(baseline: Baseline) -> f64 {
    struct Uneven;
    impl Model for Uneven {
        fn log_joint(&self, p: &LogJoint) {
            let z = p.draw("z", normal(0.0, 1.0));
            let y = Column::new([0.0, -90.0, 60.0, 10.0, -20.0, 40.0]);
            p.rows(6, |i| i.add(y.at(i) - 0.1 * (z - 1.0).square()));
        }
    }
    let target = ok(Target::new(&Uneven));
    let family = MeanField::new(target.layout());
    let (params, mut space, estimator) = ([0.2, -0.3], Space::default(), ScoreFunction { baseline });
    let mut state = estimator.init(&target, &family);
    let (mut squares, mut counted) = (0.0, 0);
    for step in 0..4000u64 {
        let mut rows = [0; 2];
        Streams::new(6).at_step(step).permutation(6, &mut rows);
        let rows = RowSet::minibatch(rows.to_vec(), 6);
        let streams = Streams::new(7).at_step(step);
        let at = Point { params: &params, theta: &[], rows: &rows, streams, num_draws: 1, design: Design::Independent };
        ok(estimator.estimate(&Task { target: &target, family: &family, at }, &mut state, &mut space));
        if step >= 1000 {
            squares += space.grad[0].powi(2);
            counted += 1;
        }
    }
    squares / f64::from(counted)
}

#[test]
fn a_learned_baseline_takes_off_what_it_sees() {
    let none = variance_on_rows(Baseline::None);
    let moving = variance_on_rows(Baseline::MovingAverage { decay: 0.95 });
    let rows = variance_on_rows(Baseline::Rows { rate: 0.3 });
    assert!(rows < 0.01 * moving && rows < 0.01 * none, "{none} without, {moving} moving, {rows} by rows");
}

#[test]
fn the_scaled_score_takes_off_more_than_one_number_for_all() {
    // Toy A: q = N(mu, sigma^2) and signal (x - k)^2 - 0 log q, with the variances of the closed forms.
    struct Square;
    impl Model for Square {
        fn log_joint(&self, p: &LogJoint) {
            let x = p.real("x");
            // log q at mean 0.3, sd 1 added, so that the signal is the square alone.
            let ln_sqrt_2_pi = 0.5 * (2.0 * std::f64::consts::PI).ln();
            p.add((x + 1.2).square() - 0.5 * (x - 0.3).square() - ln_sqrt_2_pi);
        }
    }
    let target = ok(Target::new(&Square));
    let family = MeanField::new(target.layout());
    let (params, rows, delta) = ([0.3, 0.0], RowSet::all(), 1.5f64);
    let variance = |baseline: Baseline, num_draws: usize| {
        let (mut space, estimator) = (Space::default(), ScoreFunction { baseline });
        let mut state = estimator.init(&target, &family);
        let all: Vec<f64> = (0..20_000)
            .map(|step| {
                let streams = Streams::new(3).at_step(step);
                let at =
                    Point { params: &params, theta: &[], rows: &rows, streams, num_draws, design: Design::Independent };
                ok(estimator.estimate(&Task { target: &target, family: &family, at }, &mut state, &mut space));
                num_draws as f64 * (space.grad[0] - 2.0 * delta).powi(2)
            })
            .collect();
        jensen::objective::mean_and_standard_error(&all)
    };
    // Per draw at sigma = 1: delta^4 + 14 delta^2 + 15 plain, 8 delta^2 + 6 with the best coefficient.
    let (plain, error) = variance(Baseline::None, 1);
    assert!((plain - (delta.powi(4) + 14.0 * delta.powi(2) + 15.0)).abs() < 4.5 * error, "{plain} +- {error}");
    let (best, error) = variance(Baseline::ControlVariate, 400);
    let exact = 8.0 * delta.powi(2) + 6.0;
    // With 400 draws the coefficient's own noise adds less than two parts in a hundred.
    assert!((best - exact).abs() < 4.5 * error + 0.02 * exact, "{best} +- {error}, {exact}");
    let (loo, _) = variance(Baseline::LeaveOneOut, 400);
    assert!(loo > best + 0.5 * 4.0, "baseline E f leaves 8 delta^2 + 10: {loo}, {best}");
}

#[test]
fn no_step_allocates() {
    let chain = Chain { length: 4 };
    let field = |t: &Target| MeanField::new(t.layout());
    assert_eq!(allocations(&chain, field, ScoreFunction { baseline: Baseline::ControlVariate }), 0);
    assert_eq!(allocations(&chain, field, ScoreFunction { baseline: Baseline::Rows { rate: 0.2 } }), 0);
    assert_eq!(allocations(&chain, field, RaoBlackwell), 0);
    assert_eq!(allocations(&chain, field, Overdispersed::default()), 0);
}
