//! [`Log`] and [`Checkpoint`]: what has happened in a run, and what it goes on from.

use crate::algorithm::StochasticState;
use crate::optimize::AdamState;
use serde::{Deserialize, Serialize};

/// What has happened in a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// Each epoch that is done.
    pub epochs: Vec<Epoch>,
    /// Sums of the steps of the epoch under way.
    pub(super) sums: Sums,
    /// How often training went back to the last good state.
    pub rollbacks: u32,
    /// How often it has halved the step size.
    pub halvings: u32,
}

/// Means over an epoch, for a row, in nats.
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
pub(super) struct Sums {
    steps: u64,
    objective: f64,
    data: f64,
    kl: f64,
}

/// What a run goes on from, to the bits of one that was never interrupted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The algorithm's state.
    pub state: StochasticState<AdamState>,
    /// The same at the end of the last epoch; nothing where it is that.
    pub good: Option<StochasticState<AdamState>>,
    /// What has happened.
    pub log: Log,
}

impl Log {
    /// The number of the epoch under way, from 1, and its means so far; of the last one where it has no step yet.
    pub(super) fn under_way(&self, num_rows: usize, has_parts: bool) -> (usize, Epoch) {
        match (self.sums.steps, self.epochs.last()) {
            (0, Some(last)) => (self.epochs.len(), *last),
            _ => (self.epochs.len() + 1, self.sums.means(num_rows, has_parts)),
        }
    }
}

impl Sums {
    /// Adds a step's objective, and its data term and KL where the estimator remembers them.
    pub(super) fn add(&mut self, objective: f64, memory: &[f64]) {
        self.steps += 1;
        self.objective += objective;
        if let [data, kl] = memory {
            self.data += data;
            self.kl += kl;
        }
    }

    /// Means for one of `num_rows` rows.
    pub(super) fn means(&self, num_rows: usize, has_parts: bool) -> Epoch {
        let share = |x: f64| x / (self.steps.max(1) as f64 * num_rows as f64);
        let part = |x: f64| has_parts.then(|| share(x));
        Epoch { objective: share(self.objective), data: part(self.data), kl: part(self.kl) }
    }
}
