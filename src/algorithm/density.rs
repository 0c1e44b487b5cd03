//! A density seen from an algorithm: points and blocks of draws in, values and gradients out, evaluations counted.

use crate::model::{Draws, RowSet};
use crate::target::{DensityError, Differentiable, Pass};

/// A target at fixed theta over all rows, with buffers that are kept between calls.
pub(crate) struct Density<'a, T: ?Sized> {
    target: &'a T,
    theta: &'a [f64],
    rows: RowSet,
    point: Draws,
    grad: Draws,
    grad_theta: Vec<f64>,
    pass: Pass,
    /// Evaluations so far, one for each draw.
    pub evaluations: u64,
}

impl<'a, T: Differentiable + ?Sized> Density<'a, T> {
    pub fn new(target: &'a T, theta: &'a [f64]) -> Self {
        let layout = target.layout();
        Density {
            target,
            theta,
            rows: RowSet::all(),
            point: Draws::zeros(layout, layout.num_rows, 1),
            grad: Draws::default(),
            grad_theta: vec![0.0; layout.num_parameters],
            pass: Pass::default(),
            evaluations: 0,
        }
    }

    /// A block of zeros to be filled with `num_draws` draws.
    pub fn block(&self, num_draws: usize) -> Draws {
        let layout = self.target.layout();
        Draws::zeros(layout, layout.num_rows, num_draws)
    }

    /// The log density at one point; overwrites `grad`. Negative infinity where either is not finite.
    pub fn at(&mut self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        self.point.latents.copy_from_slice(x);
        let mut point = std::mem::take(&mut self.point);
        let outcome = self.gradients(&point).map(|_| ());
        std::mem::swap(&mut self.point, &mut point);
        outcome?;
        grad.copy_from_slice(&self.grad.latents);
        let value = self.pass.log_density[0];
        let finite = value.is_finite() && grad.iter().all(|g| g.is_finite());
        Ok(if finite { value } else { f64::NEG_INFINITY })
    }

    /// Values of a block: `[draw]`.
    pub fn values(&mut self, z: &Draws) -> Result<&[f64], DensityError> {
        self.evaluations += z.num_draws as u64;
        self.target.log_density(self.theta, z, &self.rows, &mut self.pass)?;
        Ok(&self.pass.log_density)
    }

    /// Values and gradients of a block: `([draw], [latent][draw])`.
    pub fn gradients(&mut self, z: &Draws) -> Result<(&[f64], &[f64]), DensityError> {
        self.evaluations += z.num_draws as u64;
        let Density { target, theta, rows, grad, grad_theta, pass, .. } = self;
        target.log_density_and_gradient(theta, z, rows, pass, grad, grad_theta)?;
        Ok((&self.pass.log_density, &self.grad.latents))
    }
}

/// `a . b`
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `y += factor * x`
pub(crate) fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}
