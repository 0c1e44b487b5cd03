//! Closed forms that the gradients of the families must reproduce, and fits that the families are made for.

use std::f64::consts::PI;

use jensen::family::{
    BetaFactors, DirichletFactors, Family, Flow, FullRank, GammaFactors, GaussianMixture, Reparam, VonMisesFactors,
};
use jensen::model::{Draws, Layout, RowSet};
use jensen::objective::mean_and_standard_error;
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use jensen::testing::laws::{self, Case};

fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}

struct Sites<F>(F);

impl<F: Fn(&LogJoint) + Sync> Model for Sites<F> {
    fn log_joint(&self, p: &LogJoint) {
        (self.0)(p);
    }
}

fn layout(body: impl Fn(&LogJoint) + Sync) -> Layout {
    ok(Target::new(&Sites(body))).layout().clone()
}

const DRAWS: usize = 40_000;

/// The pathwise gradient of `E f` in each draw, `[parameter][draw]`; `bar(z)` is the gradient of `f`.
fn gradients(family: &dyn Reparam, layout: &Layout, params: &[f64], bar: impl Fn(&[f64], &mut [f64])) -> Vec<Vec<f64>> {
    let rows = RowSet::all();
    let size = family.num_noise(&rows);
    let mut noise = vec![0.0; size * DRAWS];
    Streams::new(11).fill_normal(DRAWS, &mut noise);
    let (mut z, mut z_bar) = (Draws::zeros(layout, 0, 1), Draws::zeros(layout, 0, 1));
    let mut out = vec![Vec::with_capacity(DRAWS); params.len()];
    for d in 0..DRAWS {
        let own: Vec<f64> = (0..size).map(|k| noise[k * DRAWS + d]).collect();
        family.transform(params, &rows, &own, &mut z);
        bar(&z.latents, &mut z_bar.latents);
        let mut grad = vec![0.0; params.len()];
        family.pullback(params, &rows, &own, &z, &z_bar, &mut grad);
        out.iter_mut().zip(grad).for_each(|(all, g)| all.push(g));
    }
    out
}

/// How many standard errors the mean of `values` is away from `expected`.
fn distance(values: impl Iterator<Item = f64>, expected: f64) -> f64 {
    let (mean, error) = mean_and_standard_error(&values.collect::<Vec<_>>());
    ((mean - expected) / error).abs()
}

fn holds(what: &str, values: impl Iterator<Item = f64>, expected: f64) {
    let apart = distance(values, expected);
    assert!(apart < 4.5, "{what}: {apart} standard errors from {expected}");
}

/// Trigamma at one quarter, `pi^2 + 8 G` with Catalan's constant, and at five halves.
const TRIGAMMA: [(f64, f64); 2] = [(0.25, 17.197_329_154_507_11), (2.5, 0.490_357_756_100_234_86)];

#[test]
fn gamma_moves_its_mean_and_mean_log_with_the_shape() {
    let layout = layout(|p| p.add(-p.positive("a")));
    let family = GammaFactors::new(&layout);
    for (a, trigamma) in TRIGAMMA {
        // At rate 1: with the rate held, d / da is (d / d ln mean + d / d ln shape) / a.
        let params = [a.ln(), a.ln()];
        let of_mean = gradients(&family, &layout, &params, |z, bar| bar[0] = z[0].exp());
        holds("d E x / da", of_mean[0].iter().zip(&of_mean[1]).map(|(m, s)| (m + s) / a), 1.0);
        let of_log = gradients(&family, &layout, &params, |_, bar| bar[0] = 1.0);
        holds("d E ln x / da", of_log[0].iter().zip(&of_log[1]).map(|(m, s)| (m + s) / a), trigamma);
        // The planted fault: five per cent of the shape's part missing.
        let faulty = of_log[0].iter().zip(&of_log[1]).map(|(m, s)| (m + 0.95 * s) / a);
        if a < 1.0 {
            assert!(distance(faulty, trigamma) > 4.5, "the test does not see five per cent");
        }
    }
}

#[test]
fn beta_moves_its_mean_with_its_first_shape() {
    let layout = layout(|p| p.add(-p.unit("a")));
    let family = BetaFactors::new(&layout);
    for (a, b) in [(0.7_f64, 1.8_f64), (6.0, 2.0)] {
        let c = a + b;
        let params = [(a / b).ln(), c.ln()];
        assert!((family.law(&params, 0).shapes().0 - a).abs() < 1e-14 * a);
        let slope = |z: f64| (0.5 * z).cosh().powi(-2) / 4.0;
        let grads = gradients(&family, &layout, &params, |z, bar| bar[0] = slope(z[0]));
        holds("d E x / da", grads[0].iter().zip(&grads[1]).map(|(m, s)| m / a + s / c), b / (c * c));
    }
}

