//! Fits by the structure of their models: what a sparse Gaussian finds, what its verdict catches, and when it is the default.

use jensen::algorithm::{Algorithm, NaturalGradient, Solution, SparseNaturalGradient};
use jensen::family::{Family, FullRank, SparseGaussian};
use jensen::fit::{MaxSteps, Stop, Trace, run};
use jensen::model::{Draws, RowSet};
use jensen::posterior::{Assessment, Posterior};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{Differentiable, LogDensity, Pass, Target};
use jensen::{FamilyChoice, Fit, OptimizerChoice, Trust};

/// Numbers that are the same for the same seed: uniform, and normal.
struct Numbers(u64);

impl Numbers {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

/// h_t = h_(t-1) + 0.1 e, y_t = h_t + noise, all standard deviations known.
struct Walk {
    y: Column,
}

impl Walk {
    fn new(n: usize) -> Self {
        let (mut numbers, mut h) = (Numbers(13), 0.0);
        let mut next = || {
            h += 0.1 * numbers.normal();
            h + numbers.normal()
        };
        Walk { y: Column::new((0..n).map(|_| next()).collect::<Vec<_>>()) }
    }

    /// The log evidence by the Kalman filter.
    fn evidence(&self) -> f64 {
        let (mut mean, mut variance, mut total) = (0.0, 1.0, 0.0);
        for (t, y) in self.y.values().iter().enumerate() {
            if t > 0 {
                variance += 0.01;
            }
            let of_y = variance + 1.0;
            total -= 0.5 * ((y - mean).powi(2) / of_y + (2.0 * std::f64::consts::PI * of_y).ln());
            mean += variance / of_y * (y - mean);
            variance *= 1.0 - variance / of_y;
        }
        total
    }
}

impl Model for Walk {
    fn log_joint(&self, p: &LogJoint) {
        let n = self.y.len();
        let h = p.reals("h", n);
        p.add(normal(0.0, 1.0).log_density(h.at(0)));
        p.rows(1..n, |t| t.add(normal(h.lag(t, 1), 0.1).log_density(h.at(t))));
        p.rows(n, |t| t.observe(self.y.at(t), normal(h.at(t), 1.0)));
    }
}

/// Groups with ten binary rows each.
struct Groups {
    group: IntColumn,
    x: Column,
    y: Column,
    num_groups: usize,
}

impl Groups {
    fn new(num_groups: usize) -> Self {
        let mut numbers = Numbers(1);
        let (mut group, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
        for k in 0..num_groups {
            let effect = 1.0 + 0.7 * numbers.normal();
            for _ in 0..10 {
                let covariate = numbers.normal();
                let chance = 1.0 / (1.0 + (-effect - 0.5 * covariate).exp());
                group.push(k as u32);
                x.push(covariate);
                y.push(f64::from(u8::from(numbers.uniform() < chance)));
            }
        }
        Groups { group: IntColumn::new(group), x: Column::new(x), y: Column::new(y), num_groups }
    }
}

impl Model for Groups {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 5.0));
        let tau = p.draw("tau", half_normal(2.0));
        let b = p.draw("b", normal(0.0, 2.0));
        let a = p.draws("eta", normal(0.0, 1.0), self.num_groups).map(|eta| mu + tau * eta);
        p.rows(self.y.len(), |i| {
            i.observe(self.y.at(i), bernoulli_logit(a.at(self.group.at(i)) + b * self.x.at(i)));
        });
    }
}

