//! Lower doors: a density with your own gradient, and one with values alone.
//!
//! ```text
//! log p(a, b) = -(a - 1)^2 / 2 - 5 (b - a)^2              gradient by hand: the natural gradient, sd of b sqrt(1.1)
//! log p(u)    = -|u| for u > 0, -2 |u| for u < 0          a branch, no gradient: the score function
//! ```
//!
//! The second is an asymmetric Laplace density with evidence log 1.5.
//!
//! Output:
//! ```text
//! gradient agrees with differences: true
//! a 1.01 +- 0.99
//! b 1.01 +- 1.05
//! u: ELBO 0.33, log evidence 0.40, exact 0.41
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::target::{HandWritten, ValueOnly, check_gradient};
use jensen::{FamilyChoice, Fit};

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let smooth = HandWritten::new(&["a", "b"], |z: &[f64], grad: &mut [f64]| {
        let (from_one, apart) = (z[0] - 1.0, z[1] - z[0]);
        grad[0] = -from_one + 10.0 * apart;
        grad[1] = -10.0 * apart;
        -0.5 * from_one * from_one - 5.0 * apart * apart
    });
    let (error, _) = check_gradient(&smooth, &[0.3, -0.7])?;
    let fitted = Fit::of(&smooth).run()?;
    let mut out = format!("gradient agrees with differences: {}\n", error < 1e-6);
    for line in fitted.summary() {
        writeln!(out, "{} {:.2} +- {:.2}", line.name, line.mean, line.sd)?;
    }
    let branch = ValueOnly::new(&["u"], |z: &[f64]| if z[0] > 0.0 { -z[0] } else { 2.0 * z[0] });
    let fitted = Fit::of(&branch).family(FamilyChoice::MeanField).draws(50).seed(1).run()?;
    let bound = fitted.bound();
    writeln!(out, "u: ELBO {:.2}, log evidence {:.2}, exact 0.41", bound.elbo.value, bound.log_evidence.value)?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
