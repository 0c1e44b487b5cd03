//! Estimators for one kind of family or target, behind the doors of all.

use super::Mixed;
use super::plan::no_transform;
use crate::estimate::{Design, Estimate, GradientEstimator, Point, RaoBlackwell, Space};
use crate::family::{Categorical, Family, IndependentLatents, Reparam};
use crate::target::{DensityError, Differentiable, LogDensity};

/// An estimator for families `F` as one for families with a transform: `family` stands for the one it is given, and
/// has to be the same.
pub(super) struct ForFamily<F, E> {
    pub family: F,
    pub estimator: E,
}

impl<'f, T: ?Sized, F: Sync, E: GradientEstimator<T, F>> GradientEstimator<T, dyn Reparam + 'f> for ForFamily<F, E> {
    fn estimate(
        &self,
        target: &T,
        _: &(dyn Reparam + 'f),
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        self.estimator.estimate(target, &self.family, at, space, grad, grad_theta)
    }
}

/// The Rao-Blackwellised score function on a density that may or may not tell its terms apart.
pub(super) struct ByTerms;

impl<T: LogDensity + ?Sized, F: IndependentLatents> GradientEstimator<T, F> for ByTerms {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        let target = target
            .factored()
            .ok_or_else(|| DensityError("this density does not tell its terms apart; use the score function".into()))?;
        RaoBlackwell.estimate(target, family, at, space, grad, grad_theta)
    }
}

/// An estimator of the user's own, which sees the density behind a reference.
pub(super) struct Given<E>(pub E);

impl<'t, F, E> GradientEstimator<dyn Differentiable + 't, F> for Given<E>
where
    E: for<'s> GradientEstimator<&'s (dyn Differentiable + 's), F>,
{
    fn estimate(
        &self,
        target: &(dyn Differentiable + 't),
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        self.0.estimate(&target, family, at, space, grad, grad_theta)
    }
}

/// An estimator for families with a transform as one for a family that may or may not have one.
pub(super) struct ByTransform<E>(pub E);

impl<T, F, E> GradientEstimator<T, F> for ByTransform<E>
where
    T: ?Sized,
    F: Family,
    E: for<'f> GradientEstimator<T, dyn Reparam + 'f>,
{
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        let transform = family.reparam().ok_or_else(|| DensityError(no_transform(&family.name())))?;
        self.0.estimate(target, transform, at, space, grad, grad_theta)
    }
}

/// An estimator of integers alone, for models that have no real latents.
pub(super) struct OfIntegers<E>(pub E);

impl<T: ?Sized, E: GradientEstimator<T, Categorical>> GradientEstimator<T, Mixed> for OfIntegers<E> {
    fn estimate(
        &self,
        target: &T,
        family: &Mixed,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        let (params, (_, grad)) = (family.split(at.params).1, family.split_mut(grad));
        self.0.estimate(target, family.discrete(), &Point { params, ..*at }, space, grad, grad_theta)
    }
}

/// An estimator whose draws are spread in a design.
pub(super) struct Spread<E> {
    pub estimator: E,
    pub design: Design,
}

impl<T: ?Sized, F: ?Sized, E: GradientEstimator<T, F>> GradientEstimator<T, F> for Spread<E> {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        self.estimator.estimate(target, family, &Point { design: self.design, ..*at }, space, grad, grad_theta)
    }
}

/// A multi-sample estimator whose draws of a step are one group, of at least `least`.
pub(super) struct OneGroup<E> {
    least: usize,
    make: fn(usize) -> E,
}

impl<E> OneGroup<E> {
    pub fn new(least: usize, make: fn(usize) -> E) -> Self {
        OneGroup { least, make }
    }
}

impl<T: ?Sized, F: ?Sized, E: GradientEstimator<T, F>> GradientEstimator<T, F> for OneGroup<E> {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        if at.num_draws < self.least {
            let (least, found) = (self.least, at.num_draws);
            return Err(DensityError(format!(
                "needs at least {least} draws a step, not {found}; raise the number of draws"
            )));
        }
        (self.make)(at.num_draws).estimate(target, family, at, space, grad, grad_theta)
    }
}

/// An estimator that takes so many times the draws it is asked for.
pub(super) struct Enlarged<E> {
    pub estimator: E,
    pub times: usize,
}

impl<T: ?Sized, F: ?Sized, E: GradientEstimator<T, F>> GradientEstimator<T, F> for Enlarged<E> {
    fn estimate(
        &self,
        target: &T,
        family: &F,
        at: &Point,
        space: &mut Space,
        grad: &mut [f64],
        grad_theta: &mut [f64],
    ) -> Result<Estimate, DensityError> {
        let larger = Point { num_draws: self.times * at.num_draws, ..*at };
        let found = self.estimator.estimate(target, family, &larger, space, grad, grad_theta)?;
        // In units of the draws that were asked for.
        Ok(Estimate { rejected: found.rejected / self.times, ..found })
    }
}
