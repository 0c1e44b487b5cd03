//! Score-function gradients: baselines, terms told apart, wider draws.

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticState, StochasticVi};
use jensen::estimate::*;
use jensen::family::{Bernoulli, Categorical, Family, MeanField, Product};
use jensen::model::RowSet;
use jensen::optimize::{Adam, Average};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{DensityError, LogDensity, Target};
use jensen::testing::laws::{self, Case};

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}

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

/// One real latent, one integer and, if `by_row`, an integer of each row; the bound is known in closed form.
struct Shifted {
    by_row: bool,
    values: u32,
}

const Y: [f64; 6] = [0.3, 1.4, -0.6, 2.2, 0.8, -1.1];

impl Model for Shifted {
    fn log_joint(&self, p: &LogJoint) {
        let z = p.real("z");
        let k = p.integer("k", 1..1 + self.values).to_real();
        p.add(-0.5 * (z - 0.4 * k).square() + 0.2 * k.square());
        let y = Column::new(Y);
        p.rows(Y.len(), |i| {
            let c = if self.by_row { i.integer("c", 0..2).to_real() } else { Real::from(0.0) };
            i.add(-0.5 * (y.at(i) - z - 0.5 * k - 1.2 * c).square() - 0.3 * c * y.at(i));
        });
    }
}

impl Shifted {
    /// The bound at `q(z) = N(m, s^2)`, `q(k)` and, in each row, `q(c = 1)`.
    fn bound(&self, (m, ln_sd): (f64, f64), q: &[f64], ones: &[f64]) -> f64 {
        let variance = (2.0 * ln_sd).exp();
        let entropy = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
        let mut total = ln_sd + 0.5 * (1.0 + (2.0 * std::f64::consts::PI).ln());
        for (v, &q) in q.iter().enumerate() {
            let k = v as f64 + 1.0;
            let mut own = -0.5 * ((m - 0.4 * k).powi(2) + variance) + 0.2 * k * k;
            for (y, &one) in Y.iter().zip(ones) {
                for (c, p) in [(0.0, 1.0 - one), (1.0, one)] {
                    own += p * (-0.5 * ((y - m - 0.5 * k - 1.2 * c).powi(2) + variance) - 0.3 * c * y);
                }
            }
            total += q * own + entropy(q);
        }
        total + ones.iter().map(|p| entropy(*p) + entropy(1.0 - p)).sum::<f64>()
    }

    /// The bound at the parameters of a mean field beside Bernoulli or categorical integers.
    fn bound_at(&self, params: &[f64]) -> f64 {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (real, rest) = params.split_at(2);
        let width = if self.values == 2 { 1 } else { self.values as usize };
        let (k, c) = rest.split_at(width);
        let q = match self.values {
            2 => vec![1.0 - sigmoid(k[0]), sigmoid(k[0])],
            _ => {
                let total: f64 = k.iter().map(|l| l.exp()).sum();
                k.iter().map(|l| l.exp() / total).collect()
            }
        };
        let ones: Vec<f64> = match (self.by_row, self.values) {
            (false, _) => vec![0.0; Y.len()],
            (true, 2) => c.iter().map(|l| sigmoid(*l)).collect(),
            (true, _) => c.chunks(2).map(|l| sigmoid(l[1] - l[0])).collect(),
        };
        self.bound((real[0], real[1]), &q, &ones)
    }
}

/// Derivative by central differences of fourth order, error about 1e-10 here.
fn derivative(params: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<(f64, f64)> {
    let at = |k: usize, h: f64| {
        let mut moved = params.to_vec();
        moved[k] += h;
        f(&moved)
    };
    let one = |k: usize, h: f64| (at(k, h) - at(k, -h)) / (2.0 * h);
    (0..params.len()).map(|k| ((4.0 * one(k, 1e-3) - one(k, 2e-3)) / 3.0, 0.0)).collect()
}

fn somewhere(n: usize) -> Vec<f64> {
    let mut params = vec![0.0; n];
    Streams::new(71).fill_uniform(1, &mut params);
    params.iter_mut().for_each(|p| *p = 2.0 * *p - 1.1);
    params
}

type Boxed<F> = Box<dyn GradientEstimator<Target, F>>;

struct Borrowed<'a, F: ?Sized>(&'a dyn GradientEstimator<Target, F>);

impl<F: ?Sized> GradientEstimator<Target, F> for Borrowed<'_, F> {
    fn estimate(
        &self,
        target: &Target,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        self.0.estimate(target, family, at, space, grad, grad_theta)
    }
}

