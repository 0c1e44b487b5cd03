//! The training loop: epochs, rolling back from numbers that are not finite, and when to save.

use super::architecture::Autoencoder;
use super::codes::TrainedAutoencoder;
use super::error::AutoencoderError;
use super::estimator::{AtStep, Estimator};
use super::family::Q;
use super::log::{Checkpoint, Epoch, Log, Sums};
use super::recorded::Recorded;
use super::rows::{Rows, Source, State};
use crate::algorithm::{Algorithm, Minibatch, Solution, StochasticVi};
use crate::estimate::Design;
use crate::family::Family;
use crate::optimize::{Adam, Average};
use crate::streams::Streams;
use crate::target::{LogDensity, Options, Precision, Target};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Failures in a row, without an epoch in between, after which training gives up.
const PATIENCE: u32 = 3;
/// Time between two checkpoints.
const PAUSE: Duration = Duration::from_secs(60);

/// All that moves the numbers of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// The estimator, which decides what is maximised.
    pub estimator: Estimator,
    /// Rows of a step, or all where they are fewer.
    pub batch: usize,
    /// Step size of Adam.
    pub learning_rate: f64,
    /// The seed of all randomness.
    pub seed: u64,
    /// The options that programs are run with while training.
    pub options: Options,
}

/// The way in which training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// All epochs are done.
    Done,
    /// The observer has interrupted it.
    Interrupted,
}

/// Why an observer of training is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moment {
    /// A step is done.
    Step,
    /// The bound or its gradient was not finite: training went back to the end of the last epoch, with half the step size.
    RolledBack,
    /// It is time to save a checkpoint: every minute, and before an error.
    Checkpoint,
}

/// A run under way.
pub struct Training<'a> {
    autoencoder: &'a Autoencoder,
    rows: Rows<'a>,
    settings: Settings,
    state: State,
    good: State,
    log: Log,
    failures: u32,
}

/// Calls an observer at each moment of a run; breaking ends it with what was reached.
type Observe<'o, 'a> = &'o mut dyn FnMut(Moment, &Training<'a>) -> ControlFlow<()>;

impl Default for Settings {
    /// The bound in steps of 128 rows and 0.001, seed 0, single precision.
    fn default() -> Self {
        let options = Options { precision: Precision::Single, ..Options::default() };
        Settings { estimator: Estimator::default(), batch: 128, learning_rate: 0.001, seed: 0, options }
    }
}

impl Settings {
    /// Chooses the estimator, which decides what is maximised.
    #[must_use]
    pub fn estimator(self, estimator: Estimator) -> Self {
        Settings { estimator, ..self }
    }

    /// Rows of a step.
    #[must_use]
    pub fn batch(self, batch: usize) -> Self {
        Settings { batch, ..self }
    }

    /// Step size of Adam.
    #[must_use]
    pub fn learning_rate(self, learning_rate: f64) -> Self {
        Settings { learning_rate, ..self }
    }

    /// The seed of all randomness.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Settings { seed, ..self }
    }

    /// Chooses the options that programs are run with while training.
    #[must_use]
    pub fn options(self, options: Options) -> Self {
        Settings { options, ..self }
    }
}

impl<'a> Training<'a> {
    /// A run of `autoencoder` over `rows` from random weights, or from an earlier one.
    ///
    /// # Errors
    /// When the settings make no sense, or the rows or the earlier run do not suit the networks.
    pub fn new(
        autoencoder: &'a Autoencoder,
        rows: Source<'a>,
        settings: Settings,
        earlier: Option<Checkpoint>,
    ) -> Result<Self, AutoencoderError> {
        settings.check()?;
        let Settings { batch, seed, options, .. } = settings;
        let recorded = match rows {
            Source::Memory(rows) => autoencoder.record(rows, seed, options)?,
            Source::Blocks(..) => autoencoder.blank(seed, options)?,
        };
        let (state, good, log) = match earlier {
            Some(earlier) if earlier.autoencoder != *autoencoder => {
                let words = "the earlier run is of other networks; go on with its own, or begin anew";
                return Err(AutoencoderError::setting("earlier", words));
            }
            Some(Checkpoint { state, good, log, .. }) => (state, good, log),
            None => {
                let theta = recorded.model.theta(recorded.target.layout());
                let start = Solution { params: recorded.family.init(&[], 1.0), theta };
                let vi = algorithm(&recorded, &settings, settings.learning_rate, 0);
                (vi.start(start).init()?, None, Log::default())
            }
        };
        let rows = match rows {
            Source::Memory(_) => {
                let batch = batch.min(recorded.target.layout().num_rows);
                Rows::Memory(recorded, batch)
            }
            Source::Blocks(source, passes) => Rows::file(source, passes, autoencoder, batch, options),
        };
        if rows.num_rows() == 0 {
            return Err(AutoencoderError::setting("rows", "no rows to train on; give at least one"));
        }
        let good = good.unwrap_or_else(|| state.clone());
        Ok(Training { autoencoder, rows, settings, state, good, log, failures: 0 })
    }

