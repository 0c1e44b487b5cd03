//! Your own estimator, family and model, measured beside the library's: a template, one file, outside of the crate.
//!
//! Output:
//! ```text
//! Gumbel, 2 parameters
//! sticking-the-landing  variance 0.9538 to 1.5723
//! score-loo             variance 1.4968 to 12.1842
//! lagged                variance 0.5238 to 0.7782
//!   a gradient and the one before it have a correlation of 0.53
//! use sticking-the-landing
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::estimate::{Estimate, GradientEstimator, ScoreFunction, Space, StickingTheLanding, Task};
use jensen::family::{Family, FamilyError, NoiseLaw, Reparam};
use jensen::model::{Draws, Layout, RowSet};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::study::{At, GradientStudy};
use jensen::target::{DensityError, Differentiable, Target};

/// The model: the rate of a rare fault, on the scale of its logarithm, from 3 faults in 20 days.
struct Faults;

impl Model for Faults {
    fn log_joint(&self, p: &LogJoint) {
        let ln_rate = p.draw("ln_rate", normal(-2.0, 1.0));
        p.observe(3.0, poisson(20.0 * ln_rate.exp()));
    }
}

/// The family: a Gumbel law, skewed to the right: `z = place - exp(ln_scale) ln(-ln u)`.
#[derive(Debug)]
struct Gumbel;

impl Gumbel {
    /// `(z - place) / scale`.
    fn standard(params: &[f64], z: f64) -> f64 {
        (z - params[0]) / params[1].exp()
    }
}

impl Family for Gumbel {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        let others = layout.num_row_latents + layout.num_integers + layout.num_row_integers;
        match (layout.num_latents, others) {
            (1, 0) => Ok(()),
            (n, _) => Err(FamilyError::setting(
                "layout",
                format!("a family of one real latent for a model of {n} and {others} others"),
            )),
        }
    }

    fn num_params(&self) -> usize {
        2
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let mut noise = vec![0.0; z.num_draws];
        streams.fill_uniform(z.num_draws, &mut noise);
        self.transform(params, rows, &noise, z);
    }

    fn log_q(&self, params: &[f64], _: &RowSet, z: &Draws, log_q: &mut [f64]) {
        for (out, z) in log_q.iter_mut().zip(&z.latents) {
            let x = Gumbel::standard(params, *z);
            *out = -params[1] - x - (-x).exp();
        }
    }

    fn score(&self, params: &[f64], _: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        for (w, z) in weights.iter().zip(&z.latents) {
            let x = Gumbel::standard(params, *z);
            let slope = 1.0 - (-x).exp(); // - d log q / dx
            grad[0] += w * slope / params[1].exp();
            grad[1] += w * (x * slope - 1.0);
        }
    }

    fn entropy(&self, params: &[f64], _: &RowSet) -> Option<f64> {
        const EULER: f64 = 0.577_215_664_901_532_9;
        Some(params[1] + EULER + 1.0)
    }

    fn add_entropy_gradient(&self, _: &[f64], _: &RowSet, weight: f64, grad: &mut [f64]) {
        grad[1] += weight;
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        // The standard deviation is pi / sqrt 6 of the scale.
        vec![centre[0], (scale * 6f64.sqrt() / std::f64::consts::PI).ln()]
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        vec![params[0]]
    }

    fn name(&self) -> String {
        "Gumbel".into()
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }
}

impl Reparam for Gumbel {
    fn num_noise(&self, _: &RowSet) -> usize {
        1
    }

    fn noise_law(&self) -> NoiseLaw {
        NoiseLaw::Uniform
    }

    fn transform(&self, params: &[f64], _: &RowSet, noise: &[f64], z: &mut Draws) {
        let scale = params[1].exp();
        z.latents.iter_mut().zip(noise).for_each(|(z, u)| *z = params[0] - scale * (-u.ln()).ln());
    }

    fn pullback(&self, params: &[f64], _: &RowSet, _: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        for (z, bar) in z.latents.iter().zip(&z_bar.latents) {
            grad[0] += bar;
            grad[1] += bar * (z - params[0]);
        }
    }

    fn grad_log_q(&self, params: &[f64], _: &RowSet, z: &Draws, grad_z: &mut Draws) {
        for (out, z) in grad_z.latents.iter_mut().zip(&z.latents) {
            let x = Gumbel::standard(params, *z);
            *out = ((-x).exp() - 1.0) / params[1].exp();
        }
    }
}

/// The estimator: sticking the landing less its running mean over the draws of the step before. What it keeps is its state,
/// so that a saved fit goes on to the same bits.
struct Lagged;

impl<T: Differentiable + ?Sized, F: Reparam + ?Sized> GradientEstimator<T, F> for Lagged {
    type State = Vec<f64>;

    fn init(&self, _: &T, family: &F) -> Vec<f64> {
        vec![0.0; family.num_params()]
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut Vec<f64>, space: &mut Space) -> Result<Estimate, DensityError> {
        let out = StickingTheLanding.estimate(of, &mut (), space)?;
        // Half of this gradient, half of the last: less noise, and no estimate of the gradient where q has moved.
        for (g, last) in space.grad.iter_mut().zip(state) {
            (*g, *last) = (0.5 * (*g + *last), *g);
        }
        Ok(out)
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let target = Target::new(&Faults)?;
    let family = Gumbel;
    let report = GradientStudy::new(&target, &family)
        .estimator("sticking-the-landing", StickingTheLanding)
        .estimator("score-loo", ScoreFunction::default())
        .estimator("lagged", Lagged)
        .draws([10])
        .at([At::Init, At::Optimum])
        .run()?; // `println!("{report}")` shows every table, `serde_json` saves it

    let mut out = format!("{}, {} parameters\n", report.family, report.num_params);
    for name in ["sticking-the-landing", "score-loo", "lagged"] {
        let figures = report.figures(name, "optimum", 10).ok_or("not measured")?;
        let [low, high] = [figures.variance_interval.low, figures.variance_interval.high];
        writeln!(out, "{name:<21} variance {low:.4} to {high:.4}")?;
        if let Some(doubt) = &figures.doubt {
            writeln!(out, "  {}", doubt.split(':').next().unwrap_or_default())?;
        }
    }
    let advice = &report.recommendation;
    writeln!(out, "use {}", advice.estimator.as_deref().unwrap_or("none of them"))?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
