//! Conjugate mixtures, and the same models written as programs.

mod evidence;
mod fits;
mod kinds;
mod laws;
mod of_experts;
mod twins;
