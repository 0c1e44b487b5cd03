//! The pieces of a check: parts that were made or not, rows left out, ranks, and what is found.

use jensen::diagnose::calibration::RankStatistics;
use jensen::posterior::{Loo, LooPit};
use serde::Serialize;

/// A check, or why it was not made.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part<T> {
    /// It was made.
    Done(T),
    /// It cannot be made, or was not asked for: why, in words.
    NotDone(String),
}

impl<T> Part<T> {
    pub(super) fn of<E: std::fmt::Display>(made: Result<T, E>) -> Self {
        made.map_or_else(|error| Part::NotDone(error.to_string()), Part::Done)
    }

    pub(super) fn done(&self) -> Option<&T> {
        match self {
            Part::Done(made) => Some(made),
            Part::NotDone(_) => None,
        }
    }
}

/// Leave-one-out cross-validation, in short.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LeftOut {
    #[serde(with = "jensen::number")]
    pub(super) elpd: f64,
    #[serde(with = "jensen::number")]
    pub(super) elpd_se: f64,
    #[serde(with = "jensen::number")]
    pub(super) num_effective: f64,
    #[serde(with = "jensen::number::list")]
    pub(super) pointwise: Vec<f64>,
    #[serde(with = "jensen::number::list")]
    pub(super) k_hat: Vec<f64>,
    #[serde(with = "jensen::number")]
    pub(super) threshold: f64,
    /// Rows, from 1, whose share cannot be relied on.
    pub(super) unreliable: Vec<usize>,
}

impl LeftOut {
    pub(super) fn new(loo: Loo) -> Self {
        let unreliable = loo.unreliable().iter().map(|row| row + 1).collect();
        let Loo { elpd, elpd_se, num_effective, pointwise, k_hat, threshold, .. } = loo;
        LeftOut { elpd, elpd_se, num_effective, pointwise, k_hat, threshold, unreliable }
    }
}

/// Where the values of rows fall, in short.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Pit {
    pub(super) name: String,
    #[serde(with = "jensen::number::list")]
    pub(super) values: Vec<f64>,
    /// Tests of uniform values, where there are enough of them.
    pub(super) ranks: Option<Ranks>,
}

impl Pit {
    pub(super) fn new(pit: LooPit) -> Self {
        Pit { name: pit.name, values: pit.values, ranks: pit.statistics.as_ref().map(Ranks::new) }
    }
}

/// Tests of uniform ranks.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Ranks {
    pub(super) counts: Vec<usize>,
    pub(super) uniformity_p_value: f64,
    pub(super) symmetry_p_value: f64,
    pub(super) shift: f64,
    pub(super) shift_mcse: f64,
    pub(super) spread: f64,
}

impl Ranks {
    pub(super) fn new(of: &RankStatistics) -> Self {
        let RankStatistics { counts, uniformity_p_value, symmetry_p_value, shift, shift_mcse, spread, .. } = of.clone();
        Ranks { counts, uniformity_p_value, symmetry_p_value, shift, shift_mcse, spread }
    }

    pub(super) fn smallest_p_value(&self) -> f64 {
        self.uniformity_p_value.min(self.symmetry_p_value)
    }
}

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// The check that found it.
    pub check: &'static str,
    /// Whether something is wrong; otherwise it is worth knowing.
    pub is_problem: bool,
    pub what: String,
    pub advice: String,
}
