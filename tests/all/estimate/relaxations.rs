//! Relaxed integers: the density at corners and between, its refusals, and the estimators built on it.

use super::integers::{Toy, ok};
use super::steps::first_step;
use jensen::estimate::*;
use jensen::family::{BernoulliFactors, CategoricalFactors, Discrete, Family, MeanField, Product};
use jensen::model::{Draws, Layout, RowSet, SiteKind};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{Differentiable, LogDensity, Pass, Target};
use jensen::testing::laws::{self, Case};

/// Every use of an integer that has a relaxation.
struct Uses;

impl Model for Uses {
    fn log_joint(&self, p: &LogJoint) {
        let z = p.draw("z", normal(0.0, 1.0));
        let k = p.draw_integer("k", categorical(Vector::constant(&[0.2, 0.5, 0.3])));
        let b = p.draw_integer("b", bernoulli(0.3));
        let change = p.integer("change", 2..6);
        let table = Vector::new(&[z, 0.5 * z, z.square(), Real::from(0.3), z + 1.0]);
        // Arithmetic, an index with a shift, comparisons with constants, with each other's conditions, and with data.
        p.add(b.to_real() * z + 0.1 * k.to_real().square());
        p.add(table.at(k + 1));
        p.add(k.equal_to(2).and(b.equal_to(1)).select(z, -z));
        p.add(k.less_than(2).or(b.equal_to(0)).select(0.4, 0.1 * z));
        p.add((k.to_real() * 0.5).floor() * 0.7);
        p.add(k.less_than(0).select(f64::NEG_INFINITY, 0.2));
        let (x, group) = (Column::new([0.3, -0.2, 1.0, 0.8, -1.4, 0.1]), IntColumn::new([0, 1, 1, 0, 1, 0]));
        p.rows(6, |i| {
            let late = change.at_most(i.number());
            i.observe(x.at(i), normal(late.select(z, 0.5 * z), 1.0));
            let own = i.draw_integer("own", categorical(Vector::constant(&[0.1, 0.6, 0.3])));
            i.observe(x.at(i), normal(table.at(own) + 0.2 * own.to_real(), 1.0));
            i.add(own.equal_to(group.at(i)).select(0.3 * z, -0.1));
            i.add(table.at(own + group.at(i)) * 0.1);
        });
    }
}

/// Random draws within the ranges, and the weights at their corners.
fn at_corners(target: &Target, relaxed: &dyn Differentiable, num_draws: usize) -> (Draws, Draws) {
    let layout = target.layout();
    let num_rows = layout.num_rows;
    let mut hard = Draws::zeros(layout, num_rows, num_draws);
    let mut soft = Draws::zeros(relaxed.layout(), num_rows, num_draws);
    Streams::new(3).fill_normal(num_draws, &mut hard.latents);
    soft.latents[..hard.latents.len()].copy_from_slice(&hard.latents);
    let mut uniforms = vec![0.0; (layout.num_integers + layout.num_row_integers * num_rows) * num_draws];
    Streams::new(4).fill_uniform(num_draws, &mut uniforms);
    let mut next = uniforms.into_iter();
    for (kind, rows) in [(SiteKind::Integer, 1), (SiteKind::RowInteger, num_rows)] {
        let mut first = if kind == SiteKind::Integer { layout.num_latents } else { layout.num_row_latents };
        for site in layout.sites_of(kind) {
            let (low, high) = site.range.expect("a range");
            let n = (high - low + 1) as usize;
            for (place, d) in (0..rows).flat_map(|r| (0..num_draws).map(move |d| (r, d))) {
                let k = (next.next().expect("enough") * n as f64) as usize;
                let integers = if kind == SiteKind::Integer { &mut hard.integers } else { &mut hard.row_integers };
                integers[(site.offset * rows + place) * num_draws + d] = low + k as u32;
                let weights = if kind == SiteKind::Integer { &mut soft.latents } else { &mut soft.row_latents };
                weights[((first + k) * rows + place) * num_draws + d] = 1.0;
            }
            first += n;
        }
    }
    (hard, soft)
}

