//! The lane executor: a plan is laid out for a number of draws and a block of rows, and swept forward and back.

mod adjoints;
mod broadcast;
mod dense;
mod dot_data;
mod layout;
mod pass;
mod rows;
mod structured;
mod sweep;

pub(crate) use pass::{Request, Response, Rows, Workspace, run};