    /// What it goes on from when it is interrupted now.
    pub fn checkpoint(&self) -> Checkpoint {
        let good = (self.good.step() != self.state.step()).then(|| self.good.clone());
        Checkpoint { autoencoder: self.autoencoder.clone(), state: self.state.clone(), good, log: self.log.clone() }
    }

    /// The networks as they are now, to be run in double precision.
    pub fn trained(&self) -> TrainedAutoencoder {
        let solution = Solution { params: self.state.params().to_vec(), theta: self.state.theta().to_vec() };
        let options = Options { precision: Precision::Double, ..self.settings.options };
        TrainedAutoencoder::known(self.autoencoder.clone(), solution, options)
    }

    /// The course of the run so far.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Number of steps taken so far.
    pub fn step(&self) -> u64 {
        self.state.step()
    }

    /// Steps of an epoch.
    pub fn per_epoch(&self) -> u64 {
        self.rows.per_epoch()
    }

    /// Rows of an epoch.
    pub fn num_rows(&self) -> usize {
        self.rows.num_rows()
    }

    /// The step size of now.
    pub fn rate(&self) -> f64 {
        self.settings.learning_rate * 0.5f64.powi(self.log.halvings as i32)
    }

    /// The number of the epoch under way, from 1, and its means so far; of the last one where it has no step yet.
    pub fn under_way(&self) -> (usize, Epoch) {
        self.log.under_way(self.num_rows())
    }

    /// Trains until `epochs` epochs are done, those of an earlier run included; `observe` is called at each [`Moment`], and
    /// ends training with what was reached where it breaks.
    ///
    /// # Errors
    /// When the bound does not stay finite, or the rows cannot be read; the state before it is the one to save.
    pub fn run(&mut self, epochs: usize, observe: Observe<'_, 'a>) -> Result<Ended, AutoencoderError> {
        let mut saved = Instant::now();
        while self.state.step() < epochs as u64 * self.per_epoch() {
            let mut go_on = ControlFlow::Continue(());
            match self.advance() {
                Ok(true) => {}
                Ok(false) => {
                    go_on = observe(Moment::RolledBack, self);
                    if self.failures >= PATIENCE {
                        let _ = observe(Moment::Checkpoint, self);
                        let (epoch, times, rate) = (self.log.epochs.len() + 1, self.failures, self.rate());
                        return Err(AutoencoderError::NotFinite { epoch, times, rate });
                    }
                }
                // Such as a file that can no longer be read: what is reached is kept all the same.
                Err(error) => {
                    self.hold_finite(&mut *observe);
                    let _ = observe(Moment::Checkpoint, self);
                    return Err(error);
                }
            }
            if saved.elapsed() > PAUSE && go_on.is_continue() {
                self.hold_finite(&mut *observe);
                go_on = observe(Moment::Checkpoint, self);
                saved = Instant::now();
            }
            if go_on.is_break() || observe(Moment::Step, self).is_break() {
                self.hold_finite(&mut *observe);
                return Ok(Ended::Interrupted);
            }
        }
        Ok(Ended::Done)
    }

    /// Goes back where the state is not finite, which the next step would find out: it is about to be saved.
    fn hold_finite(&mut self, observe: Observe<'_, 'a>) {
        if !self.is_finite() {
            self.roll_back();
            // It ends or goes on as it would have.
            let _ = observe(Moment::RolledBack, self);
        }
    }

    fn is_finite(&self) -> bool {
        let finite = |x: &[f64]| x.iter().all(|x| x.is_finite());
        finite(self.state.params()) && finite(self.state.theta())
    }

    /// One step; whether it was finite. Where it was not, the state is the last good one.
    fn advance(&mut self) -> Result<bool, AutoencoderError> {
        let (settings, rate, number) = (self.settings, self.rate(), self.state.step());
        let step = self.rows.step(&mut self.state, |recorded| algorithm(recorded, &settings, rate, number))?;
        let (Some(objective), true) = (step.objective, step.grad_norm.is_finite()) else {
            self.roll_back();
            return Ok(false);
        };
        self.log.sums.add(objective, step.terms);
        if self.state.step().is_multiple_of(self.per_epoch()) {
            if !self.is_finite() {
                self.roll_back();
                return Ok(false);
            }
            let epoch = self.log.sums.means(self.num_rows());
            self.log.epochs.push(epoch);
            self.log.sums = Sums::default();
            self.good = self.state.clone();
            self.failures = 0;
        }
        Ok(true)
    }

