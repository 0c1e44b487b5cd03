//! Regression with a spike and a slab (George and McCulloch 1993; Kuo and Mallick 1998), on standardised columns:
//! each feature is in or out.
//!
//! ```text
//! alpha ~ N(0, 1)    sigma ~ half-normal(1)    in_k ~ Bernoulli(1/2)    slab_k ~ N(0, 1/2)
//! beta_k = in_k slab_k    y_i ~ N(alpha + x_i . beta, sigma)
//! ```

use super::{BuildError, Built, Input};
use crate::data::ResponseKind;
use jensen::prelude::*;

/// A real response explained by some of its features.
#[derive(Debug, Clone)]
pub struct SpikeAndSlab {
    /// Standardised features.
    pub x: Matrix,
    /// Standardised response.
    pub y: Column,
    /// A name for each feature.
    pub names: Vec<String>,
}

impl Model for SpikeAndSlab {
    fn log_joint(&self, p: &LogJoint) {
        let alpha = p.draw("alpha", normal(0.0, 1.0));
        let sigma = p.draw("sigma", half_normal(1.0));
        let slab = p.draws("slab", normal(0.0, 0.5), self.names.len());
        let inside = self.names.iter().map(|name| p.draw_integer(&format!("in_{name}"), bernoulli(0.5)).to_real());
        let inside = Vector::new(&inside.collect::<Vec<_>>());
        let beta = slab.zip(&inside, |slab, inside| inside * slab);
        p.derive("beta", beta);
        p.rows(self.y.len(), |i| i.observe(self.y.at(i), normal(alpha + self.x.at(i).dot(&beta), sigma)));
    }
}

impl SpikeAndSlab {
    /// The model of `--response` on `--features`, which may be collinear or more than the rows.
    ///
    /// # Errors
    /// Everything else a regression's data can have wrong.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let data = input.regression(ResponseKind::Real, |spec| spec.standardise_response().allow_collinear())?;
        let names = data.features();
        let built = data.built(SpikeAndSlab { x: data.x.clone(), y: data.y.clone(), names: names.clone() });
        Ok(built.label("slab", names))
    }
}
