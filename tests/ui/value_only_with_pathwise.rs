//! A density without a gradient and an estimator that needs one.
use jensen::estimate::{GradientEstimator, Pathwise};
use jensen::family::MeanField;
use jensen::target::ValueOnly;

fn needs<T: ?Sized, F: ?Sized>(_: &impl GradientEstimator<T, F>, _: &T, _: &F) {}

fn main() {
    let density = ValueOnly::new(&["x"], |z| -0.5 * z[0] * z[0]);
    needs(&Pathwise::default(), &density, &MeanField::of_dimension(1));
}
