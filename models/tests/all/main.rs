//! Fits of the zoo against what is known.

mod integers;
mod regression;