#[test]
fn a_relaxed_density_is_the_density_at_corners() {
    let target = ok(Target::new(&Uses));
    let relaxed = ok(target.relaxed());
    let (hard, soft) = at_corners(&target, relaxed, 300);
    let (mut exact, mut found) = (Pass::default(), Pass::default());
    ok(target.log_density(&[], &hard, &RowSet::all(), &mut exact));
    let mut grad = Draws::default();
    ok(relaxed.log_density_and_gradient(&[], &soft, &RowSet::all(), &mut found, &mut grad, &mut []));
    for (d, (a, b)) in exact.log_density.iter().zip(&found.log_density).enumerate() {
        // Sums of some fifty terms of order ten.
        assert!((a - b).abs() < 1e-12 * (10.0 + a.abs()), "draw {d}: {a} and {b}");
    }
    assert!(grad.latents.iter().chain(&grad.row_latents).all(|g| g.is_finite()));
    // Some rows alone, with a weight.
    let rows = RowSet::minibatch(vec![4, 1], 6);
    let cut = |z: &Draws| Draws {
        num_rows: 2,
        row_integers: rows_of(&z.row_integers, 300),
        row_latents: rows_of(&z.row_latents, 300),
        ..z.clone()
    };
    ok(target.log_density(&[], &cut(&hard), &rows, &mut exact));
    ok(relaxed.log_density(&[], &cut(&soft), &rows, &mut found));
    for (a, b) in exact.log_density.iter().zip(&found.log_density) {
        assert!((a - b).abs() < 1e-12 * (10.0 + a.abs()), "{a} and {b}");
    }
}

/// Rows 4 and 1 of six.
fn rows_of<X: Copy>(all: &[X], draws: usize) -> Vec<X> {
    all.chunks(6 * draws).flat_map(|site| [4, 1].map(|r| &site[r * draws..(r + 1) * draws]).concat()).collect()
}

#[test]
fn between_corners_arithmetic_sees_the_mean_and_other_uses_are_weighted() {
    struct Small;
    impl Model for Small {
        fn log_joint(&self, p: &LogJoint) {
            let k = p.integer("k", 3..6);
            p.add(k.to_real().square());
            p.add(Vector::constant(&[0.0, 0.0, 0.0, 1.0, 5.0, -2.0]).at(k));
            p.add(k.less_than(5).select(10.0, 20.0));
        }
    }
    let target = ok(Target::new(&Small));
    let relaxed = ok(target.relaxed());
    let w = [0.2, 0.5, 0.3];
    let z = Draws { num_draws: 1, latents: w.to_vec(), ..Draws::default() };
    let (mut pass, mut grad) = (Pass::default(), Draws::default());
    ok(relaxed.log_density_and_gradient(&[], &z, &RowSet::all(), &mut pass, &mut grad, &mut []));
    let mean = 3.0 * w[0] + 4.0 * w[1] + 5.0 * w[2];
    let expected = mean * mean + (w[0] + 5.0 * w[1] - 2.0 * w[2]) + (10.0 * (w[0] + w[1]) + 20.0 * w[2]);
    assert!((pass.log_density[0] - expected).abs() < 1e-13, "{} and {expected}", pass.log_density[0]);
    // Along the simplex, from value 3 to value 5.
    let slope = 2.0 * mean * 2.0 - 3.0 + 10.0;
    assert!((grad.latents[2] - grad.latents[0] - slope).abs() < 1e-12, "{:?}", grad.latents);
}

#[test]
fn a_use_without_a_relaxation_is_named_with_its_place() {
    struct Together;
    impl Model for Together {
        fn log_joint(&self, p: &LogJoint) {
            let (a, b) = (p.integer("a", 0..3), p.integer("b", 0..3));
            p.add(a.less_than(b).select(1.0, 0.0));
        }
    }
    struct Index;
    impl Model for Index {
        fn log_joint(&self, p: &LogJoint) {
            let (a, b) = (p.integer("a", 0..3), p.integer("b", 0..3));
            p.add(Vector::constant(&[0.0, 1.0, 2.0, 3.0, 4.0]).at(a + b));
        }
    }
    struct Reals;
    impl Model for Reals {
        fn log_joint(&self, p: &LogJoint) {
            p.draw("z", normal(0.0, 1.0));
        }
    }
    let words = |model: &dyn Model| ok(Target::new(model)).relaxed().err().expect("a refusal").to_string();
    let compared = words(&Together);
    let parts = ["\"a\" is compared", "together with \"b\"", "relaxations.rs:", "leave-one-out"];
    assert!(parts.iter().all(|part| compared.contains(part)), "{compared}");
    let index = words(&Index);
    assert!(index.contains("used as an index together with \"b\" at") && index.contains("relaxations.rs:"), "{index}");
    assert!(words(&Reals).contains("no integers"), "{}", words(&Reals));
    let family = ok(CategoricalFactors::new(ok(Target::new(&Together)).layout()));
    let refused = |temperature: f64| {
        let (rows, streams, params) = (RowSet::all(), Streams::new(0), [0.0; 6]);
        let at = Point { params: &params, theta: &[], rows: &rows, streams, num_draws: 1, design: Design::Independent };
        let target = ok(Target::new(&Together));
        let task = Task { target: &target, family: &family, at };
        first_step(&Rebar { temperature }, &task).expect_err("refused").to_string()
    };
    assert!(refused(0.5).contains("is compared"), "{}", refused(0.5));
    assert!(refused(0.0).contains("temperature of 0, expected one greater than zero"), "{}", refused(0.0));
}

