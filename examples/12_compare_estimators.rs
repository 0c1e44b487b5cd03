//! Which gradient estimator suits a model of yours? Measured, your own estimator among them.
//!
//! Output:
//! ```text
//! variance x evaluations     init  optimum
//! sticking-the-landing      287.6      0.2
//! pathwise                   19.5     24.1
//! score-loo                1424.9      0.5
//! halved                      4.8      6.0  biased by 49 %
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::estimate::{Estimate, GradientEstimator, Pathwise, ScoreFunction, Space, StickingTheLanding, Task};
use jensen::family::{FullRank, Reparam};
use jensen::prelude::*;
use jensen::study::{At, GradientStudy};
use jensen::target::{DensityError, Differentiable, LogDensity, Target};

/// An estimator that trades noise for a wrong answer: half of the pathwise gradient.
struct Halved;

impl<T: Differentiable, F: Reparam> GradientEstimator<T, F> for Halved {
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, state: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        let estimate = Pathwise::default().estimate(of, state, space);
        space.grad.iter_mut().for_each(|g| *g *= 0.5);
        estimate
    }
}

/// 14 of 20 patients recover with a drug, 9 of 20 without.
struct Trial;

impl Model for Trial {
    fn log_joint(&self, p: &LogJoint) {
        let (without, effect) = (p.draw("without", normal(0.0, 1.5)), p.draw("effect", normal(0.0, 1.0)));
        p.observe(9.0, binomial_logit(20, without));
        p.observe(14.0, binomial_logit(20, without + effect));
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let target = Target::new(&Trial)?;
    let family = FullRank::new(target.layout().num_latents);
    let report = GradientStudy::new(&target, &family)
        .estimator("sticking-the-landing", StickingTheLanding)
        .estimator("pathwise", Pathwise::default())
        .estimator("score-loo", ScoreFunction::default())
        .estimator("halved", Halved)
        .draws([10])
        .at([At::Init, At::Optimum])
        .run()?; // `println!("{report}")` shows every table and the recommendation

    let mut out = "variance x evaluations     init  optimum\n".to_string();
    for name in ["sticking-the-landing", "pathwise", "score-loo", "halved"] {
        let at = |point| report.figures(name, point, 10).ok_or("not measured");
        let [init, optimum] = [at("init")?, at("optimum")?].map(|f| f.variance_x_evaluations);
        let bias = at("init")?.bias.as_ref().filter(|b| b.is_biased());
        let words = bias.map_or(String::new(), |b| format!("  biased by {:.0} %", 100.0 * b.relative));
        writeln!(out, "{name:<23} {init:>7.1} {optimum:>8.1}{words}")?;
    }
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
