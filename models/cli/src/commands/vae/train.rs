//! The training loop: epochs, rolling back from numbers that are not finite, and when to save.

use super::architecture::{Networks, Ready};
use super::error::VaeError;
use super::family::Q;
use super::objective::Objective;
use super::rows::Rows;
use super::settings::Settings;
use crate::cli::number::{grouped, significant};
use crate::cli::progress::Progress;
use jensen::algorithm::{Algorithm, Minibatch, Solution, StochasticState, StochasticVi};
use jensen::estimate::{Annealing, Design};
use jensen::family::Family;
use jensen::optimize::{Adam, AdamState, Average};
use jensen::streams::Streams;
use jensen::target::{LogDensity, Target};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Failures in a row, without an epoch in between, after which training gives up.
const PATIENCE: u32 = 3;
/// Time between two checkpoints.
const PAUSE: Duration = Duration::from_secs(60);

/// Pixels beyond this are to be blamed for a bound that is not finite.
const LARGE: f64 = 100.0;

/// What has happened in a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// Each epoch that is done.
    pub epochs: Vec<Epoch>,
    /// Sums of the steps of the epoch under way.
    pub sums: Sums,
    /// How often training went back to the last good state.
    pub rollbacks: u32,
    /// How often it has halved the step size.
    pub halvings: u32,
}

/// Means over an epoch, for an image, in nats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// What was maximised.
    pub objective: f64,
    /// The data term, where the objective has one.
    pub data: Option<f64>,
    /// The KL, without weights.
    pub kl: Option<f64>,
}

/// Sums over the steps of an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    steps: u64,
    objective: f64,
    data: f64,
    kl: f64,
}

/// How training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All epochs are done.
    Done,
    /// The user has interrupted it.
    Interrupted,
}

/// What a run goes on from.
pub struct Earlier {
    /// The algorithm's state.
    pub state: StochasticState<AdamState>,
    /// The same at the end of the last epoch; nothing where it is that.
    pub good: Option<StochasticState<AdamState>>,
    /// What has happened.
    pub log: Log,
}

/// A run under way.
pub struct Training<'a> {
    rows: Rows<'a>,
    objective: Objective,
    num_draws: usize,
    settings: &'a Settings,
    annealing: Annealing,
    per_epoch: u64,
    num_rows: usize,
    /// The algorithm's state.
    pub state: StochasticState<AdamState>,
    good: StochasticState<AdamState>,
    /// The pixel of the largest size.
    largest: f64,
    /// What a row is.
    row: &'static str,
    /// What has happened.
    pub log: Log,
    failures: u32,
}

