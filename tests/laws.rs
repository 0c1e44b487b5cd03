//! The laws of `jensen::testing` over every family and every estimator, and that a planted fault breaks each of them.

use jensen::estimate::*;
use jensen::family::{
    Block, Categorical, Delta, Family, FamilyError, FullRank, Guide, Guided, LowRank, MeanField, Product, Reparam,
    StudentT, TracedFamily,
};
use jensen::model::{Draws, Layout, RowSet};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{Differentiable, LogDensity, Target};
use jensen::testing::laws::{self, Broken, Case};

/// Three correlated latents, neither normal nor symmetric, and a parameter.
struct Global;

impl Model for Global {
    fn log_joint(&self, p: &LogJoint) {
        let theta = p.parameter("theta", &[1]).at(0);
        let (a, b, c) = (p.real("a"), p.real("b"), p.positive("c"));
        p.add(-(a - theta).square() - 0.3 * (b - a.sin()).square() - (0.2 * b).cosh() - 0.1 * theta.square());
        p.add(-0.5 * c - (c - 0.3 * a).square());
    }
}

/// Latents of rows between global ones.
struct Rows {
    x: Column,
}

impl Model for Rows {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 2.0));
        let s = p.draw("s", half_normal(1.0));
        p.rows(1..self.x.len(), |i| {
            let z = i.draw("z", normal(mu, s));
            let w = i.draw("w", normal(z, 1.0));
            i.observe(self.x.at(i), normal(z + 0.5 * w, 0.7));
        });
    }
}

fn rows_model() -> Rows {
    Rows { x: Column::new([0.0, 0.4, -1.2, 2.0, 0.1, 0.8, -0.3]) }
}

/// A guide for [`Global`]: a normal, a conditional normal, and a transform that is not location-scale.
struct Bent;

impl Guide for Bent {
    fn draw(&self, q: &Guided) {
        let w = q.parameter_from("w", &[0.2, -0.4, 0.6, 0.1, -0.3]);
        let a = q.normal("a", w.at(0), w.at(1).exp());
        let b = q.normal("b", w.at(2) * a + w.at(3), 0.8);
        // c = sinh(b / 4 + e^w noise): the density of asinh(c) times the slope of asinh.
        let (m, s) = (0.25 * b, w.at(4).exp());
        q.latent(
            "c",
            |e| (m + s * e).sinh(),
            |c| {
                let root = (c.square() + 1.0).sqrt();
                normal(m, s).log_density((c + root).ln()) - root.ln()
            },
        );
    }
}

/// An encoder for [`Rows`], with global latents beside it.
struct Encoder {
    x: Column,
}

impl Guide for Encoder {
    fn draw(&self, q: &Guided) {
        let w = q.parameter_from("w", &[0.3, -0.2, 0.5, 0.1]);
        let scale = q.parameter_from("scale", &[-0.5, -0.2]);
        let means = q.parameter_from("means", &[0.1, -0.6]);
        let sd = q.parameter_from("sds", &[-0.7, -0.9]).map(|l| l.exp());
        let mu = q.normal("mu", means.at(0), sd.at(0));
        q.normal("s", means.at(1), sd.at(1));
        q.rows(|i| {
            let h = (w.at(0) * self.x.at(i) + w.at(1)).tanh() + 0.1 * mu;
            let z = i.normal("z", h, scale.at(0).exp());
            i.normal("w", w.at(2) * z + w.at(3) * self.x.at(i), scale.at(1).exp());
        });
    }
}

type Boxed = Box<dyn Reparam>;

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}

/// Every family of three global latents.
fn global_families(layout: &Layout) -> Vec<Boxed> {
    let mean_field = || MeanField::new(layout);
    let block = Block::new(layout).over(&["c", "a"], |g| FullRank::new(g.num_latents));
    let with_point = Block::new(layout).over(&["b"], Delta::new);
    vec![
        Box::new(mean_field()),
        Box::new(FullRank::new(3)),
        Box::new(LowRank::new(3, 1)),
        Box::new(LowRank::new(3, 2)),
        Box::new(ok(StudentT::new(mean_field(), 5.0))),
        Box::new(ok(StudentT::new(FullRank::new(3), 7.5))),
        Box::new(Delta::new(layout)),
        Box::new(ok(block.and_then(|b| b.over_rest(|g| StudentT::new(MeanField::new(g), 6.0).unwrap())))),
        Box::new(ok(with_point.and_then(|b| b.over_rest(|g| LowRank::new(g.num_latents, 1))))),
        Box::new(ok(TracedFamily::new(&Bent, layout))),
    ]
}

