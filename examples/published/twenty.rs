//! Twenty Bernoulli latents, beside the variances of an independent implementation.

use jensen::estimate::{AnyEstimator, Baseline, DisArm, LocalExpectation, Rebar, Relax, ScoreFunction, UnorderedSet};
use jensen::family::BernoulliFactors;
use jensen::target::{LogDensity, Target};

use super::measure::{At, moments};
use model::Twenty;

#[path = "../../tests/all/estimate/twenty.rs"]
mod model;

pub fn run() -> super::Done {
    let model = Twenty::read()?;
    let target = Target::new(&model)?;
    let family = BernoulliFactors::new(target.layout())?;
    type Row = (&'static str, Box<dyn AnyEstimator<Target, BernoulliFactors>>, usize, usize, &'static str);
    let score = |baseline| Box::new(ScoreFunction { baseline });
    let rows: [Row; 8] = [
        ("REINFORCE", score(Baseline::None), 1, 1, "6788.9 / 5712.6, exact"),
        ("leave one out", score(Baseline::LeaveOneOut), 2, 2, "543.6 / 386.0"),
        ("leave one out", score(Baseline::LeaveOneOut), 4, 4, "174.8 / 128.7"),
        ("DisARM", Box::new(DisArm), 1, 2, "389.4 / 348.0"),
        ("local expectation", Box::new(LocalExpectation), 1, 21, "12.77 / 8.59"),
        ("REBAR", Box::new(Rebar { temperature: 0.5 }), 1, 2, "-"),
        ("RELAX", Box::new(Relax { temperature: 0.5 }), 1, 2, "-"),
        ("unordered set of 4", Box::new(UnorderedSet { size: 4 }), 1, 4, "-"),
    ];
    println!("Twenty Bernoulli latents: total variance at logits zero / at random logits\n");
    println!("| estimator | evaluations | measured | reference |\n|---|---|---|---|");
    for (name, estimator, num_draws, evaluations, reference) in rows {
        let at = |params| At { params, num_draws, repeats: 40_000 };
        let zero = moments(&estimator, (&target, &family), at(&model.phi_zero))?.total_variance();
        let random = moments(&estimator, (&target, &family), at(&model.phi_rand))?.total_variance();
        println!("| {name} | {evaluations} | {zero:.4} / {random:.4} | {reference} |");
    }
    Ok(())
}