    fn roll_back(&mut self) {
        self.state = self.good.clone();
        self.log.sums = Sums::default();
        self.log.rollbacks += 1;
        self.log.halvings += 1;
        self.failures += 1;
    }
}

impl Settings {
    fn check(&self) -> Result<(), AutoencoderError> {
        let Settings { batch, learning_rate, .. } = *self;
        if batch == 0 {
            return Err(AutoencoderError::setting("batch", "steps of no rows; give at least one"));
        }
        if !(learning_rate.is_finite() && learning_rate > 0.0) {
            let words = format!("a step size of {learning_rate}; give a positive number such as 0.001");
            return Err(AutoencoderError::setting("learning rate", words));
        }
        self.estimator.check()
    }
}

/// Stochastic variational inference of a model's rows, at this step and step size.
fn algorithm<'r>(
    recorded: &'r Recorded,
    settings: &Settings,
    rate: f64,
    step: u64,
) -> StochasticVi<'r, Target, Q, AtStep, Adam> {
    StochasticVi {
        target: &recorded.target,
        family: &recorded.family,
        estimator: settings.estimator.at(step),
        optimizer: Adam::new(rate),
        average: Average::Last,
        num_draws: settings.estimator.num_draws(),
        design: Design::Independent,
        minibatch: Minibatch::Full,
        start: Solution { params: Vec::new(), theta: Vec::new() },
        streams: Streams::new(settings.seed),
    }
}

#[cfg(test)]
mod tests {
    use super::super::architecture::Batch;
    use super::*;
    use crate::layers::Likelihood;

    const PIXELS: [f64; 12] = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0];

    fn autoencoder() -> Autoencoder {
        Autoencoder::new(2, 1, &[3], Likelihood::Bernoulli)
    }

    fn start(autoencoder: &Autoencoder, earlier: Option<Checkpoint>) -> Training<'_> {
        let settings = Settings { batch: 2, learning_rate: 0.01, options: Options::default(), ..Settings::default() };
        Training::new(autoencoder, Source::Memory(Batch::of(&PIXELS)), settings, earlier).unwrap()
    }

    /// A run that goes on from the middle of an epoch goes back where the uninterrupted one does.
    #[test]
    fn a_resumed_run_goes_back_to_the_same_state() {
        let autoencoder = autoencoder();
        let mut whole = start(&autoencoder, None);
        // Three steps an epoch: one epoch, and a step of the next.
        for _ in 0..4 {
            assert!(whole.advance().unwrap());
        }
        let text = serde_json::to_string(&whole.checkpoint()).unwrap();
        let mut resumed = start(&autoencoder, Some(serde_json::from_str(&text).unwrap()));
        for training in [&mut whole, &mut resumed] {
            training.roll_back();
            assert_eq!((training.step(), training.under_way().0, training.rate()), (3, 1, 0.005));
            assert!(training.advance().unwrap());
        }
        assert_eq!((whole.state.params(), &whole.log), (resumed.state.params(), &resumed.log));
    }

    #[test]
    fn an_observer_sees_every_step_and_ends_a_run() {
        let autoencoder = autoencoder();
        let mut training = start(&autoencoder, None);
        let mut seen = Vec::new();
        let mut observe = |moment: Moment, training: &Training| {
            assert_eq!(moment, Moment::Step);
            seen.push(training.step());
            if training.step() == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        assert_eq!(training.run(4, &mut observe).unwrap(), Ended::Interrupted);
        assert_eq!(training.run(2, &mut |_, _| ControlFlow::Continue(())).unwrap(), Ended::Done);
        assert_eq!((seen, training.step(), training.log().epochs.len()), ((1..=5).collect(), 6, 2));
    }

    #[test]
    fn settings_and_parts_that_make_no_sense_are_refused() {
        let autoencoder = autoencoder();
        let said = |autoencoder: &Autoencoder, settings: Settings| {
            Training::new(autoencoder, Source::Memory(Batch::of(&PIXELS)), settings, None).err().unwrap().to_string()
        };
        let new = Settings::default;
        assert!(said(&autoencoder, Settings { batch: 0, ..new() }).contains("steps of no rows"));
        assert!(said(&autoencoder, Settings { learning_rate: f64::NAN, ..new() }).contains("a step size of NaN"));
        let estimator = Estimator::ImportanceWeighted { draws: 0 };
        assert!(said(&autoencoder, Settings { estimator, ..new() }).contains("no draws"));
        assert!(said(&Autoencoder { num_latents: 0, ..autoencoder.clone() }, new()).contains("without a code"));
        assert!(said(&autoencoder.clone().classes(2).clusters(3), new()).contains("without a class beside them"));
        assert!(said(&autoencoder.clone().recurrent(4), new()).contains("recurrent decoder is for categories"));
        assert!(said(&Autoencoder { num_columns: 5, ..autoencoder }, new()).contains("12"));
    }
}
