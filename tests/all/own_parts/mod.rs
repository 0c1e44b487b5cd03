//! Parts of the user's own in a fit: each gets the start, the restarts and the verdict that named ones get.

mod steps;

use jensen::algorithm::{FitError, Minibatch};
use jensen::estimate::{Baseline, ScoreFunction};
use jensen::family::{Family, FamilyError, Guide, Guided, MeanField, Reparam};
use jensen::model::{Draws, Layout, RowSet};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::{Fit, Fitted, OptimizerChoice, Trust};

/// Ten ones with unit noise and prior: the posterior of `mu` is N(10 / 11, 1 / 11), and log p(x) follows.
fn mean() -> impl Model {
    model(|p| {
        let mu = p.draw("mu", normal(0.0, 1.0));
        p.rows(10, |i| i.observe(1.0, normal(mu, 1.0)));
    })
}

const MEAN: f64 = 10.0 / 11.0;

fn evidence() -> f64 {
    // ln N(x; 0, I + 11') with |I + 11'| = 11 and x'(I + 11')^-1 x = 10 - 100 / 11.
    -5.0 * std::f64::consts::TAU.ln() - 0.5 * 11f64.ln() - 0.5 * (10.0 - 100.0 / 11.0)
}

/// Mean and standard deviation are right within a tenth, four standard errors of the latter from 4000 draws being 0.045
/// and the rest what a stochastic fit leaves; the bound within what that leaves, half the square of a tenth for each.
#[track_caller]
fn is_right(fitted: &Fitted) {
    let (line, sd) = (&fitted.summary()[0], 11f64.powf(-0.5));
    assert!((line.mean - MEAN).abs() < 0.1 * sd, "{fitted}");
    assert!((line.sd / sd - 1.0).abs() < 0.1, "{fitted}");
    assert!(fitted.bound().elbo.value < evidence() + 3.0 * fitted.bound().elbo.mcse + 1e-9, "{fitted}");
    assert!(fitted.bound().elbo.value > evidence() - 0.01, "{fitted}");
    assert_eq!(fitted.tried.runs.len(), 2);
    assert_eq!(fitted.verdict().trust, Trust::Trust, "{fitted}");
}

/// A normal by its mean and log standard deviation, written against the public traits alone.
struct Bell {
    rescales: bool,
    shows_transform: bool,
}

impl Family for Bell {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        MeanField::of_dimension(1).covers(layout)
    }

    fn num_params(&self) -> usize {
        2
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let mut noise = vec![0.0; z.num_draws];
        streams.fill_normal(z.num_draws, &mut noise);
        self.transform(params, rows, &noise, z);
    }

    fn log_q(&self, params: &[f64], _: &RowSet, z: &Draws, log_q: &mut [f64]) {
        for (out, z) in log_q.iter_mut().zip(&z.latents) {
            let u = (z - params[0]) * (-params[1]).exp();
            *out = -0.5 * u * u - params[1] - 0.5 * std::f64::consts::TAU.ln();
        }
    }

    fn score(&self, params: &[f64], _: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        for (w, z) in weights.iter().zip(&z.latents) {
            let u = (z - params[0]) * (-params[1]).exp();
            grad[0] += w * u * (-params[1]).exp();
            grad[1] += w * (u * u - 1.0);
        }
    }

    fn entropy(&self, params: &[f64], _: &RowSet) -> Option<f64> {
        Some(params[1] + 0.5 + 0.5 * std::f64::consts::TAU.ln())
    }

    fn add_entropy_gradient(&self, _: &[f64], _: &RowSet, weight: f64, grad: &mut [f64]) {
        grad[1] += weight;
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        vec![centre[0], scale.ln()]
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        vec![params[0]]
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        if self.rescales {
            (params[0], params[1]) = (centre[0] + scale[0] * params[0], params[1] + scale[0].ln());
        }
        self.rescales
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        self.shows_transform.then_some(self)
    }

    fn name(&self) -> String {
        "bell".into()
    }
}

impl Reparam for Bell {
    fn num_noise(&self, _: &RowSet) -> usize {
        1
    }

    fn transform(&self, params: &[f64], _: &RowSet, noise: &[f64], z: &mut Draws) {
        z.latents.iter_mut().zip(noise).for_each(|(z, e)| *z = params[0] + params[1].exp() * e);
    }

