//! Properties of every rule of this room.

mod conjugate;
mod golden;
mod resume;
