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
//! z[row 1]:   0.9 +- 0.4, exactly  0.83 +- 0.41
//! z[row 2]:  -0.3 +- 0.4, exactly -0.33 +- 0.41
//! z[row 3]:  -1.3 +- 0.4, exactly -1.33 +- 0.41
//! verdict: trust
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::amortised::{AmortisedFit, SimulatedPosterior};
use jensen::program::Matrix;
use jensen::streams::Streams;

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    // The simulator: pairs of parameter and data.
    let mut noise = vec![0.0; 3 * 10_000];
    Streams::new(9).fill_normal(1, &mut noise);
    let z: Vec<f64> = noise.chunks_exact(3).map(|e| e[0]).collect();
    let x: Vec<f64> = noise.chunks_exact(3).flat_map(|e| [e[0] + e[1], -e[0] + 0.5 * e[2]]).collect();

    // Data that were observed, and a network from data to the posterior, trained on the pairs.
    let observed = [[1.0, -1.0], [0.0, 0.5], [-2.0, 1.5]];
    let mut model = SimulatedPosterior::new(&Matrix::new(x, 2)?, &Matrix::new(z, 1)?)?.named(["z"]).hidden(&[16]);
    for (row, x) in observed.iter().enumerate() {
        model = model.observed(row + 1, x)?;
    }
    let fitted = AmortisedFit::new(&model).steps(3000).restarts(1).run()?;

    let mut out = String::new();
    for (line, [x1, x2]) in fitted.summary.iter().zip(observed) {
        let (exact, exact_sd) = ((x1 - 4.0 * x2) / 6.0, (1.0f64 / 6.0).sqrt());
        writeln!(out, "{}: {:5.1} +- {:.1}, exactly {exact:5.2} +- {exact_sd:.2}", line.name, line.mean, line.sd)?;
    }
    // By calibration on pairs that were not trained on, and by how far the observed data are from the simulated.
    writeln!(out, "verdict: {}", fitted.verdict.trust)?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
