//! W5: gradients for twenty Bernoulli latents beside the bare evaluations of the model that they need.

use std::path::Path;
use std::time::Instant;

use jensen::estimate::{
    AnyEstimator, Baseline, Design, DisArm, GradientEstimator, LocalExpectation, Point, ScoreFunction, Space, Task,
};
use jensen::family::{BernoulliFactors, CategoricalFactors, Discrete, Family};
use jensen::model::{Draws, RowSet};
use jensen::streams::Streams;
use jensen::target::{LogDensity, Pass, Target};

use crate::models::Twenty;

type Cases<F> = [(&'static str, Box<dyn AnyEstimator<Target, F>>, usize); 6];

fn cases<F: Discrete>() -> Cases<F> {
    let score = |baseline| Box::new(ScoreFunction { baseline });
    [
        ("score function", score(Baseline::None), 1),
        ("leave one out", score(Baseline::LeaveOneOut), 8),
        ("leave one out", score(Baseline::LeaveOneOut), 64),
        ("DisARM", Box::new(DisArm), 64),
        ("local expectation", Box::new(LocalExpectation), 1),
        ("local expectation", Box::new(LocalExpectation), 8),
    ]
}

/// Times both families of twenty latents.
pub fn run(path: &Path) {
    let model = Twenty::read(path);
    let target = Target::new(&model).expect("a valid model");
    let bernoulli = BernoulliFactors::new(target.layout()).expect("two values each");
    let categorical = CategoricalFactors::new(target.layout()).expect("two values each");
    run_family(&target, &bernoulli, &model.phi_rand, "Bernoulli");
    let logits: Vec<f64> = model.phi_rand.iter().flat_map(|l| [0.0, *l]).collect();
    run_family(&target, &categorical, &logits, "categorical");
}

fn run_family<F: Discrete>(target: &Target, family: &F, params: &[f64], name: &str) {
    let rows = RowSet::all();
    for (estimator_name, estimator, num_draws) in cases::<F>() {
        let (mut space, mut state) = (Space::default(), estimator.init(target, family));
        let mut lanes = 0;
        let gradient = best(|step| {
            let streams = Streams::new(31).at_step(step);
            let at = Point { params, theta: &[], rows: &rows, streams, num_draws, design: Design::Independent };
            let done = estimator.estimate(&Task { target, family, at }, &mut state, &mut space).expect("a gradient");
            lanes = done.evaluations;
        });
        let bare = evaluation(target, family, params, lanes);
        println!(
            "W5 {name:11} {estimator_name:17} {num_draws:2} draws, {lanes:3} lanes: {:8.3} us a gradient, {:8.3} us bare, \
             ratio {:.2}",
            gradient * 1e6,
            bare * 1e6,
            gradient / bare
        );
    }
}

/// Seconds that the density alone takes at `lanes` draws.
fn evaluation(target: &Target, family: &impl Family, params: &[f64], lanes: usize) -> f64 {
    let (rows, mut pass) = (RowSet::all(), Pass::default());
    // Several blocks in turn, so that no branch is learned by heart.
    let blocks: Vec<Draws> = (0..64)
        .map(|step| {
            let mut z = Draws::zeros(target.layout(), target.layout().num_rows, lanes);
            family.sample(params, &rows, Streams::new(5).at_step(step), &mut z);
            z
        })
        .collect();
    best(|step| target.log_density(&[], &blocks[step as usize % 64], &rows, &mut pass).expect("a density"))
}

/// Seconds a call, the best of many stretches.
fn best(mut call: impl FnMut(u64)) -> f64 {
    let mut best = f64::INFINITY;
    for stretch in 0..60 {
        let start = Instant::now();
        (0..500).for_each(|step| call(500 * stretch + step));
        best = best.min(start.elapsed().as_secs_f64() / 500.0);
    }
    best
}
