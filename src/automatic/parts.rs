//! The parts of a fit as the builder takes them: a name, or a value of the user's own.

use super::adapters::Given;
use super::{EstimatorChoice, FamilyChoice, OptimizerChoice};
use crate::algorithm::{Algorithm, FitError, Solution};
use crate::estimate::{AnyEstimator, GradientEstimator};
use crate::family::{Family, Guide, Reparam, TracedFamily};
use crate::fit::{Observer, Stop, StoppingRule};
use crate::optimize::{AnyOptimizer, Optimizer};
use crate::streams::Streams;
use crate::target::{Differentiable, LogDensity};

/// How a part was given; the compiler finds it.
pub enum ByName {}
/// How a part was given; the compiler finds it.
pub enum ByValue {}
/// How a part was given; the compiler finds it.
pub enum ByGuide {}

/// What [`Fit::family`](super::Fit::family) takes: a [`FamilyChoice`], a family, or a reference to a [`Guide`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no variational family",
    label = "expected a family here",
    note = "give a `FamilyChoice`, a value that implements `Family`, or a reference to a `Guide`"
)]
pub trait FamilyPart<'a, How> {
    /// The family of the fit.
    type Family: Family + 'static;

    /// The wish it stands for.
    #[doc(hidden)]
    fn wish(self) -> FamilyWish<'a, Self::Family>;
}

/// A family that is named, or how to make the user's own for a density.
#[doc(hidden)]
pub enum FamilyWish<'a, F> {
    /// By name; the function takes the family that the name stands for.
    Named(FamilyChoice, fn(Box<dyn Reparam>) -> F),
    /// The user's own.
    Own(MakeFamily<'a, F>),
}

/// Makes a family for a density.
#[doc(hidden)]
pub type MakeFamily<'a, F> = Box<dyn FnOnce(&dyn LogDensity) -> Result<F, FitError> + 'a>;

impl<'a> FamilyPart<'a, ByName> for FamilyChoice {
    type Family = Box<dyn Reparam>;

    fn wish(self) -> FamilyWish<'a, Box<dyn Reparam>> {
        FamilyWish::Named(self, |family| family)
    }
}

impl<'a, F: Family + 'static> FamilyPart<'a, ByValue> for F {
    type Family = F;

    fn wish(self) -> FamilyWish<'a, F> {
        FamilyWish::Own(Box::new(|_| Ok(self)))
    }
}

impl<'a, G: Guide + ?Sized> FamilyPart<'a, ByGuide> for &'a G {
    type Family = TracedFamily;

    fn wish(self) -> FamilyWish<'a, TracedFamily> {
        FamilyWish::Own(Box::new(move |density| {
            let made = match density.workers() {
                Some(workers) => TracedFamily::with_workers(self, density.layout(), workers),
                None => TracedFamily::new(self, density.layout()),
            };
            Ok(made?)
        }))
    }
}

/// An estimator behind one door, for whatever density the engine shows it.
pub(super) type OwnEstimator<'a, F> = Box<dyn for<'t> AnyEstimator<dyn Differentiable + 't, F> + 'a>;

/// What [`Fit::estimator`](super::Fit::estimator) takes: an [`EstimatorChoice`], or an estimator for the density `T` and
/// the family `F` of the fit.
///
/// An estimator of one's own is generic in the density, `impl<T: Differentiable, F: ..> GradientEstimator<T, F>`: a fit
/// shows it the density in units of its latents.
#[diagnostic::on_unimplemented(
    message = "`{Self}` estimates no gradient for this density and the family `{F}`",
    label = "this estimator and this fit do not go together",
    note = "an estimator is for every `T: Differentiable` (or `T: LogDensity`) and for the family of the fit; choose the family before it"
)]
pub trait EstimatorPart<'a, T: ?Sized, F, How> {
    /// The wish it stands for.
    #[doc(hidden)]
    fn wish(self) -> EstimatorWish<'a, F>;
}

/// An estimator that is named, or the user's own.
#[doc(hidden)]
pub enum EstimatorWish<'a, F> {
    /// One of the library's estimators, chosen by its name.
    Named(EstimatorChoice),
    /// The user's own, with the name of its type.
    Own(String, OwnEstimator<'a, F>),
}

impl<'a, T: ?Sized, F> EstimatorPart<'a, T, F, ByName> for EstimatorChoice {
    fn wish(self) -> EstimatorWish<'a, F> {
        EstimatorWish::Named(self)
    }
}

