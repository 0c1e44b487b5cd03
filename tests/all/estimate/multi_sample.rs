//! Multi-sample bounds: gradients against quadrature, and how their signal-to-noise ratio moves with the draws.

use super::moments::{Moments, Steps, derivative, normal_mean, unbiased_with_power};
use super::steps::first_step;
use jensen::estimate::{
    AnyEstimator, Design, DoublyReparameterized, Estimate, GradientEstimator, ImportanceWeightedScore,
    MultiSamplePathwise, Point, Space, StickingTheLanding, Task, Vimco, WakePhase,
};
use jensen::family::{CategoricalFactors, FullRank, MeanField};
use jensen::model::RowSet;
use jensen::objective::{
    Elbo, ImportanceWeighted, Objective, Renyi, TwiceDifferentiable, log_mean_exp, mean_and_standard_error,
};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{DensityError, Differentiable, HandWritten, LogDensity, Target, ValueOnly};
use jensen::testing::laws::{self, Case};

const PARAMS: [f64; 2] = [0.3, 0.15];

/// A skewed density with a normal factor.
fn log_p(z: f64) -> f64 {
    -0.5 * (z + 0.4).powi(2) - (1.2 * z).exp().ln_1p()
}

fn target() -> impl Differentiable {
    HandWritten::new(&["z"], |z: &[f64], grad: &mut [f64]| {
        grad[0] = -(z[0] + 0.4) - 1.2 / (1.0 + (-1.2 * z[0]).exp());
        log_p(z[0])
    })
}

fn family() -> MeanField {
    MeanField::of_dimension(1)
}

/// Of the importance-weighted bound.
fn plain(particles: usize) -> MultiSamplePathwise<ImportanceWeighted> {
    MultiSamplePathwise { objective: ImportanceWeighted, particles }
}

fn double(particles: usize) -> DoublyReparameterized<ImportanceWeighted> {
    DoublyReparameterized { objective: ImportanceWeighted, particles }
}

/// `log p - log q` at `z = mean + sd e`.
fn log_weight(params: &[f64], e: f64) -> f64 {
    log_p(params[0] + params[1].exp() * e) + 0.5 * e * e + params[1] + 0.5 * std::f64::consts::TAU.ln()
}

/// The Renyi bound of two draws, by quadrature.
fn bound_of_two(alpha: f64, params: &[f64]) -> f64 {
    let power = 1.0 - alpha;
    normal_mean(|a| {
        let first = (power * log_weight(params, a)).exp();
        normal_mean(|b| (0.5 * (first + (power * log_weight(params, b)).exp())).ln() / power)
    })
}

#[test]
fn gradients_of_two_draws_have_the_mean_that_quadrature_gives() {
    let steps = Steps::new(&PARAMS, 8, 200_000);
    for alpha in [0.0, 0.5, -0.7] {
        let exact = derivative(&PARAMS, |params| bound_of_two(alpha, params));
        let found =
            steps.moments(&DoublyReparameterized { objective: Renyi { alpha }, particles: 2 }, &target(), &family());
        unbiased_with_power(&format!("doubly reparameterised, {alpha}"), &found, &exact);
        let found =
            steps.moments(&MultiSamplePathwise { objective: Renyi { alpha }, particles: 2 }, &target(), &family());
        unbiased_with_power(&format!("Renyi, {alpha}"), &found, &exact);
    }
    let exact = derivative(&PARAMS, |params| bound_of_two(0.0, params));
    let found = steps.moments(&plain(2), &target(), &family());
    unbiased_with_power("importance weighted", &found, &exact);
    let values = ValueOnly::new(&["z"], |z: &[f64]| log_p(z[0]));
    let found = steps.moments(&Vimco { particles: 2 }, &values, &family());
    unbiased_with_power("VIMCO", &found, &exact);
    let found = steps.moments(&ImportanceWeightedScore { particles: 2 }, &values, &family());
    unbiased_with_power("the score function of the bound", &found, &exact);
}

/// Half the ELBO and half the importance-weighted bound: its weights are no softmax.
struct Halves {
    /// Leaves the derivative of the weights out.
    faulty: bool,
}

impl Objective for Halves {
    fn value_and_weights(&self, log_weights: &[f64], weights: &mut [f64]) -> f64 {
        let tight = ImportanceWeighted.value_and_weights(log_weights, weights);
        let num = log_weights.len() as f64;
        weights.iter_mut().for_each(|w| *w = 0.5 * *w + 0.5 / num);
        0.5 * tight + 0.5 * log_weights.iter().sum::<f64>() / num
    }
}

impl TwiceDifferentiable for Halves {
    fn path_shares(&self, log_weights: &[f64], weights: &mut [f64]) {
        let (bound, num) = (log_mean_exp(log_weights), log_weights.len() as f64);
        for (w, l) in weights.iter_mut().zip(log_weights) {
            let softmax = (l - bound).exp() / num;
            *w = if self.faulty { 1.0 } else { 1.0 - 0.5 * softmax * (1.0 - softmax) / *w };
        }
    }
}

