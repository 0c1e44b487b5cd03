//! [`Scratch`]: buffers that hold nothing from step to step.

use serde::{Deserialize, Serialize};

/// The state of an estimator that keeps buffers and nothing else: saved as nothing, and empty again when it is restored.
///
/// No number may be read in another step than the one that wrote it; `testing::laws::resumes` finds out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Scratch<B> {
    /// The buffers, whose contents mean nothing between steps.
    #[serde(skip)]
    pub buffers: B,
}
