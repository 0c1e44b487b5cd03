//! The named choices of fits and comparisons: variational family, gradient estimator, optimiser, point.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::fmt;

/// The variational family q.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Family {
    /// Chosen by the number of latents: full-rank while that is affordable, else sparse, or low-rank where the graph is dense
    #[default]
    Auto,
    /// Independent Gaussians: fastest, blind to correlation
    MeanField,
    /// One Gaussian with every correlation: cost grows with the square of the number of latents
    FullRank,
    /// Gaussian with a few directions of correlation beside the diagonal
    LowRank,
    /// Gaussian whose precision has the model's own graph: every correlation, at the cost of the graph's edges
    Sparse,
    /// Student-t base with every correlation, for heavy tails
    StudentT,
    /// A RealNVP flow on the axes of a full-rank Gaussian: bends where the posterior does, in thousands of steps
    Flow,
    /// A point at the maximum of the posterior: no uncertainty
    Map,
}

/// The estimator of the bound's gradient; the library's table has their names and what they are.
pub use jensen::automatic::EstimatorChoice as Estimator;

/// What becomes of integer latents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Integers {
    /// Summed out where that is affordable, and in q elsewhere
    #[default]
    Auto,
    /// Summed out: those of rows row by row, the others jointly
    SumOut,
    /// In q, with probabilities of their own
    Categorical,
}

/// How the noise of the draws is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Design {
    /// Independent draws
    #[default]
    Independent,
    /// Opposite pairs, for an even number of draws
    Antithetic,
    /// One draw in each slice of equal probability
    Hypercube,
    /// A scrambled Sobol sequence: best for powers of two
    QuasiRandom,
}

/// Reads the name of an estimator, `rule` and `auto` included.
pub fn estimator() -> impl TypedValueParser<Value = Estimator> {
    among(Estimator::ALL.iter().copied())
}

/// Reads the name of an estimator that can be compared.
pub fn compared_estimator() -> impl TypedValueParser<Value = Estimator> {
    among(Estimator::ALL.iter().copied().filter(|choice| choice.entry().is_some()))
}

fn among(choices: impl Iterator<Item = Estimator>) -> impl TypedValueParser<Value = Estimator> {
    let values: Vec<_> = choices.map(|choice| PossibleValue::new(choice.name()).help(choice.about())).collect();
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Estimator>())
}

/// Reads one of these names.
pub fn named<T>(all: &'static [(&'static str, T)]) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
    T: std::str::FromStr<Err = String>,
{
    PossibleValuesParser::new(all.iter().map(|(name, _)| *name)).try_map(|name| name.parse::<T>().map_err(UnknownName))
}

/// A name that none of the choices has; they are listed before one is read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UnknownName(String);

/// Where gradients are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// Where a fit begins
    Init,
    /// Half-way, in parameters, between the beginning and the optimum
    Middle,
    /// Where a fit ends
    Optimum,
}

/// The optimiser of the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Optimizer {
    /// The best that the family allows
    #[default]
    Auto,
    /// Adam
    Adam,
    /// Adam with decoupled weight decay
    Adamw,
    /// AdaGrad
    Adagrad,
    /// RMSprop
    Rmsprop,
    /// Stochastic gradient ascent with momentum: set --learning-rate
    Sgd,
    /// Distance over gradients: no learning rate
    Dog,
    /// Distance over weighted gradients: no learning rate
    Dowg,
    /// Natural gradient, for Gaussian families
    NaturalGradient,
    /// L-BFGS on a bound with fixed draws: deterministic
    Lbfgs,
    /// Newton-CG on a bound with fixed draws: deterministic
    NewtonCg,
}

macro_rules! shown_by_name {
    ($($choice:ty),*) => {$(
        impl fmt::Display for $choice {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.to_possible_value().map_or(Ok(()), |value| f.pad(value.get_name()))
            }
        }
    )*};
}

shown_by_name!(Design, Family, Integers, Optimizer, Place);

#[cfg(test)]
mod tests {
    use super::*;

    fn names<T: ValueEnum + fmt::Display>() -> Vec<String> {
        T::value_variants().iter().map(T::to_string).collect()
    }

    #[test]
    fn names_are_those_of_the_manual() {
        assert_eq!(
            names::<Family>(),
            ["auto", "mean-field", "full-rank", "low-rank", "sparse", "student-t", "flow", "map"]
        );
        assert_eq!(names::<Integers>(), ["auto", "sum-out", "categorical"]);
        assert_eq!(
            Estimator::ALL.iter().map(|choice| choice.name()).collect::<Vec<_>>(),
            [
                "rule",
                "pathwise",
                "pathwise-mc-entropy",
                "sticking-the-landing",
                "score",
                "score-loo",
                "mixed",
                "control-variate",
                "residual-stein",
                "price",
                "measure-valued",
                "score-moving-average",
                "score-control-variate",
                "rao-blackwell",
                "enumerate",
                "local-expectation",
                "disarm",
                "arm",
                "arms",
                "carms",
                "double-control",
                "rodeo",
                "indecater",
                "unordered-set",
                "rebar",
                "relax",
                "gumbel-softmax",
                "straight-through",
                "importance-weighted",
                "doubly-reparameterised",
                "vimco",
                "local-disarm",
                "renyi",
                "renyi-doubly-reparameterised",
                "wake-phase",
                "auto"
            ]
        );
        assert_eq!(names::<Design>(), ["independent", "antithetic", "hypercube", "quasi-random"]);
        assert_eq!(
            names::<Optimizer>(),
            [
                "auto",
                "adam",
                "adamw",
                "adagrad",
                "rmsprop",
                "sgd",
                "dog",
                "dowg",
                "natural-gradient",
                "lbfgs",
                "newton-cg"
            ]
        );
    }
}
