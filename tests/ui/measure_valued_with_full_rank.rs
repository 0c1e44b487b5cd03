//! The measure-valued gradient is that of a mean-field Gaussian, or of Poisson counts.
use jensen::algorithm::StochasticVi;
use jensen::estimate::MeasureValued;
use jensen::family::FullRank;
use jensen::target::ValueOnly;

fn main() {
    let density = ValueOnly::new(&["x"], |z| -0.5 * z[0] * z[0]);
    let _ = StochasticVi::new(&density, &FullRank::new(1)).estimator(MeasureValued);
}