impl<'a> Training<'a> {
    /// A run over `rows`, whose pixels lie in `range`, from the start of `model`, or from an earlier one.
    ///
    /// # Errors
    /// When the settings do not suit the model.
    pub fn new(
        model: &Ready,
        rows: Rows<'a>,
        (settings, range): (&'a Settings, (f64, f64)),
        earlier: Option<Earlier>,
    ) -> Result<Self, VaeError> {
        let (objective, num_draws) = Objective::new(settings);
        let Earlier { state, good, log } = match earlier {
            Some(earlier) => earlier,
            None => {
                let theta = model.model.theta(model.target.layout());
                let start = Solution { params: model.family.init(&[], 1.0), theta };
                let vi = algorithm(model, objective, (settings.learning_rate, num_draws, settings.seed));
                Earlier { state: vi.start(start).init()?, good: None, log: Log::default() }
            }
        };
        let (per_epoch, num_rows) = (rows.per_epoch(), rows.num_rows());
        let good = good.unwrap_or_else(|| state.clone());
        let (annealing, largest) = (settings.annealing(per_epoch), range.0.abs().max(range.1.abs()));
        Ok(Training {
            rows,
            objective,
            num_draws,
            settings,
            annealing,
            per_epoch,
            num_rows,
            state,
            good,
            largest,
            row: if matches!(model.model, Networks::Text(_)) { "window" } else { "image" },
            log,
            failures: 0,
        })
    }

    /// The state at the end of the last epoch, where the present one is another.
    pub fn good_before(&self) -> Option<&StochasticState<AdamState>> {
        (self.good.step() != self.state.step()).then_some(&self.good)
    }

    /// Steps in `epochs` epochs.
    pub fn steps(&self, epochs: usize) -> u64 {
        epochs as u64 * self.per_epoch
    }

    /// Trains until `epochs` epochs are done; calls `save` now and then, and before giving up.
    ///
    /// # Errors
    /// When the bound does not stay finite, or `save` fails.
    pub fn run<E: From<VaeError>>(
        &mut self,
        epochs: usize,
        progress: &mut Progress,
        mut save: impl FnMut(&Self) -> Result<bool, E>,
    ) -> Result<Ended, E> {
        let (started, first) = (Instant::now(), self.state.step());
        let mut saved = Instant::now();
        while self.state.step() < self.steps(epochs) {
            match self.step() {
                Ok(None) => {}
                Ok(Some(failed)) => {
                    progress.message(&failed);
                    if self.failures >= PATIENCE {
                        let kept = save(self)?;
                        return Err(self.given_up(kept).into());
                    }
                }
                // Such as a file that can no longer be read: what is reached is kept all the same.
                Err(error) => {
                    self.hold_finite(progress);
                    save(self)?;
                    return Err(error.into());
                }
            }
            if saved.elapsed() > PAUSE {
                self.hold_finite(progress);
                save(self)?;
                saved = Instant::now();
            }
            let speed = || {
                let steps = self.state.step().saturating_sub(first) as f64;
                steps / self.per_epoch as f64 * self.num_rows as f64 / started.elapsed().as_secs_f64().max(1e-9)
            };
            if progress.update_doing(self.state.step(), || self.doing(speed())).is_break() {
                self.hold_finite(progress);
                return Ok(Ended::Interrupted);
            }
        }
        Ok(Ended::Done)
    }

    /// What is said when training gives up; `kept` is whether the last good state is saved.
    fn given_up(&self, kept: bool) -> VaeError {
        // Networks start with weights of about one over the root of their inputs: they take numbers of the order of one.
        let remedy = match self.largest > LARGE {
            true => format!("rescale the pixels, which go up to {}, to about 1", significant(self.largest, 3)),
            false => "try a smaller --learning-rate".to_string(),
        };
        let kept = match (kept, self.largest > LARGE) {
            (false, _) => format!("nothing is kept without --out; {remedy}"),
            (true, true) => format!("the last good state is saved; {remedy} and begin anew"),
            (true, false) => {
                "the last good state is saved: go on with --resume and a smaller --learning-rate".to_string()
            }
        };
        let (times, rate) = (self.failures, self.rate());
        VaeError::NotFinite { epoch: self.log.epochs.len() + 1, times, rate, kept }
    }

    /// Goes back where the state is not finite, which the next step would find out: it is about to be saved.
    fn hold_finite(&mut self, progress: &mut Progress) {
        if !self.is_finite() {
            let failed = self.roll_back();
            progress.message(&failed);
        }
    }

    fn is_finite(&self) -> bool {
        let finite = |x: &[f64]| x.iter().all(|x| x.is_finite());
        finite(self.state.params()) && finite(self.state.theta())
    }

    /// One step, or what went wrong; then the state is the last good one.
    fn step(&mut self) -> Result<Option<String>, VaeError> {
        if let Objective::Bound(bound, _) = &mut self.objective {
            bound.beta = self.settings.beta * self.annealing.at(self.state.step());
        }
        let (objective, how) = (self.objective, (self.rate(), self.num_draws, self.settings.seed));
        let step = self.rows.step(&mut self.state, |ready| algorithm(ready, objective, how))?;
        let (Some(objective), true) = (step.objective, step.grad_norm.is_finite()) else {
            return Ok(Some(self.roll_back()));
        };
        let sums = &mut self.log.sums;
        sums.steps += 1;
        sums.objective += objective;
        if let [data, kl] = self.state.memory() {
            sums.data += data;
            sums.kl += kl;
        }
        if self.state.step().is_multiple_of(self.per_epoch) {
            if !self.is_finite() {
                return Ok(Some(self.roll_back()));
            }
            let epoch = self.log.sums.means(self.num_rows, self.state.memory().len() == 2);
            self.log.epochs.push(epoch);
            self.log.sums = Sums::default();
            self.good = self.state.clone();
            self.failures = 0;
        }
        Ok(None)
    }

    /// The step size of now.
    fn rate(&self) -> f64 {
        self.settings.learning_rate * 0.5f64.powi(self.log.halvings as i32)
    }

    fn roll_back(&mut self) -> String {
        let epoch = self.log.epochs.len() + 1;
        self.state = self.good.clone();
        self.log.sums = Sums::default();
        self.log.rollbacks += 1;
        self.log.halvings += 1;
        self.failures += 1;
        format!(
            "epoch {epoch}: the bound or its gradient is not finite; back to the end of epoch {} with a step size of {:.1e}",
            epoch - 1,
            self.rate()
        )
    }

    fn doing(&self, speed: f64) -> String {
        let (epoch, terms) = match (self.log.sums.steps, self.log.epochs.last()) {
            (0, Some(last)) => (self.log.epochs.len(), *last),
            _ => (self.log.epochs.len() + 1, self.log.sums.means(self.num_rows, self.state.memory().len() == 2)),
        };
        let parts = match (terms.data, terms.kl) {
            (Some(data), Some(kl)) => format!(" (data {}, KL {})", significant(data, 4), significant(kl, 3)),
            _ => String::new(),
        };
        let objective = significant(terms.objective, 5);
        format!("epoch {epoch}, objective {objective}{parts}, {} {}s/s", grouped(speed as u64), self.row)
    }
}

/// Stochastic variational inference of a model's rows; `how` is step size, draws and seed.
fn algorithm(
    ready: &Ready,
    estimator: Objective,
    (rate, num_draws, seed): (f64, usize, u64),
) -> StochasticVi<'_, Target, Q, Objective, Adam> {
    StochasticVi {
        target: &ready.target,
        family: &ready.family,
        estimator,
        optimizer: Adam::new(rate),
        average: Average::Last,
        num_draws,
        design: Design::Independent,
        minibatch: Minibatch::Full,
        start: Solution { params: Vec::new(), theta: Vec::new() },
        streams: Streams::new(seed),
    }
}

