//! Your own regression: rows, a data matrix, groups.
//!
//! ```text
//! b_k ~ N(0, 2)    tau ~ half-normal(1)    a_g ~ N(0, tau)    s ~ half-normal(1)
//! y_i ~ N(a_g(i) + x_i . b, s)
//! ```
//!
//! The data are made from b = (1, -0.5), a = (0.5, 0, -0.5), s = 0.3.
//!
//! Output:
//! ```text
//! b[0]   1.02 +- 0.03
//! b[1]  -0.55 +- 0.03
//! tau    0.60 +- 0.30
//! a[0]   0.51 +- 0.05
//! a[1]  -0.01 +- 0.05
//! a[2]  -0.50 +- 0.05
//! s      0.31 +- 0.02
//! trust
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::prelude::*;
use jensen::streams::Streams;

struct Regression {
    x: Matrix,
    group: IntColumn,
    y: Column,
}

impl Model for Regression {
    fn log_joint(&self, p: &LogJoint) {
        let b = p.draws("b", normal(0.0, 2.0), self.x.num_columns());
        let tau = p.draw("tau", half_normal(1.0));
        let a = p.draws("a", normal(0.0, tau), self.group.num_levels());
        let s = p.draw("s", half_normal(1.0));
        p.rows(self.y.len(), |i| {
            let mean = a.at(self.group.at(i)) + self.x.at(i).dot(&b);
            i.observe(self.y.at(i), normal(mean, s));
        });
    }
}

fn data(n: usize) -> Result<Regression, String> {
    let mut noise = vec![0.0; 3 * n];
    Streams::new(5).fill_normal(1, &mut noise);
    let group: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
    let row = |i: usize| [noise[3 * i], noise[3 * i + 1]];
    let mean = |i: usize| [0.5, 0.0, -0.5][i % 3] + row(i)[0] - 0.5 * row(i)[1];
    let y: Vec<f64> = (0..n).map(|i| mean(i) + 0.3 * noise[3 * i + 2]).collect();
    let x: Vec<f64> = (0..n).flat_map(row).collect();
    Ok(Regression { x: Matrix::new(x, 2)?, group: IntColumn::new(group), y: Column::new(y) })
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let fitted = jensen::fit(&data(120)?)?;
    let mut out = String::new();
    for line in fitted.summary() {
        writeln!(out, "{:<5} {:5.2} +- {:.2}", line.name, line.mean, line.sd)?;
    }
    writeln!(out, "{}", fitted.verdict().trust)?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
