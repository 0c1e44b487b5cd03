//! A point mass: latents that are maximised instead of averaged over.

use super::mean_field::{covers_real, lane, lane_mut};
use super::{Family, FamilyError, MeanField, Reparam, rescale_means};
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;

/// Point mass at `params`: all of q in one place, the maximum a posteriori (MAP) block of a family.
///
/// A point mass has no density; by convention `log q = 0` and the entropy is zero, so that maximising the bound
/// maximises the expected log joint, and the value is no longer a bound on the evidence. The maximum is that of the
/// density in the *unconstrained* space, Jacobians included: it moves with the transform, as every MAP does.
///
/// *Shapes*: `params` is one number for each latent outside of rows, then `[latent][row]` for those of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    places: MeanField,
    num_rows: usize,
    num_row_latents: usize,
}

impl Delta {
    /// The family for `layout`.
    pub fn new(layout: &Layout) -> Self {
        let Layout { num_rows, num_row_latents, .. } = *layout;
        Delta { places: MeanField::new(layout), num_rows, num_row_latents }
    }

    /// Calls `visit(place in params, place in draws, in rows)`.
    fn each(&self, rows: &RowSet, mut visit: impl FnMut(usize, usize, bool)) {
        // The mean-field family keeps as many log standard deviations before its rows as there are latents.
        let skipped = self.places.num_latents();
        self.places.each(rows, |mean, _, place, in_rows| {
            visit(if in_rows { mean - skipped } else { mean }, place, in_rows);
        });
    }
}

impl Family for Delta {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        covers_real(self.places.num_latents(), self.num_row_latents, layout)
    }

    fn num_params(&self) -> usize {
        self.places.num_latents() + self.num_row_latents * self.num_rows
    }

    fn sample(&self, params: &[f64], rows: &RowSet, _: Streams, z: &mut Draws) {
        self.transform(params, rows, &[], z);
    }

    fn log_q(&self, _: &[f64], _: &RowSet, _: &Draws, log_q: &mut [f64]) {
        log_q.fill(0.0);
    }

    fn score(&self, _: &[f64], _: &RowSet, _: &Draws, _: &[f64], _: &mut [f64]) {}

    fn entropy(&self, _: &[f64], _: &RowSet) -> Option<f64> {
        Some(0.0)
    }

    fn add_entropy_gradient(&self, _: &[f64], _: &RowSet, _: f64, _: &mut [f64]) {}

    fn init(&self, centre: &[f64], _: f64) -> Vec<f64> {
        let mut params = vec![0.0; self.num_params()];
        params.iter_mut().zip(centre).take(self.places.num_latents()).for_each(|(p, &c)| *p = c);
        params
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        params[..self.places.num_latents()].to_vec()
    }

    fn rescale(&self, params: &mut [f64], centre: &[f64], scale: &[f64]) -> bool {
        rescale_means(&mut params[..self.places.num_latents()], centre, scale);
        true
    }

    fn reparam(&self) -> Option<&dyn Reparam> {
        Some(self)
    }

    fn name(&self) -> String {
        "point mass".into()
    }
}

impl Reparam for Delta {
    fn num_noise(&self, _: &RowSet) -> usize {
        0
    }

    fn transform(&self, params: &[f64], rows: &RowSet, _: &[f64], z: &mut Draws) {
        self.each(rows, |param, place, in_rows| lane_mut(z, place, in_rows).fill(params[param]));
    }

    fn pullback(&self, _: &[f64], rows: &RowSet, _: &[f64], _: &Draws, z_bar: &Draws, grad: &mut [f64]) {
        self.each(rows, |param, place, in_rows| grad[param] += lane(z_bar, place, in_rows).iter().sum::<f64>());
    }

    fn grad_log_q(&self, _: &[f64], _: &RowSet, _: &Draws, grad_z: &mut Draws) {
        grad_z.latents.fill(0.0);
        grad_z.row_latents.fill(0.0);
    }
}
