//! An integer latent: when did the rate change?
//!
//! ```text
//! early, late ~ Gamma(2, 1)    k uniform on 0 .. 11    count_t ~ Poisson(early if t < k else late)
//! ```
//!
//! The fit sums the change point out, so that q is of the rates alone, and draws it from its probabilities given the rates.
//!
//! Output:
//! ```text
//! full-rank family, natural-gradient optimiser, 64 draws
//! early 4.4 +- 0.8
//! late  1.3 +- 0.5
//! P(k = 5 | data) = 0.0
//! P(k = 6 | data) = 0.3
//! P(k = 7 | data) = 0.6
//! P(k = 8 | data) = 0.1
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::prelude::*;

struct Change {
    count: Column,
}

impl Model for Change {
    fn log_joint(&self, p: &LogJoint) {
        let (early, late) = (p.draw("early", gamma(2.0, 1.0)), p.draw("late", gamma(2.0, 1.0)));
        let k = p.integer("k", 0..self.count.len() as u32);
        p.rows(self.count.len(), |t| {
            let rate = t.number().less_than(k).select(early, late);
            t.observe(self.count.at(t), poisson(rate));
        });
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let count = [5.0, 4.0, 6.0, 3.0, 5.0, 7.0, 3.0, 1.0, 0.0, 2.0, 1.0, 1.0];
    let fitted = jensen::fit(&Change { count: Column::new(count) })?;
    let mut out = format!("{}\n", fitted.plan);
    for line in fitted.summary().iter().filter(|line| line.name != "k") {
        writeln!(out, "{:<5} {:.1} +- {:.1}", line.name, line.mean, line.sd)?;
    }
    let draws = fitted.draws("k").ok_or("no k")?;
    for k in 5..9 {
        let share = draws.iter().filter(|draw| **draw == f64::from(k)).count() as f64 / draws.len() as f64;
        writeln!(out, "P(k = {k} | data) = {share:.1}")?;
    }
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
