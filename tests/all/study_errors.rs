//! Intervals of variances held to what they promise, on five models.

use super::estimate::Twenty;
use jensen::algorithm::Solution;
use jensen::estimate::{GradientEstimator, Pathwise, ScoreFunction, StickingTheLanding};
use jensen::family::{BernoulliFactors, Family, MeanField};
use jensen::prelude::*;
use jensen::study::GradientStudy;
use jensen::target::{LogDensity, Target};

/// A model written as a closure.
struct Written<F>(F);

impl<F: Fn(&LogJoint) + Sync> Model for Written<F> {
    fn log_joint(&self, p: &LogJoint) {
        (self.0)(p);
    }
}

/// Share of the intervals of `times` studies that hold the variance of one of very many gradients.
fn coverage<F: Family>(
    target: &Target,
    family: &F,
    estimator: impl GradientEstimator<Target, F> + Copy,
    params: Vec<f64>,
    num_draws: usize,
    (repeats, times): (usize, u64),
) -> f64 {
    let point = Solution { params, theta: vec![] };
    let figures = |repeats: usize, seed: u64| {
        let study = GradientStudy::new(target, family).estimator("one", estimator).at([]).point("p", point.clone());
        let report = study.draws([num_draws]).repeats(repeats).budget(0).seed(seed).run().unwrap();
        report.figures("one", "p", num_draws).unwrap().clone()
    };
    let truth = figures(400_000, 1_000_000).total_variance;
    let holds = (0..times).filter(|&seed| {
        let found = figures(repeats, seed).variance_interval;
        found.low <= truth && truth <= found.high
    });
    holds.count() as f64 / times as f64
}

/// The figures of the notebook; some minutes.
#[test]
#[ignore = "a thousand studies"]
#[allow(clippy::print_stdout, reason = "the figures are for the notebook")]
fn ninety_per_cent_of_the_intervals_hold_the_variance() {
    let schools = Written(|p: &LogJoint| {
        let (mu, ln_tau) = (p.draw("mu", normal(0.0, 5.0)), p.draw("ln_tau", normal(0.0, 1.5)));
        let eta = p.draws("eta", normal(0.0, 1.0), 8);
        let (y, sd) = ([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0], [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]);
        for k in 0..8 {
            p.observe(y[k], normal(mu + ln_tau.exp() * eta.at(k), sd[k]));
        }
    });
    let trial = Written(|p: &LogJoint| {
        let (without, effect) = (p.draw("without", normal(0.0, 1.5)), p.draw("effect", normal(0.0, 1.0)));
        p.observe(9.0, binomial_logit(20, without));
        p.observe(14.0, binomial_logit(20, without + effect));
    });
    let funnel = Written(|p: &LogJoint| {
        let v = p.draw("v", normal(0.0, 3.0));
        p.draws("x", normal(0.0, (0.5 * v).exp()), 3);
    });
    let gaussian = Written(|p: &LogJoint| _ = p.draws("z", normal(1.0, 2.0), 3));
    let twenty = Twenty::read().unwrap();
    let (size, wide) = ((500, 200), |n: usize, sd: f64| [vec![0.0; n], vec![sd.ln(); n]].concat());
    let of_reals = |name: &str, model: &dyn Model, sd: f64, num_draws: usize| {
        let target = Target::new(model).unwrap();
        let family = MeanField::new(target.layout());
        let params = wide(target.layout().num_latents, sd);
        let plain = coverage(&target, &family, Pathwise::default(), params.clone(), num_draws, size);
        let landing = coverage(&target, &family, StickingTheLanding, params.clone(), num_draws, size);
        let score = coverage(&target, &family, ScoreFunction::default(), params, num_draws.max(2), size);
        println!("{name}: pathwise {plain:.3}, sticking the landing {landing:.3}, leave one out {score:.3}");
        vec![plain, landing, score]
    };
    let mut all = of_reals("gaussian", &gaussian, 1.2, 1);
    all.extend(of_reals("trial", &trial, 1.0, 4));
    all.extend(of_reals("eight schools, wide", &schools, 1.0, 1));
    all.extend(of_reals("funnel", &funnel, 0.8, 4));
    let target = Target::new(&twenty).unwrap();
    let family = BernoulliFactors::new(target.layout()).unwrap();
    let found = coverage(&target, &family, ScoreFunction::default(), twenty.phi_rand.clone(), 4, size);
    println!("twenty integers: leave one out {found:.3}");
    all.push(found);
    // 200 intervals of nominal 90 % have a share with a standard error of 2 %.
    assert!(all.iter().all(|share| (0.8..=0.99).contains(share)), "{all:?}");
}