/// A transition reads two parts of one vector, whose padding is the rest of it.
#[test]
fn one_draw_has_the_gradient_of_several() {
    for n in [5, 8, 9, 40] {
        let level = jensen::model::model(|p: &LogJoint| {
            let step = p.draw("step", half_normal(1.0));
            let h = p.reals("h", n);
            p.rows(1..n, |t| t.add(normal(h.lag(t, 1), step).log_density(h.at(t))));
        });
        let target = Target::new(&level).expect("a model");
        let gradient = |draws: usize| {
            let mut z = Draws::zeros(target.layout(), target.layout().num_rows, draws);
            for (k, lane) in z.latents.chunks_exact_mut(draws).enumerate() {
                lane.fill(0.3 * (k as f64 * 1.3).cos());
            }
            let (mut grad, mut pass) = (z.clone(), Pass::default());
            target.log_density_and_gradient(&[], &z, &RowSet::all(), &mut pass, &mut grad, &mut []).expect("a density");
            grad.latents.into_iter().step_by(draws).collect::<Vec<f64>>()
        };
        let several = gradient(8);
        // d / d h_(n-1) is that of the last transition alone.
        let (w, at) = ((-2.0 * 0.3f64).exp(), |k: usize| 0.3 * (k as f64 * 1.3).cos());
        assert!((several[n] - w * (at(n - 1) - at(n))).abs() < 1e-12, "{} {}", several[n], w * (at(n - 1) - at(n)));
        let one = gradient(1);
        assert!(one.iter().zip(&several).all(|(a, b)| (a - b).abs() < 1e-12), "{n}: {one:?} {several:?}");
    }
}

fn family(target: &Target) -> SparseGaussian {
    SparseGaussian::new(target.layout(), target.graph()).expect("a family")
}

fn algorithm<'a>(target: &'a Target, family: &'a SparseGaussian, seed: u64) -> SparseNaturalGradient<'a, Target> {
    let centre = vec![0.0; target.layout().num_latents];
    let start = SparseNaturalGradient::<Target>::start_at(family, &centre);
    SparseNaturalGradient {
        target,
        family,
        num_draws: 8,
        start,
        tolerance: 0.05,
        is_start: false,
        streams: Streams::new(seed),
    }
}

fn fitted(target: &Target, family: &SparseGaussian, seed: u64) -> (Solution, Stop, Trace) {
    let algorithm = algorithm(target, family, seed);
    let (mut state, mut trace) = (algorithm.init().expect("a start"), Trace::default());
    let stop = run(&algorithm, &mut state, &mut MaxSteps(300), &mut trace).expect("a run");
    (algorithm.output(&state), stop, trace)
}

/// The bound of a solution and its standard error, from `num_draws` draws.
fn bound(target: &Target, family: &dyn Family, params: &[f64], num_draws: usize) -> (f64, f64) {
    let (layout, rows, mut pass) = (target.layout(), RowSet::all(), Pass::default());
    let (mut z, mut log_q) = (Draws::zeros(layout, layout.num_rows, num_draws), vec![0.0; num_draws]);
    family.sample(params, &rows, Streams::new(99), &mut z);
    family.log_q(params, &rows, &z, &mut log_q);
    target.log_density(&[], &z, &rows, &mut pass).expect("a density");
    let ratios: Vec<f64> = pass.log_density.iter().zip(&log_q).map(|(p, q)| p - q).collect();
    let mean = ratios.iter().sum::<f64>() / num_draws as f64;
    let variance = ratios.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (num_draws as f64 - 1.0);
    (mean, (variance / num_draws as f64).sqrt())
}

#[test]
fn a_random_walk_has_the_evidence_of_the_kalman_filter() {
    for n in [250, 2000] {
        let walk = Walk::new(n);
        let target = Target::new(&walk).expect("a model");
        let family = family(&target);
        let (solution, stop, trace) = fitted(&target, &family, 1);
        assert!(stop.has_converged(), "{stop}");
        // The log ratio of densities is constant where q is the posterior: any draws give the evidence.
        let (found, error) = bound(&target, &family, &solution.params, 20);
        assert!((found - walk.evidence()).abs() < 1e-3 && error < 1e-4, "{found} +- {error}, {}", walk.evidence());
        assert!(trace.evaluations < 2000, "{} evaluations with three colours", trace.evaluations);
    }
}

