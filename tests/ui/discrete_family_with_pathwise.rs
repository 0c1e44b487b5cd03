//! A family without a transform of noise and an estimator that needs one.
use jensen::algorithm::StochasticVi;
use jensen::estimate::StickingTheLanding;
use jensen::family::CategoricalFactors;
use jensen::target::{LogDensity, Target};

fn fit(target: &Target) {
    let family = CategoricalFactors::new(target.layout()).unwrap();
    let _ = StochasticVi::new(target, &family).estimator(StickingTheLanding);
}

fn main() {}
