//! A sigmoid belief network with one hidden layer (Neal 1992; Saul, Jaakkola and Jordan 1996): causes that are there
//! or not light the pixels of a picture.
//!
//! ```text
//! h_ij ~ Bernoulli(sigmoid(prior_j))    x_ip ~ Bernoulli(sigmoid(bias_p + weights_p . h_i))
//! ```
//!
//! Weights, biases and prior logits are parameters, held by a weak pull towards zero: without it those of pixels that
//! are never lit would drift for ever. The causes of each picture are integers of its row.

use super::{BuildError, Built, Input};
use jensen::prelude::*;

/// Hidden causes of each row.
const NUM_HIDDEN: usize = 6;

/// Standard deviation of the normal law whose density pulls the parameters.
const PULL: f64 = 2.0;

/// Rows of zeros and ones, and the number of causes.
#[derive(Debug, Clone)]
pub struct SigmoidBeliefNetwork {
    /// One picture in each row.
    pub data: Matrix,
    /// Causes of each picture.
    pub num_hidden: usize,
}

impl Model for SigmoidBeliefNetwork {
    fn log_joint(&self, p: &LogJoint) {
        let prior = p.parameter("prior", &[self.num_hidden]);
        let weights = p.parameter("weights", &[self.data.num_columns(), self.num_hidden]);
        let bias = p.parameter("bias", &[self.data.num_columns()]);
        for theta in [&prior, &weights, &bias] {
            p.add(theta.map(|x| (x / PULL).square()).sum() * -0.5);
        }
        p.rows(self.data.num_rows(), |i| {
            let hidden = |j| i.draw_integer(&format!("h{}", j + 1), bernoulli_logit(prior.at(j))).to_real();
            let hidden = Vector::new(&(0..self.num_hidden).map(hidden).collect::<Vec<_>>());
            i.observe_each(&self.data.at(i).to_vector(), &hidden.dense(&weights, &bias), bernoulli_logit);
        });
    }
}

impl SigmoidBeliefNetwork {
    /// The model on columns of zeros and ones, a pixel each: `--features`, or all.
    ///
    /// # Errors
    /// Cells that are neither zero nor one, or fewer than three columns.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let all = || input.table.given_names().map(str::to_string).collect();
        let names: Vec<String> = input.options.features.clone().unwrap_or_else(all);
        let file = || input.table.file().to_string();
        if names.len() < 3 {
            return Err(BuildError::TooFewQuestions { file: file(), found: names.len(), needed: 3 });
        }
        for name in &names {
            input.yes_or_no(name)?;
        }
        let columns: Vec<&str> = names.iter().map(String::as_str).collect();
        let data = Matrix::new(input.table.matrix(&columns)?, names.len())
            .map_err(|_| crate::data::DesignError::NoFeatures { file: file() })?;
        let num_rows = input.table.num_rows();
        Ok(Built::new(SigmoidBeliefNetwork { data, num_hidden: NUM_HIDDEN }, num_rows).label("bias", names))
    }
}
