//! The lane executor: a plan is laid out for a number of draws and a block of rows, and swept forward and back.

mod adjoints;
mod aligned;
mod broadcast;
mod collect;
mod dense;
mod dot_data;
mod layout;
mod linear_algebra;
mod pass;
mod row_steps;
mod rows;
mod structured;
mod sweep;

pub(super) use aligned::{slack, to_line};
pub(crate) use pass::{Request, Response, Rows, Workspace, run};