#[test]
fn an_objective_of_ones_own_has_both_gradients() {
    let exact =
        derivative(&PARAMS, |params| 0.5 * bound_of_two(0.0, params) + 0.5 * normal_mean(|e| log_weight(params, e)));
    let steps = Steps::new(&PARAMS, 8, 200_000);
    let (own, faulty) = (|| Halves { faulty: false }, Halves { faulty: true });
    let found = steps.moments(&MultiSamplePathwise { objective: own(), particles: 2 }, &target(), &family());
    unbiased_with_power("plain", &found, &exact);
    let found = steps.moments(&DoublyReparameterized { objective: own(), particles: 2 }, &target(), &family());
    unbiased_with_power("doubly reparameterised", &found, &exact);
    // A planted fault: shares of one, which the ELBO alone has.
    let found = steps.moments(&DoublyReparameterized { objective: faulty, particles: 2 }, &target(), &family());
    let estimates: Vec<_> = found.iter().map(Moments::estimate).collect();
    assert!(laws::is_unbiased(&estimates, &exact, 4.5).is_err());
}

#[test]
fn the_path_with_weights_of_power_one_is_seen_to_be_biased() {
    // Sticking the landing with the importance weights themselves: the weights of order 1 on the bound of order 0.
    let exact = derivative(&PARAMS, |params| bound_of_two(0.0, params));
    let wrong = Steps::new(&PARAMS, 8, 20_000).moments(&WrongPower, &target(), &family());
    let estimates: Vec<_> = wrong.iter().map(Moments::estimate).collect();
    assert!(laws::is_unbiased(&estimates, &exact, 4.5).is_err());
}

/// A planted fault: `w_k` where the doubly-reparameterised gradient has `w_k^2`.
struct WrongPower;

impl<T: Differentiable> GradientEstimator<T, MeanField> for WrongPower {
    type State = ();

    fn init(&self, _: &T, _: &MeanField) {}

    fn estimate(&self, of: &Task<T, MeanField>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        let found = double(2).estimate(of, &mut (), space)?;
        // `z_bar` holds `w_k^2 / groups` times the path, and `weights` holds `w_k`.
        let Space { z_bar, weights, grad, .. } = &mut *space;
        z_bar.latents.iter_mut().zip(&*weights).for_each(|(g, w)| *g /= w);
        grad.fill(0.0);
        space.pullback(of);
        Ok(found)
    }
}

