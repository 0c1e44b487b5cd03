//! Jensen's inequality with numbers: the bound, both of its forms, and the gap.
//!
//! For any density q over the latents,
//!
//! ```text
//! log p(x) = log E_q[p(x, z) / q(z)]  >=  E_q[log p(x, z) - log q(z)]  =  ELBO(q)       (Jensen: log is concave)
//! ELBO(q)  = E_q[log p(x | z)] - KL(q || prior)                                         (the second form)
//! log p(x) - ELBO(q) = KL(q || posterior) >= 0                                          (the gap)
//! ```
//!
//! Here x_i ~ N(mu, 1) and mu ~ N(0, 2), so log p(x) and the posterior are known exactly.
//! Each line is another q = N(mean, sd), with 100,000 draws: the prior, the posterior at half its width, the posterior
//! shifted by one sd, the posterior itself.
//! Every number is rounded by itself, so that a line adds up to 0.01.
//!
//! Output:
//! ```text
//! log p(x) = -8.188, posterior N(0.90, 0.44)
//!    mean    sd     ELBO =    data -    KL     gap  exact gap
//!    0.00  2.00   -18.70    -18.70    0.00   10.51      10.58
//!    0.90  0.22    -8.51     -6.68    1.83    0.32       0.32
//!    1.33  0.44    -8.69     -7.42    1.27    0.50       0.50
//!    0.90  0.44    -8.19     -7.05    1.14    0.00       0.00
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write;

use jensen::algorithm::Solution;
use jensen::family::MeanField;
use jensen::fit::Stop;
use jensen::posterior::{Assessment, Posterior};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};

const X: [f64; 5] = [1.2, 0.3, 2.1, -0.4, 1.5];

struct Mean;

impl Model for Mean {
    fn log_joint(&self, p: &LogJoint) {
        let mu = p.draw("mu", normal(0.0, 2.0));
        let x = Column::new(X);
        p.rows(X.len(), |i| i.observe(x.at(i), normal(mu, 1.0)));
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let precision = 0.25 + X.len() as f64;
    let (mean, sd) = (X.iter().sum::<f64>() / precision, precision.powf(-0.5));
    // x ~ N(0, I + 4 11'), whose determinant and quadratic form are short.
    let (n, sum, squares) = (X.len() as f64, X.iter().sum::<f64>(), X.iter().map(|x| x * x).sum::<f64>());
    let spread = 1.0 + 4.0 * n;
    let evidence = -0.5 * (n * std::f64::consts::TAU.ln() + spread.ln() + squares - 4.0 * sum * sum / spread);

    let target = Target::new(&Mean)?;
    let family = MeanField::new(target.layout());
    let stop = Stop::Converged { steps: 0, statistic: 0.0 };
    let mut out = format!("log p(x) = {evidence:.3}, posterior N({mean:.2}, {sd:.2})\n");
    writeln!(out, "   mean    sd     ELBO =    data -    KL     gap  exact gap")?;
    for (m, s) in [(0.0, 2.0), (mean, 0.5 * sd), (mean + sd, sd), (mean, sd)] {
        let solution = Solution { params: vec![m, s.ln()], theta: vec![] };
        let settings = Assessment::new(Streams::new(1), &stop).num_draws(100_000);
        let q = Posterior::assess(&target, &family, &solution, &settings)?;
        let (data, kl) = (q.bound().data.ok_or("no data")?.value, q.bound().kl.ok_or("no prior")?.value);
        let (elbo, exact) =
            (q.bound().elbo.value, 0.5 * ((s / sd).powi(2) + ((m - mean) / sd).powi(2) - 1.0) - (s / sd).ln());
        let gap = evidence - elbo;
        writeln!(out, "{m:7.2} {s:5.2} {elbo:8.2} {data:9.2} {kl:7.2} {gap:7.2} {exact:10.2}")?;
    }
    Ok(out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