#[test]
fn dirichlet_has_its_mean_logs_and_their_slopes() {
    let layout = layout(|p| p.add(p.simplex("x", 3).at(0).ln()));
    let family = DirichletFactors::new(&layout);
    // alpha = (1/2, 1, 5/2): psi(1/2) = -gamma - 2 ln 2 and psi(4) = 11/6 - gamma.
    let params = [0.5_f64.ln(), 0.0, 2.5_f64.ln()];
    let mut z = Draws::zeros(&layout, 0, DRAWS);
    family.sample(&params, &RowSet::all(), Streams::new(3), &mut z);
    let ln_first = z.latent(0).iter().map(|z| -(-(z - 2f64.ln())).exp().ln_1p());
    holds("E ln x_0", ln_first, -2.0 * 2f64.ln() - 11.0 / 6.0);
    let slope = |z: f64| 1.0 / (1.0 + (z - 2f64.ln()).exp());
    let grads = gradients(&family, &layout, &params, |z, bar| bar[0] = slope(z[0]));
    let all = PI * PI / 6.0 - 1.0 - 0.25 - 1.0 / 9.0;
    holds("d E ln x_0 / d ln alpha_0", grads[0].iter().copied(), 0.5 * (PI * PI / 2.0 - all));
    holds("d E ln x_0 / d ln alpha_1", grads[1].iter().copied(), -all);
    holds("d E ln x_0 / d ln alpha_2", grads[2].iter().copied(), -2.5 * all);
}

#[test]
fn von_mises_moves_its_mean_cosine_also_over_the_cut() {
    let layout = layout(|p| _ = p.draw("a", von_mises(0.0, 1.0)));
    let family = VonMisesFactors::new(&layout);
    // I1(2) / I0(2); the mean is 0.14 from the cut, so that two draws in five are wrapped.
    let (mean, kappa, ratio, nu) = (3.0_f64, 2.0_f64, 0.697_774_657_964_008, 0.5_f64);
    let params = [mean, kappa.ln()];
    let angle = |z: f64| PI * (0.5 * z).tanh();
    let mut z = Draws::zeros(&layout, 0, DRAWS);
    family.sample(&params, &RowSet::all(), Streams::new(3), &mut z);
    holds("E cos(x - mean)", z.latent(0).iter().map(|&z| (angle(z) - mean).cos()), ratio);
    let slope = |z: f64| -(angle(z) - nu).sin() * 0.5 * PI * (0.5 * z).cosh().powi(-2);
    let grads = gradients(&family, &layout, &params, |z, bar| bar[0] = slope(z[0]));
    holds("d E cos(x - nu) / d mean", grads[0].iter().copied(), -ratio * (mean - nu).sin());
    let of_kappa = 1.0 - ratio * ratio - ratio / kappa;
    holds("d E cos(x - nu) / d ln kappa", grads[1].iter().copied(), kappa * of_kappa * (mean - nu).cos());
}

#[test]
fn a_mixture_moves_its_second_moments() {
    let layout = layout(|p| p.add(-p.reals("a", 2).sum()));
    let family = ok(GaussianMixture::new(2, 2));
    let (logit, m, s) = (0.6_f64, [[-0.8, 0.5], [1.1, -0.4]], [[0.7, 1.2], [0.9, 0.6]]);
    let ln = |k: usize, i: usize| f64::ln(s[k][i]);
    let params = [logit, 0.0, m[0][0], m[0][1], m[1][0], m[1][1], ln(0, 0), ln(0, 1), ln(1, 0), ln(1, 1)];
    let w = 1.0 / (1.0 + (-logit).exp());
    // f = z_0^2 + z_0 z_1: in component k, m_0^2 + s_0^2 + m_0 m_1.
    let grads = gradients(&family, &layout, &params, |z, bar| {
        bar.copy_from_slice(&[2.0 * z[0] + z[1], z[0]]);
    });
    let f = |k: usize| m[k][0] * m[k][0] + s[k][0] * s[k][0] + m[k][0] * m[k][1];
    let mut expected = vec![w * (1.0 - w) * (f(0) - f(1)), w * (1.0 - w) * (f(1) - f(0))];
    for (k, w) in [w, 1.0 - w].into_iter().enumerate() {
        expected.extend([w * (2.0 * m[k][0] + m[k][1]), w * m[k][0]]);
    }
    for (k, w) in [w, 1.0 - w].into_iter().enumerate() {
        expected.extend([w * 2.0 * s[k][0] * s[k][0], 0.0]);
    }
    for (p, (values, expected)) in grads.iter().zip(expected).enumerate() {
        holds(&format!("parameter {p}"), values.iter().copied(), expected);
    }
}