#[test]
fn one_particle_is_sticking_the_landing() {
    let full = FullRank::new(1);
    let steps = Steps::new(&PARAMS, 6, 20);
    let sticking = steps.run(&StickingTheLanding, &target(), &full);
    let elbo = DoublyReparameterized { objective: Elbo, particles: 6 };
    let limit = DoublyReparameterized { objective: Renyi { alpha: 1.0 }, particles: 6 };
    let same: [(&str, &dyn AnyEstimator<_, _>); 3] =
        [("one particle", &double(1)), ("the ELBO", &elbo), ("order one", &limit)];
    for (name, estimator) in same {
        let found = steps.run(&estimator, &target(), &full);
        for (a, b) in found.0.iter().flatten().zip(sticking.0.iter().flatten()) {
            assert!((a - b).abs() < 1e-12, "{name}: {a} {b}");
        }
        // The value of one particle is the mean log weight.
        assert!(found.1.iter().zip(&sticking.1).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}

#[test]
fn the_doubly_reparameterised_gradient_vanishes_at_the_posterior() {
    let normal = HandWritten::new(&["z"], |z: &[f64], grad: &mut [f64]| {
        grad[0] = -4.0 * (z[0] - 0.3);
        -2.0 * (z[0] - 0.3).powi(2)
    });
    let params = [0.3, 0.5f64.ln()];
    let steps = Steps::new(&params, 8, 20);
    let found = steps.run(&double(8), &normal, &family());
    assert!(found.0.iter().flatten().all(|g| g.abs() < 1e-12));
    let plain = steps.run(&plain(8), &normal, &family());
    assert!(plain.0[0].iter().any(|g| g.abs() > 0.1));
    // All weights are equal, and the bound is the evidence: log of the integral, sqrt(2 pi) / 2.
    let evidence = 0.5 * std::f64::consts::TAU.ln() - 2f64.ln();
    assert!(found.1.iter().all(|v| (v - evidence).abs() < 1e-12));
}

#[test]
fn the_bound_rises_with_the_particles_and_stays_below_the_evidence() {
    let evidence =
        normal_mean(|e| (log_p(2.0 * e) + 0.5 * e * e).exp()).ln() + (2.0 * std::f64::consts::TAU.sqrt()).ln();
    let mut last = (f64::NEG_INFINITY, 0.0);
    for particles in [1, 2, 8, 64] {
        let steps = Steps::new(&PARAMS, 64, 4000);
        let values = steps.run(&plain(particles), &target(), &family()).1;
        let (bound, error) = mean_and_standard_error(&values);
        assert!(bound - last.0 > 4.5 * f64::hypot(error, last.1), "{particles}: {bound} after {}", last.0);
        assert!(bound < evidence + 4.5 * error, "{particles}: {bound} above {evidence}");
        last = (bound, error);
    }
    // Two parts in a thousand: 64 draws leave a gap of about Var(w) / 128.
    assert!(evidence - last.0 < 0.01);
}

/// Signal-to-noise ratio in the mean's gradient, one group of `particles`.
fn signal_to_noise<E: GradientEstimator<dyn Differentiable, MeanField>>(estimator: E, particles: usize) -> f64 {
    let steps = Steps::new(&PARAMS, particles, 400_000 / particles);
    let target: &dyn Differentiable = &target();
    steps.moments(&estimator, target, &family())[0].signal_to_noise()
}

#[test]
fn the_signal_fades_with_the_particles_but_for_the_doubly_reparameterised() {
    // sqrt(1 / K) and sqrt(K): from 4 to 64 particles a factor of 4 down and up.
    let of_plain = |particles| signal_to_noise(plain(particles), particles);
    let of_double = |particles| signal_to_noise(double(particles), particles);
    let (fall, rise) = (of_plain(64) / of_plain(4), of_double(64) / of_double(4));
    assert!(fall < 0.5, "{fall}");
    assert!(rise > 2.5, "{rise}");
}

/// `E sum_k w_k d log q(z_k)` of two draws by quadrature, which is biased, and its limit for many.
#[test]
fn the_wake_phase_has_its_known_bias_and_limit() {
    let values = ValueOnly::new(&["z"], |z: &[f64]| log_p(z[0]));
    let score = |e: f64| [e / PARAMS[1].exp(), e * e - 1.0];
    let weight = |e: f64| log_weight(&PARAMS, e).exp();
    let of_two = [0, 1].map(|k| {
        let mean = normal_mean(|a| {
            normal_mean(|b| (weight(a) * score(a)[k] + weight(b) * score(b)[k]) / (weight(a) + weight(b)))
        });
        (mean, 0.0)
    });
    let limit = [0, 1].map(|k| (normal_mean(|e| weight(e) * score(e)[k]) / normal_mean(weight), 0.0));
    let two = Steps::new(&PARAMS, 8, 200_000).moments(&WakePhase { particles: 2 }, &values, &family());
    unbiased_with_power("two", &two, &of_two);
    assert!((0..2).all(|k| (of_two[k].0 - limit[k].0).abs() > 0.1), "{of_two:?} {limit:?}");
    // The bias of 2000 draws is of the order of a thousandth, below the standard errors here.
    let many = Steps::new(&PARAMS, 2000, 100).moments(&WakePhase { particles: 2000 }, &values, &family());
    let estimates: Vec<_> = many.iter().map(Moments::estimate).collect();
    laws::is_unbiased(&estimates, &limit, 4.5).unwrap();
    let one = Steps::new(&PARAMS, 8, 5000).moments(&WakePhase { particles: 1 }, &values, &family());
    let estimates: Vec<_> = one.iter().map(Moments::estimate).collect();
    laws::is_unbiased(&estimates, &[(0.0, 0.0); 2], 4.5).unwrap();
}

/// Three latents, a parameter, and data.
struct WithTheta;

impl Model for WithTheta {
    fn log_joint(&self, p: &LogJoint) {
        let theta = p.parameter("theta", &[1]).at(0);
        let (a, b) = (p.real("a"), p.positive("b"));
        p.add(-(a - theta).square() - 0.3 * (b - a.sin()).square() - 0.1 * theta.square());
    }
}

#[test]
fn gradients_in_parameters_and_theta_are_derivatives_of_the_value() {
    let target = Target::new(&WithTheta).unwrap();
    let (family, rows) = (FullRank::new(2), RowSet::all());
    let params = [0.3, -0.2, -0.4, 0.35, -0.1];
    let (layout, streams) = (target.layout(), Streams::new(3));
    let case = Case { layout, params: &params, theta: &[0.4], rows: &rows, streams, num_draws: 6 };
    laws::gradient_is_derivative(&plain(3), &target, &family, &case).unwrap();
    for (alpha, particles) in [(0.4, 6), (1.5, 2)] {
        let renyi = MultiSamplePathwise { objective: Renyi { alpha }, particles };
        laws::gradient_is_derivative(&renyi, &target, &family, &case).unwrap();
    }
    // The doubly-reparameterised gradient has the same theta gradient at the same noise.
    let theta = |estimator: &dyn AnyEstimator<Target, FullRank>| {
        let (_, space) = first_step(&estimator, &case.task(&target, &family)).unwrap();
        (space.grad_theta[0], space.grad[0])
    };
    let (plain, double) = (theta(&plain(3)), theta(&double(3)));
    assert!((plain.0 - double.0).abs() < 1e-14 && (plain.1 - double.1).abs() > 1e-3, "{plain:?} {double:?}");
}

/// An integer, for the estimators without noise.
struct Switch;

impl Model for Switch {
    fn log_joint(&self, p: &LogJoint) {
        let k = p.integer("k", 0..3);
        p.add(Vector::constant(&[0.2, -0.9, 1.1]).at(k));
    }
}

#[test]
fn integers_are_enumerated_in_the_mean() {
    let target = Target::new(&Switch).unwrap();
    let family = CategoricalFactors::new(target.layout()).unwrap();
    let params = [0.5, -0.2, 0.1];
    let log_q = |params: &[f64], k: usize| params[k] - params.iter().map(|l| l.exp()).sum::<f64>().ln();
    let exact = derivative(&params, |params| {
        let w = |k: usize| ([0.2, -0.9, 1.1][k] - log_q(params, k)).exp();
        let q = |k: usize| log_q(params, k).exp();
        (0..9).map(|c| q(c / 3) * q(c % 3) * (0.5 * (w(c / 3) + w(c % 3))).ln()).sum()
    });
    let steps = Steps::new(&params, 8, 200_000);
    let found = steps.moments(&Vimco { particles: 2 }, &target, &family);
    unbiased_with_power("VIMCO", &found, &exact);
    let plain = steps.moments(&ImportanceWeightedScore { particles: 2 }, &target, &family);
    unbiased_with_power("the score function of the bound", &plain, &exact);
}

#[test]
fn bad_settings_are_refused_in_words() {
    let (target, family, rows) = (target(), family(), RowSet::all());
    let steps = Steps::new(&PARAMS, 6, 1);
    let (bound, double) = (plain(4), double(3));
    assert!(steps.refusal(&bound, &target, &family, &rows, &[]).contains("a multiple of them"));
    let none = WakePhase { particles: 0 };
    assert!(steps.refusal(&none, &target, &family, &rows, &[]).contains("a multiple of them"));
    assert!(steps.refusal(&Vimco { particles: 1 }, &target, &family, &rows, &[]).contains("at least 2"));
    let batch = RowSet { weight: 2.0, ..RowSet::all() };
    assert!(steps.refusal(&double, &target, &family, &batch, &[]).contains("minibatch"));
    let pairs = Steps { design: Design::Antithetic, ..steps };
    assert!(pairs.refusal(&double, &target, &family, &rows, &[]).contains("independent draws"));
    let renyi = MultiSamplePathwise { objective: Renyi { alpha: f64::INFINITY }, particles: 2 };
    assert!(steps.refusal(&renyi, &target, &family, &rows, &[]).contains("finite order"));
    let with_theta = Target::new(&WithTheta).unwrap();
    let params = [0.0; 4];
    let steps = Steps { params: &params, ..steps };
    let family = MeanField::of_dimension(2);
    assert!(steps.refusal(&Vimco { particles: 2 }, &with_theta, &family, &rows, &[0.1]).contains("theta"));
}

#[test]
fn draws_without_a_value_weigh_nothing_and_are_counted() {
    let half = HandWritten::new(&["z"], |z: &[f64], grad: &mut [f64]| {
        grad[0] = if z[0] < -1.0 { f64::NAN } else { -z[0] };
        if z[0] > 0.5 { f64::NAN } else { -0.5 * z[0] * z[0] }
    });
    let rows = RowSet::all();
    let (streams, design) = (Streams::new(2), Design::Independent);
    let at = Point { params: &[0.0, 0.0], theta: &[], rows: &rows, streams, num_draws: 64, design };
    let target: &dyn Differentiable = &half;
    let check = |estimator: &dyn AnyEstimator<dyn Differentiable, MeanField>, most: usize| {
        let (found, space) = first_step(&estimator, &Task { target, family: &family(), at }).unwrap();
        // Outside with probability 0.31, without a gradient with 0.16: of 64 draws 19.7 and 10.2.
        assert!((8..most).contains(&found.rejected), "{found:?}");
        assert!(found.value.is_finite() && space.grad.iter().all(|g| g.is_finite()), "{found:?} {:?}", space.grad);
    };
    check(&plain(64), 48);
    check(&double(64), 48);
    check(&Vimco { particles: 64 }, 34);
    check(&ImportanceWeightedScore { particles: 16 }, 34);
    check(&WakePhase { particles: 64 }, 34);
}