impl<'a, T, F, E> EstimatorPart<'a, T, F, ByValue> for E
where
    T: ?Sized,
    F: Family + 'static,
    E: GradientEstimator<T, F> + for<'t> GradientEstimator<&'t (dyn Differentiable + 't), F> + 'a,
{
    fn wish(self) -> EstimatorWish<'a, F> {
        EstimatorWish::Own(name_of::<E>(), Box::new(Given(self)))
    }
}

/// What [`Fit::optimizer`](super::Fit::optimizer) takes: an [`OptimizerChoice`], or a rule.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no optimiser",
    label = "expected an optimiser here",
    note = "give an `OptimizerChoice`, or a value that implements `Optimizer`"
)]
pub trait OptimizerPart<How> {
    /// The rule of a stochastic fit.
    type Rule: Optimizer;

    /// The wish it stands for.
    #[doc(hidden)]
    fn wish(self) -> OptimizerWish<Self::Rule>;
}

/// An optimiser that is named, or the user's own.
#[doc(hidden)]
pub enum OptimizerWish<O> {
    /// One of the library's optimisers, chosen by its name.
    Named(OptimizerChoice),
    /// The user's own, with the name of its type.
    Own(String, O),
}

impl OptimizerPart<ByName> for OptimizerChoice {
    type Rule = AnyOptimizer;

    fn wish(self) -> OptimizerWish<AnyOptimizer> {
        OptimizerWish::Named(self)
    }
}

impl<O: Optimizer> OptimizerPart<ByValue> for O {
    type Rule = O;

    fn wish(self) -> OptimizerWish<O> {
        OptimizerWish::Own(name_of::<O>(), self)
    }
}

/// The name of a type without its path and arguments.
fn name_of<X>() -> String {
    let whole = std::any::type_name::<X>();
    let bare = whole.split('<').next().unwrap_or(whole);
    bare.rsplit("::").next().unwrap_or(bare).to_string()
}

/// The name of a value's type.
pub(super) fn name_of_value<X>(_: &X) -> String {
    name_of::<X>()
}

/// Where a run of an algorithm of one's own begins.
#[non_exhaustive]
pub struct Begin<'r, F> {
    /// The density that q approximates.
    pub target: &'r dyn Differentiable,
    /// The family whose parameters are moved.
    pub family: &'r F,
    /// Parameters to start from.
    pub start: Solution,
    /// The run's own randomness.
    pub streams: Streams,
}

/// An algorithm of one's own for [`Fit::algorithm`](super::Fit::algorithm): made afresh for each run of the fit.
pub trait OwnAlgorithm<F> {
    /// The algorithm of a run that begins there.
    ///
    /// # Errors
    /// When its settings are wrong.
    fn algorithm<'r>(&'r self, begin: Begin<'r, F>) -> Result<impl Algorithm<Output = Solution> + 'r, FitError>;
}

/// Runs an algorithm of one's own to its end.
pub(super) type Driver<'a, F> =
    Box<dyn Fn(Begin<F>, &mut dyn StoppingRule, &mut dyn Observer) -> Result<(Solution, Stop), FitError> + 'a>;

pub(super) fn driver<'a, F, A: OwnAlgorithm<F> + 'a>(own: A) -> Driver<'a, F> {
    Box::new(move |begin, rule, observer| {
        let algorithm = own.algorithm(begin)?;
        let mut state = algorithm.init()?;
        let stop = crate::fit::run(&algorithm, &mut state, rule, observer)?;
        Ok((algorithm.output(&state), stop))
    })
}

/// A stopping rule, made afresh for each run.
pub(super) type Rule<'a> = Box<dyn Fn() -> Box<dyn StoppingRule + 'a> + 'a>;

/// The parts of a fit that are the user's own, beside the family.
pub(super) struct Own<'a, F, O> {
    pub estimator: Option<OwnEstimator<'a, F>>,
    pub optimizer: Option<O>,
    pub algorithm: Option<Driver<'a, F>>,
    pub stop: Option<Rule<'a>>,
}

impl<F, O> Own<'_, F, O> {
    /// The user's own stopping rule, or this one.
    pub fn rule<'r>(&'r self, default: impl StoppingRule + 'r) -> Box<dyn StoppingRule + 'r> {
        match &self.stop {
            Some(make) => make(),
            None => Box::new(default),
        }
    }
}
