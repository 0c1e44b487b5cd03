//! A target and a family whose gradients are known in closed form.

use std::ops::ControlFlow;

use super::*;
use crate::estimate::{Baseline, Estimate, Pathwise, ScoreFunction, Space, StickingTheLanding, Task};
use crate::family::{MeanField, Reparam};
use crate::target::{DensityError, Differentiable, HandWritten};

const MEAN: f64 = 1.5;
const SD: f64 = 2.0;

pub(super) type Gaussian = HandWritten<fn(&[f64], &mut [f64]) -> f64>;

/// N(1.5, 2)
pub(super) fn target() -> Gaussian {
    HandWritten::new(&["z"], |z, grad| {
        grad[0] = (MEAN - z[0]) / (SD * SD);
        -0.5 * ((z[0] - MEAN) / SD).powi(2)
    })
}

/// q = N(mu, sigma)
pub(super) fn at(mu: f64, sigma: f64) -> Solution {
    Solution { params: vec![mu, sigma.ln()], theta: vec![] }
}

/// `d KL(q || N(1.5, 2)) / d (mu, ln sigma)`, negated, by hand.
pub(super) fn exact(at: &Solution) -> Vec<f64> {
    let sigma = at.params[1].exp();
    vec![(MEAN - at.params[0]) / (SD * SD), 1.0 - sigma * sigma / (SD * SD)]
}

/// An estimator with its gradient multiplied.
pub(super) struct Scaled<E>(pub(super) E, pub(super) f64);

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized, E: GradientEstimator<T, F>> GradientEstimator<T, F>
    for Scaled<E>
{
    type State = E::State;

    fn init(&self, target: &T, family: &F) -> E::State {
        self.0.init(target, family)
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut E::State, space: &mut Space) -> Result<Estimate, DensityError> {
        let out = self.0.estimate(of, state, space);
        space.grad.iter_mut().for_each(|g| *g *= self.1);
        out
    }
}

#[test]
fn variances_are_those_of_the_closed_forms() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let (mu, sigma): (f64, f64) = (0.5, 1.2);
    let report = GradientStudy::new(&target, &family)
        .estimator("pathwise", Pathwise::default())
        .estimator("stl", StickingTheLanding)
        .exact(exact)
        .at([])
        .point("p", at(mu, sigma))
        .draws([1, 4])
        .repeats(40_000)
        .budget(0)
        .run()
        .unwrap();
    let (d2, r2) = ((mu - MEAN).powi(2), SD * SD);
    let off = (1.0 / sigma - sigma / r2).powi(2);
    // In (mu, sigma) per draw (Roeder, Wu and Duvenaud 2017 by hand); ln sigma multiplies by sigma.
    let pathwise = [sigma * sigma / (r2 * r2), sigma * sigma * (d2 / (r2 * r2) + 2.0 * sigma * sigma / (r2 * r2))];
    let stl = [off, sigma * sigma * (d2 / (r2 * r2) + 2.0 * off)];
    for (name, expected) in [("pathwise", pathwise), ("stl", stl)] {
        for n in [1, 4] {
            let found = report.figures(name, "p", n).unwrap();
            for (found, expected) in found.variance.iter().zip(expected) {
                // A variance of n numbers is off by sqrt((kurtosis - 1) / n), kurtosis at most 15: 2 %; 5 of it.
                let expected = expected / n as f64;
                assert!((found / expected - 1.0).abs() < 0.1, "{name}, {n} draws: {found} {expected}");
            }
            let bias = found.bias.as_ref().unwrap();
            assert!(!bias.is_biased() && bias.largest < 4.5, "{name}: {bias:?}");
            assert_eq!(found.evaluations, n as f64);
            let signal = exact(&at(mu, sigma)).iter().map(|g| g * g).sum::<f64>();
            let ratio = found.signal_to_noise / (signal / found.total_variance).sqrt();
            assert!((ratio - 1.0).abs() < 1e-12, "{ratio}");
        }
    }
}

#[test]
fn a_planted_bias_of_two_percent_is_found_twice_and_never_recommended() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let study = || {
        GradientStudy::new(&target, &family)
            .estimator("pathwise", Pathwise::default())
            .estimator("planted", Scaled(Pathwise::default(), 1.02))
            .estimator("half", Scaled(StickingTheLanding, 0.5))
            .at([])
            .point("p", at(-3.0, 1.0))
            .draws([100])
            .repeats(2000)
            .budget(0)
    };
    let report = study().exact(exact).run().unwrap();
    let bias = |name: &str| report.figures(name, "p", 100).unwrap().bias.clone().unwrap();
    assert!(!bias("pathwise").is_biased());
    assert!(bias("planted").is_biased() && bias("planted").found_twice);
    assert!((bias("planted").relative - 0.02).abs() < 0.004, "{:?}", bias("planted"));
    assert_eq!(report.recommendation.estimator.as_deref(), Some("pathwise"));
    // The same against a long run of the first, which is told not to have been tested.
    let report = study().run().unwrap();
    let bias = |name: &str| report.figures(name, "p", 100).unwrap().bias.clone().unwrap();
    assert!(bias("planted").is_biased() && bias("pathwise").own_reference);
    assert!(report.recommendation.sentence.contains("own bias was not tested"), "{}", report.recommendation.sentence);
}

