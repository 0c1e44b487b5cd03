//! Your own optimiser: heavy-ball ascent with a falling step, used like any other.
//!
//! ```text
//! v <- 0.9 v + grad    params <- params + h / sqrt(1 + t / 100) v
//! ```
//!
//! A rule sees slices alone: the gradient of the bound, which it climbs, and the parameters of q, which it moves.
//! The model is mu ~ N(0, 1), x_i ~ N(mu, 1) with ten x_i = 1: the posterior is N(10 / 11, 1 / sqrt 11).
//!
//! Output:
//! ```text
//! q(mu) = N(0.91, 0.30), exact N(0.91, 0.30)
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use jensen::optimize::Optimizer;
use jensen::prelude::*;
use jensen::{FamilyChoice, Fit};

/// Momentum 0.9, first step `step_size`.
struct HeavyBall {
    step_size: f64,
}

impl Optimizer for HeavyBall {
    /// Steps taken, and the velocity: whatever can be saved and loaded.
    type State = (u64, Vec<f64>);

    fn init(&self, params: &[f64]) -> Self::State {
        (0, vec![0.0; params.len()])
    }

    fn ascend(&self, (steps, velocity): &mut Self::State, grad: &[f64], params: &mut [f64]) {
        let step_size = self.step_size / (1.0 + *steps as f64 / 100.0).sqrt();
        *steps += 1;
        for ((x, v), g) in params.iter_mut().zip(velocity).zip(grad) {
            *v = 0.9 * *v + g;
            *x += step_size * *v;
        }
    }
}

struct Mean;

impl Model for Mean {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 1.0));
        p.rows(10, |i| i.observe(1.0, normal(mu, 1.0)));
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let fitted = Fit::new(&Mean).family(FamilyChoice::MeanField).optimizer(HeavyBall { step_size: 0.03 }).run()?;
    let params = &fitted.solution.params;
    let (mean, sd) = (10.0 / 11.0, 11f64.powf(-0.5));
    Ok(format!("q(mu) = N({:.2}, {:.2}), exact N({mean:.2}, {sd:.2})\n", params[0], params[1].exp()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
