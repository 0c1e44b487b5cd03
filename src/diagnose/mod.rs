//! Is the fit any good? Pareto-smoothed importance sampling, calibration by simulation, and a
//! verdict in words.

mod calibrate;
pub mod calibration;
mod elpd;
pub mod psis;
pub mod verdict;

pub use calibrate::{CalibrateError, DataSet, calibrate};
pub use elpd::{ElpdDifference, ElpdError, compare_elpd, stacking_weights};
