//! The measure-valued gradient is that of a mean-field Gaussian, or of Poisson counts.
use jensen::estimate::{GradientEstimator, MeasureValued};
use jensen::family::FullRank;
use jensen::target::ValueOnly;

fn needs<T: ?Sized, F: ?Sized>(_: &impl GradientEstimator<T, F>, _: &T, _: &F) {}

fn main() {
    let density = ValueOnly::new(&["x"], |z| -0.5 * z[0] * z[0]);
    needs(&MeasureValued, &density, &FullRank::new(1));
}
