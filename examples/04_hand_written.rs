//! Lower doors: a density with your own gradient, and one with values alone.
//!
//! ```text
//! log p(a, b) = -(a - 1)^2 / 2 - 5 (b - a)^2              gradient by hand: pathwise gradients, sd of b sqrt(1.1)
//! log p(u)    = -|u| for u > 0, -2 |u| for u < 0          a branch, no gradient: the score function
//! ```
//!
//! The second is an asymmetric Laplace density with evidence log 1.5.
//!
//! Output:
//! ```text
//! gradient agrees with differences: true
//! a 0.98 +- 1.02
//! b 0.98 +- 1.07
//! u: ELBO 0.33, log evidence 0.44, exact 0.41
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::algorithm::{Algorithm, StochasticVi};
use jensen::estimate::{GradientEstimator, ScoreFunction, StickingTheLanding};
use jensen::family::{Family, FullRank, MeanField};
use jensen::fit::{MaxSteps, Plateau, run};
use jensen::optimize::{Adam, Schedule};
use jensen::posterior::{Assessment, Posterior};
use jensen::streams::Streams;
use jensen::target::{HandWritten, LogDensity, ValueOnly, check_gradient};

/// Stochastic variational inference with its parts chosen one by one.
fn fit<T: LogDensity, F: Family>(
    target: &T,
    family: &F,
    estimator: impl GradientEstimator<T, F>,
    num_draws: usize,
) -> Result<Posterior, Box<dyn std::error::Error>> {
    let (adam, streams) = (Adam::new(Schedule::inverse_sqrt(0.05, 100.0)), Streams::new(1));
    let algorithm = StochasticVi::new(target, family).estimator(estimator).optimizer(adam).draws(num_draws);
    let algorithm = algorithm.streams(streams);
    let mut state = algorithm.init()?;
    let mut rules = (MaxSteps(20_000), Plateau::new(500, 0.01));
    let stop = run(&algorithm, &mut state, &mut rules, &mut ())?;
    Ok(Posterior::assess(target, family, &algorithm.output(&state), &Assessment::new(streams, &stop))?)
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let smooth = HandWritten::new(&["a", "b"], |z: &[f64], grad: &mut [f64]| {
        let (from_one, apart) = (z[0] - 1.0, z[1] - z[0]);
        grad[0] = -from_one + 10.0 * apart;
        grad[1] = -10.0 * apart;
        -0.5 * from_one * from_one - 5.0 * apart * apart
    });
    let (error, _) = check_gradient(&smooth, &[0.3, -0.7])?;
    let posterior = fit(&smooth, &FullRank::new(2), StickingTheLanding, 10)?;
    let mut out = format!("gradient agrees with differences: {}\n", error < 1e-6);
    for line in posterior.summary() {
        writeln!(out, "{} {:.2} +- {:.2}", line.name, line.mean, line.sd)?;
    }
    let branch = ValueOnly::new(&["u"], |z: &[f64]| if z[0] > 0.0 { -z[0] } else { 2.0 * z[0] });
    let posterior = fit(&branch, &MeanField::new(branch.layout()), ScoreFunction::default(), 50)?;
    let bound = posterior.bound();
    writeln!(out, "u: ELBO {:.2}, log evidence {:.2}, exact 0.41", bound.elbo.value, bound.log_evidence.value)?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