/// Every family of latents of rows.
fn row_families(layout: &Layout) -> Vec<Boxed> {
    let block = Block::new(layout).over(&["w", "s"], MeanField::new);
    vec![
        Box::new(MeanField::new(layout)),
        Box::new(ok(StudentT::new(MeanField::new(layout), 5.0))),
        Box::new(Delta::new(layout)),
        Box::new(ok(block.and_then(|b| b.over(&["z"], Delta::new)).and_then(|b| b.over_rest(MeanField::new)))),
        Box::new(ok(TracedFamily::new(&Encoder { x: rows_model().x }, layout))),
    ]
}

/// Parameters without symmetry.
fn somewhere(family: &dyn Family, num_latents: usize) -> Vec<f64> {
    let centre: Vec<f64> = (0..num_latents).map(|k| 0.3 - 0.4 * k as f64).collect();
    let mut params = family.init(&centre, 0.6);
    let mut shifts = vec![0.0; params.len()];
    Streams::new(77).fill_uniform(1, &mut shifts);
    params.iter_mut().zip(shifts).for_each(|(p, u)| *p += 0.5 * (u - 0.5));
    params
}

/// All rows, some of them with a weight, and rows alone as on one of several machines.
fn row_sets() -> Vec<RowSet> {
    let some = RowSet::minibatch(vec![5, 2, 3], 6);
    vec![RowSet::all(), some.clone(), RowSet { global_terms: false, ..some }]
}

/// Calls `check` with every family, for its model.
fn for_all(mut check: impl FnMut(&Target, &Boxed, &Case)) {
    let (global, rows) = (ok(Target::new(&Global)), ok(Target::new(&rows_model())));
    for family in global_families(global.layout()) {
        ok(family.covers(global.layout()));
        let params = somewhere(&*family, 3);
        let rows = RowSet::all();
        let streams = Streams::new(5);
        let case = Case { layout: global.layout(), params: &params, theta: &[0.4], rows: &rows, streams, num_draws: 3 };
        check(&global, &family, &case);
    }
    for family in row_families(rows.layout()) {
        ok(family.covers(rows.layout()));
        let params = somewhere(&*family, 2);
        for set in row_sets() {
            let streams = Streams::new(6);
            let case = Case { layout: rows.layout(), params: &params, theta: &[], rows: &set, streams, num_draws: 2 };
            check(&rows, &family, &case);
        }
    }
}

fn named(family: &dyn Family, case: &Case, result: Result<(), Broken>) {
    if let Err(broken) = result {
        panic!("{} with {:?}: {broken}", family.name(), case.rows);
    }
}

#[test]
fn derivatives_of_every_family() {
    for_all(|_, family, case| {
        named(family, case, laws::transform_is_sample(family, case));
        named(family, case, laws::pullback_is_derivative(family, case));
        named(family, case, laws::score_is_derivative(family, case));
        named(family, case, laws::grad_log_q_is_derivative(family, case));
        named(family, case, laws::entropy_gradient_is_derivative(family, case));
    });
}

#[test]
fn densities_and_draws_of_every_family_agree() {
    for_all(|_, family, case| {
        let case = &Case { num_draws: 20_000, ..*case };
        named(family, case, laws::score_has_mean_zero(family, case, 4.5));
        named(family, case, laws::entropy_is_mean(family, case, 4.5));
    });
}

#[test]
fn every_density_integrates_to_one() {
    let layout = Layout { num_latents: 2, ..Layout::default() };
    let plane: Vec<Boxed> = vec![
        Box::new(MeanField::new(&layout)),
        Box::new(FullRank::new(2)),
        Box::new(LowRank::new(2, 1)),
        Box::new(ok(StudentT::new(FullRank::new(2), 2.5))),
        Box::new(ok(StudentT::new(MeanField::new(&layout), 30.0))),
    ];
    for family in plane {
        let params = somewhere(&*family, 2);
        let rows = RowSet::all();
        let case =
            Case { layout: &layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(3), num_draws: 1 };
        named(&*family, &case, laws::is_normalised(&family, &case));
    }
}

/// A family with one thing wrong.
struct Faulty {
    inner: MeanField,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// The factor sigma is missing from the pullback.
    Pullback,
    /// The entropy is too large by five parts in a hundred.
    Entropy,
    /// The entropy's gradient misses a parameter.
    EntropyGradient,
    /// The score misses the derivative of the normaliser.
    Score,
    /// The gradient of log q has the wrong power of sigma.
    GradLogQ,
    /// The density lacks `sqrt(2 pi)`.
    Normaliser,
    /// Draws are too wide by five parts in a hundred.
    Sample,
}

