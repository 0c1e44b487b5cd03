//! Learnable parameters of the model (empirical Bayes): theta has no prior and moves uphill with q.
//!
//! ```text
//! z_i ~ N(m, e^s)    x_i ~ N(z_i, 1)    theta = (m, s) maximises log p_theta(x)
//! ```
//!
//! x_i ~ N(m, sqrt(1 + e^2s)), so the exact answer is m = mean(x), e^2s = mean (x - m)^2 - 1.
//!
//! Output:
//! ```text
//! m = 1.5, e^s = 2.4; exact 1.5, 2.4
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use jensen::prelude::*;

const X: [f64; 8] = [-3.1, 0.4, 1.9, 5.2, 2.7, -1.0, 4.4, 1.5];

struct Effects {
    x: Column,
}

impl Model for Effects {
    fn log_joint(&self, p: &LogJoint) {
        let theta = p.parameter("theta", &[2]);
        p.rows(self.x.len(), |i| {
            let z = i.draw("z", normal(theta.at(0), theta.at(1).exp()));
            i.observe(self.x.at(i), normal(z, 1.0));
        });
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let fitted = jensen::fit(&Effects { x: Column::new(X) })?;
    let theta = fitted.theta();
    let mean = X.iter().sum::<f64>() / 8.0;
    let sd = (X.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 8.0 - 1.0).sqrt();
    Ok(format!("m = {:.1}, e^s = {:.1}; exact {mean:.1}, {sd:.1}\n", theta[0], theta[1].exp()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
