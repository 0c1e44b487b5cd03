//! Variational inference.
pub mod algorithm;
pub mod automatic;
pub mod diagnose;
pub mod dist;
pub mod estimate;
pub mod export;
pub mod family;
pub mod fit;
pub mod model;
mod number;
pub mod objective;
pub mod optimize;
pub mod posterior;
pub mod program;
pub mod streams;
pub mod target;
pub mod testing;

pub use automatic::{Fit, Fitted, fit};

/// What a model needs.
pub mod prelude {
    pub use crate::dist::*;
    pub use crate::model::{LogJoint, Model, Row};
    pub use crate::program::{Column, Int, IntColumn, Mask, Matrix, Real, Vector};
}
