//! The figures of `docs/notebook/published_comparisons.md`: published comparisons of gradient estimators, measured again.
//!
//! `cargo run --release --example published -- docs/figures` writes the figures there and prints the tables.
#![allow(clippy::print_stdout, reason = "an example prints")]

mod figure;
mod landing;
mod measure;
mod particles;
mod survey;
mod twenty;

type Done = Result<(), Box<dyn std::error::Error>>;

fn main() -> Done {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    std::fs::create_dir_all(&folder)?;
    survey::run(&folder)?;
    landing::run(&folder)?;
    particles::run(&folder)?;
    twenty::run()
}
