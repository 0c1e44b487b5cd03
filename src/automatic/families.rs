//! The families of automatic fits.

use std::borrow::Cow;

use super::flows::flow_of;
use super::plan::FULL_RANK_UP_TO;
use super::{FamilyChoice, MixedFamily};
use crate::algorithm::{FitError, Solution};
use crate::family::{
    CategoricalFactors, ConditionalGaussian, Delta, Family, FullRank, FullRankMixture, LowRank, MeanField, Product,
    Reparam, SparseGaussian, StudentTNoise,
};
use crate::model::Layout;
use crate::program::LatentGraph;
use crate::target::LogDensity;

/// Factors of the low-rank family.
const RANK: usize = 10;

/// Degrees of freedom of the Student-t family.
const DEGREES: f64 = 5.0;

/// The family of a model with integers.
pub(super) fn mixed(layout: &Layout) -> Result<MixedFamily, FitError> {
    let discrete = CategoricalFactors::new(layout)?;
    Ok(Product::new(MeanField::new(layout), discrete))
}

/// The graph of a density's latents: that of its program, or every edge where nothing is known.
pub(super) fn graph_of(target: &dyn LogDensity) -> Cow<'_, LatentGraph> {
    let layout = target.layout();
    let all = layout.num_latents + layout.num_row_latents * layout.num_rows;
    target.known_graph().map_or_else(|| Cow::Owned(LatentGraph::dense(all)), Cow::Borrowed)
}

/// The family that a fit of this density used for `choice` (not [`FamilyChoice::Auto`], which a fit
/// decides) when it found `solution`: a saved one is read with it.
///
/// A full-rank Gaussian with the parameters of several is the mixture that a fit gives where the posterior has several modes,
/// and a sparse one with those of a conditional Gaussian is that.
///
/// # Errors
/// When the family does not cover the model's latents.
pub fn family_of(
    choice: FamilyChoice,
    target: &dyn LogDensity,
    solution: &Solution,
) -> Result<Box<dyn Family>, FitError> {
    let layout = target.layout();
    if layout.num_integers + layout.num_row_integers > 0 {
        return Ok(Box::new(mixed(layout)?));
    }
    let family = reparameterised(target, choice)?;
    let num_params = solution.params.len();
    if choice == FamilyChoice::FullRank
        && num_params != family.num_params()
        && let Some(mixture) = FullRankMixture::of_params(layout.num_latents, num_params)
    {
        return Ok(Box::new(mixture));
    }
    if choice == FamilyChoice::Sparse
        && num_params != family.num_params()
        && let Ok(conditional) = ConditionalGaussian::new(layout, &graph_of(target))
        && conditional.num_params() == num_params
    {
        return Ok(Box::new(conditional));
    }
    Ok(family)
}

pub(super) fn reparameterised(target: &dyn LogDensity, choice: FamilyChoice) -> Result<Box<dyn Reparam>, FitError> {
    let layout = target.layout();
    let d = layout.num_latents;
    let full = d <= FULL_RANK_UP_TO && layout.num_row_latents == 0;
    let family: Box<dyn Reparam> = match choice {
        FamilyChoice::FullRank => Box::new(FullRank::new(d)),
        FamilyChoice::LowRank => Box::new(LowRank::new(d, RANK)),
        FamilyChoice::Sparse => Box::new(SparseGaussian::new(layout, &graph_of(target))?),
        FamilyChoice::StudentT if full => Box::new(StudentTNoise::new(FullRank::new(d), DEGREES)?),
        FamilyChoice::StudentT => Box::new(StudentTNoise::new(MeanField::new(layout), DEGREES)?),
        FamilyChoice::Flow => Box::new(flow_of(target)?),
        FamilyChoice::Map => Box::new(Delta::new(layout)),
        FamilyChoice::MeanField | FamilyChoice::Auto => Box::new(MeanField::new(layout)),
    };
    family.covers(layout)?;
    Ok(family)
}
