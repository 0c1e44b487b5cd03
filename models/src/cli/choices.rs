//! The named choices of a fit: variational family, gradient estimator, optimiser.

use clap::ValueEnum;
use std::fmt;

/// The variational family q.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Family {
    /// Chosen by the number of latents: full-rank while that is affordable, else low-rank
    #[default]
    Auto,
    /// Independent Gaussians: fastest, blind to correlation
    MeanField,
    /// One Gaussian with every correlation: cost grows with the square of the number of latents
    FullRank,
    /// Gaussian with a few directions of correlation beside the diagonal
    LowRank,
    /// Student-t base with every correlation, for heavy tails
    StudentT,
    /// A point at the maximum of the posterior: no uncertainty
    Map,
}

/// The estimator of the bound's gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Estimator {
    /// The best that model and family allow
    #[default]
    Auto,
    /// Reparameterised draws, entropy in closed form
    Pathwise,
    /// Reparameterised draws, entropy from the same draws
    PathwiseMcEntropy,
    /// Reparameterised draws without the score term: no noise where q is exact
    StickingTheLanding,
    /// Score function (REINFORCE): needs no gradient of the model, very noisy
    Score,
    /// Score function with a leave-one-out baseline: needs at least 2 draws
    ScoreLoo,
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

shown_by_name!(Family, Estimator, Optimizer);

#[cfg(test)]
mod tests {
    use super::*;

    fn names<T: ValueEnum + fmt::Display>() -> Vec<String> {
        T::value_variants().iter().map(T::to_string).collect()
    }

    #[test]
    fn names_are_those_of_the_manual() {
        assert_eq!(names::<Family>(), ["auto", "mean-field", "full-rank", "low-rank", "student-t", "map"]);
        assert_eq!(
            names::<Estimator>(),
            ["auto", "pathwise", "pathwise-mc-entropy", "sticking-the-landing", "score", "score-loo"]
        );
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