impl Toy {
    fn theta(&self) -> f64 {
        1.0 / (1.0 + (-self.phi).exp())
    }

    fn truth(&self) -> f64 {
        self.theta() * (1.0 - self.theta()) * (1.0 - 2.0 * self.t)
    }

    /// `times` gradients; with a memory of the steps before, or each with none.
    fn gradients(
        &self,
        estimator: impl GradientEstimator<Target, BernoulliFactors>,
        times: usize,
        remembers: bool,
    ) -> Vec<f64> {
        let target = ok(Target::new(self));
        let family = ok(BernoulliFactors::new(target.layout()));
        let (mut space, rows, params) = (Space::default(), RowSet::all(), [self.phi]);
        let mut state = estimator.init(&target, &family);
        (0..times)
            .map(|step| {
                let streams = Streams::new(31).at_step(step as u64);
                let at = Point {
                    params: &params,
                    theta: &[],
                    rows: &rows,
                    streams,
                    num_draws: 1,
                    design: Design::Independent,
                };
                if !remembers {
                    state = estimator.init(&target, &family);
                }
                ok(estimator.estimate(&Task { target: &target, family: &family, at }, &mut state, &mut space));
                space.grad[0]
            })
            .collect()
    }

    /// `E h(u)` over the uniform, by the midpoint rule; smooth but for one step, so the error is below 1e-5 of `h`.
    fn mean(h: impl Fn(f64) -> f64) -> f64 {
        let cells = 400_000;
        (0..cells).map(|k| h((f64::from(k) + 0.5) / f64::from(cells))).sum::<f64>() / f64::from(cells)
    }
}

/// Mean and variance with their standard errors.
fn moments(x: &[f64]) -> [(f64, f64); 2] {
    let mean = jensen::objective::mean_and_standard_error(x);
    let squares: Vec<f64> = x.iter().map(|x| (x - mean.0).powi(2)).collect();
    [mean, jensen::objective::mean_and_standard_error(&squares)]
}

#[test]
fn the_bias_of_gumbel_softmax_is_the_one_worked_out_and_shrinks_with_the_temperature() {
    let toy = Toy { phi: 0.0, t: 0.45 };
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let entropy = -toy.theta() * (1.0 - toy.theta()) * toy.phi;
    let mut biases = Vec::new();
    for temperature in [1.0, 0.5, 0.1] {
        // d/d phi of log p at w = sigmoid((phi + logit u) / temperature), or with the slope of log p at the corner.
        let mean = |corner: bool| {
            entropy
                + Toy::mean(|u| {
                    let zeta = toy.phi + (u / (1.0 - u)).ln();
                    let w = sigmoid(zeta / temperature);
                    let at = if corner { f64::from(u8::from(zeta > 0.0)) } else { w };
                    (2.0 * (at - toy.t) + toy.phi) * w * (1.0 - w) / temperature
                })
        };
        for (corner, estimator) in [
            (false, &GumbelSoftmax { temperature } as &dyn AnyEstimator<Target, BernoulliFactors>),
            (true, &StraightThrough { temperature }),
        ] {
            let [(found, error), _] = moments(&toy.gradients(estimator, 40_000, false));
            let expected = mean(corner);
            assert!((found - expected).abs() < 4.5 * error + 1e-5, "{temperature}: {found} +- {error}, {expected}");
            // The check sees a fault of 2 %, or of 2 % of the slopes.
            assert!(error < 0.02 * toy.theta() * (1.0 - toy.theta()), "{error}");
        }
        biases.push((mean(false) - toy.truth()).abs());
    }
    assert!(biases[0] > 2.0 * biases[1] && biases[1] > 4.0 * biases[2], "{biases:?}");
    assert!(biases[0] > 0.2 * toy.truth() && biases[2] < 0.05 * toy.truth(), "{biases:?} of {}", toy.truth());
}

