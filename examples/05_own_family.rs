//! Your own q(z | x): an amortised encoder, one set of parameters for every row.
//!
//! ```text
//! p: z_i ~ N(0, 2), x_i ~ N(z_i, 1)        q: z_i ~ N(a x_i + b, e^c)
//! ```
//!
//! The exact posterior of z_i is N(0.8 x_i, 0.894): the best encoder has a = 0.8, b = 0, e^c = 0.894, and its bound is
//! the log evidence. Every step sees 50 of the 200 rows.
//!
//! Output:
//! ```text
//! a = 0.80, e^c = 0.89
//! ELBO -366.0, exact log evidence -366.0
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::Fit;
use jensen::algorithm::Minibatch;
use jensen::family::{Guide, Guided};
use jensen::prelude::*;
use jensen::streams::Streams;

struct Noisy {
    x: Column,
}

impl Model for Noisy {
    fn log_joint(&self, p: &LogJoint) {
        p.rows(self.x.len(), |i| {
            let z = i.draw("z", normal(0.0, 2.0));
            i.observe(self.x.at(i), normal(z, 1.0));
        });
    }
}

impl Guide for Noisy {
    fn draw(&self, q: &Guided) {
        let (w, ln_sd) = (q.parameter("w", &[2]), q.parameter("ln_sd", &[]).at(0));
        q.rows(|i| {
            i.normal("z", w.at(0) * self.x.at(i) + w.at(1), ln_sd.exp());
        });
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let mut x = vec![0.0; 200];
    Streams::new(3).fill_normal(1, &mut x);
    let evidence: f64 = x.iter().map(|x| -0.1 * x * x - 0.5 * (10.0 * std::f64::consts::PI).ln()).sum();

    let model = Noisy { x: Column::new(x) };
    let fitted = Fit::new(&model).family(&model).minibatch(Minibatch::Shuffled(50)).steps(2000).seed(1).run()?;
    let params = &fitted.solution.params;
    let mut out = format!("a = {:.2}, e^c = {:.2}\n", params[0], params[2].exp());
    writeln!(out, "ELBO {:.1}, exact log evidence {evidence:.1}", fitted.bound().elbo.value)?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
