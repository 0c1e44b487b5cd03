//! Is the fit any good? Pareto-smoothed importance sampling, calibration by simulation, and a
//! verdict in words.

pub mod calibration;
pub mod psis;
pub mod verdict;