#[test]
fn unbiased_estimators_are_not_called_biased() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let mut found = 0;
    for seed in 0..20 {
        let report = GradientStudy::new(&target, &family)
            .estimator("score", ScoreFunction { baseline: Baseline::None })
            .estimator("loo", ScoreFunction::default())
            .exact(exact)
            .at([])
            .point("p", at(-3.0, 1.0))
            .draws([2, 10])
            .repeats(100)
            .budget(0)
            .seed(seed)
            .run()
            .unwrap();
        found += report.cells.iter().filter(|c| c.figures.as_ref().unwrap().bias.as_ref().unwrap().is_biased()).count();
    }
    assert_eq!(found, 0, "of 80 cells, each called biased with a chance below 1e-3");
}

/// Always an error.
struct Refusing;

impl<T: ?Sized, F: ?Sized> GradientEstimator<T, F> for Refusing {
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, _: &Task<T, F>, _: &mut (), _: &mut Space) -> Result<Estimate, DensityError> {
        Err(DensityError::new("no such thing"))
    }
}

#[test]
fn what_fails_is_reported_and_the_study_goes_on() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let report = GradientStudy::new(&target, &family)
        .estimator("refusing", Refusing)
        .estimator("infinite", Scaled(Pathwise::default(), f64::INFINITY))
        .estimator("loo", ScoreFunction::default())
        .reference("pathwise", Pathwise::default())
        .draws([1, 2])
        .repeats(200)
        .budget(400)
        .run()
        .unwrap();
    let failure = |name: &str, n| report.cell(name, "optimum", n).unwrap().failure.clone().unwrap_or_default();
    assert!(failure("refusing", 2).contains("no such thing"));
    assert!(failure("infinite", 2).contains("200 of 200 gradients were not finite"));
    assert!(failure("loo", 1).contains("at least 2 draws"));
    assert_eq!(report.fits.iter().filter(|f| f.failure.is_some()).count(), 5);
    assert_eq!((report.recommendation.estimator.as_deref(), report.recommendation.num_draws), (Some("loo"), Some(2)));
    assert!(report.complete);
    let text = report.to_string();
    for words in
        ["at init: bias against 200 gradients of pathwise", "no such thing", "bound reached", "Use loo with 2 draws"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// The exact gradient, at a price.
struct Dear;

impl<T: ?Sized> GradientEstimator<T, MeanField> for Dear {
    type State = ();

    fn init(&self, _: &T, _: &MeanField) {}

    fn estimate(&self, of: &Task<T, MeanField>, _: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        space.grad = exact(&Solution { params: of.at.params.to_vec(), theta: vec![] });
        Ok(Estimate { value: 0.0, rejected: 0, evaluations: 2000 })
    }
}

#[test]
fn what_leaves_a_fit_behind_is_not_recommended_for_its_silence() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let study = |budget| {
        let study = GradientStudy::new(&target, &family).estimator("dear", Dear).exact(exact).draws([4]);
        study.estimator("pathwise", Pathwise::default()).repeats(50).start(at(-4.0, 0.5)).budget(budget).run().unwrap()
    };
    // One step against 500: it stays nats below.
    let report = study(2000);
    assert_eq!(report.recommendation.estimator.as_deref(), Some("pathwise"), "{report}");
    assert!(report.fits[0].bound < report.fits[1].bound - 2.0, "{report}");
    let report = study(0);
    assert_eq!(report.recommendation.estimator.as_deref(), Some("dear"), "{report}");
}

#[test]
fn without_a_reference_nothing_is_recommended() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let study = GradientStudy::new(&target, &family).estimator("pathwise", Pathwise::default());
    let report = study.reference("refusing", Refusing).at([At::Init]).repeats(20).budget(0).run().unwrap();
    assert!(report.points[0].failure.as_ref().unwrap().contains("no such thing"));
    assert!(report.figures("pathwise", "init", 10).is_some() && report.recommendation.estimator.is_none());
    let study = GradientStudy::new(&target, &family).estimator("pathwise", Pathwise::default());
    let report = study.exact(|_| vec![0.0]).at([At::Init]).repeats(20).budget(0).run().unwrap();
    assert!(report.points[0].failure.as_ref().unwrap().contains("1 numbers, a gradient 2"));
}

#[test]
fn an_interrupt_keeps_what_is_finished() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let mut seen = 0;
    let mut observer = |progress: &Progress| {
        assert_eq!(progress.done, seen);
        assert!(progress.done < progress.total && !progress.doing.is_empty());
        seen += 1;
        if progress.done == 130 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let study = GradientStudy::new(&target, &family)
        .estimator("pathwise", Pathwise::default())
        .estimator("stl", StickingTheLanding)
        .exact(exact)
        .at([At::Init])
        .draws([1, 10])
        .repeats(50);
    let report = study.observer(&mut observer).run().unwrap();
    assert_eq!((report.cells.len(), report.fits.len(), report.complete, seen), (2, 0, false, 131));
    assert!(report.to_string().contains("interrupted"));
}

