//! A posterior learnt from a simulator alone: no density of the data is ever evaluated.
//!
//! ```text
//! z ~ N(0, 1)    x_1 = z + noise    x_2 = -z + noise / 2
//! maximise the mean of log q(z | x) over simulated pairs,    q(z | x) = N(mean_theta(x), sd_theta(x)^2)
//! ```
//!
//! That minimises KL(p(z | x) || q(z | x)), averaged over x. Here the posterior is known, N((x_1 - 4 x_2) / 6, 1 / 6).
//!
//! Output:
//! ```text
//! x = ( 1.0, -1.0):   0.9 +- 0.4, exactly  0.83 +- 0.41
//! x = ( 0.0,  0.5):  -0.3 +- 0.4, exactly -0.33 +- 0.41
//! x = (-2.0,  1.5):  -1.3 +- 0.4, exactly -1.33 +- 0.41
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::Pathwise;
use jensen::family::{Family, TracedFamily};
use jensen::fit::{MaxSteps, run};
use jensen::layers::SimulatedPosterior;
use jensen::optimize::{Adam, Average, Schedule};
use jensen::program::Matrix;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    // The simulator: pairs of parameter and data.
    let mut noise = vec![0.0; 3 * 10_000];
    Streams::new(9).fill_normal(1, &mut noise);
    let z: Vec<f64> = noise.chunks_exact(3).map(|e| e[0]).collect();
    let x: Vec<f64> = noise.chunks_exact(3).flat_map(|e| [e[0] + e[1], -e[0] + 0.5 * e[2]]).collect();

    // A network from data to mean and standard deviation, trained on the pairs in batches of 100.
    let model = SimulatedPosterior::new(Matrix::new(x, 2)?, Matrix::new(z, 1)?, &[16])?;
    let target = Target::new(&model)?;
    let family = TracedFamily::new(&model, target.layout())?;
    let start = Solution { params: family.init(&[], 1.0), theta: model.theta(target.layout()) };
    let vi = StochasticVi { start, average: Average::Polynomial { eta: 8.0 }, ..StochasticVi::new(&target, &family) };
    let vi = vi.estimator(Pathwise::default()).draws(1).minibatch(Minibatch::Shuffled(100));
    let vi = vi.optimizer(Adam::new(Schedule::cosine(0.02, 0.0005, 3000)));
    let mut state = vi.init()?;
    run(&vi, &mut state, &mut MaxSteps(3000), &mut ())?;
    let theta = vi.output(&state).theta;

    // The posterior of data it has not seen, at once.
    let mut out = String::new();
    for x in [[1.0, -1.0], [0.0, 0.5], [-2.0, 1.5]] {
        let (mean, sd) = model.posterior(target.layout(), &theta, &x)?;
        let (exact, exact_sd) = ((x[0] - 4.0 * x[1]) / 6.0, (1.0f64 / 6.0).sqrt());
        let [x1, x2] = x;
        writeln!(
            out,
            "x = ({x1:4.1}, {x2:4.1}): {:5.1} +- {:.1}, exactly {exact:5.2} +- {exact_sd:.2}",
            mean[0], sd[0]
        )?;
    }
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
