//! [`Log`] and [`Checkpoint`]: what has happened in a run, and what it goes on from.

use super::architecture::Autoencoder;
use super::rows::State;
use crate::estimate::Terms;
use serde::{Deserialize, Serialize};

/// The course of a training run, epoch by epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct Epoch {
    /// The mean objective of the epoch, in nats a row.
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
    data: Option<f64>,
    kl: Option<f64>,
}

/// What a run goes on from, to the bits of one that was never interrupted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The networks and the prior.
    pub autoencoder: Autoencoder,
    /// The algorithm's state.
    pub state: State,
    /// The same at the end of the last epoch; nothing where it is that.
    pub good: Option<State>,
    /// The course of the run so far.
    pub log: Log,
}

impl Log {
    /// The number of the epoch under way, from 1, and its means so far; of the last one where it has no step yet.
    pub(super) fn under_way(&self, num_rows: usize) -> (usize, Epoch) {
        match (self.sums.steps, self.epochs.last()) {
            (0, Some(last)) => (self.epochs.len(), *last),
            _ => (self.epochs.len() + 1, self.sums.means(num_rows)),
        }
    }
}

impl Sums {
    /// Adds a step's objective, and its data term and KL where the estimator tells them apart.
    pub(super) fn add(&mut self, objective: f64, terms: Option<Terms>) {
        self.steps += 1;
        self.objective += objective;
        if let Some(terms) = terms {
            self.data = Some(self.data.unwrap_or(0.0) + terms.data);
            self.kl = Some(self.kl.unwrap_or(0.0) + terms.kl);
        }
    }

    /// Means for one of `num_rows` rows.
    pub(super) fn means(&self, num_rows: usize) -> Epoch {
        let share = |x: f64| x / (self.steps.max(1) as f64 * num_rows as f64);
        Epoch { objective: share(self.objective), data: self.data.map(share), kl: self.kl.map(share) }
    }
}
