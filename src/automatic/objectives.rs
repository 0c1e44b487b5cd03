//! Objectives of several draws by name: what the estimators of each are held against.

use super::adapters::{Enlarged, OneGroup};
use super::{MixedEstimator, RealEstimator};
use crate::estimate::{ImportanceWeightedScore, MultiSamplePathwise, WakePhase};
use crate::objective::{ImportanceWeighted, Renyi};
use crate::study::Maximised;

/// The Renyi bound that names on the command line have.
pub(super) const RENYI: Renyi = Renyi { alpha: 0.5 };

/// Times the draws of a wake-phase gradient that the reference of the forward divergence has, in one group: its bias is
/// a sixty-fourth, since a reference has four times the draws already.
const TIMES: usize = 16;

/// An objective of all draws of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The importance-weighted bound.
    ImportanceWeighted,
    /// The Renyi bound of order one half, [`RENYI`].
    Renyi,
    /// The forward divergence.
    Forward,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::ImportanceWeighted, Kind::Renyi, Kind::Forward];

    /// The objective of so many draws.
    pub fn of(self, particles: usize) -> Maximised {
        match self {
            Kind::ImportanceWeighted => Maximised::ImportanceWeighted { particles },
            Kind::Renyi => Maximised::Renyi { alpha: RENYI.alpha, particles },
            Kind::Forward => Maximised::Forward { particles },
        }
    }

    /// The plain unbiased estimator of the objective of `particles` draws, a long run of which is its exact gradient; of
    /// the forward divergence, which has none, one of many more draws.
    pub fn reference_of_reals<'t>(self, particles: usize) -> (String, RealEstimator<'t>) {
        match self {
            Kind::ImportanceWeighted => {
                let estimator = MultiSamplePathwise { objective: ImportanceWeighted, particles };
                ("importance-weighted".into(), Box::new(estimator))
            }
            Kind::Renyi => ("renyi".into(), Box::new(MultiSamplePathwise { objective: RENYI, particles })),
            Kind::Forward => (forward(), Box::new(of_many())),
        }
    }

    /// As [`reference_of_reals`](Self::reference_of_reals), from values alone; the Renyi bound has no estimator for
    /// integers that would need one.
    pub fn reference_with_integers<'t>(self, particles: usize) -> (String, MixedEstimator<'t>) {
        match self {
            Kind::Forward => (forward(), Box::new(of_many())),
            _ => ("the bound's score function".into(), Box::new(ImportanceWeightedScore { particles })),
        }
    }
}

fn forward() -> String {
    format!("wake-phase (consistent, not unbiased; {TIMES} times the draws in one group)")
}

fn of_many() -> Enlarged<OneGroup<WakePhase>> {
    Enlarged { estimator: OneGroup::new(2, |particles| WakePhase { particles }), times: TIMES }
}
