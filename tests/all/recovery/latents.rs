//! A latent through its transform, latents of rows with an encoder and without, and an integer beside a real latent.

use super::{assert_bound, bound, fit};
use jensen::algorithm::Minibatch;
use jensen::estimate::{Hybrid, LeaveOneOut, StickingTheLanding};
use jensen::family::{CategoricalFactors, Family, Guide, Guided, MeanField, Product, TracedFamily};
use jensen::model::{Draws, RowSet};
use jensen::objective::mean_and_standard_error;
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

/// `s` successes in `n` trials with a Beta(2, 3) prior.
struct Coin {
    y: Column,
}

impl Model for Coin {
    fn log_joint(&self, p: &LogJoint) {
        let share = p.draw("share", beta(2.0, 3.0));
        p.rows(self.y.len(), |i| i.add(self.y.at(i) * share.ln() + (1.0 - self.y.at(i)) * (1.0 - share).ln()));
    }
}

#[test]
fn coin_through_its_transform() {
    let (successes, trials) = (29, 80);
    let y: Vec<f64> = (0..trials).map(|i| if i < successes { 1.0 } else { 0.0 }).collect();
    let target = Target::new(&Coin { y: Column::new(y) }).unwrap();
    let (a, b) = (2.0 + f64::from(successes), 3.0 + f64::from(trials - successes));
    let ln_beta = statrs::function::beta::ln_beta;
    let evidence = ln_beta(a, b) - ln_beta(2.0, 3.0);
    let (mean, variance) = (a / (a + b), a * b / ((a + b).powi(2) * (a + b + 1.0)));
    let family = MeanField::of_dimension(1);
    let solution = fit(&target, &family, StickingTheLanding, 5, 4000, Minibatch::Full);
    // A normal in the logit is not exact: to leading order its divergence is a twelfth of the squared skewness, which for
    // the logit of a Beta(a, b) is (psi''(a) - psi''(b))^2 / (psi'(a) + psi'(b))^3, 0.0003 nats here.
    assert_bound(bound(&target, &family, &solution), evidence, 0.0003, 5e-4, "coin");
    let mut z = Draws::zeros(target.layout(), trials as usize, 40_000);
    let rows = RowSet::all();
    family.sample(&solution.params, &rows, Streams::new(77), &mut z);
    let shares = target.constrain(&[], &z, &rows).0;
    let (found, error) = mean_and_standard_error(&shares);
    assert!((found - mean).abs() < 4.0 * error + 0.02 * variance.sqrt(), "mean {found} +- {error} for {mean}");
    let sd = error * (shares.len() as f64).sqrt();
    assert!((sd / variance.sqrt() - 1.0).abs() < 0.02 + 4.0 / (2.0 * shares.len() as f64).sqrt(), "sd {sd}");
}

/// `z_i ~ N(0, 1), x_i ~ N(theta + z_i, 0.8)`, one latent for each row.
struct Factor {
    x: Column,
}

impl Model for Factor {
    fn log_joint(&self, p: &LogJoint) {
        let theta = p.parameter("theta", &[1]).at(0);
        p.rows(self.x.len(), |i| {
            let z = i.draw("z", normal(0.0, 1.0));
            i.observe(self.x.at(i), normal(theta + z, 0.8));
        });
    }
}

/// `q(z_i | x_i) = N(a x_i + b, e^c)`: three numbers for any number of rows.
impl Guide for Factor {
    fn draw(&self, q: &Guided) {
        let (w, ln_sd) = (q.parameter("w", &[2]), q.parameter("ln_sd", &[]).at(0));
        q.rows(|i| {
            i.normal("z", w.at(0) * self.x.at(i) + w.at(1), ln_sd.exp());
        });
    }
}

fn factor() -> (Factor, f64, f64) {
    let mut x = vec![0.0; 60];
    Streams::new(23).fill_normal(1, &mut x);
    x.iter_mut().for_each(|x| *x = 1.5 + 1.3 * *x);
    let mean = x.iter().sum::<f64>() / 60.0;
    let variance: f64 = 1.0 + 0.64;
    let evidence =
        x.iter().map(|x| -0.5 * ((x - mean).powi(2) / variance + (2.0 * std::f64::consts::PI * variance).ln()));
    let evidence = evidence.sum();
    (Factor { x: Column::new(x) }, mean, evidence)
}

