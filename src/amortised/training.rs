//! [`AmortisedFit`]: how an [`AmortisedModel`] is trained, with each choice open.

use super::fitted::AmortisedFitted;
use crate::algorithm::{FitError, Solution, Step};
use crate::fit::{Observer, Stop};
use crate::streams::Streams;
use crate::target::{Constrained, Options, Precision};
use std::ops::ControlFlow;

/// A model whose q is a network, with the way in which that is trained and judged.
pub trait AmortisedModel {
    /// Trains the network and judges it.
    ///
    /// # Errors
    /// As [`AmortisedFit::run`].
    fn fit(&self, training: &AmortisedSettings, observer: &mut dyn Observer) -> Result<AmortisedFitted, FitError>;

    /// Draws of the quantities of a report at a solution: those of q, and learnt numbers, which have no spread, again and
    /// again.
    ///
    /// # Errors
    /// When the solution is another model's, or the draws are too many to hold.
    fn draws(&self, solution: &Solution, num_draws: usize, streams: Streams) -> Result<Constrained, FitError>;
}

/// What [`AmortisedFit`] hands to the model; nothing where the model decides.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AmortisedSettings {
    /// Steps of one run at most.
    pub steps: Option<u64>,
    /// First step size of Adam.
    pub learning_rate: Option<f64>,
    /// Draws of each row in a step.
    pub draws: Option<usize>,
    /// Number of independent runs, of which the best is kept; the default of the model where `None`.
    pub restarts: Option<usize>,
    /// The seed of all randomness.
    pub seed: u64,
    /// The options that programs are run with.
    pub options: Options,
}

impl AmortisedSettings {
    /// Runs `one` with streams of its own for each restart, `default` times unless chosen, until `ended` says that one was
    /// interrupted.
    pub(super) fn each_run<R>(
        &self,
        default: usize,
        ended: impl Fn(&R) -> &Stop,
        mut one: impl FnMut(Streams) -> Result<R, FitError>,
    ) -> Result<Vec<R>, FitError> {
        let mut runs = Vec::new();
        for restart in 0..self.restarts.unwrap_or(default).max(1) as u64 {
            let run = one(Streams::new(self.seed.wrapping_mul(1000).wrapping_add(restart)))?;
            let interrupted = matches!(ended(&run), Stop::Interrupted { .. });
            runs.push(run);
            if interrupted {
                break;
            }
        }
        Ok(runs)
    }

    fn check(&self) -> Result<(), FitError> {
        let wrong = |name, words: String| Err(FitError::setting(name, words));
        match self.learning_rate {
            Some(rate) if !(rate.is_finite() && rate > 0.0) => {
                wrong("learning rate", format!("a learning rate of {rate}; give a positive number such as 0.01"))
            }
            _ if self.steps == Some(0) => wrong("steps", "no steps; give at least one".into()),
            _ if self.draws == Some(0) => wrong("draws", "no draws in a step; give at least one".into()),
            _ => Ok(()),
        }
    }
}

/// A fit of an [`AmortisedModel`] with each choice open; what is not chosen is decided by the model.
///
/// The example is that of [`Encoded`](super::Encoded).
///
/// ```
/// use jensen::amortised::{AmortisedFit, SimulatedPosterior};
/// use jensen::program::Matrix;
/// use jensen::streams::Streams;
///
/// // z ~ N(0, 1), x = z + noise: the posterior is N(x / 2, 1 / 2).
/// let mut e = vec![0.0; 2000];
/// Streams::new(1).fill_normal(1, &mut e);
/// let (z, noise) = e.split_at(1000);
/// let x: Vec<f64> = z.iter().zip(noise).map(|(z, e)| z + e).collect();
/// let pairs = SimulatedPosterior::new(&Matrix::new(x, 1)?, &Matrix::new(z, 1)?)?.hidden(&[4]).observed(1, &[1.0])?;
/// let fitted = AmortisedFit::new(&pairs).steps(300).restarts(1).run()?;
/// assert!((fitted.summary[0].mean - 0.5).abs() < 0.3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AmortisedFit<'a, M: ?Sized> {
    model: &'a M,
    training: AmortisedSettings,
    observer: Option<&'a mut dyn Observer>,
}

impl<'a, M: AmortisedModel + ?Sized> AmortisedFit<'a, M> {
    /// A fit of `model` with seed 0, one thread, double precision.
    pub fn new(model: &'a M) -> Self {
        AmortisedFit { model, training: AmortisedSettings::default(), observer: None }
    }

    /// Steps of one run at most.
    #[must_use]
    pub fn steps(mut self, steps: u64) -> Self {
        self.training.steps = Some(steps);
        self
    }

    /// First step size of Adam, from which it falls.
    #[must_use]
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.training.learning_rate = Some(learning_rate);
        self
    }

    /// Draws of each row in a step.
    #[must_use]
    pub fn draws(mut self, num_draws: usize) -> Self {
        self.training.draws = Some(num_draws);
        self
    }

    /// Independent runs, of which the best is kept; at least one.
    #[must_use]
    pub fn restarts(mut self, restarts: usize) -> Self {
        self.training.restarts = Some(restarts);
        self
    }

    /// The seed of all randomness.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.training.seed = seed;
        self
    }

    /// Threads; results do not depend on their number.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.training.options.threads = threads;
        self
    }

    /// Numbers the model is evaluated in.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.training.options.precision = precision;
        self
    }

    /// Sees every step of every run; breaking ends the fit with what was reached.
    #[must_use]
    pub fn observer(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Trains the network and judges it.
    ///
    /// # Errors
    /// When a setting makes no sense, the model or the guide has a mistake, or a run cannot go on.
    pub fn run(self) -> Result<AmortisedFitted, FitError> {
        self.training.check()?;
        let mut silent = ();
        let observer: &mut dyn Observer = match self.observer {
            Some(observer) => observer,
            None => &mut silent,
        };
        self.model.fit(&self.training, observer)
    }
}

/// Shows a step without its value, which is no bound.
pub(super) fn show_without_value(observer: &mut dyn Observer, step: &Step) -> ControlFlow<()> {
    let mut shown = *step;
    shown.objective = None;
    observer.on_step(&shown)
}