#[test]
fn a_hierarchy_reaches_the_bound_of_the_full_covariance() {
    let model = Groups::new(60);
    let target = Target::new(&model).expect("a model");
    let family = family(&target);
    let (solution, stop, trace) = fitted(&target, &family, 2);
    assert!(stop.has_converged(), "{stop}");
    let full = FullRank::new(63);
    let start = full.init(&solution.params[..63], 0.3);
    let dense = NaturalGradient {
        target: &target,
        family: &full,
        num_draws: NaturalGradient::<Target>::draws_for(63),
        start,
        tolerance: 0.01,
        streams: Streams::new(3),
    };
    let mut state = dense.init().expect("a start");
    let dense_stop = run(&dense, &mut state, &mut MaxSteps(2000), &mut Trace::default()).expect("a run");
    assert!(dense_stop.has_converged(), "{dense_stop}");
    let (found, error) = bound(&target, &family, &solution.params, 20_000);
    let (expected, other) = bound(&target, &full, &dense.output(&state).params, 20_000);
    // A tolerance of 0.05 nats, and four errors of the two bounds.
    assert!((found - expected).abs() < 0.05 + 4.0 * error.hypot(other), "{found} +- {error}, {expected} +- {other}");
    assert!(trace.evaluations < 12_000, "{} evaluations", trace.evaluations);
}

#[test]
fn a_fit_goes_on_to_the_same_bits() {
    let model = Groups::new(30);
    let target = Target::new(&model).expect("a model");
    let family = family(&target);
    let algorithm = algorithm(&target, &family, 4);
    let mut state = algorithm.init().expect("a start");
    for _ in 0..5 {
        algorithm.step(&mut state).expect("a step");
    }
    let saved = serde_json::to_string(&state).expect("a state");
    let mut again: <SparseNaturalGradient<Target> as Algorithm>::State = serde_json::from_str(&saved).expect("a state");
    for _ in 0..5 {
        let (a, b) = (algorithm.step(&mut state).expect("a step"), algorithm.step(&mut again).expect("a step"));
        // What is evaluated again after a state was read counts as evaluated.
        assert_eq!((a.index, a.objective, a.grad_norm, a.converged), (b.index, b.objective, b.grad_norm, b.converged));
    }
    assert_eq!(algorithm.output(&state), algorithm.output(&again));
}

fn assessed(target: &Target, family: &SparseGaussian, params: Vec<f64>, stop: &Stop) -> Posterior {
    let solution = Solution { params, theta: Vec::new() };
    Posterior::assess(target, family, &solution, &Assessment::new(Streams::new(8), stop)).expect("an assessment")
}

#[test]
fn right_fits_are_not_refused_and_wrong_ones_are_caught() {
    let (walk, groups) = (Walk::new(400), Groups::new(400));
    let targets = [Target::new(&walk).expect("a model"), Target::new(&groups).expect("a model")];
    for (target, is_gaussian) in targets.iter().zip([true, false]) {
        let family = family(target);
        let (solution, stop, _) = fitted(target, &family, 1);
        let right = assessed(target, &family, solution.params.clone(), &stop);
        let expected = if is_gaussian { Trust::Trust } else { Trust::TrustMeansOnly };
        assert_eq!(right.verdict().trust, expected, "{}", right.verdict());
        assert_eq!(right.bound().log_evidence.value.is_nan(), !is_gaussian);
        // A mean half a standard deviation off, one of those that many share where there are such.
        let (d, sds) = (family.dimension(), family.variances(&solution.params));
        let mut moved = solution.params.clone();
        moved[0] += 0.5 * sds[0].sqrt();
        // All standard deviations halved: the factor of the precision doubled.
        let mut narrow = solution.params.clone();
        let names = target.layout().latent_names();
        family.rescale(&mut narrow, &scaled(&solution.params[..d], 0.5), &vec![0.5; d]);
        // Those of the many latents a fifth short, the others as they are.
        let mut locals = solution.params.clone();
        let scale: Vec<f64> = (0..d).map(|k| if names[k].contains('[') { 0.8 } else { 1.0 }).collect();
        let centre: Vec<f64> = (0..d).map(|k| solution.params[k] * (1.0 - scale[k])).collect();
        family.rescale(&mut locals, &centre, &scale);
        for (what, params) in [("moved", moved), ("narrow", narrow), ("locals", locals)] {
            let wrong = assessed(target, &family, params, &stop);
            let reasons = wrong.verdict().reasons.join("; ");
            assert!(wrong.verdict().trust > expected, "{what}: {}", wrong.verdict());
            assert!(reasons.contains("residual"), "{what}: {reasons}");
        }
    }
}

