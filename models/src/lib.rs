//! The model zoo of jensen, its data, and reference posteriors.

pub mod data;
pub mod reference;
pub mod reference_models;
pub mod registry;
pub mod regression;
pub mod zoo;
