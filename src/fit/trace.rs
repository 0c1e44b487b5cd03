//! The trace: the objective at every step, thinned so that memory stays bounded.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::Observer;
use crate::algorithm::Step;

/// The objective along a fit.
///
/// At most 4096 points are kept: when full, neighbours are averaged and the spacing doubles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trace {
    /// Step at the end of each point.
    pub steps: Vec<u64>,
    /// Mean objective over the steps of each point.
    #[serde(with = "crate::number::list")]
    pub objective: Vec<f64>,
    /// Steps without a finite objective.
    pub not_finite: u64,
    /// Draws rejected so far.
    pub rejected: u64,
    /// Density evaluations so far.
    pub evaluations: u64,
    spacing: u64,
    #[serde(with = "crate::number")]
    sum: f64,
    count: u64,
}

const MOST_POINTS: usize = 4096;

impl Observer for Trace {
    fn on_step(&mut self, step: &Step) -> ControlFlow<()> {
        self.rejected += step.rejected;
        self.evaluations += step.evaluations;
        let Some(x) = step.objective else {
            self.not_finite += 1;
            return ControlFlow::Continue(());
        };
        self.sum += x;
        self.count += 1;
        if self.count >= self.spacing.max(1) {
            self.steps.push(step.index);
            self.objective.push(self.sum / self.count as f64);
            (self.sum, self.count) = (0.0, 0);
        }
        if self.steps.len() >= MOST_POINTS {
            self.thin();
        }
        ControlFlow::Continue(())
    }
}

impl Trace {
    /// Whether there is an objective for each kept step.
    pub(crate) fn is_consistent(&self) -> bool {
        self.steps.len() == self.objective.len()
    }

    fn thin(&mut self) {
        self.spacing = 2 * self.spacing.max(1);
        self.steps = self.steps.chunks_exact(2).map(|pair| pair[1]).collect();
        self.objective = self.objective.chunks_exact(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
    }
}
