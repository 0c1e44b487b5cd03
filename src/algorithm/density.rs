//! A density seen from an algorithm: points and blocks of draws in, values and gradients out, evaluations counted.

use crate::model::{Draws, Layout, RowSet};
use crate::target::{DensityError, Differentiable, LogDensity, Pass};

/// A target at fixed theta over all rows, with buffers that are kept between calls.
pub(crate) struct Density<'a, T: ?Sized> {
    target: &'a T,
    theta: &'a [f64],
    rows: RowSet,
    buffers: Buffers,
    /// Evaluations so far, one for each draw.
    pub evaluations: u64,
}

/// Room for what a density gives back, which outlives the borrow of its target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers {
    point: Draws,
    grad: Draws,
    grad_theta: Vec<f64>,
    pass: Pass,
}

impl<'a, T: Differentiable + ?Sized> Density<'a, T> {
    pub fn new(target: &'a T, theta: &'a [f64]) -> Self {
        Self::within(target, theta, Buffers::default())
    }

    /// As `new`, with buffers of an earlier use, which [`Density::into_buffers`] gives back.
    pub fn within(target: &'a T, theta: &'a [f64], mut buffers: Buffers) -> Self {
        let layout = target.layout();
        buffers.point.resize(layout, layout.num_rows, 1);
        buffers.grad_theta.resize(layout.num_parameters, 0.0);
        Density { target, theta, rows: RowSet::all(), buffers, evaluations: 0 }
    }

    pub fn into_buffers(self) -> Buffers {
        self.buffers
    }

    /// Makes room for `num_draws` draws.
    pub fn resize(&self, num_draws: usize, z: &mut Draws) {
        let layout = self.target.layout();
        z.resize(layout, layout.num_rows, num_draws);
    }

    /// A block of zeros to be filled with `num_draws` draws.
    pub fn block(&self, num_draws: usize) -> Draws {
        let layout = self.target.layout();
        Draws::zeros(layout, layout.num_rows, num_draws)
    }

    /// Which term is not finite at one point, in words for an error.
    pub fn not_finite(&self, x: &[f64]) -> String {
        let mut point = self.block(1);
        point.latents.copy_from_slice(x);
        culprit(self.target, self.theta, &point)
    }

    /// The log density at one point; overwrites `grad`. Negative infinity where either is not finite.
    pub fn at(&mut self, x: &[f64], grad: &mut [f64]) -> Result<f64, DensityError> {
        self.buffers.point.latents.copy_from_slice(x);
        let mut point = std::mem::take(&mut self.buffers.point);
        let outcome = self.gradients(&point).map(|_| ());
        std::mem::swap(&mut self.buffers.point, &mut point);
        outcome?;
        grad.copy_from_slice(&self.buffers.grad.latents);
        let value = self.buffers.pass.log_density[0];
        let finite = value.is_finite() && grad.iter().all(|g| g.is_finite());
        Ok(if finite { value } else { f64::NEG_INFINITY })
    }

    /// Values of a block: `[draw]`.
    pub fn values(&mut self, z: &Draws) -> Result<&[f64], DensityError> {
        self.evaluations += z.num_draws as u64;
        self.target.log_density(self.theta, z, &self.rows, &mut self.buffers.pass)?;
        Ok(&self.buffers.pass.log_density)
    }

    /// Values and gradients of a block, in the latents outside of rows: `([draw], [latent][draw])`.
    pub fn gradients(&mut self, z: &Draws) -> Result<(&[f64], &[f64]), DensityError> {
        self.all_gradients(z).map(|(values, grad)| (values, &grad.latents[..]))
    }

    /// Values and gradients of a block, in all real latents.
    pub fn all_gradients(&mut self, z: &Draws) -> Result<(&[f64], &Draws), DensityError> {
        self.evaluations += z.num_draws as u64;
        let Density { target, theta, rows, buffers, .. } = self;
        let Buffers { grad, grad_theta, pass, .. } = buffers;
        target.log_density_and_gradient(theta, z, rows, pass, grad, grad_theta)?;
        Ok((&pass.log_density, &*grad))
    }
}

/// Which term is not finite at the first draw of all rows, in words for an error.
pub(crate) fn culprit<T: LogDensity + ?Sized>(target: &T, theta: &[f64], z: &Draws) -> String {
    if z.num_draws == 0 {
        return String::new();
    }
    target.not_finite_at(theta, z).map_or(String::new(), |words| format!(" ({words})"))
}

/// The latent with the largest value among draws that have no finite density, in words for an error.
pub(crate) fn farthest(layout: &Layout, z: &Draws) -> String {
    let size = |k: usize| z.latent(k).iter().fold(0.0f64, |most, v| most.max(v.abs()));
    let latent = (0..z.num_latents()).max_by(|&a, &b| size(a).total_cmp(&size(b)));
    let found = latent.and_then(|k| Some((layout.site_of_latent(k)?, z.latent(k).first()?)));
    found.map_or(String::new(), |(site, value)| {
        format!(" (the most extreme latent is \"{}\", at {value:.3e} before its transform)", site.name)
    })
}
