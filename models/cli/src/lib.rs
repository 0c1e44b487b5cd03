//! The command line of jensen: arguments, commands, reports and plots.

pub mod cli;
pub mod commands;