#[test]
fn a_linear_encoder_reaches_the_marginal_likelihood() {
    let (model, mean, evidence) = factor();
    let target = Target::new(&model).unwrap();
    let q = TracedFamily::new(&model, target.layout()).unwrap();
    let (slope, ln_sd) = (1.0 / 1.64, 0.5 * (0.64f64 / 1.64).ln());
    for minibatch in [Minibatch::Full, Minibatch::Shuffled(15)] {
        let solution = fit(&target, &q, StickingTheLanding, 2, 6000, minibatch);
        let w = q.parameter("w", &solution.params).unwrap();
        // Theta's own gradient stays noisy at the optimum, that of q does not.
        let tolerance = if minibatch == Minibatch::Full { 0.01 } else { 0.03 };
        assert!((solution.theta[0] - mean).abs() < tolerance, "{minibatch:?}: theta {} for {mean}", solution.theta[0]);
        assert!(
            (w[0] - slope).abs() < tolerance && (w[1] + slope * mean).abs() < 2.0 * tolerance,
            "{minibatch:?}: {w:?}"
        );
        let found = q.parameter("ln_sd", &solution.params).unwrap()[0];
        assert!((found - ln_sd).abs() < tolerance, "{minibatch:?}: ln sd {found} for {ln_sd}");
        assert_bound(bound(&target, &q, &solution), evidence, 0.0, 60.0 * tolerance * tolerance + 1e-6, "encoder");
    }
}

#[test]
fn free_row_latents_reach_it_too_with_minibatches() {
    let (model, mean, evidence) = factor();
    let target = Target::new(&model).unwrap();
    let family = MeanField::new(target.layout());
    let solution = fit(&target, &family, StickingTheLanding, 2, 12_000, Minibatch::Shuffled(15));
    assert!((solution.theta[0] - mean).abs() < 0.05, "theta {} for {mean}", solution.theta[0]);
    // A standard deviation fitted without the rows' weight would be half as large, and the bound 19 nats lower.
    let ln_sd = 0.5 * (0.64f64 / 1.64).ln();
    let (found, _) = mean_and_standard_error(&solution.params[60..]);
    assert!((found - ln_sd).abs() < 0.05, "ln sd {found} for {ln_sd}");
    assert_bound(bound(&target, &family, &solution), evidence, 0.0, 0.5, "free row latents");
}

/// A mixture's label for each row and its two means.
struct Mixture {
    x: Column,
}

impl Model for Mixture {
    fn log_joint(&self, p: &LogJoint) {
        let k = p.integer("k", 0..2);
        let mu = p.draw("mu", normal(0.0, 1.0));
        let centres = Vector::constant(&[-1.0, 1.0]);
        p.add((0.5f64).ln());
        p.rows(self.x.len(), |i| i.observe(self.x.at(i), normal(mu + centres.at(k), 1.0)));
    }
}

#[test]
fn hybrid_fits_an_integer_beside_a_real_latent() {
    // Independent q of (mu, k): the exact bound is maximised in closed form over mu given q(k), and by a scan over q(k).
    let x = [0.9, 1.6, 1.1];
    let (n, total) = (3.0, x.iter().sum::<f64>());
    let sd2: f64 = 1.0 / (n + 1.0);
    let log_joint = |mu: f64, variance: f64, centre: f64| {
        let square: f64 = x.iter().map(|x| (x - mu - centre).powi(2) + variance).sum();
        let constant = (n + 1.0) * (2.0 * std::f64::consts::PI).ln();
        0.5f64.ln() - 0.5 * (square + mu * mu + variance + constant)
    };
    let value = |share: f64| {
        let mu = (total - n * (2.0 * share - 1.0)) / (n + 1.0);
        let mean = (1.0 - share) * log_joint(mu, sd2, -1.0) + share * log_joint(mu, sd2, 1.0);
        let entropy = -share * share.ln() - (1.0 - share) * (1.0 - share).ln();
        mean + entropy + 0.5 * (sd2 * 2.0 * std::f64::consts::PI * std::f64::consts::E).ln()
    };
    let best = (1..10_000).map(|k| value(f64::from(k) / 1e4)).fold(f64::NEG_INFINITY, f64::max);
    let target = Target::new(&Mixture { x: Column::new(x) }).unwrap();
    let q = Product::new(MeanField::of_dimension(1), CategoricalFactors::new(target.layout()).unwrap());
    let solution = fit(&target, &q, Hybrid::<LeaveOneOut>::default(), 4, 6000, Minibatch::Full);
    let (found, error) = bound(&target, &q, &solution);
    assert!((found - best).abs() < 4.0 * error + 2e-3, "bound {found} +- {error}, the best is {best}");
}
