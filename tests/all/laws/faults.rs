//! Faults, and the laws that see them.

use super::bell::*;
use super::cases::*;
use jensen::algorithm::Solution;
use jensen::diagnose::verdict::Trust;
use jensen::family::{CategoricalFactors, Family, FamilyError, MeanField, Reparam};
use jensen::fit::Stop;
use jensen::model::{Draws, Layout, RowSet};
use jensen::posterior::{Assessment, Posterior};
use jensen::streams::Streams;
use jensen::target::LogDensity;
use jensen::testing::laws::{self, Broken, Case};

/// A family with one thing wrong.
struct Faulty<F = MeanField> {
    inner: F,
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
    /// A rescaled law keeps its old width.
    Rescale,
}

impl<F: Family> Family for Faulty<F> {
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

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        let before = params.to_vec();
        let done = self.inner.rescale(params, centre, scale);
        if self.fault == Fault::Rescale {
            params[2..].copy_from_slice(&before[2..]);
        }
        done
    }

    fn name(&self) -> String {
        format!("{} with the fault {:?}", self.inner.name(), self.fault)
    }
}

impl<F: Reparam> Reparam for Faulty<F> {
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
    broken(laws::rescale_is_affine(&faulty(Fault::Rescale), &case), "rescaled law");
    ok(laws::rescale_is_affine(&faulty(Fault::Sample), &case));
    let exact = derivative(&params, |params| {
        let (mean, factor) = moments(&MeanField::of_dimension(2), params, 2);
        bell.bound(&mean, &factor, params[2] + params[3])
    });
    let measured = |fault| ok(laws::mean_gradient(&CLOSED, &target, &faulty(fault), &case, 4000));
    broken(laws::is_unbiased(&measured(Fault::EntropyGradient), &exact, 4.5), "mean gradient");
    ok(laws::is_unbiased(&measured(Fault::Score), &exact, 4.5));
}

/// An integer between 0 and 3.
struct Label;

impl jensen::model::Model for Label {
    fn log_joint(&self, p: &jensen::model::LogJoint) {
        p.add(p.integer("k", 0..4).to_real());
    }
}

#[test]
fn probabilities_that_do_not_sum_to_one_are_seen() {
    let target = ok(jensen::target::Target::new(&Label));
    let (layout, rows) = (target.layout(), RowSet::all());
    let inner = ok(CategoricalFactors::new(layout));
    let params = somewhere(&inner, 1);
    let case = Case { layout, params: &params, theta: &[], rows: &rows, streams: Streams::new(1), num_draws: 1 };
    ok(laws::sums_to_one(&inner, &case));
    match laws::sums_to_one(&Faulty { inner, fault: Fault::Normaliser }, &case) {
        Err(broken) => assert!(broken.law.contains("sum to one"), "{broken}"),
        Ok(()) => panic!("a planted fault went unseen"),
    }
}

/// The assessment of a fit sees a log q that is not that of its draws, by the entropy in closed form.
#[test]
fn an_entropy_that_is_not_that_of_the_draws_is_not_trusted() {
    let bell = Bell::new(2);
    let target = bell.target();
    let solution = Solution { params: vec![0.3, -0.2, -0.4, 0.35], theta: vec![] };
    let stop = Stop::Converged { steps: 1, statistic: 0.0 };
    let assessed = |fault| {
        let family = Faulty { inner: MeanField::of_dimension(2), fault };
        ok(Posterior::assess(&target, &family, &solution, &Assessment::new(Streams::new(1), &stop).num_draws(4000)))
    };
    for fault in [Fault::Entropy, Fault::Normaliser] {
        let posterior = assessed(fault);
        let verdict = posterior.verdict();
        assert_eq!(verdict.trust, Trust::DoNotTrust, "{verdict}");
        assert!(verdict.reasons[0].contains("in closed form"), "{verdict}");
    }
    let sound = assessed(Fault::Score);
    assert!(!sound.verdict().reasons.iter().any(|r| r.contains("in closed form")));
}
