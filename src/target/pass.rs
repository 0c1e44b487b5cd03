//! [`Pass`]: what one evaluation of a density asks for and returns.

use super::states::States;
use crate::program::execute::{Response, Workspace};

/// Options, results and scratch memory of an evaluation; kept between steps, so that no step allocates.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    /// Asks for each row's terms. Where a model has several `rows` blocks, the first rows of all blocks are one row, and
    /// so on: add up what belongs to one observation in one block.
    pub want_row_terms: bool,
    /// Multiplies data terms against prior and Jacobian terms; `None` is one.
    pub data_weight: Option<f64>,
    /// Multiplies each draw in the gradient; empty for ones.
    pub draw_weights: Vec<f64>,
    /// Log density of each draw, `[draw]`: terms outside of rows plus the weighted sum over the rows.
    pub log_density: Vec<f64>,
    /// The data terms' part of `log_density`, `[draw]` (empty when data is not told apart).
    pub data: Vec<f64>,
    /// Data terms of each row, unweighted, `[row of the pass][draw]`, on request.
    pub row_data: Vec<f64>,
    /// Prior and Jacobian terms of each row, unweighted, `[row of the pass][draw]`, on request.
    pub row_prior: Vec<f64>,
    /// Sums of the addends that see the same latents, `[group][draw]`.
    pub(crate) groups: Vec<f64>,
    pub(crate) states: Option<Box<States>>,
    pub(crate) factored: Workspace<f64>,
    pub(crate) factored_single: Workspace<f32>,
    pub(crate) response: Response,
    pub(crate) double: Workspace<f64>,
    pub(crate) single: Workspace<f32>,
    pub(crate) joined_double: Workspace<f64>,
    pub(crate) joined_single: Workspace<f32>,
}
