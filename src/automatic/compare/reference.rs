//! Reference gradients, which the estimators of the ELBO are held against.

use super::super::adapters::OfIntegers;
use super::super::estimators::{EstimatorEntry, estimators, has_integers};
use super::super::integers::Sizes;
use super::super::{EstimatorChoice, FamilyChoice, MixedFamily};
use crate::algorithm::{FitError, Solution};
use crate::estimate::{Design, Enumerate, GradientEstimator, Point, Space, Task};
use crate::model::{Layout, RowSet};
use crate::streams::Streams;
use crate::target::Target;

/// The unbiased estimator a long run of which the others are held against: of integers, every joint value where these
/// are few, or one at a time summed out.
pub(super) fn reference(
    layout: &Layout,
    family: FamilyChoice,
    most_draws: usize,
) -> Result<&'static EstimatorEntry, FitError> {
    let first = match Sizes::of(layout) {
        _ if !has_integers(layout) => None,
        sizes if sizes.are_few() && most_draws <= MOST_ENUMERATED => Some(EstimatorChoice::Enumerate),
        sizes if sizes.rule().0 == EstimatorChoice::StickingTheLanding => None,
        _ => Some(EstimatorChoice::LocalExpectation),
    };
    let mut usable = first.iter().filter_map(|choice| choice.entry()).chain(estimators());
    let found = usable.find(|e| !e.biased && e.kind.is_none() && e.refusal(layout, family).is_none());
    found.ok_or_else(|| FitError::unsupported("estimator", "no estimator is unbiased for this model"))
}

/// Values of integers in all, less one each, up to which 100 draws are compared by default.
pub(super) const MOST_LANES: usize = 32;

/// Draws of a gradient up to which a long run, of four times as many, can evaluate every joint value of few integers.
const MOST_ENUMERATED: usize = 125;

pub(super) fn most(num_draws: &[usize]) -> usize {
    num_draws.iter().copied().max().unwrap_or(1)
}

/// The gradient of integers alone, by their joint values; empty where it cannot be had, which the study reports.
pub(super) fn enumerated(target: &Target, family: &MixedFamily, at: &Solution) -> Vec<f64> {
    let (rows, mut space, estimator) = (RowSet::all(), Space::default(), OfIntegers(Enumerate));
    let (params, theta, streams) = (&at.params, &at.theta, Streams::new(0));
    let at = Point { params, theta, rows: &rows, streams, num_draws: 1, design: Design::Independent };
    let mut state = estimator.init(target, family);
    match estimator.estimate(&Task { target, family, at }, &mut state, &mut space) {
        Ok(_) => space.grad,
        Err(_) => Vec::new(),
    }
}
