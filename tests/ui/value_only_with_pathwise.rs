//! A density without a gradient and an estimator that needs one.
use jensen::algorithm::StochasticVi;
use jensen::estimate::Pathwise;
use jensen::family::MeanField;
use jensen::target::ValueOnly;

fn main() {
    let density = ValueOnly::new(&["x"], |z| -0.5 * z[0] * z[0]);
    let _ = StochasticVi::new(&density, &MeanField::of_dimension(1)).estimator(Pathwise::default());
}