/// `(1 - c) x`: a centre from which `c x` is `x`.
fn scaled(x: &[f64], c: f64) -> Vec<f64> {
    x.iter().map(|x| (1.0 - c) * x).collect()
}

#[test]
fn it_is_the_default_above_the_dense_limit_and_for_latents_of_rows() {
    let walk = Walk::new(250);
    let fitted = Fit::new(&walk).run().expect("a fit");
    assert_eq!((fitted.plan.family, fitted.plan.optimizer), (FamilyChoice::Sparse, OptimizerChoice::NaturalGradient));
    assert!(fitted.plan.reasons[0].contains("band of width 1"), "{:?}", fitted.plan.reasons);
    assert_eq!(fitted.verdict().trust, Trust::Trust, "{}", fitted.verdict());
    let evidence = fitted.bound().log_evidence.value;
    assert!((evidence - walk.evidence()).abs() < 1e-3, "{evidence} {}", walk.evidence());
    let small = Walk::new(50);
    assert_eq!(Fit::new(&small).run().expect("a fit").plan.family, FamilyChoice::FullRank);
}

/// Errors in variables: x_i ~ N(0, 1), seen with noise 0.7; y_i = 0.5 + 1.2 x_i + noise.
#[test]
fn a_slope_on_values_seen_with_noise_is_that_of_the_exact_posterior() {
    let mut numbers = Numbers(5);
    let n = 120;
    let (mut seen, mut y) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let x = numbers.normal();
        seen.push(x + 0.7 * numbers.normal());
        y.push(0.5 + 1.2 * x + 0.4 * numbers.normal());
    }
    let (w, v) = (Column::new(seen.clone()), Column::new(y.clone()));
    let errors = jensen::model::model(|p: &LogJoint| {
        let a = p.draw("a", normal(0.0, 2.0));
        let b = p.draw("b", normal(0.0, 2.0));
        p.rows(n, |i| {
            let x = i.draw("x", normal(0.0, 1.0));
            i.observe(w.at(i), normal(x, 0.7));
            i.observe(v.at(i), normal(a + b * x, 0.4));
        });
    });
    let fitted = Fit::new(&errors).run().expect("a fit");
    assert_eq!(fitted.plan.family, FamilyChoice::Sparse);
    // With x integrated out: x | w is N(w / 1.49, 0.49 / 1.49), and y | w, a, b is normal. Moments on a grid.
    let (mut total, mut sums) = (0.0, [0.0; 2]);
    let log_joint = |a: f64, b: f64| -> f64 {
        let variance = 0.16 + b * b * 0.49 / 1.49;
        let rows = seen.iter().zip(&y).map(|(w, y)| {
            let residual = y - a - b * w / 1.49;
            -0.5 * residual * residual / variance - 0.5 * variance.ln()
        });
        rows.sum::<f64>() - (a * a + b * b) / 8.0
    };
    let top = log_joint(0.5, 1.2);
    for i in 0..200 {
        for j in 0..200 {
            let (a, b) = (-0.2 + 1.4 * f64::from(i) / 199.0, 0.4 + 1.8 * f64::from(j) / 199.0);
            let weight = (log_joint(a, b) - top).exp();
            total += weight;
            sums[0] += weight * b;
            sums[1] += weight * b * b;
        }
    }
    let (mean, sd) = (sums[0] / total, (sums[1] / total - (sums[0] / total).powi(2)).sqrt());
    let found = fitted.summary().into_iter().find(|s| s.name == "b").expect("a slope");
    assert!((found.mean - mean).abs() < 0.3 * sd, "slope {} +- {}, expected {mean} +- {sd}", found.mean, found.sd);
}
