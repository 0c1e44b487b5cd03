//! [`IndependentNormals`]: families of independent normal latents, seen by their means and standard deviations.

use super::Reparam;
use crate::model::RowSet;

/// Means and standard deviations of all latents of a pass: those outside of rows, then `[latent][row of the pass]`.
///
/// Also the adjoints of both.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct NormalMoments {
    /// Mean of each latent, in the order of the draws.
    pub mean: Vec<f64>,
    /// Standard deviation of each latent, in the same order.
    pub sd: Vec<f64>,
}

impl NormalMoments {
    /// Sets `num` means and standard deviations to zero; allocates only when they grow.
    pub fn clear(&mut self, num: usize) {
        for part in [&mut self.mean, &mut self.sd] {
            part.clear();
            part.resize(num, 0.0);
        }
    }
}

/// A family `z = mean + sd * noise` whose means and standard deviations depend on the parameters and the data alone.
///
/// Divergences from normal priors, and weights of single rows, follow from the moments in closed form.
pub trait IndependentNormals: Reparam {
    /// Overwrites `out` with the moments of the rows of the pass; false where some latent is not of this kind.
    fn normals(&self, params: &[f64], rows: &RowSet, out: &mut NormalMoments) -> bool;

    /// `grad += (d mean / d params)' bar.mean + (d sd / d params)' bar.sd`; rows count as `bar` says.
    fn pull_normals(&self, params: &[f64], rows: &RowSet, bar: &NormalMoments, grad: &mut [f64]);
}
