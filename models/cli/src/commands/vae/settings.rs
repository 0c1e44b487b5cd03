//! How an autoencoder is trained: what was asked for, what a checkpoint says, and the defaults.

use super::architecture::Architecture;
use super::error::VaeError;
use crate::cli::vae_args::{Anneal, ClassGradient, PixelLikelihood, TrainingPrecision, VaeArgs, VaeEstimator};
use jensen::amortised::autoencoder::{self, Estimator};
use jensen::estimate::Annealing;
use jensen::target::{Options, Precision};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

/// All that moves the numbers of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Images of a step.
    pub batch: usize,
    /// Weight of the KL.
    pub beta: f64,
    /// How it grows.
    pub anneal: Anneal,
    /// Over how many epochs.
    pub anneal_epochs: usize,
    /// Nats of a latent that cost nothing.
    pub free_nats: f64,
    /// What is maximised.
    pub estimator: VaeEstimator,
    /// Gradient of the class, where the code has one.
    pub class_gradient: ClassGradient,
    /// Numbers to compute with.
    pub precision: TrainingPrecision,
    /// Draws under the logarithm.
    pub importance: usize,
    /// Step size of the optimiser.
    pub learning_rate: f64,
    /// The seed of all randomness.
    pub seed: u64,
    /// Rows in memory at a time, where the file is read in blocks.
    pub buffer: Option<usize>,
}

impl Settings {
    /// What `args` says, the defaults for what it does not say.
    ///
    /// # Errors
    /// For options that do not go together.
    pub fn new(args: &VaeArgs) -> Result<Self, VaeError> {
        let method = &args.method;
        let or = |n: Option<NonZeroUsize>, default: usize| n.map_or(default, NonZeroUsize::get);
        let settings = Settings {
            batch: or(method.batch, 128),
            beta: method.beta.unwrap_or(1.0),
            anneal: method.anneal.unwrap_or_default(),
            anneal_epochs: or(method.anneal_epochs, 20),
            free_nats: method.free_bits.unwrap_or(0.0),
            estimator: method.estimator.unwrap_or(match args.model.clusters {
                // The KL against a mixture has no closed form.
                Some(_) => VaeEstimator::StickingTheLanding,
                None => VaeEstimator::ExactKl,
            }),
            class_gradient: method.class_gradient.unwrap_or_default(),
            precision: method.precision.unwrap_or_default(),
            importance: or(method.importance, 5),
            learning_rate: method.learning_rate.unwrap_or(0.001),
            seed: method.seed.unwrap_or(0),
            buffer: method.buffer.map(NonZeroUsize::get),
        };
        settings.check(args)?;
        Ok(settings)
    }

    fn check(&self, args: &VaeArgs) -> Result<(), VaeError> {
        let weighs = self.beta != 1.0 || self.free_nats != 0.0 || self.anneal != Anneal::None;
        let (clusters, classes) = (args.model.clusters.is_some(), args.model.classes.is_some());
        let wrong = |words: &str| Err(VaeError::Options(words.into()));
        if clusters && classes {
            return wrong(
                "--classes and --clusters both sort the rows, one in the code and one in its prior; give one of them",
            );
        }
        if args.method.importance.is_some() && self.estimator != VaeEstimator::Iwae {
            return wrong("--importance is for --estimator iwae: give it, or leave --importance out");
        }
        if args.method.anneal_epochs.is_some() && self.anneal == Anneal::None {
            return wrong("--anneal-epochs is for --anneal linear or cyclical: give it, or leave --anneal-epochs out");
        }
        match self.estimator {
            VaeEstimator::ExactKl if clusters => wrong(
                "the KL against a prior of clusters has no closed form: leave --estimator out, or use \
                 sticking-the-landing or iwae",
            ),
            VaeEstimator::Iwae if weighs => wrong(
                "--estimator iwae has no KL term of its own to weigh: leave out --beta, --free-bits and --anneal, or \
                 use --estimator exact-kl",
            ),
            VaeEstimator::StickingTheLanding if weighs && clusters => wrong(
                "the KL against a prior of clusters is not weighed: leave out --beta, --free-bits and --anneal, or \
                 --clusters",
            ),
            VaeEstimator::StickingTheLanding if weighs => wrong(
                "--estimator sticking-the-landing weighs no KL: leave out --beta, --free-bits and --anneal, or use \
                 --estimator exact-kl",
            ),
            VaeEstimator::Iwae | VaeEstimator::StickingTheLanding if classes => {
                wrong("a class in the code needs --estimator exact-kl: leave --estimator out, or --classes")
            }
            _ if self.class_gradient != ClassGradient::Exact && !classes => {
                wrong("--class-gradient is for a class in the code: give --classes K, or leave it out")
            }
            _ => Ok(()),
        }
    }

    /// Those of a checkpoint, the step size as `args` says where it does.
    ///
    /// # Errors
    /// When `args` asks for something else than the checkpoint has.
    pub fn resumed(args: &VaeArgs, old: &Settings, path: &str) -> Result<Self, VaeError> {
        let method = &args.method;
        let size = |n: Option<NonZeroUsize>| n.map(NonZeroUsize::get);
        let same = Same { path };
        same.check("--batch", size(method.batch), &old.batch)?;
        same.check("--beta", method.beta, &old.beta)?;
        same.check("--anneal", method.anneal, &old.anneal)?;
        same.check("--anneal-epochs", size(method.anneal_epochs), &old.anneal_epochs)?;
        same.check("--free-bits", method.free_bits, &old.free_nats)?;
        same.check("--estimator", method.estimator, &old.estimator)?;
        same.check("--class-gradient", method.class_gradient, &old.class_gradient)?;
        same.check("--precision", method.precision, &old.precision)?;
        same.check("--importance", size(method.importance), &old.importance)?;
        same.check("--seed", method.seed, &old.seed)?;
        same.check("--buffer", size(method.buffer), &old.buffer.unwrap_or(0))?;
        Ok(Settings { learning_rate: method.learning_rate.unwrap_or(old.learning_rate), ..old.clone() })
    }

