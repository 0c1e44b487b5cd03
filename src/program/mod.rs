//! Programs: arithmetic on [`Real`] is recorded once and executed in lanes.

pub(crate) mod columns;
mod data;
pub(crate) mod execute;
pub(crate) mod factors;
mod functions;
mod gathers;
mod graph;
mod int;
mod int_column;
mod join;
mod op;
mod ops;
mod options;
pub(crate) mod oracle;
pub(crate) mod plan;
pub(crate) mod range;
mod ranges;
mod real;
pub(crate) mod recording;
pub(crate) mod relaxed;
mod scalars;
pub(crate) mod summed;
mod terms;
#[cfg(test)]
mod tests;
mod vector;
mod workers;

pub use crate::numerics::InstructionSet;
pub use data::{Column, Matrix, MatrixRow, RowIndex};
pub use functions::{custom, log_sum_exp, sum};
pub use graph::LatentGraph;
pub(crate) use graph::graph_of;
pub use int::{Int, Mask};
pub use int_column::{IntColumn, Whole};
pub use options::{Options, Precision};
pub use real::{Known, Real};
pub use vector::{Index, Vector};
pub use workers::Workers;
pub(crate) use workers::{Helpers, each_side_by_side, map_side_by_side};

use std::panic::Location;

/// Which part of the log joint a term belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TermKind {
    /// Log prior density of a latent (`draw`).
    Prior,
    /// Log absolute determinant of a transform from unconstrained to constrained space.
    Jacobian,
    /// Log density of data (`observe`).
    Data,
    /// A bare term (`add`), neither prior nor data.
    Bare,
}

/// A mistake found while a program was recorded.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct ProgramError {
    message: String,
    file: &'static str,
    line: u32,
}

impl ProgramError {
    pub(crate) fn new(message: impl Into<String>, location: &'static Location<'static>) -> Self {
        ProgramError { message: message.into(), file: location.file(), line: location.line() }
    }
}
