//! Estimates whose error is zero or nothing but rounding.

use jensen::Fit;
use jensen::algorithm::Solution;
use jensen::automatic::FamilyChoice;
use jensen::diagnose::verdict::Trust;
use jensen::family::{Family, FamilyError, FullRank, MeanField};
use jensen::fit::Stop;
use jensen::model::{Draws, Layout, RowSet};
use jensen::posterior::{Assessment, Posterior};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

const DONE: Stop = Stop::Converged { steps: 9, statistic: 1e-3 };

/// Data that do not depend on the latents: the posterior is the prior, and every importance weight the same.
struct Prior {
    sd: f64,
    size: usize,
}

impl Model for Prior {
    fn log_joint(&self, p: &LogJoint) {
        p.draws("x", normal(0.0, self.sd), self.size);
        p.observe(1.0, bernoulli(0.5));
    }
}

#[test]
fn a_posterior_that_equals_its_prior_is_trusted() {
    for size in [1, 2, 5, 20] {
        for choice in [FamilyChoice::Auto, FamilyChoice::MeanField] {
            for seed in 0..60 {
                let model = Prior { sd: 0.3 + 0.1 * seed as f64, size };
                let fitted = Fit::new(&model).family(choice).seed(seed).run().unwrap();
                assert_eq!(fitted.verdict().trust, Trust::Trust, "{size} latents, {choice}, seed {seed}: {fitted}");
            }
        }
    }
}

fn assess(target: &Target, family: &dyn Family, params: Vec<f64>) -> Posterior {
    let solution = Solution { params, theta: vec![] };
    Posterior::assess(target, family, &solution, &Assessment::new(Streams::new(4), &DONE).num_draws(4000)).unwrap()
}

/// A normal q that says of itself what is not so.
struct Wrong {
    inner: MeanField,
    /// Nats by which its log density is too low.
    low: f64,
}

impl Family for Wrong {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        self.inner.covers(layout)
    }

    fn num_params(&self) -> usize {
        self.inner.num_params()
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        self.inner.sample(params, rows, streams, z);
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        self.inner.log_q(params, rows, z, log_q);
        log_q.iter_mut().for_each(|l| *l -= self.low);
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        self.inner.score(params, rows, z, weights, grad);
    }

    fn entropy(&self, _: &[f64], _: &RowSet) -> Option<f64> {
        None
    }

    fn add_entropy_gradient(&self, _: &[f64], _: &RowSet, _: f64, _: &mut [f64]) {}

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        self.inner.init(centre, scale)
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        self.inner.centre(params)
    }

    fn name(&self) -> String {
        "wrong".into()
    }
}

#[test]
fn a_log_q_that_does_not_belong_to_its_draws_is_found_out() {
    let target = Target::new(&Prior { sd: 1.0, size: 2 }).unwrap();
    let found = |posterior: &Posterior, reason: &str| {
        let verdict = posterior.verdict();
        verdict.trust == Trust::DoNotTrust
            && verdict.reasons[0].contains(reason)
            && verdict.reasons[0].contains("does not belong")
    };
    // A correlation so near to one that the second number of noise, 2e-9 beside 1e9, is lost in the draws.
    let full = FullRank::new(2);
    let factor = |across: f64, second: f64| {
        full.params_from(&[0.0, 0.0], &nalgebra::DMatrix::from_row_slice(2, 2, &[1.0, 0.0, across, second]))
    };
    let singular = assess(&target, &full, factor(1e9, 2e-9));
    assert!(found(&singular, "the entropy of q"), "{singular}");
    // With a millionth of that correlation nothing is lost, and nothing said.
    let regular = assess(&target, &full, factor(1e3, 1.0));
    assert!(!regular.verdict().reasons.iter().any(|r| r.contains("does not belong")), "{regular}");
    // q is the prior, all but a log density that is too low by a millionth of a nat, in every draw the same.
    let wrong = |low: f64| assess(&target, &Wrong { inner: MeanField::new(target.layout()), low }, vec![0.0; 4]);
    assert!(found(&wrong(1e-6), "the divergence of q from the prior"), "{}", wrong(1e-6));
    assert_eq!(wrong(0.0).verdict().trust, Trust::Trust, "{}", wrong(0.0));
}
