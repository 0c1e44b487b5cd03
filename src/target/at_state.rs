//! A target with the integers that it sums out held at one of their joint values.

use super::{Constrained, DensityError, Differentiable, LogDensity, Pass, Target, Workers};
use crate::model::{Draws, Layout, RowSet};

/// `log p(x, z, k)` of a target that sums out the integers `k` outside of rows, at one of their joint values.
///
/// What is not summed over them costs one evaluation of the model for each draw; integers of rows stay summed out.
pub(crate) struct AtState<'t> {
    target: &'t Target,
    state: &'t [u32],
}

impl Target {
    /// The log joint at each of the joint values of the integers outside of rows that are summed out; none where no such are.
    pub(crate) fn at_states(&self) -> impl Iterator<Item = AtState<'_>> {
        self.outside_states().iter().map(|state| AtState { target: self, state })
    }
}

impl AtState<'_> {
    fn with_its_integers(&self, z: &Draws) -> Draws {
        let mut all = z.clone();
        all.integers.clear();
        self.state.iter().for_each(|value| all.integers.extend(std::iter::repeat_n(*value, z.num_draws)));
        all
    }
}

impl LogDensity for AtState<'_> {
    fn layout(&self) -> &Layout {
        self.target.layout()
    }

    fn log_density(&self, theta: &[f64], z: &Draws, rows: &RowSet, out: &mut Pass) -> Result<(), DensityError> {
        self.target.log_density(theta, &self.with_its_integers(z), rows, out)
    }

    fn differentiable(&self) -> Option<&dyn Differentiable> {
        Some(self)
    }

    fn workers(&self) -> Option<&Workers> {
        Some(self.target.workers())
    }

    fn constrained(&self, theta: &[f64], z: &Draws) -> Constrained {
        self.target.constrained(theta, &self.with_its_integers(z))
    }
}

impl Differentiable for AtState<'_> {
    fn log_density_and_gradient(
        &self,
        theta: &[f64],
        z: &Draws,
        rows: &RowSet,
        out: &mut Pass,
        grad_z: &mut Draws,
        grad_theta: &mut [f64],
    ) -> Result<(), DensityError> {
        self.target.log_density_and_gradient(theta, &self.with_its_integers(z), rows, out, grad_z, grad_theta)
    }
}
