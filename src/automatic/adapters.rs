//! Estimators for one kind of family or target, behind the doors of all.

use super::MixedFamily;
use super::own::no_transform;
use crate::estimate::{
    AnyEstimator, Design, ErasedState, Estimate, GradientEstimator, Point, RaoBlackwell, Scratch, Space, Task,
};
use crate::family::{CategoricalFactors, Family, IndependentLatents, Reparam};
use crate::target::{DensityError, Differentiable, Factored, LogDensity};

/// An estimator for families `F` as one for families with a transform: `family` stands for the one it is given, and
/// has to be the same.
pub(super) struct ForFamily<F, E> {
    pub family: F,
    pub estimator: E,
}

impl<'f, T: ?Sized, F: Sync, E: GradientEstimator<T, F>> GradientEstimator<T, dyn Reparam + 'f> for ForFamily<F, E> {
    type State = E::State;

    fn init(&self, target: &T, _: &(dyn Reparam + 'f)) -> E::State {
        self.estimator.init(target, &self.family)
    }

    fn estimate(
        &self,
        of: &Task<T, dyn Reparam + 'f>,
        state: &mut E::State,
        space: &mut Space,
    ) -> Result<Estimate, DensityError> {
        self.estimator.estimate(&Task { target: of.target, family: &self.family, at: of.at }, state, space)
    }

    fn fits(&self, state: &E::State, target: &T, _: &(dyn Reparam + 'f)) -> bool {
        self.estimator.fits(state, target, &self.family)
    }
}

/// The Rao-Blackwellised score function on a density that may or may not tell its terms apart.
pub(super) struct ByTerms;

impl<T: LogDensity + ?Sized, F: IndependentLatents> GradientEstimator<T, F> for ByTerms {
    type State = <RaoBlackwell as GradientEstimator<dyn Factored, F>>::State;

    fn init(&self, _: &T, _: &F) -> Self::State {
        Scratch::default()
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut Self::State, space: &mut Space) -> Result<Estimate, DensityError> {
        let words = "this density does not tell its terms apart; use the score function";
        let target = of.target.factored().ok_or_else(|| DensityError::unsupported(words))?;
        RaoBlackwell.estimate(&Task { target, family: of.family, at: of.at }, state, space)
    }
}

/// An estimator of the user's own, which sees the density behind a reference.
pub(super) struct Given<E>(pub E);

impl<'t, F, E> GradientEstimator<dyn Differentiable + 't, F> for Given<E>
where
    E: for<'s> GradientEstimator<&'s (dyn Differentiable + 's), F>,
{
    type State = ErasedState;

    fn init(&self, target: &(dyn Differentiable + 't), family: &F) -> ErasedState {
        self.0.init_any(&target, family)
    }

    fn estimate(
        &self,
        of: &Task<dyn Differentiable + 't, F>,
        state: &mut ErasedState,
        space: &mut Space,
    ) -> Result<Estimate, DensityError> {
        self.0.estimate_any(&Task { target: &of.target, family: of.family, at: of.at }, state, space)
    }

    fn fits(&self, state: &ErasedState, target: &(dyn Differentiable + 't), family: &F) -> bool {
        self.0.fits_any(state, &target, family)
    }
}

/// An estimator for families with a transform as one for a family that may or may not have one.
pub(super) struct ByTransform<E>(pub E);

impl<T, F, E> GradientEstimator<T, F> for ByTransform<E>
where
    T: ?Sized,
    F: Family,
    E: for<'f> AnyEstimator<T, dyn Reparam + 'f>,
{
    type State = ErasedState;

    fn init(&self, target: &T, family: &F) -> ErasedState {
        family.reparam().map_or_else(ErasedState::default, |transform| self.0.init_any(target, transform))
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut ErasedState, space: &mut Space) -> Result<Estimate, DensityError> {
        let transform =
            of.family.reparam().ok_or_else(|| DensityError::unsupported(no_transform(&of.family.name())))?;
        self.0.estimate_any(&Task { target: of.target, family: transform, at: of.at }, state, space)
    }

    fn fits(&self, state: &ErasedState, target: &T, family: &F) -> bool {
        family.reparam().is_none_or(|transform| self.0.fits_any(state, target, transform))
    }
}

/// An estimator of integers alone, for models that have no real latents.
pub(super) struct OfIntegers<E>(pub E);

impl<T: ?Sized, E: GradientEstimator<T, CategoricalFactors>> GradientEstimator<T, MixedFamily> for OfIntegers<E> {
    type State = E::State;

    fn init(&self, target: &T, family: &MixedFamily) -> E::State {
        self.0.init(target, family.discrete())
    }

    fn estimate(
        &self,
        of: &Task<T, MixedFamily>,
        state: &mut E::State,
        space: &mut Space,
    ) -> Result<Estimate, DensityError> {
        let (before, params) = of.family.split(of.at.params);
        let at = Point { params, ..of.at };
        let found = self.0.estimate(&Task { target: of.target, family: of.family.discrete(), at }, state, space)?;
        // The parameters of the real latents, if there are any, come first and stay where they are.
        space.grad.splice(..0, before.iter().map(|_| 0.0));
        Ok(found)
    }

    fn fits(&self, state: &E::State, target: &T, family: &MixedFamily) -> bool {
        self.0.fits(state, target, family.discrete())
    }
}

/// An estimator whose draws are spread in a design.
pub(super) struct Spread<E> {
    pub estimator: E,
    pub design: Design,
}

impl<T: ?Sized, F: ?Sized, E: GradientEstimator<T, F>> GradientEstimator<T, F> for Spread<E> {
    type State = E::State;

    fn init(&self, target: &T, family: &F) -> E::State {
        self.estimator.init(target, family)
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut E::State, space: &mut Space) -> Result<Estimate, DensityError> {
        self.estimator.estimate(&Task { at: Point { design: self.design, ..of.at }, ..*of }, state, space)
    }

    fn fits(&self, state: &E::State, target: &T, family: &F) -> bool {
        self.estimator.fits(state, target, family)
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

impl<T: ?Sized, F: ?Sized, E: GradientEstimator<T, F, State = ()>> GradientEstimator<T, F> for OneGroup<E> {
    type State = ();

    fn init(&self, _: &T, _: &F) {}

    fn estimate(&self, of: &Task<T, F>, state: &mut (), space: &mut Space) -> Result<Estimate, DensityError> {
        let (least, found) = (self.least, of.at.num_draws);
        if found < least {
            let words = format!("needs at least {least} draws a step, not {found}; raise the number of draws");
            return Err(DensityError::setting(words));
        }
        (self.make)(found).estimate(of, state, space)
    }
}

/// An estimator that takes so many times the draws it is asked for.
pub(super) struct Enlarged<E> {
    pub estimator: E,
    pub times: usize,
}

impl<T: ?Sized, F: ?Sized, E: GradientEstimator<T, F>> GradientEstimator<T, F> for Enlarged<E> {
    type State = E::State;

    fn init(&self, target: &T, family: &F) -> E::State {
        self.estimator.init(target, family)
    }

    fn estimate(&self, of: &Task<T, F>, state: &mut E::State, space: &mut Space) -> Result<Estimate, DensityError> {
        let larger = Point { num_draws: self.times * of.at.num_draws, ..of.at };
        let found = self.estimator.estimate(&Task { at: larger, ..*of }, state, space)?;
        // In units of the draws that were asked for.
        Ok(Estimate { rejected: found.rejected / self.times, ..found })
    }

    fn fits(&self, state: &E::State, target: &T, family: &F) -> bool {
        self.estimator.fits(state, target, family)
    }
}
