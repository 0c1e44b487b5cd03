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

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StartReport { num_candidates, num_paths, bound, place_paths, place_bounds, .. } = &self.start;
        match num_paths {
            0 => write!(f, "start: {num_candidates} points")?,
            n => write!(f, "start: {n} paths")?,
        }
        for (k, (paths, bound)) in place_paths.iter().zip(place_bounds).enumerate() {
            write!(f, "{} {paths} to place {} (bound {bound:.2})", if k == 0 { ":" } else { "," }, k + 1)?;
        }
        if let (Some(bound), true) = (bound, place_paths.is_empty()) {
            write!(f, ", the best bound {bound:.2}")?;
        }
        self.coordinates.iter().try_for_each(|tried| write!(f, "\ncoordinates: {tried}"))?;
        self.flow.iter().try_for_each(|tried| write!(f, "\nflow: {tried}"))?;
        self.conditional.iter().try_for_each(|tried| write!(f, "\nconditional Gaussian: {tried}"))?;
        self.failed.iter().try_for_each(|words| write!(f, "\na run without an answer: {words}"))?;
        for (k, run) in self.runs.iter().enumerate() {
            let Restart { bound, bound_se, stop, .. } = run;
            let chosen = if k == self.chosen { ", chosen" } else { "" };
            let from = run.from.map_or(String::new(), |place| format!(", from place {}", place + 1));
            let shared = if run.shares_start { ", which began where another did" } else { "" };
            write!(f, "\nrun {}{chosen}: bound {bound:.2} ({bound_se:.2}), {stop}{from}{shared}", k + 1)?;
        }
        Ok(())
    }
}
