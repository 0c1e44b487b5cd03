//! [`Q`]: the families of codes, normal latents alone or with a class beside them.

use crate::family::{Discrete, Family, FamilyError, IndependentNormals, NormalMoments, Product, TracedFamily};
use crate::layers::CategoricalEncoder;
use crate::model::{Draws, Layout, RowSet};
use crate::streams::Streams;

/// q of a code.
pub(super) enum Q {
    /// A q of normal latents alone.
    Normal(Box<TracedFamily>),
    /// Normal latents, or none, and a class.
    Mixed(Box<Product<TracedFamily, CategoricalEncoder>>),
}

impl Q {
    /// Overwrites `out` with the moments of the latents of `rows`; empty without latents.
    pub fn moments(&self, params: &[f64], rows: &RowSet, out: &mut NormalMoments) {
        out.clear(0);
        match self {
            Q::Normal(family) => family.normals(params, rows, out),
            Q::Mixed(family) => family.real().normals(family.split(params).0, rows, out),
        };
    }

    /// Overwrites `out` with the class's probabilities, `[row][class]`; empty without a class.
    pub fn probabilities(&self, params: &[f64], rows: &RowSet, out: &mut Vec<f64>) {
        out.clear();
        if let Q::Mixed(family) = self {
            family.discrete().all_probabilities(family.split(params).1, rows, out);
        }
    }

    fn any(&self) -> &dyn Family {
        match self {
            Q::Normal(family) => &**family,
            Q::Mixed(family) => &**family,
        }
    }
}

impl Family for Q {
    fn covers(&self, layout: &Layout) -> Result<(), FamilyError> {
        self.any().covers(layout)
    }

    fn num_params(&self) -> usize {
        self.any().num_params()
    }

    fn sample(&self, params: &[f64], rows: &RowSet, streams: Streams, z: &mut Draws) {
        self.any().sample(params, rows, streams, z);
    }

    fn log_q(&self, params: &[f64], rows: &RowSet, z: &Draws, log_q: &mut [f64]) {
        self.any().log_q(params, rows, z, log_q);
    }

    fn score(&self, params: &[f64], rows: &RowSet, z: &Draws, weights: &[f64], grad: &mut [f64]) {
        self.any().score(params, rows, z, weights, grad);
    }

    fn entropy(&self, params: &[f64], rows: &RowSet) -> Option<f64> {
        self.any().entropy(params, rows)
    }

    fn add_entropy_gradient(&self, params: &[f64], rows: &RowSet, weight: f64, grad: &mut [f64]) {
        self.any().add_entropy_gradient(params, rows, weight, grad);
    }

    fn init(&self, centre: &[f64], scale: f64) -> Vec<f64> {
        self.any().init(centre, scale)
    }

    fn centre(&self, params: &[f64]) -> Vec<f64> {
        self.any().centre(params)
    }

    fn name(&self) -> String {
        self.any().name()
    }
}