    /// Those of the library, for epochs of `per_epoch` steps; programs are run by `options` but for their precision.
    pub fn training(&self, per_epoch: u64, options: Options) -> autoencoder::Settings {
        let steps = self.anneal_epochs as u64 * per_epoch;
        let annealing = match self.anneal {
            Anneal::None => Annealing::None,
            Anneal::Linear => Annealing::Linear { steps },
            Anneal::Cyclical => Annealing::Cyclical { period: steps, rise: steps / 2 },
        };
        let class_gradient = match self.class_gradient {
            ClassGradient::Exact => autoencoder::ClassGradient::Exact,
            ClassGradient::LeaveOneOut => autoencoder::ClassGradient::LeaveOneOut,
            ClassGradient::Rebar => autoencoder::ClassGradient::Rebar,
            ClassGradient::GumbelSoftmax => autoencoder::ClassGradient::GumbelSoftmax,
        };
        let Settings { batch, beta, free_nats, learning_rate, seed, .. } = *self;
        let estimator = match self.estimator {
            VaeEstimator::ExactKl => Estimator::ExactKl { beta, annealing, free_nats, class_gradient },
            VaeEstimator::StickingTheLanding => Estimator::StickingTheLanding,
            VaeEstimator::Iwae => Estimator::ImportanceWeighted { draws: self.importance },
        };
        let precision = match self.precision {
            TrainingPrecision::Single => Precision::Single,
            TrainingPrecision::Double => Precision::Double,
        };
        let options = options.precision(precision);
        let settings = autoencoder::Settings::default().estimator(estimator).batch(batch);
        settings.learning_rate(learning_rate).seed(seed).options(options)
    }

    /// The settings in words.
    pub fn words(&self) -> String {
        let objective = match self.estimator {
            VaeEstimator::Iwae => format!("importance-weighted bound of {} draws", self.importance),
            VaeEstimator::StickingTheLanding => "bound by draws, sticking the landing".to_string(),
            VaeEstimator::ExactKl => {
                let grown = match self.anneal {
                    Anneal::None => String::new(),
                    how => format!(" ({how:?} over {} epochs)", self.anneal_epochs).to_lowercase(),
                };
                let free = match self.free_nats {
                    0.0 => String::new(),
                    nats => format!(", {nats} nats of each latent free"),
                };
                let class = match self.class_gradient {
                    ClassGradient::Exact => String::new(),
                    how => format!(", gradient of the class by {}", how.name()),
                };
                format!("bound with exact KL, beta {}{grown}{free}{class}", self.beta)
            }
        };
        let buffer = self.buffer.map_or(String::new(), |rows| format!(", {rows} rows of the file at a time"));
        let Settings { batch, learning_rate, seed, .. } = self;
        let precision = match self.precision {
            TrainingPrecision::Single => "single",
            TrainingPrecision::Double => "double",
        };
        format!(
            "{objective}; batches of {batch}{buffer}, step size {learning_rate}, {precision} precision, seed {seed}"
        )
    }
}

impl Architecture {
    /// Checks that `args` asks for no other networks than the checkpoint's.
    ///
    /// # Errors
    /// When it does.
    pub fn same(&self, args: &VaeArgs, path: &str) -> Result<(), VaeError> {
        let same = Same { path };
        let size = |n: Option<NonZeroUsize>| n.map(NonZeroUsize::get);
        let Architecture { autoencoder, names } = self;
        same.check("--latent", args.model.latent, &autoencoder.num_latents)?;
        let hidden = args.model.hidden.as_ref().map(|h| h.iter().map(|n| n.get()).collect());
        same.check("--hidden", hidden, &autoencoder.hidden)?;
        same.check::<PixelLikelihood>("--likelihood", args.model.likelihood, &self.likelihood())?;
        same.check("--classes", size(args.model.classes), &autoencoder.classes)?;
        same.check("--clusters", size(args.model.clusters), &autoencoder.clusters)?;
        same.check("--states", size(args.model.states), &autoencoder.states.unwrap_or(0))?;
        same.check("--window", size(args.data.window), &autoencoder.num_columns)?;
        let given = names.given.as_ref().map_or(String::new(), |g| g.column.clone());
        same.check("--condition", args.data.condition.clone(), &given)
    }
}

/// How programs are run, on all cores unless `threads` says otherwise.
pub fn engine(threads: Option<NonZeroUsize>) -> Options {
    let all = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Options::default().threads(threads.map_or_else(all, NonZeroUsize::get))
}

struct Same<'a> {
    path: &'a str,
}

impl Same<'_> {
    fn check<V: PartialEq + std::fmt::Debug>(
        &self,
        option: &'static str,
        asked: Option<V>,
        found: &V,
    ) -> Result<(), VaeError> {
        match asked {
            Some(asked) if asked != *found => {
                let words = |v: &V| format!("{option} {v:?}").to_lowercase();
                let (path, found, asked) = (self.path.to_string(), words(found), words(&asked));
                Err(VaeError::Other { path, found, asked, option })
            }
            _ => Ok(()),
        }
    }
}
