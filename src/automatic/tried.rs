//! [`Tried`]: what a fit tried, and how it went.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::restarts::Place;
use super::start::StartReport;
use crate::algorithm::Solution;
use crate::fit::{Stop, Trace};

/// What a fit tried: the search for a start, every run, and the objective along the run that was chosen.
///
/// Its text is a line for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tried {
    /// What the search for a start found.
    pub start: StartReport,
    /// Every run, each with randomness of its own; the solution of the fit is that of the best bound.
    pub runs: Vec<Restart>,
    /// Runs that ended without an answer, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// Index of the run that was chosen.
    pub chosen: usize,
    /// The objective along the chosen run.
    pub trace: Trace,
    /// Other coordinates that were tried, in words; where one was kept, the runs are those in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coordinates: Vec<String>,
    /// Whether a Gaussian for each value of the integers that are summed out was the answer, in words; nothing where none are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<String>,
    /// What a flow brought where a Gaussian was not enough, in words; where it was kept, it is the last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// Whether a Gaussian of many latents given a few shared ones was tried beside the joint one, and what came of it; nothing
    /// where the family is no joint Gaussian of many latents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditional: Option<String>,
}

/// One run of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Restart {
    /// The parameters at which the run ended.
    pub solution: Solution,
    /// The reason for which it ended.
    pub stop: Stop,
    /// Its bound from fresh draws, shared by all runs; NaN where no draw has a finite density.
    #[serde(with = "crate::number")]
    pub bound: f64,
    /// Standard error of the bound.
    #[serde(with = "crate::number")]
    pub bound_se: f64,
    /// Fresh draws without a finite density.
    pub rejected: usize,
    /// Log evidence by the same draws: of the part of the posterior that this run found.
    #[serde(with = "crate::number")]
    pub evidence: f64,
    /// The place it began at, by its number in [`StartReport::place_paths`]; none where no paths were followed or none led there.
    #[serde(default)]
    pub from: Option<usize>,
    /// Whether an earlier run began at the same point: that they agree then says nothing of other modes.
    #[serde(default)]
    pub shares_start: bool,
    /// Where each latent and integer outside of rows lies.
    pub(super) place: Vec<Place>,
}

impl Tried {
    /// Everything but the runs, in words, a line for each: the search for a start first.
    pub fn steps(&self) -> Vec<String> {
        let StartReport { num_candidates, num_paths, bound, place_paths, place_bounds, .. } = &self.start;
        let places = place_paths.iter().zip(place_bounds).enumerate().map(|(k, (paths, bound))| {
            format!("{} {paths} to place {} (bound {bound:.2})", if k == 0 { ":" } else { "," }, k + 1)
        });
        let begun = if *num_paths == 0 { format!("{num_candidates} points") } else { format!("{num_paths} paths") };
        let best = bound.filter(|_| place_paths.is_empty()).map(|bound| format!(", the best bound {bound:.2}"));
        let start = format!("start: {begun}{}{}", places.collect::<String>(), best.unwrap_or_default());
        let others =
            [("summed integers", &self.values), ("flow", &self.flow), ("conditional Gaussian", &self.conditional)];
        std::iter::once(start)
            .chain(self.coordinates.iter().map(|words| format!("coordinates: {words}")))
            .chain(others.iter().filter_map(|(what, words)| words.as_ref().map(|words| format!("{what}: {words}"))))
            .chain(self.failed.iter().map(|words| format!("a run without an answer: {words}")))
            .collect()
    }

    /// Every run in words, a line for each.
    pub fn run_lines(&self) -> Vec<String> {
        let line = |(k, run): (usize, &Restart)| {
            let Restart { bound, bound_se, stop, .. } = run;
            let chosen = if k == self.chosen { ", chosen" } else { "" };
            let from = run.from.map_or(String::new(), |place| format!(", from place {}", place + 1));
            let shared = if run.shares_start { ", which began where another did" } else { "" };
            format!("run {}{chosen}: bound {bound:.2} ({bound_se:.2}), {stop}{from}{shared}", k + 1)
        };
        self.runs.iter().enumerate().map(line).collect()
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&[self.steps(), self.run_lines()].concat().join("\n"))
    }
}
