//! The model-independent parts of the command line: arguments, output, progress, tables and plots.

pub mod args;
mod bounded;
pub mod choices;
pub mod exit;
mod guide;
pub mod manual_args;
pub mod mixture_args;
pub mod number;
pub mod output;
pub mod page;
pub mod plot;
pub mod progress;
pub mod render;
pub mod saved_args;
pub mod vae_args;
mod wrap;
