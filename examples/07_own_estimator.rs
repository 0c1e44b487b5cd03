//! Your own gradient estimator: antithetic pathwise gradients, measured against the plain ones.
//!
//! ```text
//! 1/S sum over z = T(params, noise) and T(params, -noise) of (dT / d params)' grad log p(z) + d H[q] / d params
//! ```
//!
//! What is odd in the noise cancels: most of the gradient of a mean. (A complete estimator also counts bad draws.)
//!
//! Output:
//! ```text
//! variance with 2 draws: plain 3.9, antithetic 0.8
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use jensen::estimate::{Design, Estimate, GradientEstimator, Pathwise, Point, Space};
use jensen::family::{Family, MeanField, Reparam};
use jensen::prelude::*;
use jensen::streams::Streams;
use jensen::target::{DensityError, Differentiable, LogDensity, Target};

/// Pairs of draws with opposite noise; the number of draws is even.
struct Antithetic;

impl<T: Differentiable, F: Reparam> GradientEstimator<T, F> for Antithetic {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        _: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        let n = at.num_draws;
        space.draw(family, target.layout(), at)?;
        space.noise.chunks_exact_mut(n).for_each(|e| (0..n / 2).for_each(|d| e[n / 2 + d] = -e[d]));
        family.transform(at.params, at.rows, &space.noise, &mut space.z);
        let Space { z, z_bar, pass, grad_theta, .. } = space;
        target.log_density_and_gradient(at.theta, z, at.rows, pass, z_bar, grad_theta)?;
        z_bar.latents.iter_mut().for_each(|g| *g /= n as f64);
        family.pullback(at.params, at.rows, &space.noise, z, z_bar, grad);
        family.add_entropy_gradient(at.params, at.rows, 1.0, grad);
        let entropy = family.entropy(at.params, at.rows).unwrap_or(f64::NAN);
        let value = entropy + pass.log_density.iter().sum::<f64>() / n as f64;
        Ok(Estimate { value, rejected: 0, evaluations: n })
    }
}

struct Logistic;
impl Model for Logistic {
    fn log_joint(&self, p: &LogJoint) {
        let (a, b) = (p.draw("a", normal(0.0, 1.0)), p.draw("b", normal(0.0, 1.0)));
        p.rows(50, |i| i.observe(1.0, bernoulli_logit(a + b * (0.1 * i.number().to_real() - 2.5))));
    }
}

/// The text this example prints.
pub fn report() -> Result<String, Box<dyn std::error::Error>> {
    let target = Target::new(&Logistic)?;
    let (family, rows, design) = (MeanField::new(target.layout()), jensen::model::RowSet::all(), Design::Independent);
    let params = family.init(&[2.0, 0.0], 0.4);
    let variance = |estimator: &dyn GradientEstimator<Target, MeanField>| -> Result<f64, DensityError> {
        let (mut space, mut sum, mut squares) = (Space::default(), 0.0, 0.0);
        for k in 0..2000 {
            let mut grad = vec![0.0; params.len()];
            let at = Point { params: &params, theta: &[], rows: &rows, streams: Streams::new(k), num_draws: 2, design };
            estimator.estimate(&target, &family, &at, &mut space, &mut grad, &mut [])?;
            (sum, squares) = (sum + grad[0], squares + grad[0] * grad[0]);
        }
        Ok(squares / 2000.0 - (sum / 2000.0f64).powi(2))
    };
    let [plain, paired] = [variance(&Pathwise::default())?, variance(&Antithetic)?];
    Ok(format!("variance with 2 draws: plain {plain:.1}, antithetic {paired:.1}\n"))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", report()?);
    Ok(())
}
