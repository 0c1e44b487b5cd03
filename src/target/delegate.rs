//! Densities behind a reference.

use super::{Constrained, DensityError, Differentiable, Factored, LogDensity, Pass, Target, Workers};
use crate::model::{Draws, Layout, RowSet};
use crate::program::LatentGraph;

impl<T: LogDensity + ?Sized> LogDensity for &T {
    fn layout(&self) -> &Layout {
        (**self).layout()
    }

    fn log_density(&self, theta: &[f64], z: &Draws, rows: &RowSet, out: &mut Pass) -> Result<(), DensityError> {
        (**self).log_density(theta, z, rows, out)
    }

    fn separates_data(&self) -> bool {
        (**self).separates_data()
    }

    fn lacks_row_likelihoods(&self) -> Option<String> {
        (**self).lacks_row_likelihoods()
    }

    fn factored(&self) -> Option<&dyn Factored> {
        (**self).factored()
    }

    fn known_graph(&self) -> Option<&LatentGraph> {
        (**self).known_graph()
    }

    fn relaxed(&self) -> Result<&dyn Differentiable, DensityError> {
        (**self).relaxed()
    }

    fn summed(&self) -> Option<&Target> {
        (**self).summed()
    }

    fn differentiable(&self) -> Option<&dyn Differentiable> {
        (**self).differentiable()
    }

    fn not_finite_at(&self, theta: &[f64], z: &Draws) -> Option<String> {
        (**self).not_finite_at(theta, z)
    }

    fn workers(&self) -> Option<&Workers> {
        (**self).workers()
    }

    fn constrained(&self, theta: &[f64], z: &Draws) -> Constrained {
        (**self).constrained(theta, z)
    }

    fn constrained_rows(&self, theta: &[f64], z: &Draws, rows: &RowSet) -> Constrained {
        (**self).constrained_rows(theta, z, rows)
    }
}

impl<T: Differentiable + ?Sized> Differentiable for &T {
    fn log_density_and_gradient(
        &self,
        theta: &[f64],
        z: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        grad_z: &mut Draws,
        grad_theta: &mut [f64],
    ) -> Result<(), DensityError> {
        (**self).log_density_and_gradient(theta, z, rows, out, grad_z, grad_theta)
    }
}
