//! Gradients of models with real latents and integers, of rows and outside of them.

use super::integers::ok;
use super::steps::{allocations, first_step, somewhere};
use jensen::estimate::*;
use jensen::family::{BernoulliFactors, CategoricalFactors, Family, MeanField, Product};
use jensen::model::RowSet;
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws::{self, Case};

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

type Any<F> = Box<dyn AnyEstimator<Target, F>>;

/// Every estimator against the exact gradient, over all rows and over the parts of a partition of them.
fn check_mixed<F: Family>(model: &Shifted, target: &Target, family: &F, estimators: Vec<(&str, Any<F>)>) {
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
                let part = ok(laws::mean_gradient(&estimator, target, family, &case, 3000));
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
    let family = Product::new(MeanField::of_dimension(1), ok(BernoulliFactors::new(target.layout())));
    let stuck = Hybrid { real: RealGradient::StickingTheLanding, discrete: LocalExpectation };
    let estimators: Vec<(&str, Any<_>)> = vec![
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
    let family = Product::new(MeanField::of_dimension(1), ok(CategoricalFactors::new(target.layout())));
    let estimators: Vec<(&str, Any<_>)> = vec![
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
    let family = ok(CategoricalFactors::new(target.layout()));
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
    let mut grad = [0.0; 18];
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
        let (_, space) = ok(first_step(&LocalExpectation, &Task { target: &target, family: &family, at }));
        grad.iter_mut().zip(&space.grad).for_each(|(sum, g)| *sum += g);
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
    let refused = first_step(&Enumerate, &Task { target: &target, family: &family, at });
    assert!(refused.expect_err("refused").to_string().contains("local expectation"));
}

#[test]
fn no_step_of_a_mixed_model_allocates() {
    let mixed = Shifted { by_row: true, values: 2 };
    let both = |t: &Target| Product::new(MeanField::of_dimension(1), ok(BernoulliFactors::new(t.layout())));
    assert_eq!(allocations(&mixed, both, Hybrid::<LeaveOneOut>::default()), 0);
    assert_eq!(allocations(&mixed, both, Hybrid::<LocalExpectation>::default()), 0);
    assert_eq!(allocations(&mixed, both, Hybrid::<DisArm>::default()), 0);
    assert_eq!(allocations(&mixed, both, RaoBlackwell), 0);
    let few = Shifted { by_row: false, values: 3 };
    let both = |t: &Target| Product::new(MeanField::of_dimension(1), ok(CategoricalFactors::new(t.layout())));
    assert_eq!(allocations(&few, both, Hybrid::<Enumerate>::default()), 0);
}
