//! What a fit is of: a model that was recorded, or a density from elsewhere.

use super::plan::Gradient;
use crate::algorithm::FitError;
use crate::model::{Draws, Layout, RowSet};
use crate::target::{DensityError, Differentiable, LogDensity, Pass, Target};

/// Records a model in the coordinates of a layout.
pub(super) type Recorder<'a> = Box<dyn Fn(&Layout) -> Result<Target, FitError> + 'a>;

/// The density of a fit.
pub(super) enum Density<'a> {
    /// A model, recorded, and what records it again in the coordinates of a layout.
    Recorded(Box<Target>, Recorder<'a>),
    /// A density from elsewhere with a gradient.
    Given(&'a dyn Differentiable),
    /// One of values alone.
    Values(ValuesAlone<'a>),
}

impl<'a> Density<'a> {
    /// A density from elsewhere.
    pub fn of(density: &'a dyn LogDensity) -> Self {
        match density.differentiable() {
            Some(density) => Density::Given(density),
            None => Density::Values(ValuesAlone(density)),
        }
    }

    pub fn differentiable(&self) -> &dyn Differentiable {
        match self {
            Density::Recorded(target, _) => &**target,
            Density::Given(density) => *density,
            Density::Values(values) => values,
        }
    }

    pub fn gradient(&self) -> Gradient {
        if matches!(self, Density::Values(_)) { Gradient::Missing } else { Gradient::There }
    }
}

/// A density without a gradient, where the engine's types ask for one: the plan never does.
pub(super) struct ValuesAlone<'a>(&'a dyn LogDensity);

impl LogDensity for ValuesAlone<'_> {
    fn layout(&self) -> &Layout {
        self.0.layout()
    }

    fn log_density(&self, theta: &[f64], z: &Draws, rows: &RowSet, out: &mut Pass) -> Result<(), DensityError> {
        self.0.log_density(theta, z, rows, out)
    }
}

impl Differentiable for ValuesAlone<'_> {
    fn log_density_and_gradient(
        &self,
        _: &[f64],
        _: &Draws,
        _: &RowSet,
        _: &mut Pass,
        _: &mut Draws,
        _: &mut [f64],
    ) -> Result<(), DensityError> {
        Err(DensityError::unsupported("this density has values alone; use an estimator of values such as score-loo"))
    }
}
