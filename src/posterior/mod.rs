//! Summaries of posterior draws and diagnostics of iterates.

pub mod chain;
pub mod statistics;
