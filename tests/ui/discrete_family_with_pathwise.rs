//! A family without a transform of noise and an estimator that needs one.
use jensen::estimate::{GradientEstimator, StickingTheLanding};
use jensen::family::Categorical;
use jensen::target::{LogDensity, Target};

fn needs<T: ?Sized, F: ?Sized>(_: &impl GradientEstimator<T, F>, _: &T, _: &F) {}

fn fit(target: &Target) {
    let family = Categorical::new(target.layout()).unwrap();
    needs(&StickingTheLanding, target, &family);
}

fn main() {}
