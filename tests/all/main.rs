//! The tests of the library through its public names, one program.

mod algorithms;
mod allocation;
mod amortised;
mod amortised_models;
mod architecture;
mod automatic;
mod bad_models;
mod blocks;
mod book;
mod compare;
mod cut;
mod domains;
mod estimate;
mod examples;
mod families;
mod laws;
mod layers;
mod mixture;
mod names;
mod own_parts;
mod posterior;
mod recovery;
mod resampled;
mod rounding;
mod saved;
mod simulation;