impl Sums {
    /// Means for one of `num_rows` images.
    fn means(&self, num_rows: usize, has_parts: bool) -> Epoch {
        let share = |x: f64| x / (self.steps.max(1) as f64 * num_rows as f64);
        let part = |x: f64| has_parts.then(|| share(x));
        Epoch { objective: share(self.objective), data: part(self.data), kl: part(self.kl) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::architecture::{Architecture, Batch};
    use super::*;
    use crate::commands::vae::saved::{DataNote, Saved};
    use jensen::target::Options;

    /// A run that goes on from the middle of an epoch goes back where the uninterrupted one does.
    #[test]
    fn a_resumed_run_goes_back_to_the_same_state() {
        let text = r#"{"batch":2,"beta":1.0,"anneal":"none","anneal_epochs":20,"free_nats":0.0,"estimator":"exact-kl",
            "importance":5,"learning_rate":0.01,"seed":0}"#;
        let settings: Settings = serde_json::from_str(text).unwrap();
        let architecture = Architecture::plain(2, 1, &[3]);
        let pixels = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0];
        let ready = architecture.ready(Batch { pixels: &pixels, labels: &[] }, 0, Options::default()).unwrap();
        let start = |earlier| Training::new(&ready, Rows::Memory(&ready, 2), (&settings, (0.0, 1.0)), earlier).unwrap();
        let mut whole = start(None);
        // Three steps an epoch: one epoch, and a step of the next.
        for _ in 0..4 {
            assert!(whole.step().unwrap().is_none());
        }
        let note = DataNote {
            file: "two.csv".into(),
            fingerprint: String::new(),
            shape: None,
            threshold: None,
            range: (0.0, 1.0),
            num_train: 6,
            num_test: 1,
        };
        let text = serde_json::to_string(&Saved::new(&architecture, &settings, &note, &whole)).unwrap();
        let Saved { state, good, log, .. } = serde_json::from_str(&text).unwrap();
        let mut resumed = start(Some(Earlier { state, good, log }));
        for training in [&mut whole, &mut resumed] {
            let said = training.roll_back();
            assert!(said.contains("epoch 2") && said.contains("back to the end of epoch 1"), "{said}");
            assert_eq!(training.state.step(), 3);
            assert!(training.step().unwrap().is_none());
        }
        assert_eq!((whole.state.params(), &whole.log), (resumed.state.params(), &resumed.log));
    }
}
