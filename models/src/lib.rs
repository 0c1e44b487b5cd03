//! The model zoo of jensen and the parts of its command line.

pub mod cli;
pub mod data;