#[test]
fn sticking_the_landing_vanishes_at_conjugate_posteriors() {
    let check = |target: &Target, family: &dyn Reparam, params: &[f64]| {
        ok(family.covers(target.layout()));
        let (layout, rows, streams) = (target.layout(), RowSet::all(), Streams::new(5));
        let case = Case { layout, params, theta: &[], rows: &rows, streams, num_draws: 50 };
        ok(laws::vanishes_at_truth(target, family, &case, 1e-9));
    };
    // Rate ~ Gamma(2, 1), counts 3, 1, 4: Gamma(10, 4).
    let counts = ok(Target::new(&Sites(|p: &LogJoint| {
        let rate = p.draw("rate", gamma(2.0, 1.0));
        for x in [3.0, 1.0, 4.0] {
            p.observe(x, poisson(rate));
        }
    })));
    check(&counts, &GammaFactors::new(counts.layout()), &[2.5_f64.ln(), 10f64.ln()]);
    // p ~ Beta(1, 2), 3 of 10: Beta(4, 9).
    let trials = ok(Target::new(&Sites(|p: &LogJoint| {
        let chance = p.draw("p", beta(1.0, 2.0));
        p.observe(3.0, binomial(10, chance));
    })));
    check(&trials, &BetaFactors::new(trials.layout()), &[(4.0 / 9.0_f64).ln(), 13f64.ln()]);
    // x ~ Dirichlet(1, 2, 3), each value seen 2, 0, 4 times: Dirichlet(3, 2, 7).
    let shares = ok(Target::new(&Sites(|p: &LogJoint| {
        let x = p.draw("x", dirichlet(Vector::constant(&[1.0, 2.0, 3.0])));
        p.add(2.0 * x.at(0).ln() + 4.0 * x.at(2).ln());
    })));
    check(&shares, &DirichletFactors::new(shares.layout()), &[3.0_f64, 2.0, 7.0].map(f64::ln));
    // A von Mises density of its own.
    let angle = ok(Target::new(&Sites(|p: &LogJoint| _ = p.draw("a", von_mises(2.0, 3.0)))));
    check(&angle, &VonMisesFactors::new(angle.layout()), &[2.0, 3f64.ln()]);
}

/// The bound after a fit, with its standard error, from fresh draws.
fn fitted<F: Reparam>(target: &Target, family: F, start: Vec<f64>, steps: u64, rate: f64) -> (f64, f64) {
    use jensen::algorithm::{Algorithm, Solution, StochasticVi};
    use jensen::estimate::StickingTheLanding;
    use jensen::fit::{MaxSteps, run};
    use jensen::optimize::{Adam, Schedule};
    let optimizer = Adam { step_size: Schedule::inverse_sqrt(rate, 100.0), ..Adam::default() };
    let start = Solution { params: start, theta: vec![] };
    let algorithm = StochasticVi::new(target, &family).estimator(StickingTheLanding).optimizer(optimizer);
    let algorithm = algorithm.draws(16).start(start).streams(Streams::new(8));
    let mut state = ok(algorithm.init());
    ok(run(&algorithm, &mut state, &mut MaxSteps(steps), &mut ()));
    let params = algorithm.output(&state).params;
    let rows = RowSet::all();
    let mut z = Draws::zeros(target.layout(), 0, 20_000);
    family.sample(&params, &rows, Streams::new(99), &mut z);
    let (mut log_q, mut pass) = (vec![0.0; z.num_draws], jensen::target::Pass::default());
    family.log_q(&params, &rows, &z, &mut log_q);
    ok(target.log_density(&[], &z, &rows, &mut pass));
    let weights: Vec<f64> = pass.log_density.iter().zip(&log_q).map(|(p, q)| p - q).collect();
    mean_and_standard_error(&weights)
}

/// A normalised banana: its log evidence is zero.
fn banana(p: &LogJoint) {
    let a = p.draw("a", normal(0.0, 1.0));
    p.draw("b", normal(a.square() - 1.0, 0.4));
}

#[test]
fn flows_follow_a_banana_that_a_full_rank_gaussian_cannot() {
    let target = ok(Target::new(&Sites(banana)));
    let layout = target.layout();
    let gaussian = FullRank::new(2);
    let start = gaussian.init(&[0.0, 0.0], 0.5);
    // About -0.65; the flows reach -0.05 to -0.09, the splines -0.21 in so few steps.
    let (full_rank, _) = fitted(&target, gaussian, start, 1500, 0.05);
    let coupled = [Flow::real_nvp(4, 8), Flow::neural_spline(2, 8, 6)];
    for flow in [Flow::planar(8), Flow::inverse_autoregressive(2, 8)].into_iter().chain(coupled) {
        let family = ok(flow.around(&[0.0, 0.0], 0.5).family(layout));
        let (name, start) = (family.name(), family.init(&[], 1.0));
        let (bound, error) = fitted(&target, family, start, 1500, 0.03);
        assert!(bound < 4.5 * error, "{name}: a bound of {bound} above the evidence");
        assert!(bound > full_rank + 0.4, "{name}: {bound}, full rank {full_rank}");
    }
}
