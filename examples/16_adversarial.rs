//! A q that can be drawn from and has no density: what stands in for log q is learnt beside it.
//!
//! ```text
//! z ~ N(0, 1)    x_1 ~ N(z, 1)    x_2 ~ N(-z, 1/2)    z = network(x, noise)
//! maximise E_q[log p(x, z) - T(x, z) - log N(z; 0, 1)],    T a logistic regression of draws of q against N(0, 1)
//! ```
//!
//! With a linear network and a quadratic T both can be exact; the posterior is N((x_1 - 4 x_2) / 6, 1 / 6).
//!
//! Output:
//! ```text
//! first row: 0.4 +- 0.4, exactly 0.4 +- 0.4
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use jensen::algorithm::{AdversarialVi, Algorithm, Solution};
use jensen::family::{Family, Reparam, TracedFamily};
use jensen::fit::{MaxSteps, run};
use jensen::layers::{DensityRatio, ImplicitEncoder, InitialWeights};
use jensen::model::{Draws, RowSet};
use jensen::objective::mean_and_standard_error;
use jensen::optimize::{Adam, Average, Schedule};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

struct Simulator(Matrix);

impl Model for Simulator {
    fn log_joint(&self, p: &LogJoint) {
        p.rows(self.0.num_rows(), |i| {
            let z = i.draws("z", normal(0.0, 1.0), 1).at(0);
            i.observe(self.0.at(i).at(0), normal(z, 1.0));
            i.observe(self.0.at(i).at(1), normal(-z, 0.5));
        });
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let (mut e, n, steps) = (vec![0.0; 3 * 500], 500, 3000);
    Streams::new(13).fill_normal(1, &mut e);
    let x = Matrix::new(e.chunks_exact(3).flat_map(|e| [e[0] + e[1], -e[0] + 0.5 * e[2]]).collect::<Vec<_>>(), 2)?;
    let target = Target::new(&Simulator(x.clone()))?;
    let encoder = ImplicitEncoder::new(x.clone(), "z", 1, &[]).start(InitialWeights::Glorot, 2);
    let encoder = TracedFamily::new(&encoder, target.layout())?;
    let ratio = DensityRatio::new(x.clone(), 1, &[]);
    let (contest, log_q) = (Target::new(&ratio.contest())?, Target::new(&ratio.log_q())?);
    let vi = AdversarialVi {
        target: &target,
        encoder: &encoder,
        contest: &contest,
        log_q: &log_q,
        start: Solution { params: encoder.init(&[], 1.0), theta: Vec::new() },
        ratio_start: vec![0.0; log_q.layout().num_parameters],
        optimizer: Adam::new(Schedule::cosine(0.005, 0.0002, steps)),
        ratio_optimizer: Adam::new(Schedule::cosine(0.02, 0.002, steps)),
        ratio_steps: 3,
        batch: 100,
        num_draws: 2,
        average: Average::Polynomial { eta: 8.0 },
        streams: Streams::new(3),
    };
    let mut state = vi.init()?;
    run(&vi, &mut state, &mut MaxSteps(steps), &mut ())?;
    let (rows, draws) = (RowSet::all(), 4000);
    let mut z = Draws::zeros(target.layout(), n, draws);
    let mut noise = vec![0.0; encoder.num_noise(&rows) * draws];
    Streams::new(4).fill_normal(draws, &mut noise);
    encoder.transform(&vi.output(&state).params, &rows, &noise, &mut z);
    let (mean, se) = mean_and_standard_error(&z.row_latents[..draws]);
    let (sd, exact) = (se * (draws as f64).sqrt(), (x.row(0)[0] - 4.0 * x.row(0)[1]) / 6.0);
    Ok(format!("first row: {mean:.1} +- {sd:.1}, exactly {exact:.1} +- {:.1}\n", (1.0f64 / 6.0).sqrt()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
