//! Gaussian components and their priors.

mod diagonal;
mod full;
mod hierarchical;
mod missing;
mod spherical;
mod student_t;
mod tied;
mod wishart;

pub use diagonal::DiagonalGaussian;
pub use full::FullGaussian;
pub use hierarchical::HierarchicalGaussian;
pub use spherical::SphericalGaussian;
pub use student_t::FullStudentT;
pub use tied::TiedGaussian;
pub use wishart::NormalWishart;

pub(super) use diagonal::{draw_gamma, gamma_kl};
