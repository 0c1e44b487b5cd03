//! A variational autoencoder: a network for q(z | x), another for p(x | z), both trained by one bound.
//!
//! ```text
//! z ~ N(0, I)    x_p ~ Bernoulli(decoder_theta(z)_p)    q(z | x) = N(mean_phi(x), sd_phi(x)^2)
//! bound = E_q[log p(x | z)] - KL(q || N(0, I)),    KL = sum_k (m_k^2 + s_k^2 - 1) / 2 - ln s_k
//! ```
//!
//! Images of 3 x 3 pixels, each one of three bars: no model is above log p(x) = -ln 3 = -1.10.
//!
//! Output:
//! ```text
//! bound of an image -1.8, log p(x) with 500 draws -1.4
//! decoded 1.00 0.00 0.00 from the code of a left bar
//! decoded 0.00 1.00 0.00 from the code of a middle bar
//! decoded 0.00 0.00 1.00 from the code of a right bar
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use jensen::estimate::ExactKl;
use jensen::family::{Family, IndependentNormals, NormalMoments, TracedFamily};
use jensen::fit::{MaxSteps, run};
use jensen::layers::{Likelihood, Vae};
use jensen::model::{Draws, RowSet};
use jensen::optimize::Adam;
use jensen::posterior::log_evidence_of_normal_rows;
use jensen::program::Matrix;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let pixels: Vec<f64> = (0..90 * 9).map(|k| f64::from(k % 3 == k / 9 % 3)).collect();
    let model = Vae::new(Matrix::new(pixels, 9)?, 2, &[16], Likelihood::Bernoulli);
    let target = Target::new(&model)?;
    let family = TracedFamily::new(&model, target.layout())?;

    // Both networks start at random weights and follow the gradient of one bound, whose KL is exact.
    let start = Solution { params: family.init(&[], 1.0), theta: model.theta(target.layout()) };
    let vi = StochasticVi { start, ..StochasticVi::new(&target, &family) };
    let vi = vi.estimator(ExactKl::default()).draws(1).minibatch(Minibatch::Shuffled(30)).optimizer(Adam::new(0.01));
    let mut state = vi.init()?;
    run(&vi, &mut state, &mut MaxSteps(4000), &mut ())?;
    let solution = vi.output(&state);

    let mut out = String::new();
    let rows: Vec<u32> = (0..90).collect();
    let mean = |draws: usize| -> Result<f64, Box<dyn std::error::Error>> {
        let all = log_evidence_of_normal_rows(&target, &family, &solution, &rows, draws, Streams::new(1))?;
        Ok(all.iter().sum::<f64>() / 90.0)
    };
    writeln!(out, "bound of an image {:.1}, log p(x) with 500 draws {:.1}", mean(1)?, mean(500)?)?;

    // From images to codes and back: the means of q, and the decoder alone.
    let three = RowSet { subset: Some(vec![0, 1, 2]), ..RowSet::all() };
    let mut codes = NormalMoments::default();
    family.normals(&solution.params, &three, &mut codes);
    let decoder = Target::new(&model.generator(3))?;
    let z = Draws { num_draws: 1, num_rows: 3, row_latents: codes.mean, ..Draws::default() };
    let made = decoder.constrained_rows(&solution.theta, &z, &RowSet::all());
    for (row, bar) in ["left", "middle", "right"].iter().enumerate() {
        let top: Vec<f64> = (0..3).filter_map(|p| made.named(&format!("x[{p}]")).map(|x| x[row])).collect();
        writeln!(out, "decoded {:.2} {:.2} {:.2} from the code of a {bar} bar", top[0], top[1], top[2])?;
    }
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