#[test]
fn rebar_has_the_moments_of_its_formula_on_the_published_toy() {
    for (phi, t, temperature) in [(0.7, 0.45, 0.5), (-0.4, 0.45, 0.3), (0.0, 0.499, 1.0)] {
        let toy = Toy { phi, t };
        let (theta, sigmoid) = (toy.theta(), |x: f64| 1.0 / (1.0 + (-x).exp()));
        // Tucker et al. 2017 with their noise coupled: u' = 1 - theta + v theta for b = 1, v (1 - theta) for b = 0.
        let gradient = |u: f64| {
            let zeta = phi + (u / (1.0 - u)).ln();
            let b = f64::from(u8::from(zeta > 0.0));
            let w = sigmoid(zeta / temperature);
            let (f, c) = ((b - t).powi(2), (w - t).powi(2));
            let slope = 2.0 * (w - t) * w * (1.0 - w) / temperature;
            // d zeta / d phi less d (zeta | b) / d phi at fixed v.
            let differs = if b == 1.0 { (1.0 - theta) / u } else { theta / (1.0 - u) };
            (f - c) * (b - theta) + slope * differs
        };
        let mean = Toy::mean(gradient);
        let variance = Toy::mean(|u| (gradient(u) - toy.truth()).powi(2));
        assert!((mean - toy.truth()).abs() < 2e-5, "{mean} and {}", toy.truth());
        let found = moments(&toy.gradients(Rebar { temperature }, 40_000, false));
        assert!((found[0].0 - toy.truth()).abs() < 4.5 * found[0].1, "{found:?}, {}", toy.truth());
        assert!((found[1].0 - variance).abs() < 4.5 * found[1].1, "{found:?}, {variance}");
        assert!(found[1].1 < 0.05 * variance, "the check is too weak: {found:?}");
    }
}

#[test]
fn what_is_learned_takes_noise_away_as_published() {
    // Tucker et al. 2017, t = 0.45: REBAR below the plain score function by orders of magnitude.
    let toy = Toy { phi: 0.7, t: 0.45 };
    let last = |estimator: &dyn AnyEstimator<Target, BernoulliFactors>, toy: &Toy| {
        moments(&toy.gradients(estimator, 12_000, true)[4000..])
    };
    let [mean, rebar] = last(&Rebar { temperature: 0.5 }, &toy);
    assert!((mean.0 - toy.truth()).abs() < 4.5 * mean.1);
    assert!(rebar.0 < 0.1 * 1.23e-2, "{rebar:?} beside the plain score function's 1.23e-2");
    // By quadrature, the best scale alone leaves 8.07e-5; the multiple of the score that is learned beside it would leave
    // nothing of a single integer's noise, and what is left is that of the learning.
    assert!(rebar.0 < 8.07e-5, "{rebar:?} beside that of the best scale by quadrature");
    // The same for a scale and a slope: 1.68e-4 and 6.72e-8.
    for (phi, t, best) in [(-2.0, 0.45, 1.68e-4), (2.0, 0.499, 6.72e-8)] {
        let toy = Toy { phi, t };
        let [mean, relax] = last(&Relax { temperature: 0.5 }, &toy);
        assert!((mean.0 - toy.truth()).abs() < 4.5 * mean.1, "{mean:?} and {}", toy.truth());
        assert!(relax.0 < 1.2 * best, "{t}: {relax:?}");
    }
}