impl Family for Faulty {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        self.inner.covers(layout)
    }

    fn num_params(&self) -> usize {
        self.inner.num_params()
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let mut params = params.to_vec();
        if self.fault == Fault::Sample {
            params[2..].iter_mut().for_each(|l| *l += 0.05);
        }
        self.inner.sample(&params, rows, streams, z);
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        self.inner.log_q(params, rows, z, log_q);
        if self.fault == Fault::Normaliser {
            log_q.iter_mut().for_each(|l| *l += 0.5 * (2.0 * std::f64::consts::PI).ln());
        }
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        self.inner.score(params, rows, z, weights, grad);
        if self.fault == Fault::Score {
            grad[2] += weights.iter().sum::<f64>();
        }
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let factor = if self.fault == Fault::Entropy { 1.05 } else { 1.0 };
        self.inner.entropy(params, rows).map(|h| factor * h)
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        self.inner.add_entropy_gradient(params, rows, weight, grad);
        if self.fault == Fault::EntropyGradient {
            grad[3] -= weight;
        }
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        self.inner.init(centre, scale)
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        self.inner.centre(params)
    }

    fn name(&self) -> String {
        format!("mean field with the fault {:?}", self.fault)
    }
}

impl Reparam for Faulty {
    fn num_noise(&self, rows: &RowSet) -> usize {
        self.inner.num_noise(rows)
    }

    fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
        self.inner.transform(params, rows, noise, z);
    }

    fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        let mut params = params.to_vec();
        if self.fault == Fault::Pullback {
            params[2..].fill(0.0);
        }
        self.inner.pullback(&params, rows, noise, z, z_bar, grad);
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        let mut params = params.to_vec();
        if self.fault == Fault::GradLogQ {
            params[2..].iter_mut().for_each(|l| *l *= 0.5);
        }
        self.inner.grad_log_q(&params, rows, z, grad_z);
    }
}

const CLOSED: Pathwise = Pathwise { entropy: Entropy::ClosedForm };
const MONTE_CARLO: Pathwise = Pathwise { entropy: Entropy::MonteCarlo };

/// A normal density with a known mean and precision matrix.
struct Bell {
    names: [&'static str; 3],
    mean: Vec<f64>,
    precision: Vec<f64>,
}

impl Bell {
    fn new(dimension: usize) -> Bell {
        let precision = [1.5, 0.4, -0.3, 0.4, 2.0, 0.5, -0.3, 0.5, 1.0];
        let at = |k: usize| precision[k / dimension * 3 + k % dimension];
        Bell {
            names: ["a", "b", "c"],
            mean: vec![0.5, -1.0, 0.2][..dimension].to_vec(),
            precision: (0..dimension * dimension).map(at).collect(),
        }
    }

    fn of(mean: Vec<f64>, covariance: nalgebra::DMatrix<f64>) -> Bell {
        let precision = ok(covariance.try_inverse().ok_or("singular"));
        Bell { names: ["a", "b", "c"], mean, precision: precision.iter().copied().collect() }
    }

    fn target(&self) -> impl Differentiable + '_ {
        let n = self.mean.len();
        jensen::target::HandWritten::new(&self.names[..n], move |z: &[f64], grad: &mut [f64]| {
            for (i, g) in grad.iter_mut().enumerate() {
                *g = -(0..n).map(|j| self.precision[i * n + j] * (z[j] - self.mean[j])).sum::<f64>();
            }
            0.5 * (0..n).map(|i| grad[i] * (z[i] - self.mean[i])).sum::<f64>()
        })
    }

    /// The exact bound of a q with this mean, factor of its covariance and entropy.
    fn bound(&self, mean: &[f64], factor: &[Vec<f64>], entropy: f64) -> f64 {
        let n = self.mean.len();
        let quadratic = |x: &dyn Fn(usize) -> f64| -> f64 {
            (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| x(i) * self.precision[i * n + j] * x(j)).sum()
        };
        let spread: f64 = factor.iter().map(|column| quadratic(&|i| column[i])).sum();
        entropy - 0.5 * (spread + quadratic(&|i| mean[i] - self.mean[i]))
    }
}

/// Mean and covariance factor of a family whose draws are linear in its noise.
fn moments(family: &dyn Reparam, params: &[f64], dimension: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let (rows, n) = (RowSet::all(), family.num_noise(&RowSet::all()));
    let at = |hot: Option<usize>| {
        let mut noise = vec![0.0; n];
        hot.into_iter().for_each(|k| noise[k] = 1.0);
        let mut z = Draws::at_point(&vec![0.0; dimension]);
        family.transform(params, &rows, &noise, &mut z);
        z.latents
    };
    let mean = at(None);
    let columns = (0..n).map(|k| at(Some(k)).iter().zip(&mean).map(|(z, m)| z - m).collect()).collect();
    (mean, columns)
}

