//! The model zoo of jensen, reference posteriors, and the parts of its command line.

pub mod cli;
pub mod commands;
pub mod data;
pub mod reference;
pub mod reference_models;
pub mod registry;
pub mod zoo;
