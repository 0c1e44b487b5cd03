//! How an autoencoder is trained: what was asked for, what a checkpoint says, and the defaults.

use super::error::VaeError;
use super::network::Architecture;
use super::saved::Saved;
use crate::cli::number::grouped;
use crate::cli::vae_args::{Anneal, PixelLikelihood, VaeArgs, VaeEstimator};
use jensen::estimate::Annealing;
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
    /// Draws under the logarithm.
    pub importance: usize,
    /// Step size.
    pub learning_rate: f64,
    /// Seed.
    pub seed: u64,
    /// Rows in memory at a time, where the file is read in blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
            estimator: method.estimator.unwrap_or_default(),
            importance: or(method.importance, 5),
            learning_rate: method.learning_rate.unwrap_or(0.001),
            seed: method.seed.unwrap_or(0),
            buffer: method.buffer.map(NonZeroUsize::get),
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), VaeError> {
        let weighs = self.beta != 1.0 || self.free_nats != 0.0 || self.anneal != Anneal::None;
        if self.estimator == VaeEstimator::Iwae && weighs {
            return Err(VaeError::Options(
                "--estimator iwae has no KL term of its own to weigh: leave out --beta, --free-bits and --anneal, or \
                 use --estimator exact-kl"
                    .into(),
            ));
        }
        Ok(())
    }

    /// Those of a checkpoint, the step size as `args` says where it does.
    ///
    /// # Errors
    /// When `args` asks for something else than the checkpoint has.
    pub fn resumed(args: &VaeArgs, saved: &Saved, path: &str) -> Result<Self, VaeError> {
        let (method, old) = (&args.method, &saved.settings);
        let size = |n: Option<NonZeroUsize>| n.map(NonZeroUsize::get);
        let same = Same { path };
        same.check("--batch", size(method.batch), &old.batch)?;
        same.check("--beta", method.beta, &old.beta)?;
        same.check("--anneal", method.anneal, &old.anneal)?;
        same.check("--anneal-epochs", size(method.anneal_epochs), &old.anneal_epochs)?;
        same.check("--free-bits", method.free_bits, &old.free_nats)?;
        same.check("--estimator", method.estimator, &old.estimator)?;
        same.check("--importance", size(method.importance), &old.importance)?;
        same.check("--seed", method.seed, &old.seed)?;
        same.check("--buffer", size(method.buffer), &old.buffer.unwrap_or(0))?;
        Ok(Settings { learning_rate: method.learning_rate.unwrap_or(old.learning_rate), ..old.clone() })
    }

    /// The weight of the KL by the step, `per_epoch` steps an epoch.
    pub fn annealing(&self, per_epoch: u64) -> Annealing {
        let steps = self.anneal_epochs as u64 * per_epoch;
        match self.anneal {
            Anneal::None => Annealing::None,
            Anneal::Linear => Annealing::Linear { steps },
            Anneal::Cyclical => Annealing::Cyclical { period: steps, rise: steps / 2 },
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        let objective = match self.estimator {
            VaeEstimator::Iwae => format!("importance-weighted bound of {} draws", self.importance),
            VaeEstimator::ExactKl => {
                let grown = match self.anneal {
                    Anneal::None => String::new(),
                    how => format!(" ({how:?} over {} epochs)", self.anneal_epochs).to_lowercase(),
                };
                let free = match self.free_nats {
                    0.0 => String::new(),
                    nats => format!(", {nats} nats of each latent free"),
                };
                format!("bound with exact KL, beta {}{grown}{free}", self.beta)
            }
        };
        let buffer = self.buffer.map_or(String::new(), |rows| format!(", {rows} rows of the file at a time"));
        let Settings { batch, learning_rate, seed, .. } = self;
        format!("{objective}; batches of {batch}{buffer}, step size {learning_rate}, seed {seed}")
    }
}

impl Architecture {
    /// What `args` says for images of `num_pixels`.
    pub fn new(args: &VaeArgs, num_pixels: usize) -> Self {
        let hidden = args.model.hidden.as_ref().map(|h| h.iter().map(|n| n.get()).collect());
        Architecture {
            num_pixels,
            num_latents: args.model.latent.map_or(8, NonZeroUsize::get),
            hidden: hidden.unwrap_or_else(|| vec![128]),
            likelihood: args.model.likelihood.unwrap_or_default(),
        }
    }

    /// Checks that the networks can be held.
    ///
    /// # Errors
    /// When they have more than 100,000,000 weights.
    pub fn check(&self) -> Result<(), VaeError> {
        const MOST: usize = 100_000_000;
        let sizes = |ends: [usize; 2]| std::iter::once(ends[0]).chain(self.hidden.iter().copied()).chain([ends[1]]);
        let weights = |ends| {
            let sizes: Vec<usize> = sizes(ends).collect();
            sizes.windows(2).fold(0_usize, |sum, pair| sum.saturating_add(pair[0].saturating_mul(pair[1])))
        };
        // The decoder has the hidden layers in reverse, which makes as many weights.
        let of_encoder = weights([self.num_pixels, self.num_latents.saturating_mul(2)]);
        let total = of_encoder.saturating_add(weights([self.num_pixels, self.num_latents]));
        if total <= MOST {
            return Ok(());
        }
        let found = grouped(total as u64);
        Err(VaeError::Options(format!(
            "networks of {found} weights are too large, {} is the most; give smaller --hidden or --latent",
            grouped(MOST as u64)
        )))
    }

    /// Checks that `args` asks for no other networks than the checkpoint's.
    ///
    /// # Errors
    /// When it does.
    pub fn same(&self, args: &VaeArgs, path: &str) -> Result<(), VaeError> {
        let same = Same { path };
        same.check("--latent", args.model.latent.map(NonZeroUsize::get), &self.num_latents)?;
        let hidden = args.model.hidden.as_ref().map(|h| h.iter().map(|n| n.get()).collect());
        same.check("--hidden", hidden, &self.hidden)?;
        same.check::<PixelLikelihood>("--likelihood", args.model.likelihood, &self.likelihood)
    }
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