/// A gradient of twenty integers at temperature 0.1 is far noisier than at 0.5 to 1.
#[test]
fn a_learned_temperature_leaves_a_bad_one_and_keeps_the_mean() {
    let model = ok(super::twenty::Twenty::read());
    let target = ok(Target::new(&model));
    let family = ok(BernoulliFactors::new(target.layout()));
    let last = |estimator: &dyn AnyEstimator<Target, BernoulliFactors>| {
        let (mut space, mut state, rows) = (Space::default(), estimator.init(&target, &family), RowSet::all());
        let one = |step: usize| {
            let streams = Streams::new(31).at_step(step as u64);
            let params = &model.phi_zero;
            let at = Point { params, theta: &[], rows: &rows, streams, num_draws: 2, design: Design::Independent };
            ok(estimator.estimate(&Task { target: &target, family: &family, at }, &mut state, &mut space));
            space.grad.clone()
        };
        let all: Vec<Vec<f64>> = (0..8000).map(one).collect();
        let columns = (0..20).map(|k| moments(&all[5000..].iter().map(|g| g[k]).collect::<Vec<f64>>()));
        columns.collect::<Vec<[(f64, f64); 2]>>()
    };
    let (learned, fixed) = (last(&LearnedRebar { temperature: 0.1 }), last(&Rebar { temperature: 0.1 }));
    let truth = super::integers::GRADIENT[0];
    assert!(learned.iter().zip(truth).all(|([mean, _], g)| (mean.0 - g).abs() < 4.5 * mean.1), "{learned:?}");
    let total = |all: &[[(f64, f64); 2]]| all.iter().map(|[_, variance]| variance.0).sum::<f64>();
    assert!(total(&learned) < 0.9 * total(&fixed), "{} beside {}", total(&learned), total(&fixed));
}

/// A real latent and integers outside of and inside rows, all of which meet.
struct Blocks;

impl Model for Blocks {
    fn log_joint(&self, p: &LogJoint) {
        let z = p.draw("z", normal(0.0, 1.0));
        let k = p.draw_integer("k", categorical(Vector::constant(&[0.2, 0.5, 0.3])));
        let x = Column::new([0.3, -0.2, 1.0, 0.8]);
        p.rows(4, |i| {
            let own = i.draw_integer("own", bernoulli(0.4));
            i.observe(x.at(i), normal(z * own.to_real() + 0.5 * k.to_real(), 1.0));
        });
    }
}

#[test]
fn beside_real_latents_and_in_some_rows_the_unbiased_ones_are() {
    let target = ok(Target::new(&Blocks));
    let layout: &Layout = target.layout();
    let family = Product::new(MeanField::new(layout), ok(CategoricalFactors::new(layout)));
    let mut params = family.init(&[0.3], 0.6);
    for (k, p) in params.iter_mut().enumerate().skip(2) {
        *p = [0.4, -0.3, 0.8][k % 3];
    }
    type Any = Box<dyn AnyEstimator<Target, Product<MeanField, CategoricalFactors>>>;
    let real = RealGradient::Pathwise;
    let reference: Any = Box::new(Hybrid { real, discrete: LocalExpectation });
    for rows in [RowSet::all(), RowSet::minibatch(vec![3, 1], 4)] {
        let case = Case { layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(8), num_draws: 100 };
        let mean = |e: &Any, k: u64| {
            let streams = Streams::new(k);
            ok(laws::mean_gradient(e, &target, &family, &Case { streams, ..case }, 2500))
        };
        let exact = mean(&reference, 90);
        let unbiased: [(&str, Any); 2] = [
            ("rebar", Box::new(Hybrid { real, discrete: Rebar { temperature: 0.5 } })),
            ("relax", Box::new(Hybrid { real, discrete: Relax { temperature: 0.5 } })),
        ];
        for (name, e) in unbiased {
            let found = mean(&e, 91);
            ok(laws::is_unbiased(&found, &exact, 4.5).map_err(|e| format!("{name}: {e}")));
            let faulty: Vec<_> = found.iter().map(|(g, s)| (1.02 * g, *s)).collect();
            assert!(laws::is_unbiased(&faulty, &exact, 4.5).is_err(), "{name}: a fault of 2 % goes unseen");
        }
        let biased: Any = Box::new(Hybrid { real, discrete: GumbelSoftmax { temperature: 1.0 } });
        assert!(laws::is_unbiased(&mean(&biased, 92), &exact, 4.5).is_err(), "its bias is seen");
    }
}

#[test]
fn sets_refuse_rows_and_sizes() {
    let target = ok(Target::new(&Blocks));
    let family = ok(CategoricalFactors::new(target.layout()));
    let rows = RowSet::all();
    let words = |size: usize| {
        let refused = DiscreteGradient::<CategoricalFactors>::shape(&UnorderedSet { size }, &family, &rows, 1);
        refused.expect_err("refused").to_string()
    };
    assert!(words(4).contains("integers of rows"), "{}", words(4));
    assert!(words(1).contains("expected 2 to 10") && words(40).contains("40 values"), "{}", words(1));
    let _ = family.num_integers();
}
