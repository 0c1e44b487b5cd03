//! The families of automatic fits.

use super::plan::FULL_RANK_UP_TO;
use super::{FamilyChoice, MixedFamily};
use crate::algorithm::FitError;
use crate::family::{CategoricalFactors, Delta, Family, FullRank, LowRank, MeanField, Product, Reparam, StudentTNoise};
use crate::model::Layout;

/// Factors of the low-rank family.
const RANK: usize = 10;

/// Degrees of freedom of the Student-t family.
const DEGREES: f64 = 5.0;

/// The family of a model with integers.
pub(super) fn mixed(layout: &Layout) -> Result<MixedFamily, FitError> {
    let discrete = CategoricalFactors::new(layout)?;
    Ok(Product::new(MeanField::new(layout), discrete))
}

/// The family that a fit of a model with this layout uses for `choice` (not [`FamilyChoice::Auto`], which a fit
/// decides): a saved solution is read with it.
///
/// # Errors
/// When the family does not cover the model's latents.
pub fn family_of(choice: FamilyChoice, layout: &Layout) -> Result<Box<dyn Family>, FitError> {
    if layout.num_integers + layout.num_row_integers > 0 {
        return Ok(Box::new(mixed(layout)?));
    }
    Ok(reparameterised(layout, choice)?)
}

pub(super) fn reparameterised(layout: &Layout, choice: FamilyChoice) -> Result<Box<dyn Reparam>, FitError> {
    let d = layout.num_latents;
    let full = d <= FULL_RANK_UP_TO && layout.num_row_latents == 0;
    let family: Box<dyn Reparam> = match choice {
        FamilyChoice::FullRank => Box::new(FullRank::new(d)),
        FamilyChoice::LowRank => Box::new(LowRank::new(d, RANK)),
        FamilyChoice::StudentT if full => Box::new(StudentTNoise::new(FullRank::new(d), DEGREES)?),
        FamilyChoice::StudentT => Box::new(StudentTNoise::new(MeanField::new(layout), DEGREES)?),
        FamilyChoice::Map => Box::new(Delta::new(layout)),
        FamilyChoice::MeanField | FamilyChoice::Auto => Box::new(MeanField::new(layout)),
    };
    family.covers(layout)?;
    Ok(family)
}
