//! What holds for every rule of this room.

mod conjugate;
mod golden;
mod resume;
