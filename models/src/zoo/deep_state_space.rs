//! A deep state-space model of many sequences: a hidden state that moves by a network and is seen through another.
//!
//! ```text
//! z_0 ~ N(0, 1)    z_t ~ N(transition(z_(t-1)), drift^2)    x_t ~ N(emission(z_t), noise^2)
//! ```
//!
//! Transition and emission are linear maps with a network of eight hidden units beside them. q is a gated recurrent network
//! that reads a sequence backwards. `linear-state-space` is the linear model of one series, its states summed out.
//!
//! *Source*: Krishnan, Shalit and Sontag (2017), Structured inference networks for nonlinear state space models.

use super::{BuildError, Built, Input};
use jensen::amortised::Encoded;
use jensen::layers::StateSpace;
use jensen::model::{LogJoint, Model};
use jensen::program::Matrix;

/// Hidden units of transition and emission, and numbers that q carries along.
const HIDDEN: usize = 8;

/// Sequences of a hidden state.
#[derive(Debug, Clone)]
pub struct DeepStateSpace(StateSpace);

impl Model for DeepStateSpace {
    fn log_joint(&self, p: &LogJoint) {
        self.0.log_joint(p);
    }
}

impl DeepStateSpace {
    /// The model of sequences, a row each and a column a step: `--features`, or all.
    ///
    /// # Errors
    /// Cells that are not numbers, fewer than two steps, or fewer than ten sequences.
    pub fn build(input: &Input) -> Result<Built, BuildError> {
        let all = || input.table.given_names().map(str::to_string).collect();
        let names: Vec<String> = input.options.features.clone().unwrap_or_else(all);
        let file = || input.table.file().to_string();
        if names.len() < 2 {
            return Err(BuildError::TooFewColumns {
                file: file(),
                found: names.len(),
                needed: 2,
                of: "numbers, one for each step",
            });
        }
        input.at_least(10, "")?;
        let columns: Vec<&str> = names.iter().map(String::as_str).collect();
        let x = Matrix::new(input.table.matrix(&columns)?, names.len())
            .map_err(|_| crate::data::DesignError::NoFeatures { file: file() })?;
        let invalid = |reason: String| BuildError::NoModel { file: file(), reason };
        let model = StateSpace::new(x, names.len(), 1).map_err(invalid)?.hidden(&[HIDDEN]).memory(HIDDEN);
        let network = Encoded::new(DeepStateSpace(model.clone()), model.clone());
        // Networks end up to 0.2 nats apart; of four runs two reach the same bound.
        Ok(Built::new(DeepStateSpace(model), input.table.num_rows()).network(network).runs(4))
    }
}
