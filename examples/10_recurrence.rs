//! A recurrence: exponential smoothing of the Nile's yearly flow, 1871 to 1900 (Cobb 1978).
//!
//! ```text
//! level ~ N(10, 3)    gain ~ Beta(2, 2)    s ~ half-normal(3)
//! l_0 = level    l_t = l_(t-1) + gain (y_(t-1) - l_(t-1))    y_t ~ N(l_t, s)
//! ```
//!
//! `scan` carries the state; `rows` then reads it, so that only the recurrence runs one step after the other.
//!
//! Output:
//! ```text
//! level 10.9 +- 1.2
//! gain   0.4 +- 0.2
//! s      1.7 +- 0.2
//! next   9.4 +- 0.6
//! trust
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::prelude::*;

struct Smoothing {
    flow: Column,
}

impl Model for Smoothing {
    fn log_joint(&self, p: &LogJoint) {
        let level = p.draw("level", normal(10.0, 3.0));
        let gain = p.draw("gain", beta(2.0, 2.0));
        let s = p.draw("s", half_normal(3.0));
        let y = self.flow.values();
        let levels = p.scan(y.len(), level, |l, t| if t == 0 { l } else { l + gain * (y[t - 1] - l) });
        p.derive("next", levels.at(y.len() - 1) * (1.0 - gain) + gain * y[y.len() - 1]);
        p.rows(y.len(), |t| t.observe(self.flow.at(t), normal(levels.at(t), s)));
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let flow = [
        1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
        1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840,
    ];
    let flow: Vec<f64> = flow.iter().map(|y| f64::from(*y) / 100.0).collect();
    let fitted = jensen::fit(&Smoothing { flow: Column::new(flow) })?;
    let mut out = String::new();
    for line in fitted.summary() {
        writeln!(out, "{:<5} {:4.1} +- {:.1}", line.name, line.mean, line.sd)?;
    }
    writeln!(out, "{}", fitted.verdict().trust)?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