#[test]
fn middle_is_half_way_and_the_optimum_is_found() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let study = || GradientStudy::new(&target, &family).estimator("stl", StickingTheLanding).repeats(10).draws([2]);
    let report = study().run().unwrap();
    let [init, middle, end] = [0, 1, 2].map(|k| report.points[k].params.clone());
    assert_eq!(init, [0.0, 0.1f64.ln()]);
    assert!((end[0] - MEAN).abs() < 0.05 && (end[1] - SD.ln()).abs() < 0.05, "{end:?}");
    assert!((middle[0] - 0.5 * end[0]).abs() < 1e-12);
    assert!(
        report.fits.iter().all(|f| f.evaluations == 20_000 && (f.bound - SD.ln() - 0.919).abs() < 0.02),
        "{report}"
    );
    // Everything but the times is a function of the seed.
    let again = study().run().unwrap();
    assert_eq!(report.points, again.points);
    assert_eq!(report.figures("stl", "init", 2).unwrap().variance, again.figures("stl", "init", 2).unwrap().variance);
    let text = serde_json::to_string(&report).unwrap();
    let back: StudyReport = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
}

/// Both entropies give the same gradient for a Gaussian, draw for draw.
#[test]
fn estimators_that_are_one_are_merged() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let closed = Pathwise { entropy: crate::estimate::Entropy::ClosedForm };
    let report = GradientStudy::new(&target, &family)
        .estimator("closed", closed)
        .estimator("loo", ScoreFunction::default())
        .estimator("monte carlo", Pathwise { entropy: crate::estimate::Entropy::MonteCarlo })
        .exact(exact)
        .draws([2, 10])
        .repeats(200)
        .budget(500)
        .run()
        .unwrap();
    let merged: Vec<&str> = report.cells.iter().filter(|c| c.same_as.is_some()).map(|c| &*c.estimator).collect();
    assert_eq!(merged, ["monte carlo"; 6], "{report}");
    assert!(report.fits.iter().all(|f| f.estimator != "monte carlo") && report.ranks.len() == 4, "{report}");
    let sentence = &report.recommendation.sentence;
    assert!(sentence.contains("Here monte carlo gives the same gradients, draw for draw"), "{sentence}");
    assert!(report.to_string().contains("the same gradients, draw for draw, as closed"));
}

/// A quarter more noise is not told apart, seven times as much is.
#[test]
fn what_chance_may_have_made_is_not_distinguished() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let study = |seed| {
        let study = GradientStudy::new(&target, &family).exact(exact).at([]).point("p", at(-1.0, 1.5)).draws([4]);
        let study = study.estimator("stl", StickingTheLanding).estimator("pathwise", Pathwise::default());
        study.estimator("loo", ScoreFunction::default()).repeats(300).budget(4000).seed(seed).run().unwrap()
    };
    for seed in 0..5 {
        let report = study(seed);
        let rank = |name: &str| report.ranks.iter().find(|r| r.estimator == name).unwrap();
        assert!(rank("loo").distinguishable && rank("loo").interval.low > 2.0, "{report}");
        assert!(rank("loo").probability < 0.01 && report.recommendation.estimator.as_deref() != Some("loo"));
        // By the closed forms of this file, with d^2 = 6.25 and in (mu, ln sigma): 0.141 + 2.25 (0.391 + 0.281) = 1.65
        // for pathwise, 0.085 + 2.25 (0.391 + 0.170) = 1.35 for sticking the landing.
        assert_eq!(report.recommendation.estimator.as_deref(), Some("stl"), "{report}");
        let ratio = rank("pathwise");
        // Five standard errors of the ratio of two such variances.
        assert!((ratio.ratio / (1.653 / 1.347) - 1.0).abs() < 0.35, "{report}");
        assert!(!ratio.distinguishable && report.recommendation.as_good == ["pathwise"], "{report}");
    }
}

#[test]
fn studies_that_make_no_sense_are_refused() {
    let (target, family) = (target(), MeanField::of_dimension(1));
    let new = || GradientStudy::new(&target, &family);
    let one = || new().estimator("pathwise", Pathwise::default());
    let cases = [
        (new(), "at least one estimator"),
        (one().estimator("pathwise", StickingTheLanding), "two estimators are called `pathwise`"),
        (one().draws([]), "one number of draws"),
        (one().draws([1, 0]), "not 0"),
        (one().at([]), "one point"),
        (one().repeats(1), "take 500"),
        (one().point("p", Solution::default()), "the point `p` has 0 parameters"),
    ];
    for (study, words) in cases {
        let error = study.run().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let wide = MeanField::of_dimension(2);
    assert!(GradientStudy::new(&target, &wide).run().is_err());
}
