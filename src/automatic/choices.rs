//! The named choices of a fit, with the names of the command line.

use std::fmt;
use std::str::FromStr;

use crate::estimate::Design;

/// A name that is none of the choices.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`: expected one of {choices}")]
pub struct UnknownChoice {
    what: &'static str,
    name: String,
    choices: String,
}

macro_rules! choice {
    ($(#[$doc:meta])* $type:ident, $what:literal, { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum $type {
            #[default]
            $($(#[$variant_doc])* $variant,)+
        }

        impl $type {
            /// Every choice, the default first.
            pub const ALL: &[$type] = &[$($type::$variant),+];

            /// The name that parses to this choice.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownChoice;

            fn from_str(name: &str) -> Result<Self, UnknownChoice> {
                let found = Self::ALL.iter().find(|c| c.name() == name.to_lowercase().replace('_', "-"));
                found.copied().ok_or_else(|| UnknownChoice {
                    what: $what,
                    name: name.into(),
                    choices: Self::ALL.iter().map(|c| c.name()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

choice!(
    /// The variational family q.
    FamilyChoice, "family", {
        /// By the number and kind of latents.
        Auto = "auto",
        /// Independent Gaussians, and probabilities for integers: underdispersed where latents are correlated.
        MeanField = "mean-field",
        /// One Gaussian with every correlation.
        FullRank = "full-rank",
        /// A Gaussian with a few directions of correlation beside the diagonal.
        LowRank = "low-rank",
        /// A Gaussian whose precision matrix has the model's own graph: every correlation that the model gives, at the cost of
        /// its edges.
        Sparse = "sparse",
        /// Every correlation, with the tails of a Student-t of 5 degrees of freedom.
        StudentT = "student-t",
        /// A RealNVP flow on the axes of a full-rank Gaussian.
        Flow = "flow",
        /// A point at the maximum of the posterior.
        Map = "map",
    }
);

choice!(
    /// What becomes of integer latents.
    IntegerChoice, "choice for integers", {
        /// Summed out where that is affordable, and in q elsewhere.
        Auto = "auto",
        /// Summed out: those of rows row by row, those outside of rows jointly.
        SumOut = "sum-out",
        /// In q, with probabilities of their own.
        Categorical = "categorical",
    }
);

choice!(
    /// The estimator of the bound's gradient.
    EstimatorChoice, "estimator", {
        /// The best that model and family allow, by a rule.
        Rule = "rule",
        /// Reparameterised draws, entropy in closed form.
        Pathwise = "pathwise",
        /// Reparameterised draws, entropy from the same draws.
        PathwiseMcEntropy = "pathwise-mc-entropy",
        /// Reparameterised draws without the score term.
        StickingTheLanding = "sticking-the-landing",
        /// The plain score function, without a baseline.
        Score = "score",
        /// Score function with a leave-one-out baseline.
        ScoreLoo = "score-loo",
        /// A mixture of pathwise and sticking the landing, half of each.
        Mixed = "mixed",
        /// Pathwise less its quadratic surrogate, whose mean is known.
        ControlVariate = "control-variate",
        /// Sticking the landing with a symmetric scale: what the natural gradient of a default fit follows.
        ResidualStein = "residual-stein",
        /// Price's gradient: the scale by the Hessian, from differences of gradients.
        Price = "price",
        /// Differences of values at coupled draws.
        MeasureValued = "measure-valued",
        /// Score function with a running mean of earlier steps as baseline.
        ScoreMovingAverage = "score-moving-average",
        /// Score function with the best multiple of the score taken off.
        ScoreControlVariate = "score-control-variate",
        /// Score function latent by latent, each with the terms that contain it.
        RaoBlackwell = "rao-blackwell",
        /// Every joint value of the integers.
        Enumerate = "enumerate",
        /// One integer at a time summed out.
        LocalExpectation = "local-expectation",
        /// Antithetic pairs of integers of two values, averaged over what the pair leaves open.
        DisArm = "disarm",
        /// Antithetic pairs of integers of two values.
        Arm = "arm",
        /// Draws of integers of two values that avoid one another.
        Arms = "arms",
        /// Draws of integers that avoid one another.
        Carms = "carms",
        /// Leave-one-out less a linear surrogate from the slopes at the other draws.
        DoubleControl = "double-control",
        /// Leave-one-out with discrete Stein control variates from those slopes.
        Rodeo = "rodeo",
        /// One integer at a time summed out, each with draws of the others of its own.
        IndeCateR = "indecater",
        /// Joint values of the integers drawn without replacement.
        UnorderedSet = "unordered-set",
        /// Relaxed integers as a control variate, scale learned.
        Rebar = "rebar",
        /// Relaxed integers and a learned linear surrogate as a control variate.
        Relax = "relax",
        /// Relaxed integers: biased.
        GumbelSoftmax = "gumbel-softmax",
        /// Integers with the slope of their relaxation: biased.
        StraightThrough = "straight-through",
        /// Importance-weighted bound of a step's draws, plain gradient.
        ImportanceWeighted = "importance-weighted",
        /// The same bound along the path alone.
        DoublyReparameterised = "doubly-reparameterised",
        /// VIMCO: the importance-weighted bound, from values of the density alone.
        Vimco = "vimco",
        /// The same bound for integers of two values alone, by antithetic pairs.
        LocalDisArm = "local-disarm",
        /// Renyi bound of a step's draws, plain gradient.
        Renyi = "renyi",
        /// The same bound along the path alone.
        RenyiDoublyReparameterised = "renyi-doubly-reparameterised",
        /// The wake phase: the forward divergence, by self-normalised weights; biased.
        WakePhase = "wake-phase",
        /// The one of least measured variance x cost, with draws enough for its signal: chosen at the start of a
        /// fit, and again when the gradient has changed.
        Auto = "auto",
    }
);

choice!(
    /// How the noise of a step's draws is spread; [`Design`] says what each is.
    DesignChoice, "design", {
        /// Draws that are independent of one another.
        Independent = "independent",
        /// Pairs of draws with opposite noise.
        Antithetic = "antithetic",
        /// One draw in each slice of equal probability.
        Hypercube = "hypercube",
        /// A scrambled Sobol sequence.
        QuasiRandom = "quasi-random",
    }
);

impl DesignChoice {
    /// The design itself.
    pub fn design(self) -> Design {
        match self {
            DesignChoice::Independent => Design::Independent,
            DesignChoice::Antithetic => Design::Antithetic,
            DesignChoice::Hypercube => Design::LatinHypercube,
            DesignChoice::QuasiRandom => Design::QuasiRandom,
        }
    }
}

choice!(
    /// The optimiser of the bound.
    OptimizerChoice, "optimiser", {
        /// The best that the family allows.
        Auto = "auto",
        /// Adam: steps scaled by running moments of the gradient.
        Adam = "adam",
        /// Adam with decoupled weight decay.
        AdamW = "adamw",
        /// AdaGrad: steps scaled by the sum of all squared gradients.
        AdaGrad = "adagrad",
        /// RMSprop: steps scaled by a running mean of squared gradients.
        RmsProp = "rmsprop",
        /// Stochastic gradient ascent with momentum.
        Sgd = "sgd",
        /// Distance over gradients.
        Dog = "dog",
        /// Distance over weighted gradients.
        Dowg = "dowg",
        /// Natural gradient of full-rank Gaussians, and of sparse ones.
        NaturalGradient = "natural-gradient",
        /// L-BFGS on the bound with fixed draws.
        Lbfgs = "lbfgs",
        /// Trust-region Newton with conjugate gradients on the bound with fixed draws.
        NewtonCg = "newton-cg",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_to_what_they_name() {
        assert!(FamilyChoice::ALL.iter().all(|c| c.to_string().parse() == Ok(*c)));
        assert!(EstimatorChoice::ALL.iter().all(|c| c.to_string().parse() == Ok(*c)));
        assert!(DesignChoice::ALL.iter().all(|c| c.to_string().parse() == Ok(*c)));
        assert!(OptimizerChoice::ALL.iter().all(|c| c.to_string().parse() == Ok(*c)));
        let error = "adamant".parse::<OptimizerChoice>().unwrap_err().to_string();
        assert!(error.contains("adamant") && error.contains("newton-cg"), "{error}");
    }
}
