//! A first fit: eight schools, with every choice left to the engine.
//!
//! ```text
//! mu ~ N(0, 5)    tau ~ half-Cauchy(5)    eta_j ~ N(0, 1)    theta_j = mu + tau eta_j
//! effect_j ~ N(theta_j, stderr_j)
//! ```
//!
//! `println!("{fitted}")` prints the whole report; here a few of its numbers are read one by one.
//!
//! Output:
//! ```text
//! mu        4.4 +- 3.4
//! tau       3.5 +- 3.1
//! theta[0]  6.0 +- 5.4
//! theta[1]  5.0 +- 4.7
//! theta[2]  3.9 +- 5.3
//! theta[3]  4.8 +- 4.7
//! theta[4]  3.7 +- 4.6
//! theta[5]  4.2 +- 4.7
//! theta[6]  6.3 +- 5.0
//! theta[7]  4.9 +- 5.2
//! ELBO -31.6, log evidence -31.3
//! trust
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::prelude::*;

struct EightSchools {
    effect: Column,
    stderr: Column,
}

impl Model for EightSchools {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 5.0));
        let tau = p.draw("tau", half_cauchy(5.0));
        let eta = p.draws("eta", normal(0.0, 1.0), self.effect.len());
        let theta = eta.map(|eta| mu + tau * eta);
        p.derive("theta", theta);
        p.rows(self.effect.len(), |j| j.observe(self.effect.at(j), normal(theta.at(j), self.stderr.at(j))));
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let model = EightSchools {
        effect: Column::new([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]),
        stderr: Column::new([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]),
    };
    let fitted = jensen::fit(&model)?;
    let mut out = String::new();
    for line in fitted.summary().iter().filter(|line| !line.name.starts_with("eta")) {
        writeln!(out, "{:<8} {:4.1} +- {:.1}", line.name, line.mean, line.sd)?;
    }
    let bound = fitted.bound();
    writeln!(out, "ELBO {:.1}, log evidence {:.1}", bound.elbo.value, bound.log_evidence.value)?;
    writeln!(out, "{}", fitted.verdict().trust)?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