/// Every estimator against the exact gradient, over all rows and over the parts of a partition of them.
fn check_mixed<F: Family>(model: &Shifted, target: &Target, family: &F, estimators: Vec<(&str, Boxed<F>)>) {
    ok(family.covers(target.layout()));
    let params = somewhere(family.num_params());
    let exact = derivative(&params, |p| model.bound_at(p));
    let shifted: Vec<(f64, f64)> = exact.iter().map(|(g, e)| (1.02 * g, *e)).collect();
    let parts = [[0, 3], [5, 1], [2, 4]].iter().map(|p| RowSet::minibatch(p.to_vec(), 6));
    let (all, parts) = (vec![RowSet::all()], parts.collect::<Vec<_>>());
    for (name, estimator) in estimators {
        for sets in [&all, &parts] {
            let mut mean = vec![(0.0, 0.0f64); params.len()];
            for (k, rows) in sets.iter().enumerate() {
                let streams = Streams::new(40 + k as u64);
                let case = Case { layout: target.layout(), params: &params, theta: &[], rows, streams, num_draws: 50 };
                let part = ok(laws::mean_gradient(&Borrowed(&*estimator), target, family, &case, 3000));
                let share = 1.0 / sets.len() as f64;
                mean.iter_mut().zip(part).for_each(|(m, p)| *m = (m.0 + share * p.0, m.1.hypot(share * p.1)));
            }
            let found = laws::is_unbiased(&mean, &exact, 4.5);
            found.unwrap_or_else(|e| panic!("{name} over {} sets of rows: {e}", sets.len()));
            assert!(laws::is_unbiased(&mean, &shifted, 4.5).is_err(), "{name} with a bias of 2 %");
        }
    }
}

#[test]
fn gradients_of_mixed_models_are_unbiased_also_under_minibatches() {
    let model = Shifted { by_row: true, values: 2 };
    let target = ok(Target::new(&model));
    let family = Product::new(MeanField::of_dimension(1), ok(Bernoulli::new(target.layout())));
    let stuck = Hybrid { real: RealGradient::StickingTheLanding, discrete: LocalExpectation };
    let estimators: Vec<(&str, Boxed<_>)> = vec![
        ("leave one out", Box::new(Hybrid::<LeaveOneOut>::default())),
        ("local expectation", Box::new(Hybrid::<LocalExpectation>::default())),
        ("local expectation, sticking", Box::new(stuck)),
        ("disarm", Box::new(Hybrid::<DisArm>::default())),
        ("rao-blackwell", Box::new(RaoBlackwell)),
        ("overdispersed", Box::new(Overdispersed { dispersion: 1.2 })),
    ];
    check_mixed(&model, &target, &family, estimators);
    let model = Shifted { by_row: false, values: 3 };
    let target = ok(Target::new(&model));
    let family = Product::new(MeanField::of_dimension(1), ok(Categorical::new(target.layout())));
    let estimators: Vec<(&str, Boxed<_>)> = vec![
        ("enumeration", Box::new(Hybrid::<Enumerate>::default())),
        ("local expectation", Box::new(Hybrid::<LocalExpectation>::default())),
        ("rao-blackwell", Box::new(RaoBlackwell)),
        ("overdispersed", Box::new(Overdispersed { dispersion: 1.5 })),
    ];
    check_mixed(&model, &target, &family, estimators);
}

