//! The natural gradient needs a density with a gradient.
use jensen::algorithm::{Algorithm, NaturalGradient};
use jensen::family::FullRank;
use jensen::streams::Streams;
use jensen::target::ValueOnly;

fn main() {
    let target = ValueOnly::new(&["x"], |z| -0.5 * z[0] * z[0]);
    let (family, start) = (FullRank::new(1), vec![0.0, 0.0]);
    let streams = Streams::new(0);
    let algorithm = NaturalGradient { target: &target, family: &family, num_draws: 8, start, tolerance: 0.01, streams };
    let _ = algorithm.init();
}