    fn pullback(&self, params: &[f64], _: &RowSet, noise: &[f64], _: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        for (g, e) in z_bar.latents.iter().zip(noise) {
            grad[0] += g;
            grad[1] += g * params[1].exp() * e;
        }
    }

    fn grad_log_q(&self, params: &[f64], _: &RowSet, z: &Draws, grad_z: &mut Draws) {
        for (g, z) in grad_z.latents.iter_mut().zip(&z.latents) {
            *g = -(z - params[0]) * (-2.0 * params[1]).exp();
        }
    }
}

#[test]
fn a_family_of_ones_own_is_fitted_like_a_named_one() {
    for rescales in [true, false] {
        let bell = Bell { rescales, shows_transform: true };
        let fitted = Fit::new(&mean()).family(bell).run().unwrap();
        is_right(&fitted);
        assert!(fitted.plan.to_string().starts_with("bell family, adam optimiser"), "{}", fitted.plan);
        // Parameters are the family's own, whatever units the fit worked in.
        assert!((fitted.solution.params[0] - MEAN).abs() < 0.03, "{:?}", fitted.solution);
    }
}

#[test]
fn every_optimiser_of_a_name_moves_a_family_of_ones_own_or_says_why_not() {
    for optimizer in OptimizerChoice::ALL {
        let bell = Bell { rescales: true, shows_transform: true };
        match Fit::new(&mean()).family(bell).optimizer(*optimizer).run() {
            Ok(fitted) => assert!((fitted.summary()[0].mean - MEAN).abs() < 0.06, "{optimizer}: {fitted}"),
            Err(e) => assert!(*optimizer == OptimizerChoice::NaturalGradient && e.to_string().contains("adam"), "{e}"),
        }
    }
}

#[test]
fn a_family_without_a_transform_needs_an_estimator_of_values() {
    let bell = || Bell { rescales: true, shows_transform: false };
    let refused = Fit::new(&mean()).family(bell()).run().err().map(|e| e.to_string()).unwrap_or_default();
    assert!(refused.contains("bell") && refused.contains("Family::reparam"), "{refused}");
    let estimator = ScoreFunction { baseline: Baseline::LeaveOneOut };
    let fitted = Fit::new(&mean()).family(bell()).estimator(estimator).draws(64).run().unwrap();
    is_right(&fitted);
}

#[test]
fn a_family_that_does_not_cover_the_model_is_refused_by_site() {
    let two = model(|p| {
        p.draw("a", normal(0.0, 1.0));
        p.draw("b", normal(0.0, 1.0));
    });
    let refused = Fit::new(&two).family(Bell { rescales: true, shows_transform: true }).run().err();
    assert!(matches!(refused, Some(FitError::Family(FamilyError::Size { found: 1, expected: 2, .. }))), "{refused:?}");
}

/// `q(z_i | x_i) = N(w x_i + b, e^c)`, shared by all rows.
struct Encoder {
    x: Column,
}

impl Model for Encoder {
    fn log_joint(&self, p: &LogJoint) {
        p.rows(self.x.len(), |i| i.observe(self.x.at(i), normal(i.draw("z", normal(0.0, 2.0)), 1.0)));
    }
}

impl Guide for Encoder {
    fn draw(&self, q: &Guided) {
        let (w, ln_sd) = (q.parameter("w", &[2]), q.parameter("ln_sd", &[]).at(0));
        q.rows(|i| {
            i.normal("z", w.at(0) * self.x.at(i) + w.at(1), ln_sd.exp());
        });
    }
}

#[test]
fn a_guide_is_a_family() {
    let model = Encoder { x: Column::new((0..40).map(|k| 0.1 * f64::from(k) - 1.5).collect::<Vec<_>>()) };
    let fitted = Fit::new(&model).family(&model).minibatch(Minibatch::Shuffled(10)).steps(2000).run().unwrap();
    // The exact posterior of z_i is N(0.8 x_i, 0.8).
    assert!((fitted.solution.params[0] - 0.8).abs() < 0.02, "{:?}", fitted.solution);
    assert!((fitted.solution.params[2] - 0.5 * 0.8f64.ln()).abs() < 0.05, "{:?}", fitted.solution);
    assert_eq!(fitted.row_draws(10).unwrap().num_rows, 40);
}
