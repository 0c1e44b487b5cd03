//! Fixed draws need a family with a transform of noise.
use jensen::algorithm::{Algorithm, FixedDraws, Lbfgs};
use jensen::family::CategoricalFactors;
use jensen::streams::Streams;
use jensen::target::Target;

fn fit(target: &Target, family: &CategoricalFactors) {
    let solver = Lbfgs::default();
    let (num_draws, iterations, tolerance, streams) = (8, 5, 0.01, Streams::new(0));
    let algorithm = FixedDraws { target, family, solver, num_draws, start: vec![], iterations, tolerance, streams };
    let _ = algorithm.init();
}

fn main() {}
