//! [`AnyEstimator`]: an estimator that is chosen at run time, and its state.

use std::any::Any;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, ser};

use super::{Estimate, GradientEstimator, Space, Task};
use crate::target::DensityError;

/// A [`GradientEstimator`] without its type of state, for lists of them and choices at run time.
///
/// Every estimator is one, and a box of one, or a reference to one, is an estimator again, whose state is an
/// [`ErasedState`]: nobody implements this.
///
/// ```
/// use jensen::estimate::{AnyEstimator, Pathwise, ScoreFunction};
/// use jensen::family::MeanField;
/// use jensen::target::Target;
///
/// let noisy = true;
/// let estimator: Box<dyn AnyEstimator<Target, MeanField>> =
///     if noisy { Box::new(ScoreFunction::default()) } else { Box::new(Pathwise::default()) };
/// ```
pub trait AnyEstimator<T: ?Sized, F: ?Sized>: Sync {
    /// The state before the first step, as of [`GradientEstimator::init`].
    fn init_any(&self, target: &T, family: &F) -> ErasedState;

    /// As [`GradientEstimator::estimate`].
    ///
    /// # Errors
    /// As there, and where a state that was saved is not one of this estimator.
    fn estimate_any(
        &self,
        of: &Task<T, F>,
        state: &mut ErasedState,
        space: &mut Space,
    ) -> Result<Estimate, DensityError>;

    /// Whether a state belongs to this target and family, as [`GradientEstimator::fits`] says.
    fn fits_any(&self, state: &ErasedState, target: &T, family: &F) -> bool;
}

impl<T: ?Sized, F: ?Sized, E: GradientEstimator<T, F>> AnyEstimator<T, F> for E {
    fn init_any(&self, target: &T, family: &F) -> ErasedState {
        ErasedState::new(self.init(target, family))
    }

    fn estimate_any(
        &self,
        of: &Task<T, F>,
        state: &mut ErasedState,
        space: &mut Space,
    ) -> Result<Estimate, DensityError> {
        self.estimate(of, state.get_or(|| self.init(of.target, of.family))?, space)
    }

    fn fits_any(&self, state: &ErasedState, target: &T, family: &F) -> bool {
        match &state.0 {
            Kept::Saved(text) => serde_json::from_str(text).is_ok_and(|own: E::State| self.fits(&own, target, family)),
            // Another estimator's is replaced by a fresh one.
            Kept::Live(_) => state.get().is_none_or(|own| self.fits(own, target, family)),
        }
    }
}

macro_rules! delegate {
    ($($pointer:ty),*) => { $(
        impl<T: ?Sized, F: ?Sized, E: AnyEstimator<T, F> + ?Sized> GradientEstimator<T, F> for $pointer {
            type State = ErasedState;

            fn init(&self, target: &T, family: &F) -> ErasedState {
                (**self).init_any(target, family)
            }

            fn estimate(
                &self,
                of: &Task<T, F>,
                state: &mut ErasedState,
                space: &mut Space,
            ) -> Result<Estimate, DensityError> {
                (**self).estimate_any(of, state, space)
            }

            fn fits(&self, state: &ErasedState, target: &T, family: &F) -> bool {
                (**self).fits_any(state, target, family)
            }
        }
    )* };
}
delegate!(&E, Box<E>);

/// The state of an [`AnyEstimator`].
///
/// It is saved as the text of the state within, and read again by the estimator that goes on from it. The state of another
/// estimator is replaced by a fresh one, so that a fit can change its estimator on the way.
pub struct ErasedState(Kept);

enum Kept {
    Live(Box<dyn Live>),
    /// As it was saved, until an estimator says what it is.
    Saved(String),
}

/// A state of some type.
trait Live: Any + Send {
    fn copy(&self) -> Box<dyn Live>;
    fn text(&self) -> Result<String, serde_json::Error>;
}

impl<S: Clone + Serialize + Send + 'static> Live for S {
    fn copy(&self) -> Box<dyn Live> {
        Box::new(self.clone())
    }

    fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

impl ErasedState {
    fn new(state: impl Clone + Serialize + Send + 'static) -> Self {
        ErasedState(Kept::Live(Box::new(state)))
    }

    /// The state within, if it is an `S`.
    fn get<S: 'static>(&self) -> Option<&S> {
        match &self.0 {
            Kept::Live(state) => (&**state as &dyn Any).downcast_ref(),
            Kept::Saved(_) => None,
        }
    }

    /// The state within, read from its text where it was saved, or else a `fresh` one.
    fn get_or<S>(&mut self, fresh: impl FnOnce() -> S) -> Result<&mut S, DensityError>
    where
        S: Clone + Serialize + DeserializeOwned + Send + 'static,
    {
        if let Kept::Saved(text) = &self.0 {
            let own = serde_json::from_str::<S>(text);
            *self = ErasedState::new(own.map_err(|e| {
                DensityError::setting(format!("the saved state of an estimator cannot be read: {e}; begin with `init`"))
            })?);
        } else if self.get::<S>().is_none() {
            *self = ErasedState::new(fresh());
        }
        let own = match &mut self.0 {
            Kept::Live(state) => (&mut **state as &mut dyn Any).downcast_mut(),
            Kept::Saved(_) => None,
        };
        own.ok_or_else(|| DensityError::setting("the state of another estimator; begin with `init`"))
    }
}

impl Default for ErasedState {
    /// That of an estimator that keeps nothing.
    fn default() -> Self {
        ErasedState::new(())
    }
}

impl Clone for ErasedState {
    fn clone(&self) -> Self {
        ErasedState(match &self.0 {
            Kept::Live(state) => Kept::Live((**state).copy()),
            Kept::Saved(text) => Kept::Saved(text.clone()),
        })
    }
}

impl std::fmt::Debug for ErasedState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ErasedState").finish_non_exhaustive()
    }
}

impl Serialize for ErasedState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Kept::Live(state) => serializer.serialize_str(&(**state).text().map_err(ser::Error::custom)?),
            Kept::Saved(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for ErasedState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| ErasedState(Kept::Saved(text)))
    }
}
