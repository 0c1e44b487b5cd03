//! After the fit: new data from the posterior, leaving rows out, and a file that keeps every bit.
//!
//! ```text
//! a, b ~ N(0, 5)    s ~ half-normal(2)    y_i ~ N(a + b x_i, s)
//! y_rep ~ p(y | z), z ~ p(z | y)          elpd = sum_i log p(y_i | y without y_i)
//! ```
//!
//! Output:
//! ```text
//! share of replicated sums above the observed: 0.5
//! elpd -22 +- 7, row 20 fits worst
//! loaded the same: true
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::posterior::Posterior;
use jensen::prelude::*;

struct Line {
    x: Column,
    y: Column,
}

impl Model for Line {
    fn log_joint(&self, p: &LogJoint) {
        let (a, b) = (p.draw("a", normal(0.0, 5.0)), p.draw("b", normal(0.0, 5.0)));
        let s = p.draw("s", half_normal(2.0));
        p.rows(self.y.len(), |i| i.observe(self.y.at(i), normal(a + b * self.x.at(i), s)));
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let x: Vec<f64> = (0..30).map(|i| 0.1 * f64::from(i) - 1.5).collect();
    let mut y: Vec<f64> = x.iter().enumerate().map(|(i, x)| 1.0 + 2.0 * x + 0.5 * (i as f64 * 2.4).sin()).collect();
    y[20] += 2.0; // one row that does not belong
    let fitted = jensen::fit(&Line { x: Column::new(x), y: Column::new(y) })?;

    let replicated = &fitted.predictive(1000)?[0];
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let above = (0..1000).filter(|&d| sum(&replicated.draw(d)) > sum(&replicated.observed)).count();
    let mut out = format!("share of replicated sums above the observed: {:.1}\n", above as f64 / 1000.0);

    let loo = fitted.loo()?;
    let worst = (0..30).min_by(|&i, &j| loo.pointwise[i].total_cmp(&loo.pointwise[j])).unwrap_or(0);
    writeln!(out, "elpd {:.0} +- {:.0}, row {worst} fits worst", loo.elpd, loo.elpd_se)?;

    let file = std::env::temp_dir().join(format!("jensen-example-{}.json", std::process::id()));
    fitted.save(&file)?;
    let loaded = Posterior::load(&file)?;
    std::fs::remove_file(&file)?;
    writeln!(out, "loaded the same: {}", loaded == fitted.posterior)?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