/// Derivative of `f` by central differences, error about 1e-9 for the functions of this file.
fn derivative(params: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<(f64, f64)> {
    let at = |k: usize, h: f64| {
        let mut moved = params.to_vec();
        moved[k] += h;
        f(&moved)
    };
    let one = |k: usize, h: f64| (at(k, h) - at(k, -h)) / (2.0 * h);
    (0..params.len()).map(|k| ((4.0 * one(k, 1e-3) - one(k, 2e-3)) / 3.0, 0.0)).collect()
}

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
        let pair = Block::new(layout).over(&["c", "a"], |g| FullRank::new(g.num_latents));
        Box::new(ok(pair.and_then(|b| b.over_rest(MeanField::new))))
    };
    vec![
        plain(&|| Box::new(MeanField::of_dimension(3))),
        plain(&|| Box::new(FullRank::new(3))),
        plain(&|| Box::new(LowRank::new(3, 1))),
        plain(&block),
        (Box::new(ok(StudentT::new(FullRank::new(3), nu))), Box::new(FullRank::new(3)), nu / (nu - 2.0)),
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
    let family = Product::new(MeanField::of_dimension(1), ok(Categorical::new(layout)));
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
    let family = ok(Categorical::new(layout));
    ok(family.covers(layout));
    let params = somewhere(&family, 0);
    let empty = RowSet { subset: Some(vec![]), ..RowSet::all() };
    let some = RowSet::minibatch(vec![3, 1], 4);
    let case = Case { layout, params: &params, theta: &[], rows: &empty, streams: Streams::new(4), num_draws: 3 };
    let without_rows = Layout { num_row_integers: 0, num_rows: 0, ..layout.clone() };
    let own = ok(Categorical::new(&Layout {
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

#[test]
fn every_planted_fault_breaks_its_law() {
    let bell = Bell::new(2);
    let target = bell.target();
    let layout = target.layout();
    let rows = RowSet::all();
    let params = [0.3, -0.2, -0.4, 0.35];
    let case = Case { layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(1), num_draws: 3 };
    let many = Case { num_draws: 20_000, ..case };
    let faulty = |fault| Faulty { inner: MeanField::of_dimension(2), fault };
    let broken = |result: Result<(), Broken>, law: &str| match result {
        Err(e) => assert!(e.law.contains(law), "{e}"),
        Ok(()) => panic!("a planted fault went unseen: {law}"),
    };
    let f = faulty(Fault::Pullback);
    broken(laws::pullback_is_derivative(&f, &case), "pullback");
    broken(laws::gradient_is_derivative(&CLOSED, &target, &f, &case), "fixed noise");
    broken(laws::gradient_is_derivative(&MONTE_CARLO, &target, &f, &case), "fixed noise");
    let f = faulty(Fault::Entropy);
    broken(laws::entropy_is_mean(&f, &many, 4.5), "entropy");
    broken(laws::entropy_gradient_is_derivative(&f, &case), "entropy gradient");
    broken(laws::gradient_is_derivative(&CLOSED, &target, &f, &case), "fixed noise");
    broken(laws::entropy_gradient_is_derivative(&faulty(Fault::EntropyGradient), &case), "entropy gradient");
    let f = faulty(Fault::Score);
    broken(laws::score_is_derivative(&f, &case), "score");
    broken(laws::score_has_mean_zero(&f, &many, 4.5), "mean score");
    broken(laws::gradient_is_derivative(&MONTE_CARLO, &target, &f, &case), "fixed noise");
    let f = faulty(Fault::GradLogQ);
    broken(laws::grad_log_q_is_derivative(&f, &case), "grad_log_q");
    let bell_of_q =
        Bell::of(vec![0.3, -0.2], nalgebra::DMatrix::from_diagonal(&nalgebra::dvector![(-0.8f64).exp(), 0.7f64.exp()]));
    broken(laws::vanishes_at_truth(&bell_of_q.target(), &f, &case, 1e-12), "vanishes");
    ok(laws::vanishes_at_truth(&bell_of_q.target(), &MeanField::of_dimension(2), &case, 1e-12));
    let f = faulty(Fault::Normaliser);
    broken(laws::is_normalised(&f, &case), "integrates");
    broken(laws::entropy_is_mean(&f, &many, 4.5), "entropy");
    let f = faulty(Fault::Sample);
    broken(laws::transform_is_sample(&f, &case), "sample");
    broken(laws::score_has_mean_zero(&f, &many, 4.5), "mean score");
    let exact = derivative(&params, |params| {
        let (mean, factor) = moments(&MeanField::of_dimension(2), params, 2);
        bell.bound(&mean, &factor, params[2] + params[3])
    });
    let measured = |fault| ok(laws::mean_gradient(&CLOSED, &target, &faulty(fault), &case, 4000));
    broken(laws::is_unbiased(&measured(Fault::EntropyGradient), &exact, 4.5), "mean gradient");
    ok(laws::is_unbiased(&measured(Fault::Score), &exact, 4.5));
}
