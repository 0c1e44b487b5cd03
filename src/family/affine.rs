//! [`Affine`]: a family on the axes of a Gaussian.

use super::scratch::Pool;
use super::{Family, FamilyError, FullRank, LocationScale, NoiseLaw, Reparam};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;

/// `z = mean + L w` with a lower triangular `L` and `w` of another family, such as a flow.
///
/// A flow has to learn correlations and scales by many small steps; on the axes of a Gaussian that has them it starts as that
/// Gaussian, and learns what is not Gaussian alone.
///
/// *Shapes*: `params` is the inner family's, then those of a [`FullRank`] with this mean and `L`.
/// It covers the latents outside of rows. `log q(z) = log q(w) - ln |L|` with `w = L^-1 (z - mean)`.
///
/// ```
/// use jensen::family::{Affine, Family, Flow, FullRank};
/// use jensen::model::Layout;
///
/// let layout = Layout { num_latents: 2, ..Layout::default() };
/// let q = Affine::new(Flow::real_nvp(4, 8).family(&layout)?, 2);
/// let params = q.params_on(&FullRank::new(2).init(&[0.5, -1.0], 0.3));
/// let centre = q.centre(&params);
/// assert!((centre[0] - 0.5).abs() < 1e-12 && (centre[1] + 1.0).abs() < 1e-12);
/// # Ok::<(), jensen::family::FamilyError>(())
/// ```
#[derive(Debug)]
pub struct Affine<F> {
    inner: F,
    frame: FullRank,
    scratch: Pool<Scratch>,
}

#[derive(Debug, Default)]
struct Scratch {
    w: Draws,
    bar: Draws,
    slope: Vec<f64>,
}

impl<F: Reparam> Affine<F> {
    /// The images of `inner`, a family of `dimension` latents outside of rows.
    pub fn new(inner: F, dimension: usize) -> Self {
        Affine { inner, frame: FullRank::new(dimension), scratch: Pool::default() }
    }

    /// The family of `w`.
    pub fn inner(&self) -> &F {
        &self.inner
    }

    /// Parameters of the inner family's start on the axes of the Gaussian with the parameters `gaussian` of a [`FullRank`].
    pub fn params_on(&self, gaussian: &[f64]) -> Vec<f64> {
        let mut params = self.inner.init(&vec![0.0; self.frame.dimension()], 1.0);
        params.extend_from_slice(gaussian);
        params
    }

    /// The parameters of both.
    fn parts<'p>(&self, params: &'p [f64]) -> (&'p [f64], &'p [f64]) {
        params.split_at(self.inner.num_params())
    }

    /// Overwrites `w` with the draws whose images `z` holds.
    fn back(&self, frame: &[f64], rows: &RowSet, z: &Draws, w: &mut Draws) {
        w.clone_from(z);
        self.frame.standardise(frame, rows, z, &mut w.latents);
    }

    /// Turns `z`, which holds draws of `w`, into their images.
    fn forth(&self, frame: &[f64], rows: &RowSet, w: &mut Vec<f64>, z: &mut Draws) {
        w.clone_from(&z.latents);
        self.frame.transform(frame, rows, w, z);
    }
}

impl<F: Reparam> Family for Affine<F> {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        self.frame.covers(layout)?;
        self.inner.covers(layout)
    }

    fn num_params(&self) -> usize {
        self.inner.num_params() + self.frame.num_params()
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        let (inner, frame) = self.parts(params);
        self.inner.sample(inner, rows, streams, z);
        self.scratch.with(|Scratch { slope, .. }| self.forth(frame, rows, slope, z));
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        let (inner, frame) = self.parts(params);
        self.scratch.with(|Scratch { w, .. }| {
            self.back(frame, rows, z, w);
            self.inner.log_q(inner, rows, w, log_q);
        });
        let ln_det = self.frame.ln_scale(frame, rows);
        log_q.iter_mut().for_each(|l| *l -= ln_det);
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        // w = L^-1 (z - mean) moves against mean + L w: d log q = -(d log q / dz)' d(mean + L w) - d ln |L|.
        let (inner, frame) = self.parts(params);
        let (of_inner, of_frame) = grad.split_at_mut(inner.len());
        self.scratch.with(|Scratch { w, bar, slope }| {
            self.back(frame, rows, z, w);
            self.inner.score(inner, rows, w, weights, of_inner);
            bar.clone_from(z);
            self.inner.grad_log_q(inner, rows, w, bar);
            slope.clone_from(&bar.latents);
            self.frame.unscale(frame, rows, slope, bar);
            for lane in bar.latents.chunks_exact_mut(z.num_draws) {
                lane.iter_mut().zip(weights).for_each(|(g, weight)| *g *= -weight);
            }
            self.frame.pullback(frame, rows, &w.latents, z, bar, of_frame);
        });
        self.frame.add_entropy_gradient(frame, rows, -weights.iter().sum::<f64>(), of_frame);
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        let (inner, frame) = self.parts(params);
        Some(self.inner.entropy(inner, rows)? + self.frame.ln_scale(frame, rows))
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        let (inner, frame) = self.parts(params);
        if self.inner.entropy(inner, rows).is_some() {
            let (of_inner, of_frame) = grad.split_at_mut(inner.len());
            self.inner.add_entropy_gradient(inner, rows, weight, of_inner);
            self.frame.add_entropy_gradient(frame, rows, weight, of_frame);
        }
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        self.params_on(&self.frame.init(centre, scale))
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        let (inner, frame) = self.parts(params);
        let centre = self.inner.centre(inner);
        let mut z = Draws { num_draws: 1, latents: centre.clone(), ..Draws::default() };
        self.frame.transform(frame, &RowSet::all(), &centre, &mut z);
        z.latents
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        self.frame.rescale(&mut params[self.inner.num_params()..], centre, scale)
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        format!("{}, on full-rank axes", self.inner.name())
    }
}

impl<F: Reparam> Reparam for Affine<F> {
    fn num_noise(&self, rows: &RowSet) -> usize {
        self.inner.num_noise(rows)
    }

    fn noise_law(&self) -> NoiseLaw {
        self.inner.noise_law()
    }

    fn is_one_to_one(&self) -> bool {
        self.inner.is_one_to_one()
    }

    fn transform(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &mut Draws) {
        let (inner, frame) = self.parts(params);
        self.inner.transform(inner, rows, noise, z);
        self.scratch.with(|Scratch { slope, .. }| self.forth(frame, rows, slope, z));
    }

    fn pullback(&self, params: &[f64], rows: &RowSet, noise: &[f64], z: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        let (inner, frame) = self.parts(params);
        let (of_inner, of_frame) = grad.split_at_mut(inner.len());
        self.scratch.with(|Scratch { w, bar, .. }| {
            self.back(frame, rows, z, w);
            self.frame.pullback(frame, rows, &w.latents, z, z_bar, of_frame);
            bar.clone_from(z_bar);
            self.frame.scale_transposed(frame, &mut bar.latents, z.num_draws);
            self.inner.pullback(inner, rows, noise, w, bar, of_inner);
        });
    }

    fn grad_log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, grad_z: &mut Draws) {
        let (inner, frame) = self.parts(params);
        self.scratch.with(|Scratch { w, slope, .. }| {
            self.back(frame, rows, z, w);
            self.inner.grad_log_q(inner, rows, w, grad_z);
            slope.clone_from(&grad_z.latents);
            self.frame.unscale(frame, rows, slope, grad_z);
        });
    }
}
