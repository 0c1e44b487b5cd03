//! Families whose draws have no simple formula: quantiles found by Newton's method, and their derivatives by
//! differentiating the distribution function ("implicit reparameterisation").

mod angle;
mod beta;
mod dirichlet;
mod gamma;
mod independent;
mod log_gamma;
mod quadrature;
#[cfg(test)]
mod tests;
mod von_mises;

pub use beta::{BetaFactors, BetaLaw};
pub use dirichlet::DirichletFactors;
pub use gamma::{GammaFactors, GammaLaw};
pub use independent::{Independent, ScalarLaw};
pub use von_mises::{VonMisesFactors, VonMisesLaw};

use super::FamilyError;
use crate::model::{Layout, Site, SiteKind};

/// Refuses the first real site whose support begins with none of `accepted`.
fn refuse_supports(layout: &Layout, family: &str, accepted: &[&str]) -> Result<(), FamilyError> {
    let real = |s: &&Site| matches!(s.kind, SiteKind::Latent | SiteKind::RowLatent);
    let strange = |s: &&Site| !accepted.iter().any(|a| s.support.starts_with(a));
    match layout.sites.iter().filter(real).find(strange) {
        Some(Site { name, support, .. }) => Err(FamilyError::setting(
            "layout",
            format!(
                "the {family} draws sites that are {}; site \"{name}\" is {support}: give it another family in a `Blockwise`",
                accepted.iter().map(|a| format!("`{a}..`")).collect::<Vec<_>>().join(" or ")
            ),
        )),
        None => Ok(()),
    }
}

/// The `c` in e^-12 to e^30 where the decreasing `f(c)` is `target`, by bisection of its logarithm.
fn where_equal(target: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-12.0_f64, 30.0_f64);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        *if f(middle.exp()) > target { &mut low } else { &mut high } = middle;
    }
    (0.5 * (low + high)).exp()
}