#[test]
fn one_integer_in_each_row_is_enumerated_by_its_local_expectation() {
    struct Labels;
    impl Model for Labels {
        fn log_joint(&self, p: &LogJoint) {
            let y = Column::new(Y);
            p.rows(Y.len(), |i| {
                let c = i.integer("c", 0..3).to_real();
                i.add(-0.5 * (y.at(i) - 0.7 * c).square());
            });
        }
    }
    let target = ok(Target::new(&Labels));
    let family = ok(Categorical::new(target.layout()));
    let params = somewhere(18);
    let exact = derivative(&params, |params| {
        let mut total = 0.0;
        for (y, logits) in Y.iter().zip(params.chunks(3)) {
            let sum: f64 = logits.iter().map(|l| l.exp()).sum();
            for (c, l) in logits.iter().enumerate() {
                let q = l.exp() / sum;
                total += q * (-0.5 * (y - 0.7 * c as f64).powi(2) - q.ln());
            }
        }
        total
    });
    let mut grad = vec![0.0; 18];
    for part in [[0, 3], [5, 1], [2, 4]] {
        let rows = RowSet::minibatch(part.to_vec(), 6);
        let at = Point {
            params: &params,
            theta: &[],
            rows: &rows,
            streams: Streams::new(0),
            num_draws: 2,
            design: Design::Independent,
        };
        ok(LocalExpectation.estimate(&target, &family, &at, &mut Space::default(), &mut grad, &mut []));
    }
    for (g, e) in grad.iter().zip(exact) {
        assert!((g / 3.0 - e.0).abs() < 1e-9, "{g}, {e:?}");
    }
    let at = Point {
        params: &params,
        theta: &[],
        rows: &RowSet::all(),
        streams: Streams::new(0),
        num_draws: 2,
        design: Design::Independent,
    };
    let refused = Enumerate.estimate(&target, &family, &at, &mut Space::default(), &mut grad, &mut []);
    assert!(refused.expect_err("refused").to_string().contains("local expectation"));
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
    assert!(!saved.contains("\"memory\":[]"), "the baseline is remembered: {saved}");
    let mut resumed: StochasticState<_> = ok(serde_json::from_str(&saved));
    // What a state without its memory does: another number.
    let mut forgetful: StochasticState<_> = ok(serde_json::from_str(&saved.replace("\"memory\":[", "\"spare\":[")));
    for _ in 0..20 {
        let _ = (ok(vi.step(&mut state)), ok(vi.step(&mut resumed)), ok(vi.step(&mut forgetful)));
    }
    assert_eq!(state.params(), resumed.params());
    assert_ne!(state.params(), forgetful.params());
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
    let (params, mut space) = ([0.2, -0.3], Space::default());
    let (mut squares, mut counted) = (0.0, 0);
    for step in 0..4000u64 {
        let mut rows = [0; 2];
        Streams::new(6).at_step(step).permutation(6, &mut rows);
        let rows = RowSet::minibatch(rows.to_vec(), 6);
        let streams = Streams::new(7).at_step(step);
        let at = Point { params: &params, theta: &[], rows: &rows, streams, num_draws: 1, design: Design::Independent };
        let mut grad = [0.0; 2];
        ok(ScoreFunction { baseline }.estimate(&target, &family, &at, &mut space, &mut grad, &mut []));
        if step >= 1000 {
            squares += grad[0].powi(2);
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
        let mut space = Space::default();
        let all: Vec<f64> = (0..20_000)
            .map(|step| {
                let streams = Streams::new(3).at_step(step);
                let at =
                    Point { params: &params, theta: &[], rows: &rows, streams, num_draws, design: Design::Independent };
                let mut grad = [0.0; 2];
                ok(ScoreFunction { baseline }.estimate(&target, &family, &at, &mut space, &mut grad, &mut []));
                num_draws as f64 * (grad[0] - 2.0 * delta).powi(2)
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

fn allocations<F: Family, E: GradientEstimator<Target, F>>(
    model: &impl Model,
    make: impl Fn(&Target) -> F,
    estimator: E,
) -> u64 {
    let target = ok(Target::new(model));
    let family = make(&target);
    let params = somewhere(family.num_params());
    let (mut space, mut grad, rows) = (Space::default(), vec![0.0; params.len()], RowSet::all());
    let mut step = |step: u64| {
        let at = Point {
            params: &params,
            theta: &[],
            rows: &rows,
            streams: Streams::new(1).at_step(step),
            num_draws: 4,
            design: Design::Independent,
        };
        ok(estimator.estimate(&target, &family, &at, &mut space, &mut grad, &mut []));
    };
    (0..5).for_each(&mut step);
    allocation_counter::measure(|| (5..20).for_each(&mut step)).count_total
}

#[test]
fn no_step_allocates() {
    let chain = Chain { length: 4 };
    let field = |t: &Target| MeanField::new(t.layout());
    assert_eq!(allocations(&chain, field, ScoreFunction { baseline: Baseline::ControlVariate }), 0);
    assert_eq!(allocations(&chain, field, ScoreFunction { baseline: Baseline::Rows { rate: 0.2 } }), 0);
    assert_eq!(allocations(&chain, field, RaoBlackwell), 0);
    assert_eq!(allocations(&chain, field, Overdispersed::default()), 0);
    let mixed = Shifted { by_row: true, values: 2 };
    let both = |t: &Target| Product::new(MeanField::of_dimension(1), ok(Bernoulli::new(t.layout())));
    assert_eq!(allocations(&mixed, both, Hybrid::<LeaveOneOut>::default()), 0);
    assert_eq!(allocations(&mixed, both, Hybrid::<LocalExpectation>::default()), 0);
    assert_eq!(allocations(&mixed, both, Hybrid::<DisArm>::default()), 0);
    assert_eq!(allocations(&mixed, both, RaoBlackwell), 0);
    let few = Shifted { by_row: false, values: 3 };
    let both = |t: &Target| Product::new(MeanField::of_dimension(1), ok(Categorical::new(t.layout())));
    assert_eq!(allocations(&few, both, Hybrid::<Enumerate>::default()), 0);
}
