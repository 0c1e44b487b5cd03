//! A family of real latents beside a family of integers.

use super::scratch::Pool;
use super::{Family, FamilyError};
use crate::model::{Draws, Layout, RowSet, SiteKind};
use crate::streams::Streams;

/// `q(z, k) = F(z) G(k)`: the real latents drawn by `F`, the integers by `G`, independently.
///
/// *Shapes*: `params` is the parameters of `F`, then those of `G`.
#[derive(Clone, Debug, PartialEq)]
pub struct Product<F, G> {
    real: F,
    discrete: G,
    scratch: Pool<Vec<f64>>,
}

/// Keeps the discrete draws' randomness apart from the real ones'.
pub(crate) const DISCRETE: u32 = 0xd15c;

impl<F: Family, G: Family> Product<F, G> {
    /// The family of real latents from `real` and of integers from `discrete`.
    pub fn new(real: F, discrete: G) -> Self {
        Product { real, discrete, scratch: Pool::default() }
    }

    /// The family of the real latents.
    pub fn real(&self) -> &F {
        &self.real
    }

    /// The family of the integers.
    pub fn discrete(&self) -> &G {
        &self.discrete
    }

    /// The parameters of the real and of the discrete family.
    pub fn split<'a>(&self, params: &'a [f64]) -> (&'a [f64], &'a [f64]) {
        params.split_at(self.real.num_params())
    }

    /// A gradient's parts for the real and for the discrete family.
    pub fn split_mut<'a>(&self, grad: &'a mut [f64]) -> (&'a mut [f64], &'a mut [f64]) {
        grad.split_at_mut(self.real.num_params())
    }

    /// Overwrites the integers of `z`.
    pub fn sample_discrete(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        self.discrete.sample(self.split(params).1, rows, streams.purpose(DISCRETE), z);
    }
}

/// The layout without sites of `kinds`.
fn without(layout: &Layout, kinds: [SiteKind; 2]) -> Layout {
    let mut out = layout.clone();
    out.sites.retain(|s| !kinds.contains(&s.kind));
    if kinds.contains(&SiteKind::Integer) {
        (out.num_integers, out.num_row_integers) = (0, 0);
    } else {
        (out.num_latents, out.num_row_latents) = (0, 0);
    }
    out
}

impl<F: Family, G: Family> Family for Product<F, G> {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        self.real.covers(&without(layout, [SiteKind::Integer, SiteKind::RowInteger]))?;
        self.discrete.covers(&without(layout, [SiteKind::Latent, SiteKind::RowLatent]))
    }

    fn num_params(&self) -> usize {
        self.real.num_params() + self.discrete.num_params()
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        self.real.sample(self.split(params).0, rows, streams, z);
        self.sample_discrete(params, rows, streams, z);
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        let (real, discrete) = self.split(params);
        self.real.log_q(real, rows, z, log_q);
        self.scratch.with(|other| {
            other.resize(log_q.len(), 0.0);
            self.discrete.log_q(discrete, rows, z, other);
            log_q.iter_mut().zip(other).for_each(|(l, o)| *l += *o);
        });
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        let ((real, discrete), (real_grad, discrete_grad)) = (self.split(params), self.split_mut(grad));
        self.real.score(real, rows, z, weights, real_grad);
        self.discrete.score(discrete, rows, z, weights, discrete_grad);
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let (real, discrete) = self.split(params);
        Some(self.real.entropy(real, rows)? + self.discrete.entropy(discrete, rows)?)
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        if self.entropy(params, rows).is_some() {
            let ((real, discrete), (real_grad, discrete_grad)) = (self.split(params), self.split_mut(grad));
            self.real.add_entropy_gradient(real, rows, weight, real_grad);
            self.discrete.add_entropy_gradient(discrete, rows, weight, discrete_grad);
        }
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        let mut params = self.real.init(centre, scale);
        params.extend(self.discrete.init(centre, scale));
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        self.real.centre(self.split(params).0)
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        self.real.rescale(self.split_mut(params).0, centre, scale)
    }

    fn name(&self) -> String {
        format!("{} x {}", self.real.name(), self.discrete.name())
    }
}
