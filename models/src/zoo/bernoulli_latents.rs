//! Causes that are there or not, seen through sums of their effects: a test bed for gradients of integers.
//!
//! ```text
//! b_k ~ Bernoulli(sigmoid(prior_logit_k))    x_d ~ N(offset_d + w_d . b, 1)
//! ```

use super::{BuildError, Built, Input};
use crate::data::DesignError;
use jensen::prelude::*;

/// Prior log odds of the twenty latents on the model's own data; on other data they are even.
const PRIOR_LOGIT: [f64; 20] = [
    -0.901, -1.1622, -0.6242, -0.2898, 0.068, -0.4451, -0.7763, -0.8924, -0.1256, 0.3174, -0.3636, -1.1167, -0.9791,
    0.3, -0.3986, -1.3661, -0.5418, -1.0816, -0.8146, -0.744,
];

/// A linear Gaussian model with Bernoulli latents.
#[derive(Debug, Clone)]
pub struct BernoulliLatents {
    /// Prior log odds of each latent.
    pub prior_logit: Vec<f64>,
    /// The effect of each latent on each observation.
    pub w: Matrix,
    /// What each observation is without any latent.
    pub offset: Column,
    /// The observed values.
    pub x: Column,
}

impl Model for BernoulliLatents {
    fn log_joint(&self, p: &LogJoint) {
        let latent = |(k, &logit): (usize, &f64)| p.draw_integer(&format!("b{}", k + 1), bernoulli_logit(logit));
        let b: Vec<Real> = self.prior_logit.iter().enumerate().map(|k| latent(k).to_real()).collect();
        let b = Vector::new(&b);
        p.rows(self.x.len(), |d| d.observe(self.x.at(d), normal(self.offset.at(d) + self.w.at(d).dot(&b), 1.0)));
    }
}

impl BernoulliLatents {
    /// The model on the columns `x`, `offset` and one more for each latent.
    ///
    /// # Errors
    /// Missing columns, no column for a latent, cells that are not numbers.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let (x, offset) = (input.table.real("x")?, input.table.real("offset")?);
        let names: Vec<&str> = input.table.given_names().filter(|name| !["x", "offset"].contains(name)).collect();
        let no_features = || DesignError::NoFeatures { file: input.table.file().to_string() };
        let w = Matrix::new(input.table.matrix(&names)?, names.len()).map_err(|_| no_features())?;
        let prior_logit = if input.embedded { PRIOR_LOGIT.to_vec() } else { vec![0.0; names.len()] };
        let num_rows = x.len();
        let model = BernoulliLatents { prior_logit, w, offset: Column::new(offset), x: Column::new(x) };
        Ok(Built::new(model, num_rows))
    }
}
